//! The cost of one layer for two threads: the time of a delivery with one layer for both threads, divided by the time
//! with a layer for each.
//!
//! `cargo bench --bench contention` on a machine with two idle cores.
//!
//! Each round measures all set-ups in turn, and the ratios are made within a round. A turn in which another process took
//! the processor is repeated, as far as the operating system says so. The requests of the two threads share no memory. Each
//! way of calling has its own row, because a router clones the service for each request. The first row is no delivery: it
//! is 4 additions to an atomic counter, and shows what it costs on this machine to share one.

use std::{
    convert::Infallible,
    future::{Future, Ready, ready},
    hint::{black_box, spin_loop},
    pin::{Pin, pin},
    sync::{
        Barrier,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Instant,
};

use axum::{Router, body::Body, routing::post};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower::{Layer, Service};
use tower_webhook_auth::{
    MemoryBudget, Provider, Secret, WebhookAuth, WebhookAuthLayer,
    provider::{self, optimizely},
    testing::Signer,
};

const SECRET: &str = "yIRFMTpsBcAKKRjJPCIykNo6EkNxJn_nq01-_r3S8i4";
const BODY: &str = r#"{"timestamp": 1558138293, "project_id": 11387641093, "data": {"cdn_url": "https://cdn.optimizely.com/datafiles/QMVJcUKEJZFg8pQ2jhAybK.json", "environment": "Production", "origin_url": "https://optimizely.s3.amazonaws.com/datafiles/QMVJcUKEJZFg8pQ2jhAybK.json", "revision": 13}, "event": "project.datafile_updated"}"#;
const ROUNDS: usize = 51;
/// How many deliveries each thread receives in one turn: about half a millisecond, so that many turns are undisturbed.
const DELIVERIES: usize = 500;
/// How often a turn is repeated when another process took the processor.
const MOST_TURNS: usize = 5_000;

type Event = optimizely::Event;
/// Receives one delivery.
type Receiver = Box<dyn FnMut(Request<Full<Bytes>>) + Send>;

fn provider() -> Provider<Event> {
    provider::optimizely(Secret::new(SECRET).expect("a secret"))
}

fn layer() -> WebhookAuthLayer<Event> {
    WebhookAuthLayer::new(provider())
}

/// Its header values and its body belong to this thread alone.
fn request() -> Request<Full<Bytes>> {
    let signer = Signer::new(&provider(), &Secret::new(SECRET).expect("a secret"));
    let signer = signer.expect("a signer");
    signer.request_to("/hook".parse().expect("a path"), BODY)
}

#[derive(Clone)]
struct Inner;

impl Service<Request<Full<Bytes>>> for Inner {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Full<Bytes>>) -> Self::Future {
        ready(Ok(Response::new(Full::default())))
    }
}

fn finish<B>(future: impl Future<Output = Result<Response<B>, Infallible>>) {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(Ok(response)) = Pin::as_mut(&mut future).poll(&mut context) {
            assert!(response.status().is_success());
            black_box(&response);
            return;
        }
    }
}

/// As a connection of hyper calls it.
fn called(mut service: WebhookAuth<Inner, Event>) -> Receiver {
    Box::new(move |request| finish(service.call(request)))
}

/// As a router calls it.
fn cloned(service: WebhookAuth<Inner, Event>) -> Receiver {
    Box::new(move |request| finish(service.clone().call(request)))
}

fn routed(mut router: Router) -> Receiver {
    Box::new(move |request| {
        finish(Service::<Request<Body>>::call(
            &mut router,
            request.map(Body::new),
        ))
    })
}

fn router(layer: WebhookAuthLayer<Event>) -> Router {
    bare_router().route_layer(layer)
}

fn bare_router() -> Router {
    Router::new().route("/hook", post(async || ()))
}

/// The receivers of the two threads, in each set-up. The first set-up shares nothing.
struct Row {
    name: &'static str,
    set_ups: Vec<SetUp>,
}

type SetUp = (&'static str, [Receiver; 2]);

/// In memory of its own.
#[derive(Default)]
#[repr(align(128))]
struct Counter(AtomicUsize);

fn rows() -> Vec<Row> {
    let (one, one_provider) = (layer(), provider());
    let budgeted = layer().memory_budget(MemoryBudget::new(64 << 20));
    let other_budgeted = layer().memory_budget(MemoryBudget::new(64 << 20));
    // One service in memory, from which each thread clones for each request.
    let service: &'static _ = Box::leak(Box::new(one.layer(Inner)));
    let shared = || -> Receiver { Box::new(move |request| finish(service.clone().call(request))) };
    let of = |provider: &Provider<Event>| WebhookAuthLayer::new(provider.clone());
    let (routed_once, bare) = (router(one.clone()), bare_router());
    let counter = |counter: &'static Counter| -> Receiver {
        Box::new(move |request| {
            for _ in 0..4 {
                counter.0.fetch_add(1, Ordering::Relaxed);
            }
            drop(request);
        })
    };
    let counters: &'static [Counter; 3] = Box::leak(Box::default());
    vec![
        Row {
            name: "4 additions to a counter",
            set_ups: vec![
                (
                    "two counters",
                    [counter(&counters[0]), counter(&counters[1])],
                ),
                (
                    "one counter",
                    [counter(&counters[2]), counter(&counters[2])],
                ),
            ],
        },
        Row {
            name: "a service for each thread",
            set_ups: vec![
                (
                    "two layers",
                    [called(layer().layer(Inner)), called(layer().layer(Inner))],
                ),
                (
                    "one provider",
                    [
                        called(of(&one_provider).layer(Inner)),
                        called(of(&one_provider).layer(Inner)),
                    ],
                ),
                (
                    "one layer",
                    [called(one.layer(Inner)), called(one.layer(Inner))],
                ),
            ],
        },
        Row {
            name: "cloned for each request",
            set_ups: vec![
                (
                    "two layers",
                    [cloned(layer().layer(Inner)), cloned(layer().layer(Inner))],
                ),
                (
                    "one provider",
                    [
                        cloned(of(&one_provider).layer(Inner)),
                        cloned(of(&one_provider).layer(Inner)),
                    ],
                ),
                (
                    "one layer",
                    [cloned(one.layer(Inner)), cloned(one.layer(Inner))],
                ),
                ("one service", [shared(), shared()]),
            ],
        },
        Row {
            name: "with a memory budget",
            set_ups: vec![
                (
                    "two layers",
                    [
                        called(budgeted.layer(Inner)),
                        called(other_budgeted.layer(Inner)),
                    ],
                ),
                (
                    "one layer",
                    [called(budgeted.layer(Inner)), called(budgeted.layer(Inner))],
                ),
            ],
        },
        Row {
            name: "axum's `Router`",
            set_ups: vec![
                (
                    "two layers",
                    [routed(router(layer())), routed(router(layer()))],
                ),
                (
                    "one layer",
                    [routed(router(one.clone())), routed(router(one.clone()))],
                ),
                (
                    "one router",
                    [routed(routed_once.clone()), routed(routed_once)],
                ),
            ],
        },
        Row {
            name: "axum's `Router`, no layer",
            set_ups: vec![
                (
                    "two routers",
                    [routed(bare_router()), routed(bare_router())],
                ),
                ("one router", [routed(bare.clone()), routed(bare)]),
            ],
        },
    ]
}

/// Lets two threads begin at the same time: both are on a processor when they pass it.
#[derive(Default)]
struct Gate(AtomicUsize);

impl Gate {
    /// `pass` counts from 1.
    fn pass(&self, pass: usize) {
        self.0.fetch_add(1, Ordering::AcqRel);
        while self.0.load(Ordering::Acquire) < 2 * pass {
            spin_loop();
        }
    }
}

/// How long this thread has waited for a processor, in nanoseconds. Only Linux says it.
fn waited() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let field = text.split_whitespace().nth(1);
    field.and_then(|field| field.parse().ok()).unwrap_or(0)
}

/// Nanoseconds per delivery, and whether no other process took the processor.
fn turn(receive: &mut Receiver, begin: impl FnOnce()) -> (f64, bool) {
    let request = request();
    let requests: Vec<_> = (0..DELIVERIES).map(|_| request.clone()).collect();
    let waited_before = waited();
    begin();
    let start = Instant::now();
    requests.into_iter().for_each(receive);
    let took = start.elapsed().as_nanos() as f64 / DELIVERIES as f64;
    (took, waited() == waited_before)
}

/// The figures of one set-up, one for each round: with one thread, and with two.
type Figures = (Vec<f64>, Vec<f64>);

fn measure(set_ups: Vec<SetUp>) -> Vec<Figures> {
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for (_, [one, other]) in set_ups {
        left.push(one);
        right.push(other);
    }
    let count = left.len();
    // The order changes, so that no set-up always follows the same one.
    let order =
        || (0..ROUNDS).flat_map(move |round| (0..count).map(move |at| (round + at) % count));
    let (gate, barrier) = (Gate::default(), Barrier::new(2));
    let undisturbed = [AtomicBool::new(false), AtomicBool::new(false)];
    // Both threads take part in the same turns, and repeat those that were disturbed.
    let both = |receive: &mut Receiver, thread: usize, pass: &mut usize| {
        for _ in 0..MOST_TURNS {
            *pass += 1;
            let (time, alone) = turn(receive, || gate.pass(*pass));
            undisturbed[thread].store(alone, Ordering::SeqCst);
            barrier.wait();
            let done = undisturbed
                .iter()
                .all(|thread| thread.load(Ordering::SeqCst));
            barrier.wait();
            if done {
                return time;
            }
        }
        panic!("other processes took the processor in {MOST_TURNS} turns, one after the other");
    };
    let mut figures: Vec<Figures> = (0..count).map(|_| Figures::default()).collect();
    std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            let mut pass = 0;
            let times = order().map(|index| both(&mut right[index], 1, &mut pass));
            times.collect::<Vec<_>>()
        });
        let mut pass = 0;
        let times: Vec<_> = order()
            .map(|index| {
                // The other thread does not run: it waits at the gate only after this one's turns.
                let mut turns = (0..MOST_TURNS).map(|_| turn(&mut left[index], || ()));
                let alone = turns.find(|(_, undisturbed)| *undisturbed);
                let alone = alone.map_or(f64::NAN, |(time, _)| time);
                (alone, both(&mut left[index], 0, &mut pass))
            })
            .collect();
        let others = other.join().expect("a thread");
        for ((index, (alone, one)), other) in order().zip(times).zip(others) {
            figures[index].0.push(alone);
            figures[index].1.push((one + other) / 2.0);
        }
    });
    figures
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn main() {
    println!("| call | set-up | one thread, ns | two threads, ns | ÷ nothing shared |");
    println!("| --- | --- | ---: | ---: | ---: |");
    for row in rows() {
        let names: Vec<_> = row.set_ups.iter().map(|(name, _)| *name).collect();
        let figures = measure(row.set_ups);
        for (name, (alone, both)) in names.iter().zip(&figures) {
            let ratios = both.iter().zip(&figures[0].1).map(|(one, base)| one / base);
            println!(
                "| {} | {name} | {:.0} | {:.0} | {:.2} |",
                row.name,
                median(alone.clone()),
                median(both.clone()),
                median(ratios.collect())
            );
        }
    }
}
