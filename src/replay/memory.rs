//! [`MemoryStore`]: the deliveries of one process.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    future::{Ready, ready},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::store::{Claimed, Owner, ReplayStore};
use crate::{error::BoxError, identity::Identity};

/// Remembers deliveries in the memory of this process. A clone is another reference to the same memory.
///
/// It holds a fixed number of deliveries, and **never forgets one early**. When it is full, a new delivery
/// gets 503 until an old one may be forgotten; a delivery that it remembers is still recognised. Only
/// verified deliveries are remembered, so a client without the key cannot fill it.
///
/// Choose a capacity of at least the number of deliveries in the time for which they are
/// [remembered](super::ReplayGuardLayer::remember_for). For one delivery per second and 24 hours, this
/// is 86,400. A delivery takes 180 to 250 bytes. Memory is allocated when deliveries arrive.
///
/// After a restart of the process the memory is empty, and each process of several has its own. Where
/// that is not enough, use [`RedisStore`](super::RedisStore) (feature `replay-redis`) or a store of your own.
///
/// ```
/// use tower_webhook_auth::replay::MemoryStore;
///
/// let store = MemoryStore::new(100_000);
/// assert!(store.is_empty());
/// ```
#[derive(Clone)]
pub struct MemoryStore {
    table: Arc<Mutex<Table>>,
    capacity: usize,
    now: Arc<dyn Fn() -> Instant + Send + Sync>,
}

impl MemoryStore {
    /// A memory for this many deliveries.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            table: Arc::default(),
            capacity,
            now: Arc::new(Instant::now),
        }
    }

    /// Uses another source of the time, for tests. The default is `Instant::now`, which unlike the
    /// system's clock is never set back.
    #[must_use]
    pub fn clock(mut self, now: impl Fn() -> Instant + Send + Sync + 'static) -> Self {
        self.now = Arc::new(now);
        self
    }

    /// How many deliveries the memory can hold.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// How many deliveries are claimed or remembered now.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table().1.entries.len()
    }

    /// Returns `true` if no delivery is claimed or remembered now.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The time, and the table without the entries that ended before it.
    fn table(&self) -> (Instant, MutexGuard<'_, Table>) {
        // Called before the lock is taken: the clock is code of the user, and may use this store.
        let now = (self.now)();
        // Every step leaves the table complete, so a panic elsewhere has not broken it.
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.forget_ended(now);
        (now, table)
    }
}

impl ReplayStore for MemoryStore {
    type Claim = Ready<Result<Claimed, BoxError>>;
    type Settle = Ready<Result<(), BoxError>>;

    fn claim(&self, delivery: Identity, owner: Owner, lease: Duration) -> Self::Claim {
        let (now, mut table) = self.table();
        let capacity = self.capacity;
        let claimed = match table.entries.get(&delivery) {
            Some(Entry { owner: None, .. }) => Claimed::Done,
            Some(entry) if entry.owner != Some(owner) => {
                Claimed::InFlight(entry.end.saturating_duration_since(now))
            }
            None if table.entries.len() >= capacity => {
                return ready(Err(format!(
                    "the replay memory is full: it holds {capacity} deliveries, and none may be \
                     forgotten yet. Raise the capacity or shorten `remember_for`"
                )
                .into()));
            }
            Some(_) | None => {
                table.put(delivery, Some(owner), end(now, lease));
                Claimed::Granted
            }
        };
        ready(Ok(claimed))
    }

    /// A commit after the end of the lease may need one entry more than the capacity. Not to remember
    /// the delivery would be worse.
    fn commit(&self, delivery: Identity, owner: Owner, keep: Duration) -> Self::Settle {
        let (now, mut table) = self.table();
        let held_by = table.entries.get(&delivery).map(|entry| entry.owner);
        ready(match held_by {
            None => {
                table.put(delivery, None, end(now, keep));
                Ok(())
            }
            Some(holder) if holder == Some(owner) => {
                table.put(delivery, None, end(now, keep));
                Ok(())
            }
            Some(_) => Err(taken_over()),
        })
    }

    fn release(&self, delivery: Identity, owner: Owner) -> Self::Settle {
        self.abandon(delivery, owner);
        ready(Ok(()))
    }

    fn abandon(&self, delivery: Identity, owner: Owner) {
        let (_, mut table) = self.table();
        let entry = table.entries.get(&delivery);
        if entry.is_some_and(|entry| entry.owner == Some(owner)) {
            table.forget(&delivery);
        }
    }
}

/// Why a commit changed nothing.
pub(super) fn taken_over() -> BoxError {
    "the lease ended before the handler did, and another call has claimed the delivery: set a longer \
     `lease`"
        .into()
}

/// A time that cannot be represented is too far away to matter: no process runs that long.
fn end(now: Instant, after: Duration) -> Instant {
    const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
    now.checked_add(after.min(CENTURY)).unwrap_or(now)
}

#[derive(Default)]
struct Table {
    entries: HashMap<Identity, Entry>,
    /// The same deliveries in the order in which they may be forgotten.
    ends: BTreeSet<(Instant, Identity)>,
}

/// One delivery: claimed by an owner, or done.
struct Entry {
    owner: Option<Owner>,
    end: Instant,
}

impl Table {
    fn put(&mut self, delivery: Identity, owner: Option<Owner>, end: Instant) {
        self.forget(&delivery);
        self.entries.insert(delivery, Entry { owner, end });
        self.ends.insert((end, delivery));
    }

    fn forget(&mut self, delivery: &Identity) {
        if let Some(entry) = self.entries.remove(delivery) {
            self.ends.remove(&(entry.end, *delivery));
        }
    }

    fn forget_ended(&mut self, now: Instant) {
        while let Some(&(end, delivery)) = self.ends.first() {
            if end > now {
                break;
            }
            self.forget(&delivery);
        }
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("len", &self.len())
            .field("capacity", &self.capacity)
            .finish()
    }
}
