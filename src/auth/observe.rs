//! What the owner's logs receive (feature `tracing`): why a request was rejected, and which key matched
//! for an accepted one.

use http::request::Parts;

use super::setup::SetupAnswer;
use crate::{clock::Clock, rejection::Rejection, verified::Verified};

#[cfg(all(feature = "axum", feature = "tracing"))]
use std::time::SystemTime;
#[cfg(feature = "tracing")]
use std::{
    error::Error as _,
    fmt::{self, Write as _},
    sync::Mutex,
};

#[cfg(feature = "tracing")]
use http::HeaderName;
#[cfg(feature = "tracing")]
use tracing::{Level, Span, field::display, level_filters::LevelFilter};

#[cfg(feature = "tracing")]
pub(crate) use super::bucket::{Bucket, admit};
#[cfg(feature = "tracing")]
use crate::{event::Unquoted, rejection::RejectionKind, verified::Claim};

#[cfg(feature = "axum")]
use super::event_type::{EventTypeMismatch, MissingLayer};

/// The target of the events of all modules, for filters.
#[cfg(feature = "tracing")]
pub(crate) const TARGET: &str = "tower_webhook_auth";

/// Untrusted clients can cause rejections. For each reason at most this many are logged in a burst,
/// then one per second.
#[cfg(feature = "tracing")]
pub(crate) const MOST_EVENTS: u64 = 32;

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
            rejections: [const { Mutex::new(Bucket::of(MOST_EVENTS)) }; RejectionKind::ALL.len()],
            set_up: Mutex::new(Bucket::of(MOST_EVENTS)),
            #[cfg(feature = "axum")]
            mismatches: Mutex::new(Bucket::of(MOST_EVENTS)),
        }
    }

    /// Logs one event, unless there were too many of this reason, and always records the reason on
    /// the current span.
    ///
    /// The level is a warning, because the cause of a rejection is an attack or, more often, a
    /// secret that was changed on one side only. In the second case no delivery arrives any more.
    /// A parser's message may quote the body, so it is logged only if `parse_errors` is set. Otherwise the field
    /// has the message of an `EventError` or a position in the JSON, which quote nothing.
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
        let bucket = self.rejections.get(rejection.kind() as usize);
        let Some(suppressed) = bucket.and_then(|bucket| admit(bucket, clock)) else {
            return;
        };
        let parse_error = rejection
            .source()
            .filter(|_| rejection.kind() == RejectionKind::EventUnparseable)
            .map(|error| {
                let text: &dyn fmt::Display = if parse_errors {
                    error
                } else {
                    &Unquoted(error)
                };
                display(Escaped::new(text, LONGEST_PARSE_ERROR).to_string())
            });
        // The error of a key source does not come from the request.
        let key_error = rejection
            .source()
            .filter(|_| rejection.kind() == RejectionKind::KeysUnavailable)
            .map(|error| display(Escaped::new(error, LONGEST_KEY_ERROR)));
        #[cfg(feature = "diagnosis")]
        let diagnosis = rejection.diagnosis().map(display);
        #[cfg(not(feature = "diagnosis"))]
        let diagnosis = None::<&str>;
        let header = rejection.header_name().map(HeaderName::as_str);
        let method = Escaped::new(&head.method, LONGEST_METHOD);
        let path = Escaped::new(head.uri.path(), LONGEST_PATH);
        let (tenant, body_bytes) = (rejection.tenant(), rejection.body_bytes());
        tracing::event!(target: TARGET, Level::WARN,
            webhook.provider = provider,
            webhook.reason = reason,
            webhook.detail = %rejection,
            webhook.diagnosis = diagnosis,
            webhook.tenant = tenant,
            webhook.parse_error = parse_error,
            webhook.key_error = key_error,
            webhook.header = header,
            webhook.method = %method,
            webhook.path = %path,
            webhook.body_bytes = body_bytes,
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
        span.record("webhook.body_is_signed", verified.body_is_signed());
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
        if !tracing::enabled!(target: TARGET, Level::INFO) {
            return;
        }
        if let Some(suppressed) = admit(&self.set_up, clock) {
            let (provider, signed) = (setup.provider(), setup.is_signed());
            tracing::event!(target: TARGET, Level::INFO,
                webhook.provider = provider,
                webhook.signed = signed,
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
    static BUCKET: Mutex<Bucket> = Mutex::new(Bucket::of(MOST_EVENTS));
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
        tracing::event!(target: TARGET, Level::ERROR,
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
            Ok(()) => Ok(()),
            // The text is too long, or its own `Display` fails. The event is logged without the rest.
            Err(_) => f.write_str("..."),
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

    #[test]
    fn each_reason_has_its_own_bucket() {
        for (index, kind) in RejectionKind::ALL.iter().enumerate() {
            assert_eq!(*kind as usize, index, "{}", kind.as_str());
        }
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

    #[test]
    fn a_text_that_fails_to_format_itself_is_cut_and_does_not_panic() {
        struct Broken;
        impl fmt::Display for Broken {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("half")?;
                Err(fmt::Error)
            }
        }
        assert_eq!(Escaped::new(Broken, 256).to_string(), "half...");
    }
}
