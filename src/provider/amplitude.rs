//! Amplitude Experiment: alerts about flags, sent through Knock.
//!
//! ```
//! use tower_webhook_auth::{ConfigError, Secret, Verified, WebhookAuthLayer};
//! use tower_webhook_auth::provider::{self, amplitude};
//!
//! fn layer() -> Result<WebhookAuthLayer<amplitude::Event>, ConfigError> {
//!     let secret = Secret::from_env("AMPLITUDE_SIGNING_KEY")?;
//!     Ok(WebhookAuthLayer::new(provider::amplitude_experiment(secret)))
//! }
//!
//! fn handle(alert: &Verified<amplitude::Event>) {
//!     println!("flag {} was {:?}", alert.flag_name, alert.action);
//! }
//! # let _ = (layer, handle);
//! ```

use serde::Deserialize;
use serde_json::Value;

use super::{Provider, messaging};
use crate::secret::Keys;

/// Amplitude Experiment: signed as [`knock`](super::knock()) signs, which sends its alerts.
///
/// That its header is Knock's, `x-knock-signature`, follows from Amplitude's page, which links to
/// Knock's for the signing key, and is written nowhere else. Knock expects 2xx and tries eight times.
/// [Vendor's page](https://amplitude.com/docs/feature-experiment/notifications).
///
/// ```
/// use tower_webhook_auth::{Secret, WebhookAuthLayer, provider};
///
/// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
/// let layer = WebhookAuthLayer::new(provider::amplitude_experiment(Secret::new("wJ4mX9")?));
/// # let _ = layer;
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn amplitude_experiment(keys: impl Into<Keys>) -> Provider<Event> {
    let scheme = messaging::knock_scheme();
    Provider::preset("amplitude_experiment", scheme.build(), keys).json()
}

/// A flag was created, updated or deleted.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// The flag's id.
    #[serde(default)]
    pub flag_id: Value,
    /// The flag's name.
    pub flag_name: String,
    /// What the alert watches, such as `project`.
    pub scope: Option<String>,
    /// Which one of those it watches.
    #[serde(default)]
    pub scope_param: Value,
    /// What happened, such as `updated`.
    pub action: Option<String>,
    /// Who did it.
    #[serde(default)]
    pub modified_by: Value,
    /// The flag as it is now.
    #[serde(default)]
    pub flag: Value,
    /// The flag as it was before.
    #[serde(default)]
    pub old_flag: Value,
}
