//! The verified delivery that the handler receives: the event, and how it was verified.

#[cfg(feature = "replay")]
use std::time::Duration;
use std::{fmt, ops::Deref, sync::Arc, time::SystemTime};

use bytes::Bytes;
use http::HeaderValue;

use crate::{
    identity::{Identifying, Identity, Mark},
    scheme::{Authentication, Proof},
    secret::Origin,
};

/// An event whose delivery was verified before it was parsed. Only this crate can create one.
///
/// The layer inserts it into the request's extensions. With feature `axum` it is an extractor:
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
/// It dereferences to the event. A clone is another reference to the same event.
pub struct Verified<E>(Arc<Inner<E>>);

struct Inner<E> {
    event: E,
    body: Bytes,
    origin: Origin,
    authentication: Authentication,
    body_is_signed: bool,
    delivery_id: Option<(HeaderValue, bool)>,
    event_name: Option<(HeaderValue, bool)>,
    timestamp: Option<SystemTime>,
    /// How far the signed time may be from now if the layer is to accept a copy of the delivery.
    #[cfg(feature = "replay")]
    tolerance: Option<Duration>,
    /// The signed time from which on the layer rejects a copy of the delivery.
    #[cfg(feature = "replay")]
    expires_at: Option<SystemTime>,
}

/// The value of a header of the delivery, and whether the signature covers it.
///
/// Many senders do not sign their headers. An attacker who replays a signed body can send it with
/// other headers, so this type distinguishes signed values from unsigned ones.
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
    /// The signature does not cover it.
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

    /// The value, if the signature covers it.
    #[must_use]
    pub fn signed(self) -> Option<&'a str> {
        match self {
            Self::Signed(text) => Some(text),
            Self::Unsigned(_) => None,
        }
    }

    /// The value, signed or not. Use it for logs, not for decisions.
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
        #[cfg(feature = "replay")] tolerance: Option<Duration>,
    ) -> Self {
        Self(Arc::new(Inner {
            event,
            body,
            origin: proof.origin,
            authentication: proof.authentication,
            body_is_signed: proof.body_is_signed,
            delivery_id: proof.id.or(delivery_id),
            event_name,
            timestamp: proof.timestamp,
            #[cfg(feature = "replay")]
            tolerance,
            #[cfg(feature = "replay")]
            expires_at: proof.expires_at,
        }))
    }

    /// The event. `Verified` also dereferences to it.
    #[must_use]
    pub fn event(&self) -> &E {
        &self.0.event
    }

    /// The event without a clone if this is the only reference to it, otherwise a clone of it.
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

    /// The body, exactly as it was received and verified. If the body was a token or contained one, these are
    /// the claims of the token: see [`TokenPlace::body`](crate::TokenPlace::body).
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.0.body
    }

    /// The name of the provider that verified the delivery.
    #[must_use]
    pub fn provider(&self) -> &str {
        self.0.origin.provider()
    }

    /// The name of the key that matched.
    #[must_use]
    pub fn key_name(&self) -> &str {
        self.0.origin.key_name()
    }

    /// How the delivery was authenticated. A shared key proves that the caller knows the key. It does
    /// not cover the body. Some tokens do not cover it, either.
    #[must_use]
    pub fn authentication(&self) -> Authentication {
        self.0.authentication
    }

    /// Whether the signature covers every byte of the body, and shows where the body begins and ends.
    ///
    /// It is `false` for:
    ///
    /// - a shared key;
    /// - a token that does not cover the body;
    /// - a [partial signature](crate::Authentication::PartialSignature);
    /// - a [keyless digest](crate::SignatureScheme::keyless_sha256_open_to_length_extension);
    /// - a scheme with a [movable body boundary](crate::SignatureScheme::accept_movable_body_boundary);
    /// - a [`CustomScheme`](crate::CustomScheme) that does not call
    ///   [`body_is_signed`](crate::CustomFacts::body_is_signed).
    #[must_use]
    pub fn body_is_signed(&self) -> bool {
        self.0.body_is_signed
    }

    /// The name of the way that matched, if the scheme has several: see
    /// [`Scheme::any_of`](crate::Scheme::any_of).
    #[must_use]
    pub fn way(&self) -> Option<&str> {
        self.0.origin.way_name()
    }

    /// The id of the delivery, if the sender sends one in a header.
    #[must_use]
    pub fn delivery_id(&self) -> Option<Claim<'_>> {
        Claim::new(self.0.delivery_id.as_ref())
    }

    /// The name of the event, if the sender sends it in a header. `None` if it is in the body, as with
    /// Optimizely and VWO. There it is a field of the event, `webhook.event`.
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

    /// The time when the sender signed the delivery, if the signature covers it.
    #[must_use]
    pub fn signed_at(&self) -> Option<SystemTime> {
        self.0.timestamp
    }

    /// The tenant whose keys verified the delivery. `None` for the keys that the provider holds
    /// itself.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.0.origin.tenant()
    }

    /// A value that distinguishes this delivery from every other delivery. It is a digest of the
    /// provider, the tenant, and the first of these that the signature covers:
    ///
    /// 1. the id in a header. Standard Webhooks and Svix keep it when they send a delivery again;
    /// 2. the time of signing, and the body;
    /// 3. the body. Two events whose bodies are equal then have one identity.
    ///
    /// `None` for a shared key and for a token that covers nothing of the body, and for a
    /// [partial signature](crate::Authentication::PartialSignature) or a
    /// [`CustomScheme`](crate::CustomScheme) that covers neither an id nor the body. Unsigned
    /// headers have no influence, because an attacker can change them. The signature has no
    /// influence either, because one delivery can have two valid signatures.
    ///
    /// The identity is computed when this method is called. Without a signed id that is one SHA-256
    /// over the body, so keep the result.
    ///
    /// ```
    /// use tower_webhook_auth::Verified;
    ///
    /// /// The key of the delivery in a table of deliveries that were processed.
    /// fn key<E>(webhook: &Verified<E>) -> Option<String> {
    ///     Some(webhook.identity()?.to_string())
    /// }
    /// # let _ = key::<()>;
    /// ```
    #[must_use]
    pub fn identity(&self) -> Option<Identity> {
        self.identifying().map(Identifying::finish)
    }

    /// The identity of a delivery whose event contains its own id, such as `evt_…` of Stripe.
    ///
    /// Stripe signs each attempt with a new time, so two attempts have two times of signing, and
    /// [`identity`](Self::identity) is different for each. The id in the event is the same.
    ///
    /// ```
    /// use tower_webhook_auth::{Identity, Verified};
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Event {
    ///     id: String,
    /// }
    ///
    /// fn identity(webhook: &Verified<Event>) -> Identity {
    ///     webhook.identity_by_event_id(&webhook.id)
    /// }
    /// # let _ = identity;
    /// ```
    #[must_use]
    pub fn identity_by_event_id(&self, id: &str) -> Identity {
        self.identifying_event(id).finish()
    }

    /// The unfinished identity, for a caller that yields between pieces of the body.
    pub(crate) fn identifying(&self) -> Option<Identifying> {
        let covers_nothing = match self.0.authentication {
            Authentication::Custom | Authentication::PartialSignature => {
                !self.0.body_is_signed && self.signed_id().is_none()
            }
            Authentication::BodyKey | Authentication::SharedKey | Authentication::Token => true,
            Authentication::KeylessDigest | Authentication::Signature => false,
        };
        if covers_nothing {
            return None;
        }
        Some(self.identify(&match self.signed_id() {
            Some(id) => Mark::SignedId(id),
            None => Mark::Content {
                signed_at: self.0.timestamp,
                body: &self.0.body,
            },
        }))
    }

    /// The same for [`identity_by_event_id`](Self::identity_by_event_id).
    pub(crate) fn identifying_event(&self, id: &str) -> Identifying {
        self.identify(&Mark::EventId(id))
    }

    fn identify(&self, mark: &Mark<'_>) -> Identifying {
        Identifying::new(self.provider(), self.tenant(), mark)
    }

    /// How far the signed time may be from now if the layer is to accept a copy of the delivery. `None` if it
    /// accepts any age.
    #[cfg(feature = "replay")]
    pub(crate) fn tolerance(&self) -> Option<Duration> {
        self.0.tolerance
    }

    /// The signed time from which on the layer rejects a copy of the delivery.
    #[cfg(feature = "replay")]
    pub(crate) fn expires_at(&self) -> Option<SystemTime> {
        self.0.expires_at
    }

    /// The id of the delivery, if the signature covers it.
    pub(crate) fn signed_id(&self) -> Option<&[u8]> {
        match &self.0.delivery_id {
            Some((id, true)) => Some(id.as_bytes()),
            _ => None,
        }
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

/// It prints the event, and not the body. If the key is in the body, the event may contain it, and is not
/// printed either.
impl<E: fmt::Debug> fmt::Debug for Verified<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Verified");
        debug
            .field("provider", &self.provider())
            .field("key_name", &self.key_name())
            .field("tenant", &self.tenant())
            .field("delivery_id", &self.delivery_id());
        if self.0.authentication != Authentication::BodyKey {
            debug.field("event", &self.0.event);
        }
        debug.finish_non_exhaustive()
    }
}

/// What outer layers learn about a delivery that was accepted: the counterpart of
/// [`Rejection`](crate::Rejection) in the response's extensions.
///
/// [`WebhookAuthLayer::expose_acceptance`](crate::WebhookAuthLayer::expose_acceptance) enables it.
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
    /// The name of the provider that verified the delivery.
    #[must_use]
    pub fn provider(&self) -> &str {
        self.origin.provider()
    }

    /// The name of the key that matched.
    #[must_use]
    pub fn key_name(&self) -> &str {
        self.origin.key_name()
    }

    /// The tenant whose keys verified the delivery. `None` for the keys that the provider holds itself.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.origin.tenant()
    }

    /// The length of the body in bytes.
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
            .field("tenant", &self.tenant())
            .field("body_bytes", &self.body_bytes)
            .finish()
    }
}
