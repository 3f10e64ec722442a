//! LaunchDarkly: entries of the audit log.
//!
//! ```
//! use tower_webhook_auth::{ConfigError, Secret, Verified, WebhookAuthLayer};
//! use tower_webhook_auth::provider::{self, launchdarkly};
//!
//! fn layer() -> Result<WebhookAuthLayer<launchdarkly::Event>, ConfigError> {
//!     let secret = Secret::from_env("LAUNCHDARKLY_WEBHOOK_SECRET")?;
//!     Ok(WebhookAuthLayer::new(provider::launchdarkly(secret)))
//! }
//!
//! fn handle(entry: &Verified<launchdarkly::Event>) {
//!     println!("{} {:?} changed at {:?}", entry.kind, entry.name, entry.date);
//! }
//! # let _ = (layer, handle);
//! ```
//!
//! A delivery has no signed id and no signed time in its headers, so it can be replayed. Deliveries may
//! arrive out of order: sort them by [`Event::date`], and find duplicates by [`Event::id`].

use crate::event::{self, EventError, FromBody, Json, Object};

/// An entry of the audit log: something changed.
///
/// The fields that this type does not name are in [`Verified::body`](crate::Verified::body).
///
/// ```
/// use tower_webhook_auth::{FromBody, provider::launchdarkly};
///
/// # fn main() -> Result<(), tower_webhook_auth::EventError> {
/// let body = br#"{"_id":"57c0a8e2","date":1472243938774,"kind":"flag","accesses":null}"#;
/// let entry = launchdarkly::Event::from_body(body)?;
/// assert_eq!((entry.kind.as_str(), entry.date), ("flag", Some(1_472_243_938_774)));
/// # Ok(())
/// # }
/// ```
///
/// Source: [Vendor's page](https://launchdarkly.com/docs/api/webhooks).
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The id of the entry.
    pub id: String,
    /// When it changed, in milliseconds since 1970.
    pub date: Option<i64>,
    /// The type of the object, such as `flag` or `environment`.
    pub kind: String,
    /// The name of the object.
    pub name: Option<String>,
    /// The actions, such as `updateName`, and their resources.
    pub accesses: Vec<Access>,
    /// The change, in Markdown.
    pub description: Option<String>,
    /// The comment of the member who made the change.
    pub comment: Option<String>,
    /// The action in words, such as `turned on the flag`.
    pub title_verb: Option<String>,
    /// Who made the change, if it was a member.
    pub member: Option<Member>,
    /// The object, as LaunchDarkly's API shows it.
    pub target: Option<Json>,
}

/// An action on a resource.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// The action, such as `updateName`.
    pub action: Option<String>,
    /// The resource, such as `proj/alexis:env/test`.
    pub resource: Option<String>,
}

/// A member of the account.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The id of the member.
    pub id: Option<String>,
    /// The e-mail address of the member.
    pub email: Option<String>,
}

impl FromBody for Event {
    fn from_body(body: &[u8]) -> Result<Self, EventError> {
        event::body(body, |entry| {
            Ok(Self {
                id: entry.required_text("_id")?,
                date: entry.integer("date")?,
                kind: entry.required_text("kind")?,
                name: entry.text("name")?,
                accesses: entry.objects("accesses", Access::read)?,
                description: entry.text("description")?,
                comment: entry.text("comment")?,
                title_verb: entry.text("titleVerb")?,
                member: entry.object("member", Member::read)?,
                target: entry.json("target")?,
            })
        })
    }
}

impl Access {
    fn read(access: &Object<'_>) -> Result<Self, EventError> {
        Ok(Self {
            action: access.text("action")?,
            resource: access.text("resource")?,
        })
    }
}

impl Member {
    fn read(member: &Object<'_>) -> Result<Self, EventError> {
        Ok(Self {
            id: member.text("_id")?,
            email: member.text("email")?,
        })
    }
}
