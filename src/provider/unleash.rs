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
//! Unleash sends a shared key. The key proves that the caller knows it, and proves nothing about the
//! body. An event says that something changed: request the current state from Unleash.
//!
//! With a body template of your own, the body is any text: use [`bytes`](crate::Provider::bytes) or
//! [`json`](crate::Provider::json).

use crate::event::{self, EventError, FromBody, Json};

/// Something happened.
///
/// The fields that this type does not name are in [`Verified::body`](crate::Verified::body).
///
/// ```
/// use tower_webhook_auth::{FromBody, provider::unleash};
///
/// # fn main() -> Result<(), tower_webhook_auth::EventError> {
/// let body = br#"{"id":7,"type":"feature-created","featureName":"dark-mode"}"#;
/// let event = unleash::Event::from_body(body)?;
/// assert_eq!(event.kind, "feature-created");
/// # Ok(())
/// # }
/// ```
///
/// Source: [Vendor's page](https://docs.getunleash.io/integrate/webhook).
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The id of the event. A later event has a larger one.
    pub id: Option<i64>,
    /// What happened, such as `feature-environment-enabled`. The sender calls this field `type`.
    pub kind: String,
    /// Who did it.
    pub created_by: Option<String>,
    /// When it happened, as in RFC 3339.
    pub created_at: Option<String>,
    /// The name of the flag.
    pub feature_name: Option<String>,
    /// The project of the flag.
    pub project: Option<String>,
    /// The environment, if the event belongs to one.
    pub environment: Option<String>,
    /// The details.
    pub data: Option<Json>,
    /// The details before the change.
    pub pre_data: Option<Json>,
}

impl FromBody for Event {
    fn from_body(body: &[u8]) -> Result<Self, EventError> {
        event::body(body, |event| {
            Ok(Self {
                id: event.integer("id")?,
                kind: event.required_text("type")?,
                created_by: event.text("createdBy")?,
                created_at: event.text("createdAt")?,
                feature_name: event.text("featureName")?,
                project: event.text("project")?,
                environment: event.text("environment")?,
                data: event.json("data")?,
                pre_data: event.json("preData")?,
            })
        })
    }
}
