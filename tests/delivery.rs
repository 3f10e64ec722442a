//! A verified delivery as a record for a queue.
#![cfg(feature = "testing")]

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{HeaderName, Request, Response};
use http_body_util::Full;
use tower::{Layer, ServiceExt, service_fn};
use tower_webhook_auth::{
    Delivery, Provider, Secret, Verified, WebhookAuthLayer, provider, testing::Signer,
};

fn secret() -> Secret {
    Secret::new("wJ4mX9-wJ4mX9").expect("a secret")
}

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

/// The record of a delivery with this body.
async fn record(
    provider: Provider<Bytes>,
    body: &'static [u8],
    headers: &[HeaderName],
) -> Delivery {
    let mut request = Signer::new(&provider, &secret())
        .expect("a signer")
        .at(now())
        .request(body);
    for (name, value) in [("x-github-delivery", "id-1"), ("x-github-event", "push")] {
        request
            .headers_mut()
            .insert(name, value.parse().expect("a value"));
    }
    let kept = Arc::new(Mutex::new(None));
    let keep = Arc::clone(&kept);
    let names = headers.to_vec();
    let handler = service_fn(move |request: Request<Full<Bytes>>| {
        let webhook: &Verified<Bytes> = request.extensions().get().expect("a verified delivery");
        let delivery = Delivery::from(webhook).with_headers(request.headers(), &names);
        assert_eq!(delivery.identity, webhook.identity());
        *keep.lock().expect("no panic") = Some(delivery);
        async { Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())) }
    });
    let layer = WebhookAuthLayer::new(provider).clock(now);
    layer
        .layer(handler)
        .oneshot(request)
        .await
        .expect("infallible");
    kept.lock().expect("no panic").take().expect("a record")
}

#[tokio::test]
async fn a_record_is_read_back_as_it_was_written() {
    let headers = [HeaderName::from_static("x-github-event")];
    // Text, and bytes that are no text.
    for body in [br#"{"a":"\u00fc \""}"#.as_slice(), b"\xff\0\x01"] {
        let mut delivery = record(provider::github(secret()), body, &headers).await;
        delivery.received_at = Some(now());
        let json = serde_json::to_string(&delivery).expect("JSON");
        let read: Delivery = serde_json::from_str(&json).expect("a record");
        assert_eq!(read, delivery);
        assert_eq!(read.body, body);
        assert_eq!(read.delivery_id.as_deref(), Some("id-1"));
        assert_eq!(read.event_name.as_deref(), Some("push"));
        assert_eq!(
            read.headers,
            [("x-github-event".to_owned(), "push".to_owned())]
        );
        assert_eq!(read.key_name, "default");
        assert!(read.identity.is_some());
    }
}

/// MessagePack is a format for programs: the body is bytes, and not base64.
#[tokio::test]
async fn a_record_in_a_binary_format_has_the_body_as_bytes() {
    let headers = [HeaderName::from_static("x-github-event")];
    let mut delivery = record(provider::github(secret()), b"\xff\0\x01", &headers).await;
    delivery.received_at = Some(now());
    let written = rmp_serde::to_vec_named(&delivery).expect("MessagePack");
    // A value of type `bin 8` with 3 bytes.
    let body = [0xc4, 3, 0xff, 0, 1];
    assert!(
        written.windows(5).any(|bytes| bytes == body),
        "{written:x?}"
    );
    let read: Delivery = rmp_serde::from_slice(&written).expect("a record");
    assert_eq!(read, delivery);
}

#[tokio::test]
async fn a_record_keeps_the_signed_time_and_no_header_that_was_not_asked_for() {
    let delivery = record(provider::slack(secret()), b"{}", &[]).await;
    assert_eq!(delivery.signed_at, Some(now()));
    let json = serde_json::to_value(&delivery).expect("JSON");
    assert_eq!(json["signed_at"], 1_700_000_000_000_u64);
    assert_eq!(json["body"]["text"], "{}");
    assert!(!json.to_string().contains("x-slack-signature"), "{json}");
}

#[tokio::test]
async fn a_shared_key_has_no_identity_and_is_not_in_the_record() {
    let delivery = record(provider::gitlab_token(secret()), b"{}", &[]).await;
    assert_eq!(delivery.identity, None);
    let json = serde_json::to_string(&delivery).expect("JSON");
    assert!(!json.contains("wJ4mX9"), "{json}");
}

#[tokio::test]
async fn the_event_of_a_record_is_read_by_its_own_provider_only() {
    let body = br#"{"project_id":42,"timestamp":1,"event":"project.created","data":{}}"#;
    let mut delivery = record(provider::github(secret()), body, &[]).await;
    let optimizely = provider::optimizely(Secret::new("another").expect("a secret"));
    let error = optimizely.event(&delivery).expect_err("another provider");
    assert!(error.to_string().contains("\"github\""), "{error}");
    assert!(error.to_string().contains("\"optimizely\""), "{error}");

    delivery.provider = "optimizely".to_owned();
    let event = optimizely.event(&delivery).expect("an event");
    assert_eq!(event.project_id, 42);
    delivery.body = Bytes::from_static(b"[");
    assert!(optimizely.event(&delivery).is_err());
}

#[tokio::test]
async fn a_record_does_not_print_its_body_or_the_values_of_its_headers() {
    let headers = [HeaderName::from_static("x-hub-signature-256")];
    let delivery = record(provider::github(secret()), b"personal", &headers).await;
    let printed = format!("{delivery:?}");
    assert!(printed.contains("x-hub-signature-256"), "{printed}");
    assert!(!printed.contains("sha256="), "{printed}");
    assert!(!printed.contains("personal"), "{printed}");
}

#[test]
fn a_record_of_an_older_version_without_optional_fields_is_read() {
    let json = r#"{"provider":"a","key_name":"b","body":{"base64":"/wAB"}}"#;
    let delivery: Delivery = serde_json::from_str(json).expect("a record");
    assert_eq!(delivery.body, b"\xff\0\x01".as_slice());
    assert_eq!((delivery.received_at, delivery.signed_at), (None, None));
}

#[test]
fn a_record_with_wrong_base64_is_an_error_without_the_body() {
    let json = r#"{"provider":"a","key_name":"b","body":{"base64":"wJ4mX9-"}}"#;
    let error = serde_json::from_str::<Delivery>(json).expect_err("'-' is not base64");
    assert!(
        error.to_string().starts_with("invalid length at 4"),
        "{error}"
    );
}
