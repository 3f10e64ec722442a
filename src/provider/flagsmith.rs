//! Flagsmith: webhooks of an environment or an organisation, and change tracking in the format of Sentry.
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
//! A delivery has no signed id and no signed time, so it can be replayed. An event says that something
//! changed: request the current state from Flagsmith.

use crate::event::{self, Batch, EventError, FromBody, Json, Object};

/// Something changed.
///
/// Audit entries are accepted in both forms: in `data` as the sender's code writes them, and bare as
/// its page shows them.
///
/// ```
/// use tower_webhook_auth::{FromBody, provider::flagsmith};
///
/// # fn main() -> Result<(), tower_webhook_auth::EventError> {
/// let body = br#"{"event_type":"FLAG_UPDATED","data":{"new_state":{"enabled":true}}}"#;
/// let event = flagsmith::Event::from_body(body)?;
/// let flagsmith::Data::Flag(change) = &event.data else { panic!("not a flag") };
/// assert_eq!(change.new_state.as_ref().and_then(|state| state.enabled), Some(true));
/// # Ok(())
/// # }
/// ```
///
/// Sources: [environments](https://docs.flagsmith.com/system-administration/webhooks),
/// [audit log](https://docs.flagsmith.com/system-administration/audit-logs),
/// [code](https://github.com/Flagsmith/flagsmith/blob/main/api/webhooks/webhooks.py).
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What happened: `FLAG_UPDATED`, `FLAG_DELETED`, `NEW_VERSION_PUBLISHED`, or for an
    /// organisation `AUDIT_LOG_CREATED`.
    pub event_type: String,
    /// The details.
    pub data: Data,
}

/// The details of an event.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// For `AUDIT_LOG_CREATED`.
    Audit(Box<AuditEntry>),
    /// For `FLAG_UPDATED` and `FLAG_DELETED`.
    Flag(Box<FlagChange>),
    /// For any other event. `None` when the event has no data.
    Json(Option<Json>),
}

/// An entry of the organisation's audit log.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// When the entry was made, as in RFC 3339.
    pub created_date: Option<String>,
    /// What happened, in words.
    pub log: Option<String>,
    /// Who did it.
    pub author: Option<Author>,
    /// The environment.
    pub environment: Option<Named>,
    /// The project.
    pub project: Option<Named>,
    /// The id of the object that changed.
    pub related_object_id: Option<i64>,
    /// The type of the object that changed, such as `FEATURE`.
    pub related_object_type: Option<String>,
}

/// The author of an audit entry.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// The author's id.
    pub id: Option<i64>,
    /// The author's e-mail address.
    pub email: Option<String>,
}

/// A flag before and after a change.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlagChange {
    /// The name or e-mail address of the person or key that made the change.
    pub changed_by: Option<String>,
    /// The flag after the change. `None` when the flag was deleted.
    pub new_state: Option<FlagState>,
    /// The flag before the change.
    pub previous_state: Option<FlagState>,
    /// When it changed, as in RFC 3339.
    pub timestamp: Option<String>,
}

/// A flag in an environment.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlagState {
    /// Whether the flag is on.
    pub enabled: Option<bool>,
    /// The environment.
    pub environment: Option<Named>,
    /// The flag.
    pub feature: Option<Named>,
    /// The value of the flag: a text, a number or a boolean.
    pub feature_state_value: Option<Json>,
    /// The identity for which the flag was overridden.
    pub identity_identifier: Option<String>,
}

/// An environment, a flag or a project.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The id.
    pub id: Option<i64>,
    /// The name.
    pub name: Option<String>,
}

impl FromBody for Event {
    fn from_body(body: &[u8]) -> Result<Self, EventError> {
        event::body(body, |event| {
            if !event.has("event_type") && event.has("log") && event.has("related_object_type") {
                return Ok(Self {
                    event_type: AUDIT.to_owned(),
                    data: Data::Audit(AuditEntry::read(event)?),
                });
            }
            let event_type = event.required_text("event_type")?;
            let data = match event_type.as_str() {
                AUDIT => Data::Audit(event.required_object("data", AuditEntry::read)?),
                "FLAG_UPDATED" | "FLAG_DELETED" => {
                    Data::Flag(event.required_object("data", FlagChange::read)?)
                }
                _ => Data::Json(event.json("data")?),
            };
            Ok(Self { event_type, data })
        })
    }
}

const AUDIT: &str = "AUDIT_LOG_CREATED";

impl AuditEntry {
    fn read(entry: &Object<'_>) -> Result<Box<Self>, EventError> {
        let author = |author: &Object<'_>| {
            Ok(Author {
                id: author.integer("id")?,
                email: author.text("email")?,
            })
        };
        Ok(Box::new(Self {
            created_date: entry.text("created_date")?,
            log: entry.text("log")?,
            author: entry.object("author", author)?,
            environment: entry.object("environment", Named::read)?,
            project: entry.object("project", Named::read)?,
            related_object_id: entry.integer("related_object_id")?,
            related_object_type: entry.text("related_object_type")?,
        }))
    }
}

impl FlagChange {
    fn read(change: &Object<'_>) -> Result<Box<Self>, EventError> {
        Ok(Box::new(Self {
            changed_by: change.text("changed_by")?,
            new_state: change.object("new_state", FlagState::read)?,
            previous_state: change.object("previous_state", FlagState::read)?,
            timestamp: change.text("timestamp")?,
        }))
    }
}

impl FlagState {
    fn read(state: &Object<'_>) -> Result<Self, EventError> {
        Ok(Self {
            enabled: state.boolean("enabled")?,
            environment: state.object("environment", Named::read)?,
            feature: state.object("feature", Named::read)?,
            feature_state_value: state.json("feature_state_value")?,
            identity_identifier: state.text("identity_identifier")?,
        })
    }
}

impl Named {
    fn read(named: &Object<'_>) -> Result<Self, EventError> {
        Ok(Self {
            id: named.integer("id")?,
            name: named.text("name")?,
        })
    }
}

/// Changes of flags, in the form in which Sentry receives them. The body holds them in `data`.
///
/// ```
/// use tower_webhook_auth::{FromBody, provider::flagsmith};
///
/// # fn main() -> Result<(), tower_webhook_auth::EventError> {
/// let body = br#"{"data":[{"action":"updated","flag":"butter_bar"}],"meta":{"version":1}}"#;
/// let changes = flagsmith::Changes::from_body(body)?;
/// assert_eq!(changes.events[0].flag, "butter_bar");
/// # Ok(())
/// # }
/// ```
///
/// Source: [Code](https://github.com/Flagsmith/flagsmith/blob/main/api/integrations/sentry/change_tracking.py).
pub type Changes = Batch<Change>;

/// A change of one flag.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// `created`, `updated` or `deleted`.
    pub action: String,
    /// The name of the flag.
    pub flag: String,
    /// When it changed, as in RFC 3339.
    pub created_at: Option<String>,
    /// The id of the change.
    pub change_id: Option<String>,
    /// Who made the change.
    pub created_by: Option<ChangeAuthor>,
}

/// The author of a [`Change`].
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeAuthor {
    /// The id, such as an e-mail address.
    pub id: Option<String>,
    /// What the id is, such as `email`.
    pub kind: Option<String>,
}

impl FromBody for Changes {
    fn from_body(body: &[u8]) -> Result<Self, EventError> {
        event::body(body, |changes| changes.required_batch("data", Change::read))
    }
}

impl Change {
    fn read(change: &Object<'_>) -> Result<Self, EventError> {
        let author = |author: &Object<'_>| {
            Ok(ChangeAuthor {
                id: author.id("id")?,
                kind: author.text("type")?,
            })
        };
        Ok(Self {
            action: change.required_text("action")?,
            flag: change.required_text("flag")?,
            created_at: change.text("created_at")?,
            change_id: change.id("change_id")?,
            created_by: change.object("created_by", author)?,
        })
    }
}
