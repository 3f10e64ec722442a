//! [`Bucket`]: a token bucket for work that untrusted clients can cause.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use crate::clock::Clock;

/// The number of events that were suppressed since the last one, if one more event may pass.
pub(crate) fn admit(bucket: &Mutex<Bucket>, clock: &dyn Clock) -> Option<u64> {
    // The clock is read before the bucket is locked: it is code of the user, and may call the layer.
    let now = clock.now();
    bucket
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .admit(now)
}

/// A token bucket that counts the events that it suppresses.
pub(crate) struct Bucket {
    most: u64,
    tokens: u64,
    /// The time up to which seconds have become tokens.
    filled: SystemTime,
    suppressed: u64,
}

impl Bucket {
    /// A bucket with this many tokens, and one more for each second, up to this number.
    pub(crate) const fn of(most: u64) -> Self {
        Self {
            most,
            tokens: most,
            filled: SystemTime::UNIX_EPOCH,
            suppressed: 0,
        }
    }

    /// The number of events that were suppressed since the last one that passed, if this one passes.
    fn admit(&mut self, now: SystemTime) -> Option<u64> {
        match now.duration_since(self.filled).map(|age| age.as_secs()) {
            // The rest is less than a second. It counts towards the next token.
            Ok(seconds) if seconds < self.most => {
                self.tokens = self.tokens.saturating_add(seconds).min(self.most);
                self.filled = self
                    .filled
                    .checked_add(Duration::from_secs(seconds))
                    .unwrap_or(now);
            }
            Ok(_) => {
                self.tokens = self.most;
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

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: u64 = 32;

    fn at(milliseconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(1_600_000_000_000 + milliseconds)
    }

    fn emptied(now: SystemTime) -> Bucket {
        let mut bucket = Bucket::of(MOST);
        for _ in 0..MOST {
            assert_eq!(bucket.admit(now), Some(0));
        }
        bucket
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
    fn a_full_bucket_counts_the_seconds_from_its_next_event() {
        let new = Bucket::of(MOST);
        let mut silent_until_it_is_full = emptied(at(0));
        assert_eq!(
            silent_until_it_is_full.admit(at(MOST * 1000 + 500)),
            Some(0)
        );
        for (mut bucket, now) in [(new, 500), (silent_until_it_is_full, MOST * 1000 + 500)] {
            while bucket.admit(at(now)).is_some() {}
            assert_eq!(bucket.admit(at(now + 999)), None);
            assert_eq!(bucket.admit(at(now + 1000)), Some(2));
        }
    }

    #[test]
    fn after_a_long_silence_the_bucket_is_full_and_not_fuller() {
        let mut bucket = emptied(at(0));
        let later = at(3_600_000);
        let admitted = (0..1_000).filter(|_| bucket.admit(later).is_some());
        assert_eq!(admitted.count() as u64, MOST);
    }

    #[test]
    fn a_clock_that_is_set_back_delays_events_by_one_second_at_most() {
        let mut bucket = emptied(at(3_600_000));
        assert_eq!(bucket.admit(at(0)), None);
        assert_eq!(bucket.admit(at(1_000)), Some(1));
    }
}
