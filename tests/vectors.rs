//! Every case of a vectors file, through the real layer, with the clock set to the case's time.
//!
//! The file is `tests/vectors/providers.json`, or the one that `WEBHOOK_VECTORS` names.

mod common;

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::StatusCode;
use serde_json::Value;
use tower::{Layer, ServiceExt};
use tower_webhook_auth::{
    BodyDigest, BodyKeyScheme, BodyPiece, BodySignatureScheme, BodyValue, ConfigError, Encoding,
    JwtScheme, KeyEncoding, Keys, Piece, Provider, QueryParameter, Scheme, SharedKeyScheme,
    SignatureScheme, SignedHeaders, SignedUrl, SortedForm, Timestamp, TokenPlace, WebhookAuthLayer,
};

use self::common::case::{self, body, character, one_or_many, request, text};

#[tokio::test]
async fn every_case_of_the_vectors_file_gives_its_verdict() {
    let path = std::env::var("WEBHOOK_VECTORS").unwrap_or_else(|_| {
        concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/providers.json").into()
    });
    let file = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let cases: Vec<Value> = serde_json::from_str(&file).expect("a list of cases");
    assert!(!cases.is_empty(), "{path} holds no case");

    let mut wrong = Vec::new();
    let mut accepted = 0;
    let mut rejected = 0;
    let mut skipped = Vec::new();
    for (index, case) in cases.iter().enumerate() {
        let provider = text(&case["provider"]);
        if let Some(extension) = out_of_reach(&case["scheme"]) {
            skipped.push(format!("{index} {provider}: {extension}"));
            continue;
        }
        let expected = match text(&case["expect"]) {
            "accept" => true,
            "reject" => false,
            other => panic!("case {index}: unknown expectation {other:?}"),
        };
        let verdict = run(case).await;
        match &verdict {
            Ok(()) => accepted += 1,
            Err(_) => rejected += 1,
        }
        if verdict.is_ok() != expected {
            wrong.push(format!(
                "{index} {provider}: {}: expected {}, got {verdict:?}",
                text(&case["reason"]),
                text(&case["expect"]),
            ));
        }
    }
    println!(
        "{accepted} accepted, {rejected} rejected, {} skipped",
        skipped.len()
    );
    for skip in &skipped {
        println!("skipped {skip}");
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// Why this build cannot describe the scheme: a feature is off, or no type of the crate has this form, such as a
/// digest of the body inside the URL.
fn out_of_reach(scheme: &Value) -> Option<&str> {
    match scheme["jwt"]["algs"][0].as_str() {
        Some("ES256") if !cfg!(feature = "ecdsa-p256") => {
            return Some("feature ecdsa-p256 is off");
        }
        Some("RS256") if !cfg!(feature = "rsa") => return Some("feature rsa is off"),
        _ => {}
    }
    match scheme["auth"].as_str() {
        Some("jws_detached") if !cfg!(feature = "ed25519") => {
            return Some("feature ed25519 is off");
        }
        Some("ed25519") if !cfg!(feature = "ed25519") => return Some("feature ed25519 is off"),
        Some("ecdsa_p256_sha256") if !cfg!(feature = "ecdsa-p256") => {
            return Some("feature ecdsa-p256 is off");
        }
        Some("rsa_pkcs1") if cfg!(feature = "certificates") && is_of_certificates(scheme) => {
            return None;
        }
        Some("rsa_pkcs1") if !cfg!(feature = "rsa") => return Some("feature rsa is off"),
        _ => {}
    }
    match scheme["extension"].as_str() {
        Some(
            "public key"
            | "an untagged signature beside a tagged timestamp"
            | "body hash piece"
            | "body hash piece; keys by JWKS"
            | "body hash piece; path piece"
            | "encoding: base64 of hexadecimal digits"
            | "groups of items, each with its own timestamp"
            | "piece: the value of another tag"
            | "untagged items: the first is the timestamp"
            | "timestamp: ISO 8601 without a zone is UTC"
            | "timestamp: HTTP date"
            | "key in base64url"
            | "the signature header may be repeated"
            | "RSA PKCS#1 v1.5"
            | "RSA PKCS#1 v1.5 over a digest"
            | "RSA PKCS#1 v1.5, SHA-1"
            | "RSA PKCS#1 v1.5, SHA-512"
            | "JWT whose claim is the hash of the body"
            | "JWT whose claim is the hash of the body; public key"
            | "JWT whose claim is the hash of the body; public key by kid"
            | "JWT in the body; the key set also signs the tokens of users"
            | "OIDC token: the body is not bound; keys by JWKS"
            | "detached JWS; keys by JWKS"
            | "the whole body is a JWT"
            | "the whole body is a JWT; the key set also signs the tokens of users"
            | "the signature stands in the query"
            | "query piece; the body is not signed"
            | "form_sorted piece"
            | "signed header list"
            | "the tag names the algorithm"
            | "form fields: signature and piece; key derived by SHA-1"
            | "in the body; the body itself is not signed"
            | "in the body: fields joined by colons, every item signed"
            | "a raw slice of the body"
            | "shared key in the body",
        )
        | None => None,
        extension => extension,
    }
}

fn is_of_certificates(scheme: &Value) -> bool {
    matches!(
        text(&scheme["extension"]),
        "AWS SNS: signature and canonical text in the body; certificate by URL"
            | "RSA PKCS#1 v1.5; CRC-32 piece; key by certificate URL"
    )
}

async fn run(case: &Value) -> Result<(), String> {
    match preset(case) {
        Some(provider) => run_through(provider.map_err(|error| error.to_string())?, case).await,
        None => {
            let provider = provider(case).map_err(|error| error.to_string())?;
            run_through(provider, case).await
        }
    }
}

/// The senders whose certificate is named in the request. Their schemes are not described by data.
#[cfg(feature = "certificates")]
fn preset(case: &Value) -> Option<Result<Provider<Bytes>, ConfigError>> {
    use tower_webhook_auth::{
        CertificateTrust,
        provider::{aws_sns::Topics, paypal::Webhook},
    };

    // The cases have public keys in place of certificates.
    let trust = CertificateTrust::checked_by_the_source();
    let provider = match text(&case["provider"]) {
        "aws sns" => Topics::new(["arn:aws:sns:us-west-2:123456789012:MyTopic"])
            .provider(trust)
            .map(Provider::bytes),
        "paypal" => Webhook::new("4JH86294D6297924G").sandbox().provider(trust),
        _ => return None,
    };
    let with_key = |provider: Provider<Bytes>| {
        let secret = case::secret(text(&case["secret"]))?;
        provider.keys().replace(secret).map(|()| provider)
    };
    Some(provider.and_then(with_key))
}

#[cfg(not(feature = "certificates"))]
fn preset(_: &Value) -> Option<Result<Provider<Bytes>, ConfigError>> {
    None
}

async fn run_through(provider: Provider<Bytes>, case: &Value) -> Result<(), String> {
    let now = case["now_unix"].as_u64().unwrap_or(0);
    let clock = move || SystemTime::UNIX_EPOCH + Duration::from_secs(now);
    let body = body(case);
    let inner = common::Inner::default();
    let service = WebhookAuthLayer::new(provider)
        .max_body_bytes(usize::MAX)
        .clock(clock)
        .layer(inner.clone());
    let response = service
        .oneshot(request(case, body.clone()))
        .await
        .expect("an infallible service");
    if response.status() == StatusCode::OK {
        assert_eq!(inner.calls(), 1);
        let received = common::collect(response.into_body()).await;
        // The claims of a token in the body take the place of the body.
        match case["scheme"]["jwt"]["header"].is_string() || case["scheme"]["jwt"].is_null() {
            true => assert_eq!(received, body),
            false => assert!(received.starts_with(b"{") && received != body),
        }
        return Ok(());
    }
    assert_eq!(inner.calls(), 0, "the inner service was called");
    let rejection = response
        .extensions()
        .get::<tower_webhook_auth::Rejection>()
        .expect("a rejected response has a `Rejection`");
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{rejection}");
    Err(rejection.to_string())
}

fn provider(case: &Value) -> Result<Provider<Bytes>, ConfigError> {
    let secrets = one_or_many(&case["secret"])
        .into_iter()
        .enumerate()
        .map(|(index, secret)| Ok((format!("key-{index}"), case::secret(secret)?)))
        .collect::<Result<Vec<_>, ConfigError>>()?;
    // No builder describes it.
    #[cfg(feature = "ed25519")]
    if case["provider"] == "neon auth" {
        return tower_webhook_auth::provider::neon_auth(Keys::named(secrets)?);
    }
    let url = case["url"].as_str();
    Provider::new(
        text(&case["provider"]),
        scheme(&case["scheme"], url)?,
        Keys::named(secrets)?,
    )
}

fn scheme(scheme: &Value, url: Option<&str>) -> Result<Scheme, ConfigError> {
    if text(&scheme["auth"]) == "token" {
        if let Some(pointer) = scheme["token"]["json_pointer"].as_str() {
            // The case names the first element. The scheme reads every one.
            return BodyKeyScheme::json(pointer.replace("/0/", "/*/")).build();
        }
        return token(&scheme["token"]).build();
    }
    if text(&scheme["auth"]) == "jwt" {
        return jwt(&scheme["jwt"], url).build();
    }
    let signature = &scheme["signature"];
    if signature["json_pointer"].is_string() || signature["form"].is_string() {
        return in_body(scheme).build();
    }
    // One way for each tag, since the tag names the hash.
    if let Some(hashes) = scheme["hash_by_tag"].as_object() {
        let ways = hashes.iter().map(|(tag, hash)| {
            let mut scheme = scheme.clone();
            let fields = scheme.as_object_mut().expect("a scheme");
            fields.remove("hash_by_tag");
            fields.insert("hash".into(), hash.clone());
            fields["signature"]["tags"] = serde_json::json!([tag]);
            Ok((tag, self::scheme(&scheme, url)?))
        });
        return Scheme::any_of(ways.collect::<Result<Vec<_>, ConfigError>>()?);
    }
    let mut headers = one_or_many(&signature["headers"]).into_iter();
    let first = signature["query"].as_str().or_else(|| headers.next());
    let first = first.expect("where the signature is");
    let mut described = match (text(&scheme["auth"]), scheme["hash"].as_str()) {
        ("hmac", Some("sha384")) => SignatureScheme::hmac_sha384(first),
        ("hmac", Some("sha1")) => SignatureScheme::hmac_sha1(first),
        ("hmac", Some("sha256")) => SignatureScheme::hmac_sha256(first),
        ("hmac", Some("sha512")) => SignatureScheme::hmac_sha512(first),
        ("digest", Some("sha256")) => {
            SignatureScheme::keyless_sha256_open_to_length_extension(first)
        }
        #[cfg(feature = "ed25519")]
        ("ed25519", _) => SignatureScheme::ed25519(first),
        #[cfg(feature = "ecdsa-p256")]
        ("ecdsa_p256_sha256", _) => SignatureScheme::ecdsa_p256(first),
        #[cfg(feature = "rsa")]
        ("rsa_pkcs1", Some("sha1")) => SignatureScheme::rsa_pkcs1_sha1_open_to_collisions(first),
        #[cfg(feature = "rsa")]
        ("rsa_pkcs1", Some("sha256")) if scheme["twice"] == true => {
            SignatureScheme::rsa_pkcs1_sha256_of_sha256(first)
        }
        #[cfg(feature = "rsa")]
        ("rsa_pkcs1", Some("sha256")) => SignatureScheme::rsa_pkcs1_sha256(first),
        #[cfg(feature = "rsa")]
        ("rsa_pkcs1", Some("sha512")) => SignatureScheme::rsa_pkcs1_sha512(first),
        other => panic!("unknown algorithm {other:?}"),
    };
    if signature["query"].is_string() {
        described = described.in_query();
    }
    for header in headers {
        described = match signature["first_present_only"].as_bool() {
            Some(true) => described.alias(header),
            _ => described.parallel_header(header),
        };
    }
    if signature["repeated"].as_bool() == Some(true) {
        described = described.repeatable_header();
    }
    described = described.encoding(match text(&signature["encoding"]) {
        "hex" => Encoding::Hex,
        "base64" => Encoding::Base64,
        "base64_of_hex" => Encoding::Base64OfHex,
        "base64url" => Encoding::Base64Url,
        other => panic!("unknown encoding {other:?}"),
    });
    if let Some(separator) = signature["item_sep"].as_str() {
        described = described.item_separator(character(separator));
    }
    if let Some(separator) = signature["group_sep"].as_str() {
        described = described.group_separator(character(separator));
    }
    if signature["untagged"].as_bool() == Some(true) {
        described = described.untagged_signatures(character(text(&signature["tag_sep"])));
    } else if let Some(separator) = signature["tag_sep"].as_str() {
        described = described.tags(character(separator), one_or_many(&signature["tags"]));
    }
    if !scheme["timestamp"].is_null() {
        described = described.timestamp(timestamp(&scheme["timestamp"]));
    }
    for header in one_or_many(&scheme["id"]["header"]) {
        described = described.id_header(header);
    }
    for header in one_or_many(&scheme["id"]["headers"]) {
        described = described.id_header(header);
    }
    if let Some(required) = scheme["require_headers"].as_object() {
        for (name, value) in required {
            described = described.require_header(name, text(value));
        }
    }
    let pieces = scheme["signed"].as_array().expect("signed pieces");
    described = described.signed(pieces.iter().map(piece));
    let covers_body =
        |piece: &Value| piece == "body" || piece == "form_sorted" || piece["body_hash"].is_object();
    if !pieces.iter().any(covers_body) {
        described = described.accept_unsigned_body();
    }
    if let Some(url) = url {
        described = described.url(SignedUrl::exact(url).expect("a URL"));
    }
    if let Some(prefix) = scheme["key"]["strip_prefix"].as_str() {
        described = described.key_prefix(prefix);
    }
    if let Some(suffix) = scheme["key"]["suffix"].as_str() {
        described = described.key_suffix(suffix);
    }
    described
        .key_encoding(match scheme["key"]["encoding"].as_str() {
            None if scheme["key"]["form"] == "spki_pem" => KeyEncoding::Base64,
            None | Some("utf8") => KeyEncoding::Text,
            Some("base64") => KeyEncoding::Base64,
            Some("base64url") => KeyEncoding::Base64Url,
            Some("hex") => KeyEncoding::Hex,
            Some(other) => panic!("unknown key encoding {other:?}"),
        })
        .accept_movable_body_boundary()
        .build()
}

/// A signature in the body.
fn in_body(scheme: &Value) -> BodySignatureScheme {
    let signature = &scheme["signature"];
    let form = signature["form"].as_str();
    let place = form.unwrap_or_else(|| text(&signature["json_pointer"]));
    // The list of which each element is signed, and the place of the signature in an element.
    let (each, place) = match place.split_once("/NotificationRequestItem/") {
        Some((list, inside)) => (
            Some(format!("{list}/NotificationRequestItem")),
            format!("/{inside}"),
        ),
        None => (None, place.to_owned()),
    };
    let mut described = match text(&scheme["hash"]) {
        "sha1" => BodySignatureScheme::hmac_sha1(place),
        "sha256" => BodySignatureScheme::hmac_sha256(place),
        other => panic!("unknown hash {other:?}"),
    };
    if form.is_some() {
        described = described.in_form();
    }
    if let Some(each) = each {
        described = described.each(each);
    }
    if let Some(separator) = signature["item_sep"].as_str() {
        described = described.item_separator(character(separator));
    }
    if let Some(separator) = signature["tag_sep"].as_str() {
        described = described.named_signatures(character(separator));
    }
    if text(&signature["encoding"]) == "base64" {
        described = described.encoding(Encoding::Base64);
    }
    if let Some(pointer) = scheme["timestamp"]["json_pointer"].as_str() {
        let seconds = scheme["timestamp"]["tolerance_s"].as_u64();
        let tolerance = Duration::from_secs(seconds.expect("a tolerance"));
        described = described.timestamp(Timestamp::in_body(pointer).tolerance(tolerance));
    }
    if scheme["key"]["derive"] == "sha1" {
        described = described.sha1_of_key();
    }
    if scheme["key"]["encoding"] == "hex" {
        described = described.key_encoding(KeyEncoding::Hex);
    }
    let pieces = scheme["signed"].as_array().expect("signed pieces");
    let owned = |value: &Value| text(value).to_owned();
    let pieces = pieces.iter().flat_map(|piece| match piece.as_object() {
        None => vec![BodyPiece::Timestamp],
        Some(piece) if piece.contains_key("adyen_classic") => adyen_classic(),
        Some(piece) if piece.contains_key("json_raw") => {
            vec![BodyPiece::Raw(owned(&piece["json_raw"]).into())]
        }
        Some(piece) => {
            let place = piece.get("json").or_else(|| piece.get("form"));
            let place = owned(place.expect("a place"));
            vec![BodyPiece::Value(BodyValue::new(place))]
        }
    });
    described.signed(pieces).accept_movable_boundaries()
}

/// The fields of an item, joined by colons.
fn adyen_classic() -> Vec<BodyPiece> {
    let mut pieces = Vec::new();
    for place in [
        "/pspReference",
        "/originalReference",
        "/merchantAccountCode",
        "/merchantReference",
        "/amount/value",
        "/amount/currency",
        "/eventCode",
        "/success",
    ] {
        if !pieces.is_empty() {
            pieces.push(BodyPiece::literal(":"));
        }
        pieces.push(BodyPiece::value(place));
    }
    pieces
}

fn signed_headers(headers: &Value) -> SignedHeaders {
    let owned = |value: &Value| text(value).to_owned();
    let separator = character(text(&headers["names_sep"]));
    let list = match headers["names_tag"].is_string() {
        true => SignedHeaders::in_tag(owned(&headers["names_tag"]), separator),
        false => SignedHeaders::in_header(owned(&headers["names_header"]), separator),
    };
    let list = match text(&headers["form"]) {
        "value" => list.values(owned(&headers["join"])),
        "name:value" => list.with_names(owned(&headers["join"])),
        other => panic!("unknown form {other:?}"),
    };
    match one_or_many(&headers["must_contain"]) {
        // The case of Hook0 names none.
        names if names.is_empty() => list.must_contain(["x-event-id"]),
        names => list.must_contain(names.into_iter().map(str::to_owned)),
    }
}

fn body_digest(digest: &Value) -> BodyDigest {
    match (text(&digest["alg"]), text(&digest["enc"])) {
        ("sha256", "base64") => BodyDigest::Sha256Base64,
        ("sha256", "hex") => BodyDigest::Sha256Hex,
        other => panic!("unknown digest {other:?}"),
    }
}

fn jwt(jwt: &Value, url: Option<&str>) -> JwtScheme {
    let place = match (jwt["header"].as_str(), jwt["scheme"].as_str()) {
        (Some(_), Some(scheme)) => TokenPlace::authorization(scheme),
        (Some(header), None) => TokenPlace::header(header),
        (None, _) => match jwt["json_pointer"].as_str() {
            Some(pointer) => TokenPlace::member(pointer),
            None => TokenPlace::body(),
        },
    };
    let mut described = match one_or_many(&jwt["algs"]).as_slice() {
        ["HS256"] => JwtScheme::hs256(place),
        ["HS256", "HS384", "HS512"] => JwtScheme::any_hmac(place),
        #[cfg(feature = "ecdsa-p256")]
        ["ES256"] => JwtScheme::es256(place),
        #[cfg(feature = "rsa")]
        ["RS256"] => JwtScheme::rs256(place),
        other => panic!("unknown algorithms {other:?}"),
    };
    for issuer in one_or_many(&jwt["iss"]) {
        described = described.issuer(issuer);
    }
    if let Some(audience) = jwt["aud"].as_str() {
        described = described.audience(audience);
    }
    for (name, value) in jwt["require"].as_object().into_iter().flatten() {
        described = match value {
            Value::Bool(true) => described.claim_true(name),
            value => described.claim(name, text(value)),
        };
    }
    for name in one_or_many(&jwt["present"]) {
        if name != "exp" {
            described = described.claim_present(name);
        }
    }
    if jwt["in"] == "body" && jwt["require"].is_null() && jwt["present"].is_null() {
        // The claim of Wix. Without one, the scheme is an error.
        described = described.claim_present("data");
    }
    if jwt["sub_is_url"].as_bool() == Some(true) {
        described = described.url_claim("sub");
    }
    let mut is_hashed = false;
    for (name, claim) in jwt["claims"].as_object().into_iter().flatten() {
        described = match (claim["of"].as_str(), claim["is"].as_str()) {
            (Some("body"), _) => {
                is_hashed = true;
                described.body_hash(name, body_digest_of(claim))
            }
            (Some("url"), _) => described.url_hash(name, body_digest_of(claim)),
            (_, Some("url")) => described.url_claim(name),
            other => panic!("unknown claim {other:?}"),
        };
        if claim["absent_iff_empty"].as_bool() == Some(true) {
            described = described.body_hash_absent_if_empty();
        }
    }
    if jwt["header"].is_string() && !is_hashed {
        described = described.accept_unsigned_body();
    }
    let names_url =
        jwt["sub_is_url"].as_bool() == Some(true) || jwt["claims"].to_string().contains("\"url\"");
    if let (true, Some(url)) = (names_url, url) {
        described = described.url(SignedUrl::exact(url).expect("a URL"));
    }
    if let Some(seconds) = jwt["leeway_s"].as_u64() {
        described = described.leeway(Duration::from_secs(seconds));
    }
    match jwt["max_age_s"].as_u64() {
        Some(seconds) => described.max_age(Duration::from_secs(seconds)),
        // Where a sender sets an expiry, the file does not say so: it is checked where it is present.
        None => described.accept_any_age(),
    }
}

fn body_digest_of(claim: &Value) -> BodyDigest {
    match (text(&claim["hash"]), text(&claim["enc"])) {
        ("sha256", "base64") => BodyDigest::Sha256Base64,
        ("sha256", "base64url") => BodyDigest::Sha256Base64Url,
        ("sha256", "hex") => BodyDigest::Sha256Hex,
        other => panic!("unknown digest {other:?}"),
    }
}

fn token(token: &Value) -> SharedKeyScheme {
    let mut headers = one_or_many(&token["headers"]).into_iter();
    let mut described = SharedKeyScheme::new(headers.next().expect("a token's header"));
    for header in headers {
        described = described.alias(header);
    }
    match token["scheme"].as_str().map(str::trim) {
        Some("Basic") => described.basic(),
        Some("Bearer") => described.bearer(),
        None => described,
        Some(other) => panic!("unknown authentication scheme {other:?}"),
    }
}

fn timestamp(timestamp: &Value) -> Timestamp {
    let mut described = match timestamp["tag"].as_str() {
        Some(tag) => Timestamp::tag(tag),
        None if timestamp["position"] == 0 => Timestamp::first_item(),
        None => {
            let mut names = one_or_many(&timestamp["header"]).into_iter();
            let first = Timestamp::header(names.next().expect("a timestamp's header"));
            names.fold(first, Timestamp::alias)
        }
    };
    described = match timestamp["unit"].as_str() {
        None | Some("s") => described,
        Some("ms") => described.milliseconds(),
        Some("rfc3339") => described.rfc3339(),
        Some("iso_no_zone") => described.rfc3339_without_zone(),
        Some("http_date") => described.http_date(),
        Some(other) => panic!("unknown unit {other:?}"),
    };
    described = match timestamp["tolerance_s"].as_u64() {
        // Nothing separates ConfigCat's timestamp from the body.
        Some(seconds) => described
            .tolerance(Duration::from_secs(seconds))
            .accept_renewal(),
        None => described.accept_any_age(),
    };
    match timestamp["past_only"].as_bool() {
        Some(true) => described.past_only(),
        _ => described,
    }
}

fn piece(piece: &Value) -> Piece {
    match piece.as_str() {
        Some("body") => Piece::Body,
        Some("form_sorted") => Piece::SortedForm(SortedForm::new().without_duplicates()),
        Some("id") => Piece::Id,
        Some("method") => Piece::Method,
        Some("path") => Piece::PathAndQuery,
        Some("secret") => Piece::Secret,
        Some("timestamp") => Piece::Timestamp,
        Some("url") => Piece::Url,
        Some(other) => panic!("unknown piece {other:?}"),
        None => match (piece["lit"].as_str(), piece["header"].as_str()) {
            (Some(literal), _) => Piece::Literal(literal.to_owned().into()),
            (_, Some(name)) => Piece::Header(name.to_owned().into()),
            _ if piece["query"].is_string() => {
                let name = text(&piece["query"]).to_owned();
                Piece::Query(QueryParameter::new(name).lower_case())
            }
            _ if piece["signed_headers"].is_object() => {
                Piece::SignedHeaders(signed_headers(&piece["signed_headers"]))
            }
            _ if piece["tag"].is_string() => Piece::Tag(text(&piece["tag"]).to_owned().into()),
            _ if piece["body_hash"].is_object() => {
                Piece::BodyDigest(body_digest(&piece["body_hash"]))
            }
            _ => panic!("unknown piece {piece}"),
        },
    }
}
