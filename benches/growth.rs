//! How the cost grows: with the number of keys, of slow bodies, of tenants, and of remembered deliveries.
//!
//! `cargo bench --bench growth`. `contention` measures one layer on one and on two cores. `chart` draws the curves from
//! the tables of `README.md`.
//!
//! A time is the median of many short samples, so it depends little on what else the machine does.

use std::{
    alloc::System,
    convert::Infallible,
    future::{Future, ready},
    hint::black_box,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tower::{Layer, Service, service_fn};
use tower_webhook_auth::{
    BoxError, Keys, Provider, Secret, WebhookAuthLayer, provider,
    replay::{MemoryStore, ReplayGuardLayer},
    tenants::{CacheLimits, Selection, TenantKeys, Unverified},
    testing::Signer,
};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const SAMPLES: usize = 2_001;
/// How many bytes a slow body has sent, and how many it declares.
const SENT: usize = 1024;
const DECLARED: u64 = 64 * 1024;

type Delivery = Request<Full<Bytes>>;

fn secret(number: usize) -> Secret {
    Secret::new(format!("wJ4mX9kT7pQ2vR8nB3cD5fG6hL0sZ1yA{number:011}")).expect("a secret")
}

fn github(keys: impl Into<Keys>) -> Provider<Bytes> {
    provider::github(keys).bytes()
}

fn signer(number: usize) -> Signer {
    let secret = secret(number);
    Signer::new(&github(secret.clone()), &secret).expect("a signer")
}

/// A body of 300 bytes that begins with this number.
fn body(number: usize) -> String {
    format!("{{\"number\":{number:09},\"pad\":\"{}\"}}", "x".repeat(271))
}

fn inner()
-> impl Service<Delivery, Response = Response<Full<Bytes>>, Error = Infallible, Future: Send> + Clone
{
    service_fn(|_: Delivery| ready(Ok::<_, Infallible>(Response::new(Full::default()))))
}

/// Nanoseconds of one delivery, which must be accepted.
fn receive<S, B>(service: &mut S, request: Delivery) -> f64
where
    S: Service<Delivery, Response = Response<B>, Error = Infallible>,
{
    let mut context = Context::from_waker(Waker::noop());
    let start = Instant::now();
    let mut future = pin!(service.call(request));
    loop {
        if let Poll::Ready(Ok(response)) = future.as_mut().poll(&mut context) {
            assert!(response.status().is_success());
            black_box(response);
            return start.elapsed().as_nanos() as f64;
        }
    }
}

fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

fn held(region: &Region<'_, System>) -> usize {
    let stats = region.change();
    stats
        .bytes_allocated
        .saturating_sub(stats.bytes_deallocated)
}

/// The last key matches.
fn keys() {
    println!("| keys | ns per delivery |\n| ---: | ---: |");
    for count in [1, 2, 4, 8, 16, 32, 64] {
        let keys: Vec<Secret> = (0..count).map(secret).collect();
        let keys = Keys::named((0..count).map(|n| format!("key-{n}")).zip(keys)).expect("keys");
        let mut service = WebhookAuthLayer::new(github(keys)).layer(inner());
        let request = signer(count - 1).request(body(0));
        let times = (0..SAMPLES).map(|_| receive(&mut service, request.clone()));
        println!("| {count} | {:.0} |", median(times.collect()));
    }
}

/// A body that sends one frame and then waits.
struct Slow(Option<Bytes>);

impl Body for Slow {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.0.take() {
            Some(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            None => Poll::Pending,
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(DECLARED)
    }
}

/// The heap that requests hold which wait for their body, with their futures and without their heads.
fn slow_bodies() {
    println!("| slow bodies | KiB in all | bytes each |\n| ---: | ---: | ---: |");
    let forged = format!("sha256={}", "0".repeat(64));
    for count in [1, 10, 100, 1_000, 10_000] {
        let mut service = WebhookAuthLayer::new(github(secret(0))).layer(inner());
        let requests: Vec<_> = (0..count)
            .map(|_| {
                let request = Request::post("/").header("x-hub-signature-256", &forged);
                let body = Slow(Some(Bytes::from_static(&[b'x'; SENT])));
                request.body(body).expect("a request")
            })
            .collect();
        let mut waiting = Vec::with_capacity(count);
        let region = Region::new(ALLOCATOR);
        let mut context = Context::from_waker(Waker::noop());
        for request in requests {
            let mut future = Box::pin(service.call(request));
            assert!(future.as_mut().poll(&mut context).is_pending());
            waiting.push(future);
        }
        let bytes = held(&region);
        println!("| {count} | {} | {} |", bytes / 1024, bytes / count);
        drop(waiting);
    }
}

fn tenants() {
    println!("| tenants | bytes each | ns per delivery |\n| ---: | ---: | ---: |");
    let limits = CacheLimits::default()
        .capacity(200_000)
        .time_to_live(Duration::from_secs(3600));
    let source = TenantKeys::with_limits(
        limits,
        |delivery: Unverified<'_>| match delivery.uri().path().strip_prefix("/w/") {
            Some(tenant) => Selection::LookUp(tenant.to_owned()),
            None => Selection::Unknown,
        },
        |tenant: String| {
            let number = tenant.parse::<usize>().ok();
            ready(Ok::<_, BoxError>(
                number.map(|number| Keys::from(secret(number))),
            ))
        },
    );
    let region = Region::new(ALLOCATOR);
    let layer = WebhookAuthLayer::new(github(secret(0))).keys_from(source);
    let mut service = layer.layer(inner());
    let empty = held(&region);
    let to = |tenant: usize| {
        let path = format!("/w/{tenant}").parse().expect("a path");
        signer(tenant).request_to(path, body(0))
    };
    let mut known = 0;
    for count in [1, 10, 100, 1_000, 10_000, 100_000] {
        for tenant in known..count {
            receive(&mut service, to(tenant));
        }
        known = count;
        let each = held(&region).saturating_sub(empty) / count;
        // Spread over all tenants, so that the entries of many tenants are not in the processor's cache.
        let times = (0..SAMPLES).map(|n| receive(&mut service, to(n * 99_991 % count)));
        println!("| {count} | {each} | {:.0} |", median(times.collect()));
    }
}

/// Each delivery is new, so the guard claims and remembers it.
fn remembered() {
    println!("| remembered | bytes each | ns per delivery |\n| ---: | ---: | ---: |");
    let store = MemoryStore::new(2_000_000);
    let provider = github(secret(0));
    let guard = ReplayGuardLayer::by_body(&provider, store.clone()).expect("a guard");
    let mut service = WebhookAuthLayer::new(provider).layer(guard.layer(inner()));
    let signer = signer(0);
    let mut sent = 0;
    let mut next = || {
        sent += 1;
        receive(&mut service, signer.request(body(sent)))
    };
    let region = Region::new(ALLOCATOR);
    for count in [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000] {
        while store.len() < count {
            next();
        }
        let each = held(&region) / store.len();
        let times = (0..101).map(|_| next());
        println!("| {count} | {each} | {:.0} |", median(times.collect()));
    }
}

fn main() {
    let tables: [(&str, fn()); 4] = [
        ("keys", keys),
        ("slow", slow_bodies),
        ("tenants", tenants),
        ("remembered", remembered),
    ];
    let wanted = std::env::args().skip(1).find(|word| word != "--bench");
    for (name, table) in tables {
        if wanted.as_ref().is_none_or(|wanted| wanted == name) {
            table();
            println!();
        }
    }
}
