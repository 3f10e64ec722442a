//! How a body is read: its limit, its frames, its deadline, its end.

mod common;
#[path = "common/script.rs"]
mod script;

use std::{
    error::Error,
    fmt,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, StatusCode, header::CONTENT_LENGTH};
use http_body::Body;
use http_body_util::{BodyExt, Full, Limited};
use tower::{Layer, Service, ServiceExt};
use tower_webhook_auth::{
    BoxError, Keys, Provider, Rejection, RejectionKind, Secret, SignatureScheme, WebhookAuthLayer,
};

use self::{
    common::Inner,
    script::{Script, Step, Untouchable, frame, keyed, pieces, request},
};

const LIMIT: usize = 1000;

/// The bytes that the inner service received, or the reason why it was not called.
async fn read<B>(layer: &WebhookAuthLayer<Bytes>, request: Request<B>) -> Result<Bytes, Rejection>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    let inner = Inner::default();
    let response = layer.layer(inner.clone()).oneshot(request).await;
    let (head, body) = response.expect("an infallible service").into_parts();
    if head.status == StatusCode::OK {
        assert_eq!(inner.calls(), 1);
        return Ok(common::collect(body).await);
    }
    assert_eq!(inner.calls(), 0, "the inner service was called");
    let rejection = head.extensions.get::<Rejection>();
    Err(rejection
        .expect("a response to a rejected request holds its reason")
        .clone())
}

fn layer() -> WebhookAuthLayer<Bytes> {
    WebhookAuthLayer::new(keyed()).max_body_bytes(LIMIT)
}

/// The kind of a rejection.
fn kind(result: Result<Bytes, Rejection>) -> RejectionKind {
    result.expect_err("a rejection").kind()
}

#[tokio::test]
async fn the_limit_of_a_provider_applies_unless_the_layer_sets_another_one() {
    let layer = || WebhookAuthLayer::new(keyed().max_body_bytes(LIMIT));
    for (layer, size, accepted) in [
        (layer(), LIMIT, true),
        (layer(), LIMIT + 1, false),
        (layer().max_body_bytes(LIMIT + 1), LIMIT + 1, true),
    ] {
        let body = read(&layer, request(Script::frames(size, 100))).await;
        assert_eq!(body.is_ok(), accepted, "{size}");
        if let Err(rejection) = body {
            assert_eq!(rejection.kind(), RejectionKind::BodyTooLarge);
        }
    }
}

#[tokio::test]
async fn a_body_of_the_limit_is_accepted_and_one_byte_more_is_not() {
    for size in [1, 7, 64, 333, 500, 999, 1000, 1001] {
        let body = read(&layer(), request(Script::frames(LIMIT, size))).await;
        assert_eq!(body.expect("accepted"), vec![b'a'; LIMIT], "{size}");

        let rejected = read(&layer(), request(Script::frames(LIMIT + 1, size))).await;
        assert_eq!(kind(rejected), RejectionKind::BodyTooLarge, "{size}");
    }
}

#[tokio::test]
async fn an_empty_body_is_accepted() {
    let layer = layer().max_body_bytes(0);
    assert_eq!(read(&layer, request(Script::new([]))).await.unwrap(), "");
    assert_eq!(
        read(&layer, request(Full::<Bytes>::default()))
            .await
            .unwrap(),
        ""
    );

    let rejected = read(&layer, request(Script::frames(1, 1))).await;
    assert_eq!(kind(rejected), RejectionKind::BodyTooLarge);
}

#[tokio::test]
async fn a_declared_length_over_the_limit_is_rejected_before_the_body_is_polled() {
    for length in ["1001", "4611686018427387904", "99999999999999999999999999"] {
        let mut declared = request(Untouchable(None));
        declared
            .headers_mut()
            .insert(CONTENT_LENGTH, HeaderValue::from_static(length));
        let rejected = read(&layer(), declared).await.expect_err(length);
        assert_eq!(rejected.kind(), RejectionKind::BodyTooLarge);
        assert_eq!(rejected.body_bytes(), 0);
    }
    let hinted = request(Untouchable(Some(1001)));
    let rejected = read(&layer(), hinted).await;
    assert_eq!(kind(rejected), RejectionKind::BodyTooLarge);
}

#[tokio::test]
async fn a_content_length_that_is_not_a_number_is_ignored() {
    for length in ["", "+5", "-1", "1,1", "0x10", " 3", "five"] {
        let mut declared = request(Script::frames(5, 2));
        declared
            .headers_mut()
            .insert(CONTENT_LENGTH, HeaderValue::from_str(length).unwrap());
        let body = read(&layer(), declared).await;
        assert_eq!(body.expect(length), "aaaaa");
    }
}

#[tokio::test]
async fn a_wrong_declared_length_changes_nothing() {
    for (declared, length) in [("1", 999), ("999", 1), ("0", 500), ("500", 0), ("10", 1000)] {
        for size in [1, 100, 1000] {
            let mut lie = request(Script::frames(length, size));
            lie.headers_mut()
                .insert(CONTENT_LENGTH, HeaderValue::from_static(declared));
            let body = read(&layer(), lie).await.expect("accepted");
            assert_eq!(body.len(), length, "{declared} {size}");
        }
    }
    let mut lie = request(Script::frames(1001, 100));
    lie.headers_mut()
        .insert(CONTENT_LENGTH, HeaderValue::from_static("10"));
    let rejected = read(&layer(), lie).await;
    assert_eq!(kind(rejected), RejectionKind::BodyTooLarge);
}

#[tokio::test]
async fn a_frame_in_several_chunks_is_read_whole() {
    let in_pieces = [
        pieces([b"", b"one", b"", b" two"]),
        pieces([b" ", b"three"]),
        frame(" four"),
        pieces([b" fi", b"ve", b""]),
    ];
    let body = read(&layer(), request(Script::new(in_pieces))).await;
    assert_eq!(body.unwrap(), "one two three four five");

    let alone = Script::new([pieces([b"all", b" of", b" it"])]);
    assert_eq!(read(&layer(), request(alone)).await.unwrap(), "all of it");

    // The limit counts all chunks, not only the first one that `chunk` returns.
    let over = Script::new([pieces([b"12345", b"67890", b"1"])]);
    let rejected = read(&layer().max_body_bytes(10), request(over)).await;
    assert_eq!(kind(rejected), RejectionKind::BodyTooLarge);
}

#[tokio::test]
async fn one_large_frame_is_not_copied() {
    let bytes = Bytes::from(vec![7; 8192]);
    let layer = layer().max_body_bytes(8192);
    let body = read(&layer, request(Full::new(bytes.clone()))).await;
    assert_eq!(body.unwrap().as_ptr(), bytes.as_ptr());
}

/// A small frame may be a slice of a large read buffer, and would keep all of it in memory.
#[tokio::test]
async fn a_small_frame_is_copied_into_an_allocation_of_its_length() {
    let layer = layer().max_body_bytes(usize::MAX);
    for length in [1, 900, 8191] {
        let bytes = Bytes::from(vec![7; 65_536]).slice(..length);
        let body = read(&layer, request(Full::new(bytes.clone()))).await;
        let body = body.expect("accepted");
        assert_eq!(body, bytes);
        assert_ne!(body.as_ptr(), bytes.as_ptr());
        // Nothing else holds the read buffer.
        assert!(bytes.is_unique(), "{length}");
        let copy = body.try_into_mut().expect("the only reference");
        assert_eq!(copy.capacity(), length);
    }
}

/// A buffer that grew is larger than the body. The handler may keep the body for a long time.
#[tokio::test]
async fn the_inner_service_gets_a_body_in_an_allocation_of_its_length() {
    let layer = layer().max_body_bytes(usize::MAX);
    for length in [2, 300, 5000, 100_000] {
        let body = read(&layer, request(Script::frames(length, length / 2 + 1))).await;
        let body = body.expect("accepted").try_into_mut();
        assert_eq!(body.expect("the only reference").capacity(), length);
    }
}

#[tokio::test]
async fn empty_frames_are_skipped_until_there_are_too_many() {
    let with_empty = |count| {
        let empty = (0..count).map(|_| frame(""));
        Script::new([frame("be")].into_iter().chain(empty).chain([frame("gin")]))
    };
    let body = read(&layer(), request(with_empty(1024))).await;
    assert_eq!(body.unwrap(), "begin");
    let rejected = read(&layer(), request(with_empty(1025))).await;
    assert_eq!(kind(rejected), RejectionKind::BodyUnreadable);
}

#[tokio::test]
async fn an_endless_body_of_empty_frames_is_rejected() {
    let empty = || frame("");
    let trailers = || Step::Trailers(HeaderMap::new());
    for endless in [
        Script::new(std::iter::repeat_with(empty)),
        Script::new(std::iter::repeat_with(trailers)),
    ] {
        let polls = endless.polls();
        let rejected = read(&layer(), request(endless)).await;
        assert_eq!(kind(rejected), RejectionKind::BodyUnreadable);
        assert_eq!(polls.load(Ordering::SeqCst), 1025);
    }
}

/// Counts how often the task was woken.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_body_that_is_always_ready_yields_in_between() {
    // After 64 frames, or after 256 KiB.
    for (size, frames_per_poll) in [(1, 64), (4096, 64), (4097, 64), (64 * 1024, 4)] {
        let body = Script::frames(16 * size * 64, size);
        let polls = body.polls();
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(Arc::clone(&wakes));
        let mut context = Context::from_waker(&waker);
        let mut service = layer().max_body_bytes(usize::MAX).layer(Inner::default());
        let mut future = pin!(service.call(request(body)));

        for round in 1..=10 {
            assert!(future.as_mut().poll(&mut context).is_pending());
            assert_eq!(polls.load(Ordering::SeqCst), round * frames_per_poll);
            assert_eq!(wakes.0.load(Ordering::SeqCst), round);
        }
    }
}

/// One poll hashes 256 KiB over all hash states together, also of a body in one frame. Small frames are hashed together,
/// but not more of them than that.
#[test]
fn the_work_of_one_poll_does_not_depend_on_the_number_of_keys() {
    const MIB: usize = 1024 * 1024;
    for (keys, length, frame, polls) in [
        (1, MIB, MIB, 4),
        (2, MIB, MIB, 8),
        (16, MIB, MIB, 64),
        (64, MIB, MIB, 256),
        (512, 2000, 100, 3),
    ] {
        let scheme = SignatureScheme::hmac_sha256("x-signature").build();
        let secrets = (0..keys).map(|index| {
            let secret = Secret::new(format!("secret {index}")).expect("a secret");
            (format!("key {index}"), secret)
        });
        let keys = Keys::named(secrets).expect("keys");
        let provider = Provider::new("acme", scheme.expect("a scheme"), keys);
        let layer = WebhookAuthLayer::new(provider.expect("a provider"));
        let request = Request::post("/")
            .header("x-signature", "0".repeat(64))
            .body(Script::frames(length, frame))
            .expect("a request");

        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(Arc::clone(&wakes));
        let mut context = Context::from_waker(&waker);
        let mut service = layer.layer(Inner::default());
        let mut future = pin!(service.call(request));
        for poll in 1..=polls {
            assert!(future.as_mut().poll(&mut context).is_pending());
            assert_eq!(wakes.0.load(Ordering::SeqCst), poll);
        }
        let Poll::Ready(Ok(response)) = future.as_mut().poll(&mut context) else {
            panic!("no response after {polls} polls");
        };
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    }
}

#[cfg(feature = "tokio")]
#[tokio::test(start_paused = true)]
async fn the_deadline_fires_against_a_body_that_is_always_ready() {
    let endless = Script::new(std::iter::repeat_with(|| frame("a")));
    let polls = endless.polls();
    let layer = layer().max_body_bytes(usize::MAX);
    let reading = tokio::spawn(async move { read(&layer, request(endless)).await });
    // There is one thread: this runs only because the reader yields.
    tokio::task::yield_now().await;
    tokio::time::advance(Duration::from_secs(31)).await;

    let rejected = reading.await.expect("no panic");
    assert_eq!(kind(rejected), RejectionKind::BodyTimeout);
    // tokio checks its timers every 61 tasks.
    assert!(polls.load(Ordering::SeqCst) <= 64 * 61 * 3);
}

#[cfg(feature = "tokio")]
#[tokio::test(start_paused = true)]
async fn the_deadline_covers_all_frames_together() {
    let second = Duration::from_secs(1);
    let drip = |seconds| {
        let steps = (0..seconds).flat_map(move |_| [Step::Wait(second), frame("a")]);
        request(Script::new(steps))
    };
    let began = tokio::time::Instant::now();
    let rejected = read(&layer(), drip(1000)).await;
    assert_eq!(kind(rejected), RejectionKind::BodyTimeout);
    assert_eq!(began.elapsed().as_secs(), 30);

    assert_eq!(read(&layer(), drip(29)).await.unwrap().len(), 29);

    let layer = layer().body_deadline(second * 5);
    assert_eq!(
        kind(read(&layer, drip(6)).await),
        RejectionKind::BodyTimeout
    );
    assert_eq!(read(&layer, drip(4)).await.unwrap().len(), 4);
}

#[cfg(feature = "tokio")]
#[tokio::test(start_paused = true)]
async fn a_body_that_never_arrives_is_rejected_at_the_deadline() {
    let began = tokio::time::Instant::now();
    let stalled = Script::new([Step::Stall]);
    let rejected = read(&layer(), request(stalled)).await;
    assert_eq!(kind(rejected), RejectionKind::BodyTimeout);
    assert_eq!(began.elapsed().as_secs(), 30);
}

#[cfg(feature = "tokio")]
#[tokio::test(start_paused = true)]
async fn the_longest_duration_is_a_valid_deadline() {
    let layer = layer().body_deadline(Duration::MAX);
    let slow = Script::new([Step::Wait(Duration::from_secs(3600)), frame("late")]);
    assert_eq!(read(&layer, request(slow)).await.unwrap(), "late");
}

#[test]
fn without_a_runtime_there_is_no_deadline_and_no_panic() {
    let layer = layer().body_deadline(Duration::ZERO);
    let steps = [Step::Pending, frame("a"), Step::Pending, frame("b")];
    let body = futures_executor::block_on(read(&layer, request(Script::new(steps))));
    assert_eq!(body.unwrap(), "ab");

    let many = Script::frames(LIMIT, 1);
    let body = futures_executor::block_on(read(&layer, request(many)));
    assert_eq!(body.unwrap().len(), LIMIT);
}

#[tokio::test]
async fn an_error_is_never_treated_as_the_end_of_the_body() {
    for before in [0, 1, 2, 65] {
        let error = Step::Error("the connection broke".into());
        let steps = (0..before).map(|_| frame("a")).chain([error]);
        let rejected = read(&layer(), request(Script::new(steps))).await;
        let rejected = rejected.expect_err("a rejection");
        assert_eq!(rejected.kind(), RejectionKind::BodyUnreadable);
        assert_eq!(rejected.status(), StatusCode::BAD_REQUEST);
        assert_eq!(rejected.body_bytes(), before);
        let source = rejected.source().expect("its cause");
        assert_eq!(source.to_string(), "the connection broke");
    }
}

#[tokio::test]
async fn a_limit_of_an_outer_layer_is_recognized_at_any_depth_of_the_error() {
    #[derive(Debug)]
    struct Wrapped(BoxError);

    impl fmt::Display for Wrapped {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("wrapped")
        }
    }

    impl Error for Wrapped {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&*self.0)
        }
    }

    for depth in 0..4 {
        let outer = Limited::new(Full::new(Bytes::from_static(b"too long")), 3);
        let body =
            outer.map_err(move |error| (0..depth).fold(error, |error, _| Box::new(Wrapped(error))));
        let rejected = read(&layer(), request(body)).await;
        assert_eq!(kind(rejected), RejectionKind::BodyTooLarge, "{depth}");
    }
}

#[tokio::test]
async fn trailers_are_dropped_and_do_not_end_the_body() {
    let mut trailers = HeaderMap::new();
    trailers.insert("x-key", HeaderValue::from_static("another"));
    let steps = [
        frame("before "),
        Step::Trailers(trailers.clone()),
        frame("after"),
        Step::Trailers(trailers),
    ];
    let inner = tower::service_fn(|request: Request<Full<Bytes>>| async {
        let (head, body) = request.into_parts();
        let body = body.collect().await.expect("a body in memory");
        assert!(body.trailers().is_none());
        assert_eq!(head.headers.get_all("x-key").iter().count(), 1);
        assert_eq!(body.to_bytes(), "before after");
        Ok::<_, std::convert::Infallible>(http::Response::new(Full::<Bytes>::default()))
    });
    let response = layer()
        .layer(inner)
        .oneshot(request(Script::new(steps)))
        .await;
    assert_eq!(response.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn the_hint_that_a_body_ended_is_not_trusted() {
    let body = Script::frames(30, 10).claiming_its_end();
    let body = read(&layer(), request(body)).await;
    assert_eq!(body.unwrap().len(), 30);

    let short = Script::frames(30, 10).hint(10);
    assert_eq!(read(&layer(), request(short)).await.unwrap().len(), 30);
}

#[tokio::test]
async fn dropping_the_future_at_any_poll_releases_everything() {
    let steps = || {
        let frames = (0..9).flat_map(|_| [frame("0123456789"), Step::Pending]);
        Script::new(frames.chain([Step::Stall]))
    };
    let layer = layer().memory_budget(LIMIT);
    for polls in 0..12 {
        let inner = Inner::default();
        let body = steps();
        let held = body.polls();
        let mut service = layer.layer(inner.clone());
        {
            let mut future = pin!(service.call(request(body)));
            let mut context = Context::from_waker(Waker::noop());
            for _ in 0..polls {
                assert!(matches!(future.as_mut().poll(&mut context), Poll::Pending));
            }
            assert_eq!(Arc::strong_count(&held), 2, "the body is held");
        }
        assert_eq!(Arc::strong_count(&held), 1, "the body is dropped");
        assert_eq!(inner.calls(), 0);
        // All of the budget is available again.
        let all = read(&layer, request(Full::new(Bytes::from(vec![0; LIMIT])))).await;
        assert_eq!(all.expect("budget").len(), LIMIT);
    }
}

#[tokio::test]
async fn a_body_need_not_implement_send() {
    let not_send = std::rc::Rc::new(());
    let body = Script::frames(30, 10).map_err(move |error| {
        let _ = &not_send;
        error
    });
    assert_eq!(read(&layer(), request(body)).await.unwrap().len(), 30);
}
