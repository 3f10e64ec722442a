//! GO Feature Flag: the webhook notifier and the webhook exporter.
//!
//! ```
//! use tower_webhook_auth::{ConfigError, Secret, Verified, WebhookAuthLayer};
//! use tower_webhook_auth::provider::{self, go_feature_flag};
//!
//! fn layer() -> Result<WebhookAuthLayer<go_feature_flag::Event>, ConfigError> {
//!     let secret = Secret::from_env("GO_FEATURE_FLAG_SECRET")?;
//!     Ok(WebhookAuthLayer::new(provider::go_feature_flag(secret)))
//! }
//!
//! fn handle(webhook: &Verified<go_feature_flag::Event>) {
//!     if let Some(flags) = &webhook.flags {
//!         println!("changed: {:?}", flags.updated.keys());
//!     }
//! }
//! # let _ = (layer, handle);
//! ```
//!
//! A delivery has neither an id nor a signed time in its head: it can be replayed.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{Provider, shapes};
use crate::secret::Keys;

/// GO Feature Flag: `X-Hub-Signature-256: sha256=` and the HMAC-SHA256 of the body in hexadecimal
/// digits.
///
/// An answer above 399 is an error to it; the notifier does not repeat.
/// [Vendor's page](https://gofeatureflag.org/docs/integrations/notify-flags-changes/webhook),
/// [source](https://github.com/thomaspoignant/go-feature-flag/blob/main/notifier/webhooknotifier/notifier.go).
///
/// ```
/// use tower_webhook_auth::{Secret, WebhookAuthLayer, provider};
///
/// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
/// let layer = WebhookAuthLayer::new(provider::go_feature_flag(Secret::new("wJ4mX9")?));
/// # let _ = layer;
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn go_feature_flag(keys: impl Into<Keys>) -> Provider<Event> {
    let scheme = shapes::sha256_tagged("x-hub-signature-256");
    Provider::preset("go_feature_flag", scheme.build(), keys).json()
}

/// Flags changed, or flags were evaluated.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Event {
    /// What was configured to be sent along, and the `hostname`.
    #[serde(default)]
    pub meta: BTreeMap<String, Value>,
    /// From the notifier: the flags that changed.
    pub flags: Option<Flags>,
    /// From the exporter: the evaluations.
    #[serde(default)]
    pub events: Vec<Value>,
}

/// The flags that changed, by name.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Flags {
    /// Those that are new.
    pub added: BTreeMap<String, Value>,
    /// Those that are gone.
    pub deleted: BTreeMap<String, Value>,
    /// Those that are not as they were.
    pub updated: BTreeMap<String, Updated>,
}

/// A flag before and after.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Updated {
    /// What it was.
    #[serde(default)]
    pub old_value: Value,
    /// What it is now.
    #[serde(default)]
    pub new_value: Value,
}
