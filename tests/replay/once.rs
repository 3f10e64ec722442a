//! Which deliveries are the same.

use std::{
    sync::atomic::Ordering,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use tower_webhook_auth::{
    BodyDigest, JwtScheme, Provider, Scheme, Secret, SignatureScheme, Timestamp, WebhookAuthLayer,
    provider,
    replay::{MemoryStore, ReplayGuardLayer},
};

use crate::support::{
    Scripted, by_body, delivery, github, guarded, handler, is_duplicate, secret, send, signer,
    status,
};

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

#[tokio::test]
async fn the_same_delivery_calls_the_handler_once_and_gets_200_again() {
    let (handler, calls) = handler(|_| 204);
    let service = guarded(github(), by_body(MemoryStore::new(10)), handler);
    let first = send(&service, delivery("{}")).await;
    assert_eq!(first.status(), 204);
    assert!(!is_duplicate(&first));
    let again = send(&service, delivery("{}")).await;
    assert_eq!(again.status(), 200);
    assert!(is_duplicate(&again));
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    status(&service, delivery("{ }")).await;
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn an_attacker_makes_no_new_delivery_with_an_unsigned_header() {
    let (handler, calls) = handler(|_| 200);
    let service = guarded(github(), by_body(MemoryStore::new(10)), handler);
    for id in ["first", "second"] {
        let mut request = delivery("{}");
        let id = id.parse().expect("a value");
        request.headers_mut().insert("x-github-delivery", id);
        status(&service, request).await;
    }
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_signed_id_is_the_same_delivery_in_every_attempt() {
    let provider = provider::standard_webhooks(secret()).expect("a provider");
    let (handler, calls) = handler(|_| 200);
    let guard = ReplayGuardLayer::new(&provider, MemoryStore::new(10)).expect("a guard");
    let service = guarded(provider.clone(), guard, handler);
    for age in [0, 60, 120] {
        let at = SystemTime::now() - Duration::from_secs(age);
        let signer = signer(&provider).with_id("msg_1").at(at);
        assert_eq!(status(&service, signer.request("{}")).await, 200);
    }
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_attempt_with_a_new_time_is_another_delivery_unless_the_event_has_an_id() {
    let stripe = provider::stripe(secret());
    let attempts = |age: u64| {
        let at = SystemTime::now() - Duration::from_secs(age);
        signer(&stripe).at(at).request(r#"{"id":"evt_1"}"#)
    };
    let by_time = ReplayGuardLayer::new(&stripe, MemoryStore::new(10)).expect("a guard");
    let by_id = ReplayGuardLayer::by_event_id(&stripe, MemoryStore::new(10), |body: &Bytes| {
        let event: serde_json::Value = serde_json::from_slice(body).ok()?;
        Some(event["id"].as_str()?.to_owned())
    });
    for (guard, expected) in [(by_time, 2), (by_id, 1)] {
        let (handler, calls) = handler(|_| 200);
        let service = guarded(stripe.clone(), guard, handler);
        for age in [0, 60] {
            assert_eq!(status(&service, attempts(age)).await, 200);
        }
        assert_eq!(calls.load(Ordering::SeqCst), expected);
    }
}

#[tokio::test]
async fn a_delivery_without_an_event_id_calls_the_handler_each_time() {
    let guard = ReplayGuardLayer::by_event_id(&github(), MemoryStore::new(10), |_| None);
    let (handler, calls) = handler(|_| 200);
    let service = guarded(github(), guard, handler);
    for _ in 0..3 {
        let response = send(&service, delivery("{}")).await;
        assert!(!is_duplicate(&response));
    }
    assert_eq!(calls.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn two_providers_that_share_a_store_do_not_share_deliveries() {
    let store = MemoryStore::new(10);
    let scheme = || {
        SignatureScheme::hmac_sha256("x-signature")
            .build()
            .expect("a scheme")
    };
    for name in ["one", "two"] {
        let provider = Provider::new(name, scheme(), secret()).expect("a provider");
        let guard = ReplayGuardLayer::by_body(&provider, store.clone()).expect("a guard");
        let (handler, calls) = handler(|_| 200);
        let request = signer(&provider).request("{}");
        status(&guarded(provider, guard, handler), request).await;
        assert_eq!(calls.load(Ordering::SeqCst), 1, "{name}");
    }
}

/// For how long a guard remembers a delivery that was signed at this distance from now.
async fn kept(timestamp: Timestamp, signed_at: SystemTime) -> Duration {
    let scheme = SignatureScheme::hmac_sha256("x-signature")
        .timestamp(timestamp)
        .signed([
            tower_webhook_auth::Piece::Timestamp,
            tower_webhook_auth::Piece::literal("."),
            tower_webhook_auth::Piece::Body,
        ])
        .build()
        .expect("a scheme");
    kept_for(scheme, signed_at).await
}

/// The same for a delivery with this scheme.
async fn kept_for(scheme: Scheme, signed_at: SystemTime) -> Duration {
    let provider = Provider::new("acme", scheme, secret()).expect("a provider");
    let store = Scripted::granting();
    let guard = ReplayGuardLayer::new(&provider, store.clone())
        .expect("a guard")
        .clock(now);
    let (handler, _) = handler(|_| 200);
    let request = signer(&provider).at(signed_at).request("{}");
    let layers = (WebhookAuthLayer::new(provider).clock(now), guard);
    let service = tower::Layer::layer(&layers, handler);
    let response = tower::ServiceExt::oneshot(service, request).await;
    assert_eq!(response.expect("a response").status(), 200);
    store.kept.lock().expect("no panic").expect("a commit")
}

#[tokio::test]
async fn a_signed_time_is_remembered_for_as_long_as_the_layer_would_accept_it() {
    const DIFFERENCE: u64 = 60;
    let header = || Timestamp::header("x-time");
    let seconds = Duration::from_secs;
    let (age, ahead) = (seconds(100), seconds(100));
    let cases = [
        (kept(header(), now()).await, 300 + DIFFERENCE),
        (kept(header(), now() - age).await, 200 + DIFFERENCE),
        (kept(header(), now() + ahead).await, 400 + DIFFERENCE),
        (kept(header(), now() - seconds(300)).await, DIFFERENCE),
        (
            kept(header().past_only(), now() + seconds(100_000)).await,
            100_300 + DIFFERENCE,
        ),
        // Any age is accepted, so only the window bounds it.
        (kept(header().accept_any_age(), now()).await, 24 * 60 * 60),
    ];
    for (kept, expected) in cases {
        assert_eq!(kept, seconds(expected));
    }
}

#[tokio::test]
async fn a_token_with_a_time_is_remembered_for_as_long_as_the_layer_would_accept_it() {
    let seconds = Duration::from_secs;
    let scheme = JwtScheme::hs256("acme-token")
        .body_hash("hash", BodyDigest::Sha256Hex)
        .max_age(seconds(200))
        .build()
        .expect("a scheme");
    for (age, left) in [(0, 200), (150, 50)] {
        let kept = kept_for(scheme.clone(), now() - seconds(age)).await;
        assert_eq!(kept, seconds(left + 60), "{age} seconds old");
    }
}

#[tokio::test]
async fn a_delivery_is_remembered_for_the_window_and_for_as_long_as_the_layer_accepts_a_copy() {
    let seconds = Duration::from_secs;
    // The tolerance is 300 seconds, and the clocks of two machines may differ by 60.
    for (window, kept) in [(7, 360), (360, 360), (361, 361)] {
        for by_event_id in [false, true] {
            let provider = provider::standard_webhooks(secret()).expect("a provider");
            let store = Scripted::granting();
            let guard = match by_event_id {
                false => ReplayGuardLayer::new(&provider, store.clone()).expect("a guard"),
                true => {
                    ReplayGuardLayer::by_event_id(&provider, store.clone(), |_| Some("1".into()))
                }
            };
            let guard = guard.clock(now).remember_for(seconds(window));
            let (handler, _) = handler(|_| 200);
            let request = signer(&provider).at(now()).request("{}");
            let layers = (WebhookAuthLayer::new(provider).clock(now), guard);
            let service = tower::Layer::layer(&layers, handler);
            let response = tower::ServiceExt::oneshot(service, request).await;
            assert_eq!(response.expect("a response").status(), 200);
            let found = *store.kept.lock().expect("no panic");
            assert_eq!(found, Some(seconds(kept)), "{window} {by_event_id}");
        }
    }
}

/// A token with an expiry and an id, and without a time of signing. The signer's tokens expire after five minutes.
#[tokio::test]
async fn a_token_is_remembered_until_it_expires() {
    let seconds = Duration::from_secs;
    let scheme = JwtScheme::hs256("acme-token")
        .body_hash("hash", BodyDigest::Sha256Hex)
        .id_claim("jti");
    let scheme = scheme.build().expect("a scheme");
    let provider = Provider::new("acme", scheme, secret()).expect("a provider");
    for (window, kept) in [(1, 300 + 60), (100_000, 100_000)] {
        let store = Scripted::granting();
        let guard = ReplayGuardLayer::new(&provider, store.clone()).expect("a guard");
        let guard = guard.clock(now).remember_for(seconds(window));
        let (handler, _) = handler(|_| 200);
        let request = signer(&provider).at(now()).request("{}");
        let layers = (WebhookAuthLayer::new(provider.clone()).clock(now), guard);
        let service = tower::Layer::layer(&layers, handler);
        let response = tower::ServiceExt::oneshot(service, request).await;
        assert_eq!(response.expect("a response").status(), 200);
        let found = *store.kept.lock().expect("no panic");
        assert_eq!(found, Some(seconds(kept)));
    }
}

/// The tolerance is that of the layer, and of the way that matched.
#[tokio::test]
async fn the_tolerance_of_each_delivery_counts_and_not_that_of_the_provider_of_the_guard() {
    let seconds = Duration::from_secs;
    let timed = SignatureScheme::hmac_sha256("x-signature")
        .timestamp(Timestamp::header("x-time"))
        .signed([
            tower_webhook_auth::Piece::Timestamp,
            tower_webhook_auth::Piece::literal("."),
            tower_webhook_auth::Piece::Body,
        ]);
    let timed = timed.build().expect("a scheme");
    let untimed = SignatureScheme::hmac_sha256("x-other").build();
    let ways = [
        ("timed", timed.clone()),
        ("untimed", untimed.expect("a scheme")),
    ];
    for scheme in [timed, Scheme::any_of(ways).expect("a scheme")] {
        let provider = Provider::new("acme", scheme, secret()).expect("a provider");
        let store = Scripted::granting();
        let guard = ReplayGuardLayer::by_body(&provider, store.clone()).expect("a guard");
        let guard = guard.clock(now).remember_for(seconds(1));
        let (handler, _) = handler(|_| 200);
        let request = signer(&provider).at(now() - seconds(600)).request("{}");
        let provider = provider.tolerance(seconds(3600)).expect("a signed time");
        let layers = (WebhookAuthLayer::new(provider).clock(now), guard);
        let service = tower::Layer::layer(&layers, handler);
        let response = tower::ServiceExt::oneshot(service, request).await;
        assert_eq!(response.expect("a response").status(), 200);
        let found = *store.kept.lock().expect("no panic");
        assert_eq!(found, Some(seconds(3600 - 600 + 60)));
    }
}

#[tokio::test]
async fn a_delivery_that_the_layer_rejects_never_reaches_the_store() {
    let store = Scripted::granting();
    let (handler, calls) = handler(|_| 200);
    let service = guarded(github(), by_body(store.clone()), handler);
    let other = Secret::new("another secret").expect("a secret");
    let forged = tower_webhook_auth::testing::Signer::new(&github(), &other).expect("a signer");
    assert_eq!(status(&service, forged.request("{}")).await, 401);
    assert_eq!(store.log(), [""; 0]);
    assert_eq!(calls.load(Ordering::SeqCst), 0);
}
