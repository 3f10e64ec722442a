//! How much memory requests can hold, counted by the allocator.
//!
//! While a buffer grows, the allocator counts the old and the new one. It counts the memory of the
//! whole process, so these tests run without the threads of a test harness.

mod common;
#[path = "common/script.rs"]
mod script;

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header::CONTENT_LENGTH};
use http_body::Body;
use http_body_util::Full;
use peak_alloc::PeakAlloc;
use tower::{Layer, Service};
use tower_webhook_auth::{
    BodyKeyScheme, BodyPiece, BodySignatureScheme, BoxError, Encoding, JwtScheme, KeyEncoding,
    MemoryBudget, Piece, Provider, ResponseBody, Secret, SignatureScheme, Timestamp, TokenPlace,
    Verified, WebhookAuthLayer,
};

use self::{
    common::Inner,
    script::{Script, Step, frame, keyed, request},
};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const KIB: usize = 1024;

fn main() {
    a_request_holds_no_more_than_twice_the_limit_for_any_frames();
    frames_that_grow_or_shrink_hold_no_more_either();
    nothing_is_left_of_a_thousand_uploads_that_ended_early();
    a_declared_length_allocates_nothing();
    a_body_in_small_frames_allocates_little_more_than_it_needs();
    slices_of_large_read_buffers_hold_what_they_are_charged();
    verified_bodies_do_not_keep_read_buffers();
    a_hostile_header_makes_nothing_grow();
    what_message_signatures_cover_is_not_kept_while_the_body_arrives();
    a_body_with_many_members_around_a_token_makes_nothing_grow();
    a_scheme_that_reads_values_of_the_body_copies_them_at_most_three_times();
}

/// Polls without a runtime, because a runtime allocates memory too. `None` when the body stalls.
fn drive<B>(
    layer: &WebhookAuthLayer<Bytes>,
    request: Request<B>,
) -> Option<Response<ResponseBody<Full<Bytes>>>>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    let mut service = layer.layer(Inner::default());
    let mut future = pin!(service.call(request));
    let mut context = Context::from_waker(Waker::noop());
    // The reader yields after 64 frames, so a body has stalled only if it stays pending.
    for _ in 0..100_000 {
        if let Poll::Ready(response) = future.as_mut().poll(&mut context) {
            return Some(response.expect("an infallible service"));
        }
    }
    None
}

/// Sends a request that has to be accepted.
fn accepted<B>(layer: &WebhookAuthLayer<Bytes>, request: Request<B>)
where
    B: Body,
    B::Error: Into<BoxError>,
{
    let response = drive(layer, request).expect("a response");
    assert_eq!(response.status(), StatusCode::OK);
}

/// The most bytes that `work` holds at once, and how many are left after it.
fn measure<T>(work: impl FnOnce() -> T) -> (usize, usize) {
    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage();
    drop(work());
    let left = ALLOCATOR.current_usage().saturating_sub(before);
    (ALLOCATOR.peak_usage() - before, left)
}

fn declare<B>(mut request: Request<B>, length: usize) -> Request<B> {
    request
        .headers_mut()
        .insert(CONTENT_LENGTH, HeaderValue::from(length));
    request
}

fn a_request_holds_no_more_than_twice_the_limit_for_any_frames() {
    for limit in [64 * KIB, 256 * KIB, 1024 * KIB] {
        let mut most = 0;
        let layer = WebhookAuthLayer::new(keyed()).max_body_bytes(limit);
        let sizes = [1, 2, 3, 100, 1000, 4096, 16 * KIB, limit / 3, limit / 2];
        for size in sizes.into_iter().chain([limit / 2 + 1, limit - 1, limit]) {
            for (length, declared) in [(limit, false), (limit, true), (limit + 1, false)] {
                let (peak, left) = measure(|| {
                    let request = request(Script::frames(length, size));
                    let request = if declared {
                        declare(request, length)
                    } else {
                        request
                    };
                    let response = drive(&layer, request).expect("a response");
                    let expected = if length > limit {
                        StatusCode::PAYLOAD_TOO_LARGE
                    } else {
                        StatusCode::OK
                    };
                    assert_eq!(response.status(), expected);
                });
                let what = format!("{length} bytes in frames of {size}, declared: {declared}");
                assert!(peak <= 2 * limit + 64 * KIB, "{what}: {peak}");
                assert_eq!(left, 0, "{what}");
                most = most.max(peak);
            }
        }
        println!("limit {limit}: {most} bytes at most");
    }
}

fn frames_that_grow_or_shrink_hold_no_more_either() {
    const LIMIT: usize = 1024 * KIB;
    static ZEROS: [u8; LIMIT] = [0; LIMIT];
    let layer = WebhookAuthLayer::new(keyed()).max_body_bytes(LIMIT);
    // In percent of the limit. The frames are static and are not counted.
    for shares in [
        &[10, 20, 69][..],
        &[1, 1, 97],
        &[34, 1, 1, 30, 34],
        &[50, 1, 48],
        &[25, 26, 48],
        &[1, 2, 4, 8, 16, 32],
        &[90, 5, 3, 1],
    ] {
        let frames: Vec<Step> = shares
            .iter()
            .map(|share| frame(&ZEROS[..LIMIT * share / 100]))
            .collect();
        let (peak, left) = measure(|| accepted(&layer, request(Script::new(frames))));
        assert!(peak <= 2 * LIMIT + 64 * KIB, "{shares:?}: {peak}");
        assert_eq!(left, 0);
    }
}

fn nothing_is_left_of_a_thousand_uploads_that_ended_early() {
    let layer = WebhookAuthLayer::new(keyed()).memory_budget(64 * KIB);
    let upload = |frames| {
        let frames = (0..frames).flat_map(|_| [frame(vec![b'a'; 1000]), Step::Pending]);
        request(Script::new(frames.chain([Step::Stall])))
    };
    let (_, left) = measure(|| {
        for round in 0..1000 {
            let mut service = layer.layer(Inner::default());
            let mut future = pin!(service.call(upload(round % 20)));
            let mut context = Context::from_waker(Waker::noop());
            for _ in 0..=round % 20 {
                assert!(future.as_mut().poll(&mut context).is_pending());
            }
        }
    });
    assert_eq!(left, 0);
    println!("1000 uploads that ended early: {left} bytes left");
}

fn a_declared_length_allocates_nothing() {
    // The request head and the script of the test.
    const MOST: usize = 2 * KIB;
    for (limit, declared) in [
        (usize::MAX, 1 << 62),
        (usize::MAX, usize::MAX),
        (1024 * KIB, 1024 * KIB),
        (25 * 1024 * KIB, 25 * 1024 * KIB),
        (64 * KIB, 64 * KIB),
    ] {
        let layer = WebhookAuthLayer::new(keyed()).max_body_bytes(limit);
        let mut most = 0;
        for frames in [0, 1, 2, 3, 100] {
            let (peak, left) = measure(|| {
                let frames = (0..frames).map(|_| frame("a"));
                let body = Script::new(frames.chain([Step::Stall]));
                let mut service = layer.layer(Inner::default());
                let mut future = pin!(service.call(declare(request(body), declared)));
                let mut context = Context::from_waker(Waker::noop());
                for _ in 0..5 {
                    assert!(future.as_mut().poll(&mut context).is_pending());
                }
            });
            assert!(peak <= MOST, "{declared} with {frames} frames: {peak}");
            assert_eq!(left, 0);
            most = most.max(peak);
        }
        println!("{declared} bytes declared: {most} bytes at most");
    }
    // A declared length over the limit is rejected.
    let layer = WebhookAuthLayer::new(keyed());
    let (peak, left) = measure(|| drive(&layer, declare(request(Script::new([])), 1 << 62)));
    assert!(peak <= MOST, "{peak}");
    assert_eq!(left, 0);
}

fn a_body_in_small_frames_allocates_little_more_than_it_needs() {
    let layer = WebhookAuthLayer::new(keyed());
    for length in [2, 10, 500, 20 * KIB, 64 * KIB] {
        for declared in [false, true] {
            let (peak, left) = measure(|| {
                let request = request(Script::frames(length, length.div_ceil(500)));
                if declared {
                    accepted(&layer, declare(request, length));
                } else {
                    accepted(&layer, request);
                }
            });
            // The old and the new buffer of the last growth, and the request head.
            let buffers = if declared { 2 * length } else { 3 * length };
            assert!(peak <= buffers + 3 * KIB, "{length}, {declared}: {peak}");
            assert_eq!(left, 0);
        }
    }
}

/// The server reads each byte into a buffer of 8 KiB. A kept slice would keep all of the buffer.
fn slices_of_large_read_buffers_hold_what_they_are_charged() {
    const REQUESTS: usize = 200;
    // The request head, the script, and the future in its box.
    const OTHER: usize = 3 * KIB;
    for frames in [1, 2, 100, 3000] {
        let budget = MemoryBudget::new(16 * 1024 * KIB);
        let layer = WebhookAuthLayer::new(keyed()).memory_budget(budget.clone());
        let mut charged = 0;
        let mut held = 0;
        let (_, left) = measure(|| {
            let before = ALLOCATOR.current_usage();
            let mut context = Context::from_waker(Waker::noop());
            let mut futures = Vec::with_capacity(REQUESTS);
            for _ in 0..REQUESTS {
                let frames = (0..frames).map(|_| frame(Bytes::from(vec![0; 8 * KIB]).slice(..1)));
                let body = Script::new(frames.chain([Step::Stall]));
                let mut future = Box::pin(layer.layer(Inner::default()).call(request(body)));
                for _ in 0..60 {
                    assert!(future.as_mut().poll(&mut context).is_pending());
                }
                futures.push(future);
            }
            charged = budget.limit() - budget.available();
            held = ALLOCATOR.current_usage() - before;
        });
        println!("{REQUESTS} bodies of {frames} bytes: {charged} charged, {held} held");
        assert!(held <= charged + REQUESTS * OTHER, "{frames}: {held} held");
        assert!(charged <= REQUESTS * (2 * frames + 256), "{charged}");
        assert_eq!(left, 0);
    }
}

/// A handler may put the bodies of many small deliveries into a queue.
fn verified_bodies_do_not_keep_read_buffers() {
    const DELIVERIES: usize = 200;
    let layer = WebhookAuthLayer::new(keyed());
    for frames in [1, 3] {
        let (_, left) = measure(|| {
            let before = ALLOCATOR.current_usage();
            let mut queue = Vec::with_capacity(DELIVERIES);
            for _ in 0..DELIVERIES {
                let frames = (0..frames).map(|_| frame(Bytes::from(vec![0; 8 * KIB]).slice(..100)));
                let mut response = drive(&layer, request(Script::new(frames))).expect("a response");
                let verified = response.extensions_mut().remove::<Verified<Bytes>>();
                queue.push(verified.expect("the event").body().clone());
            }
            let held = ALLOCATOR.current_usage() - before;
            let bodies: usize = queue.iter().map(Bytes::len).sum();
            // Each entry of the queue has a `Bytes` of 32 bytes, which may count its references.
            assert!(held <= bodies + DELIVERIES * 64, "{bodies}: {held} held");
        });
        assert_eq!(left, 0);
    }
}

fn a_hostile_header_makes_nothing_grow() {
    let scheme = SignatureScheme::hmac_sha256("signature")
        .encoding(Encoding::Base64)
        .item_separator(' ')
        .tags(',', ["v1"])
        .id_header("id")
        .timestamp(Timestamp::header("timestamp").accept_any_age())
        .signed([
            Piece::Id,
            Piece::literal("."),
            Piece::Timestamp,
            Piece::literal("."),
            Piece::Body,
        ])
        .key_encoding(KeyEncoding::Base64)
        .build()
        .expect("a scheme");
    let secret = Secret::new("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a secret");
    let layer = WebhookAuthLayer::new(Provider::new("acme", scheme, secret).expect("a provider"));

    let candidate = format!("v1,{}=", "A".repeat(43));
    let signed = |signature: &str, copies: usize| {
        let mut request = Request::new(Full::<Bytes>::from("{}"));
        let headers = request.headers_mut();
        headers.insert("id", HeaderValue::from_static("msg_1"));
        headers.insert("timestamp", HeaderValue::from_static("1674087231"));
        for _ in 0..copies {
            let value = HeaderValue::from_str(signature).expect("a value");
            headers.append("signature", value);
        }
        request
    };
    for (what, request) in [
        ("60 kB", signed(&"a".repeat(60_000), 1)),
        ("600 candidates", signed(&[&*candidate; 600].join(" "), 1)),
        ("80 candidates", signed(&[&*candidate; 80].join(" "), 1)),
        ("16 candidates", signed(&[&*candidate; 16].join(" "), 1)),
        ("90 copies", signed(&candidate, 90)),
        ("blanks", signed(&" ".repeat(4096), 1)),
        ("separators", signed(&",".repeat(4096), 1)),
    ] {
        let mut status = None;
        let (peak, left) = measure(|| status = drive(&layer, request).map(|r| r.status()));
        assert_eq!(status, Some(StatusCode::UNAUTHORIZED), "{what}");
        assert!(peak <= 8 * KIB, "{what}: {peak}");
        assert_eq!(left, 0, "{what}");
        println!("{what}: {peak} bytes at most");
    }
}

/// Each of four signatures covers 26 headers of 4 KiB.
#[cfg(feature = "http-signatures")]
fn what_message_signatures_cover_is_not_kept_while_the_body_arrives() {
    let scheme = tower_webhook_auth::HttpSignatureScheme::hmac_sha256().require(["x-a"]);
    let secret = Secret::new("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a secret");
    let scheme = scheme.accept_any_age().build().expect("a scheme");
    let layer = WebhookAuthLayer::new(Provider::new("acme", scheme, secret).expect("a provider"));
    let names: Vec<_> = ('a'..='z').map(|letter| format!("x-{letter}")).collect();
    let covered: Vec<_> = names.iter().map(|name| format!("\"{name}\"")).collect();
    let list = |value: &str| {
        (1..=4)
            .map(|label| format!("s{label}={value}"))
            .collect::<Vec<_>>()
    };
    let mut request = request(Script::new([Step::Stall]));
    let headers = request.headers_mut();
    let long = HeaderValue::from_str(&"v".repeat(4096)).expect("a value");
    for name in &names {
        let name = name.parse::<http::HeaderName>().expect("a name");
        headers.insert(name, long.clone());
    }
    for (name, value) in [
        ("signature-input", format!("({})", covered.join(" "))),
        ("signature", format!(":{}=:", "A".repeat(43))),
    ] {
        let value = HeaderValue::from_str(&list(&value).join(", ")).expect("a value");
        headers.insert(name, value);
    }
    let mut service = layer.layer(Inner::default());
    let before = ALLOCATOR.current_usage();
    let mut future = pin!(service.call(request));
    let mut context = Context::from_waker(Waker::noop());
    assert!(future.as_mut().poll(&mut context).is_pending());
    let held = ALLOCATOR.current_usage() - before;
    println!("message signatures: {held} bytes");
    assert!(held <= 8 * KIB, "{held}");
}

#[cfg(not(feature = "http-signatures"))]
fn what_message_signatures_cover_is_not_kept_while_the_body_arrives() {}

/// The limit of 1 MiB is that of a layer without options.
fn a_body_with_many_members_around_a_token_makes_nothing_grow() {
    let scheme = JwtScheme::hs256(TokenPlace::member("/token")).build();
    let secret = Secret::new("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a secret");
    let provider = Provider::new("acme", scheme.expect("a scheme"), secret);
    let layer = WebhookAuthLayer::new(provider.expect("a provider"));
    let members: Vec<_> = (0..100_000).map(|name| format!("\"{name}\":0")).collect();
    let body = format!("{{{},\"token\":\"a.b.c\"}}", members.join(","));
    drop(members);
    assert!(body.len() <= 1024 * KIB, "{}", body.len());
    let request = Request::new(Full::<Bytes>::from(body));
    let mut status = None;
    let (peak, left) = measure(|| status = drive(&layer, request).map(|r| r.status()));
    assert_eq!(status, Some(StatusCode::UNAUTHORIZED));
    println!("many members: {peak} bytes at most");
    assert!(peak <= 128 * KIB, "{peak}");
    assert_eq!(left, 0);
}

/// Such a scheme decodes a field of a form, the JSON in it and a text in the JSON, and it joins the signed texts.
fn a_scheme_that_reads_values_of_the_body_copies_them_at_most_three_times() {
    const LIMIT: usize = 1024 * KIB;
    const FORM: &str = "application/x-www-form-urlencoded";
    let signature = "0".repeat(64);
    // A long text that is not borrowed from the body, because of one escape.
    let long = "x".repeat(LIMIT - 200);
    let json = format!(r#"{{"s":"{signature}","v":"\n{long}"}}"#);
    let signed = |place: &'static str, value| {
        BodySignatureScheme::hmac_sha256(place).signed([BodyPiece::value(value)])
    };
    let cases = [
        (
            BodyKeyScheme::json("/v").build(),
            json.clone(),
            "application/json",
        ),
        (signed("/s", "/v").build(), json.clone(), "application/json"),
        (
            signed("s", "v").in_form().build(),
            format!("s={signature}&v=+{long}"),
            FORM,
        ),
        (
            signed("/s", "/v").json_in_form("j").build(),
            format!("j=+{json}"),
            FORM,
        ),
    ];
    for (scheme, body, content_type) in cases {
        let secret = Secret::new("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a secret");
        let provider = Provider::new("acme", scheme.expect("a scheme"), secret);
        let layer = WebhookAuthLayer::new(provider.expect("a provider")).max_body_bytes(LIMIT);
        let mut request = Request::new(Full::<Bytes>::from(body));
        let content_type = HeaderValue::from_static(content_type);
        request.headers_mut().insert("content-type", content_type);
        let mut status = None;
        let (peak, left) = measure(|| status = drive(&layer, request).map(|r| r.status()));
        assert_eq!(status, Some(StatusCode::UNAUTHORIZED));
        println!("values of the body: {peak} bytes at most");
        assert!((LIMIT..=3 * LIMIT + 64 * KIB).contains(&peak), "{peak}");
        assert_eq!(left, 0);
    }
}
