//! One background task that does the work that deliveries request.

use std::{
    fmt,
    future::{Future, pending, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    task::{AbortHandle, JoinSet},
    time::{Instant, sleep, sleep_until},
};

use super::schedule::{Outcome, Schedule, after, random};

/// The longest wait that a source can demand with [`Outcome::RetryAfter`].
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(600);

/// How the runs of a [`Refresher`] went so far.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress<T> {
    /// The number of failed runs since the last one that did not fail.
    pub failures: u32,
    /// The request that was given up last, until a run is done.
    pub given_up: Option<T>,
    /// When a run was last done.
    pub last_done: Option<Instant>,
    /// The number of runs so far.
    pub runs: u64,
    /// The request that the runs try to satisfy.
    pub wanted: Option<T>,
}

impl<T> Default for Progress<T> {
    fn default() -> Self {
        Self {
            failures: 0,
            given_up: None,
            last_done: None,
            runs: 0,
            wanted: None,
        }
    }
}

/// The handle of a background task that runs on request: see [`Schedule`].
///
/// There is never more than one run at a time. When the last clone of the handle is dropped, the task ends at its
/// current `await`.
#[must_use = "the task ends when its last handle is dropped"]
pub struct Refresher<T> {
    inbox: Arc<Inbox<T>>,
    progress: watch::Receiver<Progress<T>>,
    task: Arc<AbortOnDrop>,
}

impl<T: Ord + Clone + Send + Sync + 'static> Refresher<T> {
    pub(super) fn spawn<W, F, O>(schedule: Schedule, work: W, observe: O) -> Self
    where
        W: FnMut(Option<T>) -> F + Send + 'static,
        F: Future<Output = Outcome> + Send + 'static,
        O: FnMut(&Progress<T>) + Send + 'static,
    {
        let inbox = Arc::new(Inbox {
            requests: Mutex::new(Requests {
                wanted: None,
                poll_by: None,
                stopping: false,
            }),
            arrived: Notify::new(),
        });
        let (sender, progress) = watch::channel(Progress::default());
        let task = Task {
            inbox: Arc::clone(&inbox),
            progress: sender,
            wanted: None,
            failures: 0,
            failures_in_a_row: 0,
            repeats: 0,
            looks: 0,
            was_cut: false,
            schedule,
        };
        let task = tokio::spawn(task.run(work, observe)).abort_handle();
        Self {
            inbox,
            progress,
            task: Arc::new(AbortOnDrop(task)),
        }
    }
}

impl<T: Ord> Refresher<T> {
    /// Requests a run that brings at least `wanted`. It never waits.
    ///
    /// Requests do not queue. Requests before a run begins merge to the greatest of them. Requests during a run
    /// cause the next run.
    pub fn request(&self, wanted: T) {
        let mut requests = self.inbox.lock();
        requests.wanted = requests.wanted.take().max(Some(wanted));
        drop(requests);
        self.inbox.arrived.notify_one();
    }
}

impl<T> Refresher<T> {
    /// Moves the next poll to a random time within `time`. It never waits.
    pub fn poll_within(&self, time: Duration) {
        let by = after(time.mul_f64(random()));
        let mut requests = self.inbox.lock();
        requests.poll_by = sooner(requests.poll_by, by);
        drop(requests);
        self.inbox.arrived.notify_one();
    }

    /// How the runs went so far.
    #[must_use]
    pub fn progress(&self) -> Progress<T>
    where
        T: Clone,
    {
        self.progress.borrow().clone()
    }

    /// Starts no other run. The future waits for the end of the current run, at most until its
    /// [deadline](Schedule::deadline). The future may be dropped without effect.
    pub fn stop(&self) -> impl Future<Output = ()> + Send + use<T>
    where
        T: Send + Sync,
    {
        self.inbox.lock().stopping = true;
        self.inbox.arrived.notify_one();
        let mut progress = self.progress.clone();
        // The channel closes when the task ends.
        async move { while progress.changed().await.is_ok() {} }
    }
}

impl<T> Clone for Refresher<T> {
    fn clone(&self) -> Self {
        Self {
            inbox: Arc::clone(&self.inbox),
            progress: self.progress.clone(),
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

struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What the handles ask of the task.
struct Inbox<T> {
    requests: Mutex<Requests<T>>,
    arrived: Notify,
}

struct Requests<T> {
    /// The greatest request that no run has taken yet.
    wanted: Option<T>,
    /// The time by which the next poll was asked for.
    poll_by: Option<Instant>,
    stopping: bool,
}

enum Next<T> {
    Run(Option<T>),
    Stop,
}

impl<T> Inbox<T> {
    // Only whole values are replaced under the lock, so a poisoned lock holds no broken state.
    fn lock(&self) -> MutexGuard<'_, Requests<T>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn stopped(&self) {
        while !self.lock().stopping {
            self.arrived.notified().await;
        }
    }
}

impl<T: Ord> Inbox<T> {
    /// Waits for a request or for the time `due`. Nothing runs before `closed_until`.
    async fn next(&self, due: Option<Instant>, closed_until: Option<Instant>) -> Next<T> {
        loop {
            let (requested, due) = {
                let mut requests = self.lock();
                if requests.stopping {
                    return Next::Stop;
                }
                let requested = requests.wanted.is_some();
                let open = closed_until.is_none_or(|until| until <= Instant::now());
                if open && requested {
                    requests.poll_by = None;
                    return Next::Run(requests.wanted.take());
                }
                let due = sooner(due, requests.poll_by);
                let due = match closed_until {
                    Some(until) if requested => Some(until),
                    Some(until) => due.map(|due| due.max(until)),
                    None => due,
                };
                (requested, due)
            };
            let ended = race(self.arrived.notified(), sleep_till(due)).await;
            if matches!(ended, Either::Second(())) && !requested {
                let mut requests = self.lock();
                requests.poll_by = None;
                return Next::Run(requests.wanted.take());
            }
        }
    }

    /// Waits for a request that is greater than `wanted`.
    async fn greater_than(&self, wanted: &Option<T>) {
        while self.lock().wanted <= *wanted {
            self.arrived.notified().await;
        }
    }
}

/// The background task.
struct Task<T> {
    schedule: Schedule,
    inbox: Arc<Inbox<T>>,
    progress: watch::Sender<Progress<T>>,
    wanted: Option<T>,
    /// Failed runs since the last one that did not fail, for the progress.
    failures: u32,
    /// Failed runs in a row, for the backoff.
    failures_in_a_row: u32,
    /// Failed runs since the last request. They end the tries, so a request that comes late has as many as any other.
    repeats: u32,
    /// Runs that ended with `NotYet` since the last request.
    looks: usize,
    was_cut: bool,
}

enum End {
    /// Something greater was requested, and the run did not end in time.
    Cut,
    Outcome(Outcome),
}

/// What follows a run.
struct Following {
    /// The wait until the next run for the same request. `None` if the request is satisfied or given up.
    again: Option<Duration>,
    closed_until: Option<Instant>,
}

impl<T: Ord + Clone> Task<T> {
    async fn run<W, F, O>(mut self, mut work: W, mut observe: O)
    where
        W: FnMut(Option<T>) -> F,
        F: Future<Output = Outcome> + Send + 'static,
        O: FnMut(&Progress<T>),
    {
        let (mut due, mut closed_until) = (self.schedule.next_poll(), None);
        loop {
            let Next::Run(requested) = self.inbox.next(due, closed_until).await else {
                return;
            };
            if requested.is_some() {
                (self.repeats, self.looks) = (0, 0);
            }
            self.wanted = self.wanted.take().max(requested);
            self.progress
                .send_modify(|progress| progress.wanted.clone_from(&self.wanted));

            let end = self.run_once(&mut work).await;
            let following = self.follow(&end);
            self.note(&end, following.again);
            closed_until = following.closed_until;
            due = match following.again {
                Some(wait) => after(wait),
                None => self.schedule.next_poll(),
            };
            observe(&self.progress.borrow());
            if self.inbox.lock().stopping {
                return;
            }
            let ended = race(sleep(self.schedule.spacing), self.inbox.stopped()).await;
            if matches!(ended, Either::Second(())) {
                return;
            }
        }
    }

    async fn run_once<W, F>(&mut self, work: &mut W) -> End
    where
        W: FnMut(Option<T>) -> F,
        F: Future<Output = Outcome> + Send + 'static,
    {
        // A set of one. It catches a panic, and it aborts the run when this task is aborted.
        let mut running = JoinSet::new();
        // `work` may panic before it returns a future.
        if let Ok(future) = catch_unwind(AssertUnwindSafe(|| work(self.wanted.clone()))) {
            running.spawn(future);
        }
        let deadline = after(self.schedule.deadline);
        let outdated = async {
            if self.was_cut {
                pending::<()>().await;
            }
            self.inbox.greater_than(&self.wanted).await;
            sleep_till(after(self.schedule.cut_after)).await;
        };
        let end = match race(running.join_next(), race(sleep_till(deadline), outdated)).await {
            Either::First(Some(Ok(outcome))) => End::Outcome(outcome),
            Either::First(_) | Either::Second(Either::First(())) => End::Outcome(Outcome::Retry),
            Either::Second(Either::Second(())) => End::Cut,
        };
        running.shutdown().await;
        self.was_cut = matches!(end, End::Cut);
        end
    }

    fn follow(&mut self, end: &End) -> Following {
        let mut closed_until = None;
        let again = match end {
            // The greater request is already in the inbox.
            End::Cut => Some(Duration::ZERO),
            End::Outcome(Outcome::Done) => None,
            End::Outcome(Outcome::NotYet) => {
                (self.failures, self.failures_in_a_row) = (0, 0);
                let wait = self.schedule.look_again.get(self.looks).copied();
                self.looks = self.looks.saturating_add(1);
                wait
            }
            End::Outcome(Outcome::Retry) => {
                self.failures = self.failures.saturating_add(1);
                self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
                self.repeats = self.repeats.saturating_add(1);
                let wait = self.schedule.backoff_after(self.failures_in_a_row);
                (self.repeats <= self.schedule.retries).then_some(wait)
            }
            End::Outcome(Outcome::RetryAfter(wait)) => {
                self.failures = self.failures.saturating_add(1);
                let wait = (*wait).min(LONGEST_RETRY_AFTER);
                closed_until = after(wait);
                Some(self.schedule.jittered(wait).max(wait))
            }
        };
        if again.is_none() {
            (self.failures_in_a_row, self.repeats, self.looks) = (0, 0, 0);
        }
        Following {
            again,
            closed_until,
        }
    }

    fn note(&mut self, end: &End, again: Option<Duration>) {
        let done = matches!(end, End::Outcome(Outcome::Done));
        if done {
            self.failures = 0;
        }
        let given_up = match again {
            Some(_) => None,
            None => self.wanted.take().filter(|_| !done),
        };
        self.progress.send_modify(|progress| {
            progress.failures = self.failures;
            progress.runs = progress.runs.saturating_add(1);
            progress.wanted.clone_from(&self.wanted);
            if done {
                progress.given_up = None;
                progress.last_done = Some(Instant::now());
            }
            if given_up.is_some() {
                progress.given_up = given_up;
            }
        });
    }
}

fn sooner(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    one.into_iter().chain(other).min()
}

async fn sleep_till(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => pending().await,
    }
}

enum Either<A, B> {
    First(A),
    Second(B),
}

/// The output of the future that ends first. `tokio::select!` needs another feature of tokio and its macros.
async fn race<A: Future, B: Future>(first: A, second: B) -> Either<A::Output, B::Output> {
    let (mut first, mut second) = (pin!(first), pin!(second));
    poll_fn(move |context| match first.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Either::First(output)),
        Poll::Pending => second.as_mut().poll(context).map(Either::Second),
    })
    .await
}
