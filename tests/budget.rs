//! `memory_budget`: what all bodies together may hold that are not yet verified.

mod common;
#[path = "common/script.rs"]
mod script;

use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http::{Request, Response, StatusCode, header::RETRY_AFTER};
use http_body::Body;
use http_body_util::Full;
use tower::{Layer, Service, ServiceExt};
use tower_webhook_auth::{
    BoxError, Rejection, RejectionKind, ResponseBody, ResponseFuture, WebhookAuth, WebhookAuthLayer,
};

use self::{
    common::Inner,
    script::{Script, Step, frame, keyed, request},
};

const BUDGET: usize = 10_000;

fn layer() -> WebhookAuthLayer<Bytes> {
    WebhookAuthLayer::new(keyed()).memory_budget(BUDGET)
}

type Upload = Pin<Box<ResponseFuture<Inner, Script, Bytes>>>;

/// Begins an upload of this many bytes that then stalls.
fn upload(service: &mut WebhookAuth<Inner, Bytes>, bytes: usize) -> Upload {
    let steps = [frame(vec![b'a'; bytes]), Step::Stall];
    Box::pin(service.call(request(Script::new(steps))))
}

/// Polls once: `None` while it holds what came.
fn poll(upload: &mut Upload) -> Option<Response<ResponseBody<Full<Bytes>>>> {
    let mut context = Context::from_waker(Waker::noop());
    match upload.as_mut().poll(&mut context) {
        Poll::Ready(response) => Some(response.expect("an infallible service")),
        Poll::Pending => None,
    }
}

async fn status<B>(layer: &WebhookAuthLayer<Bytes>, request: Request<B>) -> StatusCode
where
    B: Body,
    B::Error: Into<BoxError>,
{
    let inner = Inner::default();
    let response = layer.layer(inner.clone()).oneshot(request).await;
    let status = response.expect("an infallible service").status();
    assert_eq!(inner.calls(), usize::from(status == StatusCode::OK));
    status
}

/// Whether all of the budget is there.
async fn is_whole(layer: &WebhookAuthLayer<Bytes>) -> bool {
    let all = request(Script::frames(BUDGET, BUDGET));
    status(layer, all).await == StatusCode::OK
}

#[tokio::test]
async fn what_would_exceed_the_budget_is_refused_with_a_time_to_come_back() {
    let layer = layer();
    let inner = Inner::default();
    let mut service = layer.layer(inner.clone());
    let mut held = upload(&mut service, 6000);
    assert!(poll(&mut held).is_none());

    let mut over = upload(&mut service, 4001);
    let refused = poll(&mut over).expect("an answer");
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()[RETRY_AFTER], "1");
    let rejection = refused.extensions().get::<Rejection>().expect("its reason");
    assert_eq!(rejection.kind(), RejectionKind::BudgetExhausted);

    let mut fits = upload(&mut service, 4000);
    assert!(poll(&mut fits).is_none());
    assert_eq!(inner.calls(), 0);
}

#[tokio::test]
async fn all_clones_have_one_budget() {
    let layer = layer();
    let also = layer.clone().max_body_bytes(BUDGET);
    let mut services: Vec<_> = [&layer, &also, &layer.clone()]
        .into_iter()
        .flat_map(|layer| {
            let service = layer.layer(Inner::default());
            [service.clone(), service]
        })
        .collect();
    // Of a hundred uploads of 300 bytes each, 33 fit, over whichever service they come.
    let mut held = Vec::new();
    let mut refused = 0;
    for index in 0..100 {
        let service = index % services.len();
        let mut upload = upload(&mut services[service], 300);
        match poll(&mut upload) {
            None => held.push(upload),
            Some(response) => {
                assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
                refused += 1;
            }
        }
    }
    assert_eq!((held.len(), refused), (33, 67));
    drop(held);
    assert!(is_whole(&layer).await);
}

#[tokio::test]
async fn another_layer_has_another_budget() {
    let (one, other) = (layer(), layer());
    let mut held = upload(&mut one.layer(Inner::default()), BUDGET);
    assert!(poll(&mut held).is_none());
    assert!(!is_whole(&one).await);
    assert!(is_whole(&other).await);
}

#[tokio::test]
async fn what_was_held_is_free_at_once_however_it_ended() {
    let layer = layer();
    let mut service = layer.layer(Inner::default());

    // Left by its client.
    let mut held = upload(&mut service, BUDGET);
    assert!(poll(&mut held).is_none());
    assert!(!is_whole(&layer).await);
    drop(held);
    assert!(is_whole(&layer).await);

    // Refused: free although the answer is still there, and the future too.
    let steps = [frame(vec![b'a'; BUDGET]), frame("b"), Step::Stall];
    let mut over: Upload = Box::pin(service.call(request(Script::new(steps))));
    let refused = poll(&mut over).expect("an answer");
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(is_whole(&layer).await);

    // Broken off.
    let steps = [frame(vec![b'a'; BUDGET]), Step::Error("broken".into())];
    let mut broken: Upload = Box::pin(service.call(request(Script::new(steps))));
    let refused = poll(&mut broken).expect("an answer");
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    assert!(is_whole(&layer).await);

    // Verified: from here on it is the handler's memory.
    let accepted = request(Script::frames(BUDGET, BUDGET));
    let response = service.call(accepted).await.expect("an infallible service");
    assert_eq!(response.status(), StatusCode::OK);
    assert!(is_whole(&layer).await);
}

#[cfg(feature = "tokio")]
#[tokio::test(start_paused = true)]
async fn what_was_held_is_free_after_the_deadline() {
    let layer = layer();
    let stalled = request(Script::new([frame(vec![b'a'; BUDGET]), Step::Stall]));
    assert_eq!(status(&layer, stalled).await, StatusCode::REQUEST_TIMEOUT);
    assert!(is_whole(&layer).await);
}

#[tokio::test]
async fn many_small_deliveries_pass_beside_a_large_one() {
    let layer = layer();
    let mut large = upload(&mut layer.layer(Inner::default()), 9000);
    assert!(poll(&mut large).is_none());
    for _ in 0..1000 {
        let small = request(Script::frames(314, 314));
        assert_eq!(status(&layer, small).await, StatusCode::OK);
    }
    assert!(poll(&mut large).is_none());
}

#[tokio::test]
async fn a_body_larger_than_the_budget_never_passes_and_smaller_ones_do() {
    let layer = layer();
    for size in [1, 100, 3333, BUDGET + 1] {
        let over = request(Script::frames(BUDGET + 1, size));
        let refused = status(&layer, over).await;
        assert_eq!(refused, StatusCode::SERVICE_UNAVAILABLE, "{size}");
        assert!(is_whole(&layer).await);
    }
    let none = WebhookAuthLayer::new(keyed()).memory_budget(0);
    let one = request(Script::frames(1, 1));
    assert_eq!(status(&none, one).await, StatusCode::SERVICE_UNAVAILABLE);
    let empty = request(Script::new([]));
    assert_eq!(status(&none, empty).await, StatusCode::OK);
}

#[tokio::test]
async fn a_buffer_that_may_not_grow_ahead_grows_by_what_it_needs() {
    let layer = layer();
    // Twice 6,000 would be over the budget: it is asked for, and then what is needed.
    for size in [1, 7, 100, 3000, 6000] {
        let all = request(Script::frames(BUDGET, size));
        assert_eq!(status(&layer, all).await, StatusCode::OK, "{size}");
    }
    let mut declared = request(Script::frames(BUDGET, 100));
    declared
        .headers_mut()
        .insert("content-length", 10_000.into());
    assert_eq!(status(&layer, declared).await, StatusCode::OK);
}

#[tokio::test]
async fn who_has_no_key_is_told_nothing_of_the_budget() {
    let layer = layer();
    let mut held = upload(&mut layer.layer(Inner::default()), BUDGET);
    assert!(poll(&mut held).is_none());
    let mut stranger = request(Script::frames(100, 100));
    stranger.headers_mut().clear();
    assert_eq!(status(&layer, stranger).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn threads_that_share_a_budget_give_all_of_it_back() {
    let layer = layer();
    let uploads: Vec<_> = (0..400)
        .map(|index| {
            let layer = layer.clone();
            tokio::spawn(async move {
                let frames = (0..index % 40).flat_map(|_| [frame(vec![b'a'; 100]), Step::Pending]);
                let error = (index % 7 == 0).then(|| Step::Error("broken".into()));
                status(&layer, request(Script::new(frames.chain(error)))).await
            })
        })
        .collect();
    let mut counts = std::collections::BTreeMap::new();
    for (index, upload) in uploads.into_iter().enumerate() {
        if index % 5 == 0 {
            upload.abort();
        }
        if let Ok(status) = upload.await {
            *counts.entry(status.as_u16()).or_insert(0) += 1;
        }
    }
    println!("{counts:?}");
    assert!(counts.keys().all(|status| [200, 400, 503].contains(status)));
    assert!(counts[&200] > 0);
    assert!(is_whole(&layer).await);
}
