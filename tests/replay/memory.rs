//! The memory store: it is bounded, and does not forget a delivery too early.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::join;
use http::Response;
use tokio::sync::{Semaphore, mpsc};
use tower::{Layer, limit::ConcurrencyLimitLayer};
use tower_webhook_auth::{RejectionKind, replay::MemoryStore};

use crate::{
    support::{
        Time, by_body, delivery, github, guarded, handler, handler_of, is_duplicate, kind, send,
        status,
    },
    two_tenants,
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

/// A lease ends while the handler still runs. Its commit is remembered nevertheless.
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

/// The second delivery waits for the first one, and then claims a whole lease.
#[tokio::test(start_paused = true)]
async fn a_delivery_that_waited_for_the_inner_service_is_not_a_copy_of_itself() {
    let handler = handler_of(|| async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok(Response::default())
    });
    let one_at_a_time = ConcurrencyLimitLayer::new(1).layer(handler);
    let service = guarded(github(), by_body(MemoryStore::new(10)), one_at_a_time);
    let statuses = join(
        status(&service, delivery("1")),
        status(&service, delivery("2")),
    )
    .await;
    assert_eq!(statuses, (200, 200));
}

/// The first call takes longer than its lease. A copy claims the delivery and fails, so the sender has to
/// send it again.
#[tokio::test]
async fn a_call_that_lost_its_lease_does_not_mark_the_delivery_as_done() {
    let time = Time::new();
    let clock = time.clone();
    let store = MemoryStore::new(10).clock(move || clock.now());
    let (begun, mut begins) = mpsc::unbounded_channel();
    let calls = Arc::new(AtomicUsize::new(0));
    let finish = [(); 3].map(|()| Arc::new(Semaphore::new(0)));
    let gates = finish.clone();
    let count = Arc::clone(&calls);
    let handler = handler_of(move || {
        let call = count.fetch_add(1, Ordering::SeqCst);
        begun.send(call).expect("the test runs");
        let gate = Arc::clone(&gates[call]);
        async move {
            gate.acquire().await?.forget();
            let status = if call == 1 { 500 } else { 200 };
            Ok(Response::builder().status(status).body("".into())?)
        }
    });
    let service = guarded(github(), by_body(store), handler);
    let call = || {
        let service = service.clone();
        tokio::spawn(async move { status(&service, delivery("1")).await })
    };
    let slow = call();
    assert_eq!(begins.recv().await, Some(0));
    time.pass(61);
    let copy = call();
    assert_eq!(begins.recv().await, Some(1));

    finish[0].add_permits(1);
    assert_eq!(slow.await.expect("no panic"), 200);
    assert_eq!(
        status(&service, delivery("1")).await,
        503,
        "the copy still runs"
    );
    finish[1].add_permits(1);
    assert_eq!(copy.await.expect("no panic"), 500);
    finish[2].add_permits(1);
    assert_eq!(status(&service, delivery("1")).await, 200);
    assert_eq!(calls.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn the_same_delivery_id_of_two_tenants_is_two_deliveries() {
    two_tenants::each_is_handled_once(MemoryStore::new(10)).await;
}
