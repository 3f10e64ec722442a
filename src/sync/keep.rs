//! [`Keep`]: what to keep up to date, and how.

use std::{fmt, future::Future, sync::Arc, time::Duration};

use bytes::Bytes;

use super::{
    document::{FetchError, Fetched, Validators},
    kept::{Kept, Shared},
    schedule::Schedule,
    snapshot::{Made, Want},
    source::Source,
    store::{NoStore, Store},
};
use crate::error::BoxError;

const DEFAULT_STALE_AFTER: Duration = Duration::from_secs(15 * 60);
const DEFAULT_ACCEPT_OLDER_AFTER: Duration = Duration::from_secs(60 * 60);

/// Describes a value that is kept up to date: how to fetch its document and how to build it.
///
/// The page of the [module](super) and the guide [`sync`](crate::guide::sync) have programs.
/// [`start`](Self::start) returns the handle.
#[must_use = "nothing is kept until `start` is called"]
pub struct Keep<F, B, S = NoStore> {
    fetch: F,
    build: B,
    schedule: Schedule,
    stale_after: Option<Duration>,
    store: S,
    accept_older_after: Option<Duration>,
}

impl<F, B> Keep<F, B> {
    /// `fetch` asks the source. It gets the validators of the current document, for a conditional request, and
    /// returns [`Fetched::NotModified`] if the document is still the same.
    ///
    /// `build` makes the value from the bytes. It runs on a blocking thread. In one process, as many builds can run at
    /// the same time as there are cores, or four if there are fewer cores. If it fails or panics, the current value
    /// stays. If it never ends, the run ends at its deadline, but the thread stays occupied.
    pub fn new<Fut, T, V>(fetch: F, build: B) -> Self
    where
        // Also required by `start`. Here they tell the compiler the types of two closures.
        F: Fn(Validators) -> Fut,
        Fut: Future<Output = Result<Fetched, FetchError>>,
        B: Fn(&Bytes) -> Result<Made<T, V>, BoxError>,
    {
        Self {
            fetch,
            build,
            schedule: Schedule::new(),
            stale_after: Some(DEFAULT_STALE_AFTER),
            store: NoStore,
            accept_older_after: Some(DEFAULT_ACCEPT_OLDER_AFTER),
        }
    }
}

impl<F, B, S> Keep<F, B, S> {
    /// When to run. The default is [`Schedule::new`], which never polls: most services want
    /// [`poll_every`](Schedule::poll_every).
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.schedule = schedule;
        self
    }

    /// The state becomes [`Stale`](super::State::Stale) if the source has not answered for this long. The default is
    /// 15 minutes. The value stays available. `None` switches this off.
    pub fn stale_after(mut self, time: Option<Duration>) -> Self {
        self.stale_after = time;
        self
    }

    /// Keeps the last good document in `store`, and reads it at the start. The value is available from then on and
    /// [`Stale`](super::State::Stale) until the source confirms it.
    pub fn store<S2: Store>(self, store: S2) -> Keep<F, B, S2> {
        Keep {
            fetch: self.fetch,
            build: self.build,
            schedule: self.schedule,
            stale_after: self.stale_after,
            store,
            accept_older_after: self.accept_older_after,
        }
    }

    /// How long the source must have an older version without interruption until it replaces the current one. A
    /// source that has an older version for so long was probably set back on purpose. The default is one hour. With
    /// `None` an older version never replaces the current one, except after [`Kept::accept_older_once`].
    pub fn accept_older_after(mut self, time: Option<Duration>) -> Self {
        self.accept_older_after = time;
        self
    }

    /// Starts the background task and requests the value at once.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime, as [`Schedule::spawn`].
    pub fn start<T, V, Fut>(self) -> Kept<T, V>
    where
        F: Fn(Validators) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Fetched, FetchError>> + Send + 'static,
        B: Fn(&Bytes) -> Result<Made<T, V>, BoxError> + Send + Sync + 'static,
        S: Store,
        T: Send + Sync + 'static,
        V: Ord + Clone + Send + Sync + 'static,
    {
        let shared = Arc::new(Shared::new(self.stale_after));
        let source = Arc::new(Source {
            fetch: self.fetch,
            build: Arc::new(self.build),
            store: self.store,
            accept_older_after: self.accept_older_after,
            shared: Arc::clone(&shared),
        });
        let observed = Arc::clone(&shared);
        let refresher = self.schedule.spawn_observed(
            move |want| Arc::clone(&source).run(want),
            move |progress| observed.note_run(progress),
        );
        refresher.request(Want::Any);
        Kept::new(shared, refresher)
    }
}

impl<F, B, S> fmt::Debug for Keep<F, B, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keep")
            .field("schedule", &self.schedule)
            .field("stale_after", &self.stale_after)
            .field("accept_older_after", &self.accept_older_after)
            .finish_non_exhaustive()
    }
}
