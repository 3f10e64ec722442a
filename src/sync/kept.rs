//! [`Kept`]: the handle of a value that is kept up to date.

use std::{
    fmt,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, time::Instant};

use super::{
    document::Validators,
    refresh::{Progress, Refresher},
    snapshot::{Snapshot, Want},
    status::{State, Status},
};

/// The handle of a value that is kept up to date. The value is kept until the last clone is dropped.
#[must_use = "the value is kept only while there is a handle"]
pub struct Kept<T, V = u64> {
    shared: Arc<Shared<T, V>>,
    refresher: Refresher<Want<V>>,
}

impl<T, V> Kept<T, V>
where
    V: Ord + Clone,
{
    pub(super) fn new(shared: Arc<Shared<T, V>>, refresher: Refresher<Want<V>>) -> Self {
        Self { shared, refresher }
    }

    /// The current value, or `None` before the first one.
    #[must_use]
    pub fn current(&self) -> Option<Arc<Snapshot<T, V>>> {
        self.shared.current.borrow().clone()
    }

    /// Requests this version or a newer one. It never waits.
    ///
    /// Returns whether the version is new. If the value has this version already, or the current
    /// run is trying to get it, the result is `false`. Then the call causes no run, and you need not tell the
    /// other replicas.
    pub fn request(&self, version: V) -> bool {
        if self
            .current()
            .is_some_and(|current| *current.version() >= version)
        {
            return false;
        }
        let wanted = self.refresher.progress().wanted;
        if matches!(wanted, Some(Want::Version(wanted)) if wanted >= version) {
            return false;
        }
        self.refresher.request(Want::Version(version));
        true
    }

    /// Requests other content than the current one, for a webhook that only says that something changed. It never
    /// waits.
    ///
    /// If the source still has the same content, it is asked again after the waits of
    /// [`Schedule::look_again`](super::Schedule::look_again). After the last wait the request ends without a change
    /// of the [state](super::State): a poll may have brought the change before.
    pub fn request_change(&self) {
        let change = self.shared.status.borrow().change;
        self.refresher.request(Want::After(change));
    }

    /// Asks the source once, at a random moment within `time`: for use after an interruption in which requests may
    /// have been lost. It never waits.
    pub fn look_within(&self, time: Duration) {
        self.refresher.poll_within(time);
    }

    /// Accepts the next answer of the source even if it is older than the current version. It never waits.
    pub fn accept_older_once(&self) {
        self.shared.memory().accept_older = true;
        self.refresher.request(Want::Any);
    }

    /// Notifies of each change of the content. A new version with the same content does not notify, but the receiver
    /// shows it.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Option<Arc<Snapshot<T, V>>>> {
        self.shared.current.subscribe()
    }

    /// The status at this moment.
    #[must_use]
    pub fn status(&self) -> Status<V> {
        let mut status = self.shared.status.borrow().clone();
        status.state = self.shared.state(&status);
        status
    }

    /// Notifies of each change of the status, at the latest after the next run.
    #[must_use]
    pub fn subscribe_status(&self) -> watch::Receiver<Status<V>> {
        self.shared.status.subscribe()
    }

    /// Waits until there is a value.
    pub async fn ready(&self) {
        self.wait_for(|status| status.have.is_some()).await;
    }

    /// Waits until the value has this version or a newer one.
    pub async fn reached(&self, version: &V) {
        self.wait_for(|status| status.have.as_ref().is_some_and(|have| have >= version))
            .await;
    }

    async fn wait_for(&self, condition: impl FnMut(&Status<V>) -> bool) {
        let mut status = self.subscribe_status();
        // The sender is in `self.shared`, so the channel is open.
        drop(status.wait_for(condition).await);
    }

    /// Starts no other run. The future waits for the end of the current run, so that its download is stored.
    /// The value stays available.
    pub fn stop(&self) -> impl Future<Output = ()> + Send + use<T, V>
    where
        V: Send + Sync,
    {
        self.refresher.stop()
    }
}

impl<T, V> Clone for Kept<T, V> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            refresher: self.refresher.clone(),
        }
    }
}

impl<T, V> fmt::Debug for Kept<T, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept")
            .field("refresher", &self.refresher)
            .finish_non_exhaustive()
    }
}

/// What the handles and the runs share.
///
/// There are two channels, because subscribers of the value are notified by changes of the content only, and the
/// status changes with each run.
pub(super) struct Shared<T, V> {
    pub(super) current: watch::Sender<Option<Arc<Snapshot<T, V>>>>,
    pub(super) status: watch::Sender<Status<V>>,
    memory: Mutex<Memory<V>>,
    stale_after: Option<Duration>,
}

/// What one run leaves for the next.
pub(super) struct Memory<V> {
    /// The store was read, or did not answer.
    pub(super) loaded: bool,
    /// How many runs have begun to read the store.
    pub(super) loads: u8,
    /// The next answer may be older than the current version.
    pub(super) accept_older: bool,
    /// The older version that the source has, and the time since when it has it without interruption.
    pub(super) older: Option<(V, Instant)>,
    /// The current document is not in the store.
    pub(super) unsaved: bool,
    pub(super) validators: Validators,
}

impl<T, V: Ord + Clone> Shared<T, V> {
    pub(super) fn new(stale_after: Option<Duration>) -> Self {
        Self {
            current: watch::Sender::new(None),
            status: watch::Sender::new(Status::new()),
            memory: Mutex::new(Memory {
                loaded: false,
                loads: 0,
                accept_older: false,
                older: None,
                unsaved: false,
                validators: Validators::default(),
            }),
            stale_after,
        }
    }

    // Only whole values are replaced under the lock, so a poisoned lock holds no broken state.
    pub(super) fn memory(&self) -> MutexGuard<'_, Memory<V>> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn snapshot(&self) -> Option<Arc<Snapshot<T, V>>> {
        self.current.borrow().clone()
    }

    /// The state by tokio's clock. It is computed when it is asked for, so no timer is needed per value.
    fn state(&self, status: &Status<V>) -> State {
        if status.have.is_none() {
            return match status.failures {
                0 => State::NotReady,
                _ => State::Failed,
            };
        }
        let silent = match (self.stale_after, status.last_confirmed) {
            (Some(time), Some(last)) => last.elapsed() >= time,
            _ => false,
        };
        if silent || status.from_store || status.given_up.is_some() {
            State::Stale
        } else {
            State::Ready
        }
    }

    pub(super) fn note(&self, change: impl FnOnce(&mut Status<V>)) {
        self.status.send_modify(|status| {
            change(status);
            status.state = self.state(status);
        });
    }

    /// Notes the end of a run.
    pub(super) fn note_run(&self, progress: &Progress<Want<V>>) {
        let version = |want: &Option<Want<V>>| match want {
            Some(Want::Version(version)) => Some(version.clone()),
            // A requested change may have arrived before it was requested. So a change that never
            // comes is not an error.
            _ => None,
        };
        self.note(|status| {
            let missing = |version: &V| status.have.as_ref() < Some(version);
            let wanted = version(&progress.wanted).filter(missing);
            let given_up = version(&progress.given_up).filter(missing);
            (status.wanted, status.given_up) = (wanted, given_up);
            status.failures = progress.failures;
            status.runs = progress.runs;
            if progress.failures == 0 {
                status.last_failure = None;
            }
        });
    }
}
