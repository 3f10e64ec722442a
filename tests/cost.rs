//! Upper bounds for the cost of a delivery: allocations, and the size of the future.
//! `benches/README.md` has all figures.

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

/// The allocator counts all threads together.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `http::Extensions` allocates for its first entry: the map, its table, and a box for the entry.
const EXTENSION: usize = 3;
/// `Verified` is reference-counted, because an extension has to be `Clone` and an event need not be.
const SHARED_EVENT: usize = 1;
/// A body of less than 8 KiB is copied out of the server's read buffer.
const COPY: usize = 1;
/// The copy has an owner in `Verified` and one in the request: their count of references.
const COUNT: usize = 1;

/// The smallest of several counts: the test harness allocates from its own thread at any time.
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
fn a_delivery_in_one_frame_allocates_its_event_its_extension_and_a_copy_of_a_small_body() {
    let _alone = alone();
    for (name, copied) in [
        // The name of the event is not copied, as it is by the parse of the floor.
        ("optimizely", COPY + COUNT - 1),
        ("vwo", COPY + COUNT),
        ("stripe", COPY + COUNT),
        ("github 300 B", COPY + COUNT),
        ("github 1 MiB", 0),
    ] {
        let case = case(name);
        let parse = allocated(&case, &case.floor).allocations;
        let layer = allocated(&case, &case.layer).allocations;
        let expected = parse + EXTENSION + SHARED_EVENT + copied;
        assert_eq!(layer, expected, "{name}");
    }
}

#[test]
fn a_rejection_allocates_its_response_and_the_reason_in_its_extensions() {
    let _alone = alone();
    for (name, copied) in [
        ("rejected from the head", 0),
        ("rejected after the body", COPY),
        ("vwo rejected", 0),
    ] {
        let case = case(name);
        let response = allocated(&case, &case.floor).allocations;
        let layer = allocated(&case, &case.layer).allocations;
        assert_eq!(layer, response + EXTENSION + copied, "{name}");
    }
}

#[test]
fn a_body_of_its_declared_length_is_allocated_once() {
    let _alone = alone();
    let case = case("raw 1 MiB in frames");
    let bytes = allocated(&case, &case.layer).bytes_allocated;
    assert!(bytes <= (1 << 20) * 105 / 100, "{bytes} bytes");
}

/// The largest parts are the hash state of one key, tokio's timer and the request head.
#[test]
fn the_future_in_front_of_an_axum_router_is_no_larger_than_documented() {
    type Future = ResponseFuture<axum::routing::Route, axum::body::Body, optimizely::Event>;
    let size = size_of::<Future>();
    assert!(size <= 824, "{size} bytes");
}
