//! A delivery that was not processed can be processed by the next attempt.

use std::{
    future::pending,
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use futures_util::FutureExt;
use http::Response;
use http_body_util::Full;
use tower::ServiceExt;
use tower_webhook_auth::{
    BoxError, RejectionKind,
    replay::{Claimed, MemoryStore},
};

use crate::support::{
    Answer, Scripted, Time, by_body, delivery, github, guarded, handler, handler_of, is_duplicate,
    kind, send, status,
};

#[tokio::test]
async fn a_response_that_is_no_success_releases_the_delivery() {
    for bad in [500, 503, 404, 409, 302, 199] {
        let store = MemoryStore::new(10);
        let (handler, calls) = handler(move |call| if call == 0 { bad } else { 200 });
        let service = guarded(github(), by_body(store.clone()), handler);
        assert_eq!(status(&service, delivery("{}")).await, bad);
        assert_eq!(store.len(), 0, "{bad}");
        assert_eq!(status(&service, delivery("{}")).await, 200);
        assert_eq!(calls.load(Ordering::SeqCst), 2, "{bad}");
    }
}

#[tokio::test]
async fn an_error_a_panic_and_a_dropped_call_release_the_delivery() {
    let mode = Arc::new(Mutex::new("error"));
    let next = Arc::clone(&mode);
    let inner = handler_of(move || {
        let mode = *next.lock().expect("no panic");
        async move {
            match mode {
                "error" => Err(BoxError::from("broken")),
                "panic" => panic!("on purpose"),
                "wait" => pending().await,
                _ => Ok(Answer::default()),
            }
        }
    });
    let store = MemoryStore::new(10);
    let service = guarded(github(), by_body(store.clone()), inner);
    let call = || service.clone().oneshot(delivery("{}"));

    let error = call().await.expect_err("the error of the inner service");
    assert_eq!(error.to_string(), "broken");
    assert_eq!(store.len(), 0);

    *mode.lock().expect("no panic") = "panic";
    let panicked = std::panic::AssertUnwindSafe(call()).catch_unwind().await;
    assert!(panicked.is_err());
    assert_eq!(store.len(), 0);

    *mode.lock().expect("no panic") = "wait";
    let mut waiting = Box::pin(call());
    assert!((&mut waiting).now_or_never().is_none());
    assert_eq!(store.len(), 1);
    drop(waiting);
    assert_eq!(store.len(), 0);

    *mode.lock().expect("no panic") = "well";
    assert_eq!(status(&service, delivery("{}")).await, 200);
    assert_eq!(store.len(), 1);
}

#[tokio::test]
async fn a_crashed_call_loses_the_delivery_with_its_lease_and_cannot_undo_what_another_did() {
    let time = Time::new();
    let clock = time.clone();
    let store = MemoryStore::new(10).clock(move || clock.now());
    let waiting = handler_of(pending::<Result<Answer, BoxError>>);
    let crashing = guarded(github(), by_body(store.clone()), waiting);
    let mut crashed = Box::pin(crashing.oneshot(delivery("{}")));
    assert!((&mut crashed).now_or_never().is_none());

    let (handler, calls) = handler(|_| 200);
    let service = guarded(github(), by_body(store), handler);
    time.pass(59);
    assert_eq!(status(&service, delivery("{}")).await, 503);
    time.pass(1);
    assert_eq!(status(&service, delivery("{}")).await, 200);
    // The release of the crashed call comes late.
    drop(crashed);
    assert!(is_duplicate(&send(&service, delivery("{}")).await));
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_or_hangs_is_a_503_and_the_handler_does_not_run() {
    let failing = Scripted::granting().claim(|| async { Err("no route to the store".into()) });
    let hanging = Scripted::granting().claim(pending);
    for store in [failing, hanging] {
        let (handler, calls) = handler(|_| 200);
        let service = guarded(github(), by_body(store.clone()), handler);
        let call = send(&service, delivery("{}"));
        let response = tokio::time::timeout(Duration::from_secs(2), call).await;
        let response = response.expect("the deadline of the store is one second");
        assert_eq!(response.status(), 503);
        assert_eq!(kind(&response), Some(RejectionKind::ReplayStoreUnavailable));
        assert_eq!(calls.load(Ordering::SeqCst), 0);
        // The claim may have been granted.
        assert_eq!(store.log(), ["claim", "abandon"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_or_hangs_after_the_handler_does_not_change_the_response() {
    let failing = || Scripted::granting().settle(|| async { Err("no route".into()) });
    let hanging = || Scripted::granting().settle(pending);
    for store in [failing(), hanging()] {
        for (code, log) in [
            (200, ["claim", "commit"].as_slice()),
            // One more try, in the background.
            (500, &["claim", "release", "abandon"]),
        ] {
            store.log.lock().expect("no panic").clear();
            let (handler, calls) = handler(move |_| code);
            let service = guarded(github(), by_body(store.clone()), handler);
            let call = status(&service, delivery("{}"));
            let status = tokio::time::timeout(Duration::from_secs(2), call).await;
            assert_eq!(status.expect("the deadline of the store"), code);
            assert_eq!(calls.load(Ordering::SeqCst), 1);
            assert_eq!(store.log(), log);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_deadline_of_the_store_can_be_set() {
    let (handler, _) = handler(|_| 200);
    let guard = by_body(Scripted::granting().claim(pending));
    let service = guarded(
        github(),
        guard.store_deadline(Duration::from_secs(9)),
        handler,
    );
    let call = tokio::time::timeout(Duration::from_secs(8), send(&service, delivery("{}")));
    assert!(call.await.is_err());
    let call = tokio::time::timeout(Duration::from_secs(10), send(&service, delivery("{}")));
    assert_eq!(call.await.expect("the deadline").status(), 503);
}

#[tokio::test]
async fn a_call_that_is_dropped_while_the_store_is_asked_gives_the_claim_back() {
    let store = Scripted::granting().claim(pending);
    let (handler, _) = handler(|_| 200);
    let service = guarded(github(), by_body(store.clone()), handler);
    let mut call = Box::pin(service.oneshot(delivery("{}")));
    assert!((&mut call).now_or_never().is_none());
    drop(call);
    assert_eq!(store.log(), ["claim", "abandon"]);
}

#[tokio::test]
async fn a_call_that_is_dropped_while_it_commits_does_not_give_the_claim_back() {
    for (code, log) in [
        (200, ["claim", "commit"].as_slice()),
        (500, &["claim", "release", "abandon"]),
    ] {
        let store = Scripted::granting().settle(pending);
        let (handler, _) = handler(move |_| code);
        let service = guarded(github(), by_body(store.clone()), handler);
        let mut call = Box::pin(service.oneshot(delivery("{}")));
        assert!((&mut call).now_or_never().is_none());
        drop(call);
        assert_eq!(store.log(), log);
    }
}

#[tokio::test]
async fn the_handler_has_stopped_when_a_dropped_call_gives_the_claim_back() {
    struct Running(Scripted);
    impl Drop for Running {
        fn drop(&mut self) {
            self.0.note("the handler stops");
        }
    }
    let store = Scripted::granting();
    let noted = store.clone();
    let inner = handler_of(move || {
        let running = Running(noted.clone());
        async move {
            let _running = running;
            pending::<Result<Response<Full<Bytes>>, BoxError>>().await
        }
    });
    let service = guarded(github(), by_body(store.clone()), inner);
    let mut call = Box::pin(service.oneshot(delivery("{}")));
    assert!((&mut call).now_or_never().is_none());
    drop(call);
    assert_eq!(store.log(), ["claim", "the handler stops", "abandon"]);
}

#[tokio::test]
async fn a_duplicate_releases_nothing() {
    for claimed in [Claimed::Done, Claimed::InFlight(Duration::ZERO)] {
        let store = Scripted::granting().claim(move || async move { Ok(claimed) });
        let (handler, calls) = handler(|_| 200);
        let service = guarded(github(), by_body(store.clone()), handler);
        status(&service, delivery("{}")).await;
        assert_eq!(store.log(), ["claim"]);
        assert_eq!(calls.load(Ordering::SeqCst), 0);
    }
}
