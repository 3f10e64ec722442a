//! The log of the guard (feature `tracing`).

use std::fmt::Display;

use crate::{clock::Clock, rejection::Rejection};

#[cfg(feature = "tracing")]
use std::{error::Error as _, sync::Mutex};

#[cfg(feature = "tracing")]
use tracing::{Level, Span};

#[cfg(feature = "tracing")]
use crate::{
    auth::observe::{Bucket, MOST_EVENTS, TARGET, admit, logging_is_off},
    rejection::RejectionKind,
};

/// Logs what the guard rejects, and what its store fails to do. All clones of a layer share one.
#[cfg(feature = "tracing")]
pub(super) struct Observer {
    // One bucket for each reason, so that one reason cannot keep another out of the log.
    in_flight: Mutex<Bucket>,
    failed: Mutex<Bucket>,
    not_settled: Mutex<Bucket>,
}

#[cfg(feature = "tracing")]
impl Observer {
    pub(super) const fn new() -> Self {
        Self {
            in_flight: Mutex::new(Bucket::of(MOST_EVENTS)),
            failed: Mutex::new(Bucket::of(MOST_EVENTS)),
            not_settled: Mutex::new(Bucket::of(MOST_EVENTS)),
        }
    }

    /// A delivery in flight is a warning: it is normal, unless there are many. Everything else is an error
    /// of the store or of the program. Its cause does not come from the sender, so it is logged.
    pub(super) fn rejected(&self, rejection: &Rejection, clock: &dyn Clock) {
        if logging_is_off() {
            return;
        }
        let provider = rejection.provider();
        let reason = rejection.kind().as_str();
        let span = Span::current();
        span.record("webhook.provider", provider);
        span.record("webhook.reason", reason);
        macro_rules! log {
            ($level:expr, $bucket:expr) => {
                if tracing::enabled!(target: TARGET, $level)
                    && let Some(suppressed) = admit($bucket, clock)
                {
                    tracing::event!(
                        target: TARGET,
                        $level,
                        webhook.provider = provider,
                        webhook.reason = reason,
                        webhook.body_bytes = rejection.body_bytes(),
                        webhook.suppressed = suppressed,
                        error = rejection.source().map(display),
                        "webhook rejected by the replay guard"
                    );
                }
            };
        }
        if rejection.kind() == RejectionKind::DeliveryInFlight {
            log!(Level::WARN, &self.in_flight);
        } else {
            log!(Level::ERROR, &self.failed);
        }
    }

    /// Logs that the handler has run, but the store did not record it.
    pub(super) fn not_settled(
        &self,
        provider: &str,
        error: &dyn Display,
        done: bool,
        clock: &dyn Clock,
    ) {
        if !tracing::enabled!(target: TARGET, Level::ERROR) {
            return;
        }
        let Some(suppressed) = admit(&self.not_settled, clock) else {
            return;
        };
        let problem = if done {
            "the replay store did not remember a delivery that is done: a repetition calls the handler again"
        } else {
            "the replay store did not release a delivery that failed: attempts get 503 until its lease ends"
        };
        tracing::event!(target: TARGET, Level::ERROR,
            webhook.provider = provider,
            webhook.suppressed = suppressed,
            error = %error,
            "{problem}"
        );
    }

    /// Records a duplicate on the current span, if the span declares the field.
    pub(super) fn duplicate(&self, provider: &str) {
        if logging_is_off() {
            return;
        }
        let span = Span::current();
        span.record("webhook.provider", provider);
        span.record("webhook.duplicate", true);
    }
}

/// Without feature `tracing` nothing is logged.
#[cfg(not(feature = "tracing"))]
pub(super) struct Observer;

#[cfg(not(feature = "tracing"))]
impl Observer {
    pub(super) const fn new() -> Self {
        Self
    }

    pub(super) fn rejected(&self, _: &Rejection, _: &dyn Clock) {}

    pub(super) fn not_settled(&self, _: &str, _: &dyn Display, _: bool, _: &dyn Clock) {}

    pub(super) fn duplicate(&self, _: &str) {}
}
