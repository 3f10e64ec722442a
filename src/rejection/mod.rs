//! Why a delivery was refused.

use std::{error::Error, fmt, sync::Arc, time::Duration};

use http::{HeaderName, StatusCode};

use crate::error::BoxError;

/// Why a delivery was refused: for the owner's logs and metrics, never for the sender.
///
/// The layer puts it into the extensions of the response that it answers with, so that layers
/// outside can read it. To the sender every failed authentication looks the same.
///
/// Nothing in it is secret, and nothing in it was presented by the sender: no key, no computed
/// MAC, no signature, no header value. Only its `source()` may quote something: for
/// [`EventUnparseable`](RejectionKind::EventUnparseable) it is the parser's error, about a body that
/// is authentic.
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
    detail: Option<Detail>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// What was found and what is allowed, for the owner. It has no text that the sender sent.
///
/// ```
/// use tower_webhook_auth::{Rejection, RejectionDetail};
///
/// /// How far the clocks of sender and receiver are apart, for a metric.
/// fn clock_difference(rejection: &Rejection) -> Option<f64> {
///     match rejection.detail()? {
///         RejectionDetail::Timestamp { distance, .. } => Some(distance.as_secs_f64()),
///         _ => None,
///     }
/// }
/// # let _ = clock_difference;
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectionDetail {
    /// The signed timestamp is too far from the current time.
    #[non_exhaustive]
    Timestamp {
        /// How far the timestamp is from the current time, in whole milliseconds.
        distance: Duration,
        /// How far it may be.
        tolerated: Duration,
        /// What the number looks like, if it is near to the current time in another unit.
        looks_like: Option<TimestampUnit>,
    },
}

/// The unit of a timestamp in digits.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampUnit {
    /// Milliseconds since 1970.
    Milliseconds,
    /// Seconds since 1970.
    Seconds,
}

/// A [`RejectionDetail`] with durations in milliseconds. A `Rejection` is the error of every function on
/// the request path, so it must stay small.
#[derive(Clone, Copy, Debug)]
struct Detail {
    distance_ms: u64,
    tolerated_ms: u64,
    looks_like: Option<TimestampUnit>,
}

impl From<RejectionDetail> for Detail {
    fn from(detail: RejectionDetail) -> Self {
        let RejectionDetail::Timestamp {
            distance,
            tolerated,
            looks_like,
        } = detail;
        let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self {
            distance_ms: ms(distance),
            tolerated_ms: ms(tolerated),
            looks_like,
        }
    }
}

impl From<Detail> for RejectionDetail {
    fn from(detail: Detail) -> Self {
        Self::Timestamp {
            distance: Duration::from_millis(detail.distance_ms),
            tolerated: Duration::from_millis(detail.tolerated_ms),
            looks_like: detail.looks_like,
        }
    }
}

impl fmt::Display for RejectionDetail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Timestamp {
            distance,
            tolerated,
            looks_like,
        } = self;
        let hint = match looks_like {
            Some(TimestampUnit::Milliseconds) => {
                "; the number looks like milliseconds, and the scheme expects seconds"
            }
            Some(TimestampUnit::Seconds) => {
                "; the number looks like seconds, and the scheme expects milliseconds"
            }
            None => "",
        };
        write!(
            f,
            "{} s from now, tolerated {} s{hint}",
            distance.as_secs_f64(),
            tolerated.as_secs_f64()
        )
    }
}

/// The kinds of [`Rejection`], each with a status and a stable code. There may be more in time.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RejectionKind {
    /// The body, or the length declared for it, is over the limit.
    BodyTooLarge,
    /// The body did not end before the deadline.
    BodyTimeout,
    /// The body broke off, or could not be read.
    BodyUnreadable,
    /// More of the memory budget was wanted than is left.
    BudgetExhausted,
    /// The delivery is being processed by another call. Only
    /// `ReplayGuardLayer` (feature `replay`) makes this kind.
    DeliveryInFlight,
    /// The signature held, but the body is not the event that was expected.
    EventUnparseable,
    /// `ReplayGuardLayer` (feature `replay`) cannot guard the request, because of a mistake in the
    /// program: it is not inside of the layer that verifies. `source()` says what to do.
    GuardMisconfigured,
    /// A header that must appear once appears several times.
    HeaderDuplicated,
    /// A header cannot be read as what it has to be.
    HeaderMalformed,
    /// A header that the scheme needs is absent.
    HeaderMissing,
    /// A header's value is longer than 4 KiB.
    HeaderTooLong,
    /// The key in the header is not one of the configured keys.
    KeyMismatch,
    /// The keys were withdrawn.
    KeysUnavailable,
    /// The store of `ReplayGuardLayer` (feature `replay`) failed, was full, or did not respond in time.
    /// `source()` is its error.
    ReplayStoreUnavailable,
    /// No signature in the header matches any configured key.
    SignatureMismatch,
    /// The request's method, path or query is a signed piece, and it contains something that it must
    /// not contain: the separator that follows it, or a character that RFC 3986 does not allow.
    TargetMalformed,
    /// The signed timestamp is further in the future than the tolerance.
    TimestampInFuture,
    /// The signed timestamp is older than the tolerance.
    TimestampTooOld,
    /// More candidate signatures than any sender makes.
    TooManySignatures,
}

impl RejectionKind {
    /// Every kind, for a metric's labels.
    pub const ALL: &'static [Self] = &[
        Self::BodyTooLarge,
        Self::BodyTimeout,
        Self::BodyUnreadable,
        Self::BudgetExhausted,
        Self::DeliveryInFlight,
        Self::EventUnparseable,
        Self::GuardMisconfigured,
        Self::HeaderDuplicated,
        Self::HeaderMalformed,
        Self::HeaderMissing,
        Self::HeaderTooLong,
        Self::KeyMismatch,
        Self::KeysUnavailable,
        Self::ReplayStoreUnavailable,
        Self::SignatureMismatch,
        Self::TargetMalformed,
        Self::TimestampInFuture,
        Self::TimestampTooOld,
        Self::TooManySignatures,
    ];

    /// The status that stands for it: the default response has it, but for gRPC, which has its own.
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
            Self::HeaderDuplicated
            | Self::HeaderMalformed
            | Self::HeaderMissing
            | Self::HeaderTooLong
            | Self::KeyMismatch
            | Self::SignatureMismatch
            | Self::TargetMalformed
            | Self::TimestampInFuture
            | Self::TimestampTooOld
            | Self::TooManySignatures => StatusCode::UNAUTHORIZED,
        }
    }

    /// A code that does not change between versions, for metrics and alerts.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BodyTooLarge => "body_too_large",
            Self::BodyTimeout => "body_timeout",
            Self::BodyUnreadable => "body_unreadable",
            Self::BudgetExhausted => "budget_exhausted",
            Self::DeliveryInFlight => "delivery_in_flight",
            Self::EventUnparseable => "event_unparseable",
            Self::GuardMisconfigured => "guard_misconfigured",
            Self::HeaderDuplicated => "header_duplicated",
            Self::HeaderMalformed => "header_malformed",
            Self::HeaderMissing => "header_missing",
            Self::HeaderTooLong => "header_too_long",
            Self::KeyMismatch => "key_mismatch",
            Self::KeysUnavailable => "keys_unavailable",
            Self::ReplayStoreUnavailable => "replay_store_unavailable",
            Self::SignatureMismatch => "signature_mismatch",
            Self::TargetMalformed => "target_malformed",
            Self::TimestampInFuture => "timestamp_in_future",
            Self::TimestampTooOld => "timestamp_too_old",
            Self::TooManySignatures => "too_many_signatures",
        }
    }

    fn describe(self) -> &'static str {
        match self {
            Self::BodyTooLarge => "body is over the limit",
            Self::BodyTimeout => "body did not end before the deadline",
            Self::BodyUnreadable => "body could not be read to its end",
            Self::BudgetExhausted => "memory budget for unverified bodies is spent",
            Self::DeliveryInFlight => "the delivery is being processed by another call",
            Self::EventUnparseable => "authentic body is not the expected event",
            Self::GuardMisconfigured => "the replay guard cannot guard the request",
            Self::HeaderDuplicated => "header appears more than once",
            Self::HeaderMalformed => "header is malformed",
            Self::HeaderMissing => "header is missing",
            Self::HeaderTooLong => "header is longer than 4 KiB",
            Self::KeyMismatch => "the key in the header is not one of the configured keys",
            Self::KeysUnavailable => "keys are not available",
            Self::ReplayStoreUnavailable => "the replay store is not available",
            Self::SignatureMismatch => "no signature in the header matches any configured key",
            Self::TargetMalformed => "method, path or query cannot be read as a signed piece",
            Self::TimestampInFuture => "timestamp is in the future",
            Self::TimestampTooOld => "timestamp is too old",
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
            detail: None,
            source: None,
        }
    }

    pub(crate) fn header(kind: RejectionKind, header: &HeaderName) -> Self {
        Self {
            header: Some(header.clone()),
            ..Self::new(kind)
        }
    }

    pub(crate) fn with_detail(mut self, detail: RejectionDetail) -> Self {
        self.detail = Some(Detail::from(detail));
        self
    }

    pub(crate) fn caused_by(kind: RejectionKind, source: BoxError) -> Self {
        Self {
            source: Some(source.into()),
            ..Self::new(kind)
        }
    }

    pub(crate) fn seen_by(mut self, provider: &Arc<str>, body_bytes: usize) -> Self {
        self.provider = Some(Arc::clone(provider));
        self.body_bytes = body_bytes;
        self
    }

    /// Which kind of refusal this is.
    #[must_use]
    pub fn kind(&self) -> RejectionKind {
        self.kind
    }

    /// The status that stands for it: see [`RejectionKind::status`].
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.kind.status()
    }

    /// What was found and what is allowed, where that is known.
    #[must_use]
    pub fn detail(&self) -> Option<RejectionDetail> {
        self.detail.map(RejectionDetail::from)
    }

    /// The header at fault, where one is.
    #[must_use]
    pub fn header_name(&self) -> Option<&HeaderName> {
        self.header.as_ref()
    }

    /// The name of the provider whose check refused.
    #[must_use]
    pub fn provider(&self) -> Option<&str> {
        self.provider.as_deref()
    }

    /// How many bytes of the body were kept until then. Those that exceeded a limit are not counted,
    /// and there are none when the head was enough to refuse.
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
        match self.detail() {
            Some(detail) => write!(f, ": {detail}"),
            None => Ok(()),
        }
    }
}

impl Error for Rejection {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
