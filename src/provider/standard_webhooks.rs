//! Standard Webhooks: the envelope that its specification recommends.
//!
//! ```
//! use tower_webhook_auth::{ConfigError, Secret, Verified, WebhookAuthLayer};
//! use tower_webhook_auth::provider::{self, standard_webhooks};
//!
//! fn layer() -> Result<WebhookAuthLayer<standard_webhooks::Event>, ConfigError> {
//!     let secret = Secret::from_env("WEBHOOK_SECRET")?;
//!     Ok(WebhookAuthLayer::new(provider::svix(secret)?.parse()))
//! }
//!
//! fn handle(webhook: &Verified<standard_webhooks::Event>) {
//!     println!("{}: {:?}", webhook.kind, webhook.data);
//! }
//! # let _ = (layer, handle);
//! ```
//!
//! Clerk, Resend, OpenAI and Polar use this envelope or a similar one. The presets
//! of all followers of Standard Webhooks can be read with it.

use crate::event::{self, EventError, FromBody, Json};

/// An event with `type`, `timestamp` and `data`.
///
/// ```
/// use tower_webhook_auth::{FromBody, provider::standard_webhooks};
///
/// # fn main() -> Result<(), tower_webhook_auth::EventError> {
/// let body = br#"{"type":"user.created","timestamp":"2022-11-03T20:26:10.344522Z","data":{"id":"1f81"}}"#;
/// let event = standard_webhooks::Event::from_body(body)?;
/// assert_eq!(event.kind, "user.created");
/// assert_eq!(event.data.expect("data").get(), r#"{"id":"1f81"}"#);
/// # Ok(())
/// # }
/// ```
///
/// Source: [Specification](https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#payload-structure).
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What happened, such as `user.created`. The sender calls this field `type`.
    pub kind: String,
    /// When it happened: a text as in RFC 3339, or the digits of a number whose unit the sender defines.
    /// Some senders call this field `created_at`.
    pub timestamp: Option<String>,
    /// The details.
    pub data: Option<Json>,
}

impl FromBody for Event {
    fn from_body(body: &[u8]) -> Result<Self, EventError> {
        event::body(body, |event| {
            let timestamp = event.id("timestamp")?;
            Ok(Self {
                kind: event.required_text("type")?,
                timestamp: match timestamp {
                    Some(timestamp) => Some(timestamp),
                    None => event.id("created_at")?,
                },
                data: event.json("data")?,
            })
        })
    }
}
