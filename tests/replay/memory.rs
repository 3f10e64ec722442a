//! The memory store: bounded, and never forgetful.

use std::{sync::atomic::Ordering, time::Duration};

use tower_webhook_auth::{RejectionKind, replay::MemoryStore};

use crate::support::{
    Time, by_body, delivery, github, guarded, handler, is_duplicate, kind, send, status,
};

#[tokio::test]
async fn a_full_memory_rejects_new_deliveries_and_forgets_none_early() {
    let time = Time::new();
    let clock = time.clone();
    let store = MemoryStore::new(2).clock(move || clock.now());
    let (handler, calls) = handler(|_| 200);
    let service = guarded(github(), by_body(store.clone()), handler);
    for (body, expected) in [("1", 200), ("2", 200), ("3", 503), ("1", 200), ("2", 200)] {
        assert_eq!(status(&service, delivery(body)).await, expected, "{body}");
    }
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    let full = send(&service, delivery("3")).await;
    assert_eq!(kind(&full), Some(RejectionKind::ReplayStoreUnavailable));
    let rejection: &tower_webhook_auth::Rejection = full.extensions().get().expect("one");
    let source = std::error::Error::source(rejection)
        .expect("a cause")
        .to_string();
    assert!(source.contains("holds 2 deliveries"), "{source}");

    time.pass(24 * 60 * 60 - 1);
    assert!(is_duplicate(&send(&service, delivery("1")).await));
    assert_eq!(status(&service, delivery("3")).await, 503);
    time.pass(1);
    assert_eq!(status(&service, delivery("3")).await, 200);
    assert_eq!((store.len(), store.capacity()), (1, 2));
}

#[tokio::test]
async fn a_released_delivery_leaves_its_place_to_another() {
    let store = MemoryStore::new(1);
    let (handler, _) = handler(|call| if call == 0 { 500 } else { 200 });
    let service = guarded(github(), by_body(store.clone()), handler);
    assert_eq!(status(&service, delivery("1")).await, 500);
    assert!(store.is_empty());
    assert_eq!(status(&service, delivery("2")).await, 200);
    assert!(!store.is_empty());
}

/// A lease ends while the handler still runs. What it has done is remembered all the same.
#[tokio::test]
async fn a_commit_after_the_end_of_the_lease_is_remembered() {
    let time = Time::new();
    let (clock, passing) = (time.clone(), time.clone());
    let store = MemoryStore::new(1).clock(move || clock.now());
    let (handler, calls) = handler(move |_| {
        passing.pass(61);
        200
    });
    let service = guarded(github(), by_body(store.clone()), handler);
    assert_eq!(status(&service, delivery("1")).await, 200);
    assert!(is_duplicate(&send(&service, delivery("1")).await));
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn the_lease_and_the_time_to_remember_can_be_set() {
    let time = Time::new();
    let clock = time.clone();
    let store = MemoryStore::new(1).clock(move || clock.now());
    let (handler, calls) = handler(|_| 200);
    let guard = by_body(store)
        .lease(Duration::from_secs(1))
        .remember_for(Duration::MAX);
    let service = guarded(github(), guard, handler);
    status(&service, delivery("1")).await;
    time.pass(50 * 365 * 24 * 60 * 60);
    status(&service, delivery("1")).await;
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}
