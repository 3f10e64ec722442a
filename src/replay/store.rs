//! [`ReplayStore`]: where the guard remembers deliveries, and the types of this interface.

use std::{
    collections::hash_map::RandomState, fmt, future::Future, hash::BuildHasher, time::Duration,
};

use crate::{error::BoxError, identity::Identity};

/// The state of a delivery when a call tries to claim it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// The delivery was processed before.
    Done,
    /// The delivery belongs to this call until the lease ends.
    Granted,
    /// The delivery belongs to another call, for at most this time.
    InFlight(Duration),
}

/// The call that claims a delivery: 128 bits that are different for each call, on every machine.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Owner([u8; 16]);

impl Owner {
    /// Each `RandomState` has keys of its own, which the operating system made.
    pub(super) fn new() -> Self {
        let mut bytes = [0; 16];
        for half in bytes.chunks_exact_mut(8) {
            half.copy_from_slice(&RandomState::new().hash_one(()).to_be_bytes());
        }
        Self(bytes)
    }

    /// The 16 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// The 16 bytes as 32 hexadecimal digits.
impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Owner({self})")
    }
}

/// Where a guard remembers deliveries: [`MemoryStore`](super::MemoryStore) for one process, `RedisStore`
/// (feature `replay-redis`) for several, or your own.
///
/// A delivery has one of three states: unknown, claimed by an [`Owner`] until a lease ends, or done. Each
/// method is **one atomic step**: of two claims at the same time, one is granted. A claim whose lease has
/// ended counts as unknown.
///
/// A store must not forget a delivery before its time is over. A store that is full has to fail, because
/// a delivery that is forgotten early can be replayed.
pub trait ReplayStore: Clone + Send + Sync + 'static {
    /// The future of [`claim`](Self::claim).
    type Claim: Future<Output = Result<Claimed, BoxError>> + Send;
    /// The future of [`commit`](Self::commit) and [`release`](Self::release).
    type Settle: Future<Output = Result<(), BoxError>> + Send;

    /// Claims an unknown delivery for `owner` until `lease` is over.
    ///
    /// A second claim by the same owner is granted too, and begins a new lease: the response to the
    /// first one may have been lost.
    fn claim(&self, delivery: Identity, owner: Owner, lease: Duration) -> Self::Claim;

    /// Remembers for `keep` that the delivery is done, if it is claimed by `owner` or unknown.
    ///
    /// It can be unknown because the lease has ended. If another owner has claimed it, nothing changes,
    /// and the store returns an error for the log.
    fn commit(&self, delivery: Identity, owner: Owner, keep: Duration) -> Self::Settle;

    /// Makes the delivery unknown again, if it is claimed by `owner`. Otherwise nothing changes.
    fn release(&self, delivery: Identity, owner: Owner) -> Self::Settle;

    /// Does the same as [`release`](Self::release) for a call that was dropped, which cannot wait for the
    /// store. The claim may not have arrived yet, or may never have been granted.
    ///
    /// A store that can do nothing here is correct. The claim then ends with its lease.
    fn abandon(&self, delivery: Identity, owner: Owner);
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::Owner;

    #[test]
    fn no_two_owners_are_equal() {
        let owners: HashSet<_> = (0..1_000).map(|_| *Owner::new().as_bytes()).collect();
        assert_eq!(owners.len(), 1_000);
    }

    #[test]
    fn an_owner_is_written_as_32_digits() {
        assert_eq!(Owner([0x0a; 16]).to_string(), "0a".repeat(16));
        assert_eq!(
            format!("{:?}", Owner([1; 16])),
            format!("Owner({})", "01".repeat(16))
        );
    }
}
