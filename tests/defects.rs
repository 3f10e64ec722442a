//! Defects of other webhook libraries, each with the test that finds it.

mod common;

use std::{
    convert::Infallible,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use common::{Inner, collect};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{Full, StreamBody};
use tower::{Layer, ServiceBuilder, ServiceExt};
use tower_webhook_auth::{
    Claim, Encoding, KeyEncoding, Piece, Provider, Rejection, RejectionKind, Secret,
    SignatureScheme, Timestamp, Verified, WebhookAuthLayer, provider, testing::Signer,
};

const NOW: u64 = 1_674_087_231;

fn secret() -> Secret {
    Secret::new("It's a Secret to Everybody").expect("a secret")
}

/// GitHub's shape: `sha256=` and the digits.
fn tagged() -> Provider<Bytes> {
    let scheme = SignatureScheme::hmac_sha256("x-hub-signature-256").tags('=', ["sha256"]);
    Provider::new("tagged", scheme.build().expect("a scheme"), secret()).expect("a provider")
}

/// Stripe's shape: `t=…,v1=…,v1=…`.
fn listed() -> Provider<Bytes> {
    let scheme = SignatureScheme::hmac_sha256("signature")
        .item_separator(',')
        .tags('=', ["v1"])
        .timestamp(Timestamp::tag("t"))
        .signed([Piece::Timestamp, Piece::literal("."), Piece::Body]);
    Provider::new("listed", scheme.build().expect("a scheme"), secret()).expect("a provider")
}

fn layer(provider: Provider<Bytes>) -> WebhookAuthLayer<Bytes> {
    WebhookAuthLayer::new(provider).clock(|| SystemTime::UNIX_EPOCH + Duration::from_secs(NOW))
}

fn signed(provider: &Provider<Bytes>, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    Signer::new(provider, &secret())
        .expect("a signer")
        .at(SystemTime::UNIX_EPOCH + Duration::from_secs(NOW))
        .request(body)
}

fn with_header<B>(mut request: Request<B>, name: &'static str, value: &[u8]) -> Request<B> {
    let value = HeaderValue::from_bytes(value).expect("a header's value");
    request.headers_mut().insert(name, value);
    request
}

async fn verdict(
    provider: Provider<Bytes>,
    request: Request<Full<Bytes>>,
) -> Option<RejectionKind> {
    let inner = Inner::default();
    let response = layer(provider)
        .layer(inner.clone())
        .oneshot(request)
        .await
        .unwrap();
    let kind = response
        .extensions()
        .get::<Rejection>()
        .map(Rejection::kind);
    assert_eq!(inner.calls(), usize::from(kind.is_none()));
    assert_eq!(response.status().is_success(), kind.is_none());
    kind
}

#[tokio::test]
async fn calls_a_clone_that_was_never_readied() {
    let mut service = ServiceBuilder::new()
        .layer(layer(tagged()))
        .concurrency_limit(1)
        .buffer(1)
        .concurrency_limit(1)
        .service(Inner::default());
    for _ in 0..3 {
        let request = signed(&tagged(), "body");
        let response = tower::Service::call(&mut service, request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn loops_without_end_on_a_chunked_body() {
    let (head, _) = signed(&tagged(), "chunked").into_parts();
    let chunks =
        ["ch", "", "unk", "ed"].map(|chunk| Ok::<_, Infallible>(Frame::data(Bytes::from(chunk))));
    let body = StreamBody::new(futures_util::stream::iter(chunks));
    let response = layer(tagged())
        .layer(Inner::default())
        .oneshot(Request::from_parts(head, body))
        .await
        .unwrap();
    assert_eq!(collect(response.into_body()).await, "chunked");
}

#[tokio::test]
async fn loops_without_end_on_a_body_error_or_treats_it_as_the_end() {
    let (head, _) = signed(&tagged(), "whole").into_parts();
    // It fails again and again: the second poll would be one too many.
    let errors = futures_util::stream::unfold(0, async |polls| {
        assert!(polls < 2, "polled after an error");
        let frame = match polls {
            0 => Ok(Frame::data(Bytes::from_static(b"whole"))),
            _ => Err(std::io::Error::other("broken")),
        };
        Some((frame, polls + 1))
    });
    let response = layer(tagged())
        .layer(Inner::default())
        .oneshot(Request::from_parts(head, StreamBody::new(errors)))
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn treats_a_truncated_body_as_complete() {
    let scheme = tower_webhook_auth::SharedKeyScheme::new("x-key")
        .build()
        .unwrap();
    let provider = Provider::new("shared", scheme, secret()).unwrap();
    let frames = [
        Ok(Frame::data(Bytes::from_static(b"half of it"))),
        Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof)),
    ];
    let request = Request::post("/")
        .header("x-key", "It's a Secret to Everybody")
        .body(StreamBody::new(futures_util::stream::iter(frames)))
        .unwrap();
    let inner = Inner::default();
    let response = layer(provider)
        .layer(inner.clone())
        .oneshot(request)
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert_eq!(inner.calls(), 0);
}

#[tokio::test]
async fn preallocates_the_content_length_and_aborts_the_process() {
    let (mut head, body) = signed(&tagged(), "small").into_parts();
    head.headers.insert(
        "content-length",
        HeaderValue::from_static("4611686018427387904"),
    );
    let frames = ["sm", "all"].map(|frame| Ok::<_, Infallible>(Frame::data(Bytes::from(frame))));
    drop(body);
    let body = StreamBody::new(futures_util::stream::iter(frames));
    let response = layer(tagged())
        .max_body_bytes(usize::MAX)
        .layer(Inner::default())
        .oneshot(Request::from_parts(head, body))
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn has_no_body_limit_before_authentication() {
    let zeros = futures_util::stream::repeat_with(|| {
        Ok::<_, Infallible>(Frame::data(Bytes::from_static(&[0; 64 * 1024])))
    });
    let (head, _) = signed(&tagged(), "").into_parts();
    let response = layer(tagged())
        .layer(Inner::default())
        .oneshot(Request::from_parts(head, StreamBody::new(zeros)))
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let rejection: &Rejection = response.extensions().get().unwrap();
    assert!(rejection.body_bytes() <= 1024 * 1024);
}

/// One MAC is computed for all of them: see `src/scheme/mac.rs`.
#[tokio::test]
async fn takes_any_number_of_candidate_signatures() {
    let wrong = format!(",v1={}", "00".repeat(32));
    for (candidates, expected) in [
        (16, RejectionKind::SignatureMismatch),
        (17, RejectionKind::TooManySignatures),
        (1_000, RejectionKind::HeaderTooLong),
    ] {
        let value = format!("t={NOW}{}", wrong.repeat(candidates));
        let request = with_header(signed(&listed(), "body"), "signature", value.as_bytes());
        assert_eq!(verdict(listed(), request).await, Some(expected));
    }
}

#[test]
fn accepts_an_empty_secret() {
    assert!(Secret::new("").is_err());
    let scheme = SignatureScheme::hmac_sha256("signature")
        .key_encoding(KeyEncoding::Base64)
        .key_prefix("whsec_")
        .build()
        .unwrap();
    assert!(Provider::new("standard", scheme, Secret::new("whsec_").unwrap()).is_err());
}

#[tokio::test]
async fn accepts_any_prefix() {
    let good = signed(&tagged(), "body");
    let value = good.headers()["x-hub-signature-256"]
        .to_str()
        .unwrap()
        .to_owned();
    let digits = value.strip_prefix("sha256=").unwrap();
    for prefix in [
        "",
        "=",
        "md5=",
        "sha1=",
        "SHA256=",
        "sha256=sha256=",
        "652ahs=",
        "sha256:",
        "sha256= ",
    ] {
        let value = format!("{prefix}{digits}");
        let request = with_header(
            signed(&tagged(), "body"),
            "x-hub-signature-256",
            value.as_bytes(),
        );
        let verdict = verdict(tagged(), request).await;
        assert_eq!(verdict, Some(RejectionKind::HeaderMalformed), "{prefix:?}");
    }
}

#[tokio::test]
async fn compares_up_to_the_shorter_length() {
    let good = signed(&tagged(), "body");
    let value = good.headers()["x-hub-signature-256"].as_bytes().to_vec();
    for length in "sha256=".len()..value.len() {
        let request = with_header(
            signed(&tagged(), "body"),
            "x-hub-signature-256",
            &value[..length],
        );
        let verdict = verdict(tagged(), request).await;
        assert_eq!(verdict, Some(RejectionKind::HeaderMalformed), "{length}");
    }
}

#[tokio::test]
async fn panics_on_short_odd_length_or_non_ascii_signatures() {
    let digits = "a".repeat(63);
    for value in [
        &b"s"[..],
        b"sha256",
        b"sha256=a",
        b"sha256=\xe9",
        format!("sha256={digits}").as_bytes(),
        format!("sha256={}\u{e9}", "a".repeat(62)).as_bytes(),
        format!("sha256=a\u{e9}{}", "a".repeat(61)).as_bytes(),
        format!("sha256=+{digits}").as_bytes(),
    ] {
        let request = with_header(signed(&tagged(), "body"), "x-hub-signature-256", value);
        let verdict = verdict(tagged(), request).await;
        assert_eq!(verdict, Some(RejectionKind::HeaderMalformed), "{value:?}");
    }
}

#[tokio::test]
async fn panics_on_bodies_that_are_not_utf_8() {
    let request = signed(&tagged(), &b"\xff\xfe\0"[..]);
    assert_eq!(verdict(tagged(), request).await, None);

    let optimizely = provider::optimizely(secret());
    let signer = Signer::new(&optimizely, &secret()).unwrap();
    let response = WebhookAuthLayer::new(optimizely)
        .layer(Inner::default())
        .oneshot(signer.request(&b"\xff\xfe\0"[..]))
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn panics_or_wraps_around_at_the_smallest_timestamp() {
    for timestamp in [
        "-9223372036854775808",
        "9223372036854775807",
        "18446744073709551615",
        "99999999999999999999",
    ] {
        let value = format!("t={timestamp},v1={}", "00".repeat(32));
        let request = with_header(signed(&listed(), "body"), "signature", value.as_bytes());
        let verdict = verdict(listed(), request).await;
        assert!(
            matches!(
                verdict,
                Some(RejectionKind::HeaderMalformed | RejectionKind::TimestampInFuture)
            ),
            "{timestamp}: {verdict:?}"
        );
    }
}

#[tokio::test]
async fn never_checks_the_timestamp_or_in_one_direction_only() {
    let signer = Signer::new(&listed(), &secret()).unwrap();
    for (time, expected) in [
        (NOW - 301, Some(RejectionKind::TimestampTooOld)),
        (NOW - 300, None),
        (NOW + 300, None),
        (NOW + 301, Some(RejectionKind::TimestampInFuture)),
    ] {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(time);
        let request = signer.clone().at(time).request("body");
        assert_eq!(verdict(listed(), request).await, expected);
    }
}

#[tokio::test]
async fn verifies_json_that_was_serialised_again() {
    let (head, _) = signed(&tagged(), r#"{"a":1,"b":2}"#).into_parts();
    for body in [
        r#"{"a": 1, "b": 2}"#,
        r#"{"b":2,"a":1}"#,
        "{\"a\":1,\"b\":2}\n",
    ] {
        let request = Request::from_parts(head.clone(), Full::from(Bytes::from(body)));
        let verdict = verdict(tagged(), request).await;
        assert_eq!(verdict, Some(RejectionKind::SignatureMismatch), "{body:?}");
    }
}

#[tokio::test]
async fn skips_authentication_when_the_header_is_absent() {
    let request = Request::post("/")
        .body(Full::from(Bytes::from("body")))
        .unwrap();
    assert_eq!(
        verdict(tagged(), request).await,
        Some(RejectionKind::HeaderMissing)
    );
}

#[tokio::test]
async fn trusts_headers_outside_the_mac() {
    let provider = tagged().event_name_header(http::HeaderName::from_static("x-github-event"));
    let request = with_header(signed(&tagged(), "body"), "x-github-event", b"push");
    let response = layer(provider)
        .layer(Inner::default())
        .oneshot(request)
        .await
        .unwrap();
    let webhook: &Verified<Bytes> = response.extensions().get().unwrap();
    assert_eq!(webhook.event_name(), Some(Claim::Unsigned("push")));
    assert_eq!(webhook.event_name().and_then(Claim::signed), None);
}

#[test]
fn prints_secrets_in_debug() {
    let provider = tagged();
    let printed = format!(
        "{:?} {:?} {:?}",
        secret(),
        provider,
        layer(provider.clone())
    );
    assert!(!printed.contains("Everybody"), "{printed}");
}

#[tokio::test]
async fn forces_boxed_errors_so_that_a_router_cannot_be_layered() {
    let app: axum::Router = axum::Router::new()
        .route(
            "/",
            axum::routing::post(async |webhook: Verified<Bytes>| webhook.body().clone()),
        )
        .layer(layer(tagged()));
    let response: Response<axum::body::Body> =
        app.oneshot(signed(&tagged(), "body")).await.unwrap();
    assert_eq!(collect(response.into_body()).await, "body");
}

#[tokio::test]
async fn takes_spare_bits_of_base64_for_another_signature() {
    let scheme = || {
        SignatureScheme::hmac_sha256("signature")
            .encoding(Encoding::Base64)
            .build()
            .unwrap()
    };
    let provider = Provider::new("base64", scheme(), secret()).unwrap();
    let request = signed(&provider, "body");
    let value = request.headers()["signature"].to_str().unwrap().to_owned();
    assert_eq!(verdict(provider.clone(), request).await, None);
    let symbols = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let last = value.chars().nth(42).unwrap();
    let spare = symbols
        .chars()
        .nth(symbols.find(last).unwrap() + 1)
        .unwrap();
    let malleable = format!("{}{spare}=", &value[..42]);
    let request = with_header(signed(&provider, "body"), "signature", malleable.as_bytes());
    assert_eq!(
        verdict(provider, request).await,
        Some(RejectionKind::HeaderMalformed)
    );
}

/// Many decoders read a text with padding inside as two texts, one after the other.
#[tokio::test]
async fn takes_padding_inside_base64_for_another_signature() {
    use data_encoding::{BASE64, BASE64URL};

    for (encoding, alphabet) in [
        (Encoding::Base64, &BASE64),
        (Encoding::Base64OfHex, &BASE64),
        (Encoding::Base64Url, &BASE64URL),
    ] {
        let scheme = SignatureScheme::hmac_sha256("signature").encoding(encoding);
        let scheme = scheme.build().unwrap();
        let provider = Provider::new("base64", scheme, secret()).unwrap();
        let request = signed(&provider, "body");
        let mut value = request.headers()["signature"].as_bytes().to_vec();
        assert_eq!(verdict(provider.clone(), request).await, None);
        // The signer writes base64 for URLs without padding.
        while !value.len().is_multiple_of(4) {
            value.push(b'=');
        }
        let bytes = alphabet.decode(&value).unwrap();
        for cut in 1..bytes.len() {
            let (first, second) = bytes.split_at(cut);
            let parts = [alphabet.encode(first), alphabet.encode(second)].concat();
            let is_one_text = parts.as_bytes() == value;
            let request = with_header(signed(&provider, "body"), "signature", parts.as_bytes());
            let expected = (!is_one_text).then_some(RejectionKind::HeaderMalformed);
            let verdict = verdict(provider.clone(), request).await;
            assert_eq!(verdict, expected, "{encoding:?}: {parts}");
        }
    }
}
