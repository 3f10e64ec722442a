//! Printed values, log lines and responses contain no secret, no computed MAC, no received signature and no
//! control character.

#[path = "common/log.rs"]
mod common_log;
#[allow(dead_code, unreachable_pub, reason = "shared with another test")]
#[path = "adversarial/file.rs"]
mod file;
#[allow(dead_code, unreachable_pub, reason = "shared with another test")]
#[path = "adversarial/receiver.rs"]
mod receiver;

use std::{
    convert::Infallible,
    error::Error,
    fmt::{Debug, Display},
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use data_encoding::{BASE64, HEXLOWER, HEXUPPER};
use http::{HeaderName, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use tower::{Layer, Service, ServiceExt};
use tower_webhook_auth::{
    Acceptance, Authentication, BodyDigest, BodyKeyScheme, BodyPiece, BodySignatureScheme,
    BodyValue, Claim, ConfigError, Delivery, Encoding, FromBody, Json, JwtScheme, KeyEncoding,
    Keys, MemoryBudget, Piece, Provider, QueryParameter, Rejection, RejectionDetail, RejectionKind,
    Secret, SharedKeyScheme, SignatureScheme, SignedForm, SignedHeaders, SignedUrl, SortedForm,
    Timestamp, TokenPlace, Verified, WebhookAuthLayer, provider,
};

use self::file::{Case, File};

const SECRET: &str = "wJ4mX9-never-to-be-seen-Qz7";

/// All printed texts, and the type of each.
#[derive(Default)]
struct Printed(Vec<(&'static str, String)>);

impl Printed {
    fn debug(&mut self, what: &'static str, value: &dyn Debug) {
        let printed = format!("{value:?}");
        // An empty text would pass the test.
        assert_ne!(printed, "", "{what}");
        self.0.push((what, printed));
        self.0.push((what, format!("{value:#?}")));
    }

    fn display(&mut self, what: &'static str, value: &dyn Display) {
        self.0.push((what, value.to_string()));
    }

    /// An error with all that caused it.
    fn error(&mut self, what: &'static str, error: &dyn Error) {
        let mut cause = Some(error);
        while let Some(error) = cause {
            self.debug(what, &error);
            self.display(what, &error);
            cause = error.source();
        }
    }

    fn holds_none_of(&self, texts: &[Vec<u8>]) {
        for (what, printed) in &self.0 {
            for text in texts {
                assert!(
                    !contains(printed.as_bytes(), text),
                    "{what} shows {:?}: {printed}",
                    String::from_utf8_lossy(text)
                );
            }
            let control = printed.chars().find(|c| c.is_control() && *c != '\n');
            assert_eq!(control, None, "{what}: {printed:?}");
        }
    }
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

/// A text in the forms in which it could be shown.
fn forms(text: &[u8]) -> Vec<Vec<u8>> {
    vec![
        text.to_vec(),
        HEXLOWER.encode(text).into_bytes(),
        HEXUPPER.encode(text).into_bytes(),
        BASE64.encode(text).into_bytes(),
        // As `Debug` shows bytes.
        format!("{text:?}").into_bytes(),
    ]
}

fn secret() -> Secret {
    Secret::new(SECRET).expect("a secret")
}

#[test]
fn no_public_type_prints_a_secret() {
    let mut printed = Printed::default();
    let keys = Keys::named([("new", secret()), ("old", secret())]).expect("keys");
    printed.debug("Secret", &secret());
    printed.debug("Keys", &keys);

    printed.debug("QueryParameter", &QueryParameter::new("id"));
    printed.debug("SortedForm", &SortedForm::new());
    printed.debug("SignedHeaders", &SignedHeaders::in_tag("h", ' '));
    printed.debug("BodyPiece", &BodyPiece::raw("/data"));
    printed.debug("BodyValue", &BodyValue::new("/id"));
    let form = SignedForm::from_body(b"a=1").expect("a form");
    printed.debug("SignedForm", &form);
    let in_body = BodyKeyScheme::json("/key");
    printed.debug("BodyKeyScheme", &in_body);
    let in_body = in_body.build().expect("a scheme");
    printed.debug(
        "Provider",
        &Provider::new("acme", in_body, secret()).expect("a provider"),
    );
    let in_body = BodySignatureScheme::hmac_sha256("/s").signed([BodyPiece::value("/id")]);
    printed.debug("BodySignatureScheme", &in_body);
    let in_body = in_body.build().expect("a scheme");
    printed.debug(
        "Provider",
        &Provider::new("acme", in_body, secret()).expect("a provider"),
    );

    let signature = SignatureScheme::hmac_sha256("x-signature")
        .encoding(Encoding::Base64)
        .timestamp(Timestamp::header("x-timestamp"))
        .url(SignedUrl::exact("https://example.com/hook").expect("a URL"))
        .signed([Piece::Timestamp, Piece::Url, Piece::Body])
        .key_encoding(KeyEncoding::Text);
    printed.debug("SignatureScheme", &signature);
    printed.debug("SharedKeyScheme", &SharedKeyScheme::new("x-key").basic());
    let token = JwtScheme::hs256("x-token").body_hash("hash", BodyDigest::Sha256Hex);
    printed.debug("JwtScheme", &token);
    #[cfg(feature = "ed25519")]
    {
        let set = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k1",
            "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
        let set = tower_webhook_auth::JwkSet::parse(set).expect("a set");
        printed.debug("JwkSet", &set);
    }
    printed.debug("TokenPlace", &TokenPlace::body());
    printed.debug("Authentication", &Authentication::SharedKey);
    printed.debug("Claim", &Claim::Unsigned("id"));
    printed.debug("BodyDigest", &BodyDigest::Sha256Hex);
    printed.debug("Encoding", &Encoding::Base64);
    printed.debug("KeyEncoding", &KeyEncoding::Base64);
    printed.debug("Piece", &Piece::Secret);
    printed.debug(
        "SignedUrl",
        &SignedUrl::exact("https://example.com/hook").expect("a URL"),
    );
    printed.debug("Timestamp", &Timestamp::tag("t"));
    #[cfg(feature = "http-signatures")]
    {
        let scheme = tower_webhook_auth::HttpSignatureScheme::hmac_sha256().require(["date"]);
        printed.debug("HttpSignatureScheme", &scheme);
        printed.debug("Scheme", &scheme.build().expect("a scheme"));
    }
    #[cfg(feature = "certificates")]
    {
        use tower_webhook_auth::{CertificateTrust, provider};

        let trust = CertificateTrust::without_chain();
        printed.debug("CertificateTrust", &trust);
        let by_source = CertificateTrust::checked_by_the_source();
        printed.debug("CertificateTrust", &by_source);
        let topic = "arn:aws:sns:us-west-2:123456789012:MyTopic";
        let topics = provider::aws_sns::Topics::new([topic]);
        printed.debug("Topics", &topics);
        printed.debug("aws_sns", &topics.provider(trust.clone()).expect("topics"));
        let webhook = provider::paypal::Webhook::new("4JH86294D6297924G");
        printed.debug("Webhook", &webhook);
        printed.debug("paypal", &webhook.provider(trust).expect("an id"));
    }
    for kind in RejectionKind::ALL {
        printed.debug("RejectionKind", &kind);
        printed.display("RejectionKind", &kind);
    }

    printed.debug("TimestampUnit", &tower_webhook_auth::TimestampUnit::Seconds);
    let keyless = SignatureScheme::keyless_sha256_open_to_length_extension("x-signature")
        .signed([Piece::Secret, Piece::Body])
        .build();
    for scheme in [
        signature.build(),
        keyless,
        token.build(),
        SharedKeyScheme::new("x-key").build(),
        SharedKeyScheme::new("authorization").bearer().build(),
    ] {
        let scheme = scheme.expect("a scheme");
        printed.debug("Scheme", &scheme);
        let provider = Provider::new("acme", scheme, keys.clone()).expect("a provider");
        printed.debug("Provider", &provider);
        printed.debug("KeysHandle", &provider.keys());
        #[cfg(feature = "testing")]
        printed.debug(
            "Signer",
            &tower_webhook_auth::testing::Signer::new(&provider, &secret()).expect("a signer"),
        );
        let budget = MemoryBudget::new(1 << 20);
        printed.debug("MemoryBudget", &budget);
        let layer = WebhookAuthLayer::new(provider).memory_budget(budget);
        #[cfg(feature = "diagnosis")]
        let layer = layer.diagnose(keys.clone());
        printed.debug("WebhookAuthLayer", &layer);
        let mut service = layer.layer("the inner service's own");
        printed.debug("WebhookAuth", &service);
        printed.debug("WebhookAuth's inner", service.get_mut());
        let mut service = layer.layer(tower::service_fn(|_: Request<Full<Bytes>>| async {
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
        }));
        let mut request = Request::new(Full::<Bytes>::default());
        let value = HeaderValue::from_static(SECRET);
        request.headers_mut().insert("x-key", value);
        let future = service.call(request);
        printed.debug("ResponseFuture", &future);
    }
    for sender in provider::catalogue() {
        printed.debug("Sender", sender);
    }
    printed.debug("Provider", &provider::optimizely(secret()));
    printed.debug("Provider", &provider::vwo(secret()));
    printed.holds_none_of(&forms(SECRET.as_bytes()));
}

/// An event is authentic, and its value may be printed. An error about it must not quote it, because
/// errors are logged.
#[test]
fn an_error_about_an_event_does_not_quote_the_event() {
    let mut printed = Printed::default();
    let body = format!(r#"{{"data":[{{"eventName":["{SECRET}"]}},{{"eventName":"a"}}]}}"#);
    let batch = provider::statsig::Events::from_body(body.as_bytes()).expect("one event");
    printed.error("EventError", &batch.unreadable[0].error);
    let body = format!(r#"{{"data":[{{"eventName":["{SECRET}"]}}]}}"#);
    let error = provider::statsig::Events::from_body(body.as_bytes()).expect_err("no event");
    printed.error("EventError", &error);
    let error = Json::from_body(SECRET.as_bytes()).expect_err("not JSON");
    printed.error("EventError", &error);
    printed.holds_none_of(&forms(SECRET.as_bytes()));

    let mut printed = Printed::default();
    printed.debug("Batch", &batch);
    printed.debug("Unreadable", &batch.unreadable[0]);
    printed.debug("Json", &batch.unreadable[0].json);
    printed.holds_none_of(&[]);
}

/// The error of a parser may quote the event. Only `source()` returns it.
#[cfg(feature = "testing")]
#[test]
fn a_rejection_does_not_print_the_error_of_a_parser() {
    let scheme = SignatureScheme::hmac_sha256("x-signature").build();
    let provider = Provider::new("acme", scheme.expect("a scheme"), secret());
    let provider = provider.expect("a provider");
    let body = format!(r#""{SECRET}""#);
    let signer = tower_webhook_auth::testing::Signer::new(&provider, &secret()).expect("a signer");
    let (head, body) = signer.sign(Request::new(body.into())).into_parts();
    let time = std::time::SystemTime::UNIX_EPOCH;
    let rejection = provider
        .json::<u64>()
        .verify(&head, body, time)
        .expect_err("not a number");
    let source = rejection.source().expect("the error of the parser");
    assert!(source.to_string().contains(SECRET), "{source}");
    let mut printed = Printed::default();
    printed.debug("Rejection", &rejection);
    printed.display("Rejection", &rejection);
    printed.holds_none_of(&forms(SECRET.as_bytes()));
}

/// The event of most presets is the body, and that of some senders contains the key.
#[test]
fn a_delivery_with_the_key_in_its_body_does_not_print_the_key() {
    let scheme = BodyKeyScheme::json("/key").build().expect("a scheme");
    let provider = Provider::new("acme", scheme, secret()).expect("a provider");
    let (head, ()) = Request::new(()).into_parts();
    let body = format!(r#"{{"key":"{SECRET}"}}"#);
    let time = std::time::SystemTime::UNIX_EPOCH;
    let verified = provider.verify(&head, body.into(), time).expect("the key");
    let mut printed = Printed::default();
    printed.debug("Verified", &verified);
    printed.debug("Delivery", &Delivery::from(&verified));
    printed.holds_none_of(&forms(SECRET.as_bytes()));
}

/// Parts of a malformed value are described, never quoted. The value may be a secret in a wrong place.
#[test]
fn a_malformed_header_is_not_quoted() {
    let tagged = |encoding| {
        SignatureScheme::hmac_sha256("x-value")
            .encoding(encoding)
            .item_separator(',')
            .tags('=', ["v1"])
            .build()
    };
    let mut printed = Printed::default();
    for scheme in [
        tagged(Encoding::Hex),
        tagged(Encoding::Base64),
        SignatureScheme::hmac_sha256("x-value").build(),
        SignatureScheme::hmac_sha256("x-signature")
            .require_header("x-value", SECRET)
            .build(),
        SharedKeyScheme::new("x-value").bearer().build(),
        SharedKeyScheme::new("x-value").basic().build(),
    ] {
        let provider = Provider::new("acme", scheme.expect("a scheme"), secret());
        let layer = WebhookAuthLayer::new(provider.expect("a provider"));
        for value in ["{}1", "{}=v1", "v1={}", "v1={},{}", "Basic{}", "{} Bearer"] {
            let value = value.replace("{}", SECRET);
            let mut request = Request::new(Full::<Bytes>::default());
            let headers = request.headers_mut();
            headers.insert("x-value", HeaderValue::from_str(&value).expect("a value"));
            let service = layer.layer(tower::service_fn(|_: Request<Full<Bytes>>| async {
                Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
            }));
            let response = futures_executor::block_on(service.oneshot(request));
            let response = response.expect("infallible");
            let rejection = response.extensions().get::<Rejection>();
            let rejection = rejection.expect("a rejection");
            printed.error("Rejection", rejection);
            let Some(RejectionDetail::Shape {
                expected, found, ..
            }) = rejection.detail()
            else {
                panic!("no shape: {rejection}");
            };
            printed.debug("ExpectedShape", &expected);
            printed.debug("FoundShape", &found);
        }
    }
    printed.holds_none_of(&forms(SECRET.as_bytes()));
}

/// The set-up request of Notion contains the key.
#[test]
fn an_answer_to_a_set_up_request_does_not_print_the_key_in_it() {
    let notion = provider::notion(secret()).answer_setup();
    let layer = WebhookAuthLayer::new(notion.expect("a provider"));
    let service = layer.layer(tower::service_fn(|_: Request<Full<Bytes>>| async {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    }));
    let body = format!(r#"{{"verification_token":"{SECRET}"}}"#);
    let request = Request::post("/").header("content-type", "application/json");
    let request = request.body(Full::<Bytes>::from(body)).expect("a request");
    let response = futures_executor::block_on(service.oneshot(request)).expect("infallible");
    let answer = response
        .extensions()
        .get::<tower_webhook_auth::SetupAnswer>();
    let mut printed = Printed::default();
    printed.debug("SetupAnswer", answer.expect("an answer"));
    printed.debug("Response", &response);
    printed.holds_none_of(&forms(SECRET.as_bytes()));
}

/// A scheme in code gets the request head, which may hold the secret.
#[test]
fn the_values_of_a_scheme_in_code_print_no_header() {
    use tower_webhook_auth::{
        BoxError, CustomCheck, CustomClaims, CustomFacts, CustomHead, CustomRejection,
        CustomScheme, Scheme,
    };

    struct InTheHeader(Arc<Mutex<Printed>>);
    struct Check;

    impl CustomScheme for InTheHeader {
        type Key = Vec<u8>;
        type Check = Check;

        fn facts(&self) -> CustomFacts {
            let facts = CustomFacts::new([HeaderName::from_static("x-key")]);
            let mut printed = self.0.lock().expect("not poisoned");
            printed.debug("CustomFacts", &facts);
            facts
        }

        fn key(&self, secret: &[u8]) -> Result<Vec<u8>, BoxError> {
            Ok(secret.to_vec())
        }

        fn begin(&self, head: &CustomHead<'_>) -> Result<Check, CustomRejection> {
            let mut printed = self.0.lock().expect("not poisoned");
            printed.debug("CustomHead", head);
            let name = HeaderName::from_static("x-key");
            for rejection in [
                CustomRejection::header_missing(&name),
                CustomRejection::header_malformed(&name, "another text"),
                CustomRejection::mismatch(),
                CustomRejection::target_malformed(),
            ] {
                printed.debug("CustomRejection", &rejection);
            }
            printed.debug("CustomClaims", &CustomClaims::new().id("an-id"));
            Ok(Check)
        }
    }

    impl CustomCheck for Check {
        type Key = Vec<u8>;

        fn finish(&mut self, _: &[u8]) -> Result<CustomClaims, CustomRejection> {
            Ok(CustomClaims::new())
        }

        fn matches(&mut self, _: &Vec<u8>, _: usize) -> bool {
            false
        }
    }

    let printed = Arc::new(Mutex::new(Printed::default()));
    let scheme = Scheme::custom(InTheHeader(Arc::clone(&printed)));
    let provider = Provider::new("acme", scheme, secret()).expect("a provider");
    printed
        .lock()
        .expect("not poisoned")
        .debug("Provider", &provider);
    let request = Request::builder()
        .header("x-key", SECRET)
        .body(())
        .expect("a request");
    let (head, ()) = request.into_parts();
    let time = std::time::SystemTime::UNIX_EPOCH;
    let rejection = provider
        .verify(&head, Bytes::new(), time)
        .expect_err("no key matches");
    let mut printed = printed.lock().expect("not poisoned");
    printed.error("Rejection", &rejection);
    printed.holds_none_of(&forms(SECRET.as_bytes()));
}

/// A public type that is added to the crate must be added to this file.
#[test]
fn every_public_type_is_printed_in_this_file() {
    // Traits, an alias, and two errors that hold names of types and of a provider.
    const NOT_PRINTED: [&str; 7] = [
        "BoxError",
        "Clock",
        "CustomCheck",
        "CustomScheme",
        "EventTypeMismatch",
        "FromBody",
        "MissingLayer",
    ];
    let exports: String = include_str!("../src/lib.rs")
        .split("\npub use ")
        .skip(1)
        .filter_map(|text| text.split_once(';'))
        .map(|(exported, _)| format!("{exported} "))
        .collect();
    let names = exports
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.starts_with(|c: char| c.is_ascii_uppercase()));
    for name in names.filter(|name| !NOT_PRINTED.contains(name)) {
        assert!(
            include_str!("redaction.rs").contains(&format!("\"{name}\"")),
            "{name} is not printed"
        );
    }
}

#[tokio::test]
async fn values_for_handlers_and_outer_layers_print_no_secret() {
    let mut printed = Printed::default();
    let scheme = SharedKeyScheme::new("x-key").build().expect("a scheme");
    let provider = Provider::new("acme", scheme, secret())
        .expect("a provider")
        .delivery_id_header(HeaderName::from_static("x-id"));
    let seen = Arc::new(Mutex::new(Printed::default()));
    let inner = tower::service_fn(|request: Request<Full<Bytes>>| {
        let mut seen = seen.lock().expect("no panic");
        // The key that came in a header is marked, so that a handler that logs its headers is safe.
        seen.debug("HeaderValue", &request.headers()["x-key"]);
        let verified = request.extensions().get::<Verified<Bytes>>();
        let verified = verified.expect("a proof");
        seen.debug("Verified", verified);
        seen.debug("Delivery", &Delivery::from(verified));
        seen.debug("Identity", &verified.identity_by_event_id(SECRET));
        async { Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())) }
    });
    let service = WebhookAuthLayer::new(provider)
        .expose_acceptance()
        .layer(inner);
    for key in [SECRET, "another key entirely"] {
        let mut request = Request::new(Full::<Bytes>::from("{}"));
        let headers = request.headers_mut();
        headers.insert("x-key", HeaderValue::from_static(key));
        // A tab is allowed in a header, but not in a log.
        headers.insert("x-id", HeaderValue::from_static("a\tb"));
        let response = service.clone().oneshot(request).await.expect("infallible");
        printed.debug("Response", &response);
        printed.debug("ResponseBody", response.body());
        match response.extensions().get::<Rejection>() {
            Some(rejection) => {
                printed.error("Rejection", rejection);
                printed.debug("RejectionDetail", &rejection.detail());
                let tried: Vec<_> = rejection.tried_keys().collect();
                assert_eq!(tried, ["default"]);
            }
            None => printed.debug(
                "Acceptance",
                response.extensions().get::<Acceptance>().expect("one"),
            ),
        }
    }
    let mut texts = forms(SECRET.as_bytes());
    texts.extend(forms(b"another key entirely"));
    printed.holds_none_of(&texts);
    drop(service);
    seen.lock().expect("no panic").holds_none_of(&texts);
}

#[test]
fn errors_of_configuration_show_the_problem_and_not_the_secret() {
    let mut printed = Printed::default();
    let mut failed = |result: Result<(), ConfigError>| {
        printed.error("ConfigError", &result.expect_err("an error"));
    };
    for spoilt in [
        " {}",
        "{} ",
        "{}\n",
        "{}\0{}",
        "\u{1b}[2J{}",
        "{}\u{feff}",
        "\"{}\"",
        "WEBHOOK_SECRET={}",
        "-----BEGIN PUBLIC KEY-----\n{}",
    ] {
        let text = spoilt.replace("{}", SECRET);
        failed(Secret::new(text).map(drop));
    }
    for encoding in [KeyEncoding::Hex, KeyEncoding::Base64] {
        let scheme = SignatureScheme::hmac_sha256("x-signature")
            .key_encoding(encoding)
            .build()
            .expect("a scheme");
        failed(Provider::new("acme", scheme, secret()).map(drop));
    }
    let scheme = SignatureScheme::hmac_sha256("x-signature")
        .key_prefix(SECRET)
        .build()
        .expect("a scheme");
    failed(Provider::new("acme", scheme, secret()).map(drop));
    #[cfg(feature = "ed25519")]
    {
        let scheme = SignatureScheme::ed25519("x-signature")
            .build()
            .expect("a scheme");
        failed(Provider::new("acme", scheme, secret()).map(drop));
    }
    #[cfg(feature = "ecdsa-p256")]
    {
        let scheme = SignatureScheme::ecdsa_p256("x-signature")
            .build()
            .expect("a scheme");
        failed(Provider::new("acme", scheme, secret()).map(drop));
    }
    let path = concat!(env!("CARGO_TARGET_TMPDIR"), "/spoilt-secret");
    for spoilt in [
        format!(" {SECRET}").into_bytes(),
        [SECRET.as_bytes(), b"\xff"].concat(),
    ] {
        std::fs::write(path, spoilt).expect("a file");
        failed(Secret::from_file(path).map(drop));
    }
    std::fs::remove_file(path).expect("the file");
    failed(Secret::from_file(path).map(drop));
    printed.holds_none_of(&forms(SECRET.as_bytes()));
}

/// The log, at every level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn take(&self) -> String {
        let log = std::mem::take(&mut *self.0.lock().expect("no panic"));
        String::from_utf8(log).expect("text")
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn no_hostile_case_gets_anything_of_value_into_a_log_or_a_response() {
    let text = include_str!("vectors/adversarial.json");
    let file: File = serde_json::from_str(text).expect("a file of cases");
    common_log::keep_the_events_of_each_thread();
    let log = Log::default();
    let writer = log.clone();
    // Only for this thread, because other tests of this file reject requests too.
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _default = tracing::subscriber::set_default(subscriber);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");

    let (mut lines, mut cases) = (0, 0);
    for case in &file.cases {
        let receiver = &file.receivers[&case.receiver];
        let Some(request) = request(case) else {
            continue; // HTTP itself does not carry it
        };
        cases += 1;
        let mut printed = Printed::default();
        let layer = receiver.layer(case).body_deadline(Duration::from_secs(1));
        #[cfg(feature = "diagnosis")]
        let layer = layer.diagnose(secret());
        let service = layer.layer(tower::service_fn(|_: Request<Full<Bytes>>| async {
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
        }));
        let response = runtime
            .block_on(service.oneshot(request))
            .expect("infallible");
        printed.debug("Response", &response);
        if let Some(rejection) = response.extensions().get::<Rejection>() {
            printed.error("Rejection", rejection);
        }
        let (head, body) = response.into_parts();
        for (name, value) in &head.headers {
            printed.display("a header's name", name);
            printed.display(
                "a header's value",
                &String::from_utf8_lossy(value.as_bytes()),
            );
        }
        let body = runtime.block_on(body.collect()).expect("a body").to_bytes();
        printed.display("a body", &String::from_utf8_lossy(&body));

        let logged = log.take();
        let events = logged.lines().count();
        assert!(events <= 1, "{}: {logged}", case.id);
        assert!(logged.len() <= 1024, "{}: {logged}", case.id);
        lines += events;
        printed.0.push(("a log line", logged));

        let mut texts = receiver.never_to_be_seen(case);
        texts.extend(presented(case));
        texts.extend(forms(SECRET.as_bytes()));
        printed.holds_none_of(&texts);
    }
    println!("{cases} cases, {lines} log lines");
    assert!(cases > 100);
}

/// A diagnosis works with all secrets of the owner, with MACs under changed keys, and with what a client
/// sent.
#[cfg(feature = "diagnosis")]
#[test]
fn a_diagnosis_prints_no_secret() {
    use ring::hmac;
    common_log::keep_the_events_of_each_thread();
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _default = tracing::subscriber::set_default(subscriber);
    let mut printed = Printed::default();
    let mut hidden = forms(SECRET.as_bytes());
    let body = r#"{"a":1}"#;
    let mut codes = Vec::new();
    for (key, signed) in [
        (SECRET.to_owned(), format!("{body}\n")),
        (format!("{SECRET}\n"), body.to_owned()),
        (SECRET.to_ascii_lowercase(), body.to_owned()),
        (SECRET.replacen("never", "nver", 1), body.to_owned()),
        (SECRET.to_owned(), body.to_owned()),
    ] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
        for text in [body, &signed] {
            hidden.extend(forms(hmac::sign(&key, text.as_bytes()).as_ref()));
        }
        let signature = HEXLOWER.encode(hmac::sign(&key, signed.as_bytes()).as_ref());
        let request = Request::post("/")
            .header("x-hub-signature-256", format!("sha256={signature}"))
            .body(Full::<Bytes>::from(body))
            .expect("a request");
        let head = request.headers().clone();
        let other = Secret::new("another").expect("a secret");
        let layer = WebhookAuthLayer::new(provider::github(other.clone())).diagnose(secret());
        printed.debug("WebhookAuthLayer", &layer);
        let service = layer.layer(tower::service_fn(|_: Request<Full<Bytes>>| async {
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
        }));
        let response = futures_executor::block_on(service.oneshot(request)).expect("infallible");
        printed.debug("Response", &response);
        let rejection = response
            .extensions()
            .get::<Rejection>()
            .expect("a rejection");
        printed.error("Rejection", rejection);
        let mut parts = Request::new(()).into_parts().0;
        parts.headers = head;
        let explained = tower_webhook_auth::diagnosis::explain(
            &provider::github(other),
            &parts,
            body.as_bytes(),
            std::time::SystemTime::now(),
            secret(),
        );
        for diagnosis in [rejection.diagnosis(), explained.as_ref()] {
            let diagnosis = diagnosis.expect("a diagnosis");
            printed.debug("Diagnosis", diagnosis);
            printed.display("Diagnosis", diagnosis);
            if let Some(cause) = diagnosis.cause() {
                printed.debug("Cause", cause);
                printed.display("Cause", cause);
                codes.push(cause.as_str());
            }
        }
        let body = futures_executor::block_on(response.into_body().collect());
        let body = body.expect("a body").to_bytes();
        printed.display("a body", &String::from_utf8_lossy(&body));
    }
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes, ["body", "key_text", "other_key", "outer_layer"]);
    let logged = log.take();
    assert_eq!(logged.matches("webhook.diagnosis=").count(), 5, "{logged}");
    printed.0.push(("the log", logged));
    printed.holds_none_of(&hidden);
}

/// The signatures and keys of a case that are long enough not to be in a text by chance.
fn presented(case: &Case) -> impl Iterator<Item = Vec<u8>> {
    case.headers()
        .into_iter()
        .filter(|(name, _)| {
            let name = name.to_ascii_lowercase();
            name.contains("signature") || name.contains("auth")
        })
        .flat_map(|(_, value)| {
            let items: Vec<Vec<u8>> = value
                .split(|byte| matches!(byte, b' ' | b',' | b'='))
                .map(<[u8]>::to_vec)
                .collect();
            items.into_iter().chain([value])
        })
        .filter(|value| value.len() >= 12)
}

fn request(case: &Case) -> Option<Request<Full<Bytes>>> {
    let mut request = Request::new(Full::new(case.body().whole().into()));
    *request.method_mut() = case.method.parse().expect("a method");
    *request.uri_mut() = case.path.parse().expect("a path");
    for (name, value) in case.headers() {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        let value = HeaderValue::from_bytes(&value).ok()?;
        request.headers_mut().append(name, value);
    }
    Some(request)
}
