//! Allocations per delivery, and the memory that hostile requests hold.
//!
//! It is a program of its own, because its allocator counts. To count takes more time than to allocate.

#[path = "../frames.rs"]
mod frames;
#[path = "../receivers.rs"]
mod receivers;
#[path = "../rows.rs"]
mod rows;

use std::{
    alloc::System,
    convert::Infallible,
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http::Request;
use http_body::{Body, Frame, SizeHint};
use peakmem_alloc::{PeakMemAlloc, PeakMemAllocTrait};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tower::{Layer, Service};

use crate::{
    receivers::{Inner, Scheme},
    rows::KEY,
};

/// It measures the peak, and counts allocations below that.
#[global_allocator]
static PEAK: PeakMemAlloc<&StatsAlloc<System>> = PeakMemAlloc::new(&INSTRUMENTED_SYSTEM);

fn main() {
    println!("| row | receiver | allocations |");
    println!("| --- | --- | ---: |");
    for row in rows::all() {
        for (name, receive) in &row.receivers {
            let request = row.request.clone();
            let region = Region::new(&INSTRUMENTED_SYSTEM);
            std::hint::black_box(receive(request));
            let change = region.change();
            let allocations = change.allocations + change.reallocations;
            println!("| {} | {name} | {allocations} |", row.name);
        }
    }
    println!();
    println!("| hostile requests | ours | webhook-verify | tower-github-webhook |");
    println!("| --- | ---: | ---: | ---: |");
    for (name, count, body) in [
        (
            "one, 1 GiB declared, 1 byte sent",
            1,
            Hostile::stalled(1, Some(1 << 30)),
        ),
        (
            "one, 64 MiB sent, not declared",
            1,
            Hostile::flood(64 << 20),
        ),
        (
            "1,000, each 1 KiB sent of 64 KiB declared",
            1_000,
            Hostile::stalled(1024, Some(64 << 10)),
        ),
        (
            "1,000, each 1 byte sent of 1 MiB declared",
            1_000,
            Hostile::stalled(1, Some(1 << 20)),
        ),
    ] {
        let ours = peak(
            &tower_webhook_auth::WebhookAuthLayer::new(Scheme::GitHub.provider())
                .max_body_bytes(1 << 20)
                .layer(Inner),
            count,
            &body,
        );
        let webhook_verify = peak(
            &Scheme::GitHub.webhook_verify_layer().layer(Inner),
            count,
            &body,
        );
        let github = peak(
            &tower_github_webhook::ValidateGitHubWebhookLayer::new(KEY).layer(Inner),
            count,
            &body,
        );
        println!("| {name} | {ours} | {webhook_verify} | {github} |");
    }
    println!(
        "\nPeak of the heap in bytes, without the requests themselves. Our limit is 1 MiB; the peers have none."
    );
}

/// The most memory that the heap held while so many such requests were in flight, less what it held before.
fn peak<S>(service: &S, count: usize, body: &Hostile) -> usize
where
    S: Service<Request<Hostile>> + Clone,
{
    let forged = format!("sha256={}", "0".repeat(64));
    let requests: Vec<Request<Hostile>> = (0..count)
        .map(|_| {
            let mut request = Request::post("/hook").header("x-hub-signature-256", &forged);
            if let Some(length) = body.declared {
                request = request.header("content-length", length);
            }
            request.body(body.clone()).expect("a request")
        })
        .collect();
    let mut futures: Vec<Pin<Box<S::Future>>> = Vec::with_capacity(count);
    // A peak that was just reset is what the heap holds now.
    PEAK.reset_peak_memory();
    let before = PEAK.get_peak_memory();
    let mut context = Context::from_waker(Waker::noop());
    for request in requests {
        let mut service = service.clone();
        assert!(service.poll_ready(&mut context).is_ready());
        let mut future = Box::pin(service.call(request));
        // Polled until it waits for more of the body or has an answer.
        for _ in 0..100_000 {
            if future.as_mut().poll(&mut context).is_ready() {
                break;
            }
        }
        futures.push(future);
    }
    let peak = PEAK.get_peak_memory();
    drop(futures);
    peak.saturating_sub(before)
}

/// A body that sends so many bytes and then either waits without end or ends.
#[derive(Clone)]
struct Hostile {
    left: usize,
    declared: Option<usize>,
    stalls: bool,
}

impl Hostile {
    fn stalled(bytes: usize, declared: Option<usize>) -> Self {
        Self {
            left: bytes,
            declared,
            stalls: true,
        }
    }

    fn flood(bytes: usize) -> Self {
        Self {
            left: bytes,
            declared: None,
            stalls: false,
        }
    }
}

impl Body for Hostile {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        const FRAME: [u8; 16 * 1024] = [b'x'; 16 * 1024];
        let length = self.left.min(FRAME.len());
        match (length, self.stalls) {
            (0, true) => Poll::Pending,
            (0, false) => Poll::Ready(None),
            _ => {
                self.left -= length;
                let frame = Bytes::copy_from_slice(&FRAME[..length]);
                Poll::Ready(Some(Ok(Frame::data(frame))))
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self.declared {
            Some(length) => SizeHint::with_exact(length as u64),
            None => SizeHint::default(),
        }
    }
}
