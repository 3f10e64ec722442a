//! A stand-in for Optimizely's CDN, with one small datafile, for demonstrations and tests.

use std::sync::{Arc, Mutex, PoisonError};

use axum::{
    Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};

// As in the example of Optimizely's documentation.
pub const PROJECT: i64 = 11_387_641_093;
pub const SECRET: &str = "yIRFMTpsBcAKKRjJPCIykNo6EkNxJn_nq01-_r3S8i4";
pub const SDK_KEY: &str = "QMVJcUKEJZFg8pQ2jhAybK";

/// A datafile with the flag `new_checkout`: on for all users or for none.
pub fn datafile(sdk_key: &str, revision: u64, enabled: bool) -> String {
    let mut datafile: Value = serde_json::from_str(include_str!("datafile.json"))
        .expect("the file next to this one is JSON");
    datafile["sdkKey"] = json!(sdk_key);
    datafile["revision"] = json!(revision.to_string());
    if enabled {
        datafile["rollouts"][0]["experiments"][0]["trafficAllocation"] =
            json!([{ "entityId": "40001", "endOfRange": 10_000 }]);
    }
    datafile.to_string()
}

/// The body of a delivery of Optimizely.
pub fn delivery(sdk_key: &str, revision: u64) -> String {
    json!({
        "project_id": PROJECT,
        "timestamp": 1_558_138_293,
        "event": "project.datafile_updated",
        "data": {
            "revision": revision,
            "environment": "Production",
            "origin_url": format!("https://optimizely.s3.amazonaws.com/datafiles/{sdk_key}.json"),
            "cdn_url": format!("https://cdn.optimizely.com/datafiles/{sdk_key}.json"),
        },
    })
    .to_string()
}

#[derive(Clone, Default)]
pub struct StandIn(Arc<Mutex<(u64, bool)>>);

impl StandIn {
    /// Serves this revision of the datafile from now on.
    pub fn publish(&self, revision: u64, enabled: bool) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (revision, enabled);
    }

    pub fn router(self) -> Router {
        Router::new()
            .route("/datafiles/{file}", get(serve))
            .with_state(self)
    }
}

async fn serve(
    State(stand_in): State<StandIn>,
    Path(file): Path<String>,
    headers: HeaderMap,
) -> Response {
    let Some(sdk_key) = file.strip_suffix(".json") else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let (revision, enabled) = *stand_in.0.lock().unwrap_or_else(PoisonError::into_inner);
    let etag = format!("\"{revision}\"");
    if headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|ours| ours.as_bytes() == etag.as_bytes())
    {
        return StatusCode::NOT_MODIFIED.into_response();
    }
    let headers = [
        (header::CONTENT_TYPE, "application/json".to_owned()),
        (header::ETAG, etag),
    ];
    (headers, datafile(sdk_key, revision, enabled)).into_response()
}
