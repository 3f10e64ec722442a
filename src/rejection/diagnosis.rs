//! [`Diagnosis`]: why a rejected delivery may still be genuine.

use std::{fmt, time::Duration};

use super::{
    detail::TimestampUnit,
    shape::{ExpectedShape, FoundShape},
};

/// What was found about a rejected delivery: the cause, and how many attempts were made.
///
/// It is for the owner. [`Rejection::diagnosis`](crate::Rejection::diagnosis) returns it, if the layer
/// has the option [`diagnose`](crate::WebhookAuthLayer::diagnose). `Display` is one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    cause: Option<Cause>,
    tried: usize,
}

impl Diagnosis {
    pub(crate) fn new(cause: Option<Cause>, tried: usize) -> Self {
        Self { cause, tried }
    }

    /// The cause. `None` if no attempt explains the rejection, for example for a delivery of an
    /// attacker.
    #[must_use]
    pub fn cause(&self) -> Option<&Cause> {
        self.cause.as_ref()
    }

    /// How many verifications were tried. It is 0 if the request head shows the cause.
    #[must_use]
    pub fn tried(&self) -> usize {
        self.tried
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Some(cause) => cause.fmt(f),
            None => write!(
                f,
                "no cause was found: nothing matched in {} attempts",
                self.tried
            ),
        }
    }
}

/// The cause of a rejection. [`is_verified`](Self::is_verified) says whether a signature or a key was
/// seen to match. If not, the cause is read from the request head.
///
/// It contains no secret, no computed MAC and no header value. It contains names of keys, which the
/// owner chose, and texts of this crate. The texts in `difference` are for people and may change between
/// versions.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The signature matches another body: the body was changed on its way.
    #[non_exhaustive]
    Body {
        /// The name of the key.
        key: String,
        /// How the body was changed.
        difference: &'static str,
    },
    /// The signature or the shared key matches another text of a key.
    #[non_exhaustive]
    KeyText {
        /// The name of the key.
        key: String,
        /// The difference between the text of the owner and that of the sender.
        difference: &'static str,
        /// The position of the difference in the owner's text, in bytes from 0. Only for a letter
        /// that is wrong, see [`explain`](crate::diagnosis::explain).
        position: Option<usize>,
    },
    /// The signature or the shared key matches a suspect that the layer does not accept.
    #[non_exhaustive]
    OtherKey {
        /// The name of the key.
        key: String,
    },
    /// The request has the headers of another sender of the catalogue.
    #[non_exhaustive]
    OtherSender {
        /// The names of the presets that these headers belong to.
        senders: Vec<&'static str>,
        /// Whether the delivery was verified with this preset. Only
        /// [`explain`](crate::diagnosis::explain) tries that.
        matches: bool,
    },
    /// A layer outside of this one changed the body: its length is not the declared one, or the request
    /// is HTTP/1.1 and has a body that no header declares. Decompression removes these headers.
    ///
    /// A test that calls the service without a server may have no such header either.
    #[non_exhaustive]
    OuterLayer {
        /// The value of `Content-Length`, in bytes.
        declared: Option<u64>,
        /// How many bytes were read.
        read: usize,
    },
    /// A header that must appear once appears several times.
    #[non_exhaustive]
    RepeatedHeader {
        /// How many times it appears.
        times: usize,
        /// Whether all values are equal. A proxy that copies a header makes equal values.
        are_equal: bool,
    },
    /// The value of a header has the shape of another scheme.
    #[non_exhaustive]
    Shape {
        /// The shape that the value must have.
        expected: ExpectedShape,
        /// The shape that it has.
        found: FoundShape,
    },
    /// The clocks of sender and receiver differ, or the delivery waited.
    #[non_exhaustive]
    Skew {
        /// Whether the signed time is before the current time.
        late: bool,
        /// How far the signed time is from the current time.
        by: Duration,
        /// How far it may be.
        tolerated: Duration,
    },
    /// The timestamp is right in another unit. This is the unit that the sender uses.
    TimestampUnit(TimestampUnit),
    /// The signature matches another URL than the configured one.
    #[non_exhaustive]
    Url {
        /// The name of the key.
        key: String,
        /// The difference between the configured URL and that of the sender.
        difference: &'static str,
    },
}

impl Cause {
    /// A code that does not change between versions, for metrics and alerts.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Body { .. } => "body",
            Self::KeyText { .. } => "key_text",
            Self::OtherKey { .. } => "other_key",
            Self::OtherSender { .. } => "other_sender",
            Self::OuterLayer { .. } => "outer_layer",
            Self::RepeatedHeader { .. } => "repeated_header",
            Self::Shape { .. } => "shape",
            Self::Skew { .. } => "skew",
            Self::TimestampUnit(_) => "timestamp_unit",
            Self::Url { .. } => "url",
        }
    }

    /// Whether the signature or the shared key was seen to match. If not, the cause is read from the
    /// request head, which any client can write.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        match self {
            Self::Body { .. } | Self::KeyText { .. } | Self::OtherKey { .. } | Self::Url { .. } => {
                true
            }
            Self::OtherSender { matches, .. } => *matches,
            Self::OuterLayer { .. }
            | Self::RepeatedHeader { .. }
            | Self::Shape { .. }
            | Self::Skew { .. }
            | Self::TimestampUnit(_) => false,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body { key, difference } => write!(
                f,
                "the body was changed on its way: {difference} (it matches under key {key:?})"
            ),
            Self::KeyText {
                key,
                difference,
                position,
            } => {
                let place = position.map(|position| format!(" at byte {position}"));
                write!(
                    f,
                    "the text of key {key:?} differs from the sender's: {difference}{}",
                    place.unwrap_or_default()
                )
            }
            Self::OtherKey { key } => write!(
                f,
                "key {key:?} matches, and the layer does not accept it: accept this key, or configure \
                 the current one at the sender"
            ),
            Self::OtherSender { senders, matches } => {
                let what = match *matches {
                    true => "the delivery is verified with another preset",
                    false => "the request has the headers of another preset",
                };
                write!(f, "{what}: {}", senders.join(" or "))
            }
            Self::OuterLayer { declared, read } => match declared {
                Some(declared) => write!(
                    f,
                    "an outer layer changed the body: Content-Length is {declared}, and {read} bytes \
                     were read"
                ),
                None => write!(
                    f,
                    "an outer layer changed the body: {read} bytes were read of an HTTP/1.1 request \
                     without Content-Length and Transfer-Encoding, which decompression removes"
                ),
            },
            Self::RepeatedHeader { times, are_equal } => write!(
                f,
                "the header appears {times} times with {} values: a proxy adds it",
                if *are_equal { "equal" } else { "different" }
            ),
            Self::Shape { expected, found } => write!(
                f,
                "the value has the shape of another scheme: expected {expected}, found {found}"
            ),
            Self::Skew {
                late,
                by,
                tolerated,
            } => write!(
                f,
                "the signed time is {} s in the {}, tolerated {} s: compare the clocks",
                by.as_secs(),
                if *late { "past" } else { "future" },
                tolerated.as_secs(),
            ),
            Self::TimestampUnit(unit) => write!(
                f,
                "the sender writes the time in {}",
                match unit {
                    TimestampUnit::Milliseconds => "milliseconds",
                    TimestampUnit::Seconds => "seconds",
                }
            ),
            Self::Url { key, difference } => write!(
                f,
                "the sender signs another URL than the configured one: {difference} (it matches under \
                 key {key:?})"
            ),
        }
    }
}
