//! [`Rejection`]: why a request was rejected.

mod detail;
#[cfg(feature = "diagnosis")]
mod diagnosis;
mod shape;

use std::{error::Error, fmt, sync::Arc, time::Duration};

use http::{HeaderName, StatusCode};

use crate::{error::BoxError, secret::Names};

#[cfg(feature = "diagnosis")]
pub use self::diagnosis::{Cause, Diagnosis};
pub(crate) use self::shape::{Fixed, Tag};
pub use self::{
    detail::{RejectionDetail, TimestampUnit},
    shape::{ExpectedShape, FoundShape},
};

/// A list of names in a message ends after this many.
const MOST_NAMES: usize = 8;

/// Why a request was rejected: for the owner's logs and metrics, never for the client.
///
/// The layer puts it into the extensions of the response, so that outer layers can read it. To a client
/// all failed authentications look the same.
///
/// It contains no key, no computed MAC, no signature and no header value. It contains names that the
/// owner chose: of the provider, of the header, of the keys. Only `source()` may quote something: for
/// [`EventUnparseable`](RejectionKind::EventUnparseable) it is the parser's error about a body that is
/// authentic. `Display` and `Debug` do not print it.
///
/// ```
/// use tower_webhook_auth::{Rejection, RejectionKind};
///
/// fn count(response: &http::Response<()>) -> Option<&'static str> {
///     response.extensions().get::<Rejection>().map(|rejection| rejection.kind().as_str())
/// }
/// # assert_eq!(count(&http::Response::new(())), None);
/// # assert_eq!(RejectionKind::SignatureMismatch.as_str(), "signature_mismatch");
/// ```
#[derive(Clone, Debug)]
pub struct Rejection {
    kind: RejectionKind,
    header: Option<HeaderName>,
    provider: Option<Arc<str>>,
    body_bytes: usize,
    more: More,
}

/// Additional facts. A rejection has at most one of these, so that it stays small. It allocates
/// nothing.
#[derive(Clone, Debug)]
enum More {
    BodyLimit(usize),
    /// The same with a diagnosis, which only few rejections have.
    #[cfg(feature = "diagnosis")]
    Diagnosed(Arc<(More, Diagnosis)>),
    Keys(Arc<Names>),
    Nothing,
    Shape(ExpectedShape, FoundShape),
    Source(Source),
    Timestamp {
        distance_ms: u64,
        tolerated_ms: u64,
        looks_like: Option<TimestampUnit>,
    },
}

/// The error that caused a rejection. `Debug` does not print it: a parser's error may quote the body.
#[derive(Clone)]
struct Source(Arc<dyn Error + Send + Sync>);

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[see `source()`]")
    }
}

/// The kinds of [`Rejection`], each with a status and a stable code. Later versions may add kinds.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RejectionKind {
    /// The token is authentic, but it was made for another body: its claim has the hash of another body.
    BodyHashMismatch,
    /// The signature or the key is in the body, or the signature covers fields of the body, and the body
    /// cannot be read in this way. [`Rejection::detail`] says what was expected.
    BodyMalformed,
    /// The body, or its declared length, is larger than the limit.
    BodyTooLarge,
    /// The body did not end before the deadline.
    BodyTimeout,
    /// The body ended early, or could not be read.
    BodyUnreadable,
    /// The body needs more memory than is left of the memory budget.
    BudgetExhausted,
    /// A claim of the token is absent or does not have the value that the scheme requires.
    /// [`Rejection::detail`] names the claim.
    ClaimMismatch,
    /// The delivery is being processed by another call. Only
    /// [`ReplayGuardLayer`](crate::replay::ReplayGuardLayer) (feature `replay`) makes this kind.
    DeliveryInFlight,
    /// The signature is valid, but the body is not the expected event.
    EventUnparseable,
    /// [`ReplayGuardLayer`](crate::replay::ReplayGuardLayer) (feature `replay`) cannot guard the request,
    /// because of a mistake in the program. It is not inside of the layer that verifies, or the signature covers
    /// neither an id nor the body. `source()` says what to do.
    GuardMisconfigured,
    /// A header that must appear once appears several times.
    HeaderDuplicated,
    /// The value of a header has another shape than the scheme requires. [`Rejection::detail`] says
    /// which shape was expected and which was found.
    HeaderMalformed,
    /// A header that the scheme requires is absent.
    HeaderMissing,
    /// A header's value is longer than 4 KiB, or a token in a header is longer than 8 KiB.
    HeaderTooLong,
    /// The key in the header or in the body is not one of the configured keys.
    KeyMismatch,
    /// The keys were withdrawn, or a [key source](crate::tenants) did not find them: it failed, was too
    /// slow, or found keys that the scheme cannot use. `source()` is its error.
    KeysUnavailable,
    /// A parameter of the query that must appear once appears several times.
    ParameterDuplicated,
    /// The value of a parameter of the query has another shape than the scheme requires.
    /// [`Rejection::detail`] says which shape was expected and which was found.
    ParameterMalformed,
    /// A parameter of the query that the scheme requires is absent. [`Rejection::detail`] names it.
    ParameterMissing,
    /// The store of [`ReplayGuardLayer`](crate::replay::ReplayGuardLayer) (feature `replay`) failed, was full,
    /// or did not respond in time. `source()` is its error.
    ReplayStoreUnavailable,
    /// No signature of the request matches any configured key.
    SignatureMismatch,
    /// The request's method, path or query is a signed piece. It contains the separator that follows it, or a
    /// character that RFC 3986 does not allow.
    TargetMalformed,
    /// The signed timestamp is further in the future than the tolerance.
    TimestampInFuture,
    /// The signed timestamp is older than the tolerance.
    TimestampTooOld,
    /// The token is not a JWT, or its algorithm is not one of the scheme.
    TokenMalformed,
    /// The header has more signatures than the layer checks: 16, or 4 for public keys.
    TooManySignatures,
}

impl RejectionKind {
    /// Every kind, for a metric's labels.
    pub const ALL: &'static [Self] = &[
        Self::BodyHashMismatch,
        Self::BodyMalformed,
        Self::BodyTooLarge,
        Self::BodyTimeout,
        Self::BodyUnreadable,
        Self::BudgetExhausted,
        Self::ClaimMismatch,
        Self::DeliveryInFlight,
        Self::EventUnparseable,
        Self::GuardMisconfigured,
        Self::HeaderDuplicated,
        Self::HeaderMalformed,
        Self::HeaderMissing,
        Self::HeaderTooLong,
        Self::KeyMismatch,
        Self::KeysUnavailable,
        Self::ParameterDuplicated,
        Self::ParameterMalformed,
        Self::ParameterMissing,
        Self::ReplayStoreUnavailable,
        Self::SignatureMismatch,
        Self::TargetMalformed,
        Self::TimestampInFuture,
        Self::TimestampTooOld,
        Self::TokenMalformed,
        Self::TooManySignatures,
    ];

    /// The HTTP status of the default response. A gRPC response has a gRPC status instead.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::BodyUnreadable => StatusCode::BAD_REQUEST,
            Self::GuardMisconfigured => StatusCode::INTERNAL_SERVER_ERROR,
            Self::BudgetExhausted
            | Self::DeliveryInFlight
            | Self::KeysUnavailable
            | Self::ReplayStoreUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::EventUnparseable => StatusCode::UNPROCESSABLE_ENTITY,
            Self::BodyHashMismatch
            | Self::BodyMalformed
            | Self::ClaimMismatch
            | Self::HeaderDuplicated
            | Self::HeaderMalformed
            | Self::HeaderMissing
            | Self::HeaderTooLong
            | Self::KeyMismatch
            | Self::ParameterDuplicated
            | Self::ParameterMalformed
            | Self::ParameterMissing
            | Self::SignatureMismatch
            | Self::TargetMalformed
            | Self::TimestampInFuture
            | Self::TimestampTooOld
            | Self::TokenMalformed
            | Self::TooManySignatures => StatusCode::UNAUTHORIZED,
        }
    }

    /// A code that does not change between versions, for metrics and alerts.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BodyHashMismatch => "body_hash_mismatch",
            Self::BodyMalformed => "body_malformed",
            Self::BodyTooLarge => "body_too_large",
            Self::BodyTimeout => "body_timeout",
            Self::BodyUnreadable => "body_unreadable",
            Self::BudgetExhausted => "budget_exhausted",
            Self::ClaimMismatch => "claim_mismatch",
            Self::DeliveryInFlight => "delivery_in_flight",
            Self::EventUnparseable => "event_unparseable",
            Self::GuardMisconfigured => "guard_misconfigured",
            Self::HeaderDuplicated => "header_duplicated",
            Self::HeaderMalformed => "header_malformed",
            Self::HeaderMissing => "header_missing",
            Self::HeaderTooLong => "header_too_long",
            Self::KeyMismatch => "key_mismatch",
            Self::KeysUnavailable => "keys_unavailable",
            Self::ParameterDuplicated => "parameter_duplicated",
            Self::ParameterMalformed => "parameter_malformed",
            Self::ParameterMissing => "parameter_missing",
            Self::ReplayStoreUnavailable => "replay_store_unavailable",
            Self::SignatureMismatch => "signature_mismatch",
            Self::TargetMalformed => "target_malformed",
            Self::TimestampInFuture => "timestamp_in_future",
            Self::TimestampTooOld => "timestamp_too_old",
            Self::TokenMalformed => "token_malformed",
            Self::TooManySignatures => "too_many_signatures",
        }
    }

    fn describe(self) -> &'static str {
        match self {
            Self::BodyHashMismatch => "the token is authentic, but was made for another body",
            Self::BodyMalformed => "the signed or secret fields of the body cannot be read",
            Self::BodyTooLarge => "body is over the limit",
            Self::BodyTimeout => "body did not end before the deadline",
            Self::BodyUnreadable => "body could not be read to its end",
            Self::BudgetExhausted => "the memory budget for unverified bodies is used up",
            Self::ClaimMismatch => "a claim of the token is not what the scheme requires",
            Self::DeliveryInFlight => "the delivery is being processed by another call",
            Self::EventUnparseable => {
                "the signature is valid, but the body is not the expected event"
            }
            Self::GuardMisconfigured => "the replay guard cannot guard the request",
            Self::HeaderDuplicated => "header appears more than once",
            Self::HeaderMalformed => "header is malformed",
            Self::HeaderMissing => "header is missing",
            Self::HeaderTooLong => "header is too long",
            Self::KeyMismatch => "the key is not one of the configured keys",
            Self::KeysUnavailable => "keys are not available",
            Self::ParameterDuplicated => "query parameter appears more than once",
            Self::ParameterMalformed => "query parameter is malformed",
            Self::ParameterMissing => "query parameter is missing",
            Self::ReplayStoreUnavailable => "the replay store is not available",
            Self::SignatureMismatch => "no signature matches any configured key",
            Self::TargetMalformed => "method, path or query cannot be read as a signed piece",
            Self::TimestampInFuture => "timestamp is in the future",
            Self::TimestampTooOld => "timestamp is too old",
            Self::TokenMalformed => "the token cannot be used",
            Self::TooManySignatures => "too many candidate signatures",
        }
    }
}

impl fmt::Display for RejectionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.describe())
    }
}

impl Rejection {
    pub(crate) fn new(kind: RejectionKind) -> Self {
        Self {
            kind,
            header: None,
            provider: None,
            body_bytes: 0,
            more: More::Nothing,
        }
    }

    pub(crate) fn header(kind: RejectionKind, header: &HeaderName) -> Self {
        Self {
            header: Some(header.clone()),
            ..Self::new(kind)
        }
    }

    pub(crate) fn malformed(
        header: &HeaderName,
        expected: ExpectedShape,
        found: FoundShape,
    ) -> Self {
        Self {
            more: More::Shape(expected, found),
            ..Self::header(RejectionKind::HeaderMalformed, header)
        }
    }

    /// The token in this header, or in the body, has another form.
    pub(crate) fn token(
        header: Option<&HeaderName>,
        expected: ExpectedShape,
        found: FoundShape,
    ) -> Self {
        Self {
            more: More::Shape(expected, found),
            header: header.cloned(),
            ..Self::new(RejectionKind::TokenMalformed)
        }
    }

    /// A claim of the token in this header, or in the body, is absent or has another value.
    pub(crate) fn claim(
        header: Option<&HeaderName>,
        expected: ExpectedShape,
        found: FoundShape,
    ) -> Self {
        Self {
            kind: RejectionKind::ClaimMismatch,
            ..Self::token(header, expected, found)
        }
    }

    /// A parameter of the query, or a field of the body, does not have the shape that the scheme requires.
    pub(crate) fn field(kind: RejectionKind, expected: ExpectedShape, found: FoundShape) -> Self {
        Self {
            more: More::Shape(expected, found),
            ..Self::new(kind)
        }
    }

    /// No key matches: neither a signature in this header, nor the key in it. There is no header if the
    /// signature is in the query or in the body.
    pub(crate) fn mismatch<'a>(
        kind: RejectionKind,
        header: impl Into<Option<&'a HeaderName>>,
        tried: Arc<Names>,
    ) -> Self {
        Self {
            header: header.into().cloned(),
            more: More::Keys(tried),
            ..Self::new(kind)
        }
    }

    pub(crate) fn body_too_large(limit_bytes: usize) -> Self {
        Self {
            more: More::BodyLimit(limit_bytes),
            ..Self::new(RejectionKind::BodyTooLarge)
        }
    }

    /// The timestamp, in this header or in the body, is too far from now.
    pub(crate) fn timestamp<'a>(
        kind: RejectionKind,
        header: impl Into<Option<&'a HeaderName>>,
        distance: Duration,
        tolerated: Duration,
        looks_like: Option<TimestampUnit>,
    ) -> Self {
        let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self {
            more: More::Timestamp {
                distance_ms: ms(distance),
                tolerated_ms: ms(tolerated),
                looks_like,
            },
            header: header.into().cloned(),
            ..Self::new(kind)
        }
    }

    pub(crate) fn caused_by(kind: RejectionKind, source: BoxError) -> Self {
        Self {
            more: More::Source(Source(source.into())),
            ..Self::new(kind)
        }
    }

    #[cfg(feature = "diagnosis")]
    pub(crate) fn diagnosed(mut self, diagnosis: Diagnosis) -> Self {
        self.more = More::Diagnosed(Arc::new((self.more, diagnosis)));
        self
    }

    fn more(&self) -> &More {
        match &self.more {
            #[cfg(feature = "diagnosis")]
            More::Diagnosed(diagnosed) => &diagnosed.0,
            more => more,
        }
    }

    pub(crate) fn seen_by(mut self, provider: &Arc<str>, body_bytes: usize) -> Self {
        self.provider = Some(Arc::clone(provider));
        self.body_bytes = body_bytes;
        self
    }

    /// The kind of the rejection.
    #[must_use]
    pub fn kind(&self) -> RejectionKind {
        self.kind
    }

    /// The HTTP status of this kind: see [`RejectionKind::status`].
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.kind.status()
    }

    /// What was found and what is allowed, if that is known.
    #[must_use]
    pub fn detail(&self) -> Option<RejectionDetail> {
        match self.more() {
            More::BodyLimit(bytes) => Some(RejectionDetail::BodyLimit { bytes: *bytes }),
            More::Shape(expected, found) => Some(RejectionDetail::Shape {
                expected: expected.clone(),
                found: *found,
            }),
            More::Timestamp {
                distance_ms,
                tolerated_ms,
                looks_like,
            } => Some(RejectionDetail::Timestamp {
                distance: Duration::from_millis(*distance_ms),
                tolerated: Duration::from_millis(*tolerated_ms),
                looks_like: *looks_like,
            }),
            _ => None,
        }
    }

    /// The names of the keys that were tried, in this order. Only
    /// [`SignatureMismatch`](RejectionKind::SignatureMismatch) and
    /// [`KeyMismatch`](RejectionKind::KeyMismatch) have them.
    pub fn tried_keys(&self) -> impl Iterator<Item = &str> {
        self.tried().into_iter().flat_map(|names| names.keys())
    }

    /// The tenant whose keys were tried, where [`Keys::of_tenant`](crate::Keys::of_tenant) names one. It is
    /// not proven that the delivery comes from this tenant.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.tried()?.tenant()
    }

    fn tried(&self) -> Option<&Names> {
        match self.more() {
            More::Keys(names) => Some(names),
            _ => None,
        }
    }

    /// Why the delivery may still be genuine, if the layer has the option
    /// [`diagnose`](crate::WebhookAuthLayer::diagnose).
    ///
    /// `None` if this rejection was not examined: the option is off, the body has more than 64 KiB, the kind of
    /// the rejection needs no diagnosis, or too many deliveries were rejected in this second. In
    /// [`on_rejection`](crate::WebhookAuthLayer::on_rejection) it is always `None`, so that a diagnosis cannot
    /// get into a response.
    #[cfg(feature = "diagnosis")]
    #[cfg_attr(docsrs, doc(cfg(feature = "diagnosis")))]
    #[must_use]
    pub fn diagnosis(&self) -> Option<&Diagnosis> {
        match &self.more {
            More::Diagnosed(diagnosed) => Some(&diagnosed.1),
            _ => None,
        }
    }

    /// The name of the header at fault, if there is one.
    #[must_use]
    pub fn header_name(&self) -> Option<&HeaderName> {
        self.header.as_ref()
    }

    /// The name of the provider that rejected the request.
    #[must_use]
    pub fn provider(&self) -> Option<&str> {
        self.provider.as_deref()
    }

    /// How many bytes of the body were kept until the rejection. Bytes over a limit are not counted. The
    /// number is 0 if the request head was enough to reject.
    #[must_use]
    pub fn body_bytes(&self) -> usize {
        self.body_bytes
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        if let Some(header) = &self.header {
            write!(f, ": {header}")?;
        }
        if let Some(detail) = self.detail() {
            return write!(f, ": {detail}");
        }
        if self.tried().is_some_and(Names::are_of_placeholder) {
            return f.write_str(": the tenant is unknown");
        }
        let mut separator = ": tried ";
        for name in self.tried_keys().take(MOST_NAMES) {
            write!(f, "{separator}{name:?}")?;
            separator = ", ";
        }
        match self.tried_keys().count().saturating_sub(MOST_NAMES) {
            0 => {}
            more => write!(f, " and {more} more")?,
        }
        match self.tenant() {
            Some(tenant) => write!(f, " of the tenant {tenant:?}"),
            None => Ok(()),
        }
    }
}

impl Error for Rejection {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self.more() {
            More::Source(Source(source)) => Some(&**source),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A `Rejection` is the error of every function on the request path. 40 bytes are the name of the header.
    #[test]
    fn a_rejection_is_small() {
        assert!(size_of::<Rejection>() <= 96, "{}", size_of::<Rejection>());
    }
}
