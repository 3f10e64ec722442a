//! Optimizely: Feature Experimentation, Full Stack, Web, and the Content Marketing Platform.
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
//! A delivery has no signed id and no signed time, so it can be replayed. [`Datafile::revision`] only
//! grows: ignore a revision that is not newer than the one that you have.

use std::borrow::Cow;

use serde::Deserialize;

use crate::event::{self, EventError, FromBody, Json, NoList, Object};

/// Something changed in a project.
///
/// There are 40 events, named `project.<entity>_<verb>`, and 3 for change approvals. Those about a
/// datafile or snippet carry a [`Datafile`], the others a list of [`Change`]s. An event that this
/// crate does not know keeps its data as [`Json`]: that is never an error.
///
/// ```
/// use tower_webhook_auth::{FromBody, provider::optimizely};
///
/// # fn main() -> Result<(), tower_webhook_auth::EventError> {
/// let body = br#"{"project_id":42,"timestamp":1558138293,"event":"project.datafile_updated",
///     "data":{"revision":13,"cdn_url":"https://cdn.optimizely.com/datafiles/key.json"}}"#;
/// let event = optimizely::Event::from_body(body)?;
/// assert_eq!(event.datafile().map(|datafile| datafile.revision), Some(13));
///
/// let body = br#"{"project_id":42,"timestamp":1558138293,"event":"project.flag_updated",
///     "data":[{"change_type":"update","entity":{"type":"flag","name":"dark_mode"}}]}"#;
/// let event = optimizely::Event::from_body(body)?;
/// assert_eq!(event.event.entity_and_verb(), Some(("flag", "updated")));
/// assert_eq!(event.changes()[0].change_type.as_deref(), Some("update"));
/// # Ok(())
/// # }
/// ```
///
/// Sources: [webhooks](https://docs.developers.optimizely.com/feature-experimentation/docs/configure-webhooks),
/// [change approvals](https://docs.developers.optimizely.com/feature-experimentation/docs/change-approval-webhooks).
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The id of the project.
    pub project_id: i64,
    /// When it changed, in seconds since 1970.
    pub timestamp: Option<i64>,
    /// What happened.
    pub event: EventName,
    /// The details.
    pub data: Data,
}

impl Event {
    /// The new datafile, when the event is [`DatafileUpdated`](EventName::DatafileUpdated).
    #[must_use]
    pub fn datafile(&self) -> Option<&Datafile> {
        match (&self.event, &self.data) {
            (EventName::DatafileUpdated, Data::Datafile(datafile)) => Some(datafile),
            _ => None,
        }
    }

    /// The changes, when the event carries a list of them.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        match &self.data {
            Data::Changes(changes) => changes,
            _ => &[],
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
    /// Any other, such as `project.flag_updated` or `project.approval_created`, as the sender wrote
    /// it.
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

    /// The entity and the verb of the name: `("flag", "archived")` for `project.flag_archived`.
    /// `None` when the name has another form.
    #[must_use]
    pub fn entity_and_verb(&self) -> Option<(&str, &str)> {
        self.as_str().strip_prefix("project.")?.rsplit_once('_')
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// For every other event whose `data` is a list of objects.
    Changes(Vec<Change>),
    /// For a new datafile or snippet.
    Datafile(Datafile),
    /// For an event with other data. `None` when the event has no data.
    Json(Option<Json>),
}

/// A datafile or snippet, and where to download it.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datafile {
    /// A number that grows with every change of the environment. If it is not newer than the one that you
    /// have, the event was replayed or arrived late.
    pub revision: u64,
    /// The URL of the original copy.
    pub origin_url: Option<String>,
    /// The URL to download from. Compare its host with the one that you expect before you request it.
    pub cdn_url: String,
    /// The name of the environment. Old payloads have none.
    pub environment: Option<String>,
}

/// A change of one entity, as in the project's change history.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The id of the change.
    pub id: Option<String>,
    /// The id of the project.
    pub project_id: Option<i64>,
    /// When it changed, as in RFC 3339.
    pub created: Option<String>,
    /// What was done, such as `create` or `update`.
    pub change_type: Option<String>,
    /// Where the change was made, such as `ui` or `api`.
    pub source: Option<String>,
    /// The change, in words.
    pub summary: Option<String>,
    /// The environment, where the sender names it.
    pub environment: Option<Json>,
    /// The entity that changed.
    pub entity: Option<Entity>,
    /// Who made the change.
    pub user: Option<User>,
    /// The properties that changed.
    pub changes: Vec<PropertyChange>,
}

/// The entity that a [`Change`] is about.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity {
    /// The id.
    pub id: Option<String>,
    /// The name.
    pub name: Option<String>,
    /// The type, such as `flag` or `ruleset`. The sender calls this field `type`.
    pub kind: Option<String>,
    /// A more exact type, where there is one.
    pub sub_type: Option<String>,
    /// The URL of the entity in the REST API.
    pub api_url: Option<String>,
    /// The URL of the entity in the web application.
    pub ui_url: Option<String>,
    /// Whether the entity was deleted.
    pub is_deleted: Option<bool>,
}

/// The user who made a [`Change`].
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The id.
    pub id: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// The name to show.
    pub display_name: Option<String>,
}

/// A property before and after a [`Change`].
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PropertyChange {
    /// The name of the property, such as `enabled`.
    pub property: Option<String>,
    /// The change, in words.
    pub description: Option<String>,
    /// The value before the change.
    pub before: Option<Json>,
    /// The value after the change.
    pub after: Option<Json>,
}

/// A datafile event in its usual form. Most deliveries have it, and it can be read in one pass.
#[derive(Deserialize)]
struct Usual<'a> {
    #[serde(default)]
    _no_list: NoList,
    project_id: i64,
    timestamp: Option<i64>,
    #[serde(borrow)]
    event: Cow<'a, str>,
    data: UsualDatafile,
}

#[derive(Deserialize)]
struct UsualDatafile {
    #[serde(default)]
    _no_list: NoList,
    revision: u64,
    origin_url: Option<String>,
    cdn_url: String,
    environment: Option<String>,
}

impl Event {
    /// `None` for every other form, which is then read field by field.
    fn usual(body: &[u8]) -> Option<Self> {
        let usual: Usual<'_> = event::usual(body)?;
        let data = usual.data;
        let event = EventName::from(&*usual.event);
        if matches!(event, EventName::Other(_)) {
            return None;
        }
        Some(Self {
            project_id: usual.project_id,
            timestamp: usual.timestamp,
            event,
            data: Data::Datafile(Datafile {
                revision: data.revision,
                origin_url: data.origin_url,
                cdn_url: data.cdn_url,
                environment: data.environment,
            }),
        })
    }
}

impl FromBody for Event {
    fn from_body(body: &[u8]) -> Result<Self, EventError> {
        if let Some(event) = Self::usual(body) {
            return Ok(event);
        }
        event::body(body, |event| {
            let name = EventName::from(&*event.required_text("event")?);
            let data = match name {
                EventName::DatafileUpdated | EventName::SnippetUpdated => {
                    Data::Datafile(event.required_object("data", Datafile::read)?)
                }
                EventName::Other(_) if event.is_list_of_objects("data")? => {
                    Data::Changes(event.objects("data", Change::read)?)
                }
                EventName::Other(_) => Data::Json(event.json("data")?),
            };
            Ok(Self {
                project_id: event.required_integer("project_id")?,
                timestamp: event.integer("timestamp")?,
                event: name,
                data,
            })
        })
    }
}

impl Datafile {
    fn read(datafile: &Object<'_>) -> Result<Self, EventError> {
        let revision = datafile.required_integer("revision")?;
        Ok(Self {
            revision: u64::try_from(revision)
                .map_err(|_| EventError::unexpected("revision", "0 or more", "negative"))?,
            origin_url: datafile.text("origin_url")?,
            cdn_url: datafile.required_text("cdn_url")?,
            environment: datafile.text("environment")?,
        })
    }
}

impl Change {
    fn read(change: &Object<'_>) -> Result<Self, EventError> {
        Ok(Self {
            id: change.id("id")?,
            project_id: change.integer("project_id")?,
            created: change.text("created")?,
            change_type: change.text("change_type")?,
            source: change.text("source")?,
            summary: change.text("summary")?,
            environment: change.json("environment")?,
            entity: change.object("entity", Entity::read)?,
            user: change.object("user", User::read)?,
            changes: change.objects("changes", PropertyChange::read)?,
        })
    }
}

impl Entity {
    fn read(entity: &Object<'_>) -> Result<Self, EventError> {
        Ok(Self {
            id: entity.id("id")?,
            name: entity.text("name")?,
            kind: entity.text("type")?,
            sub_type: entity.text("sub_type")?,
            api_url: entity.text("api_url")?,
            ui_url: entity.text("ui_url")?,
            is_deleted: entity.boolean("is_deleted")?,
        })
    }
}

impl User {
    fn read(user: &Object<'_>) -> Result<Self, EventError> {
        Ok(Self {
            id: user.id("id")?,
            email: user.text("email")?,
            display_name: user.text("display_name")?,
        })
    }
}

impl PropertyChange {
    fn read(change: &Object<'_>) -> Result<Self, EventError> {
        Ok(Self {
            property: change.text("property")?,
            description: change.text("description")?,
            before: change.json("before")?,
            after: change.json("after")?,
        })
    }
}
