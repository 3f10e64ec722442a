//! The port for SDKs: the documents, byte for byte as the vendor serves them.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Deserialize;
use subtle::ConstantTimeEq;
use tower_webhook_auth::sync;

use crate::{config::Token, environment::Environment, service::Service};

pub fn port(service: Arc<Service>) -> Router {
    Router::new()
        .route("/datafiles/{file}", get(datafile))
        .route("/datafiles/auth/{file}", get(secure_datafile))
        .route("/server-side/{path}", get(settings))
        .with_state(service)
}

async fn datafile(
    State(service): State<Arc<Service>>,
    Path(file): Path<String>,
    headers: HeaderMap,
) -> Response {
    match find_datafile(&service, &file) {
        Some(environment) if environment.spec.token.is_none() => document(&environment, &headers),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

/// A secure environment asks for the same token as the vendor does.
async fn secure_datafile(
    State(service): State<Arc<Service>>,
    Path(file): Path<String>,
    headers: HeaderMap,
) -> Response {
    let given = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
        .unwrap_or_default();
    let environment = find_datafile(&service, &file);
    let expected = environment
        .as_ref()
        .and_then(|environment| environment.spec.token.as_ref());
    match (&environment, expected) {
        (Some(environment), Some(Token(token)))
            if token.as_bytes().ct_eq(given.as_bytes()).into() =>
        {
            document(environment, &headers)
        }
        // The same for an SDK key that is not known, so that it cannot be guessed.
        _ => StatusCode::FORBIDDEN.into_response(),
    }
}

fn find_datafile(service: &Service, file: &str) -> Option<Arc<Environment>> {
    let sdk_key = file.strip_suffix(".json")?;
    service.running().find("optimizely", sdk_key).cloned()
}

#[derive(Deserialize)]
struct Asked {
    i: String,
}

/// The paths that the SDKs of both products ask, with or without a webhook.
async fn settings(
    State(service): State<Arc<Service>>,
    Path(path): Path<String>,
    Query(Asked { i }): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    let known = ["pull", "settings", "v2-pull", "v2-settings"].contains(&&*path);
    match service.running().find("vwo", &i) {
        Some(environment) if known => document(environment, &headers),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

fn document(environment: &Environment, headers: &HeaderMap) -> Response {
    match environment.kept.current() {
        Some(snapshot) => {
            sync::respond(headers, snapshot.document(), "application/json").map(Body::new)
        }
        None => (
            StatusCode::SERVICE_UNAVAILABLE,
            [(header::RETRY_AFTER, "1")],
        )
            .into_response(),
    }
}
