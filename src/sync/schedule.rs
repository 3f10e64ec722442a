//! When a [`Refresher`] runs.

use std::{
    collections::hash_map::RandomState, future::Future, hash::BuildHasher, sync::Arc,
    time::Duration,
};

use tokio::time::Instant;

use super::refresh::{Progress, Refresher};

/// The result of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The run got the requested content.
    Done,
    /// The run worked, but the source does not have the requested version yet: it lags behind the
    /// sender of the webhook. The next run follows after [short, equal
    /// waits](Schedule::look_again).
    NotYet,
    /// The run failed. The next one follows after a [backoff](Schedule::backoff).
    Retry,
    /// The run failed, and the source said how long to wait. No request shortens the wait. It is
    /// at most ten minutes.
    RetryAfter(Duration),
}

/// When to run: the options of a [`Refresher`].
///
/// ```
/// use std::time::Duration;
/// use tower_webhook_auth::sync::{Outcome, Schedule};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// /// In a program: a request.
/// async fn download() -> u64 {
///     14
/// }
///
/// let refresher = Schedule::new()
///     .poll_every(Duration::from_secs(300))
///     .spawn(|wanted: Option<u64>| async move {
///         let revision = download().await;
///         if wanted.is_some_and(|wanted| revision < wanted) {
///             return Outcome::NotYet;
///         }
///         Outcome::Done
///     });
///
/// // In the handler. A thousand of these within a second cause two runs.
/// refresher.request(13);
/// refresher.request(14);
///
/// // On SIGTERM: the current run ends, and no other begins.
/// refresher.stop().await;
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a schedule does nothing until it is spawned"]
pub struct Schedule {
    pub(super) cut_after: Duration,
    pub(super) deadline: Duration,
    first_backoff: Duration,
    jitter: f64,
    longest_backoff: Duration,
    pub(super) look_again: Arc<[Duration]>,
    poll_every: Option<Duration>,
    pub(super) retries: u32,
    pub(super) spacing: Duration,
}

impl Schedule {
    /// The defaults, which each option names.
    pub fn new() -> Self {
        let short = [Duration::from_secs(2); 30];
        let long = [Duration::from_secs(5); 48];
        Self {
            cut_after: Duration::from_secs(2),
            deadline: Duration::from_secs(10),
            first_backoff: Duration::from_secs(1),
            jitter: 0.1,
            longest_backoff: Duration::from_secs(60),
            look_again: short.into_iter().chain(long).collect(),
            poll_every: None,
            retries: 10,
            spacing: Duration::from_secs(1),
        }
    }

    /// The wait after a failed run. It doubles with each failure in a row, from `first` to `longest`. The defaults
    /// are one second and one minute.
    ///
    /// A request during the wait starts the next run earlier, but not before [`spacing`](Self::spacing) is over.
    pub fn backoff(mut self, first: Duration, longest: Duration) -> Self {
        self.first_backoff = first;
        self.longest_backoff = longest;
        self
    }

    /// How long a run may continue after something greater was requested. The default is two seconds.
    ///
    /// The run is then dropped at its current `await`, and counts neither as done nor as failed. The next run is
    /// not dropped in this way, so a slow source can complete.
    pub fn cut_after(mut self, grace: Duration) -> Self {
        self.cut_after = grace;
        self
    }

    /// How long one run may take. The default is 10 seconds. A longer run is dropped at its current `await` and
    /// counts as failed.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// The fraction by which each poll interval and backoff becomes longer or shorter at random. The default is 0.1.
    ///
    /// It prevents that replicas that started together poll together. Values outside 0 to 1 are clamped.
    pub fn jitter(mut self, fraction: f64) -> Self {
        self.jitter = if fraction.is_nan() {
            0.0
        } else {
            fraction.clamp(0.0, 1.0)
        };
        self
    }

    /// The waits after runs that ended with [`NotYet`](Outcome::NotYet). After the last wait the request is given up.
    ///
    /// The default is 2 seconds for one minute, and then 5 seconds for four minutes.
    pub fn look_again(mut self, waits: impl IntoIterator<Item = Duration>) -> Self {
        self.look_again = waits.into_iter().collect();
        self
    }

    /// Runs when nothing was requested for this long after the end of the last run. Deliveries can
    /// get lost, so most services need this option. By default, and with zero, nothing runs
    /// without a request.
    pub fn poll_every(mut self, interval: Duration) -> Self {
        self.poll_every = (!interval.is_zero()).then_some(interval);
        self
    }

    /// How often a failed run is repeated after the last request. Then the request is given up. The default is ten
    /// times; with the default backoff that is after about five minutes.
    pub fn retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// The shortest time between the end of one run and the start of the next, for all requests.
    /// The default is one second. It limits the runs that a burst of deliveries can cause.
    pub fn spacing(mut self, spacing: Duration) -> Self {
        self.spacing = spacing;
        self
    }

    /// Starts the task. The first run begins with the first request or poll.
    ///
    /// `work` receives the greatest request since the last run that was [`Done`](Outcome::Done), or `None` for a
    /// poll. A run that panics counts as failed.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime. The runtime needs its time driver; without it the task ends at its first wait.
    pub fn spawn<T, W, F>(self, work: W) -> Refresher<T>
    where
        T: Ord + Clone + Send + Sync + 'static,
        W: FnMut(Option<T>) -> F + Send + 'static,
        F: Future<Output = Outcome> + Send + 'static,
    {
        self.spawn_observed(work, |_| ())
    }

    /// As [`spawn`](Self::spawn). `observe` is called with the progress after each run, in the task.
    ///
    /// # Panics
    ///
    /// As [`spawn`](Self::spawn).
    pub fn spawn_observed<T, W, F, O>(self, work: W, observe: O) -> Refresher<T>
    where
        T: Ord + Clone + Send + Sync + 'static,
        W: FnMut(Option<T>) -> F + Send + 'static,
        F: Future<Output = Outcome> + Send + 'static,
        O: FnMut(&Progress<T>) + Send + 'static,
    {
        Refresher::spawn(self, work, observe)
    }

    /// The wait after this many failures in a row.
    pub(super) fn backoff_after(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1);
        let wait = self
            .first_backoff
            .saturating_mul(2_u32.saturating_pow(doublings));
        self.jittered(wait.min(self.longest_backoff))
    }

    pub(super) fn jittered(&self, time: Duration) -> Duration {
        let factor = 1.0 + self.jitter * (2.0 * random() - 1.0);
        // A time that is too long for a clock stays as it is.
        Duration::try_from_secs_f64(time.as_secs_f64() * factor).unwrap_or(time)
    }

    pub(super) fn next_poll(&self) -> Option<Instant> {
        after(self.jittered(self.poll_every?))
    }
}

impl Default for Schedule {
    fn default() -> Self {
        Self::new()
    }
}

/// The time at the end of `wait`. `None`, which is never, if no clock can represent it.
pub(super) fn after(wait: Duration) -> Option<Instant> {
    Instant::now().checked_add(wait)
}

/// A number from 0 to 1. It only has to differ between processes, so it is not for secrets.
pub(super) fn random() -> f64 {
    let bits = RandomState::new().hash_one(0_u8) >> 32;
    f64::from(u32::try_from(bits).unwrap_or(u32::MAX)) / f64::from(u32::MAX)
}
