//! GrowthBook: SDK webhooks, and event webhooks.
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

use serde::Deserialize;
use serde_json::Value;

use super::{Provider, from_json, shapes};
use crate::{scheme::SignatureScheme, secret::Keys};

/// GrowthBook's SDK webhooks: `webhook-signature` as in Standard Webhooks, over id, timestamp and
/// body.
///
/// The text of the signing key, `wk_…`, is the key: the vendor's own code does not decode it,
/// although Standard Webhooks would. The timestamp may lie five minutes away. What is not answered
/// with 200 is repeated after 30 seconds and after 5 minutes. The method is yours to choose, and there
/// may be no body. The headers `webhook-sdk-key` and `webhook-secret` are neither signed nor looked at.
/// [Vendor's page](https://docs.growthbook.io/app/webhooks/sdk-webhooks),
/// [source](https://github.com/growthbook/growthbook/blob/main/packages/back-end/src/jobs/sdkWebhooks.ts).
///
/// ```
/// use tower_webhook_auth::{Secret, WebhookAuthLayer, provider};
///
/// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
/// let layer = WebhookAuthLayer::new(provider::growthbook_sdk(Secret::new("wk_123A5341464B0100")?));
/// # let _ = layer;
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn growthbook_sdk(keys: impl Into<Keys>) -> Provider<SdkEvent> {
    let scheme = shapes::standard_webhooks();
    Provider::preset("growthbook_sdk", scheme.build(), keys).parse_with(|body| {
        if body.is_empty() {
            return Ok(SdkEvent::Empty);
        }
        let value: Value = from_json(body)?;
        Ok(match PayloadChanged::deserialize(&value) {
            Ok(changed) if changed.kind == "payload.changed" => SdkEvent::PayloadChanged(changed),
            _ => SdkEvent::Json(value),
        })
    })
}

/// GrowthBook's event webhooks: `X-GrowthBook-Signature`, the HMAC-SHA256 of the body in hexadecimal
/// digits.
///
/// A failed delivery is tried three times. The older SDK webhooks and the updates for GrowthBook's
/// proxy are signed alike, but have other bodies: read those with [`json`](Provider::json). A delivery
/// has neither an id nor a signed time in its head: it can be replayed.
/// [Vendor's page](https://docs.growthbook.io/app/webhooks/event-webhooks),
/// [source](https://github.com/growthbook/growthbook/blob/main/packages/back-end/src/events/handlers/webhooks/event-webhooks-utils.ts).
#[must_use]
pub fn growthbook_event(keys: impl Into<Keys>) -> Provider<Event> {
    let scheme = SignatureScheme::hmac_sha256("x-growthbook-signature");
    Provider::preset("growthbook_event", scheme.build(), keys).json()
}

/// The features of an SDK connection changed.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub enum SdkEvent {
    /// The webhook sends no body.
    Empty,
    /// The webhook sends the features themselves, or writes them for some store.
    Json(Value),
    /// The webhook sends the standard body.
    PayloadChanged(PayloadChanged),
}

/// The standard body of an SDK webhook.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct PayloadChanged {
    /// Always `payload.changed`.
    #[serde(rename = "type")]
    pub kind: String,
    /// When it changed, as in RFC 3339.
    pub timestamp: String,
    /// What is sent along.
    pub data: Option<Payload>,
}

/// What an SDK webhook sends along.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Payload {
    /// The features as an SDK takes them: JSON, as text.
    pub payload: Option<String>,
}

/// Something happened.
///
/// What this type leaves out is in [`Verified::body`](crate::Verified::body).
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Event {
    /// What happened, such as `feature.created`.
    pub event: String,
    /// To what it happened, such as `feature`.
    pub object: Option<String>,
    /// The details.
    #[serde(default)]
    pub data: Value,
}
