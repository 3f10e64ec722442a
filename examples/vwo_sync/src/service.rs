//! The routes: deliveries come in, settings go out.

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use tower_webhook_auth::{Secret, Verified, WebhookAuthLayer, provider};

use crate::settings::Settings;

pub fn app(secret: Secret, settings: Settings) -> Router {
    // Whatever it says, it is one: VWO would repeat for an hour what is answered with 422.
    let any = provider::vwo(secret).parse_with(|_| Ok(Changed));
    let layer = WebhookAuthLayer::new(any);
    Router::new()
        .route("/webhooks/vwo", post(delivered).route_layer(layer))
        .route("/settings", get(current))
        .with_state(settings)
}

/// The event: something changed.
struct Changed;

/// Answers 200, and not 204: VWO repeats whatever gets another answer.
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
