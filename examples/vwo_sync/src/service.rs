//! The routes: one for deliveries, one for the settings.

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use tower_webhook_auth::{Secret, Verified, WebhookAuthLayer, provider};

use crate::settings::Settings;

/// The service.
pub fn app(secret: Secret, settings: Settings) -> Router {
    // Every authentic body counts: VWO would repeat for an hour what gets a 422.
    let any = provider::vwo(secret).parse_with(|_| Ok(Changed));
    let layer = WebhookAuthLayer::new(any);
    Router::new()
        .route("/webhooks/vwo", post(delivered).route_layer(layer))
        .route("/settings", get(current))
        .with_state(settings)
}

/// The event: something changed.
struct Changed;

/// The response is 200, not 204: VWO repeats a delivery with any other response.
async fn delivered(State(settings): State<Settings>, _: Verified<Changed>) -> StatusCode {
    settings.changed();
    StatusCode::OK
}

async fn current(State(settings): State<Settings>, headers: HeaderMap) -> Response {
    let Some(snapshot) = settings.current() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let etag = (header::ETAG, snapshot.etag.clone());
    if headers.get(header::IF_NONE_MATCH) == Some(&snapshot.etag) {
        return (StatusCode::NOT_MODIFIED, [etag]).into_response();
    }
    let json = header::HeaderValue::from_static("application/json");
    let headers = [(header::CONTENT_TYPE, json), etag];
    (headers, snapshot.json.clone()).into_response()
}
