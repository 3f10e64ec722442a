//! How much is allocated for a body that has its declared length, counted by the allocator.

mod common;
#[path = "common/script.rs"]
mod script;

use std::{
    alloc::System,
    pin::pin,
    task::{Context, Poll, Waker},
};

use http::{HeaderValue, StatusCode, header::CONTENT_LENGTH};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tower::{Layer, Service};
use tower_webhook_auth::WebhookAuthLayer;

use self::{
    common::Inner,
    script::{Script, Step, frame, keyed, request},
};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

// The only test of this file: the allocator counts all threads together.
#[test]
fn a_body_of_its_declared_length_is_allocated_once() {
    const LENGTH: usize = 1024 * 1024;
    static BODY: [u8; LENGTH] = [b'a'; LENGTH];

    let frames: Vec<Step> = BODY.chunks(16 * 1024).map(frame).collect();
    let mut delivery = request(Script::new(frames));
    delivery
        .headers_mut()
        .insert(CONTENT_LENGTH, HeaderValue::from(LENGTH));
    let mut service = WebhookAuthLayer::new(keyed()).layer(Inner::default());

    let region = Region::new(ALLOCATOR);
    let mut future = pin!(service.call(delivery));
    let mut context = Context::from_waker(Waker::noop());
    let response = loop {
        if let Poll::Ready(response) = future.as_mut().poll(&mut context) {
            break response.expect("an infallible service");
        }
    };
    let change = region.change();

    assert_eq!(response.status(), StatusCode::OK);
    println!(
        "{} bytes in {} allocations that grew {} times",
        change.bytes_allocated, change.allocations, change.reallocations
    );
    assert!(change.bytes_allocated <= LENGTH / 100 * 105);
}
