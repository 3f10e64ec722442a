//! GrowthBook: SDK webhooks and event webhooks.
//!
//! ```
//! use tower_webhook_auth::{ConfigError, Secret, Verified, WebhookAuthLayer};
//! use tower_webhook_auth::provider::{self, growthbook};
//!
//! fn layer() -> Result<WebhookAuthLayer<growthbook::SdkEvent>, ConfigError> {
//!     let secret = Secret::from_env("GROWTHBOOK_SIGNING_KEY")?;
//!     Ok(WebhookAuthLayer::new(provider::growthbook_sdk(secret)))
//! }
//!
//! fn handle(webhook: &Verified<growthbook::SdkEvent>) {
//!     if let growthbook::SdkEvent::PayloadChanged(_) = webhook.event() {
//!         println!("the features changed");
//!     }
//! }
//! # let _ = (layer, handle);
//! ```

use crate::event::{self, EventError, FromBody, Json, Object};

/// The features of an SDK connection changed.
///
/// The format of the body is an option of the webhook. Only a body that is not JSON is an error.
///
/// ```
/// use tower_webhook_auth::{FromBody, provider::growthbook::SdkEvent};
///
/// # fn main() -> Result<(), tower_webhook_auth::EventError> {
/// assert_eq!(SdkEvent::from_body(b"")?, SdkEvent::Empty);
/// let body = br#"{"type":"payload.changed","timestamp":"2024-04-03T01:54:20.449Z"}"#;
/// assert!(matches!(SdkEvent::from_body(body)?, SdkEvent::PayloadChanged(_)));
/// assert!(matches!(SdkEvent::from_body(br#"{"features":{}}"#)?, SdkEvent::Json(_)));
/// # Ok(())
/// # }
/// ```
///
/// Source: [Vendor's page](https://docs.growthbook.io/app/webhooks/sdk-webhooks).
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SdkEvent {
    /// The webhook sends no body.
    Empty,
    /// The webhook sends the features themselves, or the format of some store.
    Json(Json),
    /// The webhook sends the standard body.
    PayloadChanged(PayloadChanged),
}

/// The standard body of an SDK webhook, with `type` equal to `payload.changed`.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayloadChanged {
    /// When the features changed, as in RFC 3339.
    pub timestamp: Option<String>,
    /// The features in the format of the SDKs, where the webhook sends them. This is JSON in a text.
    pub payload: Option<String>,
}

impl FromBody for SdkEvent {
    fn from_body(body: &[u8]) -> Result<Self, EventError> {
        if body.is_empty() {
            return Ok(Self::Empty);
        }
        let json = Json::from_body(body)?;
        if json.is_object() {
            let changed = Object::within(json.get(), PayloadChanged::read)?;
            if let Some(changed) = changed {
                return Ok(Self::PayloadChanged(changed));
            }
        }
        Ok(Self::Json(json))
    }
}

impl PayloadChanged {
    fn read(event: &Object<'_>) -> Result<Option<Self>, EventError> {
        if event.text("type")?.as_deref() != Some("payload.changed") {
            return Ok(None);
        }
        let payload = event.object("data", |data| data.text("payload"))?;
        Ok(Some(Self {
            timestamp: event.text("timestamp")?,
            payload: payload.flatten(),
        }))
    }
}

/// Something happened.
///
/// The webhook's payload type must be `json` or `raw`. Bodies for Slack and for Discord name no event:
/// they are an error. Read those with [`Provider::json`](crate::Provider::json).
///
/// ```
/// use tower_webhook_auth::{FromBody, provider::growthbook};
///
/// # fn main() -> Result<(), tower_webhook_auth::EventError> {
/// let event = growthbook::Event::from_body(br#"{"event":"feature.created","object":"feature"}"#)?;
/// assert_eq!(event.event, "feature.created");
///
/// let error = growthbook::Event::from_body(br#"{"text":"a feature was created"}"#).unwrap_err();
/// assert!(error.to_string().contains("choose the payload type `json`"));
/// # Ok(())
/// # }
/// ```
///
/// Source: [Vendor's page](https://docs.growthbook.io/app/webhooks/event-webhooks).
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What happened, such as `feature.created`.
    pub event: String,
    /// The type of the object, such as `feature`.
    pub object: Option<String>,
    /// The details.
    pub data: Option<Json>,
}

impl FromBody for Event {
    fn from_body(body: &[u8]) -> Result<Self, EventError> {
        event::body(body, |event| {
            let for_chat = event.has("text") || event.has("blocks") || event.has("content");
            if !event.has("event") && for_chat {
                return Err(EventError::new(
                    "the body is a message for Slack or Discord: choose the payload type `json` in \
                     the webhook's settings",
                ));
            }
            Ok(Self {
                event: event.required_text("event")?,
                object: event.text("object")?,
                data: event.json("data")?,
            })
        })
    }
}
