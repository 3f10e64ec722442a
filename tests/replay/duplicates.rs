//! What a duplicate gets.

use std::{future::pending, sync::atomic::Ordering, time::Duration};

use bytes::Bytes;
use futures_util::FutureExt;
use http::{Response, header::RETRY_AFTER};
use http_body_util::{BodyExt, Full};
use tower::{Layer, ServiceExt, limit::ConcurrencyLimitLayer};
use tower_webhook_auth::{
    BoxError, RejectionKind,
    replay::{Claimed, MemoryStore},
};

use crate::support::{
    Scripted, by_body, delivery, github, guarded, handler, handler_of, is_duplicate, kind, send,
    status,
};

#[tokio::test]
async fn a_duplicate_of_a_call_in_progress_is_no_success() {
    let store = MemoryStore::new(10);
    let waiting = handler_of(pending::<Result<Response<Full<Bytes>>, BoxError>>);
    let service = guarded(github(), by_body(store.clone()), waiting);
    let mut first = Box::pin(service.clone().oneshot(delivery("{}")));
    assert!((&mut first).now_or_never().is_none());
    let second = send(&service, delivery("{}")).await;
    assert_eq!(second.status(), 503);
    assert_eq!(kind(&second), Some(RejectionKind::DeliveryInFlight));
    assert!(!is_duplicate(&second));
    // The first call still owns the delivery.
    assert_eq!(store.len(), 1);
}

#[tokio::test]
async fn retry_after_is_the_rest_of_the_lease_and_at_most_ten_seconds() {
    for (left, expected) in [(0, "1"), (1, "1"), (2_500, "3"), (60_000, "10")] {
        let left = Duration::from_millis(left);
        let store = Scripted::granting().claim(move || async move { Ok(Claimed::InFlight(left)) });
        let (handler, calls) = handler(|_| 200);
        let response = send(
            &guarded(github(), by_body(store.clone()), handler),
            delivery("{}"),
        )
        .await;
        assert_eq!(response.headers()[RETRY_AFTER], expected, "{left:?}");
        assert_eq!(calls.load(Ordering::SeqCst), 0);
        // Another call owns the claim: it must not be released.
        assert_eq!(store.log(), ["claim"]);
    }
}

#[tokio::test]
async fn a_duplicate_gets_the_response_that_the_program_makes() {
    let guard = by_body(MemoryStore::new(10)).answer_duplicates(|headers| {
        assert!(headers.contains_key("x-hub-signature-256"));
        Response::new("[accepted]")
    });
    let (handler, calls) = handler(|_| 200);
    let service = guarded(github(), guard, handler);
    status(&service, delivery("{}")).await;
    let again = send(&service, delivery("{}")).await;
    assert!(is_duplicate(&again));
    let body = again
        .into_body()
        .collect()
        .await
        .expect("a body")
        .to_bytes();
    assert_eq!(body, "[accepted]");
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_duplicate_can_call_the_handler_with_a_marker() {
    let guard = by_body(MemoryStore::new(10)).call_with_duplicates();
    let (handler, calls) = handler(|_| 500);
    let service = guarded(
        github(),
        guard.commit_when(|status, _| status == 500),
        handler,
    );
    let first = send(&service, delivery("{}")).await;
    assert_eq!(first.headers()["x-duplicate"], "false");
    assert!(!is_duplicate(&first));
    for _ in 0..2 {
        let again = send(&service, delivery("{}")).await;
        assert_eq!(again.headers()["x-duplicate"], "true");
        assert!(is_duplicate(&again));
    }
    assert_eq!(calls.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_duplicate_does_not_wait_for_a_permit_of_a_limit_inside() {
    let waiting = handler_of(pending::<Result<Response<Full<Bytes>>, BoxError>>);
    let limited = ConcurrencyLimitLayer::new(1).layer(waiting);
    let service = guarded(github(), by_body(MemoryStore::new(10)), limited);
    let mut first = Box::pin(service.clone().oneshot(delivery("{}")));
    assert!((&mut first).now_or_never().is_none());
    assert_eq!(status(&service, delivery("{}")).await, 503);
    // Another delivery does wait.
    assert!(service.oneshot(delivery("{ }")).now_or_never().is_none());
}
