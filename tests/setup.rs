//! Set-up requests: answered only where the owner asked for it, and never taken for a delivery.
#![cfg(all(feature = "testing", feature = "ed25519"))]

mod common;

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use tower::{Layer, ServiceExt};
use tower_webhook_auth::{
    BoxError, Keys, Provider, Rejection, RejectionKind, Secret, SetupAnswer, WebhookAuthLayer,
    provider,
    tenants::{Selection, Unverified},
    testing::Signer,
};

const SECRET: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";

/// A set-up request of each sender, from the vendors' pages and from the receivers of others:
/// <https://github.com/getsentry/sentry/blob/master/src/sentry/flags/providers.py> for Statsig,
/// <https://github.com/woocommerce/woocommerce/issues/15642>,
/// <https://github.com/slackapi/bolt-js/issues/614>,
/// <https://github.com/runatlantis/atlantis/issues/474> for Bitbucket.
const UNSIGNED: [(&str, &str, &str, &str); 6] = [
    (
        "bitbucket",
        "x-event-key: diagnostics:ping",
        r#"{"test": true}"#,
        "",
    ),
    (
        "lark",
        "",
        r#"{"challenge":"ajls384k","token":"xxxxxx","type":"url_verification"}"#,
        r#"{"challenge":"ajls384k"}"#,
    ),
    (
        "notion",
        "",
        r#"{"verification_token":"secret_tMrlL1qK5vuQAh1b6cZGhFChZTSYJlce98V0pYn7yBl"}"#,
        "",
    ),
    ("slack", "", "ssl_check=1&token=Yu8dPqF", ""),
    (
        "statsig",
        "",
        r#"{"data":{"event":"url_verification","verification_code":"abc-123"}}"#,
        r#"{"verification_code":"abc-123"}"#,
    ),
    ("woocommerce", "", "webhook_id=7", ""),
];

fn preset(name: &str) -> Provider<Bytes> {
    let secret = Secret::new(SECRET).expect("a secret");
    provider::by_name(name, secret, None).expect("a preset")
}

fn answering(name: &str) -> Provider<Bytes> {
    preset(name).answer_setup().expect("a set-up request")
}

fn request(header: &str, body: &str) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::from(body.to_owned()));
    *request.method_mut() = Method::POST;
    if let Some((name, value)) = header.split_once(": ") {
        let name: http::HeaderName = name.parse().expect("a name");
        request
            .headers_mut()
            .insert(name, value.parse().expect("a value"));
    }
    request
}

/// Asserts that the inner service is not called.
async fn respond(
    provider: Provider<Bytes>,
    request: Request<Full<Bytes>>,
) -> (Response<()>, Bytes) {
    let inner = common::Inner::default();
    let service = WebhookAuthLayer::new(provider).layer(inner.clone());
    let response = service.oneshot(request).await.expect("infallible");
    let (head, body) = response.into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    assert_eq!(inner.calls(), 0, "the inner service was called");
    (Response::from_parts(head, ()), body)
}

#[tokio::test]
async fn an_unsigned_set_up_request_is_answered_only_where_the_owner_asked_for_it() {
    for (name, header, body, answer) in UNSIGNED {
        let (response, _) = respond(preset(name), request(header, body)).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{name}");
        assert!(
            response.extensions().get::<SetupAnswer>().is_none(),
            "{name}"
        );

        let (response, sent) = respond(answering(name), request(header, body)).await;
        assert_eq!(response.status(), StatusCode::OK, "{name}");
        assert_eq!(sent, answer, "{name}");
        let setup = response
            .extensions()
            .get::<SetupAnswer>()
            .expect("an answer");
        assert_eq!((setup.provider(), setup.is_signed()), (name, false));
        assert_eq!(setup.body(), body, "{name}");
        assert!(!format!("{setup:?}").contains("secret_"), "{setup:?}");
    }
}

/// The header comes back, and nothing else is answered. Asana sends its key in that header: the owner takes
/// it from the response.
#[tokio::test]
async fn a_set_up_request_with_its_code_in_a_header_is_answered_with_that_header() {
    for (name, header, body, answer) in [
        (
            "asana",
            "x-hook-secret: b537207f20cbfa02357cf448134da559",
            "",
            "x-hook-secret",
        ),
        (
            "clio",
            "x-hook-secret: b537207f20cbfa02357cf448134da559",
            "{}",
            "x-hook-secret",
        ),
        (
            "ringcentral",
            "validation-token: d3a83745-b85c",
            "",
            "validation-token",
        ),
        (
            "smartsheet",
            "smartsheet-hook-challenge: d3a83745-b85c",
            r#"{"challenge":"d3a83745-b85c","webhookId":1}"#,
            "smartsheet-hook-response",
        ),
    ] {
        let (response, sent) = respond(answering(name), request(header, body)).await;
        let (_, code) = header.split_once(": ").expect("a header");
        assert_eq!(response.status(), StatusCode::OK, "{name}");
        assert_eq!(response.headers()[answer], code, "{name}");
        assert!(sent.is_empty(), "{name}");

        let mut twice = request(header, body);
        let (header_name, _) = header.split_once(": ").expect("a header");
        let another = http::HeaderValue::from_static("another");
        twice.headers_mut().append(header_name, another);
        let mut put = request(header, body);
        *put.method_mut() = Method::PUT;
        for other in [
            put,
            request(header, r#"{"events":[]}"#),
            request("", body),
            request(
                &format!("{}: a b", header.split_once(": ").expect("a header").0),
                body,
            ),
            twice,
        ] {
            let (response, _) = respond(answering(name), other).await;
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{name}");
            assert!(!response.headers().contains_key(answer), "{name}");
        }
        let (response, _) = respond(preset(name), request(header, body)).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{name}");
    }
}

/// From Microsoft's page: the token is percent-encoded, and the response is the decoded token as text. The key of a
/// delivery is in its body, and this request has no body.
#[tokio::test]
async fn microsoft_graph_gets_the_decoded_token_of_an_empty_request() {
    const TOKEN: &str = "Validation: Testing client application reachability for subscription \
                         Request-Id: 8f2a3c1e-52c6-4ab8-9ad0-0c0b93c7b4d3";
    const QUERY: &str = "validationToken=Validation%3A+Testing+client+application+reachability+for\
                         +subscription+Request-Id%3A%208f2a3c1e-52c6-4ab8-9ad0-0c0b93c7b4d3";
    let delivery = format!(r#"{{"value":[{{"clientState":"{SECRET}"}}]}}"#);
    let post = |query: &str, body: &str| {
        let mut request = request("", body);
        *request.uri_mut() = format!("/graph?{query}").parse().expect("a URL");
        request
    };
    let (response, sent) = respond(answering("microsoft_graph"), post(QUERY, "")).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(sent, TOKEN);
    assert_eq!(
        response.headers()["content-type"],
        "text/plain; charset=utf-8"
    );
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    let setup = response
        .extensions()
        .get::<SetupAnswer>()
        .expect("an answer");
    assert!(!setup.is_signed());

    let mut get = post(QUERY, "");
    *get.method_mut() = Method::GET;
    let long = format!("validationToken={}", "a".repeat(1025));
    for other in [
        get,
        post("", ""),
        post("validationToken=", ""),
        post("validationToken=a&validationToken=b", ""),
        post("validationToken=%0d%0a", ""),
        post("validationToken=caf%C3%A9", ""),
        post("validationToken=%FF", ""),
        post(&long, ""),
        post(QUERY, "{}"),
        post(QUERY, r#"{"value":[{"clientState":"forged"}]}"#),
    ] {
        let (response, sent) = respond(answering("microsoft_graph"), other).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(sent, r#"{"title":"Unauthorized","status":401}"#);
    }
    let (response, _) = respond(preset("microsoft_graph"), post(QUERY, "")).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);

    // The answer does not show whether a tenant exists.
    let unknown = |_: Unverified<'_>| {
        Selection::<std::future::Ready<Result<Option<Keys>, BoxError>>>::Unknown
    };
    let layer = WebhookAuthLayer::new(answering("microsoft_graph")).keys_from(unknown);
    let service = layer.layer(common::Inner::default());
    let response = service.oneshot(post(QUERY, "")).await;
    assert_eq!(response.expect("infallible").status(), StatusCode::OK);

    // A delivery is never taken for the set-up request.
    let inner = common::Inner::default();
    let service = WebhookAuthLayer::new(answering("microsoft_graph")).layer(inner.clone());
    let response = service.oneshot(post(QUERY, &delivery)).await;
    assert_eq!(response.expect("infallible").status(), StatusCode::OK);
    assert_eq!(inner.calls(), 1);
}

/// Its signature is in the body, so a request without a body has none.
#[tokio::test]
async fn exact_online_gets_a_response_to_an_empty_request() {
    let (response, _) = respond(answering("exact_online"), request("", "")).await;
    assert_eq!(response.status(), StatusCode::OK);
    let mut get = request("", "");
    *get.method_mut() = Method::GET;
    for other in [
        get,
        request("", "{}"),
        request("", r#"{"Content":{},"HashCode":"00"}"#),
    ] {
        let (response, _) = respond(answering("exact_online"), other).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    }
    let (response, _) = respond(preset("exact_online"), request("", "")).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn what_is_not_exactly_the_set_up_request_is_rejected_like_any_unsigned_request() {
    let long = format!(
        r#"{{"data":{{"event":"url_verification","verification_code":"{}"}}}}"#,
        "a".repeat(1025)
    );
    let huge = format!("webhook_id=7{}", "&".repeat(5000));
    for (name, header, body) in [
        ("bitbucket", "", r#"{"test": true}"#),
        ("bitbucket", "x-event-key: repo:push", r#"{"test": true}"#),
        (
            "bitbucket",
            "x-event-key: diagnostics:ping",
            r#"{"test": true, "push": {}}"#,
        ),
        (
            "notion",
            "",
            r#"{"verification_token":"secret_a","type":"page.created"}"#,
        ),
        ("lark", "", r#"{"challenge":"a","type":"url_verification"}"#),
        (
            "lark",
            "",
            r#"{"challenge":"a","token":"t","type":"event_callback"}"#,
        ),
        (
            "lark",
            "",
            r#"{"challenge":"a b","token":"t","type":"url_verification"}"#,
        ),
        // Signed at Tebex.
        ("tebex", "", r#"{"id":"a","type":"validation.webhook"}"#),
        ("notion", "", r#"{"type":"page.created"}"#),
        ("slack", "", "ssl_check=1&command=%2Fdeploy"),
        ("slack", "", "command=%2Fdeploy&text=ssl_check=1"),
        // Signed at Slack: without a signature it is no set-up request.
        (
            "slack",
            "",
            r#"{"type":"url_verification","challenge":"abc"}"#,
        ),
        ("statsig", "", r#"{"data":{"event":"url_verification"}}"#),
        (
            "statsig",
            "",
            r#"{"data":[{"eventName":"statsig::config_change"}]}"#,
        ),
        (
            "statsig",
            "",
            r#"{"data":{"event":"url_verification","verification_code":"<script>alert(1) "}}"#,
        ),
        ("statsig", "", &long),
        ("woocommerce", "", "webhook_id=7&total=0"),
        ("woocommerce", "", "webhook_id="),
        ("woocommerce", "", &huge),
    ] {
        let (response, sent) = respond(answering(name), request(header, body)).await;
        let (expected, text) = respond(preset(name), request(header, body)).await;
        assert_eq!(
            response.status(),
            StatusCode::UNAUTHORIZED,
            "{name}: {body}"
        );
        assert_eq!(
            (sent, response.headers()),
            (text, expected.headers()),
            "{name}: {body}"
        );
        let rejection = response
            .extensions()
            .get::<Rejection>()
            .expect("a rejection");
        assert_eq!(
            rejection.kind(),
            RejectionKind::HeaderMissing,
            "{name}: {body}"
        );
    }
}

/// A proxy or a handler may take the second event.
#[tokio::test]
async fn a_test_of_the_connection_with_two_events_is_rejected() {
    let (name, header, body, _) = UNSIGNED[0];
    let mut twice = request(header, body);
    let push = http::HeaderValue::from_static("repo:push");
    twice.headers_mut().append("x-event-key", push);
    let (response, _) = respond(answering(name), twice).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
}

/// The length of the body is not declared, so the body is read.
#[tokio::test]
async fn a_set_up_request_whose_body_is_too_long_or_ends_early_is_rejected_like_an_unsigned_one() {
    let long = Bytes::from(vec![b'&'; 4096]);
    for (last, received) in [
        (Err(std::io::Error::other("connection reset")), 12),
        // Of the frame that goes over the limit nothing is kept.
        (Ok(Frame::data(long)), 12),
    ] {
        let first = Ok(Frame::data(Bytes::from_static(b"webhook_id=7")));
        let body = StreamBody::new(futures_util::stream::iter([first, last]));
        let inner = common::Inner::default();
        let service = WebhookAuthLayer::new(answering("woocommerce")).layer(inner.clone());
        let request = Request::post("/").body(body).expect("a request");
        let response = service.oneshot(request).await.expect("infallible");
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        let rejection: &Rejection = response.extensions().get().expect("a rejection");
        assert_eq!(rejection.kind(), RejectionKind::HeaderMissing);
        assert_eq!(rejection.body_bytes(), received);
        assert_eq!(inner.calls(), 0);
    }
}

#[tokio::test]
async fn a_set_up_request_with_a_wrong_signature_is_rejected() {
    for (name, header, value) in [
        (
            "woocommerce",
            "x-wc-webhook-signature",
            format!("{}=", "A".repeat(43)),
        ),
        ("woocommerce", "x-wc-webhook-signature", "no base64".into()),
        (
            "notion",
            "x-notion-signature",
            format!("sha256={}", "0".repeat(64)),
        ),
    ] {
        let (_, _, body, _) = UNSIGNED
            .into_iter()
            .find(|row| row.0 == name)
            .expect("a row");
        let mut request = request("", body);
        request
            .headers_mut()
            .insert(header, value.parse().expect("a value"));
        let (response, _) = respond(answering(name), request).await;
        assert_eq!(
            response.status(),
            StatusCode::UNAUTHORIZED,
            "{name}: {value}"
        );
    }
}

#[tokio::test]
async fn another_method_than_post_is_no_set_up_request() {
    for (name, header, body, _) in UNSIGNED {
        let mut request = request(header, body);
        *request.method_mut() = Method::PUT;
        let (response, _) = respond(answering(name), request).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{name}");
    }
}

#[tokio::test]
async fn a_signed_set_up_request_is_answered_in_place_of_the_handler() {
    let secret = Secret::new(SECRET).expect("a secret");
    for (name, body, answer) in [
        (
            "slack",
            r#"{"type":"url_verification","challenge":"3eZbrw1a"}"#,
            "3eZbrw1a",
        ),
        (
            "tebex",
            r#"{"id":"82d8b8d1","type":"validation.webhook","subject":{}}"#,
            r#"{"id":"82d8b8d1"}"#,
        ),
        (
            "twitch",
            r#"{"challenge":"pogchamp","subscription":{"status":"webhook_callback_verification_pending"}}"#,
            "pogchamp",
        ),
    ] {
        let signer = Signer::new(&preset(name), &secret).expect("a signer");
        let mut signed = Request::new(Bytes::from(body));
        *signed.method_mut() = Method::POST;
        signed.headers_mut().insert(
            "twitch-eventsub-message-id",
            "d-1".parse().expect("a value"),
        );
        let signed = signer.sign(signed).map(Full::new);
        let (response, sent) = respond(answering(name), signed.clone()).await;
        assert_eq!(
            (response.status(), &sent[..]),
            (StatusCode::OK, answer.as_bytes()),
            "{name}"
        );
        let setup = response
            .extensions()
            .get::<SetupAnswer>()
            .expect("an answer");
        assert!(setup.is_signed(), "{name}");

        // Without the option it is a delivery like any other.
        let inner = common::Inner::default();
        let service = WebhookAuthLayer::new(preset(name)).layer(inner.clone());
        service.oneshot(signed).await.expect("infallible");
        assert_eq!(inner.calls(), 1, "{name}");
    }
}

/// The signer has no private key, so this test signs itself.
#[tokio::test]
async fn a_signed_ping_of_discord_is_answered_and_another_interaction_is_not() {
    use ed25519_dalek::{Signer as _, SigningKey};

    let key = SigningKey::from_bytes(&[7; 32]);
    let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
    let public = Secret::new(hex(key.verifying_key().as_bytes())).expect("a secret");
    let discord = provider::discord(public).expect("a public key");
    let discord = discord.answer_setup().expect("a set-up request");
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    for (body, answered) in [
        (r#"{"type":1,"version":1}"#, true),
        (r#"{"type":2}"#, false),
        (r#"{"type":"1"}"#, false),
        ("{}", false),
    ] {
        let signature = key.sign(format!("1700000000{body}").as_bytes());
        let request = Request::post("/")
            .header("x-signature-timestamp", "1700000000")
            .header("x-signature-ed25519", hex(&signature.to_bytes()))
            .body(Full::new(Bytes::from(body)));
        let inner = common::Inner::default();
        let layer = WebhookAuthLayer::new(discord.clone()).clock(move || now);
        let service = layer.layer(inner.clone());
        let response = service.oneshot(request.expect("a request")).await;
        let (head, sent) = response.expect("infallible").into_parts();
        assert_eq!(head.status, StatusCode::OK, "{body}");
        assert_eq!(inner.calls(), usize::from(!answered), "{body}");
        let setup = head.extensions.get::<SetupAnswer>();
        assert_eq!(
            setup.is_some_and(SetupAnswer::is_signed),
            answered,
            "{body}"
        );
        if answered {
            let sent = sent.collect().await.expect("a body").to_bytes();
            assert_eq!(sent, r#"{"type":1}"#);
        }
    }
}

/// No set-up request is that long, and a longer body would be parsed twice.
#[tokio::test]
async fn a_signed_set_up_request_of_more_than_4096_bytes_is_a_delivery() {
    let secret = Secret::new(SECRET).expect("a secret");
    let signer = Signer::new(&preset("tebex"), &secret).expect("a signer");
    let begin = r#"{"id":"82d8b8d1","type":"validation.webhook","subject":{}}"#;
    for (length, answered) in [(4095, true), (4096, true), (4097, false), (5000, false)] {
        let mut signed = Request::new(Bytes::from(format!("{begin:length$}")));
        *signed.method_mut() = Method::POST;
        let signed = signer.sign(signed).map(Full::new);
        let inner = common::Inner::default();
        let service = WebhookAuthLayer::new(answering("tebex")).layer(inner.clone());
        let response = service.oneshot(signed).await.expect("infallible");
        let setup = response.extensions().get::<SetupAnswer>();
        assert_eq!(setup.is_some(), answered, "{length}");
        assert_eq!(inner.calls(), usize::from(!answered), "{length}");
    }
}

#[tokio::test]
async fn a_verified_delivery_reaches_the_handler_also_where_set_up_is_answered() {
    let secret = Secret::new(SECRET).expect("a secret");
    for sender in provider::catalogue() {
        let Ok(preset) = sender.provider(secret.clone(), None) else {
            continue;
        };
        let Ok(signer) = Signer::new(&preset, &secret) else {
            continue;
        };
        let Ok(answering) = preset.answer_setup() else {
            assert!(!sender.setup_can_be_answered());
            continue;
        };
        assert!(sender.setup_can_be_answered());
        // The signer adds keys and signatures to the body, but not the signed values.
        let mut delivery = Request::new(Bytes::from(r#"{"Content":{}}"#));
        *delivery.method_mut() = Method::POST;
        // These senders sign a header that the signer does not write.
        for header in ["twitch-eventsub-message-id", "x-lark-request-nonce"] {
            let value = "d-1".parse().expect("a value");
            delivery.headers_mut().insert(header, value);
        }
        let inner = common::Inner::default();
        let service = WebhookAuthLayer::new(answering).layer(inner.clone());
        let delivery = signer.sign(delivery).map(Full::new);
        service.oneshot(delivery).await.expect("infallible");
        assert_eq!(inner.calls(), 1, "{}", sender.name);
    }
}

#[test]
fn the_error_says_what_a_sender_does_at_set_up() {
    for (name, message) in [
        (
            "meta",
            "meta: the layer does not answer its set-up request: An unsigned GET with \
             `hub.mode=subscribe`. It does not pass the layer: mount `handshake::meta` for GET. Do \
             not call `answer_setup`",
        ),
        (
            "optimizely",
            "optimizely: no set-up request of this sender is known. Do not call `answer_setup`",
        ),
    ] {
        let error = preset(name).answer_setup().expect_err("no set-up request");
        assert_eq!(error.to_string(), message);
    }
}

/// X signs deliveries and challenges under one key. What `handshake::x` signs must be no delivery.
#[tokio::test]
async fn an_answer_to_a_challenge_of_x_is_no_delivery() {
    let secret = Secret::new(SECRET).expect("a secret");
    let signer = Signer::new(&preset("x"), &secret).expect("a signer");
    for (body, expected) in [
        ("crc-token_MTIz", StatusCode::UNPROCESSABLE_ENTITY),
        ("", StatusCode::UNPROCESSABLE_ENTITY),
        ("{}", StatusCode::OK),
        (" {\"for_user_id\":\"1\"}", StatusCode::OK),
    ] {
        for provider in [preset("x"), preset("x").fallible().bytes()] {
            let service = WebhookAuthLayer::new(provider).layer(common::Inner::default());
            let request = signer.request(body);
            let response = service.oneshot(request).await.expect("infallible");
            assert_eq!(response.status(), expected, "{body:?}");
        }
    }
}

mod verdict_without_a_service {
    use super::*;

    /// The vendor's example, <https://docs.slack.dev/authentication/verifying-requests-from-slack/>.
    const SLACK_BODY: &str = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";

    #[test]
    fn it_is_the_verdict_of_the_layer() {
        let secret = Secret::new("8f742231b10e8888abcd99yyyzzz85a5").expect("a secret");
        let slack = provider::slack(secret);
        let (head, ()) = Request::post("/")
            .header("X-Slack-Request-Timestamp", "1531420618")
            .header(
                "X-Slack-Signature",
                "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
            )
            .body(())
            .expect("a request")
            .into_parts();
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let verify = |body: &'static str, seconds| {
            slack
                .verify(&head, Bytes::from_static(body.as_bytes()), at(seconds))
                .map_err(|rejection| (rejection.kind(), rejection.provider().map(str::to_owned)))
        };
        let verified = verify(SLACK_BODY, 1_531_420_618).expect("a verified delivery");
        assert_eq!(verified.body(), SLACK_BODY);
        assert_eq!(verified.signed_at(), Some(at(1_531_420_618)));
        for (body, seconds, kind) in [
            (
                "token=forged",
                1_531_420_618,
                RejectionKind::SignatureMismatch,
            ),
            (SLACK_BODY, 1_531_420_919, RejectionKind::TimestampTooOld),
            (SLACK_BODY, 1_531_420_317, RejectionKind::TimestampInFuture),
        ] {
            let rejected = verify(body, seconds).expect_err("a rejection");
            assert_eq!(rejected, (kind, Some("slack".into())));
        }
    }

    #[test]
    fn a_body_that_is_not_the_event_is_rejected_with_its_length() {
        let secret = Secret::new("wJ4mX9").expect("a secret");
        let vwo = provider::vwo(secret);
        let (head, ()) = Request::post("/")
            .header("x-vwo-auth", "wJ4mX9")
            .body(())
            .expect("a request")
            .into_parts();
        let rejected = vwo.verify(&head, Bytes::from("no json"), SystemTime::now());
        let rejection = rejected.expect_err("a rejection");
        assert_eq!(rejection.kind(), RejectionKind::EventUnparseable);
        assert_eq!(rejection.body_bytes(), 7);
    }
}
