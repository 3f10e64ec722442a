//! Flipt version 1: audit events. Version 2 sends none.
//!
//! ```
//! use tower_webhook_auth::{ConfigError, Secret, Verified, WebhookAuthLayer};
//! use tower_webhook_auth::provider::{self, flipt};
//!
//! fn layer() -> Result<WebhookAuthLayer<flipt::Event>, ConfigError> {
//!     let secret = Secret::from_env("FLIPT_SIGNING_SECRET")?;
//!     Ok(WebhookAuthLayer::new(provider::flipt(secret)))
//! }
//!
//! fn handle(audit: &Verified<flipt::Event>) {
//!     println!("a {} was {} at {}", audit.kind, audit.action, audit.timestamp);
//! }
//! # let _ = (layer, handle);
//! ```
//!
//! A delivery has neither an id nor a signed time in its head: it can be replayed.

use serde::Deserialize;
use serde_json::Value;

use super::Provider;
use crate::{scheme::SignatureScheme, secret::Keys};

/// Flipt: `x-flipt-webhook-signature`, the HMAC-SHA256 of the body in hexadecimal digits.
///
/// Flipt signs only where a signing secret is configured. It repeats after 429, after 5xx and when
/// it cannot connect, waiting 15 seconds at most.
/// [Vendor's page](https://docs.flipt.io/v1/configuration/observability#webhooks),
/// [source](https://github.com/flipt-io/flipt/blob/main/internal/server/audit/webhook/client.go).
///
/// ```
/// use tower_webhook_auth::{Secret, WebhookAuthLayer, provider};
///
/// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
/// let layer = WebhookAuthLayer::new(provider::flipt(Secret::new("s3crET")?));
/// # let _ = layer;
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn flipt(keys: impl Into<Keys>) -> Provider<Event> {
    let scheme = SignatureScheme::hmac_sha256("x-flipt-webhook-signature");
    Provider::preset("flipt", scheme.build(), keys).json()
}

/// Somebody did something. Flipt leaves empty what it does not know.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Event {
    /// The version of the event's form, such as `0.2`.
    pub version: String,
    /// The kind of what it was done to, such as `flag`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What was done, such as `created`.
    pub action: String,
    /// Who did it.
    pub metadata: Metadata,
    /// What it was done to.
    pub payload: Value,
    /// When it was done, as in RFC 3339.
    pub timestamp: String,
    /// Whether it was done: `success`, or why not.
    pub status: String,
}

/// What is known about an event.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Metadata {
    /// Who did it.
    pub actor: Option<Actor>,
}

/// Who did something. Flipt leaves out what it does not know.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Actor {
    /// How the actor was authenticated.
    pub authentication: String,
    /// The actor's address on the network.
    pub ip: String,
    /// The actor's address.
    pub email: String,
    /// The actor's name.
    pub name: String,
}
