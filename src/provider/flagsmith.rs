//! Flagsmith: webhooks of an environment or an organisation, and Sentry's change tracking.
//!
//! ```
//! use tower_webhook_auth::{ConfigError, Secret, Verified, WebhookAuthLayer};
//! use tower_webhook_auth::provider::{self, flagsmith};
//!
//! fn layer() -> Result<WebhookAuthLayer<flagsmith::Event>, ConfigError> {
//!     let secret = Secret::from_env("FLAGSMITH_WEBHOOK_SECRET")?;
//!     Ok(WebhookAuthLayer::new(provider::flagsmith(secret)))
//! }
//!
//! fn handle(webhook: &Verified<flagsmith::Event>) {
//!     if let flagsmith::Data::Flag(change) = &webhook.data {
//!         println!("{:?} changed {:?}", change.changed_by, change.new_state);
//!     }
//! }
//! # let _ = (layer, handle);
//! ```
//!
//! A delivery has neither an id nor a signed time in its head: it can be replayed. Take an event as
//! the word that something changed, and fetch what changed yourself.

use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::{Value, value::RawValue};

use super::Provider;
use crate::{scheme::SignatureScheme, secret::Keys};

/// Flagsmith: `X-Flagsmith-Signature`, the HMAC-SHA256 of the body in hexadecimal digits.
///
/// Flagsmith signs only webhooks that were given a secret. It waits 10 seconds, follows no
/// redirect, and tries three times when it cannot connect; an answer other than 2xx is written to
/// its log and not repeated.
/// [Vendor's page](https://docs.flagsmith.com/system-administration/webhooks#web-hook-signature),
/// [source](https://github.com/Flagsmith/flagsmith/blob/main/api/webhooks/webhooks.py).
///
/// ```
/// use tower_webhook_auth::{Secret, WebhookAuthLayer, provider};
///
/// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
/// let layer = WebhookAuthLayer::new(provider::flagsmith(Secret::new("my shared secret")?));
/// # let _ = layer;
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn flagsmith(keys: impl Into<Keys>) -> Provider<Event> {
    let scheme = SignatureScheme::hmac_sha256("x-flagsmith-signature");
    Provider::preset("flagsmith", scheme.build(), keys).json()
}

/// Flagsmith's change tracking for Sentry: `X-Sentry-Signature`, the HMAC-SHA256 of the body in
/// hexadecimal digits.
///
/// This is what Flagsmith sends to whoever stands in Sentry's place; Sentry's own webhooks are
/// signed otherwise. Failures are not repeated.
/// [Source](https://github.com/Flagsmith/flagsmith/blob/main/api/integrations/sentry/change_tracking.py).
#[must_use]
pub fn flagsmith_change_tracking(keys: impl Into<Keys>) -> Provider<Changes> {
    let scheme = SignatureScheme::hmac_sha256("x-sentry-signature");
    Provider::preset("flagsmith_change_tracking", scheme.build(), keys).json()
}

/// Something changed.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// What happened: `FLAG_UPDATED`, `FLAG_DELETED`, `NEW_VERSION_PUBLISHED`, or for an
    /// organisation `AUDIT_LOG_CREATED`.
    pub event_type: String,
    /// The details.
    pub data: Data,
}

/// The details of an event.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// Of `FLAG_UPDATED` and `FLAG_DELETED`.
    Flag(Box<FlagChange>),
    /// Of any other event.
    Json(Value),
}

/// A flag before and after.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct FlagChange {
    /// Who changed it.
    pub changed_by: Option<String>,
    /// What it is now. Nothing when it was deleted.
    pub new_state: Option<FlagState>,
    /// What it was before.
    pub previous_state: Option<FlagState>,
    /// When it changed, as in RFC 3339.
    pub timestamp: Option<String>,
}

/// A flag in an environment.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct FlagState {
    /// Whether it is on.
    pub enabled: bool,
    /// The environment.
    pub environment: Option<Named>,
    /// The flag.
    pub feature: Option<Named>,
    /// Its value: text, a number, a boolean, or nothing.
    #[serde(default)]
    pub feature_state_value: Value,
    /// The identity for which it was overridden.
    pub identity_identifier: Option<String>,
}

/// An environment or a flag.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Named {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: String,
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The sender's keys are sorted: `data` stands before the `event_type` that says what it is.
        #[derive(Deserialize)]
        struct Raw {
            event_type: String,
            data: Option<Box<RawValue>>,
        }
        let raw = Raw::deserialize(deserializer)?;
        let data = raw.data.as_deref().map_or("null", RawValue::get);
        let data = match raw.event_type.as_str() {
            "FLAG_UPDATED" | "FLAG_DELETED" => serde_json::from_str(data).map(Data::Flag),
            _ => serde_json::from_str(data).map(Data::Json),
        };
        Ok(Self {
            event_type: raw.event_type,
            data: data.map_err(D::Error::custom)?,
        })
    }
}

/// Changes of one flag, as Sentry takes them in.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Changes {
    /// The changes.
    pub data: Vec<Change>,
}

/// One change of a flag.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Change {
    /// `created`, `updated` or `deleted`.
    pub action: String,
    /// The flag's name.
    pub flag: String,
    /// When it changed, as in RFC 3339.
    pub created_at: String,
    /// The change's id.
    pub change_id: Option<String>,
    /// Who changed it.
    pub created_by: Option<Author>,
}

/// Who changed a flag.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Author {
    /// The author's id, such as an address.
    pub id: String,
    /// What the id is, such as `email`.
    #[serde(rename = "type")]
    pub kind: String,
}
