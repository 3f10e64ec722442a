//! [`CustomRejection`]: why a scheme in code rejects a request.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use http::HeaderName;

use crate::{
    rejection::{ExpectedShape, FoundShape, Rejection, RejectionKind},
    secret::Names,
};

/// Why a [`CustomScheme`](super::CustomScheme) rejects a request. It becomes a
/// [`Rejection`] with one of the existing kinds.
///
/// It contains no value of the request. To the client, all reasons look the same.
#[derive(Clone, Debug)]
pub struct CustomRejection(Reason);

#[derive(Clone, Debug)]
enum Reason {
    /// Boxed, so that a function of the user that returns it stays cheap.
    Made(Box<Rejection>),
    Mismatch,
}

impl CustomRejection {
    /// A header that must be present is absent: [`RejectionKind::HeaderMissing`].
    #[must_use]
    pub fn header_missing(name: &HeaderName) -> Self {
        Self::made(Rejection::header(RejectionKind::HeaderMissing, name))
    }

    /// The value of a header does not have this shape: [`RejectionKind::HeaderMalformed`]. `expected` is
    /// for the owner, such as `"28 characters of base64"`.
    #[must_use]
    pub fn header_malformed(name: &HeaderName, expected: &'static str) -> Self {
        Self::made(Rejection::malformed(
            name,
            ExpectedShape::written(expected),
            FoundShape::of_other_value(),
        ))
    }

    /// The delivery is not authentic: [`RejectionKind::SignatureMismatch`]. Use it also for a body in which
    /// the signature is absent or cannot be read.
    #[must_use]
    pub fn mismatch() -> Self {
        Self(Reason::Mismatch)
    }

    /// The method, path or query is not what the scheme requires: [`RejectionKind::TargetMalformed`].
    #[must_use]
    pub fn target_malformed() -> Self {
        Self::made(Rejection::new(RejectionKind::TargetMalformed))
    }

    pub(in crate::scheme) fn made(rejection: Rejection) -> Self {
        Self(Reason::Made(Box::new(rejection)))
    }

    pub(in crate::scheme) fn check_time(
        header: Option<&HeaderName>,
        signed_at: SystemTime,
        now: SystemTime,
        tolerance: Option<Duration>,
    ) -> Result<(), Self> {
        let Some(tolerated) = tolerance else {
            return Ok(());
        };
        let (kind, distance) = match now.duration_since(signed_at) {
            Ok(age) => (RejectionKind::TimestampTooOld, age),
            Err(ahead) => (RejectionKind::TimestampInFuture, ahead.duration()),
        };
        if distance <= tolerated {
            return Ok(());
        }
        let rejection = Rejection::timestamp(kind, header, distance, tolerated, None);
        Err(Self::made(rejection))
    }

    /// The rejection of a scheme that reads its signature from this header. `kind` is that of a mismatch. `tried`
    /// is `None` if no key was tried.
    pub(super) fn of_scheme(
        self,
        kind: RejectionKind,
        header: Option<&HeaderName>,
        tried: Option<&Arc<Names>>,
    ) -> Rejection {
        match (self.0, tried, header) {
            (Reason::Made(rejection), ..) => *rejection,
            (Reason::Mismatch, Some(tried), _) => {
                Rejection::mismatch(kind, header, Arc::clone(tried))
            }
            (Reason::Mismatch, None, Some(header)) => Rejection::header(kind, header),
            (Reason::Mismatch, None, None) => Rejection::new(kind),
        }
    }
}

impl std::fmt::Display for CustomRejection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Reason::Made(rejection) => write!(f, "{rejection}"),
            Reason::Mismatch => write!(f, "{}", RejectionKind::SignatureMismatch),
        }
    }
}

impl std::error::Error for CustomRejection {}
