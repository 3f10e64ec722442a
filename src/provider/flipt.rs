//! Flipt version 1: audit events. Version 2 sends none.
//!
//! ```
//! use tower_webhook_auth::{ConfigError, Secret, Verified, WebhookAuthLayer};
//! use tower_webhook_auth::provider::{self, flipt};
//!
//! fn layer() -> Result<WebhookAuthLayer<flipt::Event>, ConfigError> {
//!     let secret = Secret::from_env("FLIPT_SIGNING_SECRET")?;
//!     Ok(WebhookAuthLayer::new(provider::flipt(secret)))
//! }
//!
//! fn handle(audit: &Verified<flipt::Event>) {
//!     println!("{:?} {:?} at {:?}", audit.action, audit.kind, audit.timestamp);
//! }
//! # let _ = (layer, handle);
//! ```
//!
//! A delivery has no signed id and no signed time, so it can be replayed.

use crate::event::{self, EventError, FromBody, Json, Object};

/// An entry of the audit log. Flipt leaves a field empty if it does not know the value.
///
/// No field is required: with a body template of your own, Flipt sends any JSON. A field that is
/// absent is `None`; a text that Flipt left empty is `Some` of an empty text.
///
/// ```
/// use tower_webhook_auth::{FromBody, provider::flipt};
///
/// # fn main() -> Result<(), tower_webhook_auth::EventError> {
/// let body = br#"{"version":"0.2","type":"flag","action":"created","payload":{"key":"dark-mode"}}"#;
/// let event = flipt::Event::from_body(body)?;
/// assert_eq!((event.kind.as_deref(), event.action.as_deref()), (Some("flag"), Some("created")));
/// # Ok(())
/// # }
/// ```
///
/// Source: [Vendor's page](https://docs.flipt.io/v1/configuration/observability#webhooks).
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The version of the event's format, such as `0.2`.
    pub version: Option<String>,
    /// The type of the object, such as `flag`. The sender calls this field `type`.
    pub kind: Option<String>,
    /// What was done, such as `created`.
    pub action: Option<String>,
    /// Who did it.
    pub actor: Option<Actor>,
    /// The object.
    pub payload: Option<Json>,
    /// When it was done, as in RFC 3339.
    pub timestamp: Option<String>,
    /// `success`, or why it was not done.
    pub status: Option<String>,
}

/// Who did something. The sender calls this `metadata.actor`.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// How the actor was authenticated.
    pub authentication: Option<String>,
    /// The actor's IP address.
    pub ip: Option<String>,
    /// The actor's e-mail address.
    pub email: Option<String>,
    /// The actor's name.
    pub name: Option<String>,
}

impl FromBody for Event {
    fn from_body(body: &[u8]) -> Result<Self, EventError> {
        event::body(body, |event| {
            Ok(Self {
                version: event.text("version")?,
                kind: event.text("type")?,
                action: event.text("action")?,
                actor: event
                    .object("metadata", |metadata| metadata.object("actor", Actor::read))?
                    .flatten(),
                payload: event.json("payload")?,
                timestamp: event.text("timestamp")?,
                status: event.text("status")?,
            })
        })
    }
}

impl Actor {
    fn read(actor: &Object<'_>) -> Result<Self, EventError> {
        Ok(Self {
            authentication: actor.text("authentication")?,
            ip: actor.text("ip")?,
            email: actor.text("email")?,
            name: actor.text("name")?,
        })
    }
}
