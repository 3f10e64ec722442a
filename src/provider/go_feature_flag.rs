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
//! A delivery has no signed id and no signed time, so it can be replayed.

use std::collections::BTreeMap;

use crate::event::{self, EventError, FromBody, Json, Object};

/// Flags changed (notifier), or flags were evaluated (exporter).
///
/// No field is required, and `null` for a list or map is an empty one.
///
/// ```
/// use tower_webhook_auth::{FromBody, provider::go_feature_flag};
///
/// # fn main() -> Result<(), tower_webhook_auth::EventError> {
/// let body = br#"{"meta":{"hostname":"h"},"flags":{"deleted":null,"added":{"dark-mode":{}}}}"#;
/// let event = go_feature_flag::Event::from_body(body)?;
/// assert!(event.flags.is_some_and(|flags| flags.added.contains_key("dark-mode")));
/// # Ok(())
/// # }
/// ```
///
/// Source: [Vendor's page](https://gofeatureflag.org/docs/integrations/notify-flags-changes/webhook).
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The values that the owner configured, and the `hostname`.
    pub meta: BTreeMap<String, Json>,
    /// From the notifier: the flags that changed.
    pub flags: Option<Flags>,
    /// From the exporter: the evaluations.
    pub events: Vec<Json>,
}

/// The flags that changed, by name.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flags {
    /// The new flags.
    pub added: BTreeMap<String, Json>,
    /// The deleted flags.
    pub deleted: BTreeMap<String, Json>,
    /// The changed flags.
    pub updated: BTreeMap<String, Updated>,
}

/// A flag before and after a change.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Updated {
    /// The flag before the change.
    pub old_value: Option<Json>,
    /// The flag after the change.
    pub new_value: Option<Json>,
}

impl FromBody for Event {
    fn from_body(body: &[u8]) -> Result<Self, EventError> {
        event::body(body, |event| {
            Ok(Self {
                meta: event.map("meta", Ok)?,
                flags: event.object("flags", Flags::read)?,
                events: event.jsons("events")?,
            })
        })
    }
}

impl Flags {
    fn read(flags: &Object<'_>) -> Result<Self, EventError> {
        Ok(Self {
            added: flags.map("added", Ok)?,
            deleted: flags.map("deleted", Ok)?,
            updated: flags.map("updated", Updated::read)?,
        })
    }
}

impl Updated {
    fn read(flag: Json) -> Result<Self, EventError> {
        if !flag.is_object() {
            return Ok(Self {
                old_value: None,
                new_value: None,
            });
        }
        Object::within(flag.get(), |flag| {
            Ok(Self {
                old_value: flag.json("old_value")?,
                new_value: flag.json("new_value")?,
            })
        })
    }
}
