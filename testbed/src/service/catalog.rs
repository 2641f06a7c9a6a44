//! The catalog: products with their ratings (cached in Redis, computed by SQL) and stock (kept in Redis).
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::db::{Arg, Db};
use super::shop::{Failure, Shop};

/// Number of products.
pub(crate) const PRODUCTS: i64 = 24;
/// Stock a product starts with; it is refilled when it runs out.
const FULL_STOCK: i64 = 100_000;

/// Products and their reviews; reviews have no index on the product, so a rating costs a scan.
const SCHEMA: [&str; 2] = [
    "CREATE TABLE IF NOT EXISTS shop_products (id BIGINT PRIMARY KEY, price DOUBLE PRECISION NOT NULL)",
    "CREATE TABLE IF NOT EXISTS shop_reviews (id BIGINT PRIMARY KEY, product_id BIGINT NOT NULL, stars BIGINT NOT NULL)",
];
const SEED_PRODUCTS: &str = "WITH RECURSIVE seq(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM seq WHERE n < 24) \
     INSERT INTO shop_products (id, price) SELECT n, 5.0 + (n * 37) % 90 FROM seq";
const SEED_REVIEWS: &str = "WITH RECURSIVE seq(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM seq WHERE n < 60000) \
     INSERT INTO shop_reviews (id, product_id, stars) SELECT n, 1 + (n * 7) % 24, 1 + (n * 13) % 5 FROM seq";
const COUNT_REVIEWS: &str = "SELECT CAST(COUNT(*) AS DOUBLE PRECISION) FROM shop_reviews";
const ONE: &str = "SELECT CAST(p.id AS DOUBLE PRECISION), p.price, AVG(CAST(r.stars AS DOUBLE PRECISION)), \
     CAST(COUNT(*) AS DOUBLE PRECISION) FROM shop_products p JOIN shop_reviews r ON r.product_id = p.id \
     WHERE p.id = $1 GROUP BY p.id, p.price";
const ALL: &str = "SELECT CAST(p.id AS DOUBLE PRECISION), p.price, AVG(CAST(r.stars AS DOUBLE PRECISION)), \
     CAST(COUNT(*) AS DOUBLE PRECISION) FROM shop_products p JOIN shop_reviews r ON r.product_id = p.id \
     GROUP BY p.id, p.price ORDER BY 3 DESC, 1";

/// Routes of the service.
pub(crate) fn routes() -> Router<Arc<Shop>> {
    Router::new()
        .route("/api/products", get(list))
        .route("/api/products/{id}", get(product))
        .route("/api/stock/{id}/reserve", post(reserve))
}

/// Makes and fills the tables; does nothing when they are filled.
pub(crate) async fn prepare(db: &Db) -> anyhow::Result<()> {
    let mut connection = db.acquire().await?;
    for sql in SCHEMA {
        db.execute(&mut connection, "CREATE", sql, &[]).await?;
    }
    let rows = db.rows(&mut connection, "SELECT", COUNT_REVIEWS, &[]).await?;
    if rows.first().and_then(|row| row.first()).is_none_or(|count| *count < 1.0) {
        db.execute(&mut connection, "INSERT", SEED_PRODUCTS, &[]).await?;
        db.execute(&mut connection, "INSERT", SEED_REVIEWS, &[]).await?;
    }
    Ok(())
}

async fn list(State(shop): State<Arc<Shop>>) -> Result<Json<Value>, Failure> {
    cached(&shop, "list", ALL, &[]).await
}

async fn product(State(shop): State<Arc<Shop>>, Path(id): Path<i64>) -> Result<Json<Value>, Failure> {
    if !(1..=PRODUCTS).contains(&id) {
        return Err(Failure::new(StatusCode::NOT_FOUND, "no such product"));
    }
    cached(&shop, &format!("product:{id}"), ONE, &[Arg::Int(id)]).await
}

/// Reads through the cache; without it, or with a lifetime of 0, the database computes the answer.
async fn cached(shop: &Shop, key: &str, sql: &'static str, args: &[Arg]) -> Result<Json<Value>, Failure> {
    let ttl = shop.settings().cache_ttl_secs;
    if let (Some(cache), true) = (&shop.cache, ttl > 0) {
        let found = cache.get(key).await;
        if let Some(value) = found.and_then(|text| serde_json::from_str(&text).ok()) {
            return work(shop).await.map(|()| Json(value));
        }
    } else {
        shop.metrics.cache.misses.inc();
    }
    let value = compute(shop, sql, args).await?;
    if let (Some(cache), true) = (&shop.cache, ttl > 0) {
        cache.put(key, &value.to_string(), ttl).await;
    }
    Ok(Json(value))
}

/// What the release and the flags do to a request that needs no database.
async fn work(shop: &Shop) -> Result<(), Failure> {
    shop.slow_dependency().await;
    if shop.unlucky() {
        shop.log.error("price service returned an invalid currency", json!({"error.type": "PriceError"}));
        return Err(Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "the price is not available"));
    }
    Ok(())
}

async fn compute(shop: &Shop, sql: &'static str, args: &[Arg]) -> Result<Value, Failure> {
    let db = shop.db.as_ref().ok_or_else(|| Failure::new(StatusCode::SERVICE_UNAVAILABLE, "no database"))?;
    let mut connection = db.acquire().await.map_err(|error| database_failed(shop, &error))?;
    for _ in 0..shop.settings().extra_queries {
        db.rows(&mut connection, "SELECT", ONE, &[Arg::Int(1)]).await.map_err(|error| database_failed(shop, &error))?;
    }
    let rows = db.rows(&mut connection, "SELECT", sql, args).await.map_err(|error| database_failed(shop, &error))?;
    work(shop).await?;
    let products = rows
        .iter()
        .filter_map(|row| match row.as_slice() {
            [id, price, stars, reviews] => Some(json!({"id": id, "price": price, "stars": stars, "reviews": reviews})),
            _ => None,
        })
        .collect();
    Ok(Value::Array(products))
}

/// Logs a database failure and turns it into 503.
pub(crate) fn database_failed(shop: &Shop, error: &sqlx::Error) -> Failure {
    let text = match error {
        sqlx::Error::PoolTimedOut => "timed out waiting for a database connection from the pool".to_owned(),
        other => format!("database call failed: {other}"),
    };
    shop.log.error(&text, json!({"error.type": "DatabaseError", "error.message": error.to_string()}));
    Failure::new(StatusCode::SERVICE_UNAVAILABLE, "the database is not available")
}

async fn reserve(State(shop): State<Arc<Shop>>, Path(id): Path<i64>) -> Result<Json<Value>, Failure> {
    if !(1..=PRODUCTS).contains(&id) {
        return Err(Failure::new(StatusCode::NOT_FOUND, "no such product"));
    }
    let cache = shop.cache.as_ref().ok_or_else(|| Failure::new(StatusCode::SERVICE_UNAVAILABLE, "no stock"))?;
    match cache.take_stock(id, 1, FULL_STOCK).await {
        Ok(left) => Ok(Json(json!({"product": id, "left": left}))),
        Err(error) => {
            let text = format!("stock reservation failed: redis is unreachable: {error}");
            shop.log.error(&text, json!({"error.type": "RedisError", "error.message": error.to_string()}));
            Err(Failure::new(StatusCode::SERVICE_UNAVAILABLE, "the stock is not available"))
        }
    }
}
