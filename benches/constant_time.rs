//! Measures whether the time of a response shows how much of a forged signature is right.
//!
//! Each pair of classes differs in one thing: either the first or the last byte of the received
//! signature is wrong. A comparison that stops at the first difference is faster on the left. The
//! controls do stop there. They show how small a difference this machine can measure: if `t` is
//! not large for the controls, a small `t` for the layer proves nothing. Run it on a quiet
//! machine:
//!
//! ```text
//! cargo bench --bench constant_time
//! ```
//!
//! Figures are reported, not asserted. `|t|` above 5 counts as a difference.

use std::{cell::Cell, convert::Infallible, future::ready, hint::black_box};

use bytes::Bytes;
use data_encoding::HEXLOWER;
use dudect_bencher::{
    BenchRng, Class, CtRunner,
    ctbench::{BenchMetadata, BenchName, BenchOpts, run_benches_console},
    rand::RngExt,
};
use futures_executor::block_on;
use http::{HeaderValue, Request, Response};
use http_body_util::Full;
use ring::hmac;
use subtle::ConstantTimeEq;
use tower::{Layer, Service};
use tower_webhook_auth::{
    Provider, Scheme, Secret, SharedKeyScheme, SignatureScheme, WebhookAuthLayer,
};

const SAMPLES: usize = 200_000;
/// A comparison takes less time than a clock can measure, so one sample repeats it this many
/// times.
const REPEATED: usize = 64;

const KEY: &str = "yIRFMTpsBcAKKRjJPCIykNo6EkNxJn_nq01-_r3S8i4yIRFMTpsBcAKKRjJPCIyk";
const BODY: &[u8] = br#"{"event": "project.datafile_updated", "revision": 13}"#;
const HEADER: &str = "acme-signature";

type Bench = fn(&mut CtRunner, &mut BenchRng);

fn main() {
    // `cargo bench` passes options for the harness of the standard library: they are not read.
    let benches: [(&'static str, Bench); 6] = [
        ("layer_shared_key_of_64_bytes", layer_shared_key),
        ("layer_sha1_signature_of_40_digits", layer_signature),
        ("subtle_40_bytes", subtle_comparison),
        ("control_40_bytes", control_comparison),
        ("control_shared_key_of_64_bytes", control_shared_key),
        ("control_sha1_signature_of_40_digits", control_signature),
    ];
    let benches = benches.map(|(name, benchfn)| BenchMetadata {
        name: BenchName(name),
        seed: None,
        benchfn,
    });
    run_benches_console(BenchOpts::default(), benches.into()).expect("the console");
}

/// Runs `sample` for texts of which either the first or the last byte is not as in `genuine`.
fn sample_forgeries(
    runner: &mut CtRunner,
    random: &mut BenchRng,
    genuine: &[u8],
    sample: impl Fn(&mut CtRunner, Class, &[u8]),
) {
    // All are made before the first is timed: a byte just written is slower to read.
    let forgeries: Vec<_> = (0..SAMPLES)
        .map(|_| {
            let left = random.random::<bool>();
            let at = if left { 0 } else { genuine.len() - 1 };
            let mut forged = genuine.to_vec();
            // Another hexadecimal digit.
            while forged[at] == genuine[at] {
                forged[at] = b"0123456789abcdef"[usize::from(random.random::<u8>() % 16)];
            }
            (if left { Class::Left } else { Class::Right }, forged)
        })
        .collect();
    for (class, forged) in forgeries {
        sample(runner, class, &forged);
    }
}

fn through_layer(runner: &mut CtRunner, random: &mut BenchRng, scheme: Scheme, genuine: &[u8]) {
    let secret = Secret::new(KEY).expect("a secret");
    let provider = Provider::new("acme", scheme, secret).expect("a provider");
    let inner = tower::service_fn(|_: Request<Full<Bytes>>| {
        ready(Ok::<_, Infallible>(Response::new(Full::new(Bytes::new()))))
    });
    let service = WebhookAuthLayer::new(provider).layer(inner);
    sample_forgeries(runner, random, genuine, |runner, class, forged| {
        let mut request = Request::new(Full::new(Bytes::from_static(BODY)));
        let value = HeaderValue::from_bytes(forged).expect("a header's value");
        request.headers_mut().insert(HEADER, value);
        let request = Cell::new(Some((service.clone(), request)));
        runner.run_one(class, || {
            let (mut service, request) = request.take().expect("sampled once");
            block_on(service.call(request)).map(|response| response.status())
        });
    });
}

fn layer_shared_key(runner: &mut CtRunner, random: &mut BenchRng) {
    let scheme = SharedKeyScheme::new(HEADER).build().expect("a scheme");
    through_layer(runner, random, scheme, KEY.as_bytes());
}

fn layer_signature(runner: &mut CtRunner, random: &mut BenchRng) {
    let scheme = SignatureScheme::hmac_sha1(HEADER)
        .build()
        .expect("a scheme");
    through_layer(runner, random, scheme, signature().as_bytes());
}

fn subtle_comparison(runner: &mut CtRunner, random: &mut BenchRng) {
    let genuine = signature();
    sample_forgeries(
        runner,
        random,
        genuine.as_bytes(),
        |runner, class, forged| {
            runner.run_one(class, || {
                repeated(|| {
                    black_box(forged)
                        .ct_eq(black_box(genuine.as_bytes()))
                        .into()
                })
            });
        },
    );
}

fn control_comparison(runner: &mut CtRunner, random: &mut BenchRng) {
    let genuine = signature();
    sample_forgeries(
        runner,
        random,
        genuine.as_bytes(),
        |runner, class, forged| {
            runner.run_one(class, || {
                repeated(|| stops_at_a_difference(black_box(forged), black_box(genuine.as_bytes())))
            });
        },
    );
}

/// A layer that compares as many other receivers do.
fn control_shared_key(runner: &mut CtRunner, random: &mut BenchRng) {
    sample_forgeries(runner, random, KEY.as_bytes(), |runner, class, forged| {
        runner.run_one(class, || {
            stops_at_a_difference(black_box(forged), black_box(KEY.as_bytes()))
        });
    });
}

fn control_signature(runner: &mut CtRunner, random: &mut BenchRng) {
    sample_forgeries(
        runner,
        random,
        signature().as_bytes(),
        |runner, class, forged| {
            runner.run_one(class, || {
                stops_at_a_difference(black_box(forged), signature().as_bytes())
            });
        },
    );
}

fn signature() -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, KEY.as_bytes());
    HEXLOWER.encode(hmac::sign(&key, BODY).as_ref())
}

/// `==` on slices compares many bytes in one step: with 40 bytes it hardly leaks. A loop does.
fn stops_at_a_difference(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len()
        && left
            .iter()
            .zip(right)
            .all(|(left, right)| black_box(left) == black_box(right))
}

fn repeated(equal: impl Fn() -> bool) -> usize {
    (0..REPEATED).filter(|_| equal()).count()
}
