//! [`Current`]: the keys that are valid now, which many threads use at the same time.

use std::sync::{
    Mutex, PoisonError, RwLock,
    atomic::{AtomicUsize, Ordering},
};

use super::prepared::PreparedKeys;

/// How many handles to the keys there are. With more threads than this, some threads share a handle.
const HANDLES: usize = 16;

/// The keys that are valid now, with several handles to them. Each thread uses one of the handles.
///
/// Each delivery locks a handle, and counts references to it. These steps write to memory. A processor core
/// waits if another core has just written to the same memory. So threads that share one handle would slow
/// each other down. `benches/contention.rs` measures this.
#[derive(Default)]
pub(super) struct Current {
    handles: [Handle; HANDLES],
    /// Held while the handles are written. Otherwise two writers could leave different keys in them.
    writer: Mutex<()>,
}

/// `None` while the keys are withdrawn. The alignment keeps each lock in memory of its own.
#[derive(Default)]
#[repr(align(128))]
struct Handle(RwLock<Option<PreparedKeys>>);

impl Current {
    // Only whole values are exchanged under a lock, so a poisoned lock holds a whole value.

    /// Replaces the keys. When this returns, no thread gets the old keys any more.
    pub(super) fn set(&self, keys: Option<&PreparedKeys>) {
        let _writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        for Handle(handle) in &self.handles {
            let keys = keys.map(PreparedKeys::with_own_counts);
            let old = {
                let mut current = handle.write().unwrap_or_else(PoisonError::into_inner);
                std::mem::replace(&mut *current, keys)
            };
            // Dropped without the lock: keys of the user's own type can run code of the user.
            drop(old);
        }
    }

    pub(super) fn get(&self) -> Option<PreparedKeys> {
        let Handle(handle) = self.handles.get(place())?;
        let current = handle.read().unwrap_or_else(PoisonError::into_inner);
        current.clone()
    }
}

/// The position of the handle that this thread uses. Threads get the positions in turn.
fn place() -> usize {
    static THREADS: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static PLACE: usize = THREADS.fetch_add(1, Ordering::Relaxed) % HANDLES;
    }
    // A thread that ends may have no such value any more.
    PLACE.try_with(|place| *place).unwrap_or_default()
}
