//! The order of claim, readiness and call.

use std::{
    future::{Ready, poll_fn, ready},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::FutureExt;
use http::Request;
use http_body_util::Full;
use tower::{Service, ServiceExt};
use tower_webhook_auth::{
    BoxError, WebhookAuthLayer,
    replay::{Claimed, MemoryStore},
};

use crate::support::{
    Answer, Scripted, by_body, delivery, github, guarded, handler, send, signer, status,
};

/// A service that is ready when it is told, and must be called on the clone that was ready.
#[derive(Clone)]
struct Gate {
    store: Scripted,
    open: Arc<AtomicBool>,
    fail: bool,
    ready: bool,
}

impl Gate {
    fn new(store: &Scripted) -> Self {
        Self {
            store: store.clone(),
            open: Arc::new(AtomicBool::new(true)),
            fail: false,
            ready: false,
        }
    }
}

impl Service<Request<Full<Bytes>>> for Gate {
    type Response = Answer;
    type Error = BoxError;
    type Future = Ready<Result<Answer, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        if self.fail {
            return Poll::Ready(Err("never ready".into()));
        }
        if !self.open.load(Ordering::SeqCst) {
            return Poll::Pending;
        }
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Full<Bytes>>) -> Self::Future {
        assert!(self.ready, "called on a clone that was not ready");
        self.store.note("call");
        ready(Ok(Answer::default()))
    }
}

#[tokio::test]
async fn the_claim_comes_before_the_call_and_the_commit_after_it() {
    let store = Scripted::granting();
    let service = guarded(github(), by_body(store.clone()), Gate::new(&store));
    assert_eq!(status(&service, delivery("{}")).await, 200);
    assert_eq!(store.log(), ["claim", "call", "commit"]);
}

#[tokio::test]
async fn a_service_that_was_not_ready_is_called_with_a_whole_lease() {
    let store = Scripted::granting();
    let gate = Gate::new(&store);
    gate.open.store(false, Ordering::SeqCst);
    let service = guarded(github(), by_body(store.clone()), gate.clone());
    let mut call = Box::pin(service.oneshot(delivery("{}")));
    assert!((&mut call).now_or_never().is_none());
    assert_eq!(store.log(), ["claim"]);
    gate.open.store(true, Ordering::SeqCst);
    assert_eq!(call.await.expect("a response").status(), 200);
    assert_eq!(store.log(), ["claim", "claim", "call", "commit"]);
}

/// The lease ended while the call waited, and another call has the delivery.
#[tokio::test]
async fn a_call_that_lost_the_delivery_while_it_waited_does_not_run() {
    for (second, expected) in [
        (Claimed::InFlight(Duration::from_secs(1)), 503),
        (Claimed::Done, 200),
    ] {
        let claims = Arc::new(AtomicUsize::new(0));
        let store = Scripted::granting().claim(move || {
            let first = claims.fetch_add(1, Ordering::SeqCst) == 0;
            async move { Ok(if first { Claimed::Granted } else { second }) }
        });
        let gate = Gate::new(&store);
        gate.open.store(false, Ordering::SeqCst);
        let service = guarded(github(), by_body(store.clone()), gate.clone());
        let mut call = Box::pin(service.oneshot(delivery("{}")));
        assert!((&mut call).now_or_never().is_none());
        gate.open.store(true, Ordering::SeqCst);
        assert_eq!(call.await.expect("a response").status(), expected);
        assert_eq!(store.log(), ["claim", "claim"]);
    }
}

#[tokio::test]
async fn a_service_that_fails_to_become_ready_releases_the_delivery() {
    let store = Scripted::granting();
    let gate = Gate {
        fail: true,
        ..Gate::new(&store)
    };
    let service = guarded(github(), by_body(store.clone()), gate);
    let error = service
        .oneshot(delivery("{}"))
        .await
        .expect_err("not ready");
    assert_eq!(error.to_string(), "never ready");
    assert_eq!(store.log(), ["claim", "abandon"]);
}

#[tokio::test]
async fn a_large_body_is_hashed_over_several_polls() {
    const MIB: usize = 1024 * 1024;
    let store = Scripted::granting();
    let (handler, _) = handler(|_| 200);
    let guard = by_body(store.clone());
    let layers = (
        WebhookAuthLayer::new(github()).max_body_bytes(8 * MIB),
        guard,
    );
    let service = tower::Layer::layer(&layers, handler);
    // The frame is whole, so that the layer needs few polls.
    let request = signer(&github()).request(vec![b'7'; 8 * MIB]);
    let mut call = Box::pin(service.oneshot(request));
    let mut polls = 0;
    let response = poll_fn(|context| {
        polls += 1;
        call.poll_unpin(context)
    })
    .await;
    assert_eq!(response.expect("a response").status(), 200);
    // 32 pieces of 256 KiB: the last one is followed by the claim.
    assert!(polls >= 32, "{polls} polls");
    assert_eq!(store.log(), ["claim", "commit"]);
}

/// Both ways to put two layers around an axum route.
#[cfg(feature = "axum")]
#[tokio::test]
async fn the_guard_works_in_axum_in_one_call_of_route_layer_and_in_two() {
    use axum::{Router, routing::post};
    use tower_webhook_auth::{Verified, replay::Duplicate};

    let handler = async |webhook: Verified<Bytes>| webhook.identity().map(|id| id.to_string());
    let answer = |route| Router::<()>::new().route("/", route);
    let handler = async move |webhook: Verified<Bytes>| handler(webhook).await.unwrap_or_default();
    let layer = || WebhookAuthLayer::new(github());
    let guard = || by_body(MemoryStore::new(10));
    for app in [
        answer(post(handler).route_layer((layer(), guard()))),
        answer(post(handler).route_layer(guard()).route_layer(layer())),
    ] {
        let call = || {
            app.clone()
                .oneshot(delivery("{}").map(axum::body::Body::new))
        };
        let first = call().await.expect("infallible");
        assert_eq!(first.status(), 200);
        assert!(first.extensions().get::<Duplicate>().is_none());
        let again = call().await.expect("infallible");
        assert!(again.extensions().get::<Duplicate>().is_some());
    }
}

#[tokio::test]
async fn one_of_many_equal_deliveries_at_once_calls_the_handler() {
    let store = MemoryStore::new(10);
    let (handler, calls) = handler(|_| 200);
    let service = guarded(github(), by_body(store), handler);
    let all = futures_util::future::join_all((0..100).map(|_| send(&service, delivery("{}"))));
    let statuses: Vec<u16> = all.await.iter().map(|r| r.status().as_u16()).collect();
    assert!(statuses.iter().all(|status| [200, 503].contains(status)));
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}
