//! [`ReplayGuardLayer`]: calls the handler once for each delivery, even if the delivery arrives several times.
//!
//! Senders repeat a delivery when they do not see the response, and an attacker who has seen a signed
//! delivery can send it again. The guard is a layer **inside** of
//! [`WebhookAuthLayer`](crate::WebhookAuthLayer). It takes the
//! [identity](crate::Verified::identity) of the verified delivery, and asks a [`ReplayStore`] whether
//! that delivery was processed before:
//!
#![cfg_attr(feature = "axum", doc = "```")]
#![cfg_attr(not(feature = "axum"), doc = "```ignore")]
//! use axum::{Router, http::StatusCode, routing::post};
//! use tower_webhook_auth::{Secret, Verified, WebhookAuthLayer, provider};
//! use tower_webhook_auth::replay::{MemoryStore, ReplayGuardLayer};
//!
//! #[derive(serde::Deserialize)]
//! struct Push {
//!     after: String,
//! }
//!
//! async fn pushed(webhook: Verified<Push>) -> StatusCode {
//!     println!("build {}", webhook.after);
//!     StatusCode::OK
//! }
//!
//! # fn app() -> Result<Router, tower_webhook_auth::ConfigError> {
//! let github = provider::github(Secret::from_env("GITHUB_WEBHOOK_SECRET")?).json::<Push>();
//! let guard = ReplayGuardLayer::by_body(&github, MemoryStore::new(100_000))?;
//! // A tuple of layers: the first one is the outermost.
//! let app = Router::new()
//!     .route("/webhooks/github", post(pushed).route_layer((WebhookAuthLayer::new(github), guard)));
//! # Ok(app)
//! # }
//! # let _ = app;
//! ```
//!
//! # What happens to a delivery
//!
//! | the store says | the guard does |
//! |---|---|
//! | new | claims the delivery for the time of a [lease](ReplayGuardLayer::lease), and calls the handler |
//! | in flight: another call has claimed it | 503 with `Retry-After`. The sender repeats the delivery, and then gets the result of the first call |
//! | done | an empty 200. The handler is not called. [Both can be changed](ReplayGuardLayer::answer_duplicates) |
//! | nothing: the store fails, or is too slow | 503 with `Retry-After` |
//!
//! When the handler responds with a 2xx status, the delivery is done, and the store remembers it. After another
//! status, an error, a panic, or if the sender closes the connection, the claim is released. The next attempt of the
//! sender then calls the handler again. After a crash of the process the claim ends with its lease.
//!
//! So the handler runs **at least once**. It runs more than once only if:
//!
//! - an earlier run has not succeeded;
//! - an earlier run took longer than the lease;
//! - the store lost what it remembered.
//!
//! A handler that writes to a database of its own should still make its work idempotent, or
//! [put the delivery into a queue](crate::guide::later).
//!
//! # Which constructor
//!
//! | the sender signs | constructor |
//! |---|---|
//! | an id in a header: Standard Webhooks, Svix | [`ReplayGuardLayer::new`] |
//! | the time: Slack; Stripe, whose retries have a new time | [`ReplayGuardLayer::new`] against attackers. [`by_event_id`](ReplayGuardLayer::by_event_id) also finds the sender's own retries |
//! | the body only: GitHub, Optimizely | [`by_event_id`](ReplayGuardLayer::by_event_id) where the body has an id, else [`by_body`](ReplayGuardLayer::by_body) |
//! | nothing, a shared key: VWO, GitLab's token | [`by_event_id`](ReplayGuardLayer::by_event_id) |
//!
//! The guide [`once`](crate::guide::once) says for each kind of sender what a manual redelivery
//! does.

mod future;
mod layer;
mod memory;
mod observe;
#[cfg(feature = "replay-redis")]
mod redis;
mod rules;
mod service;
mod store;

#[cfg(feature = "replay-redis")]
#[cfg_attr(docsrs, doc(cfg(feature = "replay-redis")))]
pub use self::redis::{RedisClaim, RedisSettle, RedisStore};
pub use self::{
    future::ResponseFuture,
    layer::ReplayGuardLayer,
    memory::MemoryStore,
    rules::Duplicate,
    service::ReplayGuard,
    store::{Claimed, Owner, ReplayStore},
};
