//! The facts of a [`CustomScheme`](super::CustomScheme), and its claims about one delivery.

use std::time::{Duration, SystemTime};

use http::{HeaderName, HeaderValue};

use crate::scheme::headers::is_readable_id;

/// What a [`CustomScheme`](super::CustomScheme) covers, and which headers it reads.
///
/// At first it says that nothing but the sender is proven. Each method adds one fact. The facts
/// must be true for every delivery that the scheme accepts: if a sender signs in two ways that
/// cover different things, write two schemes and join them with
/// [`Scheme::any_of`](crate::Scheme::any_of).
#[derive(Clone, Debug)]
#[must_use]
pub struct CustomFacts {
    pub(super) headers: Vec<HeaderName>,
    pub(super) body: bool,
    pub(super) id: bool,
    pub(super) tolerance: Option<Duration>,
    pub(crate) head_is_enough: bool,
    /// For a scheme of this crate: what it is called, and what it signs.
    pub(crate) built_in: Option<(&'static str, String)>,
    /// For a scheme of this crate with public keys: how many of them are tried for a delivery.
    pub(crate) most_keys: Option<usize>,
}

impl CustomFacts {
    /// A scheme that reads its signature or token from these headers. The first is named in a rejection
    /// when no key matches. There is none if the signature is in the body.
    ///
    /// The layer marks the headers as sensitive before the inner service gets the request.
    pub fn new(headers: impl IntoIterator<Item = HeaderName>) -> Self {
        Self {
            headers: headers.into_iter().collect(),
            body: false,
            id: false,
            tolerance: None,
            head_is_enough: false,
            built_in: None,
            most_keys: None,
        }
    }

    /// The signature covers every byte of the body, and shows where the body begins and ends: no other body
    /// has the same signature.
    ///
    /// Do not call this if only the parsed form of the body is signed, as with sorted parameters.
    /// Two bodies can then have the same signature.
    pub fn body_is_signed(mut self) -> Self {
        self.body = true;
        self
    }

    /// The signature covers the id of the delivery. [`CustomClaims::id`] must then give it. A delivery
    /// without it is rejected.
    pub fn id_is_signed(mut self) -> Self {
        self.id = true;
        self
    }

    /// The signature covers the time of signing, and the time may be this far in the past or in the future.
    /// [`CustomClaims::signed_at`] must then give it. A delivery without it is rejected.
    ///
    /// The layer checks the time after the body was read. To check a time in a header earlier,
    /// call [`CustomHead::check_time`](super::CustomHead::check_time).
    pub fn time_is_signed(mut self, tolerance: Duration) -> Self {
        self.tolerance = Some(tolerance);
        self
    }

    /// The request head is enough, as with a token. The verdict is then made before the body is read, and
    /// the body is not signed.
    pub fn head_is_enough(mut self) -> Self {
        self.head_is_enough = true;
        self
    }

    /// For a scheme of this crate: what [`Way`](crate::scheme::Way) says.
    #[cfg(any(feature = "certificates", feature = "http-signatures"))]
    pub(crate) fn of_built_in(mut self, algorithm: &'static str, signed: &str) -> Self {
        self.built_in = Some((algorithm, signed.to_owned()));
        self
    }

    /// For a scheme of this crate: more keys than this are an error when they are prepared.
    #[cfg(any(
        feature = "certificates",
        feature = "ed25519",
        feature = "http-signatures"
    ))]
    pub(crate) fn at_most(mut self, keys: usize) -> Self {
        self.most_keys = Some(keys);
        self
    }

    pub(crate) fn headers(&self) -> &[HeaderName] {
        &self.headers
    }

    /// Whether every byte of the body is proven.
    pub(crate) fn proves_body(&self) -> bool {
        self.body && !self.head_is_enough
    }

    #[cfg(feature = "replay")]
    pub(crate) fn proves_id_or_time(&self) -> bool {
        self.id || (self.tolerance.is_some() && self.proves_body())
    }

    pub(crate) fn proves_id(&self) -> bool {
        self.id
    }

    pub(crate) fn tolerance(&self) -> Option<Duration> {
        self.tolerance
    }
}

/// The claims of one delivery. They count only if a key matches.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct CustomClaims {
    pub(crate) id: Option<HeaderValue>,
    pub(crate) signed_at: Option<SystemTime>,
}

impl CustomClaims {
    /// No id and no time.
    pub fn new() -> Self {
        Self::default()
    }

    /// The id of the delivery, for [`Verified::delivery_id`](crate::Verified::delivery_id). It counts as
    /// signed if [`CustomFacts::id_is_signed`] was called. An id that is empty, or that contains anything
    /// but visible ASCII, is dropped.
    pub fn id(mut self, id: impl AsRef<[u8]>) -> Self {
        let id = id.as_ref();
        self.id = HeaderValue::from_bytes(id)
            .ok()
            .filter(|_| is_readable_id(id));
        self
    }

    /// The time of signing. It counts only if [`CustomFacts::time_is_signed`] was called.
    pub fn signed_at(mut self, time: SystemTime) -> Self {
        self.signed_at = Some(time);
        self
    }
}
