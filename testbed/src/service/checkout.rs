//! Checkout: takes orders into the database and writes a receipt for each into the data folder.
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::catalog::database_failed;
use super::db::{Arg, Connection, Db};
use super::shop::{Failure, Shop};

/// Orders older than this are removed, so that the table stays small.
const KEEP_MS: i64 = 20 * 60 * 1000;

const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS shop_orders (id BIGINT PRIMARY KEY, product_id BIGINT NOT NULL, \
     quantity BIGINT NOT NULL, total DOUBLE PRECISION NOT NULL, placed_at BIGINT NOT NULL)";
const INSERT: &str = "INSERT INTO shop_orders (id, product_id, quantity, total, placed_at) VALUES ($1, $2, $3, $4, $5)";
const EXPIRE: &str = "DELETE FROM shop_orders WHERE placed_at < $1";
const TOTALS: &str = "SELECT CAST(COUNT(*) AS DOUBLE PRECISION), COALESCE(SUM(total), 0.0) FROM shop_orders \
     WHERE product_id = $1";
const RECENT: &str = "SELECT CAST(product_id AS DOUBLE PRECISION), total FROM shop_orders ORDER BY id DESC LIMIT 20";

/// An order as the storefront sends it.
#[derive(Debug, Deserialize)]
struct Order {
    product: i64,
    quantity: i64,
    price: f64,
}

/// Routes of the service.
pub(crate) fn routes() -> Router<Arc<Shop>> {
    Router::new().route("/api/orders", post(place)).route("/api/orders/recent", get(recent))
}

/// Makes the table.
pub(crate) async fn prepare(db: &Db) -> anyhow::Result<()> {
    let mut connection = db.acquire().await?;
    db.execute(&mut connection, "CREATE", SCHEMA, &[]).await?;
    Ok(())
}

async fn place(State(shop): State<Arc<Shop>>, Json(order): Json<Order>) -> Result<Json<Value>, Failure> {
    if order.quantity < 1 || !order.price.is_finite() {
        return Err(Failure::new(StatusCode::UNPROCESSABLE_ENTITY, "quantity and price must be positive"));
    }
    let number = shop.next_order();
    let placed = take(&shop, number, &order).await;
    let result = if placed.is_ok() { "placed" } else { "failed" };
    shop.metrics.shop.orders.with_label_values(&[result]).inc();
    placed?;
    shop.log.info(&format!("order {number} placed"), json!({"order.product": order.product}));
    Ok(Json(json!({"order": number})))
}

async fn take(shop: &Shop, number: u64, order: &Order) -> Result<(), Failure> {
    let db = database(shop)?;
    let mut connection = db.acquire().await.map_err(|error| database_failed(shop, &error))?;
    shop.slow_dependency().await;
    if shop.unlucky() {
        let text = format!("payment provider rejected order {number}: signature version not supported");
        shop.log.error(&text, json!({"error.type": "PaymentError"}));
        return Err(Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "the payment failed"));
    }
    extra_queries(shop, db, &mut connection, order.product).await.map_err(|error| database_failed(shop, &error))?;
    let total = order.price * order.quantity as f64;
    let now = chrono::Utc::now().timestamp_millis();
    let id = i64::try_from(number).unwrap_or(i64::MAX);
    let values = [Arg::Int(id), Arg::Int(order.product), Arg::Int(order.quantity), Arg::Real(total), Arg::Int(now)];
    db.execute(&mut connection, "INSERT", INSERT, &values).await.map_err(|error| database_failed(shop, &error))?;
    if number.is_multiple_of(200) {
        let expired = db.execute(&mut connection, "DELETE", EXPIRE, &[Arg::Int(now - KEEP_MS)]).await;
        expired.map_err(|error| database_failed(shop, &error))?;
    }
    drop(connection);
    write_receipt(shop, number, order, total)
}

fn write_receipt(shop: &Shop, number: u64, order: &Order, total: f64) -> Result<(), Failure> {
    let Some(data) = &shop.data else { return Ok(()) };
    let lines = "-".repeat(900);
    let text = json!({"order": number, "product": order.product, "total": total, "print": lines}).to_string();
    data.write_receipt(number, &text).map_err(|error| {
        let text = format!("cannot write the receipt of order {number}: {error}");
        shop.log.error(&text, json!({"error.type": "IoError", "error.message": error.to_string()}));
        Failure::new(StatusCode::INSUFFICIENT_STORAGE, "the receipt could not be stored")
    })
}

async fn recent(State(shop): State<Arc<Shop>>) -> Result<Json<Value>, Failure> {
    let db = database(&shop)?;
    let mut connection = db.acquire().await.map_err(|error| database_failed(&shop, &error))?;
    shop.slow_dependency().await;
    let rows = db.rows(&mut connection, "SELECT", RECENT, &[]).await;
    Ok(Json(json!(rows.map_err(|error| database_failed(&shop, &error))?)))
}

async fn extra_queries(shop: &Shop, db: &Db, connection: &mut Connection, product: i64) -> Result<(), sqlx::Error> {
    for _ in 0..shop.settings().extra_queries {
        db.rows(connection, "SELECT", TOTALS, &[Arg::Int(product)]).await?;
    }
    Ok(())
}

fn database(shop: &Shop) -> Result<&Db, Failure> {
    shop.db.as_ref().ok_or_else(|| Failure::new(StatusCode::SERVICE_UNAVAILABLE, "no database"))
}
