//! Unleash: the webhook integration.
//!
//! ```
//! use tower_webhook_auth::{ConfigError, Secret, Verified, WebhookAuthLayer};
//! use tower_webhook_auth::provider::{self, unleash};
//!
//! fn layer() -> Result<WebhookAuthLayer<unleash::Event>, ConfigError> {
//!     let secret = Secret::from_env("UNLEASH_AUTHORIZATION")?;
//!     Ok(WebhookAuthLayer::new(provider::unleash(secret)))
//! }
//!
//! fn handle(webhook: &Verified<unleash::Event>) {
//!     println!("{} of {:?}", webhook.kind, webhook.feature_name);
//! }
//! # let _ = (layer, handle);
//! ```
//!
//! Unleash sends a shared key: it proves that the caller knew the key, and covers nothing of the
//! body. Take an event as the word that something changed, and fetch what changed yourself.

use serde::Deserialize;
use serde_json::Value;

use super::Provider;
use crate::{scheme::SharedKeyScheme, secret::Keys};

/// Unleash: the shared key as the whole value of `Authorization`.
///
/// The secret is what was entered in the integration's field "Authorization", letter for letter:
/// with its `Bearer `, if that was entered. A failed delivery is repeated once, and redirects are not
/// followed. With a body template of your own, read the body with [`json`](Provider::json).
/// [Vendor's page](https://docs.getunleash.io/integrate/webhook),
/// [source](https://github.com/Unleash/unleash/blob/main/src/lib/addons/webhook.ts).
///
/// ```
/// use tower_webhook_auth::{Secret, WebhookAuthLayer, provider};
///
/// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
/// let layer = WebhookAuthLayer::new(provider::unleash(Secret::new("Bearer wJ4mX9")?));
/// # let _ = layer;
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn unleash(keys: impl Into<Keys>) -> Provider<Event> {
    let scheme = SharedKeyScheme::new("authorization");
    Provider::preset("unleash", scheme.build(), keys).json()
}

/// Something happened.
///
/// What this type leaves out is in [`Verified::body`](crate::Verified::body).
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// The event's id. It grows.
    pub id: Option<i64>,
    /// What happened, such as `feature-environment-enabled`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Who did it.
    pub created_by: Option<String>,
    /// When it happened, as in RFC 3339.
    pub created_at: Option<String>,
    /// The flag.
    pub feature_name: Option<String>,
    /// The flag's project.
    pub project: Option<String>,
    /// The environment, where it happened in one.
    pub environment: Option<String>,
    /// The details.
    #[serde(default)]
    pub data: Value,
    /// What it was before.
    #[serde(default)]
    pub pre_data: Value,
}
