//! [`RejectionDetail`]: what was found and what is allowed.

use std::{fmt, time::Duration};

use super::shape::{ExpectedShape, FoundShape};

/// What was found and what is allowed, for the owner. It contains no text that the sender sent.
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RejectionDetail {
    /// The body is larger than the limit of the layer.
    #[non_exhaustive]
    BodyLimit {
        /// The limit, in bytes.
        bytes: usize,
    },
    /// The value of the header, the parameter of the query, the field of the body, the token or a claim has
    /// another shape than the scheme requires.
    #[non_exhaustive]
    Shape {
        /// The shape that the value must have.
        expected: ExpectedShape,
        /// The shape that it has.
        found: FoundShape,
    },
    /// The signed timestamp is too far from the current time.
    #[non_exhaustive]
    Timestamp {
        /// How far the timestamp is from the current time, in whole milliseconds.
        distance: Duration,
        /// How far it may be.
        tolerated: Duration,
        /// The unit in which the number would be near to the current time, if that is not the unit
        /// of the scheme.
        looks_like: Option<TimestampUnit>,
    },
}

/// The unit of a timestamp in digits.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimestampUnit {
    /// Milliseconds since 1970.
    Milliseconds,
    /// Seconds since 1970.
    Seconds,
}

impl fmt::Display for RejectionDetail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BodyLimit { bytes } => write!(f, "the limit is {bytes} bytes"),
            Self::Shape { expected, found } => write!(f, "expected {expected}, found {found}"),
            Self::Timestamp {
                distance,
                tolerated,
                looks_like,
            } => {
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
    }
}
