//! Several keys, and keys that are replaced while the service runs.

mod common;
#[path = "common/judge.rs"]
mod judge;
#[path = "common/reference.rs"]
mod reference;

use std::{
    convert::Infallible,
    pin::{Pin, pin},
    sync::atomic::{AtomicUsize, Ordering},
    task::{Context, Poll, Waker, ready},
    time::{Duration, UNIX_EPOCH},
};

use bytes::Bytes;
use futures_executor::block_on;
use http::{Request, Response, StatusCode, header::RETRY_AFTER};
use http_body::{Body, Frame};
use http_body_util::Full;
use judge::{post, through};
use reference::Hash::Sha256;
use tokio::sync::mpsc;
use tower::{Layer, Service, ServiceExt};
use tower_webhook_auth::{
    KeyEncoding, Keys, Piece, Provider, Rejection, RejectionKind, Secret, SharedKeyScheme,
    SignatureScheme, Timestamp, Verified, WebhookAuthLayer,
};

const BODY: &str = "body";

fn secret(text: &str) -> Secret {
    Secret::new(text).expect("a secret")
}

fn provider(keys: impl Into<Keys>) -> Provider<Bytes> {
    let scheme = SignatureScheme::hmac_sha256("x-signature").build();
    Provider::new("acme", scheme.expect("a scheme"), keys).expect("a provider")
}

fn signed(key: &str) -> Request<Full<Bytes>> {
    let signature = reference::hmac(Sha256, key.as_bytes(), BODY.as_bytes());
    post(&[("x-signature", &reference::hex(&signature))], BODY)
}

/// The name of the matching key, or the kind of the rejection.
fn matched(layer: &WebhookAuthLayer<Bytes>, key: &str) -> Result<String, RejectionKind> {
    match through(layer, signed(key)) {
        Ok(verified) => Ok(verified.key_name().to_owned()),
        Err(rejection) => Err(rejection.kind()),
    }
}

#[test]
fn the_name_of_the_matching_key_is_reported() {
    let keys = Keys::named([("2026-11", secret("new")), ("2026-05", secret("old"))]);
    let layer = WebhookAuthLayer::new(provider(keys.expect("keys")));
    assert_eq!(matched(&layer, "new"), Ok("2026-11".to_owned()));
    assert_eq!(matched(&layer, "old"), Ok("2026-05".to_owned()));
    assert_eq!(
        matched(&layer, "other"),
        Err(RejectionKind::SignatureMismatch)
    );
}

#[test]
fn keys_without_names_get_numbered_names() {
    let layer = WebhookAuthLayer::new(provider(secret("only")));
    assert_eq!(matched(&layer, "only"), Ok("default".to_owned()));
    let layer = WebhookAuthLayer::new(provider([secret("a"), secret("b"), secret("c")]));
    assert_eq!(matched(&layer, "c"), Ok("key-3".to_owned()));
}

/// With several keys and several signatures, each key is tried with each signature.
#[test]
fn any_signature_may_match_any_key() {
    let scheme = SignatureScheme::hmac_sha256("x-signature")
        .item_separator(',')
        .build();
    let keys = [secret("a"), secret("b")];
    let provider = Provider::new("acme", scheme.expect("a scheme"), keys).expect("a provider");
    let sign = |key: &str| reference::hex(&reference::hmac(Sha256, key.as_bytes(), b"body"));
    for (signers, name) in [
        (["b", "x"], "key-2"),
        (["x", "b"], "key-2"),
        // If two keys match, the first one in order is reported.
        (["b", "a"], "key-1"),
    ] {
        let value = signers.map(sign).join(",");
        let verified = judge::judge(&provider, post(&[("x-signature", &value)], BODY));
        assert_eq!(verified.expect("verified").key_name(), name, "{signers:?}");
    }
}

#[test]
fn replaced_keys_are_used_by_every_clone_of_the_layer() {
    let provider = provider(secret("old"));
    let keys = provider.keys();
    let of_a_clone = provider.clone().keys();
    let layers = [
        WebhookAuthLayer::new(provider.clone()),
        WebhookAuthLayer::new(provider.clone()).max_body_bytes(64),
        WebhookAuthLayer::new(provider).clone(),
    ];
    let all = |key: &str| layers.each_ref().map(|layer| matched(layer, key));
    assert_eq!(all("old"), [(); 3].map(|()| Ok("default".to_owned())));

    let both = Keys::named([("new", secret("new")), ("old", secret("old"))]);
    keys.replace(both.expect("keys")).expect("replaced");
    assert_eq!(keys.names(), ["new", "old"]);
    assert_eq!(of_a_clone.names(), ["new", "old"]);
    assert_eq!(layers[2].keys().names(), ["new", "old"]);
    assert_eq!(all("old"), [(); 3].map(|()| Ok("old".to_owned())));
    assert_eq!(all("new"), [(); 3].map(|()| Ok("new".to_owned())));

    layers[1].keys().replace(secret("new")).expect("replaced");
    assert_eq!(
        all("old"),
        [(); 3].map(|()| Err(RejectionKind::SignatureMismatch))
    );
    assert_eq!(all("new"), [(); 3].map(|()| Ok("default".to_owned())));
}

/// A server keeps a service for a connection. This service uses the new keys too.
#[test]
fn replaced_keys_are_used_by_services_that_already_exist() {
    let provider = provider(secret("old"));
    let keys = provider.keys();
    let service = WebhookAuthLayer::new(provider).layer(common::Inner::default());
    let status = |key: &str| {
        let response = block_on(service.clone().oneshot(signed(key)));
        response.expect("an infallible service").status()
    };
    assert_eq!(status("old"), StatusCode::OK);
    keys.replace(secret("new")).expect("replaced");
    assert_eq!(status("old"), StatusCode::UNAUTHORIZED);
    assert_eq!(status("new"), StatusCode::OK);
}

/// A body whose frames arrive when the test sends them.
struct Frames(mpsc::UnboundedReceiver<Bytes>);

impl Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let frame = ready!(self.0.poll_recv(context));
        Poll::Ready(frame.map(|bytes| Ok(Frame::data(bytes))))
    }
}

#[test]
fn a_request_in_progress_keeps_the_keys_that_it_began_with() {
    let provider = provider(secret("old"));
    let keys = provider.keys();
    let inner = common::Inner::default();
    let mut service = WebhookAuthLayer::new(provider).layer(inner.clone());

    let (sender, receiver) = mpsc::unbounded_channel();
    let mut future = pin!(service.call(signed("old").map(|_| Frames(receiver))));
    let mut context = Context::from_waker(Waker::noop());
    assert!(future.as_mut().poll(&mut context).is_pending());

    keys.withdraw();
    keys.replace(secret("new")).expect("replaced");
    sender.send(Bytes::from(BODY)).expect("the body is read");
    drop(sender);
    let response = block_on(future).expect("an infallible service");
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(inner.calls(), 1);
    let verified = response.extensions().get::<Verified<Bytes>>();
    assert_eq!(verified.expect("verified").body(), BODY);
}

#[test]
fn keys_that_cannot_be_decoded_do_not_replace_the_old_ones() {
    let scheme = SignatureScheme::hmac_sha256("x-signature")
        .key_encoding(KeyEncoding::Hex)
        .build();
    let provider =
        Provider::new("acme", scheme.expect("a scheme"), secret("00ff")).expect("a provider");
    let keys = provider.keys();
    let broken = Keys::named([("good", secret("aa")), ("bad", secret("not hex"))]);
    let error = keys.replace(broken.expect("keys")).expect_err("not hex");
    assert_eq!(
        error.to_string(),
        r#"acme: key "bad": secret is not hexadecimal digits: copy it from the sender again, all of it"#
    );
    assert_eq!(keys.names(), ["default"]);
    let signature = reference::hmac(Sha256, &[0x00, 0xff], BODY.as_bytes());
    let request = post(&[("x-signature", &reference::hex(&signature))], BODY);
    assert!(judge::judge(&provider, request).is_ok());
}

#[test]
fn without_keys_every_delivery_gets_503_with_retry_after() {
    let provider = provider(secret("old"));
    let keys = provider.keys();
    let inner = common::Inner::default();
    let service = WebhookAuthLayer::new(provider).layer(inner.clone());
    let ask = |request: Request<Full<Bytes>>| {
        block_on(service.clone().oneshot(request)).expect("an infallible service")
    };
    keys.withdraw();
    assert!(keys.names().is_empty());
    let kind = |response: &Response<_>| {
        let rejection = response.extensions().get::<Rejection>();
        rejection.expect("a rejection").kind()
    };
    for request in [signed("old"), signed("other")] {
        let response = ask(request);
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(response.headers().contains_key(RETRY_AFTER));
        assert_eq!(kind(&response), RejectionKind::KeysUnavailable);
    }
    // A request without a signature does not show whether there are keys.
    let response = ask(post(&[], BODY));
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(kind(&response), RejectionKind::HeaderMissing);
    assert_eq!(inner.calls(), 0);
    keys.replace(secret("old")).expect("replaced");
    assert_eq!(ask(signed("old")).status(), StatusCode::OK);
}

/// A clock is code of the user. It must not run while the layer holds a lock, or it could wait without end.
#[test]
fn a_clock_may_replace_the_keys_of_the_delivery_that_calls_it() {
    let scheme = SignatureScheme::hmac_sha256("x-signature")
        .timestamp(Timestamp::header("x-time"))
        .signed([Piece::Timestamp, Piece::literal("."), Piece::Body])
        .build();
    let provider =
        Provider::new("acme", scheme.expect("a scheme"), secret("old")).expect("a provider");
    let keys = provider.keys();
    let layer = WebhookAuthLayer::new(provider).clock(move || {
        keys.replace(secret("new")).expect("replaced");
        UNIX_EPOCH + Duration::from_secs(1_614_265_330)
    });
    let signature = reference::hmac(Sha256, b"new", b"1614265330.body");
    let headers = [
        ("x-time", "1614265330"),
        ("x-signature", &reference::hex(&signature)),
    ];
    assert!(through(&layer, post(&headers, BODY)).is_ok());
}

#[test]
fn shared_keys_are_replaced_in_the_same_way() {
    let scheme = SharedKeyScheme::new("x-key").build().expect("a scheme");
    let provider = Provider::new("acme", scheme, secret("old")).expect("a provider");
    let keys = provider.keys();
    let layer = WebhookAuthLayer::new(provider);
    let matched = |key: &str| {
        through(&layer, post(&[("x-key", key)], BODY))
            .map(|verified| verified.key_name().to_owned())
            .map_err(|rejection| rejection.kind())
    };
    assert_eq!(matched("old"), Ok("default".to_owned()));
    keys.replace([secret("new"), secret("old")])
        .expect("replaced");
    assert_eq!(matched("old"), Ok("key-2".to_owned()));
    keys.replace(secret("new")).expect("replaced");
    assert_eq!(matched("old"), Err(RejectionKind::KeyMismatch));
    keys.withdraw();
    assert_eq!(matched("new"), Err(RejectionKind::KeysUnavailable));
}

#[test]
fn replacing_keys_from_many_threads_leaves_no_request_without_keys() {
    let provider = provider([secret("a"), secret("b")]);
    let keys = provider.keys();
    let layer = WebhookAuthLayer::new(provider);
    std::thread::scope(|scope| {
        for names in [["a", "b"], ["b", "a"]] {
            let keys = keys.clone();
            scope.spawn(move || {
                for _ in 0..200 {
                    keys.replace(names.map(secret)).expect("replaced");
                }
            });
        }
        for key in ["a", "b"] {
            let layer = &layer;
            scope.spawn(move || {
                for _ in 0..200 {
                    assert!(matched(layer, key).is_ok());
                }
            });
        }
    });
}

/// Fails if a thread has a cache of keys.
#[test]
fn after_a_key_is_withdrawn_or_replaced_no_thread_accepts_it() {
    const ROUNDS: usize = 100;
    const THREADS: usize = 4;
    let layer = WebhookAuthLayer::new(provider(secret("old")));
    let keys = layer.keys();
    // Odd while the key must not be accepted.
    let state = AtomicUsize::new(0);
    let accepted = AtomicUsize::new(0);
    let judged: [AtomicUsize; THREADS] = Default::default();
    std::thread::scope(|scope| {
        for judged in &judged {
            let (layer, state, accepted) = (layer.clone(), &state, &accepted);
            scope.spawn(move || {
                loop {
                    let before = state.load(Ordering::SeqCst);
                    if before == 2 * ROUNDS {
                        break;
                    }
                    let verdict = matched(&layer, "old");
                    let unchanged = state.load(Ordering::SeqCst) == before;
                    if unchanged && before % 2 == 1 && verdict.is_ok() {
                        accepted.fetch_add(1, Ordering::SeqCst);
                    }
                    judged.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        // Two deliveries of each thread, so that at least one of them began after the last change.
        let wait = || {
            for judged in &judged {
                let enough = judged.load(Ordering::SeqCst) + 2;
                while judged.load(Ordering::SeqCst) < enough {
                    std::thread::yield_now();
                }
            }
        };
        for round in 0..ROUNDS {
            wait();
            if round % 2 == 0 {
                keys.withdraw();
            } else {
                keys.replace(secret("new")).expect("a key");
            }
            state.fetch_add(1, Ordering::SeqCst);
            wait();
            state.fetch_add(1, Ordering::SeqCst);
            if round + 1 < ROUNDS {
                keys.replace(secret("old")).expect("a key");
            }
        }
    });
    assert_eq!(accepted.into_inner(), 0);
}
