//! Statsig: the event webhook, and the pre-commit webhook.
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
//!     for change in batch.events.iter().filter_map(statsig::Event::config_change) {
//!         println!("{:?} {:?} changed", change.kind, change.name);
//!     }
//! }
//! # let _ = (layer, handle);
//! ```

use crate::event::{self, Batch, EventError, FromBody, Json, Object};

/// The events of one delivery.
///
/// The body holds them in `data`, as the vendor's page shows changes, or is a list, as it shows
/// exposures. A single event is accepted in place of a list.
///
/// ```
/// use tower_webhook_auth::{FromBody, provider::statsig};
///
/// # fn main() -> Result<(), tower_webhook_auth::EventError> {
/// let body = br#"{"data":[{"eventName":"statsig::config_change","metadata":
///     {"type":"Gate","name":"dark_mode","environments":"development,staging"}}]}"#;
/// let batch = statsig::Events::from_body(body)?;
/// let change = batch.events[0].config_change().expect("a change");
/// assert_eq!(change.environments, ["development", "staging"]);
/// # Ok(())
/// # }
/// ```
///
/// Source: [Vendor's page](https://docs.statsig.com/integrations/event_webhook).
pub type Events = Batch<Event>;

/// A change in the console, an exposure, or an event that the owner's application logged.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What happened: `statsig::config_change`, `statsig::gate_exposure`, or a name that the owner
    /// chose.
    pub event_name: String,
    /// When, in milliseconds since 1970.
    pub timestamp: Option<i64>,
    /// Who did it, or who was exposed.
    pub user: Option<Json>,
    /// The details. Their shape depends on the event.
    pub metadata: Option<Json>,
}

impl Event {
    /// The change in the console, when the event is `statsig::config_change` and has `metadata`.
    #[must_use]
    pub fn config_change(&self) -> Option<ConfigChange> {
        let metadata = self.metadata.as_ref()?;
        (self.event_name == "statsig::config_change")
            .then(|| Object::within(metadata.get(), ConfigChange::read).ok())
            .flatten()
    }

    fn read(event: &Object<'_>) -> Result<Self, EventError> {
        Ok(Self {
            event_name: event.required_text("eventName")?,
            // The vendor's page shows both `1655231253265` and `"1655231253265"`.
            timestamp: event.integer("timestamp")?,
            user: event.json("user")?,
            metadata: event.json("metadata")?,
        })
    }
}

/// Something changed in the console.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigChange {
    /// The type of the object, such as `Gate` or `Experiment`. The sender calls this field `type`.
    pub kind: Option<String>,
    /// The name of the object.
    pub name: Option<String>,
    /// The change, in words.
    pub description: Option<String>,
    /// What was done, such as `created` or `updated`.
    pub action: Option<String>,
    /// The environments of the object. Deliveries hold `environments`, a text with commas; the
    /// vendor's page shows `environment`. This field has the names of both.
    pub environments: Vec<String>,
    /// The id of the project.
    pub project_id: Option<String>,
    /// The name of the project.
    pub project_name: Option<String>,
    /// The tags of the object.
    pub tags: Vec<String>,
    /// The applications for which the object is meant.
    pub target_apps: Vec<String>,
}

impl ConfigChange {
    fn read(change: &Object<'_>) -> Result<Self, EventError> {
        Ok(Self {
            kind: change.text("type")?,
            name: change.text("name")?,
            description: change.text("description")?,
            action: change.text("action")?,
            environments: [
                names(change, "environments")?,
                names(change, "environment")?,
            ]
            .concat(),
            project_id: change.id("projectID")?,
            project_name: change.text("projectName")?,
            tags: names(change, "tags")?,
            target_apps: names(change, "targetApps")?,
        })
    }
}

/// A list of names, or a text in which commas separate them.
fn names(object: &Object<'_>, field: &str) -> Result<Vec<String>, EventError> {
    let Some(text) = object.text(field)? else {
        return object.texts(field);
    };
    let names = text.split(',').map(str::trim);
    Ok(names
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect())
}

impl FromBody for Events {
    fn from_body(body: &[u8]) -> Result<Self, EventError> {
        event::batch(
            body,
            |object| {
                if !object.has("eventName") {
                    object.required_batch("data", Event::read)
                } else {
                    Event::read(object).map(Batch::of_one)
                }
            },
            Event::read,
        )
    }
}

/// A reviewed change that waits for a verdict.
///
/// The fields that this type does not name are in [`Verified::body`](crate::Verified::body).
///
/// ```
/// use tower_webhook_auth::{FromBody, provider::statsig};
///
/// # fn main() -> Result<(), tower_webhook_auth::EventError> {
/// let body = br#"{"review_id":"review_123","config_type":"gate","config_name":"dark_mode"}"#;
/// let review = statsig::PreCommit::from_body(body)?;
/// assert_eq!(review.review_id, "review_123");
/// # Ok(())
/// # }
/// ```
///
/// Source: [Vendor's page](https://docs.statsig.com/guides/pre-commit-webhooks).
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreCommit {
    /// The id of the review to approve or reject.
    pub review_id: String,
    /// Who asked for the review.
    pub submitter: Option<String>,
    /// Who commits the change.
    pub committer: Option<String>,
    /// The type of the object: `gate`, `dynamic_config`, `segment` or `experiment`.
    pub config_type: Option<String>,
    /// The name of the gate, dynamic config or segment.
    pub config_name: Option<String>,
    /// The name of the experiment.
    pub experiment_name: Option<String>,
    /// The kind of the change, such as `rules` or `start_experiment`. The sender calls this field
    /// `type`.
    pub change: Option<String>,
}

impl FromBody for PreCommit {
    fn from_body(body: &[u8]) -> Result<Self, EventError> {
        event::body(body, |review| {
            Ok(Self {
                review_id: review.required_text("review_id")?,
                submitter: review.text("submitter")?,
                committer: review.text("committer")?,
                config_type: review.text("config_type")?,
                config_name: review.text("config_name")?,
                experiment_name: review.text("experiment_name")?,
                change: review.text("type")?,
            })
        })
    }
}
