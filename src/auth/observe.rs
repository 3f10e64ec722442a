//! What the owner's logs receive (feature `tracing`): why a request was rejected, and which key matched
//! for an accepted one.

use http::request::Parts;

use super::setup::SetupAnswer;
use crate::{clock::Clock, rejection::Rejection, verified::Verified};

#[cfg(feature = "tracing")]
use std::{
    error::Error as _,
    fmt::{self, Write as _},
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

#[cfg(feature = "tracing")]
use http::HeaderName;
#[cfg(feature = "tracing")]
use tracing::{Level, Span, field::display, level_filters::LevelFilter};

#[cfg(feature = "tracing")]
use crate::{rejection::RejectionKind, verified::Claim};

#[cfg(feature = "axum")]
use super::event_type::{EventTypeMismatch, MissingLayer};

/// The target of the events of all modules, for filters.
#[cfg(feature = "tracing")]
pub(crate) const TARGET: &str = "tower_webhook_auth";

/// Untrusted clients can cause rejections. For each reason this many are logged at once, then one
/// for each second.
#[cfg(feature = "tracing")]
const MOST_EVENTS: u64 = 32;

/// The longest text of a request that is logged, in characters.
#[cfg(feature = "tracing")]
const LONGEST_METHOD: usize = 32;
#[cfg(feature = "tracing")]
const LONGEST_PATH: usize = 256;
#[cfg(feature = "tracing")]
const LONGEST_PARSE_ERROR: usize = 512;
#[cfg(feature = "tracing")]
const LONGEST_KEY_ERROR: usize = 512;

/// Logs rejected and accepted requests. All clones of a layer share one.
#[cfg(feature = "tracing")]
pub(crate) struct Observer {
    /// One bucket for each reason, so that one reason cannot keep another out of the log.
    rejections: [Mutex<Bucket>; RejectionKind::ALL.len()],
    set_up: Mutex<Bucket>,
    #[cfg(feature = "axum")]
    mismatches: Mutex<Bucket>,
}

#[cfg(feature = "tracing")]
impl Observer {
    pub(crate) fn new() -> Self {
        Self {
            rejections: [const { Mutex::new(Bucket::full()) }; RejectionKind::ALL.len()],
            set_up: Mutex::new(Bucket::full()),
            #[cfg(feature = "axum")]
            mismatches: Mutex::new(Bucket::full()),
        }
    }

    /// Logs one event, unless there were too many of this reason, and always records the reason on
    /// the current span.
    ///
    /// The level is a warning, because the cause of a rejection is an attack or, more often, a
    /// secret that was changed on one side only. In the second case no delivery arrives any more.
    /// The rejection's `source` is logged only if `parse_errors` is set: a parser's message may
    /// quote the body.
    pub(crate) fn rejected(
        &self,
        rejection: &Rejection,
        head: &Parts,
        parse_errors: bool,
        clock: &dyn Clock,
    ) {
        if logging_is_off() {
            return;
        }
        let provider = rejection.provider();
        let reason = rejection.kind().as_str();
        let span = Span::current();
        span.record("webhook.provider", provider);
        span.record("webhook.reason", reason);
        // Without a subscriber for the event nothing is counted, and the clock is not read.
        if !tracing::enabled!(target: TARGET, Level::WARN) {
            return;
        }
        let Some(bucket) = self.rejections.get(rejection.kind() as usize) else {
            return;
        };
        let Some(suppressed) = admit(bucket, clock) else {
            return;
        };
        let parse_error = rejection
            .source()
            .filter(|_| parse_errors && rejection.kind() == RejectionKind::EventUnparseable)
            .map(|error| display(Escaped::new(error, LONGEST_PARSE_ERROR)));
        // The error of a key source does not come from the request.
        let key_error = rejection
            .source()
            .filter(|_| rejection.kind() == RejectionKind::KeysUnavailable)
            .map(|error| display(Escaped::new(error, LONGEST_KEY_ERROR)));
        tracing::event!(
            target: TARGET,
            Level::WARN,
            webhook.provider = provider,
            webhook.reason = reason,
            webhook.detail = display(rejection),
            webhook.tenant = rejection.tenant(),
            webhook.parse_error = parse_error,
            webhook.key_error = key_error,
            webhook.header = rejection.header_name().map(HeaderName::as_str),
            webhook.method = display(Escaped::new(&head.method, LONGEST_METHOD)),
            webhook.path = display(Escaped::new(head.uri.path(), LONGEST_PATH)),
            webhook.body_bytes = rejection.body_bytes(),
            webhook.suppressed = suppressed,
            "webhook rejected"
        );
    }

    /// Records fields of an accepted delivery on the current span, if the span declares them.
    pub(crate) fn accepted<E>(&self, verified: &Verified<E>) {
        if logging_is_off() {
            return;
        }
        let span = Span::current();
        span.record("webhook.provider", verified.provider());
        span.record("webhook.key", verified.key_name());
        if let Some(tenant) = verified.tenant() {
            span.record("webhook.tenant", tenant);
        }
        if let Some(way) = verified.way() {
            span.record("webhook.way", way);
        }
        if let Some(id) = verified.delivery_id().and_then(Claim::signed) {
            span.record("webhook.delivery_id", id);
        }
    }

    /// Logs a set-up request that was answered. The body is not logged: it can hold a token.
    pub(crate) fn set_up(&self, setup: &SetupAnswer, clock: &dyn Clock) {
        if logging_is_off() || !tracing::enabled!(target: TARGET, Level::INFO) {
            return;
        }
        if let Some(suppressed) = admit(&self.set_up, clock) {
            tracing::event!(
                target: TARGET,
                Level::INFO,
                webhook.provider = setup.provider(),
                webhook.signed = setup.is_signed(),
                webhook.suppressed = suppressed,
                "webhook set-up request answered"
            );
        }
    }

    /// Logs a handler that asks for another event type than its layer provides.
    #[cfg(feature = "axum")]
    pub(crate) fn mismatched(&self, mismatch: &EventTypeMismatch, clock: &dyn Clock) {
        error(&self.mismatches, mismatch, clock);
    }
}

/// Logs a handler without a layer. The events of all routes share one rate limit, because
/// untrusted clients can cause them.
#[cfg(all(feature = "axum", feature = "tracing"))]
pub(crate) fn layer_is_missing(missing: &MissingLayer) {
    static BUCKET: Mutex<Bucket> = Mutex::new(Bucket::full());
    error(&BUCKET, missing, &SystemTime::now);
}

#[cfg(all(feature = "axum", not(feature = "tracing")))]
pub(crate) fn layer_is_missing(_: &MissingLayer) {}

#[cfg(all(feature = "axum", feature = "tracing"))]
fn error(bucket: &Mutex<Bucket>, error: &dyn fmt::Display, clock: &dyn Clock) {
    if !tracing::enabled!(target: TARGET, Level::ERROR) {
        return;
    }
    if let Some(suppressed) = admit(bucket, clock) {
        tracing::event!(
            target: TARGET,
            Level::ERROR,
            webhook.suppressed = suppressed,
            "{error}"
        );
    }
}

/// Without a subscriber, or with one that is off, there is no span to look up.
#[cfg(feature = "tracing")]
pub(crate) fn logging_is_off() -> bool {
    LevelFilter::current() == LevelFilter::OFF
}

/// The number of events that were suppressed since the last one, if one more event may be logged.
#[cfg(feature = "tracing")]
pub(crate) fn admit(bucket: &Mutex<Bucket>, clock: &dyn Clock) -> Option<u64> {
    // The clock is read before the bucket is locked: it is code of the user, and may call the layer.
    let now = clock.now();
    bucket
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .admit(now)
}

/// Text of a request or of a parser: on one line, in printable ASCII, and of bounded length.
#[cfg(feature = "tracing")]
struct Escaped<T> {
    text: T,
    longest: usize,
}

#[cfg(feature = "tracing")]
impl<T: fmt::Display> Escaped<T> {
    fn new(text: T, longest: usize) -> Self {
        Self { text, longest }
    }
}

#[cfg(feature = "tracing")]
impl<T: fmt::Display> fmt::Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut writer = EscapedWriter {
            formatter: f,
            left: self.longest,
        };
        match write!(writer, "{}", self.text) {
            // The writer fails when the text is too long.
            Err(_) if writer.left == 0 => f.write_str("..."),
            result => result,
        }
    }
}

#[cfg(feature = "tracing")]
struct EscapedWriter<'a, 'b> {
    formatter: &'a mut fmt::Formatter<'b>,
    left: usize,
}

#[cfg(feature = "tracing")]
impl fmt::Write for EscapedWriter<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            self.left = self.left.checked_sub(1).ok_or(fmt::Error)?;
            match character {
                ' '..='~' if character != '\\' => self.formatter.write_char(character)?,
                _ => write!(self.formatter, "{}", character.escape_default())?,
            }
        }
        Ok(())
    }
}

/// A token bucket that counts what it does not let through.
#[cfg(feature = "tracing")]
pub(crate) struct Bucket {
    tokens: u64,
    /// The time up to which seconds have become tokens.
    filled: SystemTime,
    suppressed: u64,
}

#[cfg(feature = "tracing")]
impl Bucket {
    pub(crate) const fn full() -> Self {
        Self {
            tokens: MOST_EVENTS,
            filled: SystemTime::UNIX_EPOCH,
            suppressed: 0,
        }
    }

    /// The number of events that were suppressed since the last one that passed, if this one
    /// passes.
    fn admit(&mut self, now: SystemTime) -> Option<u64> {
        match now.duration_since(self.filled).map(|age| age.as_secs()) {
            // The part of a second that is over counts for the next token.
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
            // The clock was set back. To wait until it catches up could take very long.
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

/// Without feature `tracing` nothing is logged.
#[cfg(not(feature = "tracing"))]
pub(crate) struct Observer;

#[cfg(not(feature = "tracing"))]
impl Observer {
    pub(crate) fn new() -> Self {
        Self
    }

    pub(crate) fn rejected(&self, _: &Rejection, _: &Parts, _: bool, _: &dyn Clock) {}

    pub(crate) fn accepted<E>(&self, _: &Verified<E>) {}

    pub(crate) fn set_up(&self, _: &SetupAnswer, _: &dyn Clock) {}

    #[cfg(feature = "axum")]
    pub(crate) fn mismatched(&self, _: &EventTypeMismatch, _: &dyn Clock) {}
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
    fn each_reason_has_its_own_bucket() {
        for (index, kind) in RejectionKind::ALL.iter().enumerate() {
            assert_eq!(*kind as usize, index, "{}", kind.as_str());
        }
    }

    #[test]
    fn one_more_event_passes_for_each_whole_second() {
        let mut bucket = emptied(at(0));
        assert_eq!(bucket.admit(at(999)), None);
        assert_eq!(bucket.admit(at(1_999)), Some(1));
        // The part of a second that was over before is not lost.
        assert_eq!(bucket.admit(at(2_000)), Some(0));
        assert_eq!(bucket.admit(at(2_001)), None);
    }

    #[test]
    fn after_a_long_silence_the_bucket_is_full_and_not_fuller() {
        let mut bucket = emptied(at(0));
        let later = at(3_600_000);
        let admitted = (0..1_000).filter(|_| bucket.admit(later).is_some());
        assert_eq!(admitted.count() as u64, MOST_EVENTS);
    }

    #[test]
    fn a_clock_that_is_set_back_delays_events_by_one_second_at_most() {
        let mut bucket = emptied(at(3_600_000));
        assert_eq!(bucket.admit(at(0)), None);
        assert_eq!(bucket.admit(at(1_000)), Some(1));
    }

    #[test]
    fn text_of_a_request_is_escaped_and_bounded() {
        for (text, longest, expected) in [
            ("/webhooks/a%20b", 256, "/webhooks/a%20b"),
            ("/a\n\x1b[31m\\", 256, r"/a\n\u{1b}[31m\\"),
            ("/caf\u{e9}\u{202e}", 256, r"/caf\u{e9}\u{202e}"),
            ("abc", 3, "abc"),
            ("abcd", 3, "abc..."),
            ("", 0, ""),
        ] {
            assert_eq!(Escaped::new(text, longest).to_string(), expected);
        }
    }
}
