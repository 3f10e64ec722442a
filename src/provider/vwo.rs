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
//! VWO sends a shared key. The key proves that the caller knows it, and proves nothing about the body.
//! An event says that the settings changed: download the current settings.
//!
//! VWO repeats a delivery every one or two seconds for an hour until it is answered with 200. So answer
//! 200 at once, and do the work afterwards. [`fallible`](crate::Provider::fallible) shows how to answer
//! 200 also to an authentic body that cannot be read.

use serde::Deserialize;

use crate::event::{self, EventError, FromBody, NoList};

/// The settings changed. The body does not name the account or the project.
///
/// ```
/// use tower_webhook_auth::{FromBody, provider::vwo};
///
/// # fn main() -> Result<(), tower_webhook_auth::EventError> {
/// let body = br#"{"timestamp":1606482285,"event":"settings_changed"}"#;
/// let event = vwo::Event::from_body(body)?;
/// assert_eq!((event.event.as_str(), event.timestamp), ("settings_changed", Some(1_606_482_285)));
/// # Ok(())
/// # }
/// ```
///
/// Source: [Vendor's page](https://developers.vwo.com/docs/configure-webhooks).
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When they changed, in seconds since 1970.
    pub timestamp: Option<i64>,
    /// What happened: `settings_changed`.
    pub event: String,
    /// What changed, such as `campaign_settings_changed` or `feature_flag_updated`.
    pub action: Option<String>,
    /// The product that made the change, such as `vwo`.
    pub triggered_by: Option<String>,
}

/// An event in its usual form. Most deliveries have it, and it can be read in one pass.
#[derive(Deserialize)]
struct Usual {
    #[serde(default)]
    _no_list: NoList,
    timestamp: Option<i64>,
    event: String,
    action: Option<String>,
    triggered_by: Option<String>,
}

impl FromBody for Event {
    fn from_body(body: &[u8]) -> Result<Self, EventError> {
        if let Some(usual) = event::usual::<Usual>(body) {
            return Ok(Self {
                timestamp: usual.timestamp,
                event: usual.event,
                action: usual.action,
                triggered_by: usual.triggered_by,
            });
        }
        event::body(body, |event| {
            Ok(Self {
                timestamp: event.integer("timestamp")?,
                event: event.required_text("event")?,
                action: event.text("action")?,
                triggered_by: event.text("triggered_by")?,
            })
        })
    }
}
