//! How much is allocated to reject a request, counted by the allocator.

mod common;

use std::{
    alloc::System,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tower::{Layer, Service};
use tower_webhook_auth::{
    Piece, Provider, Rejection, RejectionKind, Secret, SignatureScheme, Timestamp, WebhookAuthLayer,
};

use self::common::Inner;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// An untrusted client can cause rejections. What the owner learns about them must not cost allocations.
///
/// This is the only test of this file, because the allocator counts all threads together.
#[test]
fn a_rejection_with_details_allocates_no_more_than_one_without() {
    let scheme = SignatureScheme::hmac_sha256("x-signature")
        .timestamp(Timestamp::header("x-time"))
        .signed([Piece::Timestamp, Piece::literal("."), Piece::Body])
        .build()
        .expect("a scheme");
    let secret = Secret::new("wJ4mX9").expect("a secret");
    let provider = Provider::new("acme", scheme, secret).expect("a provider");
    let mut service = WebhookAuthLayer::new(provider).layer(Inner::default());
    let right = "0".repeat(64);
    let mut allocations = |headers: &[(&str, &str)], kind: RejectionKind| {
        // The first rejection prepares the name of the header for cheap clones.
        let mut count = 0;
        for _ in 0..2 {
            let mut request = Request::post("/");
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let request = request.body(Full::<Bytes>::default()).expect("a request");
            let region = Region::new(ALLOCATOR);
            let mut future = Box::pin(service.call(request));
            let mut context = Context::from_waker(Waker::noop());
            let Poll::Ready(response) = future.as_mut().poll(&mut context) else {
                panic!("the request head is enough to reject");
            };
            let response = response.expect("an infallible service");
            count = region.change().allocations;
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
            let rejection = response.extensions().get::<Rejection>();
            assert_eq!(rejection.expect("a rejection").kind(), kind);
        }
        count
    };
    let without = allocations(&[], RejectionKind::HeaderMissing);
    for (headers, kind) in [
        (
            &[("x-signature", "sha256=12")][..],
            RejectionKind::HeaderMalformed,
        ),
        (
            &[("x-signature", &right), ("x-time", "soon")],
            RejectionKind::HeaderMalformed,
        ),
        (
            &[("x-signature", &right), ("x-time", "1")],
            RejectionKind::TimestampTooOld,
        ),
    ] {
        assert_eq!(allocations(headers, kind), without, "{headers:?}");
    }
    println!("{without} allocations");
}
