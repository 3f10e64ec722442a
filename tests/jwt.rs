//! `JwtScheme`: tokens in a header and in the body, and each way in which a token can be wrong.

#[path = "common/judge.rs"]
mod judge;
#[path = "common/reference.rs"]
mod reference;

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::Full;
use serde_json::{Value, json};
use tower::{Layer, ServiceExt, service_fn};
use tower_webhook_auth::{
    Authentication, BodyDigest, Claim, ConfigError, JwtScheme, KeyEncoding, Keys, Provider,
    Rejection, RejectionDetail, RejectionKind, Scheme, Secret, SignatureScheme, SignedUrl,
    TokenPlace, Verified, WebhookAuthLayer,
};

use self::{
    judge::{NOW, at, judge, post},
    reference::{Hash, base64, base64url, hex, hmac},
};

const KEY: &str = "wJ4mX9-a-key-of-a-test";
const BODY: &str = r#"{"id":1}"#;

fn part(json: &Value) -> String {
    base64url(json.to_string().as_bytes())
}

/// Two parts with a signature of this key.
fn signed(header: &str, claims: &str, hash: Hash, key: &str) -> String {
    let signed = format!("{header}.{claims}");
    let signature = hmac(hash, key.as_bytes(), signed.as_bytes());
    format!("{signed}.{}", base64url(&signature))
}

fn hs256(header: &Value, claims: &Value) -> String {
    signed(&part(header), &part(claims), Hash::Sha256, KEY)
}

/// A token with these claims.
fn token(claims: &Value) -> String {
    hs256(&json!({"alg": "HS256", "typ": "JWT"}), claims)
}

fn hash() -> String {
    hex(&Hash::Sha256.digest(BODY.as_bytes()))
}

/// The claims of a delivery with this body, which expires in a minute.
fn claims() -> Value {
    json!({"iss": "acme", "exp": NOW + 60, "hash": hash()})
}

/// The same with these members in addition.
fn with(more: Value) -> Value {
    let mut claims = claims();
    let object = claims.as_object_mut().expect("an object");
    object.extend(more.as_object().expect("an object").clone());
    claims
}

fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().expect("an object").remove(name);
    claims
}

fn description() -> JwtScheme {
    JwtScheme::hs256("acme-token")
        .issuer("acme")
        .body_hash("hash", BodyDigest::Sha256Hex)
}

fn provider(scheme: JwtScheme) -> Provider<Bytes> {
    let scheme = scheme.build().expect("a scheme");
    Provider::new("acme", scheme, Secret::new(KEY).expect("a secret")).expect("a provider")
}

fn verdict(scheme: JwtScheme, token: &str) -> Result<Verified<Bytes>, RejectionKind> {
    judge(&provider(scheme), post(&[("acme-token", token)], BODY))
}

fn kind(scheme: JwtScheme, token: &str) -> Option<RejectionKind> {
    verdict(scheme, token).err()
}

fn error(scheme: JwtScheme) -> String {
    scheme.build().expect_err("a contradiction").to_string()
}

#[test]
fn a_token_with_the_hash_of_the_body_proves_the_body() {
    let verified = verdict(description(), &token(&claims())).expect("a delivery");
    assert_eq!(verified.body(), BODY);
    assert_eq!(verified.authentication(), Authentication::Signature);
    assert!(verified.body_is_signed());
    assert_eq!(verified.delivery_id(), None);
    assert_eq!(verified.signed_at(), None);
    assert_eq!(verified.key_name(), "default");
    assert!(verified.identity().is_some());
}

#[test]
fn the_hash_of_another_body_is_rejected() {
    let request = |body: &str| post(&[("acme-token", &token(&claims()))], body.to_owned());
    let provider = provider(description());
    for body in ["", " {\"id\":1}", "{\"id\":1} ", "{\"id\":2}"] {
        let kind = judge(&provider, request(body)).err();
        assert_eq!(kind, Some(RejectionKind::BodyHashMismatch), "{body:?}");
    }
    assert!(judge(&provider, request(BODY)).is_ok());
}

/// A library that checks the claim only where it is present accepts a token for any body.
#[test]
fn the_claim_with_the_hash_is_required() {
    let short = &hash()[2..];
    for claims in [
        without("hash"),
        with(json!({"hash": null})),
        with(json!({"hash": ""})),
        with(json!({"hash": short})),
        with(json!({"hash": [hash()]})),
        with(json!({"hash": base64(&Hash::Sha256.digest(BODY.as_bytes()))})),
    ] {
        let kind = kind(description(), &token(&claims));
        assert_eq!(kind, Some(RejectionKind::ClaimMismatch), "{claims}");
    }
}

#[test]
fn the_hash_is_read_in_three_encodings() {
    let digest = Hash::Sha256.digest(BODY.as_bytes());
    for (form, text) in [
        (BodyDigest::Sha256Base64, base64(&digest)),
        (BodyDigest::Sha256Base64Url, base64url(&digest)),
        (
            BodyDigest::Sha256Base64Url,
            format!("{}=", base64url(&digest)),
        ),
        (BodyDigest::Sha256Hex, hex(&digest).to_uppercase()),
    ] {
        let scheme = JwtScheme::hs256("acme-token").body_hash("hash", form);
        let token = token(&with(json!({"hash": text})));
        assert!(verdict(scheme, &token).is_ok(), "{text}");
    }
}

#[test]
fn the_hash_may_be_absent_exactly_if_the_body_is_empty() {
    let scheme = || provider(description().body_hash_absent_if_empty());
    let judge = |claims: &Value, body: &'static str| {
        judge(&scheme(), post(&[("acme-token", &token(claims))], body)).map(drop)
    };
    let of_nothing = hex(&Hash::Sha256.digest(b""));
    let mismatch = Err(RejectionKind::BodyHashMismatch);
    assert_eq!(judge(&without("hash"), ""), Ok(()));
    assert_eq!(judge(&without("hash"), BODY), mismatch, "a body was added");
    assert_eq!(judge(&claims(), ""), mismatch, "the body was removed");
    assert_eq!(judge(&with(json!({"hash": of_nothing})), ""), mismatch);
    assert_eq!(judge(&claims(), BODY), Ok(()));
}

/// The algorithm is that of the scheme.
#[test]
fn a_token_does_not_choose_its_algorithm() {
    let claims = part(&claims());
    let header = |alg: Value| part(&json!({"alg": alg}));
    for (name, token) in [
        ("none", format!("{}.{claims}.", header("none".into()))),
        (
            "none with a signature",
            signed(&header("none".into()), &claims, Hash::Sha256, KEY),
        ),
        (
            "HS512",
            signed(&header("HS512".into()), &claims, Hash::Sha512, KEY),
        ),
        (
            "another case",
            signed(&header("hs256".into()), &claims, Hash::Sha256, KEY),
        ),
        (
            "RS256",
            signed(&header("RS256".into()), &claims, Hash::Sha256, KEY),
        ),
        (
            "a list",
            signed(&header(json!(["HS256"])), &claims, Hash::Sha256, KEY),
        ),
        (
            "no algorithm",
            signed(&part(&json!({})), &claims, Hash::Sha256, KEY),
        ),
    ] {
        assert_eq!(
            kind(description(), &token),
            Some(RejectionKind::TokenMalformed),
            "{name}"
        );
    }
    // The signature of another algorithm under the name of this one.
    let token = signed(&header("HS256".into()), &claims, Hash::Sha512, KEY);
    assert_eq!(
        kind(description(), &token),
        Some(RejectionKind::SignatureMismatch)
    );
    // Where the sender lets its customers choose, each has its own length.
    let any = || JwtScheme::any_hmac("acme-token").body_hash("hash", BodyDigest::Sha256Hex);
    for (alg, hash) in [("HS256", Hash::Sha256), ("HS512", Hash::Sha512)] {
        let token = signed(&header(alg.into()), &claims, hash, KEY);
        assert!(verdict(any(), &token).is_ok(), "{alg}");
    }
    let crossed = signed(&header("HS512".into()), &claims, Hash::Sha256, KEY);
    assert_eq!(
        kind(any(), &crossed),
        Some(RejectionKind::SignatureMismatch)
    );
}

/// `crit` names members that the receiver must understand. `b64` changes what is signed.
#[test]
fn critical_members_of_the_header_are_rejected_and_addresses_of_keys_are_ignored() {
    for (member, value) in [
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("b64", json!(false)),
        ("b64", json!(true)),
    ] {
        let token = hs256(&json!({"alg": "HS256", member: value}), &claims());
        let kind = kind(description(), &token);
        assert_eq!(kind, Some(RejectionKind::TokenMalformed), "{member}");
    }
    let jwk = json!({"kty": "oct", "k": base64url(b"a key of the attacker")});
    for (member, value) in [
        ("jku", json!("https://attacker.example/keys")),
        ("jwk", jwk.clone()),
        ("x5u", json!("https://attacker.example/certificate")),
        ("x5c", json!(["MIIB"])),
    ] {
        let header = json!({"alg": "HS256", member: value});
        assert!(
            verdict(description(), &hs256(&header, &claims())).is_ok(),
            "{member}"
        );
        let forged = signed(
            &part(&header),
            &part(&claims()),
            Hash::Sha256,
            "a key of the attacker",
        );
        let kind = kind(description(), &forged);
        assert_eq!(kind, Some(RejectionKind::SignatureMismatch), "{member}");
    }
}

#[test]
fn a_member_that_appears_twice_is_rejected() {
    let header = part(&json!({"alg": "HS256"}));
    let twice = |name: &str, value: &str| {
        let json = claims().to_string();
        let json = json.replacen('{', &format!("{{\"{name}\":{value},"), 1);
        signed(&header, &base64url(json.as_bytes()), Hash::Sha256, KEY)
    };
    for token in [
        twice("exp", "9999999999"),
        twice("hash", "\"\""),
        twice("\\u0065xp", "9999999999"),
        signed(
            &base64url(br#"{"alg":"none","alg":"HS256"}"#),
            &part(&claims()),
            Hash::Sha256,
            KEY,
        ),
    ] {
        assert_eq!(
            kind(description(), &token),
            Some(RejectionKind::TokenMalformed),
            "{token}"
        );
    }
    assert!(verdict(description(), &twice("other", "1")).is_ok());
}

#[test]
fn a_token_has_one_form() {
    let genuine = token(&claims());
    let (signed_part, signature) = genuine.rsplit_once('.').expect("a signature");
    let (header, payload) = signed_part.split_once('.').expect("two parts");
    // The last character has two bits that are not used.
    let spare = |text: &str| {
        const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let last = text.chars().next_back().expect("a character");
        let next = ALPHABET.find(last).expect("a symbol") + 1;
        format!("{}{}", &text[..text.len() - 1], &ALPHABET[next..=next])
    };
    for malformed in [
        String::new(),
        ".".into(),
        "..".into(),
        header.into(),
        signed_part.into(),
        format!("{genuine}."),
        format!("{genuine}.AAAA"),
        format!("{header}..{signature}"),
        format!(".{payload}.{signature}"),
        format!("{genuine}="),
        format!("{signed_part}.{}", spare(signature)),
        format!("{signed_part}.+{}", &signature[1..]),
        format!("{header} .{payload}.{signature}"),
        format!("Bearer {genuine}"),
    ] {
        let kind = kind(description(), &malformed);
        assert_eq!(kind, Some(RejectionKind::TokenMalformed), "{malformed:?}");
    }
    for mismatch in [
        format!("{signed_part}."),
        format!("{signed_part}.{}", &signature[..40]),
        format!("{signed_part}.{signature}AAAA"),
    ] {
        let kind = kind(description(), &mismatch);
        assert_eq!(kind, Some(RejectionKind::SignatureMismatch), "{mismatch:?}");
    }
    let provider = provider(description());
    let twice = [("acme-token", genuine.as_str()), ("acme-token", &genuine)];
    let kind = judge(&provider, post(&twice, BODY)).err();
    assert_eq!(kind, Some(RejectionKind::HeaderDuplicated));
    let kind = judge(&provider, post(&[], BODY)).err();
    assert_eq!(kind, Some(RejectionKind::HeaderMissing));
}

#[test]
fn a_token_in_a_header_has_at_most_8_kib() {
    let of_length = |length: usize| {
        // Three bytes become four characters, and the other parts have less than 400.
        (length * 3 / 4 - 400..length)
            .map(|count| token(&with(json!({"x": "a".repeat(count)}))))
            .find(|token| token.len() >= length)
            .expect("a long token")
    };
    let longest = of_length(8190);
    assert!((8190..=8192).contains(&longest.len()));
    assert!(verdict(description(), &longest).is_ok());
    let kind = kind(description(), &of_length(8193));
    assert_eq!(kind, Some(RejectionKind::HeaderTooLong));
}

#[test]
fn the_times_are_compared_with_the_clock_of_the_layer() {
    let expired = RejectionKind::TimestampTooOld;
    let early = RejectionKind::TimestampInFuture;
    let cases = [
        (json!({"exp": NOW + 1}), None),
        (json!({"exp": NOW}), Some(expired)),
        (json!({"exp": NOW - 1}), Some(expired)),
        (json!({"exp": (NOW as f64) + 0.5}), None),
        (json!({"exp": 9_999_999_999_u64}), None),
        (json!({"exp": u64::MAX}), Some(RejectionKind::ClaimMismatch)),
        (json!({"exp": -1}), Some(RejectionKind::ClaimMismatch)),
        (
            json!({"exp": "1800000000"}),
            Some(RejectionKind::ClaimMismatch),
        ),
        (json!({"exp": null}), Some(RejectionKind::ClaimMismatch)),
        (json!({"nbf": NOW}), None),
        (json!({"nbf": NOW + 60}), None),
        (json!({"nbf": NOW + 61}), Some(early)),
        (json!({"nbf": "soon"}), Some(RejectionKind::ClaimMismatch)),
    ];
    for (more, expected) in cases {
        assert_eq!(
            kind(description(), &token(&with(more.clone()))),
            expected,
            "{more}"
        );
    }
    assert_eq!(
        kind(description(), &token(&without("exp"))),
        Some(RejectionKind::ClaimMismatch),
        "the expiry is required"
    );
    let strict = || description().leeway(Duration::ZERO);
    assert_eq!(
        kind(strict(), &token(&with(json!({"nbf": NOW + 1})))),
        Some(early)
    );
    // An expiry is checked also where it is not required.
    let any_age = || description().accept_any_age();
    assert_eq!(kind(any_age(), &token(&without("exp"))), None);
    assert_eq!(
        kind(any_age(), &token(&with(json!({"exp": NOW})))),
        Some(expired)
    );
}

#[test]
fn a_maximum_age_requires_the_time_of_signing() {
    let scheme = || description().max_age(Duration::from_secs(300));
    let without_expiry = |iat: Value| {
        let mut claims = without("exp");
        claims["iat"] = iat;
        token(&claims)
    };
    for (iat, expected) in [
        (json!(NOW - 300), None),
        (json!(NOW - 301), Some(RejectionKind::TimestampTooOld)),
        (json!(NOW + 300), None),
        (json!(NOW + 301), Some(RejectionKind::TimestampInFuture)),
        (json!("now"), Some(RejectionKind::ClaimMismatch)),
    ] {
        assert_eq!(
            kind(scheme(), &without_expiry(iat.clone())),
            expected,
            "{iat}"
        );
    }
    assert_eq!(
        kind(scheme(), &token(&claims())),
        Some(RejectionKind::ClaimMismatch)
    );
    let verified = verdict(scheme(), &without_expiry(json!(NOW - 7))).expect("a delivery");
    assert_eq!(verified.signed_at(), Some(at(NOW - 7)));

    let provider = provider(scheme()).tolerance(Duration::from_secs(10));
    let provider = provider.expect("a signed time");
    let request = |iat| post(&[("acme-token", &without_expiry(json!(iat)))], BODY);
    assert!(judge(&provider, request(NOW - 10)).is_ok());
    let kind = judge(&provider, request(NOW - 11)).err();
    assert_eq!(kind, Some(RejectionKind::TimestampTooOld));
}

#[test]
fn claims_must_have_their_values() {
    let scheme = || {
        description()
            .issuer("https://acme.example")
            .audience("app")
            .subject("webhooks")
            .claim("event", "paid")
            .claim_true("verified")
            .claim_present("data")
    };
    let genuine =
        json!({"aud": ["app"], "sub": "webhooks", "event": "paid", "verified": true, "data": {}});
    let changed = |name: &str, value: Value| {
        let mut claims = with(genuine.clone());
        match value {
            Value::Null if name != "data" => drop(claims.as_object_mut().expect("it").remove(name)),
            value => claims[name] = value,
        }
        token(&claims)
    };
    assert!(verdict(scheme(), &token(&with(genuine.clone()))).is_ok());
    for (name, value) in [
        ("iss", json!("https://acme.example")),
        ("aud", json!("app")),
    ] {
        assert!(verdict(scheme(), &changed(name, value)).is_ok(), "{name}");
    }
    for (name, value) in [
        ("iss", json!("other")),
        ("iss", json!(["acme"])),
        ("iss", Value::Null),
        ("aud", json!("app2")),
        ("aud", json!(["other"])),
        ("aud", Value::Null),
        ("sub", json!("user-1")),
        ("event", json!("Paid")),
        ("event", Value::Null),
        ("verified", json!(false)),
        ("verified", json!("true")),
        ("verified", json!(1)),
        ("data", Value::Null),
    ] {
        let kind = kind(scheme(), &changed(name, value.clone()));
        assert_eq!(kind, Some(RejectionKind::ClaimMismatch), "{name}: {value}");
    }
}

#[test]
fn a_rejection_names_the_claim_and_not_its_value() {
    let layer = WebhookAuthLayer::new(provider(description())).clock(|| at(NOW));
    let token = token(&with(json!({"iss": "an issuer of the attacker"})));
    let rejection = judge::through(&layer, post(&[("acme-token", &token)], BODY));
    let rejection = rejection.expect_err("a rejection");
    assert_eq!(
        rejection.to_string(),
        "a claim of the token is not what the scheme requires: acme-token: expected the claim \"iss\" \
         with \"acme\", found another value"
    );
    assert!(matches!(
        rejection.detail(),
        Some(RejectionDetail::Shape { .. })
    ));
    let debug = format!("{rejection:?}");
    assert!(
        !debug.contains("attacker") && !debug.contains(&token),
        "{debug}"
    );
}

#[test]
fn a_claim_can_have_the_url_or_its_hash() {
    let url = "https://example.com/hook?team=7";
    let exact = || SignedUrl::exact(url).expect("a URL");
    let hashed = hex(&Hash::Sha256.digest(url.as_bytes()));
    let plain = || description().url_claim("sub").url(exact());
    let hash = || {
        description()
            .url_hash("url_hash", BodyDigest::Sha256Hex)
            .url(exact())
    };
    assert!(verdict(plain(), &token(&with(json!({"sub": url})))).is_ok());
    assert!(verdict(hash(), &token(&with(json!({"url_hash": hashed})))).is_ok());
    for (scheme, claims) in [
        (plain(), with(json!({"sub": "https://example.com/hook"}))),
        (plain(), with(json!({"sub": hashed}))),
        (plain(), claims()),
        (hash(), with(json!({"url_hash": url}))),
        (
            hash(),
            with(json!({"url_hash": hex(&Hash::Sha256.digest(b"https://example.com/hook"))})),
        ),
        (hash(), claims()),
    ] {
        assert_eq!(
            kind(scheme, &token(&claims)),
            Some(RejectionKind::ClaimMismatch),
            "{claims}"
        );
    }
    // The path comes from the request, which is POST /hook.
    let origin = SignedUrl::origin("https://example.com").expect("an origin");
    let scheme = || description().url_claim("sub").url(origin.clone());
    let of = |path: &str| token(&with(json!({"sub": format!("https://example.com{path}")})));
    assert!(verdict(scheme(), &of("/hook")).is_ok());
    assert!(verdict(scheme(), &of("/other")).is_err());
}

#[test]
fn the_id_is_a_claim_and_signed() {
    let scheme = || description().id_claim("jti");
    let verified = verdict(scheme(), &token(&with(json!({"jti": "d-1"})))).expect("a delivery");
    assert_eq!(verified.delivery_id(), Some(Claim::Signed("d-1")));
    let later = token(&with(json!({"jti": "d-1", "exp": NOW + 99})));
    let again = verdict(scheme(), &later).expect("a delivery");
    assert_eq!(verified.identity(), again.identity());
    let other = verdict(scheme(), &token(&with(json!({"jti": "d-2"})))).expect("a delivery");
    assert_ne!(verified.identity(), other.identity());
    for jti in [
        json!(null),
        json!(7),
        json!(""),
        json!("d 1"),
        json!("d\n1"),
        json!("é"),
    ] {
        let kind = kind(scheme(), &token(&with(json!({"jti": jti}))));
        assert_eq!(kind, Some(RejectionKind::ClaimMismatch), "{jti}");
    }
    assert_eq!(
        kind(scheme(), &token(&claims())),
        Some(RejectionKind::ClaimMismatch)
    );
}

#[test]
fn the_name_of_an_authentication_scheme_is_not_case_sensitive() {
    let scheme = JwtScheme::hs256(TokenPlace::authorization("Bearer"))
        .body_hash("hash", BodyDigest::Sha256Hex);
    let provider = provider(scheme);
    let genuine = token(&claims());
    for (before, accepted) in [
        ("Bearer ", true),
        ("bearer ", true),
        ("Bearer", false),
        ("Bearer  ", false),
        ("JWT ", false),
        ("", false),
    ] {
        let value = format!("{before}{genuine}");
        let verdict = judge(&provider, post(&[("authorization", &value)], BODY));
        assert_eq!(verdict.is_ok(), accepted, "{before:?}");
    }
}

/// A body that must not be polled.
struct Unread;

impl http_body::Body for Unread {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        panic!("the body was read")
    }
}

async fn without_body(provider: &Provider<Bytes>, token: &str) -> RejectionKind {
    let inner = service_fn(|_: Request<Full<Bytes>>| async {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    });
    let layer = WebhookAuthLayer::new(provider.clone()).clock(|| at(NOW));
    let request = Request::post("/").header("acme-token", token).body(Unread);
    let request = request.expect("a request");
    let response = layer
        .layer(inner)
        .oneshot(request)
        .await
        .expect("infallible");
    assert_eq!(response.status(), 401);
    response
        .extensions()
        .get::<Rejection>()
        .expect("a rejection")
        .kind()
}

#[tokio::test]
async fn a_token_in_a_header_is_verified_before_the_body_is_read() {
    let provider = provider(description());
    let other = signed(
        &part(&json!({"alg": "HS256"})),
        &part(&claims()),
        Hash::Sha256,
        "another key",
    );
    for (token, kind) in [
        (other, RejectionKind::SignatureMismatch),
        (
            token(&with(json!({"exp": NOW}))),
            RejectionKind::TimestampTooOld,
        ),
        (token(&without("hash")), RejectionKind::ClaimMismatch),
        ("junk".into(), RejectionKind::TokenMalformed),
    ] {
        assert_eq!(without_body(&provider, &token).await, kind);
    }
}

#[test]
fn a_token_that_does_not_cover_the_body_says_so() {
    let scheme = JwtScheme::hs256("acme-token")
        .issuer("acme")
        .accept_unsigned_body();
    let provider = provider(scheme);
    let token = token(&claims());
    let request = |body: &'static str| post(&[("acme-token", &token)], body);
    for body in [BODY, "another body", ""] {
        let verified = judge(&provider, request(body)).expect("a delivery");
        assert_eq!(verified.authentication(), Authentication::Token);
        assert!(!verified.body_is_signed());
        assert_eq!(verified.identity(), None);
        assert_eq!(verified.delivery_id(), None);
        assert_eq!(verified.signed_at(), None);
        assert_eq!(verified.body(), body);
    }
}

fn body_provider(place: TokenPlace) -> Provider<Bytes> {
    provider(
        JwtScheme::hs256(place)
            .subject("acme webhooks")
            .id_claim("event_id"),
    )
}

fn event() -> Value {
    json!({"sub": "acme webhooks", "exp": NOW + 60, "event_id": "e-1", "type": "user.created"})
}

/// What the inner service gets: content type, declared length, body.
async fn handed_on(
    provider: &Provider<Bytes>,
    body: String,
) -> Result<(Option<String>, Option<String>, Bytes, Verified<Bytes>), RejectionKind> {
    let inner = service_fn(|request: Request<Full<Bytes>>| async move {
        let (head, body) = request.into_parts();
        let mut response = Response::new(body);
        *response.headers_mut() = head.headers;
        *response.extensions_mut() = head.extensions;
        Ok::<_, Infallible>(response)
    });
    let layer = WebhookAuthLayer::new(provider.clone()).clock(|| at(NOW));
    let request = Request::post("/")
        .header("content-type", "application/jwt")
        .header("content-length", body.len())
        .body(Full::<Bytes>::from(body))
        .expect("a request");
    let response = layer
        .layer(inner)
        .oneshot(request)
        .await
        .expect("infallible");
    let (mut head, body) = response.into_parts();
    let Some(verified) = head.extensions.remove::<Verified<Bytes>>() else {
        return Err(head
            .extensions
            .get::<Rejection>()
            .expect("a rejection")
            .kind());
    };
    let text = |name: &str| {
        let value = head.headers.get(name)?;
        Some(value.to_str().expect("a text").to_owned())
    };
    let body = http_body_util::BodyExt::collect(body)
        .await
        .expect("a body")
        .to_bytes();
    Ok((text("content-type"), text("content-length"), body, verified))
}

/// Hanko puts the event next to the token, too. Only the one in the token is signed.
#[tokio::test]
async fn the_claims_of_a_token_in_the_body_are_handed_on_in_place_of_the_body() {
    let claims = event().to_string();
    let token = token(&event());
    let in_member = json!({"event": "user.deleted", "token": token}).to_string();
    for (place, body) in [
        (TokenPlace::body(), token.clone()),
        (TokenPlace::body(), format!("{token}\n")),
        (TokenPlace::member("/token"), in_member),
        (
            TokenPlace::member("/a~1b/token"),
            json!({"a/b": {"token": token}}).to_string(),
        ),
    ] {
        let handed_on = handed_on(&body_provider(place.clone()), body).await;
        let (content_type, length, body, verified) = handed_on.expect("a delivery");
        assert_eq!(body, claims, "{place:?}");
        assert_eq!(content_type.as_deref(), Some("application/json"));
        assert_eq!(length, Some(claims.len().to_string()));
        assert_eq!(verified.body(), &claims);
        assert_eq!(verified.event(), &claims);
        assert_eq!(verified.authentication(), Authentication::Signature);
        assert!(verified.body_is_signed());
        assert_eq!(verified.delivery_id(), Some(Claim::Signed("e-1")));
    }
}

/// Each member takes memory while the token is looked for.
#[tokio::test]
async fn an_object_with_a_token_has_at_most_1000_members() {
    for (others, expected) in [(999, None), (1000, Some(RejectionKind::TokenMalformed))] {
        let others: String = (0..others).map(|name| format!("\"{name}\":0,")).collect();
        let body = format!("{{{others}\"token\":\"{}\"}}", token(&event()));
        let provider = body_provider(TokenPlace::member("/token"));
        assert_eq!(handed_on(&provider, body).await.err(), expected);
    }
}

#[tokio::test]
async fn a_body_without_its_token_is_rejected() {
    let of_user = token(&json!({"sub": "user-1", "exp": NOW + 60, "event_id": "e-1"}));
    let genuine = token(&event());
    let (signed_part, _) = genuine.rsplit_once('.').expect("a signature");
    let forged = format!("{signed_part}.{}", base64url(&[0; 32]));
    let member = |token: &str| json!({"token": token}).to_string();
    let malformed = RejectionKind::TokenMalformed;
    for (place, body, kind) in [
        (TokenPlace::body(), String::new(), malformed),
        (TokenPlace::body(), "{}".into(), malformed),
        (TokenPlace::body(), event().to_string(), malformed),
        (TokenPlace::body(), format!("\"{genuine}\""), malformed),
        (
            TokenPlace::body(),
            of_user.clone(),
            RejectionKind::ClaimMismatch,
        ),
        (
            TokenPlace::body(),
            forged.clone(),
            RejectionKind::SignatureMismatch,
        ),
        (TokenPlace::member("/token"), "{}".into(), malformed),
        (TokenPlace::member("/token"), genuine.clone(), malformed),
        (
            TokenPlace::member("/token"),
            r#"{"token":7}"#.into(),
            malformed,
        ),
        (
            TokenPlace::member("/token"),
            format!(r#"{{"token":"","token":"{genuine}"}}"#),
            malformed,
        ),
        (
            TokenPlace::member("/token"),
            member(&of_user),
            RejectionKind::ClaimMismatch,
        ),
        (
            TokenPlace::member("/token"),
            member(&forged),
            RejectionKind::SignatureMismatch,
        ),
        (
            TokenPlace::body(),
            token(&json!({"sub": "acme webhooks", "x": "a".repeat(256 << 10)})),
            malformed,
        ),
    ] {
        let provider = body_provider(place.clone());
        let verdict = handed_on(&provider, body.clone()).await;
        assert_eq!(
            verdict.err(),
            Some(kind),
            "{place:?} {}",
            &body[..body.len().min(90)]
        );
    }
}

#[test]
fn a_scheme_that_cannot_be_right_is_an_error() {
    let url = || SignedUrl::exact("https://example.com/hook").expect("a URL");
    for (scheme, part) in [
        (JwtScheme::hs256("x"), "nothing binds the token to the body"),
        (description().accept_unsigned_body(), "call one of them"),
        (
            JwtScheme::hs256(TokenPlace::body()).body_hash("h", BodyDigest::Sha256Hex),
            "the token is in the body",
        ),
        (
            JwtScheme::hs256(TokenPlace::body()).accept_unsigned_body(),
            "the token is in the body",
        ),
        (
            JwtScheme::hs256("x").accept_unsigned_body().id_claim("jti"),
            "not that of a delivery",
        ),
        (
            JwtScheme::hs256("x")
                .accept_unsigned_body()
                .body_hash_absent_if_empty(),
            "without `body_hash`",
        ),
        (description().url_claim("sub"), ".url(…) was not called"),
        (description().url(url()), "no claim has the URL"),
        (
            description()
                .max_age(Duration::from_secs(1))
                .accept_any_age(),
            "`max_age` and `accept_any_age`",
        ),
        (
            description().claim("iss", "acme"),
            "has a method of its own",
        ),
        (
            description().claim_present("exp"),
            "has a method of its own",
        ),
        (
            description().claim_present("hash"),
            "the claim \"hash\" has two rules",
        ),
        (
            description().subject("a").url_claim("sub").url(url()),
            "\"sub\" has two rules",
        ),
        (
            description().claim_present(""),
            "the name of a claim is empty",
        ),
        (description().key_prefix(""), "the key prefix is empty"),
        (
            JwtScheme::hs256("no name").body_hash("h", BodyDigest::Sha256Hex),
            "is not the name of a header",
        ),
        (
            JwtScheme::hs256(TokenPlace::authorization("Bearer "))
                .body_hash("h", BodyDigest::Sha256Hex),
            "is not the name of an authentication scheme",
        ),
        (
            JwtScheme::hs256(TokenPlace::member("token")),
            "is not the JSON Pointer of a member",
        ),
        (
            JwtScheme::hs256(TokenPlace::member("")),
            "is not the JSON Pointer of a member",
        ),
        (
            JwtScheme::hs256(TokenPlace::member("/")),
            "is not the JSON Pointer of a member",
        ),
    ] {
        let error = error(scheme);
        assert!(error.contains(part), "{error:?} does not contain {part:?}");
    }
}

#[test]
fn each_of_several_keys_may_have_signed() -> Result<(), ConfigError> {
    let keys = Keys::named([
        ("new", Secret::new("another key")?),
        ("old", Secret::new(KEY)?),
    ])?;
    let provider = Provider::new("acme", description().build()?, keys)?;
    let verified = judge(&provider, post(&[("acme-token", &token(&claims()))], BODY));
    assert_eq!(verified.expect("a delivery").key_name(), "old");
    let header = json!({"alg": "HS256", "kid": "of the sender"});
    let request = post(&[("acme-token", &hs256(&header, &claims()))], BODY);
    assert!(
        judge(&provider, request).is_ok(),
        "an id that no key has selects nothing"
    );
    let header = json!({"alg": "HS256", "kid": 7});
    let request = post(&[("acme-token", &hs256(&header, &claims()))], BODY);
    assert_eq!(
        judge(&provider, request).err(),
        Some(RejectionKind::TokenMalformed)
    );
    Ok(())
}

#[test]
fn a_token_is_one_way_of_several() -> Result<(), ConfigError> {
    let signature = SignatureScheme::hmac_sha256("acme-signature").build()?;
    let scheme = Scheme::any_of([("signature", signature), ("token", description().build()?)])?;
    let provider = Provider::new("acme", scheme, Secret::new(KEY)?)?;
    let signature = hex(&hmac(Hash::Sha256, KEY.as_bytes(), BODY.as_bytes()));
    let genuine = token(&claims());
    let way = |headers: &[(&str, &str)], body: &'static str| {
        let verified = judge(&provider, post(headers, body))?;
        Ok(verified.way().map(str::to_owned))
    };
    assert_eq!(
        way(&[("acme-token", &genuine)], BODY),
        Ok(Some("token".into()))
    );
    assert_eq!(
        way(&[("acme-signature", &signature)], BODY),
        Ok(Some("signature".into()))
    );
    let zeros = "0".repeat(64);
    let headers = [("acme-signature", zeros.as_str()), ("acme-token", &genuine)];
    assert_eq!(way(&headers, BODY), Ok(Some("token".into())));
    assert_eq!(
        way(&[("acme-token", &genuine)], "another body"),
        Err(RejectionKind::BodyHashMismatch)
    );
    assert_eq!(
        way(&[("acme-token", "junk")], BODY),
        Err(RejectionKind::TokenMalformed)
    );
    Ok(())
}

/// The hash for the token counts as much as that for the signature. A token in the body is hashed at its end.
#[test]
fn the_work_of_one_poll_is_that_of_all_ways_together() -> Result<(), ConfigError> {
    let body = "a".repeat(1 << 20);
    let signature = hex(&hmac(Hash::Sha256, KEY.as_bytes(), body.as_bytes()));
    let bound =
        json!({"iss": "acme", "exp": NOW + 60, "hash": hex(&Hash::Sha256.digest(body.as_bytes()))});
    let bound = token(&bound);
    let request = || {
        let headers = [
            ("acme-signature", signature.as_str()),
            ("acme-token", &bound),
        ];
        post(&headers, body.clone())
    };
    let with = |token: JwtScheme| {
        let signature = SignatureScheme::hmac_sha256("acme-signature").build()?;
        let scheme = Scheme::any_of([("signature", signature), ("token", token.build()?)])?;
        Provider::new("acme", scheme, Secret::new(KEY)?)
    };
    let in_body = JwtScheme::hs256(TokenPlace::body()).subject("acme webhooks");
    let (in_header, in_body) = (with(description())?, with(in_body)?);
    let (in_header, status) = judge::polls(&in_header, request());
    assert_eq!(status, 200);
    let (in_body, status) = judge::polls(&in_body, request());
    assert_eq!(status, 200);
    assert!(
        in_header >= 8,
        "{in_header} polls for 1 MiB that is hashed twice"
    );
    assert!(
        (4..8).contains(&in_body),
        "{in_body} polls for 1 MiB that is hashed once"
    );
    Ok(())
}

#[cfg(feature = "testing")]
#[test]
fn the_signer_makes_a_token_that_the_scheme_accepts() -> Result<(), ConfigError> {
    use tower_webhook_auth::testing::Signer;

    let secret = Secret::new(KEY)?;
    let url = SignedUrl::exact("https://example.com/hook")?;
    let scheme = JwtScheme::any_hmac("acme-token")
        .issuer("acme")
        .audience("app")
        .claim_true("verified")
        .claim_present("data")
        .url_hash("url_hash", BodyDigest::Sha256Base64)
        .url(url)
        .body_hash("hash", BodyDigest::Sha256Base64Url)
        .id_claim("jti");
    let provider = provider(scheme);
    let signer = Signer::new(&provider, &secret)?.at(at(NOW)).with_id("d-1");
    let verified = judge(&provider, signer.request(BODY)).expect("a delivery");
    assert_eq!(verified.delivery_id(), Some(Claim::Signed("d-1")));
    assert!(Signer::new(&provider, &secret)?.add_key(&secret).is_err());
    let in_body = Signer::new(&body_provider(TokenPlace::body()), &secret);
    let error = in_body.expect_err("a token in the body").to_string();
    assert!(
        error.contains("the body of such a delivery is the token"),
        "{error}"
    );
    Ok(())
}

/// The reference code of these tests computes the same signature.
#[cfg(feature = "testing")]
#[test]
fn the_signer_signs_with_the_algorithm_of_the_scheme() -> Result<(), ConfigError> {
    use tower_webhook_auth::testing::Signer;

    for (scheme, name, hash) in [
        (JwtScheme::hs256("acme-token"), "HS256", Hash::Sha256),
        (JwtScheme::hs384("acme-token"), "HS384", Hash::Sha384),
        (JwtScheme::hs512("acme-token"), "HS512", Hash::Sha512),
    ] {
        let provider = provider(scheme.body_hash("hash", BodyDigest::Sha256Hex));
        let signer = Signer::new(&provider, &Secret::new(KEY)?)?.at(at(NOW));
        let request = signer.request(BODY);
        let token = request.headers()["acme-token"].to_str().expect("a text");
        let parts: Vec<_> = token.split('.').collect();
        let [header, claims, _] = parts[..] else {
            panic!("{name}: {token}");
        };
        let decoded = data_encoding::BASE64URL_NOPAD.decode(header.as_bytes());
        let decoded: Value = serde_json::from_slice(&decoded.expect("base64url")).expect("JSON");
        assert_eq!(decoded["alg"], name);
        assert_eq!(token, signed(header, claims, hash, KEY), "{name}");
        assert!(judge(&provider, request).is_ok(), "{name}");
    }
    Ok(())
}

#[cfg(feature = "diagnosis")]
#[test]
fn the_diagnosis_names_the_key_that_signed_the_token() -> Result<(), ConfigError> {
    let right = Secret::new(KEY)?;
    let wrong = Provider::new("acme", description().build()?, Secret::new("another key")?)?;
    let suspects = Keys::named([("withdrawn", right.clone())])?;
    let layer = WebhookAuthLayer::new(wrong)
        .clock(|| at(NOW))
        .diagnose(suspects);
    let request = || post(&[("acme-token", &token(&claims()))], BODY);
    let rejection = judge::through(&layer, request()).expect_err("a rejection");
    assert_eq!(rejection.kind(), RejectionKind::SignatureMismatch);
    let diagnosis = rejection.diagnosis().expect("a diagnosis").to_string();
    assert!(diagnosis.contains("\"withdrawn\""), "{diagnosis}");
    Ok(())
}

/// The limit is 256 KiB, which is more than a header may have.
#[tokio::test]
async fn a_token_in_the_body_may_be_long() {
    let mut claims = event();
    claims["text"] = "a".repeat(180 << 10).into();
    let token = token(&claims);
    assert!((240 << 10..256 << 10).contains(&token.len()));
    let handed_on = handed_on(&body_provider(TokenPlace::body()), token).await;
    let (_, _, body, _) = handed_on.expect("a delivery");
    assert_eq!(body, claims.to_string());
}

/// A token in the body is verified after the body was read, so a suspect must have signed it.
#[cfg(feature = "diagnosis")]
#[test]
fn the_diagnosis_names_the_key_that_signed_the_token_in_the_body() -> Result<(), ConfigError> {
    let scheme = || JwtScheme::hs256(TokenPlace::body()).subject("acme webhooks");
    let wrong = Provider::new("acme", scheme().build()?, Secret::new("another key")?)?;
    let explained = |suspects: &[(&'static str, &str)]| {
        let suspects = suspects.iter();
        let suspects = suspects.map(|(name, key)| (*name, Secret::new(*key).expect("a secret")));
        let layer = WebhookAuthLayer::new(wrong.clone())
            .clock(|| at(NOW))
            .diagnose(Keys::named(suspects).expect("keys"));
        let rejection = judge::through(&layer, post(&[], token(&event()))).expect_err("a key");
        assert_eq!(rejection.kind(), RejectionKind::SignatureMismatch);
        rejection.diagnosis().expect("a diagnosis").to_string()
    };
    let unrelated = ("of staging", "the key of staging");
    let withdrawn = ("withdrawn", KEY);
    let diagnosis = explained(&[unrelated, withdrawn]);
    assert!(diagnosis.contains("\"withdrawn\""), "{diagnosis}");
    let diagnosis = explained(&[unrelated]);
    assert!(!diagnosis.contains("of staging"), "{diagnosis}");
    Ok(())
}

#[test]
fn the_description_of_the_scheme_lists_the_claims() {
    let scheme = description()
        .max_age(Duration::from_secs(300))
        .id_claim("jti");
    let scheme = scheme.build().expect("a scheme");
    let ways = scheme.ways();
    assert_eq!(ways[0].algorithm, "JWT with HS256");
    assert_eq!(ways[0].value, "{token}");
    assert_eq!(
        ways[0].signed,
        "iss=acme, iat={timestamp}, jti={id}, hash={hex of SHA-256 of body}"
    );
    assert!(ways[0].id_is_signed && ways[0].any_text_is_a_key);
}

/// The catalogue and the documentation of a program are made from these.
#[test]
fn the_description_says_what_is_a_key_and_whether_the_body_is_covered() {
    let uncovered = JwtScheme::hs256("acme-token").accept_unsigned_body();
    for (scheme, any_text_is_a_key, body_is_covered) in [
        (description(), true, true),
        (description().key_prefix("whsec_"), false, true),
        (description().key_encoding(KeyEncoding::Base64), false, true),
        (uncovered, true, false),
        (JwtScheme::hs256(TokenPlace::body()), true, true),
    ] {
        let printed = format!("{scheme:?}");
        let ways = scheme.build().expect("a scheme").ways();
        assert_eq!(ways[0].any_text_is_a_key, any_text_is_a_key, "{printed}");
        assert_eq!(ways[0].body_is_covered, body_is_covered, "{printed}");
    }
}

#[test]
fn a_description_names_the_algorithm_and_each_claim() {
    let way = |scheme: JwtScheme| {
        let scheme = scheme.body_hash("hash", BodyDigest::Sha256Hex).build();
        scheme.expect("a scheme").ways().remove(0)
    };
    for (scheme, algorithm) in [
        (JwtScheme::hs256("t"), "JWT with HS256"),
        (JwtScheme::hs384("t"), "JWT with HS384"),
        (JwtScheme::hs512("t"), "JWT with HS512"),
        #[cfg(feature = "ed25519")]
        (JwtScheme::eddsa("t"), "JWT with EdDSA"),
        #[cfg(feature = "ecdsa-p256")]
        (JwtScheme::es256("t"), "JWT with ES256"),
        #[cfg(feature = "rsa")]
        (JwtScheme::rs256("t"), "JWT with RS256"),
        #[cfg(feature = "rsa")]
        (JwtScheme::rs384("t"), "JWT with RS384"),
        #[cfg(feature = "rsa")]
        (JwtScheme::rs512("t"), "JWT with RS512"),
    ] {
        assert_eq!(way(scheme).algorithm, algorithm);
    }
    let claims = way(JwtScheme::hs256("t").audience("acme").claim_true("live"));
    assert!(claims.signed.contains("live=true"), "{}", claims.signed);
    assert!(claims.signed.contains("aud=acme"), "{}", claims.signed);
}

#[cfg(feature = "testing")]
#[test]
fn a_url_that_no_claim_can_hold_is_an_error_of_the_signer() -> Result<(), ConfigError> {
    use tower_webhook_auth::testing::Signer;

    let url = SignedUrl::origin("https://a.example")?;
    let provider = provider(description().url_claim("sub").url(url));
    let signer = Signer::new(&provider, &Secret::new(KEY)?)?.at(at(NOW));
    let request = |path: &str| {
        Request::post(path)
            .body(Bytes::from(BODY))
            .expect("a request")
    };
    assert!(signer.try_sign(request("/hook")).is_ok());
    let error = signer
        .try_sign(request("/a|b"))
        .expect_err("RFC 3986 has no '|'");
    assert_eq!(
        error.to_string(),
        "the request cannot be signed: method, path or query cannot be read as a signed piece"
    );
    Ok(())
}
