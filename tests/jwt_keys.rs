//! Public keys of tokens: PEM, JWK and sets of JWKs, the id of a key, and the confusion of a public key with a
//! secret.
#![cfg(all(feature = "ecdsa-p256", feature = "ed25519", feature = "rsa"))]

#[path = "common/judge.rs"]
mod judge;
#[path = "common/reference.rs"]
mod reference;

use std::convert::Infallible;

use bytes::Bytes;
use data_encoding::BASE64;
use http_body_util::Full;
use p256::ecdsa::signature::Signer as _;
use serde_json::{Value, json};
use tower::{Layer, ServiceExt, service_fn};
use tower_webhook_auth::{
    BodyDigest, JwkSet, JwtScheme, Keys, Provider, RejectionKind, Secret, SignatureScheme,
    TokenPlace, WebhookAuthLayer, provider,
};

use self::{
    judge::{NOW, judge, post},
    reference::{Hash, base64url, hex, hmac},
};

const BODY: &str = r#"{"id":1}"#;

/// The private half of the key in appendix A.3 of RFC 7515.
fn p256_key() -> p256::ecdsa::SigningKey {
    let d = data_encoding::BASE64URL_NOPAD.decode(b"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI");
    p256::ecdsa::SigningKey::from_slice(&d.expect("base64url")).expect("a key")
}

/// Its public half, as it is printed there.
fn p256_jwk(id: &str) -> Value {
    json!({
        "kty": "EC",
        "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        "kid": id,
    })
}

/// The public key in appendix A.2 of RFC 7515.
const RSA_MODULUS: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4\
    d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-\
    KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGN\
    j8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";

fn rsa_jwk(id: &str) -> Value {
    json!({"kty": "RSA", "n": RSA_MODULUS, "e": "AQAB", "kid": id})
}

fn claims() -> Value {
    let hash = hex(&Hash::Sha256.digest(BODY.as_bytes()));
    json!({"exp": NOW + 60, "hash": hash})
}

fn part(json: &Value) -> String {
    base64url(json.to_string().as_bytes())
}

fn es256(header: &Value) -> String {
    let signed = format!("{}.{}", part(header), part(&claims()));
    let signature: p256::ecdsa::Signature = p256_key().sign(signed.as_bytes());
    format!("{signed}.{}", base64url(&signature.to_bytes()))
}

fn description() -> JwtScheme {
    JwtScheme::es256("acme-token").body_hash("hash", BodyDigest::Sha256Hex)
}

fn provider_of(keys: impl Into<Keys>) -> Provider<Bytes> {
    let scheme = description().build().expect("a scheme");
    Provider::new("acme", scheme, keys).expect("a provider")
}

fn verdict(provider: &Provider<Bytes>, token: &str) -> Result<String, RejectionKind> {
    let verified = judge(provider, post(&[("acme-token", token)], BODY))?;
    Ok(verified.key_name().to_owned())
}

fn set(keys: &[Value]) -> JwkSet {
    JwkSet::parse(json!({"keys": keys}).to_string()).expect("a set")
}

/// The token and the key of RFC 7515, appendix A.3. The signature there is over these bytes.
#[test]
fn the_token_of_rfc_7515_is_verified() {
    let token = "eyJhbGciOiJFUzI1NiJ9.\
        eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.\
        DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    let scheme = |place| {
        JwtScheme::es256(place)
            .issuer("joe")
            .claim_true("http://example.com/is_root")
            .claim_present("http://example.com/other")
    };
    let accepting = JwtScheme::es256(TokenPlace::header("acme-token"))
        .issuer("joe")
        .accept_unsigned_body();
    // `is_root` may be true for a user, too, so it does not distinguish a delivery.
    assert!(
        accepting
            .clone()
            .claim_true("http://example.com/is_root")
            .build()
            .is_err()
    );
    let distinguished = accepting
        .claim_present("http://example.com/is_root")
        .build();
    let key = Secret::new(p256_jwk("1").to_string()).expect("a key");
    let provider = Provider::new("acme", distinguished.expect("a scheme"), key.clone());
    let provider = provider.expect("a provider");
    let (head, ()) = http::Request::post("/")
        .header("acme-token", token)
        .body(())
        .expect("a request")
        .into_parts();
    let at = |seconds| provider.verify(&head, Bytes::new(), judge::at(seconds));
    assert!(at(1_300_819_379).is_ok());
    let kind = at(1_300_819_380).expect_err("expired").kind();
    assert_eq!(kind, RejectionKind::TimestampTooOld);
    let other = Provider::new(
        "acme",
        scheme(TokenPlace::body()).build().expect("a scheme"),
        key,
    );
    let (head, ()) = http::Request::post("/")
        .body(())
        .expect("a request")
        .into_parts();
    let verdict = other
        .expect("a provider")
        .verify(&head, token.into(), judge::at(1_300_819_379));
    assert_eq!(
        verdict.expect_err("a claim is absent").kind(),
        RejectionKind::ClaimMismatch
    );
}

/// The tokens were made with the Python package PyJWT.
#[test]
fn each_algorithm_accepts_the_tokens_of_another_implementation_and_no_other() {
    let file: Value =
        serde_json::from_str(include_str!("vectors/jwt_algorithms.json")).expect("JSON");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let cases = file["cases"].as_array().expect("a list");
    assert_eq!(cases.len(), 8);
    let scheme = |algorithm: &str| match algorithm {
        "HS256" => JwtScheme::hs256("acme-token"),
        "HS384" => JwtScheme::hs384("acme-token"),
        "HS512" => JwtScheme::hs512("acme-token"),
        "ES256" => JwtScheme::es256("acme-token"),
        "EdDSA" => JwtScheme::eddsa("acme-token"),
        "RS256" => JwtScheme::rs256("acme-token"),
        "RS384" => JwtScheme::rs384("acme-token"),
        "RS512" => JwtScheme::rs512("acme-token"),
        other => panic!("no scheme for {other}"),
    };
    let provider = |algorithm: &str, key: &str| {
        let key = match algorithm.starts_with('H') {
            true => Secret::new(key),
            false => Secret::from_pem(key),
        };
        let scheme = scheme(algorithm).body_hash("hash", BodyDigest::Sha256Hex);
        let scheme = scheme.build().expect("a scheme");
        Provider::new("acme", scheme, key.expect("a key")).expect("a provider")
    };
    for case in cases {
        let (algorithm, key) = (text(&case["algorithm"]), text(&case["key"]));
        let token = text(&case["token"]);
        let acme = provider(&algorithm, &key);
        assert!(verdict(&acme, &token).is_ok(), "{algorithm}");

        // One bit of the signature is changed, in each of its first 32 bytes.
        let (signed, signature) = token.rsplit_once('.').expect("a signature");
        let signature = data_encoding::BASE64URL_NOPAD.decode(signature.as_bytes());
        let signature = signature.expect("base64url");
        for index in 0..32 {
            let mut changed = signature.clone();
            changed[index] ^= 1;
            let token = format!("{signed}.{}", base64url(&changed));
            let rejected = Err(RejectionKind::SignatureMismatch);
            assert_eq!(verdict(&acme, &token), rejected, "{algorithm} {index}");
        }
        // A token of another algorithm, although its signature is valid under the same key.
        for other in cases.iter().filter(|other| other["key"] == case["key"]) {
            let other = text(&other["algorithm"]);
            let expected = other == algorithm;
            let verdict = verdict(&provider(&other, &key), &token);
            assert_eq!(verdict.is_ok(), expected, "{algorithm} as {other}");
        }
    }
}

/// Until it expires, a token is as good as a key. Logs of requests leave out values that are marked as sensitive.
#[test]
fn the_token_is_marked_as_sensitive() {
    let key = Secret::new(p256_jwk("k1").to_string()).expect("a key");
    let layer = WebhookAuthLayer::new(provider_of(key)).clock(|| judge::at(NOW));
    let inner = service_fn(async |request: http::Request<Full<Bytes>>| {
        assert!(request.headers()["acme-token"].is_sensitive());
        Ok::<_, Infallible>(http::Response::new(Full::<Bytes>::default()))
    });
    let token = es256(&json!({"alg": "ES256"}));
    let request = post(&[("acme-token", &token)], BODY);
    let Ok(response) = futures_executor::block_on(layer.layer(inner).oneshot(request));
    assert_eq!(response.status(), 200);
}

#[test]
fn a_key_is_read_from_pem_der_and_jwk() {
    // SubjectPublicKeyInfo for a point on P-256, RFC 5480 section 2.
    let mut der =
        reference::unhex(b"3059301306072a8648ce3d020106082a8648ce3d030107034200").expect("hex");
    der.extend_from_slice(p256_key().verifying_key().to_sec1_point(false).as_bytes());
    let der = BASE64.encode(&der);
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{der}\n-----END PUBLIC KEY-----\n");
    let mut for_signatures = p256_jwk("k1");
    for_signatures["use"] = "sig".into();
    for secret in [
        Secret::from_pem(&pem),
        Secret::new(der),
        Secret::new(p256_jwk("k1").to_string()),
        Secret::new(for_signatures.to_string()),
    ] {
        let provider = provider_of(secret.expect("a key"));
        let verdict = verdict(&provider, &es256(&json!({"alg": "ES256"})));
        assert_eq!(verdict.as_deref(), Ok("default"));
    }
}

#[test]
fn the_id_in_the_token_selects_the_key() {
    let mut other = p256_jwk("other");
    let key = p256::ecdsa::SigningKey::from_slice(&[7; 32]).expect("a key");
    let point = key.verifying_key().to_sec1_point(false);
    other["x"] = base64url(point.x().expect("a coordinate")).into();
    other["y"] = base64url(point.y().expect("a coordinate")).into();
    let provider = provider_of(set(&[other, p256_jwk("k1")]).keys().expect("keys"));
    let token = |id: Value| es256(&json!({"alg": "ES256", "kid": id}));
    assert_eq!(verdict(&provider, &token(json!("k1"))).as_deref(), Ok("k1"));
    let mismatch = Err(RejectionKind::SignatureMismatch);
    assert_eq!(
        verdict(&provider, &token(json!("other"))),
        mismatch,
        "the id of another key"
    );
    assert_eq!(
        verdict(&provider, &token(json!("k2"))),
        mismatch,
        "an unknown id"
    );
    let without = es256(&json!({"alg": "ES256"}));
    assert_eq!(
        verdict(&provider, &without).as_deref(),
        Ok("k1"),
        "no id: all keys are tried"
    );
}

/// The text of the public key, as a secret of HMAC: everyone can compute this signature.
#[test]
fn a_public_key_is_never_the_secret_of_a_mac() {
    let jwk = p256_jwk("k1").to_string();
    let header = part(&json!({"alg": "HS256"}));
    let signed = format!("{header}.{}", part(&claims()));
    let signature = hmac(Hash::Sha256, jwk.as_bytes(), signed.as_bytes());
    let forged = format!("{signed}.{}", base64url(&signature));
    let provider = provider_of(Secret::new(jwk.clone()).expect("a key"));
    assert_eq!(
        verdict(&provider, &forged),
        Err(RejectionKind::TokenMalformed)
    );

    // A set of public keys for a scheme with a secret is an error, in tokens and in signatures.
    let keys = || set(&[p256_jwk("k1")]).keys().expect("keys");
    let token = JwtScheme::hs256("acme-token").body_hash("hash", BodyDigest::Sha256Hex);
    let signature = SignatureScheme::hmac_sha256("acme-signature");
    for scheme in [token.build(), signature.build()] {
        let error = Provider::new("acme", scheme.expect("a scheme"), keys());
        let error = error.expect_err("a public key").to_string();
        assert!(error.contains("the secret is a public key"), "{error}");
    }
    let pem = Secret::from_pem(
        "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEZhhxXKtR+TOvtDbgTPCkSof02qgB
B7IsYOyf76ilExJ/upAa/vKIKheOoCyOpcLmi4t0b4uepb7LLjmMr90FUg==
-----END PUBLIC KEY-----",
    );
    let error = provider::by_name("netlify", pem.expect("a key"), None);
    let error = error.expect_err("a public key").to_string();
    assert!(error.contains("the secret is a public key"), "{error}");
    let error = provider::by_name("netlify", keys(), None).expect_err("a public key");
    assert!(
        error.to_string().contains("the secret is a public key"),
        "{error}"
    );
}

#[test]
fn keys_of_other_types_in_a_set_are_left_out() {
    let encryption = json!({"kty": "RSA", "use": "enc", "n": RSA_MODULUS, "e": "AQAB", "kid": "e"});
    let unknown = json!({"kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA", "kid": "u"});
    let ed25519 = json!({"kty": "OKP", "crv": "Ed25519", "kid": "d",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
    let mut other_algorithm = p256_jwk("a");
    other_algorithm["alg"] = "ES384".into();
    let set = set(&[
        encryption,
        unknown,
        ed25519,
        other_algorithm,
        rsa_jwk("r"),
        p256_jwk("k1"),
    ]);
    assert_eq!(set.ids().collect::<Vec<_>>(), ["d", "a", "r", "k1"]);
    let provider = provider_of(set.keys().expect("keys"));
    let token = es256(&json!({"alg": "ES256", "kid": "k1"}));
    assert_eq!(verdict(&provider, &token).as_deref(), Ok("k1"));
    for id in ["d", "a", "r"] {
        let token = es256(&json!({"alg": "ES256", "kid": id}));
        assert_eq!(
            verdict(&provider, &token),
            Err(RejectionKind::SignatureMismatch),
            "{id}"
        );
    }
    let scheme = description().build().expect("a scheme");
    let error = Provider::new("acme", scheme, set.key("r").expect("a key"));
    assert_eq!(
        error.expect_err("no usable key").to_string(),
        "acme: no key is for the algorithm ES256: check the algorithm in the sender's settings"
    );
}

#[test]
fn a_set_that_is_wrong_is_an_error() {
    let mut private = p256_jwk("k1");
    private["d"] = "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI".into();
    let mut cut = p256_jwk("k1");
    cut.as_object_mut().expect("an object").remove("y");
    let twice = format!(r#"{{"keys":[],"keys":[{}]}}"#, p256_jwk("k1"));
    let keys = |keys: &[Value]| json!({"keys": keys}).to_string();
    for (text, part) in [
        (String::new(), "not a JWK set"),
        ("[]".into(), "not a JWK set"),
        (p256_jwk("k1").to_string(), "not a JWK set"),
        (r#"{"keys":{}}"#.into(), "not a JWK set"),
        (twice, "not a JWK set"),
        (keys(&[]), "no public key for signatures"),
        (
            keys(&[json!({"kty": "RSA", "use": "enc"})]),
            "no public key for signatures",
        ),
        (keys(&[private]), "is a private key"),
        (
            keys(&[json!({"kty": "oct", "k": "AAAA"})]),
            "is a symmetric key",
        ),
        (keys(&[cut]), "has no \"y\""),
        (
            r#"{"keys":[{"kty":"EC","kty":"EC"}]}"#.into(),
            "each name appears once",
        ),
        (
            keys(&[p256_jwk("k1"), p256_jwk("k1")]),
            "have the id \"k1\"",
        ),
        (keys(&vec![p256_jwk("k"); 65]), "at most 64"),
    ] {
        let error = JwkSet::parse(&text).expect_err("a wrong set").to_string();
        assert!(error.contains(part), "{error:?} does not contain {part:?}");
        assert!(!error.contains("jpsQ"), "{error}");
    }
    let largest: Vec<Value> = (0..64).map(|place| p256_jwk(&place.to_string())).collect();
    assert_eq!(set(&largest).ids().count(), 64);
}

#[test]
fn a_key_that_was_cut_or_has_a_name_twice_is_an_error() {
    let whole = p256_jwk("k1").to_string();
    let cut = whole[..whole.len() - 1].to_owned();
    let twice = whole.replacen('{', r#"{"kty":"EC","#, 1);
    for text in [cut, twice] {
        let scheme = description().build().expect("a scheme");
        let key = Secret::new(text).expect("a secret");
        let error = Provider::<Bytes>::new("acme", scheme, key).expect_err("a wrong key");
        let error = error.to_string();
        assert!(error.contains("each name appears once"), "{error}");
    }
}

#[test]
fn a_weak_or_wrong_key_is_an_error() {
    let new = |scheme: JwtScheme, jwk: Value| {
        let scheme = scheme
            .body_hash("hash", BodyDigest::Sha256Hex)
            .build()
            .expect("a scheme");
        let key = Secret::new(jwk.to_string()).expect("a secret");
        Provider::new("acme", scheme, key)
            .map(drop)
            .expect_err("a wrong key")
            .to_string()
    };
    let mut off_curve = p256_jwk("k1");
    off_curve["y"] = base64url(&[1; 32]).into();
    let short = json!({"kty": "RSA", "n": base64url(&[0xff; 128]), "e": "AQAB"});
    let exponent_1 = json!({"kty": "RSA", "n": RSA_MODULUS, "e": "AQ"});
    // RFC 9864 gives this type to keys of ML-DSA.
    let of_other_type = json!({"kty": "AKP", "alg": "ML-DSA-44"});
    let small_order = json!({"kty": "OKP", "crv": "Ed25519", "x": base64url(&[0; 32])});
    let ed25519 = |curve: &str| json!({"kty": "OKP", "crv": curve, "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
    let mut other_curve = p256_jwk("k1");
    other_curve["crv"] = "P-384".into();
    let mut for_encryption = p256_jwk("k1");
    for_encryption["use"] = "enc".into();
    for (scheme, jwk, part) in [
        (JwtScheme::es256("t"), off_curve, "not a point on P-256"),
        (JwtScheme::rs256("t"), short, "has 1024 bits"),
        (JwtScheme::rs256("t"), exponent_1, "exponent"),
        (JwtScheme::eddsa("t"), small_order, "small order"),
        (
            JwtScheme::rs256("t"),
            p256_jwk("k1"),
            "no key is for the algorithm RS256",
        ),
        (
            JwtScheme::es256("t"),
            for_encryption,
            "\"use\" is \"enc\", expected \"sig\"",
        ),
        (
            JwtScheme::es256("t"),
            other_curve,
            "no key is for the algorithm ES256",
        ),
        (
            JwtScheme::es256("t"),
            ed25519("Ed25519"),
            "no key is for the algorithm ES256",
        ),
        // A key for the agreement of keys. It has the same length.
        (
            JwtScheme::eddsa("t"),
            ed25519("X25519"),
            "no key is for the algorithm EdDSA",
        ),
        (
            JwtScheme::eddsa("t"),
            rsa_jwk("r"),
            "no key is for the algorithm EdDSA",
        ),
        (
            JwtScheme::es256("t"),
            of_other_type,
            "the JWK has the type \"AKP\", expected \"EC\", \"OKP\" or \"RSA\"",
        ),
    ] {
        let error = new(scheme, jwk);
        assert!(error.contains(part), "{error:?} does not contain {part:?}");
    }
}

#[test]
fn many_public_keys_are_an_error() {
    let keys: Vec<Value> = (0..17).map(|place| p256_jwk(&place.to_string())).collect();
    let scheme = || description().build().expect("a scheme");
    let sixteen = set(&keys[..16]).keys().expect("keys");
    assert!(Provider::new("acme", scheme(), sixteen).is_ok());
    let error = Provider::new("acme", scheme(), set(&keys).keys().expect("keys"));
    assert!(
        error
            .expect_err("many keys")
            .to_string()
            .contains("at most 16")
    );

    let keys: Vec<Value> = (0..9).map(|place| rsa_jwk(&place.to_string())).collect();
    let scheme = || {
        let scheme = JwtScheme::rs256("acme-token").body_hash("hash", BodyDigest::Sha256Hex);
        scheme.build().expect("a scheme")
    };
    let eight = set(&keys[..8]).keys().expect("keys");
    assert!(Provider::new("acme", scheme(), eight).is_ok());
    let error = Provider::new("acme", scheme(), set(&keys).keys().expect("keys"));
    let error = error.expect_err("many keys").to_string();
    assert!(error.contains("at most 8"), "{error}");
}

/// A MAC costs little.
#[test]
fn the_number_of_shared_keys_is_not_limited() {
    let keys = (0..100).map(|place| {
        let key = Secret::new(format!("the key of place {place}"));
        (format!("key-{place}"), key.expect("a key"))
    });
    let scheme = JwtScheme::hs256("acme-token").body_hash("hash", BodyDigest::Sha256Hex);
    let scheme = scheme.build().expect("a scheme");
    assert!(Provider::new("acme", scheme, Keys::named(keys).expect("keys")).is_ok());
}

/// The same key set signs the tokens of users, so the issuer, the audience and the times are not enough.
#[test]
fn a_key_set_without_a_claim_that_only_deliveries_have_is_an_error() {
    let in_body = || JwtScheme::rs256(TokenPlace::body());
    let in_header = || JwtScheme::rs256(TokenPlace::authorization("Bearer")).accept_unsigned_body();
    for scheme in [
        in_body(),
        in_header(),
        in_body().issuer("https://acme.example").audience("app"),
        in_body()
            .claim_present("sub")
            .claim_present("jti")
            .id_claim("event_id"),
        in_header().claim_true("email_verified"),
    ] {
        let error = scheme
            .build()
            .expect_err("users have such tokens")
            .to_string();
        assert!(
            error.contains("nothing distinguishes a delivery"),
            "{error}"
        );
    }
    assert!(in_body().subject("webhooks").build().is_ok());
    assert!(in_body().claim_present("event").build().is_ok());
    assert!(
        in_header()
            .claim("email", "push@acme.example")
            .build()
            .is_ok()
    );
    assert!(
        description().build().is_ok(),
        "a hash of the body is such a claim"
    );
}

/// Which ids were looked up.
type LookedUp = std::sync::Arc<std::sync::Mutex<Vec<String>>>;

fn by_key_id(
    place: TokenPlace,
) -> (
    impl tower_webhook_auth::tenants::KeySource<Lookup: Send>,
    LookedUp,
) {
    use tower_webhook_auth::tenants::{Selection, Unverified};
    let looked_up = LookedUp::default();
    let log = looked_up.clone();
    let source = move |delivery: Unverified<'_>| {
        let Some(id) = delivery.token_key_id(place.clone()) else {
            return match delivery.body() {
                None if place == TokenPlace::body() => Selection::Body,
                _ => Selection::Unknown,
            };
        };
        log.lock().expect("no panic").push(id.clone());
        let keys = set(&[p256_jwk("k1")]).key(&id);
        Selection::LookUp(std::future::ready(Ok(
            keys.map(|keys| keys.of_tenant("acme"))
        )))
    };
    (source, looked_up)
}

/// Another key of the provider, which the source never selects.
fn unused() -> Keys {
    let mut jwk = p256_jwk("unused");
    let key = p256::ecdsa::SigningKey::from_slice(&[9; 32]).expect("a key");
    let point = key.verifying_key().to_sec1_point(false);
    jwk["x"] = base64url(point.x().expect("a coordinate")).into();
    jwk["y"] = base64url(point.y().expect("a coordinate")).into();
    set(&[jwk]).keys().expect("a key")
}

#[test]
fn the_source_of_keys_gets_the_id_in_the_token() {
    use tower_webhook_auth::WebhookAuthLayer;
    let (source, looked_up) = by_key_id("acme-token".into());
    let layer = WebhookAuthLayer::new(provider_of(unused()))
        .clock(|| judge::at(NOW))
        .keys_from(source);
    let deliver = |token: &str| {
        let request = post(&[("acme-token", token)], BODY);
        let verdict = judge::through_any(&layer, request);
        verdict.map_err(|rejection| rejection.kind())
    };
    let token = |id: Value| es256(&json!({"alg": "ES256", "kid": id}));
    let verified = deliver(&token(json!("k1"))).expect("a delivery");
    assert_eq!(
        (verified.key_name(), verified.tenant()),
        ("k1", Some("acme"))
    );
    let kind = |token: &str| deliver(token).err();
    assert_eq!(
        kind(&token(json!("k2"))),
        Some(RejectionKind::SignatureMismatch)
    );
    assert_eq!(*looked_up.lock().expect("no panic"), ["k1", "k2"]);

    // The source is not asked about a token that no key can make right, or that names no key.
    let expired = {
        let claims = json!({"exp": NOW, "hash": hex(&Hash::Sha256.digest(BODY.as_bytes()))});
        format!(
            "{}.{}.AAAA",
            part(&json!({"alg": "ES256", "kid": "k3"})),
            part(&claims)
        )
    };
    assert_eq!(kind(&expired), Some(RejectionKind::TimestampTooOld));
    let other = part(&json!({"alg": "HS256", "kid": "k4"}));
    let other = format!("{other}.{}.AAAA", part(&claims()));
    assert_eq!(kind(&other), Some(RejectionKind::TokenMalformed));
    let unnamed = es256(&json!({"alg": "ES256"}));
    assert_eq!(kind(&unnamed), Some(RejectionKind::SignatureMismatch));
    assert_eq!(looked_up.lock().expect("no panic").len(), 2);
}

#[test]
fn the_source_of_keys_gets_the_id_in_a_token_in_the_body() {
    use tower_webhook_auth::WebhookAuthLayer;
    let scheme = JwtScheme::es256(TokenPlace::body()).claim_present("hash");
    let provider = Provider::new("acme", scheme.build().expect("a scheme"), unused());
    let (source, looked_up) = by_key_id(TokenPlace::body());
    let layer = WebhookAuthLayer::new(provider.expect("a provider"))
        .clock(|| judge::at(NOW))
        .keys_from(source);
    let deliver = |body: String| judge::through_any(&layer, post(&[], body));
    let verified = deliver(es256(&json!({"alg": "ES256", "kid": "k1"}))).expect("a delivery");
    assert_eq!(verified.body(), &claims().to_string());
    assert!(deliver("{}".into()).is_err());
    assert_eq!(*looked_up.lock().expect("no panic"), ["k1"]);
}

/// The cases of `tests/vectors/google_push.json`, through the preset.
#[test]
fn a_push_of_google_must_come_from_the_account_and_for_the_audience() {
    use tower_webhook_auth::{Authentication, provider::google_push::Account};
    let cases: Vec<Value> =
        serde_json::from_str(include_str!("vectors/google_push.json")).expect("cases");
    assert_eq!(cases.len(), 5);
    for case in cases {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let jwt = &case["scheme"]["jwt"];
        let account = Account::new(text(&jwt["require"]["email"]), text(&jwt["aud"]));
        let key = Secret::from_pem(text(&case["secret"])).expect("a key");
        let google = account.provider(key).expect("a provider");
        let body = BASE64
            .decode(text(&case["body_base64"]).as_bytes())
            .expect("base64");
        let token = text(&case["headers"]["Authorization"]);
        let (head, ()) = http::Request::post("/")
            .header("authorization", token)
            .body(())
            .expect("a request")
            .into_parts();
        let now = judge::at(case["now_unix"].as_u64().expect("a time"));
        let verdict = google.verify(&head, body.into(), now);
        assert_eq!(
            verdict.is_ok(),
            case["expect"] == "accept",
            "{}",
            case["reason"]
        );
        if let Ok(verified) = verdict {
            assert_eq!(verified.authentication(), Authentication::Token);
            assert!(!verified.body_is_signed());
        }
    }
    for (email, audience) in [("", "https://example.com"), ("push@acme.example", "")] {
        let error =
            Account::new(email, audience).provider(set(&[rsa_jwk("r")]).keys().expect("keys"));
        assert!(
            error
                .expect_err("an empty text")
                .to_string()
                .contains("is empty")
        );
    }
}

/// One poll hashes 256 KiB, over all keys together.
#[test]
fn a_large_body_of_neon_is_hashed_over_several_polls() {
    let cases: Vec<Value> =
        serde_json::from_str(include_str!("vectors/neon_auth.json")).expect("cases");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let keys = ["a", "b", "c", "d"].map(|name| {
        let key = Secret::new(text(&cases[0]["secret"])).expect("a key");
        (name, key)
    });
    let neon = provider::neon_auth(Keys::named(keys).expect("keys")).expect("a provider");
    let signature = text(&cases[0]["headers"]["X-Neon-Signature"]);
    let time = text(&cases[0]["headers"]["X-Neon-Timestamp"]);
    let headers = [
        ("x-neon-signature", signature.as_str()),
        ("x-neon-timestamp", &time),
    ];
    let request = post(&headers, "a".repeat(1 << 20));
    let (polls, status) = judge::polls(&neon, request);
    assert_eq!(status, 401, "another body was signed");
    assert!(
        polls >= 16,
        "{polls} polls for 1 MiB that is hashed four times"
    );
}

#[test]
fn neon_has_at_most_16_keys() {
    let cases: Vec<Value> =
        serde_json::from_str(include_str!("vectors/neon_auth.json")).expect("cases");
    let with = |number: usize| {
        let keys = (0..number).map(|index| {
            let key = cases[0]["secret"].as_str().expect("a text");
            (format!("key-{index}"), Secret::new(key).expect("a key"))
        });
        provider::neon_auth(Keys::named(keys).expect("keys"))
    };
    with(16).expect("16 keys");
    let error = with(17).expect_err("17 keys").to_string();
    assert!(error.contains("17 keys, but at most 16"), "{error}");
}

/// The cases of `tests/vectors/neon_auth.json`, and each change of a part, through the preset.
#[test]
fn a_detached_token_of_neon_covers_the_time_and_the_body() {
    let cases: Vec<Value> =
        serde_json::from_str(include_str!("vectors/neon_auth.json")).expect("cases");
    assert_eq!(cases.len(), 3);
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let verdict = |key: Secret, signature: &str, time: &str, body: Vec<u8>, now: u64| {
        let neon = provider::neon_auth(key).expect("a key");
        let (head, ()) = http::Request::post("/")
            .header("x-neon-signature", signature)
            .header("x-neon-timestamp", time)
            .body(())
            .expect("a request")
            .into_parts();
        let verified = neon.verify(&head, body.into(), judge::at(now));
        verified.map_err(|rejection| rejection.kind())
    };
    for case in &cases {
        let header = |name: &str| text(&case["headers"][name]);
        let body = BASE64
            .decode(text(&case["body_base64"]).as_bytes())
            .expect("base64");
        let key = Secret::new(text(&case["secret"])).expect("a key");
        let (signature, time) = (header("X-Neon-Signature"), header("X-Neon-Timestamp"));
        let verified = verdict(key.clone(), &signature, &time, body.clone(), NOW);
        assert_eq!(
            verified.is_ok(),
            case["expect"] == "accept",
            "{}",
            case["reason"]
        );
        let Ok(verified) = verified else {
            continue;
        };
        assert!(verified.body_is_signed());
        assert_eq!(verified.signed_at(), Some(judge::at(NOW)));
        let no_time = verdict(key.clone(), &signature, "soon", body.clone(), NOW);
        assert_eq!(no_time.err(), Some(RejectionKind::HeaderMalformed));
        // Through the layer, which hashes the body as it arrives.
        let headers = [
            ("x-neon-signature", &*signature),
            ("x-neon-timestamp", &*time),
        ];
        let neon = provider::neon_auth(key.clone()).expect("a key");
        assert!(judge(&neon, post(&headers, body.clone())).is_ok());
        let (_, bytes) = signature.split_once("..").expect("a detached token");
        let mismatch = RejectionKind::SignatureMismatch;
        let malformed = RejectionKind::HeaderMalformed;
        let with = |header: Value| format!("{}..{bytes}", part(&header));
        for (changed, kind) in [
            (with(json!({"alg": "none", "kid": "k1"})), malformed),
            (with(json!({"alg": "HS256", "kid": "k1"})), malformed),
            (
                with(json!({"alg": "EdDSA", "kid": "k1", "crit": ["b64"], "b64": false})),
                malformed,
            ),
            (with(json!({"alg": "EdDSA", "kid": "k2"})), mismatch),
            (signature.replace("..", "."), malformed),
            (signature.replace("..", ".e30."), malformed),
            (format!("{signature}A"), malformed),
        ] {
            let found = verdict(key.clone(), &changed, &time, body.clone(), NOW).err();
            assert_eq!(found, Some(kind), "{changed}");
        }
        let later = "1700000000001";
        assert_eq!(
            verdict(key.clone(), &signature, later, body.clone(), NOW).err(),
            Some(mismatch)
        );
        let old = verdict(key.clone(), &signature, &time, body.clone(), NOW + 301).err();
        assert_eq!(old, Some(RejectionKind::TimestampTooOld));
        let jwk = |id: &str| {
            let x = text(&case["secret"]);
            set(&[json!({"kty": "OKP", "crv": "Ed25519", "x": x, "kid": id})]).keys()
        };
        let by_set = |id| provider::neon_auth(jwk(id).expect("keys")).expect("a provider");
        let (head, ()) = http::Request::post("/")
            .header("x-neon-signature", &signature)
            .header("x-neon-timestamp", &time)
            .body(())
            .expect("a request")
            .into_parts();
        let now = judge::at(NOW);
        let verified = by_set("k1").verify(&head, body.clone().into(), now);
        assert_eq!(verified.expect("a delivery").key_name(), "k1");
        assert!(
            by_set("k2").verify(&head, body.into(), now).is_err(),
            "the key of another id"
        );
    }
    assert!(provider::neon_auth(set(&[rsa_jwk("r")]).keys().expect("keys")).is_err());
}
