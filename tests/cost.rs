//! What a delivery may cost at most: allocations, and the size of the future. `benches/README.md`
//! has the figures in full.

#[path = "../benches/cases/mod.rs"]
mod cases;

use std::{
    alloc::System,
    sync::{Mutex, MutexGuard, PoisonError},
};

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, Stats, StatsAlloc};
use tower_webhook_auth::{ResponseFuture, provider::optimizely};

use cases::{Case, Receiver, case};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The allocator counts for all threads together.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What `http::Extensions` allocates for its first entry: the map, its table, the entry's box.
const EXTENSION: usize = 3;
/// `Verified` is shared, since whatever is an extension has to be `Clone` and an event need not be.
const SHARED_EVENT: usize = 1;
/// `serde_json::from_slice` of an Optimizely event keeps `data` until it has read what is in it. The
/// layer takes it for a datafile at once.
const DATA_KEPT: usize = 1;

/// The fewest of several counts: the harness allocates too, from its own thread, when it likes.
fn allocated(case: &Case, receive: &Receiver) -> Stats {
    let counts = (0..10).map(|_| {
        let request = case.request.clone();
        let region = Region::new(ALLOCATOR);
        receive(request);
        region.change()
    });
    counts
        .min_by_key(|stats| stats.allocations)
        .expect("ten counts")
}

#[test]
fn a_delivery_in_one_frame_allocates_the_event_its_extension_and_nothing_else() {
    let _alone = alone();
    for (name, spared) in [
        ("optimizely", DATA_KEPT),
        ("vwo", 0),
        ("stripe", 0),
        ("github 300 B", 0),
        ("github 1 MiB", 0),
    ] {
        let case = case(name);
        let parse = allocated(&case, &case.floor).allocations;
        let layer = allocated(&case, &case.layer).allocations;
        assert_eq!(layer + spared, parse + EXTENSION + SHARED_EVENT, "{name}");
    }
}

#[test]
fn a_refusal_allocates_its_response_and_the_reason_in_its_extensions() {
    let _alone = alone();
    for name in [
        "refused from the head",
        "refused after the body",
        "vwo refused",
    ] {
        let case = case(name);
        let response = allocated(&case, &case.floor).allocations;
        let layer = allocated(&case, &case.layer).allocations;
        assert_eq!(layer, response + EXTENSION, "{name}");
    }
}

#[test]
fn a_body_of_an_honest_length_is_allocated_once_over() {
    let _alone = alone();
    let case = case("raw 1 MiB in frames");
    let bytes = allocated(&case, &case.layer).bytes_allocated;
    assert!(bytes <= (1 << 20) * 105 / 100, "{bytes} bytes");
}

/// A hash's state for one key is the largest part of it, then the timer of tokio and the head.
#[test]
fn the_future_in_front_of_an_axum_router_is_no_larger_than_documented() {
    type Future = ResponseFuture<axum::routing::Route, axum::body::Body, optimizely::Event>;
    let size = size_of::<Future>();
    assert!(size <= 824, "{size} bytes");
}
