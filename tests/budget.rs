//! `MemoryBudget`: what all unverified bodies together may hold.

mod common;
#[path = "common/script.rs"]
mod script;

use std::{
    convert::Infallible,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http::{Request, Response, StatusCode, header::CONTENT_LENGTH, header::RETRY_AFTER};
use http_body::Body;
use http_body_util::Full;
use proptest::prelude::*;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_webhook_auth::{
    BoxError, MemoryBudget, Rejection, RejectionKind, ResponseBody, ResponseFuture, WebhookAuth,
    WebhookAuthLayer,
};

use self::{
    common::Inner,
    script::{Script, Step, frame, keyed, request},
};

const BUDGET: usize = 10_000;
const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// The smallest buffer for a body in several frames.
const SMALLEST_BUFFER: usize = 256;

fn layer(budget: &MemoryBudget) -> WebhookAuthLayer<Bytes> {
    WebhookAuthLayer::new(keyed()).memory_budget(budget.clone())
}

type Upload = Pin<Box<ResponseFuture<Inner, Script, Bytes>>>;

/// Begins an upload of these steps that then stalls.
fn stalled(
    service: &mut WebhookAuth<Inner, Bytes>,
    steps: impl IntoIterator<Item = Step, IntoIter: Send + 'static>,
    declared: Option<usize>,
) -> Upload {
    let steps = steps.into_iter().chain([Step::Stall]);
    let mut request = request(Script::new(steps));
    if let Some(declared) = declared {
        request
            .headers_mut()
            .insert(CONTENT_LENGTH, declared.into());
    }
    Box::pin(service.call(request))
}

/// Begins an upload of this many bytes in one frame that then stalls.
fn upload(service: &mut WebhookAuth<Inner, Bytes>, bytes: usize) -> Upload {
    stalled(service, [frame(vec![b'a'; bytes])], None)
}

/// Polls once: `None` while the upload waits for more.
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

fn charged(budget: &MemoryBudget) -> usize {
    budget.limit() - budget.available()
}

// What is charged.

/// A declared length that is charged lets 256 requests of two bytes take 16 MiB.
#[tokio::test]
async fn two_bytes_of_a_large_declared_body_are_charged_as_two_bytes() {
    const REQUESTS: usize = 256;
    let budget = MemoryBudget::new(16 * MIB);
    let layer = layer(&budget);
    let mut service = layer.layer(Inner::default());
    let mut held = Vec::new();
    for _ in 0..REQUESTS {
        let mut upload = stalled(&mut service, [frame("x"), frame("x")], Some(64 * KIB));
        assert!(poll(&mut upload).is_none());
        held.push(upload);
    }
    assert!(charged(&budget) <= REQUESTS * SMALLEST_BUFFER);
    let genuine = request(Script::frames(20 * KIB, 8 * KIB));
    assert_eq!(status(&layer, genuine).await, StatusCode::OK);
}

/// The limits of the example of `WebhookAuthLayer`. The attacker renews each request before its
/// deadline, and a genuine delivery arrives 20 times in a second.
#[cfg(feature = "tokio")]
#[tokio::test(start_paused = true)]
async fn an_attack_that_renews_its_requests_keeps_no_delivery_out() {
    use std::time::Duration;

    const DELIVERIES: usize = 390;
    let budget = MemoryBudget::new(16 * MIB);
    let layer = layer(&budget)
        .max_body_bytes(64 * KIB)
        .body_deadline(Duration::from_secs(5));
    let attack = || {
        let service = layer.layer(Inner::default());
        let attack = (0..300).map(move |_| {
            let mut service = service.clone();
            let upload = stalled(&mut service, [frame("x"), frame("x")], Some(64 * KIB));
            tokio::spawn(upload)
        });
        attack.collect::<Vec<_>>()
    };
    let mut held = attack();
    let mut answered = 0;
    for delivery in 0..DELIVERIES {
        if delivery % 92 == 91 {
            held.extend(attack());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        let genuine = request(Script::frames(314, 314));
        answered += usize::from(status(&layer, genuine).await == StatusCode::OK);
    }
    println!("{answered} of {DELIVERIES} genuine deliveries were answered");
    assert_eq!(answered, DELIVERIES);
    held.iter().for_each(tokio::task::JoinHandle::abort);
}

proptest! {
    /// What is held is charged, and not much more than what arrived.
    #[test]
    fn requests_are_charged_for_what_arrived_of_them(
        uploads in prop::collection::vec(
            (prop::collection::vec(1_usize..3000, 0..12), prop::option::of(0_usize..100_000)),
            1..20,
        ),
    ) {
        let budget = MemoryBudget::new(64 * MIB);
        let mut service = layer(&budget).layer(Inner::default());
        let mut held = Vec::new();
        let mut arrived = 0;
        for (sizes, declared) in uploads {
            arrived += sizes.iter().sum::<usize>();
            let frames: Vec<_> = sizes.iter().map(|size| frame(vec![b'a'; *size])).collect();
            let mut upload = stalled(&mut service, frames, declared);
            prop_assert!(poll(&mut upload).is_none());
            held.push(upload);
            prop_assert!(charged(&budget) >= arrived);
            prop_assert!(charged(&budget) <= 2 * arrived + held.len() * SMALLEST_BUFFER);
        }
        drop(held);
        prop_assert_eq!(charged(&budget), 0);
    }
}

#[tokio::test]
async fn a_body_of_its_declared_length_is_charged_with_that_length() {
    let budget = MemoryBudget::new(MIB);
    let mut service = layer(&budget).layer(Inner::default());
    for size in [1, 100, 3000, 16 * KIB] {
        let frames = (0..20 * KIB)
            .step_by(size)
            .map(move |start| frame(vec![b'a'; size.min(20 * KIB - start)]));
        let mut upload = stalled(&mut service, frames, Some(20 * KIB));
        // The reader gives the task back after 64 frames.
        for _ in 0..400 {
            assert!(poll(&mut upload).is_none());
        }
        assert_eq!(charged(&budget), 20 * KIB, "{size}");
    }
}

// What is over the budget.

#[tokio::test]
async fn a_request_over_the_budget_gets_503_with_retry_after() {
    let budget = MemoryBudget::new(BUDGET);
    let inner = Inner::default();
    let mut service = layer(&budget).layer(inner.clone());
    let mut held = upload(&mut service, 6000);
    assert!(poll(&mut held).is_none());

    let mut over = upload(&mut service, 4001);
    let rejected = poll(&mut over).expect("a response");
    assert_eq!(rejected.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(rejected.headers()[RETRY_AFTER], "1");
    let rejection = rejected.extensions().get::<Rejection>().expect("a reason");
    assert_eq!(rejection.kind(), RejectionKind::BudgetExhausted);

    let mut fits = upload(&mut service, 4000);
    assert!(poll(&mut fits).is_none());
    assert_eq!(budget.available(), 0);
    assert_eq!(inner.calls(), 0);
}

#[tokio::test]
async fn a_body_larger_than_the_budget_is_rejected_and_smaller_ones_pass() {
    let budget = MemoryBudget::new(BUDGET);
    let bounded = layer(&budget);
    for size in [1, 100, 3333, BUDGET + 1] {
        let over = request(Script::frames(BUDGET + 1, size));
        let rejected = status(&bounded, over).await;
        assert_eq!(rejected, StatusCode::SERVICE_UNAVAILABLE, "{size}");
        assert_eq!(charged(&budget), 0);
    }
    let none = WebhookAuthLayer::new(keyed()).memory_budget(0);
    let one = request(Script::frames(1, 1));
    assert_eq!(status(&none, one).await, StatusCode::SERVICE_UNAVAILABLE);
    let empty = request(Script::new([]));
    assert_eq!(status(&none, empty).await, StatusCode::OK);
}

#[tokio::test]
async fn a_body_can_use_all_of_a_budget_that_is_too_small_for_twice_its_size() {
    let layer = layer(&MemoryBudget::new(BUDGET));
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
async fn a_client_without_the_key_learns_nothing_about_the_budget() {
    let budget = MemoryBudget::new(BUDGET);
    let layer = layer(&budget);
    let mut held = upload(&mut layer.layer(Inner::default()), BUDGET);
    assert!(poll(&mut held).is_none());
    let mut unsigned = request(Script::frames(100, 100));
    unsigned.headers_mut().clear();
    assert_eq!(status(&layer, unsigned).await, StatusCode::UNAUTHORIZED);
}

// Large bodies next to small ones.

#[tokio::test]
async fn many_small_deliveries_pass_next_to_a_large_one() {
    let layer = layer(&MemoryBudget::new(BUDGET));
    let mut large = upload(&mut layer.layer(Inner::default()), 9000);
    assert!(poll(&mut large).is_none());
    for _ in 0..1000 {
        let small = request(Script::frames(314, 314));
        assert_eq!(status(&layer, small).await, StatusCode::OK);
    }
    assert!(poll(&mut large).is_none());
}

#[tokio::test]
async fn large_bodies_cannot_use_the_quarter_that_is_reserved_for_small_ones() {
    let budget = MemoryBudget::new(4 * MIB);
    let layer = layer(&budget);
    let mut service = layer.layer(Inner::default());
    let mut held = Vec::new();
    let mut rejected = 0;
    for _ in 0..50 {
        let mut large = upload(&mut service, 100 * KIB);
        match poll(&mut large) {
            None => held.push(large),
            Some(response) => {
                assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
                rejected += 1;
            }
        }
    }
    // 30 times 100 KiB are just under three quarters of 4 MiB.
    assert_eq!((held.len(), rejected), (30, 20));
    assert!(budget.available() >= MIB);

    let mut small = Vec::new();
    for _ in 0..64 {
        let mut upload = upload(&mut service, 16 * KIB);
        assert!(poll(&mut upload).is_none());
        small.push(upload);
    }
    let over = request(Script::frames(16 * KIB + 1, 16 * KIB + 1));
    assert_eq!(status(&layer, over).await, StatusCode::SERVICE_UNAVAILABLE);
    drop(small);

    // A body that becomes too large for the reserved part while it arrives.
    let grows = request(Script::frames(200 * KIB, 4 * KIB));
    assert_eq!(status(&layer, grows).await, StatusCode::SERVICE_UNAVAILABLE);
    // A small body in many frames is accepted, although a body of twice its size would not be small.
    let frames = request(Script::frames(16 * KIB, 1000));
    assert_eq!(status(&layer, frames).await, StatusCode::OK);

    drop(held);
    let large = request(Script::frames(MIB, MIB));
    assert_eq!(status(&layer, large).await, StatusCode::OK);
    assert_eq!(charged(&budget), 0);
}

// Who shares a budget.

#[tokio::test]
async fn all_clones_of_a_layer_have_one_budget() {
    let one = WebhookAuthLayer::new(keyed()).memory_budget(BUDGET);
    let other = one.clone().max_body_bytes(BUDGET);
    let mut services: Vec<_> = [&one, &other, &one.clone()]
        .into_iter()
        .flat_map(|layer| {
            let service = layer.layer(Inner::default());
            [service.clone(), service]
        })
        .collect();
    // Of a hundred uploads of 300 bytes each, 33 fit, for any distribution over the services.
    let mut held = Vec::new();
    let mut rejected = 0;
    for index in 0..100 {
        let service = index % services.len();
        let mut upload = upload(&mut services[service], 300);
        match poll(&mut upload) {
            None => held.push(upload),
            Some(response) => {
                assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
                rejected += 1;
            }
        }
    }
    assert_eq!((held.len(), rejected), (33, 67));
    drop(held);
    let all = request(Script::frames(BUDGET, BUDGET));
    assert_eq!(status(&one, all).await, StatusCode::OK);
}

#[tokio::test]
async fn two_layers_can_share_one_budget() {
    let budget = MemoryBudget::new(BUDGET);
    let (one, other) = (layer(&budget), layer(&budget));
    let mut held = upload(&mut one.layer(Inner::default()), 6000);
    assert!(poll(&mut held).is_none());
    assert_eq!(budget.available(), 4000);

    let over = request(Script::frames(4001, 4001));
    assert_eq!(status(&other, over).await, StatusCode::SERVICE_UNAVAILABLE);
    drop(held);
    let all = request(Script::frames(BUDGET, BUDGET));
    assert_eq!(status(&other, all).await, StatusCode::OK);
    assert_eq!(charged(&budget), 0);
}

#[tokio::test]
async fn a_number_of_bytes_is_a_budget_for_one_layer() {
    let layer = || WebhookAuthLayer::new(keyed()).memory_budget(BUDGET);
    let (one, other) = (layer(), layer());
    let all = || request(Script::frames(BUDGET, BUDGET));
    let mut held = upload(&mut one.layer(Inner::default()), BUDGET);
    assert!(poll(&mut held).is_none());
    assert_eq!(status(&one, all()).await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(status(&other, all()).await, StatusCode::OK);
}

// What is given back.

#[tokio::test]
async fn the_charge_is_given_back_at_once_in_every_outcome() {
    let budget = MemoryBudget::new(BUDGET);
    let layer = layer(&budget);
    let mut service = layer.layer(Inner::default());

    // The client disconnects.
    let mut held = upload(&mut service, BUDGET);
    assert!(poll(&mut held).is_none());
    assert_eq!(budget.available(), 0);
    drop(held);
    assert_eq!(charged(&budget), 0);

    // Rejected: the charge is given back while the response and the future still exist.
    let steps = [frame(vec![b'a'; BUDGET]), frame("b")];
    let mut over = stalled(&mut service, steps, None);
    let rejected = poll(&mut over).expect("a response");
    assert_eq!(rejected.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(charged(&budget), 0);

    // The body ends early.
    let steps = [frame(vec![b'a'; BUDGET]), Step::Error("broken".into())];
    let mut broken = stalled(&mut service, steps, None);
    let rejected = poll(&mut broken).expect("a response");
    assert_eq!(rejected.status(), StatusCode::BAD_REQUEST);
    assert_eq!(charged(&budget), 0);

    // Verified: from here on it is memory of the handler.
    let inner = service_fn({
        let budget = budget.clone();
        move |request: Request<Full<Bytes>>| {
            assert_eq!(charged(&budget), 0);
            let response = Response::new(request.into_body());
            async move { Ok::<_, Infallible>(response) }
        }
    });
    let accepted = request(Script::frames(BUDGET, BUDGET));
    let response = layer.layer(inner).oneshot(accepted).await;
    let status = response.expect("an infallible service").status();
    assert_eq!(status, StatusCode::OK);
    assert_eq!(charged(&budget), 0);
}

#[cfg(feature = "tokio")]
#[tokio::test(start_paused = true)]
async fn the_charge_is_given_back_after_the_deadline() {
    let budget = MemoryBudget::new(BUDGET);
    let stalled = request(Script::new([frame(vec![b'a'; BUDGET]), Step::Stall]));
    let rejected = status(&layer(&budget), stalled).await;
    assert_eq!(rejected, StatusCode::REQUEST_TIMEOUT);
    assert_eq!(charged(&budget), 0);
}

#[test]
fn the_charge_is_given_back_after_a_panic() {
    let budget = MemoryBudget::new(BUDGET);
    let frames = |panics: bool| {
        let mut frame_number = 0;
        Script::new(std::iter::from_fn(move || {
            frame_number += 1;
            match frame_number {
                1 | 2 => Some(frame(vec![b'a'; 3000])),
                3 if panics => panic!("the body panics"),
                _ => None,
            }
        }))
    };
    let panics = |run: &dyn Fn()| {
        catch_unwind(AssertUnwindSafe(run)).expect_err("a panic");
        assert_eq!(charged(&budget), 0);
    };
    panics(&|| {
        let service = layer(&budget).layer(Inner::default());
        let _ = futures_executor::block_on(service.oneshot(request(frames(true))));
    });
    panics(&|| {
        let provider = keyed().parse_with(|_| -> Result<(), _> { panic!("the parser panics") });
        let service = WebhookAuthLayer::new(provider)
            .memory_budget(budget.clone())
            .layer(Inner::default());
        let _ = futures_executor::block_on(service.oneshot(request(frames(false))));
    });
    panics(&|| {
        let inner = service_fn(
            |_: Request<Full<Bytes>>| -> std::future::Ready<Result<Response<Full<Bytes>>, Infallible>> {
                panic!("the inner service panics")
            },
        );
        let service = layer(&budget).layer(inner);
        let _ = futures_executor::block_on(service.oneshot(request(frames(false))));
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn threads_that_share_a_budget_give_all_of_it_back() {
    let budget = MemoryBudget::new(BUDGET);
    let layer = layer(&budget);
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
    assert_eq!(charged(&budget), 0);
}

#[test]
fn the_debug_output_of_a_budget_shows_its_size_and_what_is_left() {
    let budget = MemoryBudget::from(BUDGET);
    let mut held = upload(&mut layer(&budget).layer(Inner::default()), 6000);
    assert!(poll(&mut held).is_none());
    assert_eq!(
        format!("{budget:?}"),
        "MemoryBudget { limit: 10000, available: 4000 }"
    );
}
