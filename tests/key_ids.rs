//! Senders whose keys are found by an id or a URL in the request: AWS SNS and PayPal, through the layer, with a
//! key source.
#![cfg(all(feature = "certificates", feature = "tenant-cache"))]

mod common;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{HeaderName, Request, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};
use tower::{Layer, ServiceExt, service_fn};
use tower_webhook_auth::{
    Authentication, BoxError, CertificateTrust, Keys, Provider, Rejection, RejectionKind, Secret,
    Verified, WebhookAuthLayer,
    provider::{
        aws_sns::{self, Topics},
        paypal::{self, Webhook},
    },
    tenants::{
        CacheLimits, KeySource, Selection, TenantKeys, Unverified, aws_sns_certificate,
        id_in_header, paypal_certificate,
    },
};

use self::common::case::{self, body, request, text};

const TOPIC: &str = "arn:aws:sns:us-west-2:123456789012:MyTopic";

fn cases() -> Vec<Value> {
    let file = include_str!("vectors/key_ids.json");
    serde_json::from_str(file).expect("a list of cases")
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// What the layer answers, and which ids the source was asked for.
struct Outcome<E> {
    status: StatusCode,
    kind: Option<RejectionKind>,
    verified: Option<Verified<E>>,
}

async fn deliver<E, K>(
    provider: Provider<E>,
    source: K,
    request: Request<Full<Bytes>>,
    now: SystemTime,
) -> Outcome<E>
where
    E: Clone + Send + Sync + 'static,
    K: KeySource,
    K::Lookup: Send,
{
    let seen = Arc::new(Mutex::new(None));
    let inner = Arc::clone(&seen);
    let service = WebhookAuthLayer::new(provider)
        .keys_from(source)
        .clock(move || now)
        .layer(service_fn(move |mut request: Request<Full<Bytes>>| {
            let inner = Arc::clone(&inner);
            async move {
                *inner.lock().unwrap() = request.extensions_mut().remove::<Verified<E>>();
                Ok::<_, BoxError>(http::Response::new(String::new()))
            }
        }));
    let response = service.oneshot(request).await.expect("a response");
    let kind = response
        .extensions()
        .get::<Rejection>()
        .map(Rejection::kind);
    let verified = seen.lock().unwrap().take();
    Outcome {
        status: response.status(),
        kind,
        verified,
    }
}

/// A source that returns this secret for each id, and counts.
fn source(
    select: fn(Unverified<'_>) -> Selection<String>,
    secret: &str,
) -> (impl KeySource<Lookup: Send>, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (log, secret) = (Arc::clone(&asked), secret.to_owned());
    let keys = TenantKeys::with_limits(CacheLimits::for_key_ids(), select, move |id: String| {
        log.lock().unwrap().push(id);
        let secret = Secret::from_pem(&secret);
        async move { Ok(Some(Keys::from(secret?))) }
    });
    (keys, asked)
}

fn sns() -> Provider<aws_sns::Event> {
    let topics = Topics::new([TOPIC]);
    topics
        .provider(CertificateTrust::checked_by_the_source())
        .expect("a provider")
}

fn paypal() -> Provider<Bytes> {
    Webhook::new("4JH86294D6297924G")
        .sandbox()
        .provider(CertificateTrust::checked_by_the_source())
        .expect("a provider")
}

#[tokio::test]
async fn every_case_of_sns_and_paypal_gives_its_verdict() {
    let (mut wrong, mut accepted, mut rejected) = (Vec::new(), 0, 0);
    for case in cases() {
        let now = at(case["now_unix"].as_u64().expect("a time"));
        let secret = text(&case["secret"]);
        let request = request(&case, body(&case));
        let status = match text(&case["provider"]) {
            "aws sns" => {
                let (keys, _) = source(aws_sns_certificate, secret);
                deliver(sns(), keys, request, now).await.status
            }
            "paypal" => {
                let (keys, _) = source(paypal_certificate, secret);
                deliver(paypal(), keys, request, now).await.status
            }
            other => panic!("{other}"),
        };
        let expected = match text(&case["expect"]) {
            "accept" => StatusCode::OK,
            _ => StatusCode::UNAUTHORIZED,
        };
        match status {
            StatusCode::OK => accepted += 1,
            _ => rejected += 1,
        }
        if status != expected {
            wrong.push(format!(
                "{}: {}: {status}",
                text(&case["provider"]),
                text(&case["reason"])
            ));
        }
    }
    println!("{accepted} accepted, {rejected} rejected");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(accepted >= 5 && rejected >= 11);
}

fn case_of(provider: &str, reason: &str) -> Value {
    let mut cases = cases().into_iter();
    let case =
        cases.find(|case| case["provider"] == provider && text(&case["reason"]).contains(reason));
    case.expect("a case")
}

fn with_body(case: &Value, body: &Value) -> Request<Full<Bytes>> {
    request(case, body.to_string().into())
}

#[tokio::test]
async fn the_event_of_sns_has_what_is_signed_and_the_body_is_not_called_signed() {
    let case = case_of("aws sns", "version 2");
    let (keys, asked) = source(aws_sns_certificate, text(&case["secret"]));
    let request = request(&case, body(&case));
    let outcome = deliver(sns(), keys, request, at(1_700_000_000)).await;
    let verified = outcome.verified.expect("a verified delivery");
    assert_eq!(verified.authentication(), Authentication::PartialSignature);
    assert!(!verified.body_is_signed());
    assert_eq!(verified.kind, aws_sns::Kind::Notification);
    assert_eq!(verified.message, "Hello \u{2603}\nworld \"quoted\"");
    assert_eq!(verified.subject.as_deref(), Some("My subject"));
    assert_eq!(verified.topic_arn, TOPIC);
    assert_eq!(verified.signed_at(), Some(at(1_700_000_000)));
    let id = verified.delivery_id().expect("an id");
    assert!(format!("{id:?}").starts_with("Signed"), "{id:?}");
    assert_eq!(verified.tenant(), None);
    let asked = asked.lock().unwrap();
    assert_eq!(asked.len(), 1);
    assert!(
        asked[0].starts_with("https://sns.us-west-2.amazonaws.com/"),
        "{asked:?}"
    );
}

#[tokio::test]
async fn the_event_of_a_url_that_was_unsubscribed_says_so_and_has_the_url_that_subscribes_it_again()
{
    let case = case_of("aws sns", "the URL was unsubscribed");
    let (keys, _) = source(aws_sns_certificate, text(&case["secret"]));
    let outcome = deliver(sns(), keys, request(&case, body(&case)), at(1_700_000_000)).await;
    let verified = outcome.verified.expect("a verified delivery");
    assert_eq!(verified.kind, aws_sns::Kind::UnsubscribeConfirmation);
    let url = verified.subscribe_url.as_deref().expect("a URL");
    assert!(url.starts_with("https://sns.us-west-2.amazonaws.com/?Action=ConfirmSubscription"));
    assert_eq!(verified.token.as_deref(), Some("2336412f37"));
}

/// Each of these URLs passes a careless check: `ends_with`, `contains`, or a parser that another program reads
/// differently.
#[tokio::test]
async fn a_certificate_url_that_is_not_one_of_sns_is_never_given_to_the_source() {
    let case = case_of("aws sns", "version 2");
    let genuine: Value = serde_json::from_slice(&body(&case)).expect("JSON");
    for url in [
        "http://sns.us-west-2.amazonaws.com/a.pem",
        "https://sns.us-west-2.amazonaws.com.attacker.example/a.pem",
        "https://attacker.example/sns.us-west-2.amazonaws.com/a.pem",
        "https://sns.us-west-2.amazonaws.com@attacker.example/a.pem",
        "https://attacker.example\\@sns.us-west-2.amazonaws.com/a.pem",
        "https://sns.us-west-2.amazonaws.com:8443/a.pem",
        "https://sns.us-west-2.amazonaws.com:443/a.pem",
        "https://SNS.us-west-2.amazonaws.com/a.pem",
        "https://attackersns.us-west-2.amazonaws.com/a.pem",
        "https://s3.us-west-2.amazonaws.com/a.pem",
        "https://sns.us-west-2.s3.amazonaws.com/a.pem",
        "https://sns.us-west-2.amazonaws.com/bucket/a.pem",
        "https://sns.us-west-2.amazonaws.com/../a.pem",
        "https://sns.us-west-2.amazonaws.com/%2e.pem",
        "https://sns.us-west-2.amazonaws.com/a.pem?x=.pem",
        "https://sns.us-west-2.amazonaws.com/?Action=x#.pem",
        "https://sns.us-west-2.amazonaws.com/.pem",
        "https://sns.us-west-2.amazonaws.com/a.pem ",
        " https://sns.us-west-2.amazonaws.com/a.pem",
        "https://sns.us-west-2.amazonaws.com\n/a.pem",
        "https://sns.us-west-2.amazonaws.com/a",
        "https://sns.us-west-2.amazonaws.com./a.pem",
        "https://sns.eu-west-1.amazonaws.com/a.pem",
        "https://sns.us-west-2.amazonaws.com.cn/a.pem",
        "https://sns.amazonaws.com/a.pem",
        "",
    ] {
        let mut changed = genuine.clone();
        changed["SigningCertURL"] = json!(url);
        let (keys, asked) = source(aws_sns_certificate, text(&case["secret"]));
        let outcome = deliver(sns(), keys, with_body(&case, &changed), at(1_700_000_000)).await;
        assert_eq!(outcome.status, StatusCode::UNAUTHORIZED, "{url:?}");
        assert!(
            asked.lock().unwrap().is_empty(),
            "{url:?} was given to the source"
        );
        // A source of one's own that judges nothing: the layer judges the URL again.
        let secret = Secret::from_pem(text(&case["secret"])).expect("a key");
        let careless = move |delivery: Unverified<'_>| match delivery.body() {
            None => Selection::Body,
            Some(_) => Selection::LookUp(std::future::ready(Ok(Some(Keys::from(secret.clone()))))),
        };
        let outcome = deliver(
            sns(),
            careless,
            with_body(&case, &changed),
            at(1_700_000_000),
        )
        .await;
        assert_eq!(
            outcome.kind,
            Some(RejectionKind::SignatureMismatch),
            "{url:?}"
        );
    }
}

/// Every AWS account can make SNS sign.
#[tokio::test]
async fn a_topic_of_another_account_is_rejected_although_its_signature_is_valid() {
    let case = case_of("aws sns", "version 2");
    for (topics, expected) in [
        (vec![TOPIC], StatusCode::OK),
        (
            vec!["arn:aws:sns:us-west-2:123456789012:Other", TOPIC],
            StatusCode::OK,
        ),
        (
            vec!["arn:aws:sns:us-west-2:123456789012:Other"],
            StatusCode::UNAUTHORIZED,
        ),
        (
            vec!["arn:aws:sns:us-west-2:123456789012:MyTopic2"],
            StatusCode::UNAUTHORIZED,
        ),
    ] {
        let trust = CertificateTrust::checked_by_the_source();
        let provider = Topics::new(topics.clone()).provider(trust).expect("topics");
        let (keys, _) = source(aws_sns_certificate, text(&case["secret"]));
        let request = request(&case, body(&case));
        let outcome = deliver(provider, keys, request, at(1_700_000_000)).await;
        assert_eq!(outcome.status, expected, "{topics:?}");
    }
    for wrong in [
        "",
        "MyTopic",
        "arn:aws:sqs:us-west-2:123456789012:MyTopic",
        "arn:aws:sns:us-west-2:1234:MyTopic",
        "arn:aws:sns:us-west-2.evil:123456789012:MyTopic",
        "arn:aws:sns::123456789012:MyTopic",
        "arn:aws-iso:sns:us-iso-east-1:123456789012:MyTopic",
    ] {
        let trust = CertificateTrust::without_chain();
        let error = Topics::new([wrong]).provider(trust).expect_err(wrong);
        assert!(error.to_string().contains("is not the ARN of an SNS topic"));
    }
    let none = Topics::new(Vec::<String>::new()).provider(CertificateTrust::without_chain());
    assert!(
        none.expect_err("no topic")
            .to_string()
            .starts_with("no topic was given")
    );
}

#[tokio::test]
async fn the_hash_of_version_1_can_be_rejected() {
    let trust = CertificateTrust::checked_by_the_source;
    for (reason, expected) in [
        ("version 2", StatusCode::OK),
        ("version 1", StatusCode::UNAUTHORIZED),
    ] {
        let case = case_of("aws sns", reason);
        let provider = Topics::new([TOPIC]).require_sha256().provider(trust());
        let (keys, _) = source(aws_sns_certificate, text(&case["secret"]));
        let request = request(&case, body(&case));
        let outcome = deliver(provider.expect("topics"), keys, request, at(1_700_000_000)).await;
        assert_eq!(outcome.status, expected, "{reason}");
    }
}

/// The signed text has one line for each name and value. If a value could contain a line break, a text could be
/// read in two ways.
#[tokio::test]
async fn a_message_of_sns_cannot_be_split_in_another_way() {
    let case = case_of("aws sns", "version 2");
    let genuine: Value = serde_json::from_slice(&body(&case)).expect("JSON");
    let id = text(&genuine["MessageId"]).to_owned();
    let subject = text(&genuine["Subject"]).to_owned();
    let mut changes: Vec<(&str, String)> = Vec::new();
    // The subject moves into the id, with its name: the signed text is the same.
    let mut moved = genuine.clone();
    moved["MessageId"] = json!(format!("{id}\nSubject\n{subject}"));
    moved.as_object_mut().expect("an object").remove("Subject");
    changes.push(("the subject in the id", moved.to_string()));
    // The id and the subject move into the message.
    let mut moved = genuine.clone();
    let message = text(&genuine["Message"]);
    moved["Message"] = json!(format!("{message}\nMessageId\n{id}"));
    changes.push(("the id twice", moved.to_string()));
    // A handler that reads the first of two fields, and a verifier that reads the second.
    let written = genuine.to_string();
    let twice = written.replacen('{', "{\"Message\":\"forged\",", 1);
    changes.push(("a field twice", twice));
    let mut no_type = genuine.clone();
    no_type["Type"] = json!("notification");
    changes.push(("another type", no_type.to_string()));
    let mut confirmation = genuine.clone();
    confirmation["Type"] = json!("SubscriptionConfirmation");
    changes.push(("a confirmation without a token", confirmation.to_string()));
    let mut version = genuine.clone();
    version["SignatureVersion"] = json!("1");
    changes.push(("the other version", version.to_string()));
    let mut signature = genuine.clone();
    signature["Signature"] = json!("");
    changes.push(("no signature", signature.to_string()));
    for (what, changed) in changes {
        let (keys, _) = source(aws_sns_certificate, text(&case["secret"]));
        let request = request(&case, changed.into());
        let outcome = deliver(sns(), keys, request, at(1_700_000_000)).await;
        assert_eq!(outcome.status, StatusCode::UNAUTHORIZED, "{what}");
    }
    // What is not signed may change.
    let mut unsigned = genuine.clone();
    unsigned["UnsubscribeURL"] = json!("https://attacker.example/");
    unsigned["Token"] = json!("a field of confirmations");
    let (keys, _) = source(aws_sns_certificate, text(&case["secret"]));
    let request = with_body(&case, &unsigned);
    let outcome = deliver(sns(), keys, request, at(1_700_000_000)).await;
    let verified = outcome.verified.expect("a verified delivery");
    assert_eq!(verified.token, None);
    assert_eq!(verified.subscribe_url, None);
}

#[tokio::test]
async fn a_raw_delivery_of_sns_is_rejected_before_its_body_is_read() {
    let case = case_of("aws sns", "version 2");
    let (keys, asked) = source(aws_sns_certificate, text(&case["secret"]));
    let mut request = request(&case, body(&case));
    let name = HeaderName::from_static("x-amz-sns-rawdelivery");
    request
        .headers_mut()
        .insert(name, "true".parse().expect("a value"));
    let outcome = deliver(sns(), keys, request, at(1_700_000_000)).await;
    assert_eq!(outcome.kind, Some(RejectionKind::HeaderMalformed));
    assert!(asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn the_tolerance_of_paypal_can_be_set() {
    let case = case_of("paypal", "same CRC-32");
    let signed_at = case["now_unix"].as_u64().expect("a time");
    let day = Duration::from_secs(86_400);
    for (tolerance, kind) in [
        (None, Some(RejectionKind::TimestampTooOld)),
        (Some(2 * day), None),
    ] {
        let mut webhook = Webhook::new("4JH86294D6297924G").sandbox();
        if let Some(tolerance) = tolerance {
            webhook = webhook.tolerance(tolerance);
        }
        let paypal = webhook.provider(CertificateTrust::checked_by_the_source());
        let (keys, _) = source(paypal_certificate, text(&case["secret"]));
        let request = request(&case, body(&case));
        let now = at(signed_at) + day;
        let outcome = deliver(paypal.expect("a provider"), keys, request, now).await;
        assert_eq!(outcome.kind, kind, "{tolerance:?}");
    }
}

#[tokio::test]
async fn a_body_of_paypal_is_not_called_signed() {
    let case = case_of("paypal", "same CRC-32");
    let (keys, _) = source(paypal_certificate, text(&case["secret"]));
    let now = at(case["now_unix"].as_u64().expect("a time"));
    let outcome = deliver(paypal(), keys, request(&case, body(&case)), now).await;
    let verified = outcome.verified.expect("PayPal's rule accepts it");
    assert!(!verified.body_is_signed());
    assert_eq!(verified.authentication(), Authentication::PartialSignature);
    let id = verified.delivery_id().expect("an id");
    assert!(format!("{id:?}").starts_with("Signed"), "{id:?}");
}

#[test]
fn the_certificate_url_of_paypal_is_returned_as_it_is_in_the_one_header() {
    let url = |values: &[&str]| {
        let mut headers = http::HeaderMap::new();
        for value in values {
            headers.append("paypal-cert-url", value.parse().expect("a value"));
        }
        paypal::certificate_url(&headers)
    };
    for genuine in [
        "https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-5edb3c18",
        "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-1",
    ] {
        assert_eq!(url(&[genuine]).as_deref(), Some(genuine));
        assert_eq!(url(&[genuine, genuine]), None);
    }
    assert_eq!(url(&["https://api.paypal.com/v1/notifications/"]), None);
    assert_eq!(url(&[]), None);
}

#[test]
fn the_id_of_a_webhook_of_paypal_has_only_letters_digits_and_hyphens() {
    let build = |id: &str| Webhook::new(id).provider(CertificateTrust::checked_by_the_source());
    assert!(build("4JH86294D6297924G").is_ok());
    assert!(build("WH-1").is_ok());
    // `|` separates the signed values.
    for id in ["", "a|b", "a b", "ä"] {
        let error = build(id).expect_err(id).to_string();
        assert!(error.contains("is not the id of a webhook"), "{error}");
    }
}

#[tokio::test]
async fn a_certificate_url_that_is_not_one_of_paypal_is_never_given_to_the_source() {
    let case = case_of("paypal", "SDK sample");
    let now = at(case["now_unix"].as_u64().expect("a time"));
    for url in [
        "http://api.sandbox.paypal.com/v1/notifications/certs/CERT-1",
        "https://api.sandbox.paypal.com.attacker.example/v1/notifications/certs/CERT-1",
        "https://api.sandbox.paypal.com@attacker.example/v1/notifications/certs/CERT-1",
        "https://attacker.paypal.com/v1/notifications/certs/CERT-1",
        "https://www.paypal.com/v1/notifications/certs/CERT-1",
        "https://api.sandbox.paypal.com:443/v1/notifications/certs/CERT-1",
        "https://api.sandbox.paypal.com/v1/notifications/certs/",
        "https://api.sandbox.paypal.com/v1/notifications/certs/../../x",
        "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-1?x",
        "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-1#x",
        "https://api.sandbox.paypal.com/v1/notifications/certs/CERT%2d1",
        "https://api.sandbox.paypal.com/cgi-bin/webscr?url=/v1/notifications/certs/CERT-1",
        // Of the other environment.
        "https://api.paypal.com/v1/notifications/certs/CERT-1",
        "",
    ] {
        let (keys, asked) = source(paypal_certificate, text(&case["secret"]));
        let mut request = request(&case, body(&case));
        let value = url.parse().expect("a value");
        request.headers_mut().insert("paypal-cert-url", value);
        let outcome = deliver(paypal(), keys, request, now).await;
        assert_eq!(
            outcome.kind,
            Some(RejectionKind::HeaderMalformed),
            "{url:?}"
        );
        assert!(
            asked.lock().unwrap().is_empty(),
            "{url:?} was given to the source"
        );
    }
    for (name, value, kind) in [
        (
            "paypal-auth-algo",
            "SHA1withRSA",
            RejectionKind::HeaderMalformed,
        ),
        (
            "paypal-transmission-id",
            "a|2015-05-18T15:45:13Z",
            RejectionKind::HeaderMalformed,
        ),
        (
            "paypal-transmission-time",
            "1431963913",
            RejectionKind::HeaderMalformed,
        ),
        (
            "paypal-transmission-sig",
            "*",
            RejectionKind::HeaderMalformed,
        ),
        (
            "paypal-transmission-sig",
            "AAAA",
            RejectionKind::SignatureMismatch,
        ),
    ] {
        let (keys, _) = source(paypal_certificate, text(&case["secret"]));
        let mut request = request(&case, body(&case));
        request
            .headers_mut()
            .insert(name, value.parse().expect("a value"));
        let outcome = deliver(paypal(), keys, request, now).await;
        assert_eq!(outcome.kind, Some(kind), "{name}: {value}");
    }
}

#[tokio::test]
async fn without_a_source_there_is_no_key() {
    let case = case_of("aws sns", "version 2");
    let service = WebhookAuthLayer::new(sns())
        .clock(|| at(1_700_000_000))
        .layer(common::Inner::default());
    let response = service
        .oneshot(request(&case, body(&case)))
        .await
        .expect("a response");
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[test]
fn an_id_in_a_header_can_be_a_segment_of_a_path() {
    static ID: HeaderName = HeaderName::from_static("x-key-id");
    let id = |values: &[&str]| {
        let seen = Arc::new(Mutex::new(None));
        let mut builder = Request::builder();
        for value in values {
            builder = builder.header(&ID, *value);
        }
        let request = builder.body(Full::<Bytes>::default()).expect("a request");
        let log = Arc::clone(&seen);
        let source = move |delivery: Unverified<'_>| {
            *log.lock().unwrap() = id_in_header(delivery, &ID);
            Selection::<std::future::Ready<Result<Option<Keys>, BoxError>>>::Unknown
        };
        let scheme = tower_webhook_auth::SignatureScheme::hmac_sha256("x-signature").build();
        let secret = Secret::new("wJ4mX9").expect("a secret");
        let provider = tower_webhook_auth::Provider::new("acme", scheme.expect("a scheme"), secret);
        let mut request = request;
        request
            .headers_mut()
            .insert("x-signature", "0".repeat(64).parse().expect("a value"));
        let service = WebhookAuthLayer::new(provider.expect("a provider"))
            .keys_from(source)
            .layer(common::Inner::default());
        futures_executor::block_on(service.oneshot(request)).expect("a response");
        seen.lock().unwrap().take()
    };
    assert_eq!(
        id(&["5157F09EFDC096DE"]).as_deref(),
        Some("5157F09EFDC096DE")
    );
    assert_eq!(
        id(&["PUB_KEY_ID_0=1.2-3"]).as_deref(),
        Some("PUB_KEY_ID_0=1.2-3")
    );
    let long = "a".repeat(257);
    for wrong in ["", "..", ".", "a/b", "a?b", "a b", "a%2f", "a#", &long] {
        assert_eq!(id(&[wrong]), None, "{wrong:?}");
    }
    assert_eq!(id(&["a", "a"]), None);
    assert_eq!(id(&[]), None);
}

/// Each unknown id would otherwise be a request of ours.
#[tokio::test(start_paused = true)]
async fn look_ups_of_unknown_ids_are_limited_for_each_minute() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let limits = CacheLimits::for_key_ids().unknown_per_minute(3);
    let keys = Arc::new(TenantKeys::with_limits(
        limits,
        |delivery: Unverified<'_>| {
            Selection::LookUp(delivery.uri().path().trim_start_matches('/').to_owned())
        },
        move |id: String| {
            count.fetch_add(1, Ordering::SeqCst);
            async move {
                match &*id {
                    "known" | "known-2" => Ok(Some(Keys::from(Secret::new("wJ4mX9")?))),
                    "broken" => Err("the API does not answer".into()),
                    _ => Ok(None),
                }
            }
        },
    ));
    let ask = async |path: &str| {
        let scheme = tower_webhook_auth::SignatureScheme::hmac_sha256("x-signature").build();
        let secret = Secret::new("of no id").expect("a secret");
        let provider = tower_webhook_auth::Provider::new("acme", scheme.expect("a scheme"), secret);
        let keys = Arc::clone(&keys);
        let service = WebhookAuthLayer::new(provider.expect("a provider"))
            .keys_from(Shared(keys))
            .layer(common::Inner::default());
        let request = Request::post(path).header("x-signature", "0".repeat(64));
        let request = request.body(Full::<Bytes>::default()).expect("a request");
        service.oneshot(request).await.expect("a response").status()
    };
    assert_eq!(ask("/known").await, 401);
    for path in ["/a", "/b", "/broken"] {
        ask(path).await;
    }
    assert_eq!(asked.load(Ordering::SeqCst), 4);
    // The limit is reached: an id that is not remembered is not looked up.
    assert_eq!(ask("/c").await, 503);
    assert_eq!(ask("/known-2").await, 503);
    assert_eq!(asked.load(Ordering::SeqCst), 4);
    // What is remembered is used.
    assert_eq!(ask("/known").await, 401);
    assert_eq!(ask("/a").await, 401);
    assert_eq!(asked.load(Ordering::SeqCst), 4);
    tokio::time::advance(Duration::from_secs(61)).await;
    assert_eq!(ask("/known-2").await, 401);
    // An unknown id is forgotten after a minute, a key after an hour.
    assert_eq!(ask("/a").await, 401);
    assert_eq!(ask("/known").await, 401);
    assert_eq!(asked.load(Ordering::SeqCst), 6);
}

/// Certificates that were made with the Python package `cryptography`, all for one key, and messages that are
/// signed with it.
fn certificates() -> Value {
    serde_json::from_str(include_str!("vectors/certificates.json")).expect("an object")
}

/// Delivers the notification, whose key is in the certificates of this name. The clock is set to these seconds.
async fn with_certificates(
    trust: CertificateTrust,
    message: &str,
    chain: &[&str],
    now: u64,
) -> Outcome<aws_sns::Event> {
    let file = certificates();
    let pem: String = chain.iter().map(|name| text(&file[*name])).collect();
    assert!(pem.contains("BEGIN CERTIFICATE"), "{chain:?}");
    let topics = Topics::new([TOPIC]).tolerance(Duration::from_secs(1 << 30));
    let (keys, _) = source(aws_sns_certificate, &pem);
    let request = Request::post("/").body(Full::from(text(&file[message]).to_owned()));
    let provider = topics.provider(trust).expect("topics");
    deliver(provider, keys, request.expect("a request"), at(now)).await
}

/// 2023-11-14, when the certificates are valid.
const NOW: u64 = 1_700_000_000;

#[tokio::test]
async fn a_certificate_is_judged_by_its_chain_its_names_and_its_dates() {
    let file = certificates();
    let roots = || CertificateTrust::roots(text(&file["root"])).expect("roots");
    let download = CertificateTrust::without_chain;
    let yes = StatusCode::OK;
    let no = StatusCode::UNAUTHORIZED;
    for (chain, by_roots, by_download) in [
        (&["leaf", "intermediate"][..], yes, yes),
        (&["leaf", "intermediate_sha384"], yes, yes),
        (&["leaf_regional", "intermediate"], yes, yes),
        // The intermediate certificate is not among the roots.
        (&["leaf"], no, yes),
        (&["leaf", "other_root"], no, yes),
        (&["leaf", "intermediate_expired"], no, yes),
        (&["leaf_self_signed"], no, yes),
        (&["leaf_self_signed", "root"], no, yes),
        (&["leaf_of_another_root", "other_root"], no, yes),
        (&["leaf_for_clients", "intermediate"], no, yes),
        // A certificate that is no authority's signs another.
        (
            &[
                "leaf_signed_by_a_leaf",
                "leaf_of_the_attacker",
                "intermediate",
            ],
            no,
            yes,
        ),
        (&["leaf_of_another_region", "intermediate"], no, no),
        (&["leaf_of_another_name", "intermediate"], no, no),
        (&["leaf_with_a_longer_name", "intermediate"], no, no),
        (&["leaf_with_a_common_name_only", "intermediate"], no, no),
        (&["leaf_expired", "intermediate"], no, no),
        (&["leaf_not_yet", "intermediate"], no, no),
        // The first certificate is the sender's: another key.
        (&["intermediate", "leaf"], no, no),
    ] {
        let outcome = with_certificates(roots(), "notification", chain, NOW).await;
        assert_eq!(outcome.status, by_roots, "{chain:?} by roots");
        let outcome = with_certificates(download(), "notification", chain, NOW).await;
        assert_eq!(outcome.status, by_download, "{chain:?} by the download");
    }
    // An intermediate certificate can be a root, since SNS serves only its own certificate.
    let intermediate = CertificateTrust::roots(text(&file["intermediate"])).expect("roots");
    let outcome = with_certificates(intermediate, "notification", &["leaf"], NOW).await;
    assert_eq!(outcome.status, yes);
}

/// It also has the address of a host, which is not a name of SNS.
#[tokio::test]
async fn a_certificate_may_be_signed_with_sha_512_and_have_an_address_among_its_names() {
    let file = certificates();
    let chain = ["leaf_with_an_address"];
    for (root, expected) in [
        ("root_sha512", StatusCode::OK),
        ("root", StatusCode::UNAUTHORIZED),
    ] {
        let roots = CertificateTrust::roots(text(&file[root])).expect("roots");
        assert_eq!(format!("{roots:?}"), "CertificateTrust::roots(1 roots)");
        let outcome = with_certificates(roots, "notification", &chain, NOW).await;
        assert_eq!(outcome.status, expected, "{root}");
    }
}

/// Certificates of version 1 and 3 are roots.
#[test]
fn a_root_of_version_2_is_an_error() {
    let file = certificates();
    let error = CertificateTrust::roots(text(&file["root_of_version_2"]));
    let error = error.expect_err("version 2").to_string();
    assert!(
        error.starts_with("not a certificate of an authority: "),
        "{error}"
    );
}

#[test]
fn a_url_of_a_message_that_is_not_one_of_sns_is_not_requested() {
    let case = case_of("aws sns", "version 2");
    let message: Value = serde_json::from_slice(&body(&case)).expect("JSON");
    let url = |member: &str, value: &str| {
        let mut message = message.clone();
        message[member] = value.into();
        aws_sns::certificate_url(message.to_string().as_bytes())
    };
    let topic = text(&message["TopicArn"]);
    assert_eq!(
        url("TopicArn", topic).as_deref(),
        message["SigningCertURL"].as_str()
    );
    for (member, value) in [
        ("Type", "Other"),
        ("SignatureVersion", "3"),
        ("TopicArn", "MyTopic"),
        ("TopicArn", "arn:aws:sqs:us-west-2:123456789012:MyTopic"),
    ] {
        assert_eq!(url(member, value), None, "{member}: {value}");
    }
}

/// From 2023-01-01 to 2024-01-01.
#[tokio::test]
async fn the_dates_of_a_certificate_are_compared_with_the_clock_of_the_layer() {
    let file = certificates();
    for (now, expected) in [
        (1_672_531_199, StatusCode::UNAUTHORIZED),
        (1_672_531_200, StatusCode::OK),
        (1_704_067_200, StatusCode::OK),
        (1_704_067_201, StatusCode::UNAUTHORIZED),
    ] {
        for trust in [
            CertificateTrust::roots(text(&file["root"])).expect("roots"),
            CertificateTrust::without_chain(),
        ] {
            let chain = ["leaf", "intermediate"];
            let outcome = with_certificates(trust, "notification", &chain, now).await;
            assert_eq!(outcome.status, expected, "{now}");
        }
    }
}

#[tokio::test]
async fn a_confirmation_has_the_url_that_confirms_it_on_the_host_of_sns() {
    let download = CertificateTrust::without_chain;
    let outcome = with_certificates(download(), "confirmation", &["leaf"], NOW).await;
    let verified = outcome.verified.expect("a verified delivery");
    assert_eq!(verified.kind, aws_sns::Kind::SubscriptionConfirmation);
    let url = verified.subscribe_url.as_deref().expect("a URL");
    assert!(url.starts_with("https://sns.us-west-2.amazonaws.com/?Action=ConfirmSubscription"));
    assert_eq!(verified.token.as_deref(), Some("2336412f37"));
    let outcome = with_certificates(download(), "confirmation_elsewhere", &["leaf"], NOW).await;
    assert_eq!(outcome.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_certificate_of_paypal_must_have_a_name_of_paypal() {
    let file = certificates();
    for (chain, expected) in [
        ("paypal", StatusCode::OK),
        ("paypal_of_another", StatusCode::UNAUTHORIZED),
        ("leaf", StatusCode::UNAUTHORIZED),
    ] {
        let trust = CertificateTrust::roots(text(&file["intermediate"])).expect("roots");
        let provider = Webhook::new("4JH86294D6297924G")
            .provider(trust)
            .expect("a provider");
        let (keys, asked) = source(paypal_certificate, text(&file[chain]));
        let request = Request::post("/")
            .header("paypal-auth-algo", "SHA256withRSA")
            .header(
                "paypal-cert-url",
                "https://api.paypal.com/v1/notifications/certs/CERT-1",
            )
            .header("paypal-transmission-id", text(&file["paypal_id"]))
            .header("paypal-transmission-time", text(&file["paypal_time"]))
            .header("paypal-transmission-sig", text(&file["paypal_signature"]))
            .body(Full::from(text(&file["paypal_body"]).to_owned()));
        let outcome = deliver(provider, keys, request.expect("a request"), at(NOW)).await;
        assert_eq!(outcome.status, expected, "{chain}");
        assert_eq!(asked.lock().unwrap().len(), 1);
    }
}

/// What a source may return by mistake. The sender repeats the delivery.
#[tokio::test]
async fn a_key_that_is_not_what_the_trust_needs_is_an_error_of_the_source() {
    let file = certificates();
    let case = case_of("aws sns", "version 2");
    for (trust, secret) in [
        (CertificateTrust::without_chain(), text(&case["secret"])),
        (
            CertificateTrust::roots(text(&file["root"])).expect("roots"),
            text(&case["secret"]),
        ),
        (
            CertificateTrust::checked_by_the_source(),
            text(&file["leaf"]),
        ),
    ] {
        let provider = Topics::new([TOPIC]).provider(trust).expect("topics");
        let (keys, _) = source(aws_sns_certificate, secret);
        let request = request(&case, body(&case));
        let outcome = deliver(provider, keys, request, at(NOW)).await;
        assert_eq!(outcome.kind, Some(RejectionKind::KeysUnavailable));
    }
    for wrong in ["", "no PEM", text(&case["secret"])] {
        assert!(CertificateTrust::roots(wrong).is_err(), "{wrong:?}");
    }
}

struct Shared<S>(Arc<S>);

impl<S: KeySource> KeySource for Shared<S> {
    type Lookup = S::Lookup;

    fn select(&self, delivery: Unverified<'_>) -> Selection<S::Lookup> {
        self.0.select(delivery)
    }
}

/// `case::secret` is for other files.
#[allow(dead_code)]
fn unused() {
    let _ = case::secret;
}
