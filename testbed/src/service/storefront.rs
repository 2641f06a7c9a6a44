//! The storefront: the pages users see, put together from catalog and checkout.
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{Method, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::shop::{Failure, Shop};

/// What a user puts into the basket.
#[derive(Debug, Deserialize)]
struct Basket {
    product: i64,
    quantity: i64,
}

/// Routes of the service.
pub(crate) fn routes() -> Router<Arc<Shop>> {
    Router::new()
        .route("/", get(home))
        .route("/products/{id}", get(product))
        .route("/checkout", post(checkout))
        .route("/orders", get(orders))
}

async fn home(State(shop): State<Arc<Shop>>) -> Result<Json<Value>, Failure> {
    own_work(&shop).await?;
    shop.call(shop.peers.catalog.as_ref(), Method::GET, "/api/products", None).await.map(Json)
}

async fn product(State(shop): State<Arc<Shop>>, Path(id): Path<i64>) -> Result<Json<Value>, Failure> {
    own_work(&shop).await?;
    shop.call(shop.peers.catalog.as_ref(), Method::GET, &format!("/api/products/{id}"), None).await.map(Json)
}

async fn checkout(State(shop): State<Arc<Shop>>, Json(basket): Json<Basket>) -> Result<Json<Value>, Failure> {
    own_work(&shop).await?;
    let catalog = shop.peers.catalog.as_ref();
    let product = shop.call(catalog, Method::GET, &format!("/api/products/{}", basket.product), None).await?;
    let price = product[0]["price"].as_f64().unwrap_or(1.0);
    shop.call(catalog, Method::POST, &format!("/api/stock/{}/reserve", basket.product), None).await?;
    let order = json!({"product": basket.product, "quantity": basket.quantity, "price": price});
    let placed = shop.call(shop.peers.checkout.as_ref(), Method::POST, "/api/orders", Some(order)).await?;
    Ok(Json(placed))
}

async fn orders(State(shop): State<Arc<Shop>>) -> Result<Json<Value>, Failure> {
    own_work(&shop).await?;
    shop.call(shop.peers.checkout.as_ref(), Method::GET, "/api/orders/recent", None).await.map(Json)
}

/// What the release and the flags do to a page.
async fn own_work(shop: &Shop) -> Result<(), Failure> {
    shop.slow_dependency().await;
    if shop.unlucky() {
        shop.log.error("template rendering failed: missing block \"basket\"", json!({"error.type": "TemplateError"}));
        return Err(Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "the page could not be rendered"));
    }
    Ok(())
}
