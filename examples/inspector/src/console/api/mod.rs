//! The requests of the page, and what they have in common: errors as JSON, and the look-up of what they name.

mod deliveries;
mod exports;
mod requests;
mod senders;

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

pub use self::{
    deliveries::{delete_deliveries, detail, reveal},
    exports::{curl, rust_test, vector},
    requests::{send_on, test, try_with},
    senders::{delete_forward, delete_key, set_forward, set_key, set_url},
};
use crate::{
    catalogue::{self, Entry},
    deliveries::Delivery,
    inspector::Shared,
    keys::Held,
};

/// An error as JSON.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    error: String,
    confirm: bool,
}

impl ApiError {
    pub fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self {
            status,
            error: error.into(),
            confirm: false,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = match self.confirm {
            true => json!({ "error": self.error, "confirm": true }),
            false => json!({ "error": self.error }),
        };
        let mut response = respond(&body);
        *response.status_mut() = self.status;
        response
    }
}

pub type Answer<T = Response> = Result<T, ApiError>;

pub fn bad_request(error: impl ToString) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, error.to_string())
}

pub fn conflict(error: impl ToString) -> ApiError {
    ApiError::new(StatusCode::CONFLICT, error.to_string())
}

pub fn respond(value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(json) => ([(header::CONTENT_TYPE, "application/json")], json).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The error of the parser names the field, and does not quote the value.
pub fn parse<T: DeserializeOwned>(body: &[u8]) -> Answer<T> {
    serde_json::from_slice(body).map_err(|error| {
        let error = match error.classify() {
            serde_json::error::Category::Data => {
                "the request has a field that is missing, unknown or of another type".to_owned()
            }
            _ => format!(
                "the request is not JSON: line {}, column {}",
                error.line(),
                error.column()
            ),
        };
        bad_request(error)
    })
}

pub async fn not_found() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "the API has no such path")
}

pub fn kept(inspector: &Shared, id: u64) -> Answer<Delivery> {
    let delivery = inspector.state().ring.get(id).cloned();
    delivery.ok_or_else(|| ApiError::new(StatusCode::NOT_FOUND, "this delivery is no longer kept"))
}

pub fn sender(name: &str) -> Answer<&'static Entry> {
    catalogue::find(name)
        .ok_or_else(|| ApiError::new(StatusCode::NOT_FOUND, "no sender has this name"))
}

pub fn held(inspector: &Shared, entry: &Entry) -> Answer<Held> {
    let held = inspector.state().keyring.get(entry.sender.name).cloned();
    held.ok_or_else(|| {
        conflict(format!(
            "no key is entered for {}: enter one",
            entry.sender.title
        ))
    })
}
