//! One endpoint for many Optimizely projects, with their keys in a database.

pub mod store;

use std::time::Duration;

use axum::{Router, http::StatusCode, routing::post};
use serde::Deserialize;
use tower_webhook_auth::{
    ConfigError, Keys, MemoryBudget, Secret, Verified, WebhookAuthLayer,
    provider::{self, optimizely},
    tenants::{CacheLimits, Selection, TenantKeys, TenantKeysHandle, Unverified},
};

use store::{Store, StoreError};

/// Optimizely's deliveries are smaller than 1 KiB. The keys are selected by the body, so any client can make
/// the server read this much.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// For the bodies of all deliveries together that are not verified yet.
const MEMORY_BUDGET_BYTES: usize = 16 * 1024 * 1024;

/// A key that another process revoked is accepted for this time, if the change was not seen.
const TIME_TO_LIVE: Duration = Duration::from_secs(60);

/// The part of a delivery that names the project. The event is read with serde, too, so both read
/// the same field: a body with two fields `project_id` is an error for both.
#[derive(Deserialize)]
struct Peek {
    project_id: i64,
}

/// The router, and the handle that forgets projects whose keys have changed.
///
/// # Errors
///
/// If the layer's own key is not accepted.
pub fn app(store: Store) -> Result<(Router, TenantKeysHandle), ConfigError> {
    let limits = CacheLimits::default()
        .capacity(100_000)
        .time_to_live(TIME_TO_LIVE);
    let keys = TenantKeys::with_limits(limits, project_of, move |project: String| {
        let store = store.clone();
        async move {
            let secrets = store.secrets(project.parse()?).await?;
            if secrets.is_empty() {
                return Ok(None);
            }
            let mut keys = Vec::new();
            for (name, secret) in secrets {
                keys.push((name, Secret::new(secret)?));
            }
            Ok(Some(Keys::named(keys)?.of_tenant(project)))
        }
    });
    let handle = keys.handle();
    // The source never selects the provider's own key, so this one verifies nothing.
    let optimizely = provider::optimizely(Secret::new("belongs to no project")?);
    let layer = WebhookAuthLayer::new(optimizely)
        .max_body_bytes(MAX_BODY_BYTES)
        .memory_budget(MemoryBudget::new(MEMORY_BUDGET_BYTES))
        .keys_from(keys);
    let router = Router::new().route(
        "/webhooks/optimizely",
        post(datafile_updated).route_layer(layer),
    );
    Ok((router, handle))
}

/// Selects the project: Optimizely writes it into the body.
fn project_of(delivery: Unverified<'_>) -> Selection<String> {
    let Some(body) = delivery.body() else {
        return Selection::Body;
    };
    match serde_json::from_slice::<Peek>(body) {
        Ok(peek) => Selection::LookUp(peek.project_id.to_string()),
        Err(_) => Selection::Unknown,
    }
}

/// The key of the project in the body has signed the body, so the project is proven.
async fn datafile_updated(webhook: Verified<optimizely::Event>) -> StatusCode {
    println!(
        "project {} changed, signed with key {:?}",
        webhook.project_id,
        webhook.key_name()
    );
    StatusCode::OK
}

/// Forgets the projects whose keys have changed since `seen`. Returns the number of the last change.
///
/// Each server calls it every second, so a change that any process makes is used by all servers. If the
/// database cannot be reached, the time to live bounds how long an old key is accepted.
///
/// # Errors
///
/// If the query fails.
pub async fn forget_changed(
    store: &Store,
    handle: &TenantKeysHandle,
    seen: i64,
) -> Result<i64, StoreError> {
    let mut last = seen;
    for (project, change) in store.changed_since(seen).await? {
        handle.invalidate(&project.to_string());
        last = last.max(change);
    }
    Ok(last)
}
