//! The port for operators.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Path, State},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use prometheus::TEXT_FORMAT;
use tracing::info;

use crate::{config::short, service::Service};

pub fn port(service: Arc<Service>) -> Router {
    Router::new()
        // It does not look at the sources: otherwise an outage of the CDN would restart each replica.
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/older/{key}", post(accept_older_once))
        .with_state(service)
}

async fn ready(State(service): State<Arc<Service>>) -> (StatusCode, String) {
    match service.ready() {
        (true, lines) => (StatusCode::OK, lines),
        (false, lines) => (StatusCode::SERVICE_UNAVAILABLE, lines),
    }
}

async fn metrics(State(service): State<Arc<Service>>) -> Response {
    match service.metrics.text(&service.running()) {
        Ok(text) => ([(CONTENT_TYPE, TEXT_FORMAT)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// Accepts the next document of this SDK key even if it is older. A whole SDK key, or its first eight characters.
async fn accept_older_once(
    State(service): State<Arc<Service>>,
    Path(key): Path<String>,
) -> StatusCode {
    let running = service.running();
    let mut found = running.environments.iter().filter(|environment| {
        [
            environment.spec.sdk_key.as_str(),
            short(&environment.spec.sdk_key),
        ]
        .contains(&&*key)
    });
    match (found.next(), found.next()) {
        (Some(environment), None) => {
            info!(key = short(&key), "an older version is accepted once");
            environment.kept.accept_older_once();
            StatusCode::ACCEPTED
        }
        (Some(_), Some(_)) => StatusCode::CONFLICT,
        (None, _) => StatusCode::NOT_FOUND,
    }
}
