//! [`MemoryBudget`]: the bytes that unverified bodies may hold, over any number of layers.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

/// A body of at most this many bytes may also use the part of a budget that is reserved.
///
/// Nearly all webhooks are smaller. It is also the size of a DATA frame in HTTP/2.
const SMALL_BODY_BYTES: usize = 16 * 1024;

/// One part in this many is reserved for small bodies.
const RESERVED_PART: usize = 4;

/// A limit for the bytes of all unverified bodies that a process holds. Several layers can share
/// one budget.
///
/// Give it to [`WebhookAuthLayer::memory_budget`](crate::WebhookAuthLayer::memory_budget). A clone
/// is another reference to the same budget. If an application has several senders, give all of its
/// layers the same budget, because they share the memory of the process:
///
/// ```
/// use tower_webhook_auth::{MemoryBudget, Secret, WebhookAuthLayer, provider};
///
/// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
/// let budget = MemoryBudget::new(16 * 1024 * 1024);
/// let github = WebhookAuthLayer::new(provider::github(Secret::new("wJ4mX9")?))
///     .memory_budget(budget.clone());
/// let stripe = WebhookAuthLayer::new(provider::stripe(Secret::new("whsec_wJ4mX9")?))
///     .memory_budget(budget.clone());
///
/// assert_eq!(budget.available(), budget.limit());
/// # let _ = (github, stripe);
/// # Ok(())
/// # }
/// ```
///
/// # What is counted
///
/// A request is charged for the bytes of its body that arrived, and never for the length that it
/// declares. The charge is the size of the buffer that holds the body. That buffer is at most
/// twice as large as the part that arrived, or 256 bytes. The charge is given back when the body
/// is verified, rejected or dropped. A verified body belongs to the handler and is not counted.
///
/// A frame of less than 8 KiB is copied: it may be a slice of the server's read buffer, and a slice
/// keeps the whole buffer in memory. A body in one frame of 8 KiB or more is kept without a copy, and
/// charged with its length.
///
/// These are **not** counted: the request head, the server's own buffers, the future with its hash
/// states (about 150 bytes for each key), the old buffer while a growing body is copied, and the copies of a
/// scheme that reads values of the body. It makes them when the body has ended: up to three times the
/// length of the body. A request that stalls on a hyper server with one key holds about 3 KiB of such
/// memory. To bound it, limit the number of connections and of HTTP/2 streams.
///
/// # The reserved part
///
/// A quarter of the budget is reserved for bodies of at most 16 KiB. So clients without the key
/// cannot keep small deliveries out with large bodies. A body of more than 16 KiB can use only the
/// other three quarters, so it needs a budget of at least four thirds of its size.
#[derive(Clone)]
pub struct MemoryBudget(Arc<Inner>);

struct Inner {
    limit: usize,
    available: AtomicUsize,
}

impl MemoryBudget {
    /// A budget of this many bytes.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        Self(Arc::new(Inner {
            limit: bytes,
            available: AtomicUsize::new(bytes),
        }))
    }

    /// The size of the whole budget in bytes.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.0.limit
    }

    /// The number of bytes that are available at this moment, including the reserved part. Use it
    /// for a metric.
    #[must_use]
    pub fn available(&self) -> usize {
        self.0.available.load(Ordering::Relaxed)
    }

    /// Raises a charge from `held` bytes to the capacity that is returned.
    fn charge(&self, held: usize, needed: usize, wanted: usize) -> Option<usize> {
        let capacity = |available| self.capacity(available, held, needed, wanted);
        let before = self
            .0
            .available
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |available| {
                available.checked_sub(capacity(available)?.saturating_sub(held))
            })
            .ok()?;
        capacity(before)
    }

    /// The capacity for a body that holds `held` bytes: at least `needed`, at most `wanted`.
    ///
    /// When the budget has less than `wanted`, a body gets half of the rest, so that the number of
    /// its growths stays logarithmic. With just `needed`, each byte of a slow body could move all
    /// bytes before it.
    fn capacity(
        &self,
        available: usize,
        held: usize,
        needed: usize,
        wanted: usize,
    ) -> Option<usize> {
        let reserved = self.0.limit.checked_div(RESERVED_PART).unwrap_or(0);
        let small = held.saturating_add(available).min(SMALL_BODY_BYTES);
        let large = held.saturating_add(available.saturating_sub(reserved));
        let most = small.max(large);
        let rest = most.checked_sub(needed)?;
        Some(wanted.min(needed.saturating_add(rest.div_ceil(2))))
    }

    fn give_back(&self, bytes: usize) {
        self.0.available.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// A budget of this many bytes, for one layer and its clones.
impl From<usize> for MemoryBudget {
    fn from(bytes: usize) -> Self {
        Self::new(bytes)
    }
}

impl fmt::Debug for MemoryBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryBudget")
            .field("limit", &self.limit())
            .field("available", &self.available())
            .finish()
    }
}

/// The charge of one request. It is given back when dropped. Without a budget it has no limit.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Option<MemoryBudget>,
    held: usize,
}

impl Share {
    pub(crate) fn of(budget: Option<MemoryBudget>) -> Self {
        Self { budget, held: 0 }
    }

    /// The whole share. What is left is an empty one.
    #[must_use]
    pub(crate) fn take(&mut self) -> Self {
        std::mem::replace(self, Self::of(None))
    }

    /// Enlarges the share to at least `needed` and at most `wanted` bytes, and returns its size.
    ///
    /// `None` when the budget has not enough left. The share then stays as it is.
    #[must_use]
    pub(crate) fn grow(&mut self, needed: usize, wanted: usize) -> Option<usize> {
        self.held = match &self.budget {
            Some(budget) => budget.charge(self.held, needed, wanted)?,
            None => wanted,
        };
        Some(self.held)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if let Some(budget) = &self.budget {
            budget.give_back(self.held);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With just the needed bytes near the end, a body in frames of one byte would be moved as often
    /// as it has frames.
    #[test]
    fn a_body_that_fills_the_budget_byte_by_byte_grows_a_few_dozen_times() {
        for bytes in [1, 1000, SMALL_BODY_BYTES, 1_000_000, 100_000_000] {
            let budget = MemoryBudget::new(bytes);
            // The rest of the budget is used: growth by doubling would fail too early.
            let mut others = Share::of(Some(budget.clone()));
            let taken = bytes / 8;
            assert_eq!(others.grow(taken, taken), Some(taken));

            let mut share = Share::of(Some(budget.clone()));
            let mut capacity = 0_usize;
            let mut growths = 0;
            while let Some(larger) = share.grow(capacity + 1, 2 * (capacity + 1)) {
                assert!(larger > capacity);
                capacity = larger;
                growths += 1;
            }
            assert!(growths <= 80, "{bytes}: {growths}");
            // All of the budget is used, except the part that is reserved for small bodies.
            let most = (bytes - taken).min(SMALL_BODY_BYTES);
            let most = most.max((bytes - taken).saturating_sub(bytes / RESERVED_PART));
            assert_eq!(capacity, most, "{bytes}");
            drop((share, others));
            assert_eq!(budget.available(), bytes);
        }
    }

    #[test]
    fn a_share_that_cannot_grow_stays_as_it_is() {
        let budget = MemoryBudget::new(1000);
        let mut share = Share::of(Some(budget.clone()));
        assert_eq!(share.grow(400, 400), Some(400));
        assert_eq!(share.grow(1001, 2000), None);
        assert_eq!(budget.available(), 600);
        assert_eq!(share.grow(500, 600), Some(600));
        assert_eq!(budget.available(), 400);
    }

    #[test]
    fn a_share_without_a_budget_has_no_limit() {
        let mut share = Share::of(None);
        assert_eq!(share.grow(usize::MAX, usize::MAX), Some(usize::MAX));
    }
}
