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
//!     println!("flag {:?} was {:?}", alert.flag_key, alert.action);
//! }
//! # let _ = (layer, handle);
//! ```

use crate::event::{self, EventError, FromBody, Json};

/// A flag was created, updated or deleted.
///
/// The same webhook sends alerts about stale flags, whose body is not documented. So no field is
/// required: any JSON object is an event.
///
/// ```
/// use tower_webhook_auth::{FromBody, provider::amplitude};
///
/// # fn main() -> Result<(), tower_webhook_auth::EventError> {
/// let body = br#"{"flagId":1,"flagName":"dark-mode","action":"updated","flag":{"name":"Dark mode"}}"#;
/// let event = amplitude::Event::from_body(body)?;
/// assert_eq!(event.flag_key.as_deref(), Some("dark-mode"));
/// assert_eq!(event.flag_name.as_deref(), Some("Dark mode"));
/// # Ok(())
/// # }
/// ```
///
/// Source: [Vendor's page](https://amplitude.com/docs/feature-experiment/notifications).
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The id of the flag: digits.
    pub flag_id: Option<String>,
    /// The key of the flag, which the sender calls `flagName`.
    pub flag_key: Option<String>,
    /// The display name of the flag, which the sender calls `flag.name`.
    pub flag_name: Option<String>,
    /// What the alert watches, such as `project`.
    pub scope: Option<String>,
    /// The id of what the alert watches, such as a project's.
    pub scope_param: Option<Json>,
    /// The name of what the alert watches.
    pub scope_param_name: Option<String>,
    /// What happened, such as `updated`.
    pub action: Option<String>,
    /// Who changed the flag.
    pub modified_by: Option<Json>,
    /// The flag after the change.
    pub flag: Option<Json>,
    /// The flag before the change.
    pub old_flag: Option<Json>,
}

impl FromBody for Event {
    fn from_body(body: &[u8]) -> Result<Self, EventError> {
        event::body(body, |event| {
            Ok(Self {
                flag_id: event.id("flagId")?,
                flag_key: event.text("flagName")?,
                flag_name: event.object("flag", |flag| flag.text("name"))?.flatten(),
                scope: event.text("scope")?,
                scope_param: event.json("scopeParam")?,
                scope_param_name: event.text("scopeParamName")?,
                action: event.text("action")?,
                modified_by: event.json("modifiedBy")?,
                flag: event.json("flag")?,
                old_flag: event.json("oldFlag")?,
            })
        })
    }
}
