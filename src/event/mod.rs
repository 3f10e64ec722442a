//! How a body becomes an event.
//!
//! A body is authentic before it is read here. So this module is tolerant. After an error the
//! delivery is lost, because most senders do not repeat a delivery after a 422. Data that an event
//! type does not name is not parsed at all ([`Json`]). Texts are read lossily. `null` means
//! "absent". Only the fields that identify an event are required.

mod batch;
mod error;
mod form;
mod json;
mod object;
mod text;
mod usual;

#[cfg(any(feature = "axum", feature = "replay"))]
use std::any::TypeId;

#[cfg(any(feature = "axum", feature = "replay"))]
use bytes::Bytes;

#[cfg(feature = "tracing")]
pub(crate) use self::error::Unquoted;
pub(crate) use self::{
    batch::json_batch,
    form::{Form, only_value, pairs},
    json::from_json,
    object::{Object, batch, body},
    usual::{NoList, usual},
};
pub use self::{
    batch::{Batch, Unreadable},
    error::EventError,
    form::SignedForm,
    json::Json,
};

/// The name of an event type in messages.
#[cfg(any(feature = "axum", feature = "replay"))]
pub(crate) fn type_name<E: 'static>() -> &'static str {
    if TypeId::of::<E>() == TypeId::of::<Bytes>() {
        // The event of most presets. Its full path is `bytes::bytes::Bytes`.
        "bytes::Bytes"
    } else {
        std::any::type_name::<E>()
    }
}

/// A type that is read from the body of a delivery, for [`Provider::parse`](crate::Provider::parse).
///
/// The typed events of this crate implement it. Implement it for your own type if
/// [`Provider::json`](crate::Provider::json) is not enough:
///
/// ```
/// use tower_webhook_auth::{EventError, FromBody, Json};
///
/// #[derive(Debug, PartialEq)]
/// struct Reading {
///     celsius: f64,
/// }
///
/// impl FromBody for Reading {
///     fn from_body(body: &[u8]) -> Result<Self, EventError> {
///         // This sender writes one number and nothing else.
///         let celsius = Json::from_body(body)?.parse()?;
///         Ok(Self { celsius })
///     }
/// }
///
/// assert_eq!(Reading::from_body(b"21.5").unwrap(), Reading { celsius: 21.5 });
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not implement `FromBody`",
    label = "`parse` needs a type of this crate, or a type with `FromBody`",
    note = "for a type that implements serde's `Deserialize`, call `.json::<{Self}>()` instead of `.parse::<{Self}>()`"
)]
pub trait FromBody: Sized {
    /// Reads the event from a verified body.
    ///
    /// # Errors
    ///
    /// When the body is not such an event. The error names the field, and never quotes the body.
    fn from_body(body: &[u8]) -> Result<Self, EventError>;
}
