//! The identity of a delivery: what it depends on, and what an attacker can change without effect.
#![cfg(feature = "testing")]

use std::{
    convert::Infallible,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{HeaderName, Request, Response};
use http_body_util::Full;
use tower::{Layer, ServiceExt, service_fn};
use tower_webhook_auth::{
    Identity, Piece, Provider, Secret, SignatureScheme, Verified, WebhookAuthLayer, provider,
    testing::Signer,
};

const TEXT: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn secret() -> Secret {
    Secret::new(TEXT).expect("a secret")
}

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

/// The identity that a handler sees, and the one that it computes from an id in the event.
async fn identities(
    provider: Provider<Bytes>,
    request: Request<Full<Bytes>>,
) -> (Option<Identity>, Identity) {
    let inner = service_fn(async |request: Request<Full<Bytes>>| {
        let webhook: &Verified<Bytes> = request.extensions().get().expect("a verified delivery");
        let by_event_id = webhook.identity_by_event_id("evt_1");
        assert_eq!(webhook.tenant(), None);
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::new(
            format!(
                "{:?} {by_event_id}",
                webhook.identity().map(|id| id.to_string())
            )
            .into(),
        )))
    });
    let layer = WebhookAuthLayer::new(provider).clock(now);
    let response = layer
        .layer(inner)
        .oneshot(request)
        .await
        .expect("infallible");
    assert_eq!(response.status(), 200);
    let text = http_body_util::BodyExt::collect(response.into_body())
        .await
        .expect("a body")
        .to_bytes();
    let text = String::from_utf8(text.into()).expect("text");
    let (identity, by_event_id) = text.rsplit_once(' ').expect("two");
    let identity = identity
        .split('"')
        .nth(1)
        .map(|text| text.parse().expect("an identity"));
    (identity, by_event_id.parse().expect("an identity"))
}

async fn identity(provider: &Provider<Bytes>, request: Request<Full<Bytes>>) -> Option<Identity> {
    identities(provider.clone(), request).await.0
}

#[tokio::test]
async fn a_signed_id_is_the_identity_of_every_attempt() {
    let provider = provider::standard_webhooks(secret()).expect("a provider");
    let signer = Signer::new(&provider, &secret()).expect("a signer");
    let attempt = |id: &str, age: u64| {
        let signer = signer
            .clone()
            .with_id(id)
            .at(now() - Duration::from_secs(age));
        identity(&provider, signer.request(format!("{{\"attempt\":{age}}}")))
    };
    let first = attempt("msg_1", 0).await;
    assert!(first.is_some());
    assert_eq!(first, attempt("msg_1", 60).await);
    assert_ne!(first, attempt("msg_2", 0).await);
}

#[tokio::test]
async fn without_a_signed_id_the_signed_time_and_the_body_are_the_identity() {
    let provider = provider::stripe(secret());
    let signer = Signer::new(&provider, &secret()).expect("a signer");
    let attempt = |age: u64, body: &'static str| {
        let signer = signer.clone().at(now() - Duration::from_secs(age));
        identities(provider.clone(), signer.request(body))
    };
    let (first, by_event_id) = attempt(0, "{}").await;
    assert_eq!(first, attempt(0, "{}").await.0);
    assert_ne!(first, attempt(0, "{} ").await.0);
    let (again, by_same_event_id) = attempt(1, "{}").await;
    assert_ne!(first, again);
    assert_eq!(by_event_id, by_same_event_id);
    assert_ne!(first, Some(by_event_id));
}

#[test]
fn the_bytes_of_an_identity_are_those_of_its_text() {
    let text = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    let identity: Identity = text.parse().expect("an identity");
    let digits = data_encoding::HEXLOWER.encode(identity.as_bytes());
    assert_eq!(digits, text);
}

#[tokio::test]
async fn an_unsigned_header_does_not_change_the_identity() {
    let provider = provider::github(secret());
    let signer = Signer::new(&provider, &secret()).expect("a signer");
    let delivery = |id: &'static str| {
        let mut request = signer.request("{}");
        let headers = request.headers_mut();
        headers.insert("x-github-delivery", id.parse().expect("a value"));
        headers.insert("x-github-event", id.parse().expect("a value"));
        identity(&provider, request)
    };
    assert!(delivery("a").await.is_some());
    assert_eq!(delivery("a").await, delivery("b").await);
}

#[tokio::test]
async fn a_signed_header_that_is_named_as_the_id_is_the_identity() {
    let scheme = SignatureScheme::hmac_sha256("x-signature")
        .signed([Piece::header("x-id"), Piece::literal("."), Piece::Body])
        .build()
        .expect("a scheme");
    let acme = Provider::new("acme", scheme, secret())
        .expect("a provider")
        .delivery_id_header(HeaderName::from_static("x-id"));
    let signer = Signer::new(&acme, &secret()).expect("a signer");
    let delivery = |id: &str, body: &'static str| {
        let request = Request::post("/").header("x-id", id);
        let request = request.body(Bytes::from_static(body.as_bytes()));
        identity(
            &acme,
            signer.sign(request.expect("a request")).map(Full::new),
        )
    };
    let first = delivery("1", "{}").await;
    assert_eq!(first, delivery("1", "{\"attempt\":2}").await);
    assert_ne!(first, delivery("2", "{}").await);
}

#[tokio::test]
async fn a_shared_key_gives_no_identity() {
    let provider = provider::gitlab_token(secret());
    let signer = Signer::new(&provider, &secret()).expect("a signer");
    assert_eq!(identity(&provider, signer.request("{}")).await, None);
}
