//! One run: ask the source, build the value, replace the current one, store the document.

use std::{
    future::Future,
    num::NonZeroUsize,
    sync::{Arc, LazyLock},
    thread::available_parallelism,
    time::Duration,
};

use bytes::Bytes;
use tokio::{sync::Semaphore, task::spawn_blocking, time::Instant};

use super::{
    document::{Document, FetchError, Fetched, Validators},
    kept::Shared,
    schedule::Outcome,
    snapshot::{Made, Snapshot, Want},
    store::Store,
};
use crate::error::BoxError;

/// How many values the process builds at a time: one per core, and at least four. If a thousand documents change
/// together, they must not take a thousand threads and the memory of a thousand builds.
static BUILDS: LazyLock<Semaphore> = LazyLock::new(|| {
    let cores = available_parallelism().map_or(1, NonZeroUsize::get);
    Semaphore::new(cores.max(4))
});

/// A store that does not answer takes the whole time of a run, so only this many runs ask it.
const MOST_LOADS: u8 = 2;

pub(super) struct Source<F, B, S, T, V> {
    pub(super) fetch: F,
    pub(super) build: Arc<B>,
    pub(super) store: S,
    pub(super) accept_older_after: Option<Duration>,
    pub(super) shared: Arc<Shared<T, V>>,
}

enum Update {
    /// The current value is what the source has.
    Confirmed,
    /// The source has an older version, which does not replace the current one.
    Older,
}

impl<F, B, S, T, V, Fut> Source<F, B, S, T, V>
where
    F: Fn(Validators) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Fetched, FetchError>> + Send + 'static,
    B: Fn(&Bytes) -> Result<Made<T, V>, BoxError> + Send + Sync + 'static,
    S: Store,
    T: Send + Sync + 'static,
    V: Ord + Clone + Send + Sync + 'static,
{
    pub(super) async fn run(self: Arc<Self>, want: Option<Want<V>>) -> Outcome {
        self.load().await;
        // The run before this one may have brought the version. Each replica also hears its own hint.
        if matches!(want, Some(Want::Version(_))) && self.satisfies(want.as_ref()) {
            return Outcome::Done;
        }
        match self.update().await {
            Ok(Update::Confirmed) => {
                self.confirm();
                self.save().await;
            }
            Ok(Update::Older) => {}
            Err(error) => {
                let message = error.to_string().into();
                self.shared
                    .note(|status| status.last_failure = Some(message));
                return match error.wait() {
                    Some(wait) => Outcome::RetryAfter(wait),
                    None => Outcome::Retry,
                };
            }
        }
        if self.satisfies(want.as_ref()) {
            Outcome::Done
        } else {
            Outcome::NotYet
        }
    }

    fn satisfies(&self, want: Option<&Want<V>>) -> bool {
        let current = self.shared.snapshot();
        match want {
            None | Some(Want::Any) => true,
            Some(Want::After(change)) => current.is_some_and(|current| current.change > *change),
            Some(Want::Version(version)) => {
                current.is_some_and(|current| current.version >= *version)
            }
        }
    }

    /// Reads the store once, before the first request to the source.
    async fn load(&self) {
        let begun = {
            let mut memory = self.shared.memory();
            if memory.loaded {
                return;
            }
            memory.loads = memory.loads.saturating_add(1);
            memory.loads
        };
        let loaded = match begun {
            ..=MOST_LOADS => self.load_stored().await,
            _ => Err("the store did not answer before the deadlines of two runs".into()),
        };
        self.shared.memory().loaded = true;
        if let Err(error) = loaded {
            let message = error.to_string().into();
            self.shared
                .note(|status| status.store_failure = Some(message));
        }
    }

    async fn load_stored(&self) -> Result<(), BoxError> {
        if let Some(document) = self.store.load().await? {
            let made = self.build(document.bytes.clone()).await?;
            self.replace(made, document, true);
        }
        Ok(())
    }

    /// Asks the source. If anything fails here, the current value stays.
    async fn update(&self) -> Result<Update, FetchError> {
        let known = self.shared.memory().validators.clone();
        let document = match (self.fetch)(known).await? {
            Fetched::NotModified => return Ok(Update::Confirmed),
            Fetched::New(document) => document,
        };
        self.shared
            .note(|status| status.downloads = status.downloads.saturating_add(1));
        let same = |current: Arc<Snapshot<T, V>>| current.document.bytes == document.bytes;
        if self.shared.snapshot().is_some_and(same) {
            // Not every source supports conditional requests. The same bytes are not built again.
            self.shared.memory().validators = document.validators;
            return Ok(Update::Confirmed);
        }
        let made = self.build(document.bytes.clone()).await?;
        if !self.may_replace(&made.version) {
            return Ok(Update::Older);
        }
        self.replace(made, document, false);
        Ok(Update::Confirmed)
    }

    async fn build(&self, bytes: Bytes) -> Result<Made<T, V>, BoxError> {
        // The permit returns when this future ends or is dropped. A build that never ends does not block the others.
        let _permit = BUILDS.acquire().await?;
        let build = Arc::clone(&self.build);
        spawn_blocking(move || build(&bytes)).await?
    }

    fn may_replace(&self, version: &V) -> bool {
        let current = self.shared.snapshot();
        if current.is_none_or(|current| *version >= current.version) {
            return true;
        }
        let mut memory = self.shared.memory();
        let since = match &memory.older {
            Some((older, since)) if older == version => *since,
            _ => Instant::now(),
        };
        memory.older = Some((version.clone(), since));
        let long_enough = self
            .accept_older_after
            .is_some_and(|time| since.elapsed() >= time);
        if memory.accept_older || long_enough {
            return true;
        }
        drop(memory);
        self.shared
            .note(|status| status.older = Some(version.clone()));
        false
    }

    fn replace(&self, made: Made<T, V>, document: Document, from_store: bool) {
        let mut memory = self.shared.memory();
        memory.validators.clone_from(&document.validators);
        memory.unsaved = !from_store;
        drop(memory);
        let version = made.version.clone();
        let mut next = Snapshot {
            value: made.value,
            version: made.version,
            document,
            content: made.content,
            change: 1,
        };
        let mut change = next.change;
        let changed = self.shared.current.send_if_modified(|current| {
            let mut changed = true;
            if let Some(before) = current {
                changed = before.content() != next.content();
                next.change = before.change.saturating_add(changed.into());
            }
            change = next.change;
            *current = Some(Arc::new(next));
            changed
        });
        self.shared.note(|status| {
            status.have = Some(version);
            status.change = change;
            status.from_store = from_store;
            if changed {
                status.last_change = Some(Instant::now());
            }
        });
    }

    /// The source has the current value. This is the only place where `accept_older_once` ends.
    fn confirm(&self) {
        let mut memory = self.shared.memory();
        (memory.accept_older, memory.older) = (false, None);
        drop(memory);
        self.shared.note(|status| {
            status.from_store = false;
            status.last_confirmed = Some(Instant::now());
            status.older = None;
        });
    }

    /// Stores the current document, unless it is stored. A failure is repeated after the next run.
    async fn save(&self) {
        let Some(current) = self
            .shared
            .snapshot()
            .filter(|_| self.shared.memory().unsaved)
        else {
            return;
        };
        let saved = self.store.save(&current.document).await;
        self.shared.memory().unsaved = saved.is_err();
        let failure = saved.err().map(|error| error.to_string().into());
        self.shared.note(|status| status.store_failure = failure);
    }
}
