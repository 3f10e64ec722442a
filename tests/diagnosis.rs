//! The layer names the cause of a rejection in the owner's log, and never in the response.
//!
//! Deliveries are signed with `ring`, not with this crate.
#![cfg(feature = "diagnosis")]

mod common;

use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use common::Inner;
use data_encoding::{BASE64, HEXLOWER};
use futures_executor::block_on;
use http::{HeaderValue, Request, Response, request::Parts};
use http_body_util::{BodyExt, Full};
use ring::hmac;
use tower::{Layer, ServiceExt};
use tower_http::decompression::RequestDecompressionLayer;
use tower_webhook_auth::{
    Encoding, Keys, Piece, Provider, Rejection, RejectionKind, Secret, SignatureScheme, SignedUrl,
    Timestamp, TimestampUnit, WebhookAuthLayer,
    diagnosis::{Cause, Diagnosis, explain},
    provider,
};

const SECRET: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OLD: &str = "xK2mN8qR4tV7wZ1aB5cD9eF3gH6jL0pS";
const BODY: &str = r#"{"action":"opened","number":1.0,"to":["a/b","grün"],"none":{}}"#;
const NOW: u64 = 1_800_000_000;

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(NOW)
}

fn secret(text: &str) -> Secret {
    Secret::verbatim(text).expect("a secret")
}

/// Both secrets of the owner.
fn suspects() -> Keys {
    let keys = [("current", secret(SECRET)), ("2026-05", secret(OLD))];
    Keys::named(keys).expect("keys")
}

fn mac(algorithm: hmac::Algorithm, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut context = hmac::Context::with_key(&hmac::Key::new(algorithm, key));
    for part in parts {
        context.update(part);
    }
    context.sign().as_ref().to_vec()
}

fn sha256_hex(key: impl AsRef<[u8]>, body: impl AsRef<[u8]>) -> String {
    HEXLOWER.encode(&mac(hmac::HMAC_SHA256, key.as_ref(), &[body.as_ref()]))
}

fn sha1_hex(key: &str, body: &str) -> String {
    let algorithm = hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY;
    HEXLOWER.encode(&mac(algorithm, key.as_bytes(), &[body.as_bytes()]))
}

/// A request as a server hands it on: with the length of its body.
fn request<const N: usize>(
    headers: [(&'static str, String); N],
    body: impl Into<Vec<u8>>,
) -> Request<Full<Bytes>> {
    let body = body.into();
    let mut request = Request::post("/hook").header("content-length", body.len());
    for (name, value) in headers {
        request = request.header(name, value);
    }
    request.body(Full::from(body)).expect("a request")
}

/// What GitHub sends: signed with this key over `signed`, and delivered as `body`.
fn github_delivery(
    key: impl AsRef<[u8]>,
    signed: impl AsRef<[u8]>,
    body: impl Into<Vec<u8>>,
) -> Request<Full<Bytes>> {
    let signature = format!("sha256={}", sha256_hex(key, signed));
    request(
        [
            ("x-hub-signature-256", signature),
            ("x-github-event", "issues".into()),
            (
                "x-github-delivery",
                "72d3162e-cc78-11e3-81ab-4c9367dc0958".into(),
            ),
        ],
        body,
    )
}

fn github() -> Provider<Bytes> {
    provider::github(secret(SECRET))
}

fn stripe_delivery(time: &str) -> Request<Full<Bytes>> {
    let parts = [time.as_bytes(), b".", BODY.as_bytes()];
    let signature = HEXLOWER.encode(&mac(hmac::HMAC_SHA256, SECRET.as_bytes(), &parts));
    request(
        [("stripe-signature", format!("t={time},v1={signature}"))],
        BODY,
    )
}

fn square(url: &str) -> Provider<Bytes> {
    provider::square(secret(SECRET), SignedUrl::exact(url).expect("a URL"))
}

fn square_delivery(url: &str) -> Request<Full<Bytes>> {
    let parts = [url.as_bytes(), BODY.as_bytes()];
    let signature = BASE64.encode(&mac(hmac::HMAC_SHA256, SECRET.as_bytes(), &parts));
    let mut request = request([("x-square-hmacsha256-signature", signature)], BODY);
    let host = HeaderValue::from_static("www.example.com");
    request.headers_mut().insert("host", host);
    request
}

async fn split(request: Request<Full<Bytes>>) -> (Parts, Bytes) {
    let (head, body) = request.into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    (head, body)
}

fn rejection<B>(response: &Response<B>) -> Rejection {
    let rejection = response.extensions().get::<Rejection>();
    rejection.expect("a rejection").clone()
}

/// The rejection of a layer with `diagnose`. It checks that a layer without it responds the same, that the
/// inner service is not called, and that nothing secret is printed.
fn rejected<E: Send + Sync + 'static>(
    provider: Provider<E>,
    suspects: impl Into<Keys>,
    request: Request<Full<Bytes>>,
) -> Rejection {
    block_on(async {
        let (head, body) = split(request).await;
        let again = || Request::from_parts(head.clone(), Full::new(body.clone()));
        let plain = WebhookAuthLayer::new(provider).clock(now);
        let inner = Inner::default();
        let told = plain.clone().diagnose(suspects).layer(inner.clone());
        let told = told.oneshot(again()).await.expect("infallible");
        assert_eq!(inner.calls(), 0);
        let silent = plain.layer(Inner::default()).oneshot(again()).await;
        let silent = silent.expect("infallible");
        assert_eq!(
            (told.status(), told.headers()),
            (silent.status(), silent.headers())
        );
        let (with, without) = (rejection(&told), rejection(&silent));
        assert_eq!(without.diagnosis(), None);
        assert_eq!(with.to_string(), without.to_string());
        assert_eq!(with.kind(), without.kind());
        assert_eq!(with.detail(), without.detail());
        assert!(with.tried_keys().eq(without.tried_keys()));
        prints_nothing_secret(&with, &head);
        let bodies = (
            told.into_body().collect().await,
            silent.into_body().collect().await,
        );
        let bodies = (bodies.0.expect("a body"), bodies.1.expect("a body"));
        assert_eq!(bodies.0.to_bytes(), bodies.1.to_bytes());
        with
    })
}

fn prints_nothing_secret(rejection: &Rejection, head: &Parts) {
    let mut printed = format!("{rejection:?} {rejection:#?} {rejection}");
    if let Some(diagnosis) = rejection.diagnosis() {
        printed.push_str(&format!("{diagnosis:?} {diagnosis}"));
    }
    let values = head.headers.iter().filter(|(name, _)| *name != "host");
    let values = values.filter_map(|(_, value)| value.to_str().ok());
    let signatures = values
        .flat_map(|value| value.split(['=', ',']))
        .filter(|text| text.len() > 19);
    for hidden in signatures.chain([SECRET, OLD]) {
        assert!(!printed.contains(hidden), "{hidden} in {printed}");
    }
}

fn diagnosis<E: Send + Sync + 'static>(
    provider: Provider<E>,
    suspects: impl Into<Keys>,
    request: Request<Full<Bytes>>,
) -> Option<Diagnosis> {
    rejected(provider, suspects, request).diagnosis().cloned()
}

/// The code and the sentence of the cause.
fn cause<E: Send + Sync + 'static>(
    provider: Provider<E>,
    suspects: impl Into<Keys>,
    request: Request<Full<Bytes>>,
) -> (&'static str, String) {
    let diagnosis = diagnosis(provider, suspects, request);
    match diagnosis.as_ref().and_then(Diagnosis::cause) {
        Some(cause) => (cause.as_str(), cause.to_string()),
        None => (
            "none",
            diagnosis.map_or("not examined".into(), |found| found.to_string()),
        ),
    }
}

fn explained<E>(
    provider: &Provider<E>,
    keys: impl Into<Keys>,
    request: Request<Full<Bytes>>,
) -> Option<Diagnosis> {
    let (head, body) = block_on(split(request));
    explain(provider, &head, &body, now(), keys)
}

/// One row of the table: a common mistake.
struct Row {
    mistake: &'static str,
    /// What the layer names: the code and a part of the sentence. Or why it does not name it.
    named: Result<(&'static str, &'static str), &'static str>,
    found: (&'static str, String),
}

/// 17 mistakes that an owner makes or meets. For each, the bytes of a delivery and what the layer says.
#[test]
fn the_layer_names_fifteen_of_seventeen_common_causes() {
    let named = |mistake, code, text, found| Row {
        mistake,
        named: Ok((code, text)),
        found,
    };
    let rows = [
        Row {
            mistake: "one letter of the secret was lost",
            named: Err("it takes about 190 attempts for each letter: see the test of `explain`"),
            found: {
                let lost = SECRET.replacen("Twj", "Tj", 1);
                cause(
                    provider::github(secret(&lost)),
                    secret(&lost),
                    github_delivery(SECRET, BODY, BODY),
                )
            },
        },
        named(
            "the sender signs with the old key",
            "other_key",
            "\"2026-05\"",
            cause(github(), suspects(), github_delivery(OLD, BODY, BODY)),
        ),
        named(
            "the owner's key is decoded, and must not be",
            "key_text",
            "decoded from base64",
            {
                let decoded = BASE64.decode(SECRET.as_bytes()).expect("base64");
                let decoded = Secret::from_bytes(decoded).expect("a secret");
                let github = provider::github(decoded.clone());
                cause(github, decoded, github_delivery(SECRET, BODY, BODY))
            },
        ),
        named(
            "a proxy indents the JSON",
            "body",
            "white space was added",
            cause(
                github(),
                suspects(),
                github_delivery(SECRET, BODY, indented()),
            ),
        ),
        named(
            "a newline is added to the body",
            "body",
            "a newline was added",
            cause(
                github(),
                suspects(),
                github_delivery(SECRET, BODY, format!("{BODY}\n")),
            ),
        ),
        named(
            "a newline is at the end of the secret",
            "key_text",
            "white space",
            {
                let newline = secret(&format!("{SECRET}\n"));
                assert!(Secret::new(format!("{SECRET}\n")).is_err());
                let github = provider::github(newline.clone());
                cause(github, newline, github_delivery(SECRET, BODY, BODY))
            },
        ),
        named(
            "the secret was copied with more than itself",
            "key_text",
            "name of a variable",
            {
                let line = secret(&format!("GITHUB_SECRET={SECRET}"));
                let github = provider::github(line.clone());
                cause(github, line, github_delivery(SECRET, BODY, BODY))
            },
        ),
        named(
            "an outer layer decompresses the body",
            "outer_layer",
            "decompression",
            decompressed_outside(),
        ),
        named(
            "the sender signs with SHA-1 only",
            "other_sender",
            "github_sha1",
            {
                let signature = format!("sha1={}", sha1_hex(SECRET, BODY));
                let headers = [
                    ("x-hub-signature", signature),
                    ("x-github-event", "issues".into()),
                ];
                cause(github(), suspects(), request(headers, BODY))
            },
        ),
        named(
            "a SHA-256 signature is in the header for SHA-1",
            "shape",
            "\"sha256\" and 64",
            {
                let signature = format!("sha256={}", sha256_hex(SECRET, BODY));
                let provider = provider::optimizely(secret(SECRET));
                cause(
                    provider,
                    suspects(),
                    request([("x-hub-signature", signature)], BODY),
                )
            },
        ),
        named(
            "the preset of another sender is used",
            "other_sender",
            "github",
            cause(
                provider::gitea(secret(SECRET)),
                suspects(),
                github_delivery(SECRET, BODY, BODY),
            ),
        ),
        named(
            "the clock is seven minutes wrong",
            "skew",
            "420 s in the past, tolerated 300 s",
            {
                let early = (NOW - 420).to_string();
                cause(
                    provider::stripe(secret(SECRET)),
                    suspects(),
                    stripe_delivery(&early),
                )
            },
        ),
        named(
            "a proxy adds the header again",
            "repeated_header",
            "2 times with equal values",
            {
                let mut request = github_delivery(SECRET, BODY, BODY);
                let value = request.headers()["x-hub-signature-256"].clone();
                request.headers_mut().append("x-hub-signature-256", value);
                cause(github(), suspects(), request)
            },
        ),
        named(
            "the sender calls another URL",
            "url",
            "it has a slash at its end",
            {
                let request = square_delivery("https://example.com/hook/");
                cause(square("https://example.com/hook"), suspects(), request)
            },
        ),
        named(
            "milliseconds are meant as seconds",
            "timestamp_unit",
            "milliseconds",
            {
                let milliseconds = format!("{NOW}000");
                cause(
                    provider::stripe(secret(SECRET)),
                    suspects(),
                    stripe_delivery(&milliseconds),
                )
            },
        ),
        named(
            "the shared key is that of another environment",
            "other_key",
            "\"2026-05\"",
            {
                let request = request([("x-vwo-auth", OLD.into())], "{}");
                cause(provider::vwo(secret(SECRET)), suspects(), request)
            },
        ),
        Row {
            mistake: "the event is authentic and of another type",
            named: Err(
                "the rejection names it: `event_unparseable`, with the parser's error as source",
            ),
            found: {
                let signature = format!("sha1={}", sha1_hex(SECRET, "[]"));
                let request = request([("x-hub-signature", signature)], "[]");
                let rejection = rejected(provider::optimizely(secret(SECRET)), suspects(), request);
                assert_eq!(rejection.kind(), RejectionKind::EventUnparseable);
                assert!(std::error::Error::source(&rejection).is_some());
                assert_eq!(rejection.diagnosis(), None);
                ("none", String::new())
            },
        },
    ];
    assert_eq!(rows.len(), 17);
    for row in &rows {
        let (code, text) = row.named.unwrap_or(("none", ""));
        assert_eq!(row.found.0, code, "{}: {}", row.mistake, row.found.1);
        assert!(
            row.found.1.contains(text),
            "{}: {}",
            row.mistake,
            row.found.1
        );
    }
    assert_eq!(rows.iter().filter(|row| row.named.is_ok()).count(), 15);
}

/// `{"action":"opened"}` compressed by gzip, with tower-http's decompression outside of the layer.
fn decompressed_outside() -> (&'static str, String) {
    const GZIP: &str =
        "1f8b0800000000000203ab564a4c2ec9cccf53b252ca2f48cd4b4d51aa0500726ebcae13000000";
    let gzip = HEXLOWER.decode(GZIP.as_bytes()).expect("digits");
    let signature = format!("sha256={}", sha256_hex(SECRET, &gzip));
    let headers = [
        ("x-hub-signature-256", signature),
        ("content-encoding", "gzip".into()),
    ];
    let layer = WebhookAuthLayer::new(github()).diagnose(suspects());
    let service = RequestDecompressionLayer::new().layer(layer.layer(Inner::default()));
    let response = block_on(service.oneshot(request(headers, gzip))).expect("no error");
    let rejection = rejection(&response);
    let diagnosis = rejection.diagnosis().expect("a diagnosis");
    let cause = diagnosis.cause().expect("a cause");
    assert!(!cause.is_verified());
    (cause.as_str(), cause.to_string())
}

fn indented() -> String {
    let value: serde_json::Value = serde_json::from_str(BODY).expect("JSON");
    let text = serde_json::to_string_pretty(&value).expect("JSON");
    // The order of the delivered keys, not that of the map.
    assert!(text.contains("\n  "));
    "{\n  \"action\": \"opened\",\n  \"number\": 1.0,\n  \"to\": [\n    \"a/b\",\n    \"grün\"\n  ],\n  \
     \"none\": {}\n}"
        .into()
}

#[test]
fn every_text_that_a_sender_may_have_is_found() {
    let whole = |key: &str| github_delivery(key, BODY, BODY);
    for (sender, part) in [
        (format!("{SECRET}\n"), "ends with a newline"),
        (format!("{SECRET}\r\n"), "ends with CR LF"),
        (format!("{SECRET} "), "ends with a space"),
        (format!(" {SECRET}"), "begins with a space"),
        (format!("\"{SECRET}\""), "in double quotes"),
        (format!("'{SECRET}'"), "in single quotes"),
        (SECRET.to_ascii_lowercase(), "no capital letters"),
        (SECRET.to_ascii_uppercase(), "only capital letters"),
    ] {
        let (code, sentence) = cause(github(), suspects(), whole(&sender));
        assert_eq!(code, "key_text", "{part}: {sentence}");
        assert!(
            sentence.contains(part) && sentence.contains("\"current\""),
            "{sentence}"
        );
    }
    for (ours, part) in [
        (format!("\"{SECRET}\""), "quotation marks"),
        (
            format!("\u{feff}{SECRET}\u{a0}"),
            "invisible character around",
        ),
        (
            format!("export TOKEN='{SECRET}'\n"),
            "quotation marks and white space",
        ),
        (
            SECRET.replacen("Twj", "T\u{200b}wj", 1),
            "contains an invisible",
        ),
        (format!("v1,{SECRET}"), "begins with \"v1,\""),
    ] {
        let ours = secret(&ours);
        let (code, sentence) = cause(provider::github(ours.clone()), ours, whole(SECRET));
        assert_eq!(code, "key_text", "{part}: {sentence}");
        assert!(sentence.contains(part), "{part}: {sentence}");
    }
}

#[test]
fn a_key_that_is_decoded_or_not_is_found() {
    let hex = "00112233445566778899aabbccddeeff";
    let key = HEXLOWER.decode(hex.as_bytes()).expect("digits");
    let found = cause(
        provider::github(secret(hex)),
        secret(hex),
        github_delivery(key, BODY, BODY),
    );
    assert!(
        found.1.contains("hexadecimal, and must be decoded"),
        "{}",
        found.1
    );
    let key = BASE64.decode(SECRET.as_bytes()).expect("base64");
    let found = cause(github(), suspects(), github_delivery(&key, BODY, BODY));
    assert!(
        found.1.contains("base64, and must be decoded"),
        "{}",
        found.1
    );

    // Standard Webhooks decodes the key. A sender that uses the whole text is not one.
    let whsec = format!("whsec_{SECRET}");
    let time = NOW.to_string();
    let parts = [b"msg_1.", time.as_bytes(), b".", BODY.as_bytes()];
    let delivery = |key: &[u8]| {
        let signature = BASE64.encode(&mac(hmac::HMAC_SHA256, key, &parts));
        request(
            [
                ("webhook-id", "msg_1".into()),
                ("webhook-timestamp", time.clone()),
                ("webhook-signature", format!("v1,{signature}")),
            ],
            BODY,
        )
    };
    let provider = || provider::standard_webhooks(secret(&whsec)).expect("a provider");
    assert!(
        explained(&provider(), secret(&whsec), delivery(&key)).is_none(),
        "accepted"
    );
    for key in [SECRET.as_bytes(), whsec.as_bytes()] {
        let found = cause(provider(), secret(&whsec), delivery(key));
        assert!(found.1.contains("itself is the key"), "{}", found.1);
    }
}

#[test]
fn every_change_of_a_body_is_found() {
    let spaced = r#"{"action": "opened", "number": 1.0, "to": ["a/b", "grün"], "none": {}}"#;
    let python = spaced.replace('ü', "\\u00fc");
    let php = BODY.replace('ü', "\\u00fc").replace('/', "\\/");
    let sorted = r#"{"action":"opened","none":{},"number":1.0,"to":["a/b","grün"]}"#;
    let twice = r#"{"n":1e3,"n":-0,"big":123456789012345678901234567890}"#;
    let twice_spaced = r#"{ "n" : 1e3, "n":-0 , "big":123456789012345678901234567890 }"#;
    let latin1: Vec<u8> = BODY
        .chars()
        .map(|c| u8::try_from(c).expect("Latin-1"))
        .collect();
    let text = |text: &str| text.as_bytes().to_vec();
    for (signed, delivered, part) in [
        (text(BODY), text(&format!("{BODY}\r\n")), "CR LF was added"),
        (text(&format!("{BODY}\n")), text(BODY), "a newline was cut"),
        (text(&format!("{BODY}\r\n")), text(BODY), "CR LF was cut"),
        (
            text(&format!("\u{feff}{BODY}")),
            text(BODY),
            "byte order mark was cut",
        ),
        (
            text(BODY),
            text(&format!("\u{feff}{BODY}")),
            "byte order mark was added",
        ),
        (text("a\nb\n"), text("a\r\nb\r\n"), "LF became CR LF"),
        (text("a\r\nb\r\n"), text("a\nb\n"), "CR LF became LF"),
        (latin1.clone(), text(BODY), "Latin-1 became UTF-8"),
        (text(BODY), latin1, "UTF-8 became Latin-1"),
        (text(BODY), text(spaced), "white space was added"),
        (text(spaced), text(BODY), "white space was removed"),
        (text(&indented()), text(BODY), "white space was removed"),
        (
            text(&indented().replace("  ", "\t")),
            text(BODY),
            "white space was removed",
        ),
        (text(twice), text(twice_spaced), "white space was added"),
        (
            text(&python),
            text(BODY),
            "escapes in its JSON were decoded",
        ),
        (text(&php), text(BODY), "escapes in its JSON were decoded"),
        (
            text(BODY),
            text(&BODY.replace('ü', "\\u00fc")),
            "letters in its JSON were escaped",
        ),
        (
            text(&BODY.replace('/', "\\/")),
            text(BODY),
            "slashes in its JSON were unescaped",
        ),
        (
            text(BODY),
            text(&BODY.replace('/', "\\/")),
            "slashes in its JSON were escaped",
        ),
        (text(sorted), text(BODY), "alphabetical order"),
        (text(""), text(BODY), "empty body"),
    ] {
        let (code, sentence) = cause(
            github(),
            suspects(),
            github_delivery(SECRET, signed, delivered),
        );
        assert_eq!(code, "body", "{part}: {sentence}");
        assert!(sentence.contains(part), "{part}: {sentence}");
        assert!(sentence.contains("\"current\""), "{sentence}");
    }
}

#[test]
fn every_change_of_a_url_is_found() {
    let configured = "https://example.com/hook?team=7";
    for (entered, part) in [
        ("http://example.com/hook?team=7", "begins with http"),
        ("https://example.com/hook/?team=7", "slash at its end"),
        ("https://example.com/hook", "no query"),
        ("https://example.com:443/hook?team=7", "a port"),
        ("https://www.example.com/hook?team=7", "host of the request"),
    ] {
        let (code, sentence) = cause(square(configured), suspects(), square_delivery(entered));
        assert_eq!(code, "url", "{part}: {sentence}");
        assert!(sentence.contains(part), "{part}: {sentence}");
    }
    let mut request = square_delivery("https://example.com/api/hook?x=1");
    *request.uri_mut() = http::Uri::from_static("/api/hook?x=1");
    let (_, sentence) = cause(square(configured), suspects(), request);
    assert!(
        sentence.contains("path and query of the request"),
        "{sentence}"
    );
    let request = square_delivery("https://example.com/hook");
    let (_, sentence) = cause(square("http://example.com:80/hook/"), suspects(), request);
    assert!(sentence.contains("no cause"), "two differences: {sentence}");
}

/// Some presets have many ways, and each attempt is made in each way. The deliveries are signed with this crate: the
/// question is only whether the search gets to the URL.
#[cfg(feature = "testing")]
#[test]
fn another_url_is_found_for_each_preset_that_signs_the_url() {
    let mut seen = Vec::new();
    for sender in provider::catalogue()
        .iter()
        .filter(|sender| sender.needs_url)
    {
        let url = |url: &str| Some(SignedUrl::exact(url).expect("a URL"));
        let preset = |entered: &str| sender.provider(secret(SECRET), url(entered));
        let Ok(signer) = preset("https://example.com/hook").and_then(|entered| {
            tower_webhook_auth::testing::Signer::new(&entered, &secret(SECRET))
        }) else {
            continue; // Only the sender has the private key.
        };
        for (content_type, body) in [
            ("application/json", BODY),
            ("application/x-www-form-urlencoded", "a=b"),
        ] {
            let request = Request::post("/hook")
                .header("content-type", content_type)
                .header("content-length", body.len())
                .body(Bytes::from(body))
                .expect("a request");
            let Ok(signed) = signer.clone().at(now()).try_sign(request) else {
                continue; // It sends bodies of another type.
            };
            let configured = preset("https://example.com/other").expect("a preset");
            let rejection = rejected(configured, suspects(), signed.map(Full::new));
            if rejection.kind() != RejectionKind::SignatureMismatch {
                continue; // It names the claim that has the URL, or the type of the body.
            }
            let cause = rejection.diagnosis().and_then(Diagnosis::cause);
            let code = cause.map(Cause::as_str);
            assert_eq!(
                code,
                Some("url"),
                "{}, {content_type}: {rejection}",
                sender.name
            );
            seen.push(sender.name);
        }
    }
    seen.dedup();
    assert!(seen.len() > 6, "{seen:?}");
}

#[test]
fn a_url_is_not_varied_by_what_cannot_be_a_part_of_it() {
    let tried = |url: SignedUrl, host: &str, path: &'static str| {
        let mut request = square_delivery("https://an.attacker.example/");
        let host = HeaderValue::from_str(host).expect("a value");
        request.headers_mut().insert("host", host);
        *request.uri_mut() = http::Uri::from_static(path);
        let square = provider::square(secret(SECRET), url);
        diagnosis(square, suspects(), request)
            .expect("a diagnosis")
            .tried()
    };
    let exact = || SignedUrl::exact("https://example.com/hook").expect("a URL");
    let same = tried(exact(), "example.com", "/hook");
    assert!(tried(exact(), "www.example.com", "/hook") > same);
    assert_eq!(tried(exact(), "", "/hook"), same);
    assert_eq!(tried(exact(), &"a".repeat(262), "/hook"), same);
    assert!(tried(exact(), "example.com", "/other") > same);

    // This URL has the path of each request already.
    let origin = || SignedUrl::origin("https://example.com").expect("a URL");
    let same = tried(origin(), "example.com", "/");
    assert_eq!(tried(origin(), "example.com", "/other?a=b"), same);
}

#[test]
fn clocks_and_units_are_read_from_the_head() {
    let stripe = || provider::stripe(secret(SECRET));
    let ahead = diagnosis(
        stripe(),
        suspects(),
        stripe_delivery(&(NOW + 420).to_string()),
    );
    let ahead = ahead.expect("a diagnosis");
    assert_eq!(ahead.tried(), 0);
    let Some(Cause::Skew {
        late,
        by,
        tolerated,
        ..
    }) = ahead.cause()
    else {
        panic!("{ahead:?}");
    };
    assert_eq!(
        (*late, by.as_secs(), tolerated.as_secs()),
        (false, 420, 300)
    );
    let milliseconds = Timestamp::tag("t").milliseconds();
    let scheme = SignatureScheme::hmac_sha256("stripe-signature")
        .item_separator(',')
        .tags('=', ["v1"])
        .timestamp(milliseconds)
        .signed([Piece::Timestamp, Piece::literal("."), Piece::Body])
        .build();
    let provider = Provider::new("acme", scheme.expect("a scheme"), secret(SECRET));
    let found = diagnosis(
        provider.expect("a provider"),
        suspects(),
        stripe_delivery(&NOW.to_string()),
    );
    let unit = Cause::TimestampUnit(TimestampUnit::Seconds);
    assert_eq!(found.expect("a diagnosis").cause(), Some(&unit));
}

/// A hint that is printed, and was not the cause, costs more time than no hint.
#[test]
fn a_delivery_that_nothing_explains_has_no_cause() {
    let found = diagnosis(
        github(),
        suspects(),
        github_delivery("an attacker's", BODY, BODY),
    );
    let found = found.expect("a diagnosis");
    assert_eq!(found.cause(), None);
    assert!(found.tried() > 40, "{}", found.tried());
    assert!(
        found
            .to_string()
            .starts_with("no cause was found: nothing matched in ")
    );
    // Two differences are not one.
    let two = github_delivery(format!("{SECRET}\n"), BODY, format!("{BODY}\n"));
    assert_eq!(
        diagnosis(github(), suspects(), two)
            .expect("examined")
            .cause(),
        None
    );
    // Without headers of any sender there is nothing to say.
    assert_eq!(diagnosis(github(), suspects(), request([], BODY)), None);
    let bearer = request([("authorization", format!("Bearer {OLD}"))], BODY);
    assert_eq!(diagnosis(github(), suspects(), bearer), None);
}

#[test]
fn a_declared_length_that_is_right_is_no_cause() {
    let forged = || github_delivery("an attacker's", BODY, BODY);
    let without = |mut request: Request<Full<Bytes>>| {
        request.headers_mut().remove("content-length");
        request
    };
    let code = |request| cause(github(), suspects(), request).0;
    assert_eq!(code(forged()), "none");
    assert_eq!(code(without(forged())), "outer_layer");
    let mut chunked = without(forged());
    let value = HeaderValue::from_static("chunked");
    chunked.headers_mut().insert("transfer-encoding", value);
    assert_eq!(code(chunked), "none");
    let empty = github_delivery("an attacker's", "", "");
    assert_eq!(code(without(empty)), "none");
    let mut http2 = without(forged());
    *http2.version_mut() = http::Version::HTTP_2;
    assert_eq!(code(http2), "none");
    let longer = github_delivery(
        SECRET,
        BODY,
        BODY.replace("opened", "[redacted by the proxy]"),
    );
    let (mut head, body) = block_on(split(longer));
    head.headers
        .insert("content-length", HeaderValue::from(BODY.len()));
    let (code, sentence) = cause(
        github(),
        suspects(),
        Request::from_parts(head, Full::new(body.clone())),
    );
    assert_eq!(code, "outer_layer");
    let lengths = format!("Content-Length is {}, and {} bytes", BODY.len(), body.len());
    assert!(sentence.contains(&lengths), "{sentence}");
}

/// All clones share the limits, and requests without a signature do not use up those for mismatches.
#[test]
fn an_untrusted_client_cannot_make_it_cost_much() {
    let layer = WebhookAuthLayer::new(github())
        .clock(now)
        .diagnose(suspects());
    let examined = |request: &dyn Fn() -> Request<Full<Bytes>>, times: usize| {
        let responses = (0..times).map(|_| {
            let service = layer.clone().layer(Inner::default());
            block_on(service.oneshot(request())).expect("infallible")
        });
        responses
            .filter(|response| rejection(response).diagnosis().is_some())
            .count()
    };
    let scanner = || request([("x-gitlab-token", "guess".into())], "");
    assert_eq!(examined(&scanner, 100), 8);
    let forged = || github_delivery("an attacker's", BODY, BODY);
    assert_eq!(examined(&forged, 100), 8);

    let large = vec![b' '; 65 * 1024];
    let large = github_delivery("an attacker's", &large, large.clone());
    assert_eq!(diagnosis(github(), suspects(), large), None);
    // Lists in lists become much longer when they are indented, and many suspects are many attempts.
    let nested = format!(
        "{}{}0{}",
        "[".repeat(100),
        "0,".repeat(32_000),
        "]".repeat(100)
    );
    let many = (0..64).map(|index| (format!("key-{index}"), secret(&format!("secret-{index}-x"))));
    let many = Keys::named(many).expect("keys");
    let started = Instant::now();
    let found = diagnosis(
        github(),
        many,
        github_delivery("an attacker's", &nested, nested.clone()),
    );
    println!("the most expensive body: {:?}", started.elapsed());
    assert!(found.expect("examined").tried() <= 128);
}

/// A body of 64 KiB costs as much as 128 attempts with the body as it is. Escapes make it three times as
/// long.
#[test]
fn the_bytes_of_all_attempts_together_are_limited() {
    let keys = ["one", "two", "three", "four"].map(|name| (name, secret(name)));
    let keys = Keys::named(keys).expect("keys");
    let tried = |letters: usize| {
        let body = format!("[\"{}\"]", "ü".repeat(letters));
        let forged = github_delivery("an attacker's", &body, body.clone());
        let found = diagnosis(github(), keys.clone(), forged);
        found.expect("a diagnosis").tried()
    };
    let (short, long) = (tried(10), tried(32_000));
    println!("{short} attempts for a short body, {long} for a long one");
    assert!(long < short, "{long} of {short}");
}

/// The time of a rejection must not show that a key is a suspect.
#[test]
fn a_match_makes_as_many_attempts_as_no_match() {
    let tried = |key| {
        let found = diagnosis(github(), suspects(), github_delivery(key, BODY, BODY));
        found.expect("a diagnosis").tried()
    };
    assert_eq!(tried(OLD), tried("an attacker's"));
}

#[cfg(feature = "ed25519")]
#[test]
fn public_keys_are_tried_a_few_times() {
    use ring::signature::{Ed25519KeyPair, KeyPair};
    let pair = |seed| Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("a seed");
    let public = |seed| secret(&HEXLOWER.encode(pair(seed).public_key().as_ref()));
    let delivery = |seed: u8| {
        let time = NOW.to_string();
        let message = [time.as_bytes(), BODY.as_bytes()].concat();
        let signature = HEXLOWER.encode(pair(seed).sign(&message).as_ref());
        let headers = [
            ("x-signature-ed25519", signature),
            ("x-signature-timestamp", time),
        ];
        request(headers, BODY)
    };
    let keys = Keys::named([("live", public(1)), ("test", public(2))]).expect("keys");
    let discord = || provider::discord(public(1)).expect("a provider");
    let found = diagnosis(discord(), keys.clone(), delivery(2)).expect("a diagnosis");
    assert!(
        matches!(found.cause(), Some(Cause::OtherKey { key, .. }) if key == "test"),
        "{found:?}"
    );
    let found = diagnosis(discord(), keys, delivery(3)).expect("a diagnosis");
    assert_eq!((found.cause(), found.tried()), (None, 8));
}

#[test]
fn a_response_of_the_owner_cannot_contain_it() {
    let layer = WebhookAuthLayer::new(github())
        .diagnose(suspects())
        .on_rejection(|rejection| Response::new(format!("{:?}", rejection.diagnosis())));
    let service = layer.layer(Inner::default());
    let response = block_on(service.oneshot(github_delivery(OLD, BODY, BODY))).expect("infallible");
    assert!(rejection(&response).diagnosis().is_some());
    let body = block_on(response.into_body().collect()).expect("a body");
    assert_eq!(body.to_bytes(), "None");
}

/// An accepted delivery is not examined, also if a suspect would match it another way.
#[test]
fn a_suspect_never_accepts() {
    let layer = WebhookAuthLayer::new(github()).diagnose(suspects());
    let inner = Inner::default();
    let service = layer.layer(inner.clone());
    let response = block_on(service.clone().oneshot(github_delivery(OLD, BODY, BODY)));
    assert_eq!(response.expect("infallible").status(), 401);
    assert_eq!(inner.calls(), 0);
    let response = block_on(service.oneshot(github_delivery(SECRET, BODY, BODY)));
    assert_eq!(response.expect("infallible").status(), 200);
    assert_eq!(inner.calls(), 1);
}

/// The same for a delivery that was kept, with more attempts.
#[test]
fn a_kept_delivery_is_explained_with_more_attempts() {
    let ours = |text: &str| (provider::github(secret(text)), secret(text));
    for (text, difference, at) in [
        (SECRET.replacen("Twj", "Tj", 1), "a letter is missing", 13),
        (SECRET.replacen("Twj", "Twwj", 1), "a letter is doubled", 13),
        (SECRET.replacen("Twj", "Txwj", 1), "a letter too many", 13),
        (
            SECRET.replacen("Twj", "wTj", 1),
            "two letters are exchanged",
            12,
        ),
        (SECRET.replacen("Twj", "T0j", 1), "a letter is wrong", 13),
        (SECRET[1..].to_owned(), "a letter is missing", 0),
        (SECRET[..31].to_owned(), "a letter is missing", 31),
    ] {
        let (provider, keys) = ours(&text);
        let found = explained(&provider, keys, github_delivery(SECRET, BODY, BODY));
        let found = found.expect("a diagnosis");
        let Some(Cause::KeyText {
            difference: found,
            position,
            ..
        }) = found.cause()
        else {
            panic!("{difference}: {found:?}");
        };
        assert!(found.contains(difference), "{difference}: {found}");
        assert_eq!(*position, Some(at), "{difference}");
    }
    let found = explained(
        &github(),
        suspects(),
        github_delivery(SECRET, BODY, indented()),
    );
    assert_eq!(
        found.expect("a diagnosis").cause().map(Cause::as_str),
        Some("body")
    );
    assert_eq!(
        explained(&github(), suspects(), github_delivery(SECRET, BODY, BODY)),
        None
    );
    let found = explained(
        &github(),
        suspects(),
        github_delivery("an attacker's", BODY, BODY),
    );
    let found = found.expect("a diagnosis");
    println!(
        "nothing explains it, and {} attempts were made",
        found.tried()
    );
    assert_eq!(found.cause(), None);
}

#[test]
fn a_kept_delivery_of_another_sender_is_verified_with_its_preset() {
    let gitea = provider::gitea(secret(SECRET));
    let found = explained(&gitea, secret(SECRET), github_delivery(SECRET, BODY, BODY));
    let found = found.expect("a diagnosis");
    let Some(Cause::OtherSender {
        senders, matches, ..
    }) = found.cause()
    else {
        panic!("{found:?}");
    };
    assert!(*matches && senders.len() == 1, "{found:?}");
    assert_eq!(
        found.to_string(),
        "the delivery is verified with another preset: github"
    );
    let found = explained(
        &gitea,
        secret(SECRET),
        github_delivery("an attacker's", BODY, BODY),
    );
    let found = found.expect("the headers are there");
    assert!(found.cause().is_some_and(|cause| !cause.is_verified()));
}

#[test]
fn all_ways_of_a_scheme_are_tried() {
    let way = |header: &str, encoding| {
        let scheme = SignatureScheme::hmac_sha256(header)
            .encoding(encoding)
            .build();
        scheme.expect("a scheme")
    };
    let ways = [
        ("hex", way("x-hex", Encoding::Hex)),
        ("base64", way("x-base64", Encoding::Base64)),
    ];
    let scheme = tower_webhook_auth::Scheme::any_of(ways).expect("a scheme");
    let provider = || Provider::new("acme", scheme.clone(), secret(SECRET)).expect("a provider");
    let signature = BASE64.encode(&mac(
        hmac::HMAC_SHA256,
        SECRET.as_bytes(),
        &[BODY.as_bytes()],
    ));
    let delivery = request([("x-base64", signature)], format!("{BODY}\n"));
    assert_eq!(cause(provider(), suspects(), delivery).0, "body");
    let key = BASE64.decode(SECRET.as_bytes()).expect("base64");
    let signature = BASE64.encode(&mac(hmac::HMAC_SHA256, &key, &[BODY.as_bytes()]));
    let delivery = request([("x-base64", signature)], BODY);
    assert_eq!(cause(provider(), suspects(), delivery).0, "key_text");
}

/// A key source has the same suspects, before and after the option. The body may select the keys.
#[tokio::test]
async fn deliveries_with_keys_of_a_source_are_examined() {
    use tower_webhook_auth::tenants::{Selection, Unverified};
    type Found = std::future::Ready<Result<Option<Keys>, tower_webhook_auth::BoxError>>;
    let look_up = || -> Selection<Found> {
        Selection::LookUp(std::future::ready(Ok(Some(secret("acme-key").into()))))
    };
    let by_head = move |_: Unverified<'_>| look_up();
    let by_body = move |delivery: Unverified<'_>| match delivery.body() {
        Some(_) => look_up(),
        None => Selection::Body,
    };
    let unknown = |_: Unverified<'_>| Selection::<Found>::Unknown;
    let layer = || WebhookAuthLayer::new(github());
    let delivery = || github_delivery(OLD, BODY, BODY);
    let responses = [
        layer()
            .diagnose(suspects())
            .keys_from(by_head)
            .layer(Inner::default())
            .oneshot(delivery())
            .await,
        layer()
            .keys_from(by_head)
            .diagnose(suspects())
            .layer(Inner::default())
            .oneshot(delivery())
            .await,
        layer()
            .keys_from(by_body)
            .diagnose(suspects())
            .layer(Inner::default())
            .oneshot(delivery())
            .await,
        layer()
            .keys_from(unknown)
            .diagnose(suspects())
            .layer(Inner::default())
            .oneshot(delivery())
            .await,
    ];
    for response in responses {
        let rejection = rejection(&response.expect("infallible"));
        let found = rejection.diagnosis().expect("a diagnosis").cause().cloned();
        assert!(
            matches!(&found, Some(Cause::OtherKey { key, .. }) if key == "2026-05"),
            "{found:?}"
        );
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

    /// Bodies that are nearly JSON, with every escape and every character.
    #[test]
    fn no_body_and_no_header_causes_a_panic(
        body in r#"([\[\]{}:,"\\u/ \n0-9a-fdD+\-]|\\u[0-9a-fA-F+]{1,4}|\PC){0,60}"#,
        host in r"[ -~]{0,300}",
        path in r"/[a-z?/=]{0,20}",
    ) {
        let forged = github_delivery("an attacker's", "", body.as_bytes());
        let found = diagnosis(github(), suspects(), forged);
        proptest::prop_assert!(found.is_some());
        proptest::prop_assert_eq!(found.as_ref().and_then(Diagnosis::cause), None);
        let mut request = square_delivery("https://attacker.example/");
        if let Ok(host) = HeaderValue::from_str(&host) {
            request.headers_mut().insert("host", host);
        }
        *request.uri_mut() = path.parse().expect("a path");
        let found = diagnosis(square("https://example.com/hook"), suspects(), request);
        proptest::prop_assert!(found.is_some());
        proptest::prop_assert_eq!(found.as_ref().and_then(Diagnosis::cause), None);
    }

    /// A sender that prints JSON in one of these ways, and a proxy that prints it in another.
    #[test]
    fn json_that_was_printed_again_is_found(
        texts in proptest::collection::vec(r#"[ -~à-ÿ]{0,12}"#, 1..6),
        number in proptest::num::i64::ANY,
    ) {
        let value = serde_json::json!({ "b": texts, "a": { "n": number, "e": [], "t": true } });
        let compact = value.to_string();
        let pretty = serde_json::to_string_pretty(&value).expect("JSON");
        for (signed, delivered) in [(&compact, &pretty), (&pretty, &compact)] {
            let found = cause(github(), suspects(), github_delivery(SECRET, signed, delivered.as_str()));
            proptest::prop_assert_eq!(found.0, "body", "{}", found.1);
        }
    }
}

/// A rejection without a diagnosis, for example of a body that is too large, costs nothing.
#[test]
fn a_rejection_that_cannot_be_explained_does_not_use_up_the_limit() {
    let layer = WebhookAuthLayer::new(github())
        .clock(now)
        .max_body_bytes(BODY.len() - 1)
        .diagnose(suspects());
    let send = |request| {
        let service = layer.clone().layer(Inner::default());
        rejection(&block_on(service.oneshot(request)).expect("infallible"))
    };
    for _ in 0..100 {
        let large = send(github_delivery(SECRET, BODY, BODY));
        assert_eq!(large.kind(), RejectionKind::BodyTooLarge);
        assert_eq!(large.diagnosis(), None);
    }
    let scanner = send(request([("x-gitlab-token", "guess".into())], ""));
    assert!(scanner.diagnosis().is_some());
}

/// The secret of the owner lacks a letter. To try all letters of all keys would be many attempts.
#[test]
fn typing_mistakes_are_not_tried_for_an_untrusted_client() {
    for text in [&SECRET[1..], &SECRET[..31]] {
        let provider = || provider::github(secret(text));
        let delivery = || github_delivery(SECRET, BODY, BODY);
        let found = diagnosis(provider(), secret(text), delivery()).expect("a diagnosis");
        assert_eq!(found.cause(), None);
        let found = explained(&provider(), secret(text), delivery()).expect("a diagnosis");
        assert_eq!(found.cause().map(Cause::as_str), Some("key_text"));
        assert!(found.cause().is_some_and(Cause::is_verified));
    }
}

/// A shared key proves nothing about the body, so no change of the body can be the cause.
#[test]
fn other_bodies_are_not_tried_for_a_shared_key() {
    let tried = |body: &str| {
        let guess = request([("x-vwo-auth", "a guess".into())], body);
        let found = explained(&provider::vwo(secret(SECRET)), suspects(), guess);
        found.expect("a diagnosis").tried()
    };
    assert_eq!(tried(""), tried("{\"a\": \"gr\u{fc}n/\"}\r\n"));
}

#[test]
fn a_repeated_header_is_told_from_a_value_with_two_timestamps() {
    let stripe = || provider::stripe(secret(SECRET));
    let value = |time: u64| format!("t={time},v1={}", "00".repeat(32));
    let twice = |first: String, second: String| {
        let mut request = request([("stripe-signature", first)], BODY);
        let second = second.parse().expect("a value");
        request.headers_mut().append("stripe-signature", second);
        request
    };
    let repeated = |first, second| cause(stripe(), suspects(), twice(first, second));
    let (code, text) = repeated(value(NOW), value(NOW));
    assert_eq!(code, "repeated_header");
    assert!(text.contains("2 times with equal values"), "{text}");
    let (code, text) = repeated(value(NOW), value(NOW - 1));
    assert_eq!(code, "repeated_header");
    assert!(text.contains("2 times with different values"), "{text}");

    let one = request(
        [("stripe-signature", format!("t={NOW},{}", value(NOW)))],
        BODY,
    );
    let found = rejected(stripe(), suspects(), one);
    assert_eq!(found.kind(), RejectionKind::HeaderDuplicated);
    assert_eq!(found.diagnosis(), None);
}

/// A preset whose keys have another form is not a preset of these keys.
#[test]
fn a_kept_delivery_is_not_tried_with_a_preset_that_cannot_use_the_keys() {
    let delivery = request(
        [
            ("x-signature-ed25519", "00".repeat(64)),
            ("x-signature-timestamp", "1700000000".into()),
        ],
        BODY,
    );
    let found = explained(&github(), suspects(), delivery).expect("the headers are there");
    let Some(Cause::OtherSender {
        senders, matches, ..
    }) = found.cause()
    else {
        panic!("{found:?}");
    };
    assert!(senders.contains(&"discord") && !matches, "{found:?}");
    assert_eq!(found.tried(), 0);
}

#[test]
fn typing_mistakes_are_tried_only_in_texts_of_ascii() {
    let ours = "schl\u{fc}ssel-MfKQ9r8GKYqrTwjUPD8";
    let delivery = github_delivery(format!("{ours}I"), BODY, BODY);
    let found = explained(&provider::github(secret(ours)), secret(ours), delivery);
    assert_eq!(found.expect("a diagnosis").cause(), None);
}

/// The body is authentic, and it is no diagnosis of keys that says why it is not read.
#[test]
fn a_kept_delivery_without_a_key_in_question_has_no_diagnosis() {
    let mut delivery = github_delivery(SECRET, BODY, BODY);
    *delivery.uri_mut() = "/hook?a=1&a=1".parse().expect("a path");
    let scheme = SignatureScheme::hmac_sha256("x-hub-signature-256")
        .tags('=', ["sha256"])
        .signed([Piece::query("a"), Piece::literal("."), Piece::Body]);
    let acme = Provider::<Bytes>::new("acme", scheme.build().expect("a scheme"), secret(SECRET));
    let found = explained(&acme.expect("a provider"), suspects(), delivery);
    assert_eq!(found, None);
}

/// A scheme with its key in the body is code of this crate, and each attempt reads the body again.
#[test]
fn typing_mistakes_are_not_tried_for_a_key_in_the_body() {
    let scheme = tower_webhook_auth::BodyKeyScheme::json("/passcode").build();
    let figma = Provider::<Bytes>::new("figma", scheme.expect("a scheme"), secret(SECRET));
    let figma = figma.expect("a provider");
    let delivery = |key: &str| request([], format!(r#"{{"passcode":"{key}"}}"#));
    let found = explained(&figma, suspects(), delivery(&SECRET[1..]));
    let found = found.expect("a diagnosis");
    assert_eq!(found.cause(), None, "{found:?}");
    assert!(found.tried() < 100, "{found:?}");
}
