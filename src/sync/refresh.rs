//! The refresher: one task that does the work that deliveries request.

use std::{
    fmt,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    task::{AbortHandle, JoinSet},
    time::{Instant, sleep, timeout, timeout_at},
};

/// What became of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// What was wanted is there.
    Done,
    /// It is not there, or not yet: try again after a while.
    Retry,
}

/// When to run. The [module](super) shows how one is made and what it is for.
///
/// Every time is one of tokio's: a test that pauses tokio's clock needs no patience.
#[derive(Clone, Debug)]
#[must_use = "a schedule does nothing until it is spawned"]
pub struct Schedule {
    deadline: Duration,
    first_backoff: Duration,
    longest_backoff: Duration,
    poll_every: Option<Duration>,
    retries: u32,
    spacing: Duration,
}

impl Schedule {
    /// The defaults, which each option names.
    pub fn new() -> Self {
        Self {
            deadline: Duration::from_secs(30),
            first_backoff: Duration::from_secs(1),
            longest_backoff: Duration::from_secs(60),
            poll_every: None,
            retries: 10,
            spacing: Duration::from_secs(1),
        }
    }

    /// How long to wait after a run that failed. It doubles with each failure in a row: from
    /// `first`, by default one second, to `longest`, by default a minute.
    ///
    /// A request made meanwhile is a reason to try sooner, though never before
    /// [`spacing`](Self::spacing) allows it.
    pub fn backoff(mut self, first: Duration, longest: Duration) -> Self {
        self.first_backoff = first;
        self.longest_backoff = longest;
        self
    }

    /// How long one run may take, by default 30 seconds. One that takes longer is dropped where it
    /// waits, and counts as failed.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Runs when nothing was requested for this long, counted from the end of the last run. By
    /// default nothing is done unasked.
    pub fn poll_every(mut self, interval: Duration) -> Self {
        self.poll_every = Some(interval);
        self
    }

    /// How often a run that failed is repeated after the last request before what it was for is
    /// given up, by default ten times: with the default back-off that is after five minutes. The next
    /// request or poll then begins anew.
    pub fn retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// How much time passes between the end of one run and the begin of the next, whatever is
    /// requested, by default one second. It is what bounds the runs that a burst can cause.
    pub fn spacing(mut self, spacing: Duration) -> Self {
        self.spacing = spacing;
        self
    }

    /// Starts the task. It does not run the work before it is first requested, or polls.
    ///
    /// The work is told what was requested: the greatest of all requests since the last run that
    /// was [`Done`](Outcome::Done), or nothing when it runs only to poll. A run that panics counts
    /// as one that failed.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime. The runtime has to have its time driver enabled, as for any timer of
    /// tokio: without it the task ends when it first waits.
    pub fn spawn<T, W, F>(self, work: W) -> Refresher<T>
    where
        T: Ord + Clone + Send + 'static,
        W: FnMut(Option<T>) -> F + Send + 'static,
        F: Future<Output = Outcome> + Send + 'static,
    {
        let inbox = Arc::new(Inbox {
            requested: Mutex::new(None),
            arrived: Notify::new(),
        });
        let task = tokio::spawn(run(self, Arc::clone(&inbox), work)).abort_handle();
        Refresher {
            inbox,
            task: Arc::new(AbortOnDrop(task)),
        }
    }

    /// The wait after this many failures in a row.
    fn backoff_after(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1);
        self.first_backoff
            .saturating_mul(2_u32.saturating_pow(doublings))
            .min(self.longest_backoff)
    }
}

impl Default for Schedule {
    fn default() -> Self {
        Self::new()
    }
}

/// The handle by which runs are requested. When the last clone of it is dropped, the task ends,
/// wherever it is.
#[must_use = "the task ends when its last handle is dropped"]
pub struct Refresher<T> {
    inbox: Arc<Inbox<T>>,
    task: Arc<AbortOnDrop>,
}

impl<T: Ord> Refresher<T> {
    /// Asks for a run that brings at least `wanted`. It never waits.
    ///
    /// Requests do not queue up: those that come before a run begins are one, for the greatest of
    /// them, and those that come during a run are the next one.
    pub fn request(&self, wanted: T) {
        self.inbox.put(wanted);
    }
}

impl<T> Clone for Refresher<T> {
    fn clone(&self) -> Self {
        Self {
            inbox: Arc::clone(&self.inbox),
            task: Arc::clone(&self.task),
        }
    }
}

impl<T> fmt::Debug for Refresher<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refresher")
            .field("task", &self.task.0)
            .finish_non_exhaustive()
    }
}

/// What was requested and not yet begun.
struct Inbox<T> {
    requested: Mutex<Option<T>>,
    arrived: Notify,
}

impl<T: Ord> Inbox<T> {
    fn put(&self, wanted: T) {
        let mut requested = self.lock();
        *requested = requested.take().max(Some(wanted));
        drop(requested);
        self.arrived.notify_one();
    }

    fn take(&self) -> Option<T> {
        self.lock().take()
    }

    /// Waits for a request, until `due` if that is some time.
    async fn wait(&self, due: Option<Instant>) {
        // The notice may be one of a request that was taken since: what counts is what is there.
        while self.lock().is_none() {
            match due {
                Some(due) => {
                    if timeout_at(due, self.arrived.notified()).await.is_err() {
                        return;
                    }
                }
                None => self.arrived.notified().await,
            }
        }
    }

    // Only whole values are exchanged under the lock: a poisoned one holds nothing half done.
    fn lock(&self) -> MutexGuard<'_, Option<T>> {
        self.requested
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

async fn run<T, W, F>(schedule: Schedule, inbox: Arc<Inbox<T>>, mut work: W)
where
    T: Ord + Clone,
    W: FnMut(Option<T>) -> F,
    F: Future<Output = Outcome> + Send + 'static,
{
    // A set of one: it keeps a panic to itself, and is aborted when this task is.
    let mut running = JoinSet::new();
    let mut wanted = None;
    // In a row, which is what the next wait depends on, and since somebody asked, which is what ends
    // the tries: a request that comes late in a bad hour has as many of them as any other.
    let mut failures = 0_u32;
    let mut repeats = 0;
    let mut due = after(schedule.poll_every);
    loop {
        inbox.wait(due).await;
        let requested = inbox.take();
        if requested.is_some() {
            repeats = 0;
        }
        wanted = wanted.max(requested);

        // It may panic before there is a future that could.
        if let Ok(future) = catch_unwind(AssertUnwindSafe(|| work(wanted.clone()))) {
            running.spawn(future);
        }
        let outcome = timeout(schedule.deadline, running.join_next()).await;
        running.shutdown().await;

        if matches!(outcome, Ok(Some(Ok(Outcome::Done)))) || repeats >= schedule.retries {
            wanted = None;
            failures = 0;
            repeats = 0;
            due = after(schedule.poll_every);
        } else {
            failures = failures.saturating_add(1);
            repeats = repeats.saturating_add(1);
            due = after(Some(schedule.backoff_after(failures)));
        }
        sleep(schedule.spacing).await;
    }
}

/// The moment when this much time will have passed. So much that no clock holds it is never.
fn after(time: Option<Duration>) -> Option<Instant> {
    Instant::now().checked_add(time?)
}

struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
