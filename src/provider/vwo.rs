//! VWO, now Wingify: FullStack and Feature Experimentation.
//!
//! ```
//! use tower_webhook_auth::{ConfigError, Secret, Verified, WebhookAuthLayer};
//! use tower_webhook_auth::provider::{self, vwo};
//!
//! fn layer() -> Result<WebhookAuthLayer<vwo::Event>, ConfigError> {
//!     let secret = Secret::from_env("VWO_WEBHOOK_KEY")?;
//!     Ok(WebhookAuthLayer::new(provider::vwo(secret)))
//! }
//!
//! fn handle(webhook: &Verified<vwo::Event>) {
//!     println!("{}: {:?}", webhook.event, webhook.action);
//! }
//! # let _ = (layer, handle);
//! ```
//!
//! VWO sends a shared key: it proves that the caller knew the key, and covers nothing of the body.
//! Take an event as the word that something changed, and fetch what changed yourself.
//!
//! VWO repeats a delivery every one or two seconds for an hour until it is answered with 200: a
//! handler answers 200 at once, and does its work afterwards.

use serde::Deserialize;

use super::Provider;
use crate::{scheme::SharedKeyScheme, secret::Keys};

/// VWO: the shared key in `x-vwo-auth`.
///
/// [Vendor's page](https://developers.vwo.com/docs/configure-webhooks).
///
/// ```
/// use tower_webhook_auth::{Secret, WebhookAuthLayer, provider};
///
/// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
/// let layer = WebhookAuthLayer::new(provider::vwo(Secret::new("xK2mN8qR4tV7wZ1aB5cD9eF3gH6jL0pS")?));
/// # let _ = layer;
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn vwo(keys: impl Into<Keys>) -> Provider<Event> {
    let scheme = SharedKeyScheme::new("x-vwo-auth");
    Provider::preset("vwo", scheme.build(), keys).json()
}

/// The settings changed. Which account or project they belong to is not said.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Event {
    /// When they changed, in seconds since 1970.
    pub timestamp: i64,
    /// What happened: `settings_changed`.
    pub event: String,
    /// What changed, such as `campaign_settings_changed` or `feature_flag_updated`.
    pub action: Option<String>,
    /// Who changed it, such as `vwo`.
    pub triggered_by: Option<String>,
}
