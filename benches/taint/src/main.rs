//! Tests whether a branch or an address depends on a secret, with the crate's own sources.
//!
//! Secrets are marked undefined. Memcheck follows what is computed from them, and finds every
//! branch and every address that depends on it. Only a verdict that is a `Choice` is declassified.
#![deny(unsafe_code)]
#![allow(
    dead_code,
    unused_imports,
    reason = "the sources hold more than is asked for here"
)]

#[path = "../../../src/base64.rs"]
mod base64;
#[path = "../../../src/error.rs"]
mod error;
#[path = "../../../src/rejection/mod.rs"]
mod rejection;
mod scheme;
#[path = "../../../src/secret/mod.rs"]
mod secret;
#[path = "../../../src/text.rs"]
mod text;
mod valgrind;

use std::{hint::black_box, process::ExitCode};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use subtle::Choice;
use tower::{Layer, ServiceExt};
use tower_webhook_auth::{Provider, SharedKeyScheme, SignatureScheme, WebhookAuthLayer};
use zeroize::Zeroizing;

use self::{
    scheme::{
        Kind,
        key::KeyText,
        mac::{Algorithm, Candidates},
        shared_key,
    },
    secret::Secret,
    valgrind::{declassify, findings, taint},
};

const BODY: &[u8] = br#"{"event": "project.datafile_updated", "revision": 13}"#;

fn main() -> ExitCode {
    if !valgrind::running() {
        eprintln!("run it under valgrind: ./run");
        return ExitCode::from(2);
    }
    let mut wrong = 0;
    let mut report = |name: &str, expected: Expected, check: &dyn Fn()| {
        let before = findings();
        check();
        let found = findings() - before;
        let right = match expected {
            Expected::None => found == 0,
            Expected::Exactly(count) => found == count,
            Expected::Some => found > 0,
        };
        println!(
            "{name}: {found} findings{}",
            if right { "" } else { ", WRONG" }
        );
        wrong += u32::from(!right);
    };
    for algorithm in [
        Algorithm::HmacSha1,
        Algorithm::HmacSha256,
        Algorithm::HmacSha384,
        Algorithm::HmacSha512,
        Algorithm::KeylessSha256,
    ] {
        // Shorter and longer than the block of the hash, where the key is hashed first.
        for key_bytes in [20, 64, 200] {
            let name = format!("{algorithm:?}, key of {key_bytes} bytes");
            report(&name, Expected::None, &|| signature(algorithm, key_bytes));
        }
    }
    report("shared key", Expected::None, &|| shared_key(false));
    report("shared key, basic", Expected::None, &|| shared_key(true));
    // The only branch of the whole service is the one on the verdict: one for each key.
    for (name, shared) in [("signature", false), ("shared key", true)] {
        let layer = layer(shared);
        let name = format!("whole service, {name}");
        report(&name, Expected::Exactly(1), &|| reject(&layer));
    }
    report(
        "control, tags compared with ==",
        Expected::Some,
        &control_equals,
    );
    report(
        "control, bytes looked up in a table",
        Expected::Some,
        &control_table,
    );
    ExitCode::from(u8::from(wrong > 0))
}

enum Expected {
    None,
    Exactly(u32),
    Some,
}

/// Its bytes are undefined from here on.
fn tainted_secret(length: usize) -> Secret {
    let secret = Secret::from_bytes(vec![b'k'; length]).expect("a secret");
    taint(secret.as_bytes());
    secret
}

/// When a key is decoded, it is read once: a key of zeros is rejected. After that there is no
/// branch on it.
fn tainted_key(length: usize) -> Zeroizing<Vec<u8>> {
    let secret = Secret::from_bytes(vec![b'k'; length]).expect("a secret");
    let key = KeyText::default()
        .decode(&secret, Algorithm::HmacSha256)
        .expect("a key");
    taint(key.as_slice());
    key
}

fn verdict(choice: Choice) -> bool {
    declassify(&choice);
    choice.into()
}

fn signature(algorithm: Algorithm, key_bytes: usize) {
    let key = tainted_key(key_bytes);
    let mut verifier = algorithm.key(key).expect("a key");
    verifier.update_piece(None);
    verifier.update(BODY);

    let mut genuine = [0; 64];
    let genuine = verifier
        .start(&Candidates::default())
        .tag(&mut genuine)
        .expect("a tag")
        .to_vec();
    // The received signature is not a secret.
    declassify(genuine.as_slice());
    let forged = vec![0; genuine.len()];
    let candidates = |bytes: &[u8], count: usize| {
        let candidate = algorithm.candidate(bytes).expect("a whole tag");
        let mut candidates = Candidates::default();
        (0..count).for_each(|_| candidates.push(&candidate, algorithm));
        candidates
    };
    let forged = candidates(&forged, 16);
    assert!(!verdict(verifier.start(&forged).matches(&forged, b"")));
    let genuine = candidates(&genuine, 1);
    assert!(verdict(verifier.matches(&genuine, b"")));
}

fn shared_key(basic: bool) {
    let description = shared_key::SharedKeyScheme::new("acme-key");
    let description = if basic {
        description.basic()
    } else {
        description
    };
    let Ok(scheme::Scheme(Kind::SharedKey(scheme))) = description.build() else {
        panic!("a scheme");
    };
    let key = if basic {
        // It is base64 when it comes, so it is encoded when the layer is built: by a table. What a
        // request is compared with is the digest.
        let key = scheme.key(&Secret::from_bytes(vec![b'k'; 64]).expect("a secret"));
        taint(&key);
        key
    } else {
        scheme.key(&tainted_secret(64))
    };
    for (text, expected) in [("k".repeat(64), !basic), ("j".repeat(64), false)] {
        let text = if basic { format!("Basic {text}") } else { text };
        let mut headers = HeaderMap::new();
        headers.insert("acme-key", HeaderValue::from_str(&text).expect("a value"));
        let presented = scheme::digest(scheme.read(&headers).expect("a key"));
        assert_eq!(verdict(key.matches(&presented)), expected);
    }
}

/// The crate as it is compiled for its users.
fn layer(shared: bool) -> WebhookAuthLayer<Bytes> {
    let key = vec![b'k'; 64];
    let bytes = std::ptr::from_ref(key.as_slice());
    let secret = tower_webhook_auth::Secret::from_bytes(key).expect("a secret");
    valgrind::taint_at(bytes);
    let scheme = if shared {
        SharedKeyScheme::new("acme-key").build()
    } else {
        SignatureScheme::hmac_sha256("acme-key").build()
    };
    let provider = Provider::new("acme", scheme.expect("a scheme"), secret);
    WebhookAuthLayer::new(provider.expect("a provider"))
}

/// It declassifies nothing, so memcheck finds the branch on its verdict.
fn reject(layer: &WebhookAuthLayer<Bytes>) {
    let inner = tower::service_fn(async |_: Request<Full<Bytes>>| -> Result<_, Response<()>> {
        Ok(Response::new(Full::new(Bytes::new())))
    });
    let mut request = Request::new(Full::new(Bytes::from_static(BODY)));
    let presented = HeaderValue::from_str(&"00".repeat(32)).expect("a value");
    request.headers_mut().insert("acme-key", presented);
    let response = futures_executor::block_on(layer.layer(inner).oneshot(request));
    assert_eq!(
        response.expect("an answer").status(),
        StatusCode::UNAUTHORIZED
    );
}

fn control_equals() {
    let key = tainted_key(64);
    let mut verifier = Algorithm::HmacSha1.key(key).expect("a key");
    verifier.update(BODY);
    let mut tag = [0; 64];
    let tag = verifier.tag(&mut tag).expect("a tag");
    let forged = [0; 20];
    black_box(black_box(tag) == black_box(forged.as_slice()));
}

fn control_table() {
    let secret = tainted_secret(64);
    black_box(data_encoding::BASE64.encode(secret.as_bytes()));
}
