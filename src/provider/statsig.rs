//! Statsig: the event webhook, and the webhook before a commit.
//!
//! ```
//! use tower_webhook_auth::{ConfigError, Secret, Verified, WebhookAuthLayer};
//! use tower_webhook_auth::provider::{self, statsig};
//!
//! fn layer() -> Result<WebhookAuthLayer<statsig::Events>, ConfigError> {
//!     let secret = Secret::from_env("STATSIG_WEBHOOK_SECRET")?;
//!     Ok(WebhookAuthLayer::new(provider::statsig(secret)))
//! }
//!
//! fn handle(batch: &Verified<statsig::Events>) {
//!     for change in batch.data.iter().filter_map(statsig::Event::config_change) {
//!         println!("{} {} changed", change.kind, change.name);
//!     }
//! }
//! # let _ = (layer, handle);
//! ```

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{Provider, shapes};
use crate::{
    scheme::{SharedKeyScheme, Timestamp},
    secret::Keys,
};

/// Statsig: `X-Statsig-Signature: v0=` and the HMAC-SHA256 of `v0:{timestamp}:{body}` in hexadecimal
/// digits.
///
/// The timestamp, in `X-Statsig-Request-Timestamp` and in milliseconds, may lie five minutes away:
/// the vendor names no tolerance. No retries are documented.
/// [Vendor's page](https://docs.statsig.com/integrations/event_webhook).
///
/// ```
/// use tower_webhook_auth::{Secret, WebhookAuthLayer, provider};
///
/// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
/// let layer = WebhookAuthLayer::new(provider::statsig(Secret::new("wJ4mX9")?));
/// # let _ = layer;
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn statsig(keys: impl Into<Keys>) -> Provider<Events> {
    let timestamp = Timestamp::header("x-statsig-request-timestamp").milliseconds();
    let scheme = shapes::slack_like("x-statsig-signature", timestamp);
    Provider::preset("statsig", scheme.build(), keys).json()
}

/// Statsig before a commit: the shared key in `x-statsig-webhook-key`.
///
/// Statsig waits two minutes for a verdict through its change validation API. The key proves who
/// called and covers nothing of the body: ask Statsig for the review before you approve it.
/// [Vendor's page](https://docs.statsig.com/guides/pre-commit-webhooks).
#[must_use]
pub fn statsig_pre_commit(keys: impl Into<Keys>) -> Provider<PreCommit> {
    let scheme = SharedKeyScheme::new("x-statsig-webhook-key");
    Provider::preset("statsig_pre_commit", scheme.build(), keys).json()
}

/// A batch of events.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub struct Events {
    /// The events.
    pub data: Vec<Event>,
}

/// A change in the console, an exposure, or an event of your own.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// What happened: `statsig::config_change`, `statsig::gate_exposure`, or a name of your own.
    pub event_name: String,
    /// When, in milliseconds since 1970.
    #[serde(default, deserialize_with = "number_or_digits")]
    pub timestamp: Option<i64>,
    /// Who did it, or who was exposed.
    #[serde(default)]
    pub user: Value,
    /// The details. Their shape depends on the event.
    #[serde(default)]
    pub metadata: Value,
}

impl Event {
    /// What changed in the console, when that is what this event tells of.
    #[must_use]
    pub fn config_change(&self) -> Option<ConfigChange> {
        (self.event_name == "statsig::config_change")
            .then(|| ConfigChange::deserialize(&self.metadata).ok())
            .flatten()
    }
}

/// Something changed in the console.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ConfigChange {
    /// The kind of what changed, such as `Gate` or `Experiment`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The name of what changed.
    pub name: String,
    /// What changed, in words.
    pub description: Option<String>,
    /// What was done, such as `created` or `updated`.
    pub action: Option<String>,
    /// The environment in which it changed, where that is one.
    pub environment: Option<String>,
}

/// A reviewed change that waits for a verdict.
///
/// What this type leaves out is in [`Verified::body`](crate::Verified::body).
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct PreCommit {
    /// The review to approve or reject.
    pub review_id: String,
    /// Who asked for the review.
    pub submitter: Option<String>,
    /// Who commits the change.
    pub committer: Option<String>,
    /// The kind of what changes: `gate`, `dynamic_config`, `segment` or `experiment`.
    pub config_type: Option<String>,
    /// The name of the gate, dynamic config or segment.
    pub config_name: Option<String>,
    /// The name of the experiment.
    pub experiment_name: Option<String>,
    /// The kind of the change, such as `rules` or `start_experiment`.
    #[serde(rename = "type")]
    pub change: Option<String>,
}

impl<'de> Deserialize<'de> for Events {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The vendor's page shows changes inside of `data`, and exposures as a bare list.
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Batch {
            Wrapped { data: Vec<Event> },
            Bare(Vec<Event>),
        }
        Batch::deserialize(deserializer).map(|batch| match batch {
            Batch::Wrapped { data } | Batch::Bare(data) => Self { data },
        })
    }
}

/// The vendor's page shows both `1655231253265` and `"1655231253265"`.
fn number_or_digits<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(digits) => digits.parse().ok(),
        value => value.as_i64(),
    })
}
