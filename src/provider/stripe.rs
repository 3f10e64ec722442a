//! Stripe: the envelope of every event.
//!
//! ```
//! use tower_webhook_auth::{ConfigError, Secret, Verified, WebhookAuthLayer};
//! use tower_webhook_auth::provider::{self, stripe};
//!
//! fn layer() -> Result<WebhookAuthLayer<stripe::Event>, ConfigError> {
//!     let secret = Secret::from_env("STRIPE_WEBHOOK_SECRET")?;
//!     Ok(WebhookAuthLayer::new(provider::stripe(secret).parse()))
//! }
//!
//! fn handle(webhook: &Verified<stripe::Event>) {
//!     if webhook.kind == "invoice.paid" {
//!         println!("{:?}", webhook.data_object);
//!     }
//! }
//! # let _ = (layer, handle);
//! ```
//!
//! The types of the objects are in Stripe's libraries. Read `data_object` with [`Json::parse`].

use crate::event::{self, EventError, FromBody, Json, Object};

/// An event of Stripe: a snapshot event, or a thin event of version 2.
///
/// ```
/// use serde::Deserialize;
/// use tower_webhook_auth::{FromBody, provider::stripe};
///
/// #[derive(Deserialize)]
/// struct Invoice {
///     amount_paid: i64,
/// }
///
/// # fn main() -> Result<(), tower_webhook_auth::EventError> {
/// let body = br#"{"id":"evt_1","object":"event","type":"invoice.paid","created":1533204620,
///     "livemode":false,"data":{"object":{"object":"invoice","amount_paid":1999}}}"#;
/// let event = stripe::Event::from_body(body)?;
/// assert_eq!((event.kind.as_str(), event.livemode), ("invoice.paid", Some(false)));
///
/// let invoice: Invoice = event.data_object.expect("an invoice").parse()?;
/// assert_eq!(invoice.amount_paid, 1999);
/// # Ok(())
/// # }
/// ```
///
/// Sources: [snapshot events](https://docs.stripe.com/api/events/object),
/// [thin events](https://docs.stripe.com/api/v2/core/events/object).
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The id of the event. It stays the same when Stripe repeats the delivery.
    pub id: Option<String>,
    /// What happened, such as `invoice.paid`. The sender calls this field `type`.
    pub kind: String,
    /// When it happened. A snapshot event has seconds since 1970 as digits, a thin event has a text as in
    /// RFC 3339.
    pub created: Option<String>,
    /// Whether this is production data (`true`) or test data (`false`).
    pub livemode: Option<bool>,
    /// The connected account, if the event belongs to one.
    pub account: Option<String>,
    /// The version of the API in which the object is written.
    pub api_version: Option<String>,
    /// Snapshot events: the object, as it was when the event happened. The sender calls this
    /// `data.object`.
    pub data_object: Option<Json>,
    /// Snapshot events: the values that changed, before the change. The sender calls this
    /// `data.previous_attributes`.
    pub previous_attributes: Option<Json>,
    /// Thin events: the object to request from the API.
    pub related_object: Option<RelatedObject>,
}

/// The object that a thin event is about.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelatedObject {
    /// The id of the object.
    pub id: Option<String>,
    /// The type of the object, such as `billing.meter`. The sender calls this field `type`.
    pub kind: Option<String>,
    /// The path of the object in the API.
    pub url: Option<String>,
}

impl FromBody for Event {
    fn from_body(body: &[u8]) -> Result<Self, EventError> {
        event::body(body, |event| {
            let data = event.object("data", |data| {
                Ok((data.json("object")?, data.json("previous_attributes")?))
            })?;
            let (data_object, previous_attributes) = data.unwrap_or_default();
            Ok(Self {
                id: event.text("id")?,
                kind: event.required_text("type")?,
                created: event.id("created")?,
                livemode: event.boolean("livemode")?,
                account: event.text("account")?,
                api_version: event.text("api_version")?,
                data_object,
                previous_attributes,
                related_object: event.object("related_object", RelatedObject::read)?,
            })
        })
    }
}

impl RelatedObject {
    fn read(object: &Object<'_>) -> Result<Self, EventError> {
        Ok(Self {
            id: object.text("id")?,
            kind: object.text("type")?,
            url: object.text("url")?,
        })
    }
}
