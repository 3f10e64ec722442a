//! 100,000 tenants: memory, time for a delivery, a flood of unknown tenants, and whether the time tells known
//! tenants from unknown ones.
//!
//! `cargo bench --bench tenants`

use std::{
    alloc::System,
    future::ready,
    hint::black_box,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_executor::block_on;
use http::{Request, Response};
use http_body_util::Full;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tower::{ServiceExt, service_fn, util::BoxCloneService};
use tower_webhook_auth::{
    BoxError, Keys, Secret, WebhookAuthLayer, provider,
    tenants::{CacheLimits, KeySource, Selection, TenantKeys, Unverified},
    testing::Signer,
};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const TENANTS: usize = 100_000;
const FLOOD: usize = 500_000;
const SAMPLES: usize = 20_000;

/// Its name, the receiver, the deliveries, and the status that each of them gets.
type Case<'a> = (&'a str, &'a Service, Vec<Request<Full<Bytes>>>, u16);
type Service = BoxCloneService<Request<Full<Bytes>>, u16, std::convert::Infallible>;

fn name(number: usize) -> String {
    format!("tenant-{number:06}")
}

fn secret(number: usize) -> Secret {
    // 43 characters, as 32 bytes in base64.
    Secret::new(format!("wJ4mX9kT7pQ2vR8nB3cD5fG6hL0sZ1yA{number:011}")).expect("a secret")
}

fn layer() -> WebhookAuthLayer<Bytes> {
    WebhookAuthLayer::new(provider::optimizely(secret(0)).bytes())
}

fn service<K: KeySource<Lookup: Send>>(layer: WebhookAuthLayer<Bytes, K>) -> Service {
    let inner = service_fn(|_: Request<Full<Bytes>>| {
        ready(Ok::<_, std::convert::Infallible>(Response::new(Full::new(
            Bytes::new(),
        ))))
    });
    tower::ServiceBuilder::new()
        .map_request(|request: Request<Full<Bytes>>| request)
        .map_response(|response: Response<_>| response.status().as_u16())
        .layer(layer)
        .service(inner)
        .boxed_clone()
}

/// A delivery for a tenant, signed with the secret of this number.
fn request(tenant: &str, signed_with: usize) -> Request<Full<Bytes>> {
    let secret = secret(signed_with);
    let signer = Signer::new(&provider::optimizely(secret.clone()), &secret).expect("a signer");
    let body = r#"{"project_id": 11387641093, "timestamp": 1558138293, "event": "flag.updated", "data": {}}"#;
    signer.request_to(format!("/w/{tenant}").parse().expect("a path"), body)
}

fn send(service: &Service, request: &Request<Full<Bytes>>) -> (u16, Duration) {
    let (service, request) = (service.clone(), request.clone());
    let began = Instant::now();
    let status = block_on(service.oneshot(request)).expect("an infallible service");
    (black_box(status), began.elapsed())
}

fn quartiles(mut samples: Vec<Duration>) -> String {
    samples.sort();
    let at = |part: usize| samples[(samples.len() - 1) * part / 4].as_nanos();
    format!("{} ns (quartiles {} and {})", at(2), at(1), at(3))
}

/// Measures the cases in turn, so that a change of the machine's speed meets all of them.
fn compare(cases: &[Case<'_>]) {
    let mut samples: Vec<Vec<Duration>> = cases.iter().map(|_| Vec::new()).collect();
    for sample in 0..SAMPLES {
        for (index, (case, service, requests, expected)) in cases.iter().enumerate() {
            let (status, time) = send(service, &requests[sample % requests.len()]);
            assert_eq!(status, *expected, "{case}");
            samples[index].push(time);
        }
    }
    for ((case, ..), samples) in cases.iter().zip(samples) {
        println!("{case}: {}", quartiles(samples));
    }
}

fn main() {
    let limits = CacheLimits::default()
        .capacity(2 * TENANTS)
        .time_to_live(Duration::from_secs(3600));
    let region = Region::new(ALLOCATOR);
    let held = || {
        let stats = region.change();
        stats
            .bytes_allocated
            .saturating_sub(stats.bytes_deallocated)
    };
    let source = TenantKeys::with_limits(
        limits,
        |delivery: Unverified<'_>| match delivery.uri().path().strip_prefix("/w/") {
            Some(tenant) => Selection::LookUp(tenant.to_owned()),
            None => Selection::Unknown,
        },
        |tenant: String| {
            let number = tenant
                .strip_prefix("tenant-")
                .and_then(|number| number.parse().ok());
            let known = number.filter(|number| *number < TENANTS);
            ready(Ok::<_, BoxError>(
                known.map(|number| Keys::from(secret(number))),
            ))
        },
    );
    let handle = source.handle();
    let many = service(layer().keys_from(source));

    let empty = held();
    for tenant in 0..TENANTS {
        // The wrong signature makes no difference for the look-up.
        send(&many, &request(&name(tenant), 0));
    }
    let full = held();
    println!(
        "{} tenants are remembered: {} bytes each, and {empty} bytes at the beginning",
        handle.remembered(),
        (full - empty) / TENANTS
    );

    for tenant in 0..FLOOD {
        send(&many, &request(&format!("unknown-{tenant:06}"), 0));
    }
    let flooded = held();
    println!(
        "after {FLOOD} unknown names: {} remembered, {} more bytes",
        handle.remembered(),
        flooded.saturating_sub(full)
    );

    // Spread over all tenants, so that the entries are not in the processor's cache.
    let spread = |from: usize| (0..1000).map(move |n| (from + n * 99_991) % TENANTS);
    let own = service(layer());
    let unknown = |n: usize| format!("unknown-{:06}", FLOOD - 1 - n % 1000);
    for n in 0..1000 {
        send(&many, &request(&unknown(n), 0));
    }
    compare(&[
        ("one key, accepted", &own, vec![request("x", 0)], 200),
        ("one key, wrong signature", &own, vec![request("x", 1)], 401),
        (
            "one of 100,000 tenants, accepted",
            &many,
            spread(0).map(|n| request(&name(n), n)).collect(),
            200,
        ),
        (
            "one of 100,000 tenants, wrong signature",
            &many,
            spread(7).map(|n| request(&name(n), n + 1)).collect(),
            401,
        ),
        (
            "an unknown tenant",
            &many,
            (0..1000).map(|n| request(&unknown(n), 0)).collect(),
            401,
        ),
    ]);
}
