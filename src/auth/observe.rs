//! What the owner's logs are told, with feature `tracing`: why a delivery was refused, which key
//! held for one that was accepted. Of what the sender presented only an id that it signed.

use crate::{clock::Clock, rejection::Rejection, verified::Verified};

#[cfg(feature = "tracing")]
use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

#[cfg(feature = "tracing")]
use http::HeaderName;
#[cfg(feature = "tracing")]
use tracing::{Level, Span, level_filters::LevelFilter};

#[cfg(feature = "tracing")]
use crate::verified::Claim;

/// One name for filters, wherever in this crate the event is made.
#[cfg(feature = "tracing")]
const TARGET: &str = "tower_webhook_auth";

/// Anybody can cause a refusal. This many of them are told at once, then one for each second.
#[cfg(feature = "tracing")]
const MOST_EVENTS: u64 = 32;

/// Tells of refusals and acceptances. All clones of a layer share one.
#[cfg(feature = "tracing")]
pub(crate) struct Observer {
    bucket: Mutex<Bucket>,
}

#[cfg(feature = "tracing")]
impl Observer {
    pub(crate) const fn new() -> Self {
        Self {
            bucket: Mutex::new(Bucket::full()),
        }
    }

    /// How many events were passed over since the last, if there may be one more.
    fn admit(&self, clock: &dyn Clock) -> Option<u64> {
        // Asked before the lock is taken: a clock is the user's, and may come back to us.
        let now = clock.now();
        self.bucket
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .admit(now)
    }

    /// One event, unless there were too many; and the reason on the current span, always.
    ///
    /// A warning, not an information: a refusal is an attack or, more often, a secret that was
    /// exchanged on one side only, and then nothing arrives any more. That strangers can cause it
    /// at will is what the bucket is for. The rejection's `source` is left out: a parser's message
    /// may quote the body.
    pub(crate) fn rejected(&self, rejection: &Rejection, clock: &dyn Clock) {
        if nobody_listens() {
            return;
        }
        let provider = rejection.provider();
        let reason = rejection.kind().as_str();
        let span = Span::current();
        span.record("webhook.provider", provider);
        span.record("webhook.reason", reason);
        // The event is not wanted: then nothing is counted, and the clock is not asked.
        if !tracing::enabled!(target: TARGET, Level::WARN) {
            return;
        }
        if let Some(suppressed) = self.admit(clock) {
            tracing::event!(
                target: TARGET,
                Level::WARN,
                webhook.provider = provider,
                webhook.reason = reason,
                webhook.header = rejection.header_name().map(HeaderName::as_str),
                webhook.body_bytes = rejection.body_bytes(),
                webhook.suppressed = suppressed,
                "webhook refused"
            );
        }
    }

    /// Fields of the current span, those of them that it declares.
    pub(crate) fn accepted<E>(&self, verified: &Verified<E>) {
        if nobody_listens() {
            return;
        }
        let span = Span::current();
        span.record("webhook.provider", verified.provider());
        span.record("webhook.key", verified.key_name());
        if let Some(id) = verified.delivery_id().and_then(Claim::signed) {
            span.record("webhook.delivery_id", id);
        }
    }
}

/// One error for each request to a route that has no layer, unless there were too many: strangers
/// can cause these as well.
#[cfg(all(feature = "axum", feature = "tracing"))]
pub(crate) fn layer_is_missing(error: &dyn std::fmt::Display) {
    static OBSERVER: Observer = Observer::new();
    if OBSERVER.admit(&SystemTime::now).is_some() {
        tracing::event!(target: TARGET, Level::ERROR, "{error}");
    }
}

#[cfg(all(feature = "axum", not(feature = "tracing")))]
pub(crate) fn layer_is_missing(_: &dyn std::fmt::Display) {}

/// Without a subscriber, or with one that is off, there is no span to look for.
#[cfg(feature = "tracing")]
fn nobody_listens() -> bool {
    LevelFilter::current() == LevelFilter::OFF
}

/// A token bucket that counts what it does not let through.
#[cfg(feature = "tracing")]
struct Bucket {
    tokens: u64,
    /// Up to when seconds have been turned into tokens.
    filled: SystemTime,
    suppressed: u64,
}

#[cfg(feature = "tracing")]
impl Bucket {
    const fn full() -> Self {
        Self {
            tokens: MOST_EVENTS,
            filled: SystemTime::UNIX_EPOCH,
            suppressed: 0,
        }
    }

    /// How many were suppressed since the last that was let through, if this one is.
    fn admit(&mut self, now: SystemTime) -> Option<u64> {
        match now.duration_since(self.filled).map(|age| age.as_secs()) {
            // Less than a token's worth: what has begun of it goes on growing.
            Ok(seconds) if seconds < MOST_EVENTS => {
                self.tokens = self.tokens.saturating_add(seconds).min(MOST_EVENTS);
                self.filled = self
                    .filled
                    .checked_add(Duration::from_secs(seconds))
                    .unwrap_or(now);
            }
            Ok(_) => {
                self.tokens = MOST_EVENTS;
                self.filled = now;
            }
            // The clock was put back. Waiting until it has caught up could take for ever.
            Err(_) => self.filled = now,
        }
        match self.tokens.checked_sub(1) {
            Some(left) => {
                self.tokens = left;
                Some(std::mem::take(&mut self.suppressed))
            }
            None => {
                self.suppressed = self.suppressed.saturating_add(1);
                None
            }
        }
    }
}

/// Without feature `tracing` nothing is told.
#[cfg(not(feature = "tracing"))]
pub(crate) struct Observer;

#[cfg(not(feature = "tracing"))]
impl Observer {
    pub(crate) fn new() -> Self {
        Self
    }

    pub(crate) fn rejected(&self, _: &Rejection, _: &dyn Clock) {}

    pub(crate) fn accepted<E>(&self, _: &Verified<E>) {}
}

#[cfg(all(test, feature = "tracing"))]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(1_600_000_000_000 + milliseconds)
    }

    fn emptied(now: SystemTime) -> Bucket {
        let mut bucket = Bucket::full();
        for _ in 0..MOST_EVENTS {
            assert_eq!(bucket.admit(now), Some(0));
        }
        bucket
    }

    #[test]
    fn one_more_is_let_through_for_each_whole_second() {
        let mut bucket = emptied(at(0));
        assert_eq!(bucket.admit(at(999)), None);
        assert_eq!(bucket.admit(at(1_999)), Some(1));
        // The begun second of the last time is not lost.
        assert_eq!(bucket.admit(at(2_000)), Some(0));
        assert_eq!(bucket.admit(at(2_001)), None);
    }

    #[test]
    fn a_long_silence_fills_the_bucket_and_no_more() {
        let mut bucket = emptied(at(0));
        let later = at(3_600_000);
        let admitted = (0..1_000).filter(|_| bucket.admit(later).is_some());
        assert_eq!(admitted.count() as u64, MOST_EVENTS);
    }

    #[test]
    fn a_clock_that_is_put_back_stops_nothing_for_longer_than_a_second() {
        let mut bucket = emptied(at(3_600_000));
        assert_eq!(bucket.admit(at(0)), None);
        assert_eq!(bucket.admit(at(1_000)), Some(1));
    }
}
