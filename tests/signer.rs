//! The signer. Some tests are round trips through the layer, and their comments say so. Other tests compare
//! the headers with the slow reference.
#![cfg(feature = "testing")]

#[path = "common/judge.rs"]
mod judge;
#[path = "common/reference.rs"]
mod reference;

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use judge::{NOW, at, judge};
use reference::Hash::{Sha256, Sha512};
use tower_webhook_auth::{
    Claim, Encoding, KeyEncoding, Keys, Piece, Provider, RejectionKind, Scheme, Secret,
    SharedKeyScheme, SignatureScheme, SignedUrl, SortedForm, Timestamp,
    provider::{self, HeaderRole},
    testing::Signer,
};

const BODY: &str = r#"{"type":"invoice.paid"}"#;

fn secret() -> Secret {
    Secret::new("wJ4mX9").expect("a secret")
}

fn acme(scheme: SignatureScheme, keys: impl Into<Keys>) -> Provider<Bytes> {
    Provider::new("acme", scheme.build().expect("a scheme"), keys).expect("a provider")
}

fn plain() -> SignatureScheme {
    SignatureScheme::hmac_sha256("x-signature")
}

fn standard_webhooks() -> SignatureScheme {
    SignatureScheme::hmac_sha256("webhook-signature")
        .encoding(Encoding::Base64)
        .item_separator(' ')
        .tags(',', ["v1"])
        .timestamp(Timestamp::header("webhook-timestamp"))
        .id_header("webhook-id")
        .signed([
            Piece::Id,
            Piece::literal("."),
            Piece::Timestamp,
            Piece::literal("."),
            Piece::Body,
        ])
        .key_encoding(KeyEncoding::Base64)
        .key_prefix("whsec_")
}

fn whsec(key: &[u8]) -> Secret {
    Secret::new(format!("whsec_{}", reference::base64(key))).expect("a secret")
}

/// WorkOS writes a space after the comma, and its package for Python rejects a header without it. The
/// layer accepts a header with and without the space.
#[test]
fn the_header_of_workos_has_a_space_after_the_comma() {
    let workos = provider::workos(secret());
    let signer = Signer::new(&workos, &secret()).expect("a signer");
    let signed = signer.sign(post(BODY));
    let value = header(&signed, "workos-signature").to_owned();
    let (time, signature) = value.split_once(", ").expect("a space after the comma");
    let time = time.strip_prefix("t=").expect("a timestamp");
    let hmac = reference::hmac(Sha256, b"wJ4mX9", format!("{time}.{BODY}").as_bytes());
    assert_eq!(signature, format!("v1={}", reference::hex(&hmac)));
    let now = SystemTime::UNIX_EPOCH + Duration::from_millis(time.parse().expect("digits"));
    for value in [value.clone(), value.replace(", ", ",")] {
        let mut request = post(BODY);
        let value = value.parse().expect("a value");
        request.headers_mut().insert("workos-signature", value);
        let (head, body) = request.into_parts();
        let verdict = workos.verify(&head, body, now);
        assert!(verdict.is_ok(), "{:?}", verdict.err());
    }
}

fn post(body: &'static str) -> Request<Bytes> {
    Request::post("/hook")
        .body(Bytes::from(body))
        .expect("a request")
}

fn header<'a, B>(request: &'a Request<B>, name: &str) -> &'a str {
    let value = request.headers().get(name).expect(name);
    value.to_str().expect("text")
}

/// The delivery in the tests of the Standard Webhooks libraries: secret, id, time, body and signature.
#[test]
fn it_signs_like_the_standard_webhooks_libraries() {
    let secret =
        Secret::new(concat!("whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")).expect("a secret");
    let receiver = acme(standard_webhooks(), secret.clone());
    let signer = Signer::new(&receiver, &secret).expect("a signer");
    let request = signer
        .at(at(1_614_265_330))
        .with_id("msg_p5jXN8AQM9LWM0D4loKWxJek")
        .try_sign(post(r#"{"test": 2432232314}"#))
        .expect("signed");
    assert_eq!(
        header(&request, "webhook-id"),
        "msg_p5jXN8AQM9LWM0D4loKWxJek"
    );
    assert_eq!(header(&request, "webhook-timestamp"), "1614265330");
    assert_eq!(
        header(&request, "webhook-signature"),
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    );
}

#[test]
fn retries_have_the_same_id_and_a_new_time() {
    let secret = whsec(b"some key");
    let receiver = acme(standard_webhooks(), secret.clone());
    let signer = Signer::new(&receiver, &secret)
        .expect("a signer")
        .with_id("msg_1");
    let attempt = |time| signer.clone().at(at(time)).sign(post(BODY));
    let (first, second) = (attempt(NOW - 200), attempt(NOW));
    assert_eq!(header(&first, "webhook-id"), "msg_1");
    assert_eq!(header(&second, "webhook-id"), "msg_1");
    assert_ne!(
        header(&first, "webhook-timestamp"),
        header(&second, "webhook-timestamp")
    );
    for request in [first, second] {
        let verified = judge(&receiver, request.map(Full::new)).expect("verified");
        assert_eq!(verified.delivery_id(), Some(Claim::Signed("msg_1")));
    }
}

#[test]
fn an_id_and_a_time_of_the_request_are_kept() {
    let secret = whsec(b"some key");
    let receiver = acme(standard_webhooks(), secret.clone());
    let signer = Signer::new(&receiver, &secret).expect("a signer");
    let time = (NOW - 7).to_string();
    let mut request = post(BODY);
    let headers = request.headers_mut();
    headers.insert("webhook-id", "msg_2".parse().expect("a value"));
    headers.insert("webhook-timestamp", time.parse().expect("a value"));
    let request = signer.with_id("msg_1").at(at(NOW)).sign(request);
    let verified = judge(&receiver, request.map(Full::new)).expect("verified");
    assert_eq!(verified.delivery_id(), Some(Claim::Signed("msg_2")));
    assert_eq!(verified.signed_at(), Some(at(NOW - 7)));
}

#[test]
fn each_request_without_an_id_gets_its_own_id() {
    let secret = whsec(b"some key");
    let signer = Signer::new(&acme(standard_webhooks(), secret.clone()), &secret);
    let signer = signer.expect("a signer");
    let (one, other) = (signer.request(BODY), signer.request(BODY));
    assert!(header(&one, "webhook-id").starts_with("msg_"));
    assert_ne!(header(&one, "webhook-id"), header(&other, "webhook-id"));
}

#[test]
fn a_request_is_signed_with_the_current_time_by_default() {
    let secret = whsec(b"some key");
    let signer = Signer::new(&acme(standard_webhooks(), secret.clone()), &secret);
    let signer = signer.expect("a signer");
    let seconds = |time: SystemTime| {
        let since = time.duration_since(SystemTime::UNIX_EPOCH);
        since.expect("after 1970").as_secs()
    };
    let before = seconds(SystemTime::now());
    let request = signer.request(BODY);
    let after = seconds(SystemTime::now());
    let written: u64 = header(&request, "webhook-timestamp")
        .parse()
        .expect("seconds");
    assert!((before..=after).contains(&written));
    let request = signer.at(at(NOW)).request(BODY);
    assert_eq!(header(&request, "webhook-timestamp"), NOW.to_string());
}

#[test]
fn a_delivery_can_have_signatures_of_the_old_and_the_new_key() {
    let (old, new) = (whsec(b"the old key"), whsec(b"the new key"));
    let receiver = |secret: &Secret| acme(standard_webhooks(), secret.clone());
    let signer = Signer::new(&receiver(&new), &new)
        .and_then(|signer| signer.add_key(&old))
        .expect("a signer")
        .at(at(NOW));
    let request = || signer.request(BODY);
    assert_eq!(
        header(&request(), "webhook-signature")
            .split(' ')
            .filter(|item| item.starts_with("v1,"))
            .count(),
        2
    );
    assert!(judge(&receiver(&old), request()).is_ok());
    assert!(judge(&receiver(&new), request()).is_ok());
    assert_eq!(
        judge(&receiver(&whsec(b"another key")), request()).err(),
        Some(RejectionKind::SignatureMismatch)
    );
}

/// A way that cannot have a second signature is left out.
#[test]
fn a_second_key_signs_in_each_way_that_can_have_two_signatures() {
    let several = |header: &str| SignatureScheme::hmac_sha256(header).item_separator(',');
    let form = several("x-form").signed([Piece::SortedForm(SortedForm::new())]);
    let ways = [
        ("form", form),
        ("one key", plain()),
        ("body", several("x-body")),
    ]
    .map(|(name, way)| (name, way.build().expect("a scheme")));
    let scheme = Scheme::any_of(ways).expect("a scheme");
    let sender = Provider::new("acme", scheme, secret()).expect("a provider");
    let other = Secret::new("other").expect("a secret");
    let signer = Signer::new(&sender, &secret()).expect("a signer");
    assert!(signer.request(BODY).headers().contains_key("x-signature"));

    let signer = signer.add_key(&other).expect("two signatures");
    for (body, name) in [(BODY, "x-body"), ("b=1&a=2", "x-form")] {
        let request = signer.request(body);
        assert_eq!(header(&request, name).split(',').count(), 2, "{name}");
        assert!(judge(&sender, request).is_ok(), "{name}");
    }
}

#[test]
fn parallel_headers_have_one_signature_each() {
    let scheme = || plain().parallel_header("x-second");
    let other = Secret::new("other").expect("a secret");
    let signer = Signer::new(&acme(scheme(), secret()), &secret())
        .and_then(|signer| signer.add_key(&other))
        .expect("a signer");
    let request = signer.request(BODY);
    let hmac = |key: &[u8]| reference::hex(&reference::hmac(Sha256, key, BODY.as_bytes()));
    assert_eq!(header(&request, "x-signature"), hmac(b"wJ4mX9"));
    assert_eq!(header(&request, "x-second"), hmac(b"other"));
    assert!(judge(&acme(scheme(), other.clone()), request).is_ok());
    assert_eq!(
        signer.add_key(&other).expect_err("two headers").to_string(),
        "a delivery of this scheme cannot have one more signature: use one signer for each key"
    );
}

#[test]
fn a_header_for_one_signature_cannot_have_two() {
    let signer = Signer::new(&acme(plain(), secret()), &secret()).expect("a signer");
    assert!(signer.add_key(&secret()).is_err());
    let vwo = provider::vwo(secret());
    let signer = Signer::new(&vwo, &secret()).expect("a signer");
    assert!(signer.add_key(&secret()).is_err());
}

/// The delivery in Optimizely's documentation.
#[test]
fn it_signs_like_optimizely() {
    let secret = Secret::new("yIRFMTpsBcAKKRjJPCIykNo6EkNxJn_nq01-_r3S8i4").expect("a secret");
    let optimizely = provider::optimizely(secret.clone());
    let signer = Signer::new(&optimizely, &secret).expect("a signer");
    let cases: serde_json::Value =
        serde_json::from_str(include_str!("vectors/providers.json")).expect("JSON");
    let body = cases[0]["body_base64"].as_str().expect("a body");
    let body = reference::unbase64(body.as_bytes()).expect("base64");
    let request = signer.request(body);
    assert_eq!(
        header(&request, "x-hub-signature"),
        "sha1=b2493723c6ea6973fbda41573222c8ecb1c82666"
    );
    assert_eq!(request.method(), Method::POST);
    assert_eq!(header(&request, "content-type"), "application/json");
    assert!(judge(&optimizely, request).is_ok());
}

/// A round trip: the crate both signs and verifies. A preset may read only forms, only JSON, or both, each in a way of
/// its own.
#[test]
fn a_form_and_json_are_signed_in_the_way_in_which_the_preset_reads_them() {
    let key = Secret::new("44782DEF547AAA06C910C43932B1EB0C").expect("a secret");
    let mut in_both = Vec::new();
    for sender in provider::catalogue() {
        let url = SignedUrl::exact("https://example.com/hook").expect("a URL");
        let Ok(preset) = sender.provider(key.clone(), Some(url)) else {
            continue; // Its keys are public keys.
        };
        let Ok(signer) = Signer::new(&preset, &key) else {
            continue;
        };
        let verdict = |body: &'static str| {
            let (head, body) = signer
                .request_to("/hook".parse().expect("a path"), body)
                .into_parts();
            let body = futures_executor::block_on(http_body_util::BodyExt::collect(body));
            let body = body.expect("infallible").to_bytes();
            let verified = preset.verify(&head, body, SystemTime::now());
            verified.map(|webhook| webhook.way().map(str::to_owned))
        };
        let (form, json) = (verdict("b=2&a=1"), verdict(BODY));
        for verdict in [&form, &json] {
            let kind = verdict
                .as_ref()
                .err()
                .map(tower_webhook_auth::Rejection::kind);
            assert_ne!(
                kind,
                Some(RejectionKind::SignatureMismatch),
                "{}",
                sender.name
            );
        }
        if let (Ok(Some(form)), Ok(Some(json))) = (form, json)
            && form != json
        {
            in_both.push((sender.name, form, json));
        }
    }
    let twilio = ("twilio", "form".to_owned(), "body".to_owned());
    assert!(in_both.contains(&twilio), "{in_both:?}");
}

/// A round trip: the crate both signs and verifies.
#[test]
fn signed_requests_are_accepted_in_every_kind_of_scheme() {
    let time = || Timestamp::header("x-timestamp");
    let schemes = [
        plain(),
        SignatureScheme::hmac_sha1("x-signature").tags('=', ["sha1"]),
        SignatureScheme::hmac_sha512("x-signature").encoding(Encoding::Base64Url),
        plain()
            .item_separator(',')
            .tags('=', ["v1", "v2"])
            .timestamp(Timestamp::tag("t").milliseconds())
            .signed([Piece::Timestamp, Piece::literal("."), Piece::Body]),
        plain()
            .timestamp(time().rfc3339())
            .signed([Piece::Body, Piece::Timestamp]),
        plain()
            .timestamp(time().milliseconds())
            .url(SignedUrl::origin("https://example.com").expect("a URL"))
            .signed([Piece::Method, Piece::Url, Piece::Body, Piece::Timestamp])
            .accept_movable_body_boundary(),
        plain()
            .alias("x-old-signature")
            .id_header("x-id")
            .id_header("x-old-id")
            .signed([Piece::Id, Piece::literal(":"), Piece::Body]),
        plain().require_header("x-version", "1"),
        SignatureScheme::keyless_sha256_open_to_length_extension("x-signature")
            .signed([Piece::Secret, Piece::Body]),
    ];
    for scheme in schemes {
        let receiver = acme(scheme.clone(), secret());
        let signer = Signer::new(&receiver, &secret()).expect("a signer");
        let signer = signer.at(at(NOW));
        for body in [&b""[..], BODY.as_bytes(), b"\xff\x00"] {
            let to_a_path = "/hook?team=7".parse().expect("a path");
            for request in [signer.request(body), signer.request_to(to_a_path, body)] {
                let verdict = judge(&receiver, request);
                assert!(verdict.is_ok(), "{scheme:?}: {verdict:?}");
            }
        }
        let other = Secret::new("other").expect("a secret");
        let forger = Signer::new(&receiver, &other).expect("a signer");
        assert_eq!(
            judge(&receiver, forger.at(at(NOW)).request(BODY)).err(),
            Some(RejectionKind::SignatureMismatch),
            "{scheme:?}"
        );
    }
}

#[test]
fn requests_with_a_shared_key_are_accepted() {
    let new = || SharedKeyScheme::new("authorization");
    for (scheme, expected) in [
        (new(), "user:pass"),
        (new().bearer(), "Bearer user:pass"),
        (new().basic(), "Basic dXNlcjpwYXNz"),
    ] {
        let secret = Secret::new("user:pass").expect("a secret");
        let scheme = scheme.build().expect("a scheme");
        let receiver = Provider::new("acme", scheme, secret.clone()).expect("a provider");
        let request = Signer::new(&receiver, &secret)
            .expect("a signer")
            .request(BODY);
        assert_eq!(header(&request, "authorization"), expected);
        assert!(request.headers()["authorization"].is_sensitive());
        assert!(judge(&receiver, request).is_ok());
    }
}

#[test]
fn an_existing_signature_of_the_request_is_replaced() {
    let receiver = acme(SignatureScheme::hmac_sha512("x-signature"), secret());
    let signer = Signer::new(&receiver, &secret()).expect("a signer");
    let again = signer.sign(signer.sign(post(BODY)).map(|_| Bytes::from("other")));
    let hmac = reference::hmac(Sha512, b"wJ4mX9", b"other");
    assert_eq!(header(&again, "x-signature"), reference::hex(&hmac));
    assert_eq!(again.headers().get_all("x-signature").iter().count(), 1);
}

#[test]
fn a_request_that_cannot_be_signed_is_an_error_and_has_no_signature() {
    let secret = whsec(b"some key");
    let signer = Signer::new(&acme(standard_webhooks(), secret.clone()), &secret);
    let signer = signer.expect("a signer");
    for (id, message) in [
        (
            "msg.1",
            "the request cannot be signed: header is malformed: webhook-id: expected a value without the \
             separator that is next to it in the signed content, found this separator inside the value",
        ),
        (
            "",
            "the request cannot be signed: its id must be visible ASCII characters, and not empty",
        ),
        (
            "msg 1",
            "the request cannot be signed: its id must be visible ASCII characters, and not empty",
        ),
        (
            "msg\n1",
            r#"the header webhook-id cannot have the value "msg\n1": use visible ASCII characters"#,
        ),
    ] {
        let signer = signer.clone().with_id(id);
        let error = signer.try_sign(post(BODY)).expect_err(id);
        assert_eq!(error.to_string(), message);
        assert!(
            !signer
                .request(BODY)
                .headers()
                .contains_key("webhook-signature")
        );
    }

    let scheme = plain().signed([Piece::header("x-topic"), Piece::literal("\n"), Piece::Body]);
    let receiver = acme(scheme, self::secret());
    let signer = Signer::new(&receiver, &self::secret()).expect("a signer");
    assert_eq!(
        signer
            .try_sign(post(BODY))
            .expect_err("no topic")
            .to_string(),
        "the request cannot be signed: header is missing: x-topic"
    );
    let mut request = post(BODY);
    let topic = "orders".parse().expect("a value");
    request.headers_mut().insert("x-topic", topic);
    let request = signer.try_sign(request).expect("signed");
    assert!(judge(&receiver, request.map(Full::new)).is_ok());
}

#[test]
fn a_secret_that_the_scheme_cannot_use_is_an_error() {
    let receiver = acme(standard_webhooks(), whsec(b"some key"));
    let error = Signer::new(&receiver, &Secret::new("!!").expect("a secret"));
    assert_eq!(
        error.expect_err("no base64").to_string(),
        "secret is not base64 and does not begin with the prefix \"whsec_\": copy it from the sender \
         again, all of it"
    );
    let vwo = provider::vwo(secret());
    let error = Signer::new(&vwo, &Secret::from_bytes(*b"a\nb").expect("a secret"));
    assert_eq!(
        error.expect_err("a newline").to_string(),
        "the secret has characters that a header cannot hold"
    );
}

#[cfg(feature = "ed25519")]
#[test]
fn a_public_key_cannot_sign() {
    // RFC 8032 section 7.1, the public key of the first test.
    let key = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    let key = Secret::new(key).expect("a key");
    let scheme = SignatureScheme::ed25519("x-signature").key_encoding(KeyEncoding::Hex);
    let error = Signer::new(&acme(scheme, key.clone()), &key);
    assert_eq!(
        error.expect_err("a public key").to_string(),
        "a public key cannot sign: use an algorithm with a shared secret"
    );
}

#[test]
fn debug_shows_no_secret() {
    let signer = Signer::new(&acme(plain(), secret()), &secret()).expect("a signer");
    assert!(!format!("{signer:?}").contains("wJ4mX9"));
}

/// A round trip: a delivery that was signed a day ago is accepted again, with another id and time.
#[test]
fn a_delivery_of_each_preset_that_reads_a_time_can_be_renewed() {
    let secret = Secret::new("00112233445566778899aabbccddeeff").expect("a secret");
    let url = || SignedUrl::exact("https://example.com/hook").expect("a URL");
    let day = Duration::from_secs(24 * 60 * 60);
    let mut renewed = 0;
    for sender in provider::catalogue() {
        let Ok(provider) = sender.provider(secret.clone(), Some(url())) else {
            continue;
        };
        let Ok(signer) = Signer::new(&provider, &secret) else {
            continue;
        };
        let mut request = post(BODY);
        for (role, name) in &sender.ways()[0].headers {
            if *role == HeaderRole::Signed {
                let value = "n-1".parse().expect("a value");
                request.headers_mut().insert(name, value);
            }
        }
        let signer = signer.at(at(NOW));
        let kept = signer.sign(request);
        let judge = |request: &Request<Bytes>| {
            let (head, body) = request.clone().into_parts();
            let verdict = provider.verify(&head, body, at(NOW) + day);
            verdict.map_err(|rejection| rejection.kind())
        };
        if judge(&kept).err() != Some(RejectionKind::TimestampTooOld) {
            continue;
        }
        let signer = signer.at(at(NOW) + day);
        let id = |request: &Request<Bytes>| request.headers().get("webhook-id").cloned();
        // Those with the time in the signature header have no time to keep.
        let verdict = judge(&signer.clone().renew().sign(kept.clone()));
        assert!(verdict.is_ok(), "{}: {:?}", sender.name, verdict.err());
        if id(&kept).is_some() {
            assert_ne!(id(&kept), id(&signer.renew().sign(kept)), "{}", sender.name);
        }
        renewed += 1;
    }
    assert!(renewed >= 50, "{renewed} presets read a time");
}
