//! Optimizely: Feature Experimentation, Full Stack and Web; and the Content Marketing Platform.
//!
//! ```
//! use tower_webhook_auth::{Secret, WebhookAuthLayer, provider};
//!
//! # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
//! let secret = Secret::new("yIRFMTpsBcAKKRjJPCIykNo6EkNxJn_nq01-_r3S8i4")?;
//! let layer = WebhookAuthLayer::new(provider::optimizely(secret));
//! # let _ = layer;
//! # Ok(())
//! # }
//! ```
//!
//! An Optimizely delivery has neither an id nor a signed time in its head: it can be replayed. What
//! bounds that is [`Datafile::revision`], which only grows: a handler that ignores revisions not
//! newer than the one it has is safe.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::value::RawValue;

use super::{Provider, from_json};
use crate::{
    scheme::{SharedKeyScheme, SignatureScheme},
    secret::Keys,
};

/// Optimizely: `X-Hub-Signature: sha1=` and the HMAC-SHA1 of the body in hexadecimal digits.
///
/// The secret's text is the key: it looks like base64, but is not decoded. No retries are
/// documented; the vendor's own receiver answers 204.
/// [Vendor's page](https://docs.developers.optimizely.com/feature-experimentation/docs/configure-webhooks).
#[must_use]
pub fn optimizely(keys: impl Into<Keys>) -> Provider<Event> {
    let scheme = SignatureScheme::hmac_sha1("x-hub-signature").tags('=', ["sha1"]);
    Provider::preset("optimizely", scheme.build(), keys).parse_with(|body| Ok(read(body)?))
}

/// Optimizely's Content Marketing Platform: the shared key in `Callback-Secret`.
///
/// The key proves who called and covers nothing of the body. The vendor waits 30 seconds for 200 or
/// 202 and repeats for up to three days, ever more slowly; deliveries may come twice and out of order.
/// [Vendor's page](https://docs.developers.optimizely.com/content-marketing-platform/docs/get-started).
#[must_use]
pub fn optimizely_cmp(keys: impl Into<Keys>) -> Provider<serde_json::Value> {
    let scheme = SharedKeyScheme::new("callback-secret");
    Provider::preset("optimizely_cmp", scheme.build(), keys).json()
}

/// Something changed in a project.
///
/// Fields that the vendor adds are ignored, and events that this crate does not know are kept with
/// their data as JSON: neither is ever an error.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The project that changed.
    pub project_id: i64,
    /// When it changed, in seconds since 1970.
    pub timestamp: i64,
    /// What happened.
    pub event: EventName,
    /// The details.
    pub data: Data,
}

impl Event {
    /// The new datafile, when that is what this event tells of.
    #[must_use]
    pub fn datafile(&self) -> Option<&Datafile> {
        match (&self.event, &self.data) {
            (EventName::DatafileUpdated, Data::Datafile(datafile)) => Some(datafile),
            _ => None,
        }
    }
}

/// The name of an event.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum EventName {
    /// `project.datafile_updated`: there is a new datafile to download.
    DatafileUpdated,
    /// `project.snippet_updated`: there is a new snippet of Optimizely Web.
    SnippetUpdated,
    /// Any other, such as `flag.updated` or `project.approval_created`, as the sender wrote it.
    Other(Box<str>),
}

impl EventName {
    /// The name as the sender writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::DatafileUpdated => "project.datafile_updated",
            Self::SnippetUpdated => "project.snippet_updated",
            Self::Other(name) => name,
        }
    }
}

impl From<&str> for EventName {
    fn from(name: &str) -> Self {
        match name {
            "project.datafile_updated" => Self::DatafileUpdated,
            "project.snippet_updated" => Self::SnippetUpdated,
            _ => Self::Other(name.into()),
        }
    }
}

/// The details of an event.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// Of a new datafile or snippet.
    Datafile(Datafile),
    /// Of any other event.
    Json(serde_json::Value),
}

/// A datafile or snippet that can be downloaded.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Datafile {
    /// Grows with every change of the environment. An event whose revision is not newer than what
    /// you have was replayed or overtaken.
    pub revision: u64,
    /// Where it was made.
    pub origin_url: String,
    /// Where to download it. Compare its host with the one that you expect before you follow it.
    pub cdn_url: String,
    /// The environment's name. Old payloads have none.
    pub environment: Option<String>,
}

/// An event as it is written: `data` stands before the `event` that says what is in it.
#[derive(Deserialize)]
struct Written<'a, D> {
    project_id: i64,
    timestamp: i64,
    #[serde(borrow)]
    event: Cow<'a, str>,
    data: D,
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Written::<Option<Box<RawValue>>>::deserialize(deserializer)?;
        let event = EventName::from(&*written.event);
        let data = written.data.as_deref().map_or("null", RawValue::get);
        let data = match event {
            EventName::DatafileUpdated | EventName::SnippetUpdated => {
                serde_json::from_str(data).map(Data::Datafile)
            }
            EventName::Other(_) => serde_json::from_str(data).map(Data::Json),
        };
        Ok(Self {
            project_id: written.project_id,
            timestamp: written.timestamp,
            event,
            data: data.map_err(D::Error::custom)?,
        })
    }
}

/// Most events bring a datafile: taken at its word, `data` need not be kept until `event` is known.
/// What turns out to be another is read again.
fn read(body: &[u8]) -> serde_json::Result<Event> {
    if let Ok(written) = from_json::<Written<'_, Datafile>>(body) {
        let event = EventName::from(&*written.event);
        if !matches!(event, EventName::Other(_)) {
            return Ok(Event {
                project_id: written.project_id,
                timestamp: written.timestamp,
                event,
                data: Data::Datafile(written.data),
            });
        }
    }
    from_json(body)
}
