//! The bytes that bodies not yet verified may hold, over all clones of one layer.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

#[derive(Debug)]
pub(crate) struct Budget {
    left: AtomicUsize,
}

impl Budget {
    pub(crate) fn new(bytes: usize) -> Self {
        Self {
            left: AtomicUsize::new(bytes),
        }
    }
}

/// One request's share of a [`Budget`], given back when dropped. Without a budget it is endless.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Option<Arc<Budget>>,
    taken: usize,
}

impl Share {
    pub(crate) fn of(budget: Option<Arc<Budget>>) -> Self {
        Self { budget, taken: 0 }
    }

    /// Makes the share this large, unless that is more than is left.
    #[must_use]
    pub(crate) fn grow_to(&mut self, bytes: usize) -> bool {
        let more = bytes.saturating_sub(self.taken);
        let granted = self.budget.as_ref().is_none_or(|budget| {
            budget
                .left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                    left.checked_sub(more)
                })
                .is_ok()
        });
        if granted {
            self.taken = self.taken.saturating_add(more);
        }
        granted
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if let Some(budget) = &self.budget {
            budget.left.fetch_add(self.taken, Ordering::Relaxed);
        }
    }
}
