//! Two ways in which replicas tell each other of a delivery: over Redis, and without a broker.
//!
//! The program of this package is small. `examples/sync_server` is a program to deploy.

pub mod peers;
pub mod redis_bus;

use std::sync::atomic::{AtomicU64, Ordering};

/// What a replica did so far, for metrics.
#[derive(Debug, Default)]
pub struct Counts {
    told: AtomicU64,
    heard: AtomicU64,
    catch_ups: AtomicU64,
    lost: AtomicU64,
}

impl Counts {
    /// Messages that Redis accepted, or signed requests that a peer accepted.
    pub fn told(&self) -> u64 {
        self.told.load(Ordering::Relaxed)
    }

    /// Messages or signed requests of other replicas.
    pub fn heard(&self) -> u64 {
        self.heard.load(Ordering::Relaxed)
    }

    /// Redis: subscriptions. After each, the replica asks its sources. Peers: signed requests that each peer
    /// accepted, one of them not at the first attempt.
    pub fn catch_ups(&self) -> u64 {
        self.catch_ups.load(Ordering::Relaxed)
    }

    /// Redis: subscriptions that ended. Peers: signed requests that a peer did not accept.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Counts a message of another replica. Only the receiver can distinguish it from its own messages.
    pub fn count_heard(&self) {
        add(&self.heard);
    }
}

fn add(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}
