//! Reads and deletes deliveries.

use axum::{
    extract::{Path, RawQuery, State},
    http::StatusCode,
};
use serde_json::json;

use super::{Answer, ApiError, bad_request, kept, respond};
use crate::{console::views, inspector::Shared};

pub async fn delete_deliveries(State(inspector): State<Shared>) -> StatusCode {
    let mut state = inspector.state();
    state.ring.clear();
    inspector.events.cleared();
    StatusCode::NO_CONTENT
}

pub async fn detail(
    State(inspector): State<Shared>,
    Path(id): Path<u64>,
    RawQuery(query): RawQuery,
) -> Answer {
    let delivery = kept(&inspector, id)?;
    let state = inspector.state();
    Ok(respond(&views::detail(
        &delivery,
        &state,
        query.as_deref() != Some("body=0"),
    )))
}

/// A POST, so that no cache and no prefetch has the value.
pub async fn reveal(
    State(inspector): State<Shared>,
    Path((id, index)): Path<(u64, String)>,
) -> Answer {
    let delivery = kept(&inspector, id)?;
    let value = match &*index {
        "path" => Some(delivery.received.uri.path().to_owned()),
        "query" => delivery.received.uri.query().map(str::to_owned),
        index => {
            let index: usize = index
                .parse()
                .map_err(|_| bad_request("the index is not a number"))?;
            let header = delivery.received.headers.iter().nth(index);
            header.map(|(_, value)| String::from_utf8_lossy(value.as_bytes()).into_owned())
        }
    };
    match value {
        Some(value) => Ok(respond(&json!({ "value": value }))),
        None => Err(ApiError::new(
            StatusCode::NOT_FOUND,
            "the delivery has no such header",
        )),
    }
}
