//! `Scheme::any_of`: several ways to verify, tried in order.

#[path = "common/judge.rs"]
mod judge;
#[path = "common/reference.rs"]
mod reference;

use std::time::Duration;

use bytes::Bytes;
use http::HeaderName;
use tower_webhook_auth::{
    Authentication, Claim, Encoding, KeyEncoding, Keys, Piece, Provider, RejectionKind, Scheme,
    Secret, SharedKeyScheme, SignatureScheme, Timestamp, WebhookAuthLayer, testing::Signer,
};

use self::{
    judge::{NOW, at, judge, post, through},
    reference::{Hash::Sha256, hex, hmac},
};

const BODY: &str = r#"{"id": 1}"#;

fn secret(text: &str) -> Secret {
    Secret::new(text).expect("a secret")
}

fn provider(scheme: Scheme, keys: impl Into<Keys>) -> Provider<Bytes> {
    Provider::new("acme", scheme, keys).expect("a provider")
}

fn sign(key: &[u8], text: &str) -> String {
    hex(&hmac(Sha256, key, text.as_bytes()))
}

fn signature() -> Scheme {
    let scheme = SignatureScheme::hmac_sha256("x-signature")
        .timestamp(Timestamp::header("x-time"))
        .signed([Piece::Timestamp, Piece::literal("."), Piece::Body]);
    scheme.build().expect("a scheme")
}

fn token() -> Scheme {
    SharedKeyScheme::new("x-token").build().expect("a scheme")
}

fn signature_or_token() -> Scheme {
    Scheme::any_of([("signature", signature()), ("token", token())]).expect("a scheme")
}

/// Polar uses the text of a key. Earlier it used the decoded base64.
fn decoded_or_text() -> Scheme {
    let way = |encoding| {
        let scheme = SignatureScheme::hmac_sha256("x-signature").key_encoding(encoding);
        scheme.build().expect("a scheme")
    };
    let ways = [
        ("decoded", way(KeyEncoding::Base64)),
        ("text", way(KeyEncoding::Text)),
    ];
    Scheme::any_of(ways).expect("a scheme")
}

#[test]
fn the_first_way_that_matches_decides_and_is_named() {
    let provider = provider(signature_or_token(), secret("wJ4mX9"));
    let now = NOW.to_string();
    let right = sign(b"wJ4mX9", &format!("{NOW}.{BODY}"));
    let wrong = sign(b"another", &format!("{NOW}.{BODY}"));
    let verdict = |headers: &[(&str, &str)]| {
        judge(&provider, post(headers, BODY)).map(|verified| {
            let way = verified.way().expect("a way").to_owned();
            (way, verified.authentication(), verified.signed_at())
        })
    };
    let signed = Ok((
        "signature".to_owned(),
        Authentication::Signature,
        Some(at(NOW)),
    ));
    let by_token = Ok(("token".to_owned(), Authentication::SharedKey, None));
    let time = ("x-time", &*now);
    assert_eq!(verdict(&[("x-signature", &right), time]), signed);
    assert_eq!(
        verdict(&[("x-signature", &right), time, ("x-token", "wJ4mX9")]),
        signed
    );
    assert_eq!(
        verdict(&[("x-signature", &right), time, ("x-token", "wrong")]),
        signed
    );
    assert_eq!(verdict(&[("x-token", "wJ4mX9")]), by_token);
    assert_eq!(
        verdict(&[("x-signature", &wrong), time, ("x-token", "wJ4mX9")]),
        by_token
    );
    // A way whose head does not fit is skipped.
    assert_eq!(
        verdict(&[("x-signature", "junk"), ("x-token", "wJ4mX9")]),
        by_token
    );
}

#[test]
fn if_no_way_matches_the_rejection_is_the_most_specific_one() {
    let provider = provider(signature_or_token(), secret("wJ4mX9"));
    let now = NOW.to_string();
    let old = (NOW - 301).to_string();
    let wrong = sign(b"another", &format!("{NOW}.{BODY}"));
    let verdict = |headers: &[(&str, &str)]| judge(&provider, post(headers, BODY)).err();
    for (headers, expected) in [
        (&[][..], RejectionKind::HeaderMissing),
        (&[("x-token", "wrong")][..], RejectionKind::KeyMismatch),
        (
            &[("x-signature", "junk")][..],
            RejectionKind::HeaderMalformed,
        ),
        (
            &[("x-signature", &*wrong), ("x-time", &*old)][..],
            RejectionKind::TimestampTooOld,
        ),
        (
            &[("x-signature", &*wrong), ("x-time", &*now)][..],
            RejectionKind::SignatureMismatch,
        ),
        (
            &[
                ("x-signature", &*wrong),
                ("x-time", &*now),
                ("x-token", "wrong"),
            ][..],
            RejectionKind::SignatureMismatch,
        ),
        (
            &[("x-token", "wJ4mX9"), ("x-token", "wJ4mX9")][..],
            RejectionKind::HeaderDuplicated,
        ),
    ] {
        assert_eq!(verdict(headers), Some(expected), "{headers:?}");
    }
    // Without any header, the rejection names the header of the first way.
    let layer = WebhookAuthLayer::new(provider);
    let rejection = through(&layer, post(&[], BODY)).expect_err("no header");
    let name = rejection.header_name().map(HeaderName::as_str);
    assert_eq!(name, Some("x-signature"));
}

#[test]
fn without_a_fitting_head_no_byte_of_the_body_is_read() {
    use http::Request;
    use http_body_util::StreamBody;
    use tower::{Layer, ServiceExt, service_fn};
    use tower_webhook_auth::{Rejection, WebhookAuthLayer};

    let body = StreamBody::new(futures_util::stream::poll_fn(
        |_| -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, std::convert::Infallible>>> {
            panic!("the body was polled")
        },
    ));
    let provider = provider(signature_or_token(), secret("wJ4mX9"));
    let inner =
        service_fn(async |_| Ok::<_, std::convert::Infallible>(http::Response::new(Bytes::new())));
    let inner = tower::ServiceBuilder::new()
        .map_response(|response: http::Response<Bytes>| response.map(http_body_util::Full::new))
        .service(inner);
    let request = Request::builder().header("x-token", "wrong").body(body);
    let service = WebhookAuthLayer::new(provider).layer(inner);
    let response = futures_executor::block_on(service.oneshot(request.expect("a request")));
    let response = response.expect("an infallible service");
    let rejection: &Rejection = response.extensions().get().expect("a rejection");
    assert_eq!(rejection.kind(), RejectionKind::KeyMismatch);
}

#[test]
fn a_key_that_one_way_cannot_decode_is_used_in_the_other() {
    let text = "polar_whs_not-base64!";
    let encoded = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
    let decoded: Vec<u8> = (0..24).collect();
    let keys = Keys::named([("text", secret(text)), ("both", secret(encoded))]);
    let provider = provider(decoded_or_text(), keys.expect("keys"));
    for (key, way, key_name) in [
        (text.as_bytes(), "text", "text"),
        (encoded.as_bytes(), "text", "both"),
        (&decoded, "decoded", "both"),
    ] {
        let signature = sign(key, BODY);
        let verified = judge(&provider, post(&[("x-signature", &signature)], BODY));
        let verified = verified.expect("verified");
        assert_eq!(verified.way(), Some(way));
        assert_eq!(verified.key_name(), key_name);
    }
    assert_eq!(provider.keys().names(), ["text", "both"]);
}

#[test]
fn a_key_that_no_way_can_use_is_a_configuration_error() {
    let way = |header: &str, encoding| {
        let scheme = SignatureScheme::hmac_sha256(header).key_encoding(encoding);
        scheme.build().expect("a scheme")
    };
    let ways = [
        ("base64", way("x-a", KeyEncoding::Base64)),
        ("hex", way("x-b", KeyEncoding::Hex)),
    ];
    let scheme = Scheme::any_of(ways).expect("a scheme");
    let keys = Keys::named([("good", secret("774a346d583900ff")), ("bad", secret("!!!"))]);
    let error = Provider::new("acme", scheme, keys.expect("keys")).expect_err("a bad key");
    assert!(error.to_string().contains(r#"key "bad""#), "{error}");
    assert!(!error.to_string().contains("!!!"), "{error}");
}

#[test]
fn keys_are_replaced_and_withdrawn_in_all_ways() {
    let provider = provider(signature_or_token(), secret("old-key"));
    let by_token = |key: &str| judge(&provider, post(&[("x-token", key)], BODY)).err();
    let now = NOW.to_string();
    let by_signature = |key: &str| {
        let signature = sign(key.as_bytes(), &format!("{NOW}.{BODY}"));
        let headers = [("x-signature", &*signature), ("x-time", &*now)];
        judge(&provider, post(&headers, BODY)).err()
    };
    let keys = provider.keys();
    keys.replace(secret("new-key")).expect("a key");
    assert_eq!((by_token("new-key"), by_signature("new-key")), (None, None));
    assert_eq!(by_token("old-key"), Some(RejectionKind::KeyMismatch));
    assert_eq!(
        by_signature("old-key"),
        Some(RejectionKind::SignatureMismatch)
    );
    keys.withdraw();
    let unavailable = Some(RejectionKind::KeysUnavailable);
    assert_eq!(
        (by_token("new-key"), by_signature("new-key")),
        (unavailable, unavailable)
    );
}

#[test]
fn the_signer_signs_in_the_first_way_that_can_use_the_secret() {
    let both = provider(signature_or_token(), secret("wJ4mX9"));
    let request = Signer::new(&both, &secret("wJ4mX9")).expect("a signer");
    let verified = judge(&both, request.at(at(NOW)).request(BODY)).expect("verified");
    assert_eq!(verified.way(), Some("signature"));

    let text = secret("polar_whs_not-base64!");
    let polar = provider(decoded_or_text(), text.clone());
    let request = Signer::new(&polar, &text).expect("a signer").request(BODY);
    assert_eq!(
        judge(&polar, request).expect("verified").way(),
        Some("text")
    );
}

#[test]
fn the_shared_key_of_any_way_is_marked_as_sensitive() {
    use tower::{Layer, ServiceExt, service_fn};
    use tower_webhook_auth::WebhookAuthLayer;

    let provider = provider(signature_or_token(), secret("wJ4mX9"));
    let inner = service_fn(
        async |request: http::Request<http_body_util::Full<Bytes>>| {
            assert!(request.headers()["x-token"].is_sensitive());
            Ok::<_, std::convert::Infallible>(http::Response::new(request.into_body()))
        },
    );
    let service = WebhookAuthLayer::new(provider).layer(inner);
    let response = service.oneshot(post(&[("x-token", "wJ4mX9")], BODY));
    let response = futures_executor::block_on(response).expect("an infallible service");
    assert_eq!(response.status(), 200);
}

/// In the way that matched, these headers mean nothing, so it does not matter how many there are.
#[test]
fn all_values_of_a_header_with_a_key_or_a_token_and_no_other_header_are_marked_as_sensitive() {
    use tower::{Layer, ServiceExt, service_fn};
    use tower_webhook_auth::{JwtScheme, WebhookAuthLayer};

    let signature = SignatureScheme::hmac_sha256("x-signature").build();
    let token = JwtScheme::hs256("x-jwt").accept_unsigned_body().build();
    let scheme = Scheme::any_of([
        ("signature", signature.expect("a scheme")),
        (
            "key",
            SharedKeyScheme::new("x-token").build().expect("a scheme"),
        ),
        ("token", token.expect("a scheme")),
    ]);
    let provider = provider(scheme.expect("a scheme"), secret("wJ4mX9"));
    let inner = service_fn(
        async |request: http::Request<http_body_util::Full<Bytes>>| {
            for name in ["x-token", "x-jwt"] {
                let values: Vec<_> = request.headers().get_all(name).iter().collect();
                assert_eq!(values.len(), 2, "{name}");
                assert!(values.iter().all(|value| value.is_sensitive()), "{name}");
            }
            assert!(!request.headers()["x-other"].is_sensitive());
            Ok::<_, std::convert::Infallible>(http::Response::new(request.into_body()))
        },
    );
    let service = WebhookAuthLayer::new(provider).layer(inner);
    let signed = sign(b"wJ4mX9", BODY);
    let headers = [
        ("x-signature", &*signed),
        ("x-token", "wJ4mX9"),
        ("x-token", "wJ4mX9"),
        ("x-jwt", "a.b.c"),
        ("x-jwt", "a.b.c"),
        ("x-other", "1"),
    ];
    let response = futures_executor::block_on(service.oneshot(post(&headers, BODY)));
    assert_eq!(response.expect("an infallible service").status(), 200);
}

/// Each way proves its own headers. What another way would prove is not called signed.
#[test]
fn a_header_is_called_signed_only_if_the_way_that_matched_signs_it() {
    let way = |header: &str, pieces: Vec<Piece>| {
        let scheme = SignatureScheme::hmac_sha256(header).signed(pieces);
        scheme.build().expect("a scheme")
    };
    let with_topic = vec![Piece::header("x-topic"), Piece::literal("\n"), Piece::Body];
    let ways = [
        ("new", way("x-new", with_topic)),
        ("old", way("x-old", vec![Piece::Body])),
    ];
    let provider = provider(Scheme::any_of(ways).expect("a scheme"), secret("wJ4mX9"))
        .event_name_header(HeaderName::from_static("x-topic"));
    let claim = |header: &str, signature: &str| {
        let headers = [(header, signature), ("x-topic", "orders")];
        let verified = judge(&provider, post(&headers, BODY)).expect("verified");
        verified.event_name().map(|claim| claim.signed().is_some())
    };
    let topic = sign(b"wJ4mX9", &format!("orders\n{BODY}"));
    assert_eq!(claim("x-new", &topic), Some(true));
    assert_eq!(claim("x-old", &sign(b"wJ4mX9", BODY)), Some(false));
}

#[test]
fn ways_that_cannot_be_right_are_configuration_errors() {
    let error = |ways: Vec<(&str, Scheme)>| {
        let error = Scheme::any_of(ways).expect_err("a mistake");
        error.to_string()
    };
    assert_eq!(error(vec![]), "`any_of` has 0 ways: give it 1 to 4");
    let four = ["a", "b", "c", "d"].map(|name| (name, token()));
    assert!(Scheme::any_of(four).is_ok());
    let five = ["a", "b", "c", "d", "e"].map(|name| (name, token()));
    assert_eq!(error(five.into()), "`any_of` has 5 ways: give it 1 to 4");
    assert_eq!(
        error(vec![("a", token()), ("a", signature())]),
        r#"two ways have the name "a": give each way its own name"#
    );
    assert_eq!(
        error(vec![("", token())]),
        "the name of a way is empty: choose a text"
    );
    assert_eq!(
        error(vec![("a\u{a0}", token())]),
        r#"the name of a way "a\u{a0}" ends with a no-break space (U+00A0): remove it"#
    );
    assert_eq!(
        error(vec![("a", signature_or_token())]),
        "a way of `any_of` is itself an `any_of`: list all ways in one call"
    );
}

#[test]
fn a_provider_with_one_way_names_no_way() {
    let provider = provider(token(), secret("wJ4mX9"));
    let verified = judge(&provider, post(&[("x-token", "wJ4mX9")], BODY));
    assert_eq!(verified.expect("verified").way(), None);
}

#[test]
fn the_tolerance_of_every_way_with_a_time_can_be_changed() {
    let provider = provider(signature_or_token(), secret("wJ4mX9"));
    let wide = provider.clone().tolerance(Duration::from_secs(600));
    let wide = wide.expect("a signed time");
    let verdict = |provider: &Provider<Bytes>, age: u64| {
        let time = (NOW - age).to_string();
        let signature = sign(b"wJ4mX9", &format!("{time}.{BODY}"));
        let headers = [("x-signature", &*signature), ("x-time", &*time)];
        judge(provider, post(&headers, BODY)).err()
    };
    assert_eq!(verdict(&provider, 300), None);
    assert_eq!(
        verdict(&provider, 301),
        Some(RejectionKind::TimestampTooOld)
    );
    assert_eq!(verdict(&wide, 600), None);
    assert_eq!(verdict(&wide, 601), Some(RejectionKind::TimestampTooOld));
    assert!(judge(&wide, post(&[("x-token", "wJ4mX9")], BODY)).is_ok());
    // Both have the same keys.
    provider.keys().replace(secret("new-key")).expect("a key");
    assert_eq!(verdict(&wide, 0), Some(RejectionKind::SignatureMismatch));
}

#[test]
fn a_tolerance_keeps_the_direction_and_needs_a_signed_time() {
    let minute = Duration::from_secs(60);
    let past = SignatureScheme::hmac_sha256("x-signature")
        .timestamp(Timestamp::header("x-time").past_only().accept_any_age())
        .signed([Piece::Timestamp, Piece::literal("."), Piece::Body]);
    let past = provider(past.build().expect("a scheme"), secret("wJ4mX9"));
    let past = past.tolerance(minute).expect("a signed time");
    let verdict = |time: u64| {
        let signature = sign(b"wJ4mX9", &format!("{time}.{BODY}"));
        let headers = [("x-signature", &*signature), ("x-time", &time.to_string())];
        judge(&past, post(&headers, BODY)).err()
    };
    assert_eq!(verdict(NOW + 10_000), None);
    assert_eq!(verdict(NOW - 61), Some(RejectionKind::TimestampTooOld));

    let unsigned = SignatureScheme::hmac_sha256("x-signature")
        .encoding(Encoding::Hex)
        .timestamp(Timestamp::header("x-time").accept_any_age());
    let appended = SignatureScheme::keyless_sha256_open_to_length_extension("x-signature")
        .timestamp(
            Timestamp::header("x-time")
                .accept_any_age()
                .accept_renewal(),
        )
        .signed([
            Piece::Secret,
            Piece::Body,
            Piece::literal("."),
            Piece::Timestamp,
        ]);
    // Nothing marks where the time begins, so a client can renew it.
    let renewable = |renewal: bool| {
        let timestamp = Timestamp::header("x-time").accept_any_age();
        let timestamp = match renewal {
            true => timestamp.accept_renewal(),
            false => timestamp,
        };
        let scheme = SignatureScheme::hmac_sha256("x-signature").timestamp(timestamp);
        let pieces = [Piece::Body, Piece::Timestamp, Piece::header("x-a")];
        scheme.signed(pieces).accept_movable_body_boundary()
    };
    let not_signed = SignatureScheme::hmac_sha256("x-signature").timestamp(
        Timestamp::header("x-time")
            .accept_any_age()
            .accept_renewal(),
    );
    // An attacker can append bytes to the text of this digest, but cannot put bytes before the text.
    let keyless = SignatureScheme::keyless_sha256_open_to_length_extension("x-signature")
        .timestamp(
            Timestamp::header("x-time")
                .accept_any_age()
                .accept_renewal(),
        )
        .signed([
            Piece::Secret,
            Piece::header("x-a"),
            Piece::Timestamp,
            Piece::literal("."),
            Piece::Body,
        ])
        .accept_movable_body_boundary();
    for scheme in [renewable(true), keyless] {
        let text = format!("{scheme:?}");
        let provider = provider(scheme.build().expect("a scheme"), secret("wJ4mX9"));
        assert!(provider.tolerance(minute).is_ok(), "{text}");
    }
    for scheme in [
        unsigned.build(),
        not_signed.build(),
        renewable(false).build(),
        appended.build(),
        Ok(token()),
    ] {
        let provider = provider(scheme.expect("a scheme"), secret("wJ4mX9"));
        let error = provider.tolerance(minute).expect_err("no signed time");
        assert!(
            error.to_string().contains("proves no time of signing"),
            "{error}"
        );
    }
}

#[test]
fn the_description_lists_every_way_by_name() {
    let ways = signature_or_token().ways();
    let names: Vec<_> = ways.iter().map(|way| way.name.as_deref()).collect();
    assert_eq!(names, [Some("signature"), Some("token")]);
    assert_eq!(ways[1].algorithm, "shared key");
    assert_eq!(token().ways()[0].name, None);
}

/// A preset whose key is any text has a function that returns no `Result`.
#[test]
fn any_text_is_a_key_of_a_mac_and_no_text_is_a_public_key_by_itself() {
    let is_any = |scheme: SignatureScheme| {
        let scheme = scheme.build().expect("a scheme");
        scheme.ways()[0].any_text_is_a_key
    };
    let mac = || SignatureScheme::hmac_sha256("x-signature");
    assert!(is_any(mac()));
    assert!(!is_any(mac().key_encoding(KeyEncoding::Hex)));
    assert!(!is_any(mac().key_prefix("whsec_")));
    #[cfg(feature = "ecdsa-p256")]
    assert!(!is_any(SignatureScheme::ecdsa_p256("x-signature")));
    #[cfg(feature = "ed25519")]
    assert!(!is_any(SignatureScheme::ed25519("x-signature")));
    #[cfg(feature = "rsa")]
    assert!(!is_any(SignatureScheme::rsa_pkcs1_sha256("x-signature")));
}

#[test]
fn an_id_of_one_way_is_not_taken_from_another() {
    let way = |header: &str, id: &str| {
        let scheme = SignatureScheme::hmac_sha256(header).id_header(id).signed([
            Piece::Id,
            Piece::literal("."),
            Piece::Body,
        ]);
        scheme.build().expect("a scheme")
    };
    let ways = [
        ("new", way("x-new", "x-new-id")),
        ("old", way("x-old", "x-old-id")),
    ];
    let provider = provider(Scheme::any_of(ways).expect("a scheme"), secret("wJ4mX9"));
    let signature = sign(b"wJ4mX9", &format!("1.{BODY}"));
    let verdict = |headers: &[(&str, &str)]| judge(&provider, post(headers, BODY));
    let verified = verdict(&[("x-old", &signature), ("x-old-id", "1"), ("x-new-id", "2")]);
    let verified = verified.expect("verified");
    assert_eq!(verified.delivery_id(), Some(Claim::Signed("1")));
    let crossed = verdict(&[("x-new", &signature), ("x-old-id", "1")]);
    assert_eq!(crossed.err(), Some(RejectionKind::HeaderMissing));
}
