//! HTTP Message Signatures: the vectors of RFC 9421, those of an independent implementation, and what a careless
//! implementation accepts.
#![cfg(all(
    feature = "ecdsa-p256",
    feature = "ed25519",
    feature = "http-signatures",
    feature = "rsa",
    feature = "testing"
))]

mod common;
#[path = "common/reference.rs"]
mod reference;

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{HeaderValue, Request};
use http_body_util::Full;
use serde_json::Value;
use tower::{Layer, ServiceExt};
use tower_webhook_auth::{
    Authentication, Claim, ConfigError, HttpSignatureScheme, Keys, Provider, Rejection,
    RejectionKind, Secret, SignedUrl, Verified, WebhookAuthLayer, testing::Signer,
};

use self::{
    common::{
        Inner,
        case::{one_or_many, secret, text},
    },
    reference::{Hash, base64, hmac, unbase64},
};

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn provider(scheme: HttpSignatureScheme, key: &str) -> Provider<Bytes> {
    let scheme = scheme.build().expect("a scheme");
    Provider::new("acme", scheme, secret(key).expect("a key")).expect("a provider")
}

fn verify(
    provider: &Provider<Bytes>,
    request: Request<&str>,
    now: u64,
) -> Result<Verified<Bytes>, Rejection> {
    let (head, body) = request.into_parts();
    provider.verify(&head, Bytes::copy_from_slice(body.as_bytes()), at(now))
}

/// The request of RFC 9421, appendix B.2, with a signature.
fn rfc(input: &str, signature: &str) -> Request<&'static str> {
    Request::post("/foo?param=Value&Pet=dog")
        .header("host", "example.com")
        .header("date", "Tue, 20 Apr 2021 02:07:55 GMT")
        .header("content-type", "application/json")
        .header(
            "content-digest",
            "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:",
        )
        .header("content-length", "18")
        .header("signature-input", input)
        .header("signature", signature)
        .body("{\"hello\": \"world\"}")
        .expect("a request")
}

/// When the signatures of the RFC were created.
const CREATED: u64 = 1_618_884_473;

/// RFC 9421, appendix B.1.2: test-key-rsa-pss.
const RSA_PSS: &str = "-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAr4tmm3r20Wd/PbqvP1s2
+QEtvpuRaV8Yq40gjUR8y2Rjxa6dpG2GXHbPfvMs8ct+Lh1GH45x28Rw3Ry53mm+
oAXjyQ86OnDkZ5N8lYbggD4O3w6M6pAvLkhk95AndTrifbIFPNU8PPMO7OyrFAHq
gDsznjPFmTOtCEcN2Z1FpWgchwuYLPL+Wokqltd11nqqzi+bJ9cvSKADYdUAAN5W
Utzdpiy6LbTgSxP7ociU4Tn0g5I6aDZJ7A8Lzo0KSyZYoA485mqcO0GVAdVw9lq4
aOT9v6d+nb4bnNkQVklLQ3fVAvJm+xdDOp9LCNCN48V2pnDOkFV6+U9nV5oyc6XI
2wIDAQAB
-----END PUBLIC KEY-----
";

/// Appendix B.1.4: test-key-ed25519.
const ED25519: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=
-----END PUBLIC KEY-----
";

/// Appendix B.1.5: test-shared-secret.
const SHARED: &str =
    "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==";

const B23: &str = "sig-b23=(\"date\" \"@method\" \"@path\" \"@query\" \"@authority\" \"content-type\" \
                   \"content-digest\" \"content-length\");created=1618884473;keyid=\"test-key-rsa-pss\"";

const B23_SIGNATURE: &str = "sig-b23=:bbN8oArOxYoyylQQUU6QYwrTuaxLwjAC9fbY2F6SVWvh0yBiMIRGOnMYwZ/5MR6f\
     b0Kh1rIRASVxFkeGt683+qRpRRU5p2voTp768ZrCUb38K0fUxN0O0iC59DzYx8DFll5GmydPxSmme9v6ULbMFkl+V5B1TP/yPViV\
     7KsLNmvKiLJH1pFkh/aYA2HXXZzNBXmIkoQoLd7YfW91kE9o/CCoC1xMy7JA1ipwvKvfrs65ldmlu9bpG6A9BmzhuzF8Eim5f8ui\
     9eH8LZH896+QIF61ka39VBrohr9iyMUJpvRX2Zbhl5ZJzSRxpJyoEZAFL2FUo5fTIztsDZKEgM4cUA==:";

fn url() -> SignedUrl {
    SignedUrl::origin("https://example.com").expect("a URL")
}

/// The examples for requests in appendix B.2. B.2.2 has `@query-param`, which is not supported, and B.2.4 is a
/// response.
#[test]
fn the_examples_of_rfc_9421_are_verified() {
    let nothing = || Vec::<String>::new();
    let b21 = provider(
        HttpSignatureScheme::rsa_pss_sha512()
            .require(nothing())
            .nonce_is_id(),
        RSA_PSS,
    );
    let request = || {
        rfc(
            "sig-b21=();created=1618884473;keyid=\"test-key-rsa-pss\";nonce=\"b3k2pp5k7z-50gnwp.yemd\"",
            "sig-b21=:d2pmTvmbncD3xQm8E9ZV2828BjQWGgiwAaw5bAkgibUopemLJcWDy/lkbbHAve4cRAtx31Iq786U7it++wgG\
             xbtRxf8Udx7zFZsckzXaJMkA7ChG52eSkFxykJeNqsrWH5S+oxNFlD4dzVuwe8DhTSja8xxbR/Z2cOGdCbzR72rgFWhzx2Vj\
             BqJzsPLMIQKhO4DGezXehhWwE56YCE+O6c0mKZsfxVrogUvA4HELjVKWmAvtl6UnCh8jYzuVG5WSb/QEVPnP5TmcAnLH1g+s\
             ++v6d4s8m0gCw1fV5/SITLq9mhho8K3+7EPYTU8IU1bLhdxO5Nyt8C8ssinQ98Xw9Q==:",
        )
    };
    let verified = verify(&b21, request(), CREATED).expect("B.2.1");
    assert!(!verified.body_is_signed());
    assert!(matches!(
        verified.delivery_id(),
        Some(Claim::Signed("b3k2pp5k7z-50gnwp.yemd"))
    ));
    assert_eq!(verified.signed_at(), Some(at(CREATED)));
    assert_eq!(verified.authentication(), Authentication::PartialSignature);

    let b23 = provider(
        HttpSignatureScheme::rsa_pss_sha512().url(url()).require([
            "@method",
            "@path",
            "@query",
            "@authority",
            "content-digest",
        ]),
        RSA_PSS,
    );
    let verified = verify(&b23, rfc(B23, B23_SIGNATURE), CREATED).expect("B.2.3");
    assert!(verified.body_is_signed());
    assert_eq!(verified.authentication(), Authentication::Signature);
    // PSS is not PKCS#1 v1.5.
    let v15 = HttpSignatureScheme::rsa_v1_5_sha256()
        .url(url())
        .require(["content-digest"]);
    let verdict = verify(&provider(v15, RSA_PSS), rfc(B23, B23_SIGNATURE), CREATED);
    assert_eq!(
        verdict.expect_err("PSS").kind(),
        RejectionKind::SignatureMismatch
    );

    let b25 = provider(
        HttpSignatureScheme::hmac_sha256()
            .url(url())
            .require(["@authority"]),
        SHARED,
    );
    let request = rfc(
        "sig-b25=(\"date\" \"@authority\" \"content-type\");created=1618884473;keyid=\"test-shared-secret\"",
        "sig-b25=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:",
    );
    assert!(verify(&b25, request, CREATED).is_ok(), "B.2.5");

    let b26 = provider(
        HttpSignatureScheme::ed25519()
            .url(url())
            .require(["@method", "@authority", "@path"]),
        ED25519,
    );
    let request = rfc(
        "sig-b26=(\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" \"content-length\")\
         ;created=1618884473;keyid=\"test-key-ed25519\"",
        "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:",
    );
    assert!(verify(&b26, request, CREATED).is_ok(), "B.2.6");
}

/// Changes of the request of B.2.3, whose signature covers nearly everything.
#[test]
fn a_change_of_a_covered_component_is_rejected() {
    let b23 = provider(
        HttpSignatureScheme::rsa_pss_sha512()
            .url(url())
            .require(["content-digest"]),
        RSA_PSS,
    );
    let reject = |change: &dyn Fn(&mut Request<&'static str>), kind, what: &str| {
        let mut request = rfc(B23, B23_SIGNATURE);
        change(&mut request);
        let verdict = verify(&b23, request, CREATED);
        assert_eq!(verdict.expect_err(what).kind(), kind, "{what}");
    };
    let mismatch = RejectionKind::SignatureMismatch;
    let malformed = RejectionKind::HeaderMalformed;
    let set = |name: &'static str, value: &'static str| {
        move |request: &mut Request<&'static str>| {
            let value = HeaderValue::from_static(value);
            request.headers_mut().insert(name, value);
        }
    };
    // The digest is signed. It must also be that of the body.
    reject(
        &|request| *request.body_mut() = "{\"hello\": \"World\"}",
        mismatch,
        "the body",
    );
    reject(&|request| *request.body_mut() = "", mismatch, "no body");
    reject(
        &|request| *request.method_mut() = http::Method::PUT,
        mismatch,
        "the method",
    );
    reject(
        &|request| *request.uri_mut() = "/bar?param=Value&Pet=dog".parse().expect("a URI"),
        mismatch,
        "the path",
    );
    reject(
        &|request| *request.uri_mut() = "/foo?param=Value&Pet=cat".parse().expect("a URI"),
        mismatch,
        "the query",
    );
    reject(&set("content-type", "text/plain"), mismatch, "a header");
    reject(&set("content-length", "19"), mismatch, "another header");
    reject(
        &|request| drop(request.headers_mut().remove("date")),
        malformed,
        "a covered header is absent",
    );
    reject(
        &|request| {
            let value = HeaderValue::from_static("text/plain");
            request.headers_mut().append("content-type", value);
        },
        malformed,
        "a covered header is there twice",
    );
    reject(
        &set("content-digest", "sha-512=:AAAA:"),
        mismatch,
        "another digest",
    );
    reject(
        &set("content-digest", "md5=:AAAA:"),
        malformed,
        "an unknown digest",
    );
    reject(
        &set("content-digest", "sha-512=AAAA"),
        malformed,
        "a digest that is no bytes",
    );
    // The host in the request does not count, and the one that was configured does.
    let mut request = rfc(B23, B23_SIGNATURE);
    set("host", "attacker.example")(&mut request);
    assert!(verify(&b23, request, CREATED).is_ok());
    let elsewhere = provider(
        HttpSignatureScheme::rsa_pss_sha512()
            .url(SignedUrl::origin("https://example.org").expect("a URL"))
            .require(["content-digest"]),
        RSA_PSS,
    );
    let verdict = verify(&elsewhere, rfc(B23, B23_SIGNATURE), CREATED);
    assert_eq!(verdict.expect_err("another host").kind(), mismatch);
}

/// A client sends the list. An attacker who gets any signature over less must not be able to use it.
#[test]
fn a_signature_that_covers_less_than_is_required_is_rejected() {
    let scheme = |required: &[&str]| {
        let scheme = HttpSignatureScheme::rsa_pss_sha512().url(url());
        provider(scheme.require(required.iter().copied()), RSA_PSS)
    };
    for (required, accepted) in [
        (&["@method", "@path", "content-digest"][..], true),
        (&["@method", "@target-uri", "content-digest"], false),
        (&["x-acme-id"], false),
        (&["@request-target"], false),
    ] {
        let verdict = verify(&scheme(required), rfc(B23, B23_SIGNATURE), CREATED);
        assert_eq!(verdict.is_ok(), accepted, "{required:?}");
        if let Err(rejection) = verdict {
            let detail = rejection.detail().expect("a detail").to_string();
            assert!(
                detail.contains("covers the required components"),
                "{detail}"
            );
        }
    }
    // The default requires the body.
    let default = HttpSignatureScheme::hmac_sha256().url(url());
    let request = rfc(
        "sig-b25=(\"date\" \"@authority\" \"content-type\");created=1618884473;keyid=\"test-shared-secret\"",
        "sig-b25=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:",
    );
    let verdict = verify(&provider(default, SHARED), request, CREATED);
    assert_eq!(
        verdict.expect_err("no digest").kind(),
        RejectionKind::HeaderMalformed
    );
}

#[test]
fn the_times_of_a_signature_are_compared_with_the_clock() {
    let b23 = |tolerance| {
        let scheme = HttpSignatureScheme::rsa_pss_sha512()
            .url(url())
            .require(["content-digest"])
            .tolerance(Duration::from_secs(tolerance));
        provider(scheme, RSA_PSS)
    };
    let verdict = |now| verify(&b23(60), rfc(B23, B23_SIGNATURE), now).map_err(|r| r.kind());
    assert!(verdict(CREATED + 60).is_ok());
    assert!(verdict(CREATED - 60).is_ok());
    assert_eq!(
        verdict(CREATED + 61).err(),
        Some(RejectionKind::TimestampTooOld)
    );
    assert_eq!(
        verdict(CREATED - 61).err(),
        Some(RejectionKind::TimestampInFuture)
    );
    // The parameters are signed.
    let renewed = B23.replace("1618884473", "1618884999");
    let verdict = verify(&b23(60), rfc(&renewed, B23_SIGNATURE), 1_618_884_999);
    assert_eq!(
        verdict.expect_err("renewed").kind(),
        RejectionKind::SignatureMismatch
    );
    for created in [
        "",
        ";created=\"1618884473\"",
        ";created=-1",
        ";created=1.5",
        ";created",
    ] {
        let changed = B23.replace(";created=1618884473", created);
        let verdict = verify(&b23(60), rfc(&changed, B23_SIGNATURE), CREATED);
        assert_eq!(
            verdict.expect_err(created).kind(),
            RejectionKind::HeaderMalformed
        );
    }
    let any_age = HttpSignatureScheme::rsa_pss_sha512()
        .url(url())
        .accept_any_age();
    let any_age = provider(any_age.require(["content-digest"]), RSA_PSS);
    assert!(verify(&any_age, rfc(B23, B23_SIGNATURE), CREATED * 2).is_ok());
}

fn scheme_of(algorithm: &str) -> HttpSignatureScheme {
    match algorithm {
        "ecdsa-p256-sha256" => HttpSignatureScheme::ecdsa_p256_sha256(),
        "ed25519" => HttpSignatureScheme::ed25519(),
        "hmac-sha256" => HttpSignatureScheme::hmac_sha256(),
        "rsa-pss-sha512" => HttpSignatureScheme::rsa_pss_sha512(),
        "rsa-v1_5-sha256" => HttpSignatureScheme::rsa_v1_5_sha256(),
        other => panic!("{other}"),
    }
}

fn cases() -> Vec<Value> {
    serde_json::from_str(include_str!("vectors/http_signatures.json")).expect("a list of cases")
}

fn request_of(case: &Value) -> Request<&str> {
    let mut request = Request::new(text(&case["body"]));
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = "/hooks/acme?team=7&x=a%20b".parse().expect("a URI");
    for (name, value) in case["headers"].as_object().expect("headers") {
        let name: http::HeaderName = name.parse().expect("a name");
        request
            .headers_mut()
            .insert(name, text(value).parse().expect("a value"));
    }
    request
}

const NOW: u64 = 1_700_000_000;

/// The Python package `http-message-signatures` 3.0.0 signed them, with each algorithm and nearly all
/// components.
#[test]
fn an_independent_implementation_agrees_about_each_algorithm_and_component() {
    for case in cases() {
        let algorithm = text(&case["algorithm"]);
        let url = || SignedUrl::exact(text(&case["url"])).expect("a URL");
        let scheme = || {
            scheme_of(algorithm)
                .url(url())
                .require(one_or_many(&case["components"]))
        };
        let acme = provider(scheme(), text(&case["secret"]));
        let verified = verify(&acme, request_of(&case), NOW);
        let verified = verified.unwrap_or_else(|rejection| panic!("{algorithm}: {rejection}"));
        assert!(verified.body_is_signed(), "{algorithm}");
        let mut changed = request_of(&case);
        *changed.body_mut() = "{}";
        let kind = verify(&acme, changed, NOW)
            .expect_err("another body")
            .kind();
        assert_eq!(kind, RejectionKind::SignatureMismatch, "{algorithm}");
        // `expires` is 10 minutes later.
        let patient = provider(
            scheme().tolerance(Duration::from_secs(3600)),
            text(&case["secret"]),
        );
        assert!(verify(&patient, request_of(&case), NOW + 600).is_ok());
        let kind = verify(&patient, request_of(&case), NOW + 601)
            .expect_err("expired")
            .kind();
        assert_eq!(kind, RejectionKind::TimestampTooOld, "{algorithm}");
    }
}

/// The message never chooses the algorithm: a public key is no secret of HMAC.
#[test]
fn the_alg_of_a_message_is_never_obeyed() {
    let cases = cases();
    let mut pairs = 0;
    for case in &cases {
        for scheme in &cases {
            let (made_with, algorithm) = (text(&case["algorithm"]), text(&scheme["algorithm"]));
            if made_with == algorithm {
                continue;
            }
            pairs += 1;
            let url = SignedUrl::exact(text(&case["url"])).expect("a URL");
            let acme = provider(scheme_of(algorithm).url(url), text(&scheme["secret"]));
            let verdict = verify(&acme, request_of(case), NOW);
            let kind = verdict.expect_err(algorithm).kind();
            let expected = match text(&case["headers"]["Signature-Input"]).contains(";alg=") {
                true => RejectionKind::HeaderMalformed,
                false => RejectionKind::SignatureMismatch,
            };
            assert_eq!(kind, expected, "{made_with} for {algorithm}");
        }
    }
    assert_eq!(pairs, 80);
    // A public key is known to the attacker, so it is no secret of HMAC.
    for case in &cases {
        let scheme = HttpSignatureScheme::hmac_sha256().url(url()).build();
        let key = secret(text(&case["secret"])).expect("a key");
        let confused = Provider::new("acme", scheme.expect("a scheme"), key);
        let is_secret = text(&case["algorithm"]) == "hmac-sha256";
        assert_eq!(confused.is_ok(), is_secret, "{}", case["algorithm"]);
    }
}

#[test]
fn an_input_that_can_be_read_in_two_ways_is_rejected() {
    let b23 = |label: Option<&str>| {
        let mut scheme = HttpSignatureScheme::rsa_pss_sha512()
            .url(url())
            .require(["content-digest"]);
        if let Some(label) = label {
            scheme = scheme.label(label);
        }
        provider(scheme, RSA_PSS)
    };
    for (from, to, what) in [
        ("(\"date\" ", "(\"date\" \"date\" ", "a component twice"),
        ("\"date\"", "\"Date\"", "a name of upper case"),
        ("\"date\"", "\"date\";sf", "a parameter"),
        ("\"date\"", "\"date\";req", "a component of another message"),
        (
            "\"date\"",
            "\"@query-param\";name=\"Pet\"",
            "a component that is not known",
        ),
        ("\"date\"", "\"@status\"", "a component of a response"),
        (
            "\"date\"",
            "\"@signature-params\"",
            "the parameters themselves",
        ),
        ("\"date\"", "\"signature\"", "the signature itself"),
        ("\"date\"", "date", "a token"),
        ("\"date\"", "\"\"", "an empty name"),
        (
            "sig-b23=(",
            "sig-b23=(\"x\"), sig-b23x=(",
            "a label without a signature",
        ),
        ("sig-b23=(\"date\"", "sig-b23=(\"date", "no dictionary"),
        ("sig-b23=", "Sig-b23=", "a label of upper case"),
    ] {
        let input = B23.replace(from, to);
        assert_ne!(input, B23, "{what}");
        let verdict = verify(&b23(None), rfc(&input, B23_SIGNATURE), CREATED);
        assert_eq!(
            verdict.expect_err(what).kind(),
            RejectionKind::HeaderMalformed,
            "{what}"
        );
    }
    // White space between the members is not signed: the list is written in its canonical form.
    let input = B23.replace(" \"@method\"", "   \"@method\"");
    assert!(verify(&b23(None), rfc(&input, B23_SIGNATURE), CREATED).is_ok());
    // The label is not signed.
    let (input, signature) = (
        B23.replace("sig-b23", "a"),
        B23_SIGNATURE.replace("sig-b23", "a"),
    );
    assert!(verify(&b23(None), rfc(&input, &signature), CREATED).is_ok());
    assert!(verify(&b23(Some("a")), rfc(&input, &signature), CREATED).is_ok());
    assert!(verify(&b23(Some("b")), rfc(&input, &signature), CREATED).is_err());
    // Other signatures next to it, with other keys: as in a rotation.
    let junk = data_encoding::BASE64.encode(&[7; 256]);
    let with_others = |count: usize| {
        let (mut input, mut signature) = (B23.to_owned(), B23_SIGNATURE.to_owned());
        for index in 0..count {
            let other = format!("o{index}=(\"content-digest\");created=1618884473");
            input = format!("{other}, {input}");
            signature = format!("o{index}=:{junk}:, {signature}");
        }
        verify(&b23(None), rfc(&input, &signature), CREATED)
    };
    assert!(with_others(1).is_ok());
    assert!(with_others(3).is_ok());
    let kind = with_others(4).expect_err("five").kind();
    assert_eq!(kind, RejectionKind::HeaderMalformed);
    for signature in [
        "sig-b23=:AAAA:",
        "sig-b23=::",
        "sig-b23=\"AAAA\"",
        "sig-b23=(:AAAA:)",
        "sig-b23",
        "other=:AAAA:",
        ":",
    ] {
        assert!(
            verify(&b23(None), rfc(B23, signature), CREATED).is_err(),
            "{signature}"
        );
    }
}

/// Signs the method and these headers with HMAC, in the form of RFC 9421, section 2.5.
fn with_hmac(headers: &[(&str, &str)], parameters: &str) -> Request<&'static str> {
    let mut names = "\"@method\"".to_owned();
    let mut base = "\"@method\": POST\n".to_owned();
    let mut request = Request::post("/");
    for (name, value) in headers {
        names.push_str(&format!(" \"{name}\""));
        base.push_str(&format!("\"{name}\": {value}\n"));
        request = request.header(*name, *value);
    }
    base.push_str(&format!("\"@signature-params\": ({names}){parameters}"));
    let key = unbase64(SHARED.as_bytes()).expect("a key");
    let signature = base64(&hmac(Hash::Sha256, &key, base.as_bytes()));
    request
        .header("signature-input", format!("a=({names}){parameters}"))
        .header("signature", format!("a=:{signature}:"))
        .body("{}")
        .expect("a request")
}

fn of_the_method() -> HttpSignatureScheme {
    HttpSignatureScheme::hmac_sha256().require(["@method"])
}

#[test]
fn a_signature_covers_at_most_32_components() {
    let acme = provider(of_the_method(), SHARED);
    let verdict = |count: usize| {
        let names: Vec<String> = (1..count).map(|index| format!("x-{index}")).collect();
        let headers: Vec<_> = names.iter().map(|name| (name.as_str(), "v")).collect();
        let request = with_hmac(&headers, ";created=1618884473");
        verify(&acme, request, CREATED).map_err(|rejection| rejection.to_string())
    };
    assert!(verdict(32).is_ok());
    for count in [33, 34] {
        let rejection = verdict(count).expect_err("too many components");
        let expected = "expected at most 32 components";
        assert!(rejection.contains(expected), "{rejection}");
    }
    let requires = |count: usize| {
        let names = (0..count).map(|index| format!("x-{index}"));
        of_the_method().require(names).build()
    };
    assert!(requires(32).is_ok());
    let error = requires(33).expect_err("33 names");
    assert_eq!(
        error.to_string(),
        "33 components are required, and a signature may cover at most 32: require fewer"
    );
}

#[test]
fn the_time_may_be_absent_only_if_any_age_is_accepted() {
    let any_age = provider(of_the_method().accept_any_age(), SHARED);
    for parameters in ["", ";created=1"] {
        let verdict = verify(&any_age, with_hmac(&[], parameters), CREATED);
        assert!(verdict.is_ok(), "{:?}", verdict.err());
    }
    let verified = verify(&any_age, with_hmac(&[], ""), CREATED).expect("no time");
    assert_eq!(verified.signed_at(), None);
    let recent = provider(of_the_method(), SHARED);
    let verdict = verify(&recent, with_hmac(&[], ""), CREATED);
    let kind = verdict.expect_err("no time").kind();
    assert_eq!(kind, RejectionKind::HeaderMalformed);
}

/// A poll hashes 256 KiB, over all hash states together. The last poll finds the end of the body.
#[test]
fn a_poll_hashes_half_as_much_of_a_body_with_two_digests() {
    let body: &'static [u8] = "a".repeat(1 << 20).leak().as_bytes();
    let sha256 = format!("sha-256=:{}:", base64(&Hash::Sha256.digest(body)));
    let sha512 = format!("sha-512=:{}:", base64(&Hash::Sha512.digest(body)));
    let both = format!("{sha256}, {sha512}");
    for (digest, polls) in [(sha256, 4 + 1), (sha512, 4 + 1), (both, 8 + 1)] {
        let headers = [("content-digest", digest.as_str())];
        let request =
            with_hmac(&headers, ";created=1618884473").map(|_| Full::new(Bytes::from_static(body)));
        let acme = provider(of_the_method(), SHARED);
        let layer = WebhookAuthLayer::new(acme)
            .max_body_bytes(2 << 20)
            .clock(|| at(CREATED));
        let mut response = pin!(layer.layer(Inner::default()).oneshot(request));
        let mut context = Context::from_waker(Waker::noop());
        let mut count = 1;
        let response = loop {
            match response.as_mut().poll(&mut context) {
                Poll::Ready(Ok(response)) => break response,
                Poll::Pending => count += 1,
            }
        };
        assert!(response.extensions().get::<Verified<Bytes>>().is_some());
        assert_eq!(count, polls, "{digest}");
    }
}

#[test]
fn pairs_of_signatures_and_keys_are_bounded() {
    let provider = |count: usize| {
        let scheme = HttpSignatureScheme::rsa_pss_sha512()
            .url(url())
            .require(["content-digest"]);
        let others = cases();
        let rsa = |case: &&Value| text(&case["algorithm"]) == "rsa-pss-sha512";
        let other = others.iter().find(rsa).expect("a case");
        let keys = (0..count).map(|index| {
            let key = if index + 1 == count {
                RSA_PSS
            } else {
                text(&other["secret"])
            };
            (format!("key-{index}"), secret(key).expect("a key"))
        });
        let keys = Keys::named(keys).expect("keys");
        Provider::new("acme", scheme.build().expect("a scheme"), keys)
    };
    let accepted = |keys: usize, signatures: usize| {
        let labelled = |text: &str| {
            let labels = (0..signatures).map(|label| text.replace("sig-b23", &format!("s{label}")));
            labels.collect::<Vec<_>>().join(", ")
        };
        let (input, signature) = (labelled(B23), labelled(B23_SIGNATURE));
        let provider = provider(keys).expect("a provider");
        let verified = verify(&provider, rfc(&input, &signature), CREATED).ok()?;
        Some(verified.key_name().to_owned())
    };
    for (keys, signatures, expected) in [
        (8, 1, Some("key-7")),
        (2, 4, Some("key-1")),
        (3, 3, None),
        (1, 5, None),
    ] {
        let found = accepted(keys, signatures);
        assert_eq!(
            found.as_deref(),
            expected,
            "{keys} keys, {signatures} signatures"
        );
    }
    // With more keys, no delivery could be verified.
    let error = provider(9).expect_err("too many keys").to_string();
    assert!(error.contains("9 keys, but at most 8"), "{error}");
}

/// Only a round trip: our signer signs.
#[test]
fn the_signer_signs_with_hmac() {
    let scheme = || {
        let url = SignedUrl::exact("https://example.com/hooks/acme").expect("a URL");
        HttpSignatureScheme::hmac_sha256().url(url)
    };
    let acme = |scheme: HttpSignatureScheme| provider(scheme, SHARED);
    let unsigned = || {
        Request::post("/hooks/acme")
            .body(Bytes::from_static(b"{}"))
            .expect("a request")
    };
    for scheme in [
        scheme(),
        scheme().tag("acme \"hooks\""),
        scheme().nonce_is_id(),
        scheme().label("acme"),
        scheme().require(["@method", "@path", "content-digest"]),
    ] {
        let acme = acme(scheme);
        let signer = Signer::new(&acme, &Secret::new(SHARED).expect("a key")).expect("a signer");
        let (head, body) = signer.at(at(NOW)).sign(unsigned()).into_parts();
        let verified = acme
            .verify(&head, body.clone(), at(NOW))
            .expect("a delivery");
        assert_eq!(verified.signed_at(), Some(at(NOW)));
        let forged = acme.verify(&head, Bytes::from_static(b"[]"), at(NOW));
        assert_eq!(
            forged.expect_err("another body").kind(),
            RejectionKind::SignatureMismatch
        );
        let other = provider(
            HttpSignatureScheme::hmac_sha256()
                .tag("other")
                .require(["@method"]),
            SHARED,
        );
        assert!(other.verify(&head, body, at(NOW)).is_err());
    }
    // A delivery has one signature.
    let signer = Signer::new(&acme(scheme()), &Secret::new(SHARED).expect("a key"));
    let second = signer.and_then(|signer| signer.add_key(&Secret::new(SHARED)?));
    let error = second.expect_err("two keys").to_string();
    assert!(error.contains("cannot have one more signature"), "{error}");
    let public = HttpSignatureScheme::ed25519().url(url());
    let signer = Signer::new(&provider(public, ED25519), &secret(ED25519).expect("a key"));
    assert!(signer.is_err());
}

#[test]
fn a_scheme_with_a_mistake_is_an_error_with_the_value() {
    let error = |scheme: HttpSignatureScheme| -> String {
        let error: ConfigError = scheme.build().expect_err("a mistake");
        error.to_string()
    };
    let hmac = HttpSignatureScheme::hmac_sha256;
    assert!(error(hmac()).starts_with("\"@target-uri\" is required, but .url(…) was not called"));
    for name in [
        "@status",
        "@query-param",
        "Date",
        "",
        "signature",
        "@signature-params",
    ] {
        let message = error(hmac().require([name]));
        assert!(
            message.starts_with(&format!("{name:?} is not a component")),
            "{message}"
        );
    }
    assert!(error(hmac().require(["date", "date"])).contains("required twice"));
    assert!(error(hmac().require(["date"]).label("Sig")).contains("cannot be a label"));
    assert!(error(hmac().require(["date"]).tag("\u{e9}")).contains("not visible ASCII"));
    let ways = hmac().url(url()).build().expect("a scheme").ways();
    assert_eq!(
        ways[0].algorithm,
        "HTTP Message Signatures with hmac-sha256"
    );
    assert_eq!(ways[0].signed, "{@method}, {@target-uri}, {content-digest}");
}

/// `Content-Digest` is a dictionary of byte sequences. A list of them is no digest.
#[test]
fn a_list_of_digests_is_no_digest() {
    let scheme = || HttpSignatureScheme::hmac_sha256().require(["@method", "content-digest"]);
    let acme = provider(scheme(), SHARED);
    let digest = base64(&Hash::Sha256.digest(b"{}"));
    for (value, accepted) in [
        (format!("sha-256=:{digest}:"), true),
        (format!("sha-256=(:{digest}:)"), false),
    ] {
        let request = with_hmac(&[("content-digest", &value)], ";created=1618884473");
        assert_eq!(verify(&acme, request, CREATED).is_ok(), accepted, "{value}");
    }
}

#[test]
fn a_key_may_be_in_hexadecimal_digits() {
    let key = unbase64(SHARED.as_bytes()).expect("a key");
    let hex = key
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>();
    let scheme = of_the_method().key_encoding(tower_webhook_auth::KeyEncoding::Hex);
    let acme = provider(scheme, &hex);
    let request = || with_hmac(&[], ";created=1618884473");
    assert!(verify(&acme, request(), CREATED).is_ok());
}

#[test]
fn a_request_that_cannot_be_signed_is_an_error() {
    let scheme = || HttpSignatureScheme::hmac_sha256().require(["@method", "x-topic"]);
    let acme = provider(scheme(), SHARED);
    let signer = Signer::new(&acme, &secret(SHARED).expect("a key")).expect("a signer");
    let signer = signer.at(at(CREATED));
    let request = |topic: Option<&str>| {
        let mut request = Request::post("/");
        if let Some(topic) = topic {
            request = request.header("x-topic", topic);
        }
        request.body(Bytes::from_static(b"{}")).expect("a request")
    };
    let error = signer.try_sign(request(None)).expect_err("no topic");
    assert_eq!(
        error.to_string(),
        "the request cannot be signed: a required header is absent, or appears several times"
    );
    // Without a digest of the body in the list, none is added.
    let signed = signer.try_sign(request(Some("orders"))).expect("signed");
    assert!(!signed.headers().contains_key("content-digest"));
    let (head, body) = signed.into_parts();
    assert!(acme.verify(&head, body, at(CREATED)).is_ok());
}
