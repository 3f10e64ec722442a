//! What the handler gets: the event, and the proof that it came from whom it claims.

use std::{fmt, ops::Deref, sync::Arc, time::SystemTime};

use bytes::Bytes;
use http::HeaderValue;

use crate::{
    scheme::{Authentication, Proof},
    secret::Origin,
};

/// An event that was verified before it was parsed. Only this crate can make one.
///
/// The layer puts it into the request's extensions. With feature `axum` it is an extractor:
///
#[cfg_attr(feature = "axum", doc = "```")]
#[cfg_attr(not(feature = "axum"), doc = "```ignore")]
/// use tower_webhook_auth::{Verified, provider::optimizely};
///
/// async fn datafile_updated(webhook: Verified<optimizely::Event>) {
///     println!("project {} changed", webhook.project_id);
/// }
/// # let _ = datafile_updated;
/// ```
///
/// It dereferences to the event, and a clone of it is one more reference to the same event.
pub struct Verified<E>(Arc<Inner<E>>);

struct Inner<E> {
    event: E,
    body: Bytes,
    origin: Origin,
    authentication: Authentication,
    delivery_id: Option<(HeaderValue, bool)>,
    event_name: Option<(HeaderValue, bool)>,
    timestamp: Option<SystemTime>,
}

/// Something that a header of the delivery says.
///
/// Many senders do not sign their headers: whoever can replay a body can put other headers around
/// it. So the two are told apart.
///
/// ```
/// use tower_webhook_auth::Claim;
///
/// let id = Claim::Unsigned("72d3162e-cc78-11e3-81ab-4c9367dc0958");
/// assert_eq!(id.signed(), None);
/// assert_eq!(id.unverified(), "72d3162e-cc78-11e3-81ab-4c9367dc0958");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Claim<'a> {
    /// The signature covers it.
    Signed(&'a str),
    /// Nothing proves it.
    Unsigned(&'a str),
}

impl<'a> Claim<'a> {
    fn new(claim: Option<&'a (HeaderValue, bool)>) -> Option<Self> {
        let (value, signed) = claim?;
        let text = value.to_str().ok()?;
        Some(if *signed {
            Self::Signed(text)
        } else {
            Self::Unsigned(text)
        })
    }

    /// What it says, if the signature covers it.
    #[must_use]
    pub fn signed(self) -> Option<&'a str> {
        match self {
            Self::Signed(text) => Some(text),
            Self::Unsigned(_) => None,
        }
    }

    /// What it says, proven or not: good for logs, not for decisions.
    #[must_use]
    pub fn unverified(self) -> &'a str {
        match self {
            Self::Signed(text) | Self::Unsigned(text) => text,
        }
    }
}

impl<E> Verified<E> {
    pub(crate) fn new(
        proof: Proof,
        event: E,
        body: Bytes,
        delivery_id: Option<(HeaderValue, bool)>,
        event_name: Option<(HeaderValue, bool)>,
    ) -> Self {
        Self(Arc::new(Inner {
            event,
            body,
            origin: proof.origin,
            authentication: proof.authentication,
            delivery_id: proof.id.or(delivery_id),
            event_name,
            timestamp: proof.timestamp,
        }))
    }

    /// The event. `Verified` also dereferences to it.
    #[must_use]
    pub fn event(&self) -> &E {
        &self.0.event
    }

    /// The event itself, if this is the only reference to it; otherwise a clone of it.
    #[must_use]
    pub fn into_event(self) -> E
    where
        E: Clone,
    {
        match Arc::try_unwrap(self.0) {
            Ok(inner) => inner.event,
            Err(shared) => shared.event.clone(),
        }
    }

    /// The body, exactly as it was received and verified.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.0.body
    }

    /// The name of the provider that verified it.
    #[must_use]
    pub fn provider(&self) -> &str {
        self.0.origin.provider()
    }

    /// The name of the key that matched.
    #[must_use]
    pub fn key_name(&self) -> &str {
        self.0.origin.key_name()
    }

    /// How it was authenticated. A shared key proves who called, but covers nothing of the body.
    #[must_use]
    pub fn authentication(&self) -> Authentication {
        self.0.authentication
    }

    /// The delivery's id, where the sender gives one in a header.
    #[must_use]
    pub fn delivery_id(&self) -> Option<Claim<'_>> {
        Claim::new(self.0.delivery_id.as_ref())
    }

    /// The event's name, where the sender gives it in a header. `None` where it stands in the body, as
    /// with Optimizely and VWO: there it is a field of the event, `webhook.event`.
    #[must_use]
    pub fn event_name(&self) -> Option<Claim<'_>> {
        Claim::new(self.0.event_name.as_ref())
    }

    pub(crate) fn acceptance(&self) -> Acceptance {
        Acceptance {
            origin: self.0.origin.clone(),
            body_bytes: self.0.body.len(),
        }
    }

    /// When it was signed, where the signature covers that.
    #[must_use]
    pub fn signed_at(&self) -> Option<SystemTime> {
        self.0.timestamp
    }
}

impl<E> Deref for Verified<E> {
    type Target = E;

    fn deref(&self) -> &E {
        &self.0.event
    }
}

impl<E> Clone for Verified<E> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<E: fmt::Debug> fmt::Debug for Verified<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified")
            .field("provider", &self.provider())
            .field("key_name", &self.key_name())
            .field("delivery_id", &self.delivery_id())
            .field("event", &self.0.event)
            .finish_non_exhaustive()
    }
}

/// That a delivery was accepted, for layers outside: the counterpart of
/// [`Rejection`](crate::Rejection) in a response's extensions.
///
/// It is there where
/// [`WebhookAuthLayer::expose_acceptance`](crate::WebhookAuthLayer::expose_acceptance) asks for it.
///
/// ```
/// use tower_webhook_auth::Acceptance;
///
/// fn count(response: &http::Response<()>) -> Option<(&str, &str)> {
///     let acceptance: &Acceptance = response.extensions().get()?;
///     Some((acceptance.provider(), acceptance.key_name()))
/// }
/// # assert_eq!(count(&http::Response::new(())), None);
/// ```
#[derive(Clone)]
pub struct Acceptance {
    origin: Origin,
    body_bytes: usize,
}

impl Acceptance {
    /// The name of the provider that verified it.
    #[must_use]
    pub fn provider(&self) -> &str {
        self.origin.provider()
    }

    /// The name of the key that matched.
    #[must_use]
    pub fn key_name(&self) -> &str {
        self.origin.key_name()
    }

    /// How many bytes its body had.
    #[must_use]
    pub fn body_bytes(&self) -> usize {
        self.body_bytes
    }
}

impl fmt::Debug for Acceptance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acceptance")
            .field("provider", &self.provider())
            .field("key_name", &self.key_name())
            .field("body_bytes", &self.body_bytes)
            .finish()
    }
}
