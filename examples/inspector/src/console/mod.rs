//! The port for the browser on this machine: the page, and the API from which it reads.

mod api;
mod events;
mod forms;
mod guard;
mod masks;
mod views;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::header,
    middleware,
    routing::{delete, get, post, put},
};

pub use self::events::Events;
use crate::{inbox::MOST_BODY_BYTES, inspector::Shared, page};

/// How many pages may be open.
pub const MOST_PAGES: usize = 8;

pub const MOST_CONNECTIONS: usize = 64;

/// The largest body of a request to the API, in bytes.
const MOST_REQUEST_BYTES: usize = 1024 * 1024;

/// The same for a test delivery, whose body is part of the request.
const MOST_TEST_BYTES: usize = MOST_BODY_BYTES + 64 * 1024;

pub fn router(inspector: Shared) -> Router {
    let api = Router::new()
        .route("/events", get(events::stream))
        .route("/deliveries", delete(api::delete_deliveries))
        .route("/deliveries/{id}", get(api::detail))
        .route("/deliveries/{id}/reveal/{index}", post(api::reveal))
        .route("/deliveries/{id}/curl", get(api::curl))
        .route("/deliveries/{id}/vector", get(api::vector))
        .route("/deliveries/{id}/test", get(api::rust_test))
        .route("/deliveries/{id}/try", post(api::try_with))
        .route("/deliveries/{id}/send", post(api::send_on))
        .route(
            "/forward",
            put(api::set_forward).delete(api::delete_forward),
        )
        .route(
            "/senders/{name}/keys/{key}",
            put(api::set_key).delete(api::delete_key),
        )
        .route("/senders/{name}/url", put(api::set_url))
        .layer(DefaultBodyLimit::max(MOST_REQUEST_BYTES))
        .route(
            "/test",
            post(api::test).layer(DefaultBodyLimit::max(MOST_TEST_BYTES)),
        )
        .fallback(api::not_found)
        .layer(middleware::from_fn_with_state(
            inspector.clone(),
            guard::token,
        ));
    page::FILES
        .iter()
        .fold(Router::new(), |router, (path, kind, text)| {
            router.route(path, get(async || ([(header::CONTENT_TYPE, *kind)], *text)))
        })
        .nest("/api", api)
        .layer(middleware::from_fn_with_state(
            inspector.clone(),
            guard::own_host,
        ))
        .with_state(inspector)
}
