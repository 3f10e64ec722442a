//! Mistakes in the program, and what they say.

use std::{error::Error, sync::atomic::Ordering, time::Duration};

use http::HeaderName;
use tower::{Layer, ServiceExt};
use tower_webhook_auth::{
    BodyDigest, JwtScheme, Piece, Provider, Rejection, RejectionKind, SignatureScheme,
    WebhookAuthLayer, provider,
    replay::{MemoryStore, ReplayGuardLayer},
};

use crate::support::{by_body, delivery, github, handler, kind, secret};

#[test]
fn a_sender_that_signs_neither_id_nor_time_is_an_error_that_names_the_constructor_to_use() {
    let store = || MemoryStore::new(1);
    let error = ReplayGuardLayer::new(&github(), store()).expect_err("only the body is signed");
    assert!(
        error.to_string().contains("`ReplayGuardLayer::by_body`"),
        "{error}"
    );
    assert!(error.to_string().contains("\"github\""), "{error}");

    let vwo = provider::vwo(secret());
    for error in [
        ReplayGuardLayer::new(&vwo, store())
            .map(drop)
            .expect_err("a shared key"),
        ReplayGuardLayer::by_body(&vwo, store())
            .map(drop)
            .expect_err("a shared key"),
    ] {
        assert!(
            error
                .to_string()
                .contains("`ReplayGuardLayer::by_event_id`"),
            "{error}"
        );
        assert!(!error.to_string().contains("by_body"), "{error}");
    }

    for signs in [provider::stripe(secret()), provider::slack(secret())] {
        assert!(
            ReplayGuardLayer::new(&signs, store()).is_ok(),
            "{}",
            signs.name()
        );
    }
    let svix = provider::svix(secret()).expect("a provider");
    assert!(ReplayGuardLayer::new(&svix, store()).is_ok());
}

/// The sender signs no time, and the name of the header is an option of the provider.
#[test]
fn a_signed_header_that_is_named_as_the_id_is_enough() {
    let provider = |signed: &'static str| {
        let scheme = SignatureScheme::hmac_sha256("x-signature")
            .signed([Piece::header(signed), Piece::literal("."), Piece::Body])
            .build()
            .expect("a scheme");
        let acme = Provider::new("acme", scheme, secret()).expect("a provider");
        acme.delivery_id_header(HeaderName::from_static("x-id"))
    };
    let guard = |signed| ReplayGuardLayer::new(&provider(signed), MemoryStore::new(1));
    assert!(guard("x-id").is_ok());
    assert!(guard("x-topic").is_err());
}

/// A token that does not cover the body may be sent again with another body, also if it has an id or a time.
#[test]
fn a_token_must_cover_the_body_and_have_an_id_or_a_time() {
    let token = || JwtScheme::hs256("acme-token").issuer("acme");
    let covering = || token().body_hash("hash", BodyDigest::Sha256Hex);
    let age = Duration::from_secs(300);
    for (case, scheme, is_enough, body_is_covered) in [
        ("the body", covering(), false, true),
        ("the body and an id", covering().id_claim("jti"), true, true),
        ("the body and a time", covering().max_age(age), true, true),
        (
            "a time",
            token().accept_unsigned_body().max_age(age),
            false,
            false,
        ),
    ] {
        let scheme = scheme.build().expect("a scheme");
        let acme = Provider::new("acme", scheme, secret()).expect("a provider");
        let guard = ReplayGuardLayer::new(&acme, MemoryStore::new(1));
        assert_eq!(guard.is_ok(), is_enough, "{case}");
        let guard = ReplayGuardLayer::by_body(&acme, MemoryStore::new(1));
        assert_eq!(guard.is_ok(), body_is_covered, "{case}");
    }
}

#[tokio::test]
async fn a_guard_outside_of_the_layer_rejects_with_500_and_says_where_it_belongs() {
    let (handler, calls) = handler(|_| 200);
    let layer = WebhookAuthLayer::new(github());
    // The wrong order: the guard is the outer layer.
    let service = (by_body(MemoryStore::new(1)), layer).layer(handler);
    let response = service.oneshot(delivery("{}")).await.expect("a response");
    assert_eq!(response.status(), 500);
    assert_eq!(kind(&response), Some(RejectionKind::GuardMisconfigured));
    let rejection: &Rejection = response.extensions().get().expect("a rejection");
    let source = rejection.source().expect("a cause").to_string();
    assert!(
        source.contains(
            "inside of WebhookAuthLayer, in axum with one call `route_layer((auth, guard))`"
        ),
        "{source}"
    );
    assert!(source.contains(" no Verified<bytes::Bytes> "), "{source}");
    assert_eq!(rejection.provider(), Some("github"));
    assert_eq!(calls.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_guard_for_other_events_than_those_of_the_layer_rejects_with_500() {
    let (handler, calls) = handler(|_| 200);
    let other = github().json::<serde_json::Value>();
    let guard = ReplayGuardLayer::by_body(&other, MemoryStore::new(1)).expect("a guard");
    let service = (WebhookAuthLayer::new(github()), guard).layer(handler);
    let response = service.oneshot(delivery("{}")).await.expect("a response");
    assert_eq!(kind(&response), Some(RejectionKind::GuardMisconfigured));
    let rejection: &Rejection = response.extensions().get().expect("a rejection");
    let source = rejection.source().expect("a cause").to_string();
    assert!(
        source.contains(" no Verified<serde_json::value::Value> "),
        "{source}"
    );
    assert!(
        source.contains("make both from one provider, after `json`"),
        "{source}"
    );
    assert_eq!(calls.load(Ordering::SeqCst), 0);
}

#[test]
fn the_inner_service_is_reached_through_the_guard() {
    let mut service = by_body(MemoryStore::new(1)).layer(1);
    *service.get_mut() += 1;
    assert_eq!(*service.get_ref(), 2);
    assert_eq!(service.clone().into_inner(), 2);
    let printed = format!("{service:?} {:?}", by_body(MemoryStore::new(1)));
    assert!(printed.contains("inner: 2"), "{printed}");
    assert!(printed.contains("github"), "{printed}");
    let printed = format!("{:?}", MemoryStore::new(7));
    assert_eq!(printed, "MemoryStore { len: 0, capacity: 7 }");
}

#[tokio::test]
async fn a_rejection_has_the_response_that_the_program_makes() {
    let guard = by_body(MemoryStore::new(0)).on_rejection(|rejection| {
        http::Response::builder()
            .status(599)
            .body(rejection.kind().as_str())
            .expect("a response")
    });
    let (handler, _) = handler(|_| 200);
    let service = (WebhookAuthLayer::new(github()), guard).layer(handler);
    let response = service.oneshot(delivery("{}")).await.expect("a response");
    assert_eq!(response.status(), 599);
    let rejection = kind(&response).expect("a rejection");
    assert_eq!(rejection, RejectionKind::ReplayStoreUnavailable);
    let body = http_body_util::BodyExt::collect(response.into_body()).await;
    assert_eq!(body.expect("a body").to_bytes(), rejection.as_str());
}

/// The guard was made for another sender, whose events have the same type.
#[tokio::test]
async fn a_delivery_that_proves_neither_an_id_nor_the_body_is_rejected_with_500() {
    let (handler, calls) = handler(|_| 200);
    let gitlab = WebhookAuthLayer::new(provider::gitlab_token(secret()));
    let service = (gitlab, by_body(MemoryStore::new(1))).layer(handler);
    let request = http::Request::post("/")
        .header("x-gitlab-token", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        .body(http_body_util::Full::<bytes::Bytes>::from("{}"))
        .expect("a request");
    let response = service.oneshot(request).await.expect("a response");
    assert_eq!(response.status(), 500);
    assert_eq!(kind(&response), Some(RejectionKind::GuardMisconfigured));
    let rejection: &Rejection = response.extensions().get().expect("a rejection");
    let source = rejection.source().expect("a cause").to_string();
    assert!(
        source.contains("`ReplayGuardLayer::by_event_id`"),
        "{source}"
    );
    assert_eq!(rejection.body_bytes(), 2);
    assert_eq!(calls.load(Ordering::SeqCst), 0);
}

#[test]
fn an_option_of_a_clone_does_not_change_the_layer() {
    let second = std::time::Duration::from_secs(1);
    let layer = by_body(MemoryStore::new(1)).lease(30 * second);
    let clone = layer.clone().lease(5 * second);
    assert!(format!("{layer:?}").contains("lease: 30s"), "{layer:?}");
    assert!(format!("{clone:?}").contains("lease: 5s"), "{clone:?}");
    assert!(format!("{clone:?}").contains("github"), "{clone:?}");
}

#[test]
fn the_future_of_a_guard_prints_no_request() {
    use tower::Service;

    let (handler, _) = handler(|_| 200);
    let mut service = by_body(MemoryStore::new(1)).layer(handler);
    let future = service.call(delivery("{}"));
    assert_eq!(format!("{future:?}"), "ResponseFuture { .. }");
}

/// The sender signs nothing, so only the event tells two deliveries apart.
#[tokio::test]
async fn a_delivery_with_a_shared_key_is_guarded_by_the_id_in_its_event() {
    let gitlab = || provider::gitlab_token(secret());
    let guard = ReplayGuardLayer::by_event_id(&gitlab(), MemoryStore::new(2), |body| {
        Some(format!("{body:?}"))
    });
    let (handler, calls) = handler(|_| 200);
    let service = (WebhookAuthLayer::new(gitlab()), guard).layer(handler);
    for (body, calls_then) in [("1", 1), ("1", 1), ("2", 2)] {
        let request = http::Request::post("/")
            .header("x-gitlab-token", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
            .body(http_body_util::Full::<bytes::Bytes>::from(body))
            .expect("a request");
        let response = service.clone().oneshot(request).await.expect("a response");
        assert_eq!(response.status(), 200, "{body}");
        assert_eq!(calls.load(Ordering::SeqCst), calls_then, "{body}");
    }
}
