//! Handshakes: answered if they are signed or mounted, and never a way around the layer.
#![cfg(all(feature = "axum", feature = "handshake"))]

#[path = "common/judge.rs"]
mod judge;
#[path = "common/reference.rs"]
mod reference;

use std::time::SystemTime;

use axum::{
    Router,
    body::Body,
    extract::RawQuery,
    response::{IntoResponse, Response},
    routing::post as route_post,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use judge::{NOW, judge, post};
use reference::Hash::Sha256;
use tower::ServiceExt;
use tower_webhook_auth::{
    Encoding, Piece, Provider, RejectionKind, Secret, SignatureScheme, Timestamp, Verified,
    WebhookAuthLayer, handshake,
};

const SECRET: &str = "wJ4mX9";

fn secret() -> Secret {
    Secret::new(SECRET).expect("a secret")
}

/// `v0=` over `v0:{timestamp}:{body}`, as Slack and Zoom sign.
fn slack() -> Provider<Bytes> {
    let scheme = SignatureScheme::hmac_sha256("x-slack-signature")
        .tags('=', ["v0"])
        .timestamp(Timestamp::header("x-slack-request-timestamp"))
        .signed([
            Piece::literal("v0:"),
            Piece::Timestamp,
            Piece::literal(":"),
            Piece::Body,
        ]);
    Provider::new("slack", scheme.build().expect("a scheme"), secret()).expect("a provider")
}

fn signed(body: &'static str) -> Request<Full<Bytes>> {
    let text = format!("v0:{NOW}:{body}");
    let signature = reference::hmac(Sha256, SECRET.as_bytes(), text.as_bytes());
    let headers = [
        ("x-slack-request-timestamp", NOW.to_string()),
        (
            "x-slack-signature",
            format!("v0={}", reference::hex(&signature)),
        ),
    ];
    post(
        &headers.each_ref().map(|(name, value)| (*name, &**value)),
        body,
    )
}

fn verified(body: &'static str) -> Verified<Bytes> {
    judge(&slack(), signed(body)).expect("verified")
}

fn text(response: Response<Full<Bytes>>) -> String {
    let body = futures_executor::block_on(response.into_body().collect()).expect("a body");
    String::from_utf8(body.to_bytes().into()).expect("text")
}

fn header<'a, B>(response: &'a Response<B>, name: &str) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

/// <https://api.slack.com/events/url_verification>
const SLACK: &str = r#"{
"token": "Jhj5dZrVaK7ZwHHjRyZWjbDl",
"challenge": "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P",
"type": "url_verification"
}"#;

#[test]
fn the_url_verification_of_slack_is_answered_with_the_challenge() {
    let answer = handshake::slack(&verified(SLACK)).expect("a handshake");
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(
        header(&answer, "content-type"),
        Some("text/plain; charset=utf-8")
    );
    assert_eq!(
        text(answer),
        "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"
    );
}

/// The token is the one in Zoom's documentation. It does not publish the secret, so the reference
/// implementation computes the expected hash.
#[test]
fn the_url_validation_of_zoom_is_answered_with_the_token_and_its_hmac() {
    let webhook = verified(
        r#"{"payload":{"plainToken":"qgg8vlvZRS6UYooatFL8Aw"},"event_ts":1654503849680,"event":"endpoint.url_validation"}"#,
    );
    let answer = handshake::zoom(&webhook, &secret()).expect("a handshake");
    assert_eq!(header(&answer, "content-type"), Some("application/json"));
    let answer: serde_json::Value = serde_json::from_str(&text(answer)).expect("JSON");
    let hmac = reference::hmac(Sha256, SECRET.as_bytes(), b"qgg8vlvZRS6UYooatFL8Aw");
    assert_eq!(
        answer,
        serde_json::json!({
            "plainToken": "qgg8vlvZRS6UYooatFL8Aw",
            "encryptedToken": reference::hex(&hmac),
        })
    );
}

/// Zoom signs `v0:{timestamp}:{body}` under the same key. A token that contains a colon could be that.
#[test]
fn the_answer_to_zoom_never_signs_a_text_that_can_be_a_delivery() {
    for body in [
        r#"{"event":"endpoint.url_validation","payload":{"plainToken":"v0:1700000000:{}"}}"#,
        r#"{"event":"endpoint.url_validation","payload":{"plainToken":""}}"#,
    ] {
        assert!(
            handshake::zoom(&verified(body), &secret()).is_none(),
            "{body}"
        );
    }
}

#[test]
fn the_callback_verification_of_twitch_is_answered_with_the_challenge() {
    let webhook = verified(
        r#"{"challenge":"pogchamp-kappa-360noscope-vohiyo","subscription":{"id":"f1c2a387","status":"webhook_callback_verification_pending","type":"channel.follow"}}"#,
    );
    let answer = handshake::twitch(&webhook).expect("a handshake");
    assert_eq!(
        header(&answer, "content-type"),
        Some("text/plain; charset=utf-8")
    );
    assert_eq!(text(answer), "pogchamp-kappa-360noscope-vohiyo");
}

#[test]
fn any_other_event_is_left_to_the_handler() {
    for body in [
        "",
        "null",
        "\u{fffd}",
        r#"{"type":"event_callback","challenge":"x"}"#,
        r#"{"type":"url_verification"}"#,
        r#"{"type":"url_verification","challenge":1}"#,
        r#"{"event":"meeting.started","payload":{"plainToken":"x"}}"#,
        r#"{"event":"endpoint.url_validation","payload":{}}"#,
        r#"{"challenge":"x","subscription":{"status":"enabled"}}"#,
    ] {
        let webhook = verified(body);
        assert!(handshake::slack(&webhook).is_none(), "{body}");
        assert!(handshake::zoom(&webhook, &secret()).is_none(), "{body}");
        assert!(handshake::twitch(&webhook).is_none(), "{body}");
    }
}

/// The parameters of Meta's documentation.
#[test]
fn the_challenge_of_meta_is_repeated_to_a_client_with_the_token() {
    let token = Secret::new("meatyhamhock").expect("a token");
    let ask = |query: &str| handshake::meta(&token, Some(query));
    let right = "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=meatyhamhock";
    let answer = ask(right);
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(text(answer), "1158201444");
    assert_eq!(
        text(ask(
            "hub%2Emode=subscribe&hub.verify_token=%6deatyhamhock&hub.challenge=1"
        )),
        "1"
    );
    for query in [
        "",
        "hub.mode=subscribe&hub.challenge=1",
        "hub.mode=subscribe&hub.challenge=1&hub.verify_token=",
        "hub.mode=subscribe&hub.challenge=1&hub.verify_token=meatyhamhoc",
        "hub.mode=subscribe&hub.challenge=1&hub.verify_token=meatyhamhock2",
        "hub.mode=subscribe&hub.challenge=1&hub.verify_token=x&hub.verify_token=meatyhamhock",
        "hub.mode=unsubscribe&hub.challenge=1&hub.verify_token=meatyhamhock",
        "hub.challenge=1&hub.verify_token=meatyhamhock",
        "hub.mode=subscribe&hub.verify_token=meatyhamhock",
        "hub.mode=subscribe&hub.challenge=1&hub.challenge=2&hub.verify_token=meatyhamhock",
    ] {
        let answer = ask(query);
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{query}");
        assert_eq!(text(answer), "", "{query}");
    }
    assert_eq!(
        handshake::meta(&token, None).status(),
        StatusCode::FORBIDDEN
    );
}

#[test]
fn the_token_of_x_is_answered_with_its_hmac() {
    let answer = handshake::x(&secret(), Some("crc_token=foo&nonce=bar"));
    assert_eq!(answer.status(), StatusCode::OK);
    let answer: serde_json::Value = serde_json::from_str(&text(answer)).expect("JSON");
    let hmac = reference::hmac(Sha256, SECRET.as_bytes(), b"foo");
    let expected = format!("sha256={}", reference::base64(&hmac));
    assert_eq!(answer, serde_json::json!({ "response_token": expected }));
}

/// X signs its deliveries under the same key, so the answer must not sign a text that can be a delivery.
#[test]
fn the_answer_to_x_never_signs_a_text_that_can_be_a_delivery() {
    let layer_accepts = |body: &'static str, signature: &str| {
        let scheme = SignatureScheme::hmac_sha256("x-twitter-webhooks-signature")
            .tags('=', ["sha256"])
            .encoding(Encoding::Base64);
        let provider = Provider::new("x", scheme.build().expect("a scheme"), secret());
        let provider = provider.expect("a provider").json::<serde_json::Value>();
        let headers = [("x-twitter-webhooks-signature", signature)];
        judge(&provider, post(&headers, body)).is_ok()
    };
    let forged = r#"{"for_user_id":"2244994945"}"#;
    let hmac = reference::hmac(Sha256, SECRET.as_bytes(), forged.as_bytes());
    assert!(
        layer_accepts(forged, &format!("sha256={}", reference::base64(&hmac))),
        "such an answer would be a forgery"
    );
    for query in [
        "crc_token=%7B%22for_user_id%22%3A%222244994945%22%7D",
        "crc_token={}",
        "crc_token=[]",
        "crc_token=%22text%22",
        "crc_token=",
        "crc_token=a%0Ab",
        "crc_token=a+b",
        "crc_token=a&crc_token=b",
        "crc_tok=a",
        "",
    ] {
        let answer = handshake::x(&secret(), Some(query));
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{query}");
        assert_eq!(text(answer), "", "{query}");
    }
    let long = format!("crc_token={}", "a".repeat(1025));
    assert_eq!(
        handshake::x(&secret(), Some(&long)).status(),
        StatusCode::BAD_REQUEST
    );
}

/// Every text that the answer signs is rejected as a delivery, although its signature is right.
#[test]
fn the_preset_of_x_rejects_every_text_that_the_answer_signs() {
    let provider = tower_webhook_auth::provider::x(secret());
    let sent = |body: &'static str| {
        let hmac = reference::hmac(Sha256, SECRET.as_bytes(), body.as_bytes());
        let signature = format!("sha256={}", reference::base64(&hmac));
        let headers = [("x-twitter-webhooks-signature", &*signature)];
        judge(&provider, post(&headers, body)).map(drop)
    };
    for token in [
        "12345",
        "null",
        "true",
        "abc.def",
        "delete-everything",
        "Zm9v+/=_~",
    ] {
        let answer = handshake::x(
            &secret(),
            Some(&format!("crc_token={}", token.replace('+', "%2B"))),
        );
        assert_eq!(answer.status(), StatusCode::OK, "{token}");
        assert_eq!(sent(token), Err(RejectionKind::EventUnparseable), "{token}");
    }
    for delivery in [r#"{"for_user_id":"2244994945"}"#, "{}", "Test Payload Body"] {
        assert_eq!(sent(delivery), Ok(()), "{delivery}");
    }
}

#[test]
fn the_challenge_of_okta_is_repeated_as_json() {
    let ask = |values: &[&str]| {
        let mut headers = HeaderMap::new();
        for value in values {
            let value = HeaderValue::from_str(value).expect("a value");
            headers.append("x-okta-verification-challenge", value);
        }
        handshake::okta(&headers)
    };
    let answer = ask(&["lwHKLe5Fd0nUyqWRR0n7Jcbmb-Mw\"x"]);
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(header(&answer, "content-type"), Some("application/json"));
    assert_eq!(header(&answer, "x-content-type-options"), Some("nosniff"));
    assert_eq!(
        text(answer),
        r#"{"verification":"lwHKLe5Fd0nUyqWRR0n7Jcbmb-Mw\"x"}"#
    );
    assert_eq!(ask(&[]).status(), StatusCode::BAD_REQUEST);
    assert_eq!(ask(&[""]).status(), StatusCode::BAD_REQUEST);
    assert_eq!(ask(&["a", "a"]).status(), StatusCode::BAD_REQUEST);
}

#[test]
fn the_challenge_of_dropbox_is_repeated_as_plain_text_that_browsers_do_not_run() {
    let answer = handshake::dropbox(Some("challenge=%3Cscript%3Ealert(1)%3C/script%3E"));
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(
        header(&answer, "content-type"),
        Some("text/plain; charset=utf-8")
    );
    assert_eq!(header(&answer, "x-content-type-options"), Some("nosniff"));
    assert_eq!(text(answer), "<script>alert(1)</script>");
    for answer in [handshake::adobe_io, handshake::dropbox] {
        assert_eq!(text(answer(Some("challenge=abc123"))), "abc123");
    }
    for query in [
        "",
        "challenge=",
        "challenge=a&challenge=a",
        "challenge=a%0D%0Ab",
        "challenge=%00",
        "challenge=%ff",
    ] {
        let answer = handshake::dropbox(Some(query));
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{query}");
        assert_eq!(text(answer), "", "{query}");
    }
    assert_eq!(handshake::dropbox(None).status(), StatusCode::BAD_REQUEST);
}

/// One path as in the module's documentation: the handshake outside of the layer, the handler inside.
fn app() -> Router {
    async fn event(webhook: Verified<Bytes>) -> Response {
        match handshake::slack(&webhook) {
            Some(answer) => answer.into_response(),
            None => "handled".into_response(),
        }
    }
    let layer = WebhookAuthLayer::new(slack()).clock(|| -> SystemTime { judge::at(NOW) });
    Router::new().route(
        "/hook",
        route_post(event)
            .layer(layer)
            .get(async |RawQuery(query): RawQuery| handshake::dropbox(query.as_deref())),
    )
}

async fn ask(request: Request<Body>) -> (StatusCode, Bytes) {
    let Ok(response) = app().oneshot(request).await;
    let status = response.status();
    let body = response.into_body().collect().await.expect("a body");
    (status, body.to_bytes())
}

#[tokio::test]
async fn an_unsigned_post_with_a_challenge_is_rejected_also_where_the_handshake_is_mounted() {
    for uri in ["/hook", "/hook?challenge=abc", "/hook?hub.mode=subscribe"] {
        let request = Request::post(uri).body(Body::from(SLACK));
        let (status, body) = ask(request.expect("a request")).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{uri}");
        assert!(
            !body.windows(8).any(|window| window == b"3eZbrw1a"),
            "{uri}"
        );
    }
}

#[tokio::test]
async fn a_signed_handshake_and_a_mounted_one_are_answered_on_the_same_path() {
    let request = signed(SLACK).map(Body::new);
    let (status, body) = ask(request).await;
    assert_eq!(status, StatusCode::OK);
    assert!(body.starts_with(b"3eZbrw1a"));

    let request = signed(r#"{"type":"event_callback"}"#).map(Body::new);
    assert_eq!(ask(request).await, (StatusCode::OK, "handled".into()));

    let request = Request::get("/hook?challenge=abc123").body(Body::empty());
    let (status, body) = ask(request.expect("a request")).await;
    assert_eq!((status, &*body), (StatusCode::OK, &b"abc123"[..]));
}

#[tokio::test]
async fn other_methods_are_rejected_by_the_layer() {
    for method in ["PUT", "PATCH", "DELETE", "OPTIONS"] {
        let request = Request::builder()
            .method(method)
            .uri("/hook?challenge=abc123")
            .body(Body::from(SLACK));
        let (status, body) = ask(request.expect("a request")).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{method}");
        assert!(
            !body.windows(6).any(|window| window == b"abc123"),
            "{method}"
        );
    }
}

/// The vector of Smartcar's own library: key `amt`, challenge `challenge`.
#[test]
fn the_challenge_of_smartcar_is_answered_with_its_hmac() {
    let amt = Secret::new("amt").expect("a secret");
    let webhook = verified(r#"{"eventType":"VERIFY","data":{"challenge":"challenge"}}"#);
    let answer = handshake::smartcar(&webhook, &amt).expect("a handshake");
    assert_eq!(
        text(answer),
        r#"{"challenge":"9baf5a7464bd86740ad5a06e439dcf535a075022ed2c92d74efacf646d79328e"}"#
    );
}

/// Smartcar signs a delivery over its body alone, under the same key.
#[test]
fn smartcar_gets_no_signature_for_a_text_that_could_be_a_delivery() {
    let long = "a".repeat(65);
    for body in [
        r#"{"eventType":"VERIFY","data":{"challenge":"{\"eventType\":\"VEHICLE_STATE\"}"}}"#,
        r#"{"eventType":"VERIFY","data":{"challenge":"[1]"}}"#,
        r#"{"eventType":"VERIFY","data":{"challenge":"\"a\""}}"#,
        r#"{"eventType":"VERIFY","data":{"challenge":" 1"}}"#,
        r#"{"eventType":"VERIFY","data":{"challenge":""}}"#,
        r#"{"eventType":"VEHICLE_STATE","data":{"challenge":"challenge"}}"#,
        Box::leak(
            format!(r#"{{"eventType":"VERIFY","data":{{"challenge":"{long}"}}}}"#).into_boxed_str(),
        ),
    ] {
        assert!(
            handshake::smartcar(&verified(body), &secret()).is_none(),
            "{body}"
        );
    }
}

#[test]
fn the_code_of_linkedin_is_answered_with_its_hmac() {
    let code = "890e4665-4dfe-4ab1-b689-ed553bceeed0";
    let answer = handshake::linkedin(&secret(), Some(&format!("challengeCode={code}")));
    assert_eq!(answer.status(), StatusCode::OK);
    let hmac = reference::hmac(Sha256, SECRET.as_bytes(), code.as_bytes());
    let answer: serde_json::Value = serde_json::from_str(&text(answer)).expect("JSON");
    assert_eq!(
        answer,
        serde_json::json!({ "challengeCode": code, "challengeResponse": reference::hex(&hmac) })
    );
}

/// The signed content of a delivery of LinkedIn is `hmacsha256=` and the body, under the same key.
#[test]
fn linkedin_gets_no_signature_for_a_text_that_could_be_a_delivery() {
    for query in [
        "challengeCode=hmacsha256%3D%7B%7D",
        "challengeCode=890e4665-4dfe-4ab1-b689-ed553bceeed",
        "challengeCode=890e4665-4dfe-4ab1-b689-ed553bceeedg",
        "challengeCode=890e46654dfe4ab1b689ed553bceeed0",
        "challengeCode=890e4665-4dfe-4ab1-b689-ed553bceeed0-",
        "challengeCode=890e4665-4dfe-4ab1-b689-ed553bceeed0&challengeCode=a",
        "challengeCode=",
        "",
    ] {
        let answer = handshake::linkedin(&secret(), Some(query));
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{query}");
        assert_eq!(text(answer), "", "{query}");
    }
}

#[test]
fn a_parameter_or_a_header_comes_back_once_and_as_plain_text() {
    for (answer, name) in [
        (
            handshake::nylas as fn(Option<&str>) -> Response<Full<Bytes>>,
            "challenge",
        ),
        (handshake::onfleet, "check"),
    ] {
        let right = answer(Some(&format!("{name}=a%2Fb")));
        assert_eq!(
            header(&right, "content-type"),
            Some("text/plain; charset=utf-8")
        );
        assert_eq!(header(&right, "x-content-type-options"), Some("nosniff"));
        assert_eq!(text(right), "a/b");
        for query in [
            format!("{name}=a&{name}=a"),
            format!("{name}=a+b"),
            format!("{name}="),
            "other=a".to_owned(),
        ] {
            assert_eq!(answer(Some(&query)).status(), StatusCode::BAD_REQUEST);
        }
        assert_eq!(answer(None).status(), StatusCode::BAD_REQUEST);
    }
    let name = "x-gcs-webhooks-endpoint-verification";
    let mut headers = HeaderMap::new();
    let status = |headers: &HeaderMap| handshake::worldline(headers).status();
    assert_eq!(status(&headers), StatusCode::BAD_REQUEST);
    headers.append(name, HeaderValue::from_static("1f2e"));
    assert_eq!(text(handshake::worldline(&headers)), "1f2e");
    headers.append(name, HeaderValue::from_static("1f2e"));
    assert_eq!(status(&headers), StatusCode::BAD_REQUEST);
}

#[test]
fn a_client_of_oura_has_to_know_the_token() {
    let oura = |query| handshake::oura(&secret(), Some(query));
    let right = oura("verification_token=wJ4mX9&challenge=abc");
    assert_eq!(text(right), r#"{"challenge":"abc"}"#);
    for query in [
        "verification_token=wJ4mX8&challenge=abc",
        "verification_token=wJ4mX9&verification_token=wJ4mX9&challenge=abc",
        "verification_token=wJ4mX9&challenge=a%20b",
        "verification_token=wJ4mX9",
        "challenge=abc",
        "",
    ] {
        assert_eq!(oura(query).status(), StatusCode::FORBIDDEN, "{query}");
    }
}

#[test]
fn the_sync_of_front_is_answered_with_the_header() {
    let mut headers = HeaderMap::new();
    let sync = verified(r#"{"type":"sync","authorization":{"id":"cmp_abc"}}"#);
    assert!(handshake::front(&sync, &headers).is_none());
    headers.append("x-front-challenge", HeaderValue::from_static("abc123"));
    let answer = handshake::front(&sync, &headers).expect("a handshake");
    assert_eq!(header(&answer, "content-type"), Some("application/json"));
    assert_eq!(text(answer), r#"{"challenge":"abc123"}"#);
    let other = verified(r#"{"type":"inbound_received"}"#);
    assert!(handshake::front(&other, &headers).is_none());
    headers.append("x-front-challenge", HeaderValue::from_static("abc123"));
    assert!(handshake::front(&sync, &headers).is_none());
}
