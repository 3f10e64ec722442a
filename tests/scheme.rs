//! Schemes: which descriptions are errors, and which deliveries a scheme accepts.
//!
//! The signatures come from the slow reference in `tests/common/reference.rs`, not from the crate.

#[path = "common/judge.rs"]
mod judge;
#[path = "common/reference.rs"]
mod reference;

use std::time::Duration;

use bytes::Bytes;
use judge::{NOW, judge, post, through};
use reference::Hash::{Sha1, Sha256};
use tower_webhook_auth::{
    BodyDigest, BodyPiece, BodySignatureScheme, Claim, ConfigError, Encoding, JwtScheme,
    KeyEncoding, Piece, Provider, RejectionKind, Scheme, Secret, SharedKeyScheme, SignatureScheme,
    SignedUrl, Timestamp, WebhookAuthLayer, provider as presets,
};

const BODY: &str = r#"{"id": 1}"#;

fn secret() -> Secret {
    Secret::new("wJ4mX9").expect("a secret")
}

fn provider(scheme: SignatureScheme) -> Provider<Bytes> {
    Provider::new("acme", scheme.build().expect("a scheme"), secret()).expect("a provider")
}

fn hex(text: impl AsRef<[u8]>) -> String {
    reference::hex(&reference::hmac(Sha256, b"wJ4mX9", text.as_ref()))
}

fn base64(text: impl AsRef<[u8]>) -> String {
    reference::base64(&reference::hmac(Sha256, b"wJ4mX9", text.as_ref()))
}

fn plain() -> SignatureScheme {
    SignatureScheme::hmac_sha256("x-signature")
}

/// `{id}.{timestamp}.{body}`.
fn standard() -> SignatureScheme {
    plain()
        .timestamp(Timestamp::header("x-timestamp"))
        .id_header("x-id")
        .signed([
            Piece::Id,
            Piece::literal("."),
            Piece::Timestamp,
            Piece::literal("."),
            Piece::Body,
        ])
}

/// `t=…,v1=…` over `{timestamp}.{body}`.
fn stripe() -> SignatureScheme {
    plain()
        .item_separator(',')
        .tags('=', ["v1"])
        .timestamp(Timestamp::tag("t"))
        .signed([Piece::Timestamp, Piece::literal("."), Piece::Body])
}

// Descriptions that are errors.

const RENEWABLE: &str = "the timestamp has a tolerance, but nothing marks where it begins: a person who \
                         has seen a delivery could renew it; sign a separator before it, or call \
                         `accept_renewal` or `accept_any_age`";
const ONLY_FIXED_TEXT: &str = "the signature covers only fixed text, so it is the same for all deliveries: add the signed \
                               pieces to .signed(…)";
const NO_BODY: &str = "the signed pieces do not include the body, so an attacker could replace it: add \
                       `Piece::Body`";

#[test]
fn a_scheme_with_a_mistake_is_an_error_with_the_value_the_reason_and_the_remedy() {
    let keyless = SignatureScheme::keyless_sha256_open_to_length_extension;
    let header_timestamp = || Timestamp::header("x-timestamp");
    let cases = [
        (
            SignatureScheme::hmac_sha256(""),
            "the name of a header is empty: write the name that the sender uses",
        ),
        (
            SignatureScheme::hmac_sha256("x signature"),
            r#""x signature" is not the name of a header: it contains ' '; a name has letters, digits and '-'"#,
        ),
        (
            plain().require_header("x\n", "1"),
            r#""x\n" is not the name of a header: it ends with a line break (U+000A); remove it"#,
        ),
        (
            plain()
                .require_header("X-Version", "1")
                .require_header("x-version", "2"),
            "two values are required of the header x-version, which has one: call `require_header` once for each \
             header",
        ),
        (
            standard().timestamp(header_timestamp().tolerance(Duration::ZERO)),
            "the tolerance is 0, so every delivery would be rejected: give the time that a delivery may take, such as 5 \
             minutes",
        ),
        (
            plain().signed([Piece::header("a:b"), Piece::Body]),
            r#""a:b" is not the name of a header: it contains ':'; write "a""#,
        ),
        (
            SignatureScheme::hmac_sha256("\u{feff}X-Signature"),
            r#""\u{feff}X-Signature" is not the name of a header: it begins with a byte order mark (U+FEFF); remove it"#,
        ),
        (
            standard().id_header("x-öd"),
            r#""x-öd" is not the name of a header: it contains 'ö'; a name has letters, digits and '-'"#,
        ),
        (
            plain().key_prefix(""),
            "the key prefix is empty: do not call `key_prefix`",
        ),
        (
            plain().key_prefix("whsec_\u{200b}"),
            r#"the key prefix "whsec_\u{200b}" ends with an invisible character (U+200B): remove it"#,
        ),
        (
            plain().alias("X-Signature"),
            "the header x-signature is named twice: remove one of the two",
        ),
        (
            plain().alias("x-old").parallel_header("x-second"),
            "`alias` and `parallel_header` were both called: the names are either other names for one header, or several headers",
        ),
        (
            standard()
                .alias("b")
                .alias("c")
                .timestamp(header_timestamp().alias("x-time")),
            "the timestamp header has 2 names, but the signature header has 3: give it one name or as many",
        ),
        (
            standard().alias("b").alias("c").id_header("x-old-id"),
            "the id header has 2 names, but the signature header has 3: give it one name or as many",
        ),
        (
            plain().tags('=', [""; 0]),
            r#"`tags` has no tag: name at least one, such as "v1""#,
        ),
        (
            plain().tags('=', [""]),
            "a tag is empty: write the text before the separator '='",
        ),
        (
            plain().tags('=', ["sha1="]),
            r#"the tag "sha1=" contains the separator '=': write "sha1""#,
        ),
        (
            plain().tags('=', ["=sha1"]),
            r#"the tag "=sha1" begins with the separator '=': remove it"#,
        ),
        (
            plain().tags('=', ["v 1"]),
            r#"the tag "v 1" contains ' ': a tag has visible ASCII characters only"#,
        ),
        (
            plain().tags('=', ["v=1"]),
            r#"the tag "v=1" contains the separator '=': write "v""#,
        ),
        (
            plain().item_separator(',').tags('=', ["v,1"]),
            r#"the tag "v,1" contains the item separator ',': list the tags one by one"#,
        ),
        (
            plain().tags('=', [" v1"]),
            r#"the tag " v1" begins with white space (U+0020): remove it"#,
        ),
        (
            stripe().timestamp(Timestamp::tag("t=")),
            r#"the tag "t=" contains the separator '=': write "t""#,
        ),
        (
            plain().item_separator('é'),
            "'é' cannot separate the items or tags of a header: use an ASCII punctuation character, such as ',', or a space",
        ),
        (
            plain().item_separator('a'),
            "'a' cannot separate the items or tags of a header: use an ASCII punctuation character, such as ',', or a space",
        ),
        (
            plain().tags('\n', ["v1"]),
            r"'\n' cannot separate the items or tags of a header: use an ASCII punctuation character, such as ',', or a space",
        ),
        (
            plain().encoding(Encoding::Base64).item_separator('+'),
            "'+' cannot separate the items of a header: a signature in this encoding may contain it; check `encoding`",
        ),
        (
            plain().encoding(Encoding::Base64Url).item_separator('-'),
            "'-' cannot separate the items of a header: a signature in this encoding may contain it; check `encoding`",
        ),
        (
            plain().item_separator('=').tags('=', ["v1"]),
            "'=' separates the items and also the tags: each needs its own character",
        ),
        (
            stripe().timestamp(Timestamp::tag("")),
            r#"the tag of the timestamp is empty: write the text before the separator, such as "t""#,
        ),
        (
            stripe().timestamp(Timestamp::tag("v1")),
            r#"the tag "v1" is the timestamp's and also a signature's: each needs its own"#,
        ),
        (
            plain().item_separator(',').timestamp(Timestamp::tag("t")),
            "the timestamp has a tag, but .tags(…) was not called: call it with the separator and the tags of the signatures",
        ),
        (
            plain().tags('=', ["v1"]).timestamp(Timestamp::tag("t")),
            "the timestamp has a tag, but .item_separator(…) was not called: call it with the character between the timestamp and the signatures",
        ),
        (
            plain().timestamp(header_timestamp()),
            "the timestamp has a tolerance, but is not signed, so an attacker could renew it: add `Piece::Timestamp` to .signed(…), or call `accept_any_age`",
        ),
        (
            plain()
                .id_header("x-id")
                .timestamp(Timestamp::header("x-timestamp"))
                .signed([Piece::Id, Piece::Timestamp, Piece::Body]),
            RENEWABLE,
        ),
        (
            plain()
                .id_header("x-id")
                .timestamp(Timestamp::header("x-timestamp").rfc3339())
                .signed([
                    Piece::Id,
                    Piece::header("x-event"),
                    Piece::Timestamp,
                    Piece::Body,
                ]),
            RENEWABLE,
        ),
        (
            plain()
                .url(SignedUrl::origin("https://example.com").expect("a URL"))
                .timestamp(Timestamp::header("x-timestamp"))
                .signed([
                    Piece::Url,
                    Piece::literal("."),
                    Piece::Timestamp,
                    Piece::literal("."),
                    Piece::Body,
                ]),
            RENEWABLE,
        ),
        (
            plain().signed([Piece::Timestamp, Piece::Body]),
            "the timestamp is signed, but .timestamp(…) was not called: call it to say where the timestamp is",
        ),
        (
            plain().signed([Piece::Id, Piece::Body]),
            "the id is signed, but .id_header(…) was not called: call it to say which header has the id",
        ),
        (
            plain().signed([Piece::Url, Piece::Body]),
            "the URL is signed, but .url(…) was not called: call it with the URL that the sender calls, because a request does not contain it",
        ),
        (plain().signed([]), NO_BODY),
        (plain().signed([]).accept_unsigned_body(), ONLY_FIXED_TEXT),
        (
            plain()
                .signed([Piece::literal("v1")])
                .accept_unsigned_body(),
            ONLY_FIXED_TEXT,
        ),
        (plain().signed([Piece::literal("v0:")]), NO_BODY),
        (
            plain().signed([Piece::Body, Piece::Body]),
            "the body is signed twice: remove one `Piece::Body`, `Piece::BodyDigest` or `Piece::SortedForm`",
        ),
        (
            plain().signed([Piece::literal(""), Piece::Body]),
            "a signed literal is empty: remove it",
        ),
        (
            plain().signed([Piece::literal("v0:\u{200b}"), Piece::Body]),
            r#"the signed literal "v0:\u{200b}" contains an invisible character (U+200B): remove it"#,
        ),
        (
            plain().timestamp(header_timestamp()).signed([
                Piece::Timestamp,
                Piece::literal("0"),
                Piece::Body,
            ]),
            r#"the timestamp is followed by the literal "0" of digits: nothing marks where the timestamp ends"#,
        ),
        (
            plain().signed([Piece::Secret, Piece::Body]),
            "`Piece::Secret` is only for `keyless_sha256_open_to_length_extension`: remove it",
        ),
        (
            keyless("x-signature"),
            "a keyless digest without the secret proves nothing: add `Piece::Secret` to .signed(…)",
        ),
        (
            keyless("x-signature").signed([Piece::Body, Piece::Secret]),
            "`Piece::Secret` is after `Piece::Body`: put it before the body",
        ),
        (
            plain().require_header("x-version", " 1"),
            r#"the header x-version cannot have the value " 1": it begins with white space (U+0020); remove it"#,
        ),
        (
            plain().require_header("x-version", "1\n2"),
            r#"the header x-version cannot have the value "1\n2": it contains a line break (U+000A); remove it"#,
        ),
    ];
    for (scheme, message) in cases {
        let error = scheme.clone().build().expect_err(message);
        assert_eq!(error.to_string(), message, "{scheme:?}");
    }
}

#[test]
fn the_name_of_a_header_that_no_request_can_have_is_an_error() {
    // The longest name of the crate `http` has 65,535 bytes.
    let error = SignatureScheme::hmac_sha256("x".repeat(1 << 16)).build();
    let error = error.expect_err("a name that is too long").to_string();
    assert!(error.ends_with("is not the name of a header: it is too long"));
}

#[test]
fn a_key_that_is_only_padding_is_an_error() {
    let scheme = plain().key_encoding(KeyEncoding::Base64).build();
    let padding = Secret::new("==").expect("a secret");
    let error = Provider::<Bytes>::new("acme", scheme.expect("a scheme"), padding);
    let error = error.expect_err("no key").to_string();
    assert!(error.ends_with(": secret is empty"), "{error}");
}

#[test]
fn the_description_of_a_scheme_has_short_texts() {
    use tower_webhook_auth::provider::Window;

    assert_eq!(Window::NoTime.to_string(), "none");
    assert_eq!(Encoding::Base64OfHex.to_string(), "base64 of hex");
    let bearer = SharedKeyScheme::new("authorization").bearer().build();
    let ways = bearer.expect("a scheme").ways();
    assert!(
        format!("{:?}", ways[0]).contains("Bearer "),
        "{:?}",
        ways[0]
    );
}

#[test]
fn a_shared_key_scheme_without_a_usable_header_is_an_error() {
    let message = |scheme: SharedKeyScheme| scheme.build().expect_err("an error").to_string();
    assert_eq!(
        message(SharedKeyScheme::new("")),
        "the name of a header is empty: write the name that the sender uses"
    );
    assert_eq!(
        message(SharedKeyScheme::new("x-key").alias("X-Key")),
        "the header x-key is named twice: remove one of the two"
    );
}

#[test]
fn a_provider_without_a_usable_name_is_an_error() {
    for (name, message) in [
        ("", "the name of the provider is empty: choose a text"),
        (
            "acme\n",
            r#"the name of the provider "acme\n" ends with a line break (U+000A): remove it"#,
        ),
        (
            "ac\u{ad}me",
            r#"the name of the provider "ac\u{ad}me" contains an invisible character (U+00AD): remove it"#,
        ),
    ] {
        let scheme = plain().build().expect("a scheme");
        let secret = Secret::new("wJ4mX9").expect("a secret");
        let error = Provider::new(name, scheme, secret).expect_err(message);
        assert_eq!(error.to_string(), message);
    }
}

/// `construction_cases` of the adversarial cases, for the scheme of each receiver.
#[test]
fn every_construction_case_has_the_expected_result() {
    let file = include_str!("vectors/adversarial.json");
    let file: serde_json::Value = serde_json::from_str(file).expect("JSON");
    let cases = file["construction_cases"].as_array().expect("a list");
    assert!(!cases.is_empty());
    for case in cases {
        let scheme: Result<Scheme, ConfigError> = match case["receiver"].as_str() {
            Some("optimizely") => SignatureScheme::hmac_sha1("x-hub-signature")
                .tags('=', ["sha1"])
                .build(),
            Some("vwo") => SharedKeyScheme::new("x-vwo-auth").build(),
            Some("standard") => standard()
                .key_encoding(KeyEncoding::Base64)
                .key_prefix("whsec_")
                .build(),
            other => panic!("unknown receiver {other:?}"),
        };
        let built = scheme.and_then(|scheme| {
            let secret = Secret::new(case["secret"].as_str().expect("a secret"))?;
            Provider::new("acme", scheme, secret)
        });
        assert_eq!(case["expect"], "error");
        assert!(built.is_err(), "{case}");
    }
}

// Strict reading.

#[test]
fn only_hexadecimal_digits_are_read_in_upper_or_lower_case() {
    let provider = provider(plain());
    let signature = hex(BODY);
    let verdict = |value: &str| judge(&provider, post(&[("x-signature", value)], BODY)).err();
    assert_eq!(verdict(&signature), None);
    assert_eq!(verdict(&signature.to_uppercase()), None);
    for value in [
        String::new(),
        signature[..63].into(),
        signature[..62].into(),
        format!("{signature}0"),
        format!("{signature}00"),
        format!(" {signature}"),
        format!("0x{signature}"),
        format!("+{}", &signature[1..]),
        format!("{} {}", &signature[..32], &signature[33..]),
        format!("sha256={signature}"),
        "0".repeat(4096),
    ] {
        assert_eq!(
            verdict(&value),
            Some(RejectionKind::HeaderMalformed),
            "{value}"
        );
    }
    assert_eq!(
        verdict(&"0".repeat(4097)),
        Some(RejectionKind::HeaderTooLong)
    );
    assert_eq!(
        verdict(&"0".repeat(64)),
        Some(RejectionKind::SignatureMismatch)
    );
}

#[test]
fn base64_for_urls_is_read_with_or_without_padding_and_only_in_its_own_alphabet() {
    let provider = provider(plain().encoding(Encoding::Base64Url));
    // Its signature contains both characters in which the two alphabets differ.
    let body = (0..)
        .map(|number| format!("{BODY}{number}"))
        .find(|body| base64(body).contains('+') && base64(body).contains('/'))
        .expect("one of them");
    let standard = base64(&body);
    let padded = standard.replace('+', "-").replace('/', "_");
    let unpadded = padded.trim_end_matches('=');
    let verdict =
        |value: &str| judge(&provider, post(&[("x-signature", value)], body.clone())).err();
    assert_eq!(verdict(&padded), None);
    assert_eq!(verdict(unpadded), None);
    for value in [standard, format!("{padded}="), format!("{unpadded}==")] {
        assert_eq!(
            verdict(&value),
            Some(RejectionKind::HeaderMalformed),
            "{value}"
        );
    }
}

/// The last character of 32 bytes in base64 has two unused bits. If they could be set, the same signature
/// could be written in several ways.
#[test]
fn unused_bits_of_base64_must_be_zero() {
    let provider = provider(plain().encoding(Encoding::Base64));
    let signature = base64(BODY);
    let verdict = |value: &str| judge(&provider, post(&[("x-signature", value)], BODY)).err();
    assert_eq!(verdict(&signature), None);
    let table = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let last = signature.chars().nth(42).expect("43 characters");
    let position = table.find(last).expect("a base64 character");
    let varied = table.chars().nth(position + 1).expect("not the last");
    for value in [
        format!("{}{varied}=", &signature[..42]),
        signature.trim_end_matches('=').into(),
        format!("{signature}="),
        signature.replace('=', "\t"),
        format!("{}\u{20}", &signature),
    ] {
        assert_eq!(
            verdict(&value),
            Some(RejectionKind::HeaderMalformed),
            "{value}"
        );
    }
}

#[test]
fn a_tag_must_match_completely_and_in_the_same_case() {
    let provider = Provider::new(
        "acme",
        SignatureScheme::hmac_sha1("x-hub-signature")
            .tags('=', ["sha1"])
            .build()
            .expect("a scheme"),
        secret(),
    )
    .expect("a provider");
    let signature = reference::hex(&reference::hmac(Sha1, b"wJ4mX9", BODY.as_bytes()));
    let verdict = |tag: &str| {
        let value = format!("{tag}{signature}");
        judge(&provider, post(&[("x-hub-signature", &value)], BODY)).err()
    };
    assert_eq!(verdict("sha1="), None);
    for tag in [
        "",
        "=",
        "SHA1=",
        "Sha1=",
        "sha=",
        "sha11=",
        "sha256=",
        "md5=",
        "sha1:",
        "sha1==",
        "sha1 =",
        "sha1= ",
        "1=",
        "sha1sha1=",
        "sha1=sha1=",
    ] {
        assert_eq!(verdict(tag), Some(RejectionKind::HeaderMalformed), "{tag}");
    }
}

#[test]
fn two_headers_are_rejected_even_if_they_are_equal() {
    let signature = hex(BODY);
    let twice = [("x-signature", &*signature), ("x-signature", &*signature)];
    assert_eq!(
        judge(&provider(plain()), post(&twice, BODY)).err(),
        Some(RejectionKind::HeaderDuplicated)
    );
    let time = NOW.to_string();
    let signature = hex(format!("msg_1.{time}.{BODY}"));
    let right = [
        ("x-id", "msg_1"),
        ("x-timestamp", &*time),
        ("x-signature", &*signature),
    ];
    assert!(judge(&provider(standard()), post(&right, BODY)).is_ok());
    for header in right {
        let twice = [&right[..], &[header]].concat();
        assert_eq!(
            judge(&provider(standard()), post(&twice, BODY)).err(),
            Some(RejectionKind::HeaderDuplicated),
            "{}",
            header.0
        );
    }
}

#[test]
fn each_header_of_the_scheme_is_required() {
    let time = NOW.to_string();
    let signature = hex(format!("msg_1.{time}.{BODY}"));
    let right = [
        ("x-id", "msg_1"),
        ("x-timestamp", &*time),
        ("x-signature", &*signature),
    ];
    for absent in 0..3 {
        let mut headers = right.to_vec();
        let (name, _) = headers.remove(absent);
        assert_eq!(
            judge(&provider(standard()), post(&headers, BODY)).err(),
            Some(RejectionKind::HeaderMissing),
            "{name}"
        );
    }
}

/// `msg_1.` + `1700000000` signs the same bytes as `msg_1` + `.1700000000`.
#[test]
fn an_id_that_contains_the_separator_is_rejected() {
    let time = NOW.to_string();
    for id in ["msg.1", ".", "msg_1.", ".msg_1"] {
        let signature = hex(format!("{id}.{time}.{BODY}"));
        let headers = [
            ("x-id", id),
            ("x-timestamp", &*time),
            ("x-signature", &*signature),
        ];
        assert_eq!(
            judge(&provider(standard()), post(&headers, BODY)).err(),
            Some(RejectionKind::HeaderMalformed),
            "{id}"
        );
    }
}

#[test]
fn a_signed_id_is_required_and_must_be_visible_ascii() {
    let scheme = plain()
        .id_header("x-id")
        .signed([Piece::Id, Piece::literal("|"), Piece::Body]);
    let layer = WebhookAuthLayer::new(provider(scheme));
    let rejected = |id: Option<&str>| {
        let signature = hex(format!("{}|{BODY}", id.unwrap_or_default()));
        let mut headers = vec![("x-signature", &*signature)];
        headers.extend(id.map(|id| ("x-id", id)));
        let rejection = through(&layer, post(&headers, BODY)).err()?;
        let header = rejection.header_name().expect("the header at fault");
        Some((rejection.kind(), header.as_str().to_owned()))
    };
    assert_eq!(rejected(Some("msg_1")), None);
    let malformed = Some((RejectionKind::HeaderMalformed, "x-id".to_owned()));
    for id in ["", "msg 1", "msg\t1", "msg_é"] {
        assert_eq!(rejected(Some(id)), malformed, "{id:?}");
    }
    let missing = Some((RejectionKind::HeaderMissing, "x-id".to_owned()));
    assert_eq!(rejected(None), missing);
}

#[test]
fn an_id_that_forms_the_separator_together_with_the_separator_is_rejected() {
    let scheme = plain()
        .id_header("x-id")
        .signed([Piece::Id, Piece::literal("::"), Piece::Body]);
    let provider = provider(scheme);
    let verdict = |id: &str| {
        let signature = hex(format!("{id}::{BODY}"));
        judge(
            &provider,
            post(&[("x-id", id), ("x-signature", &signature)], BODY),
        )
        .err()
    };
    assert_eq!(verdict("a:b"), None);
    assert_eq!(verdict("a::b"), Some(RejectionKind::HeaderMalformed));
    assert_eq!(verdict("a:"), Some(RejectionKind::HeaderMalformed));
}

/// An id after the body must not contain the separator before it. The body may contain it.
#[test]
fn an_id_after_the_body_follows_the_same_rule() {
    let scheme = plain()
        .id_header("x-id")
        .signed([Piece::Body, Piece::literal("."), Piece::Id]);
    let provider = provider(scheme);
    let signature = hex("1.2.3");
    let verdict = |body: &'static str, id: &str| {
        judge(
            &provider,
            post(&[("x-id", id), ("x-signature", &signature)], body),
        )
    };
    let verified = verdict("1.2", "3").expect("verified");
    assert_eq!(verified.delivery_id(), Some(Claim::Signed("3")));
    assert_eq!(
        verdict("1", "2.3").err(),
        Some(RejectionKind::HeaderMalformed)
    );
}

/// A piece without a separator from the next one is covered by the signature, but not proven.
#[test]
fn an_id_without_a_separator_from_the_body_is_not_called_signed() {
    let scheme = plain()
        .id_header("x-id")
        .signed([Piece::Id, Piece::Body])
        .accept_movable_body_boundary();
    let provider = provider(scheme);
    let signature = hex("msg_1body");
    for (id, body) in [("msg_1", "body"), ("msg_", "1body")] {
        let headers = [("x-id", id), ("x-signature", &*signature)];
        let verified = judge(&provider, post(&headers, body)).expect("verified");
        assert_eq!(verified.delivery_id(), Some(Claim::Unsigned(id)));
    }
}

/// `id` + `1700000000` and `id1` + `700000000` sign the same bytes.
#[test]
fn a_timestamp_without_a_separator_has_a_fixed_number_of_digits() {
    let scheme = |timestamp: Timestamp| {
        plain()
            .id_header("x-id")
            .timestamp(timestamp)
            .signed([Piece::Id, Piece::Timestamp, Piece::Body])
            .accept_movable_body_boundary()
    };
    let signature = hex("id17000000005");
    let verdict = |timestamp: Timestamp, id: &str, time: &str, body: &'static str| {
        let headers = [
            ("x-id", id),
            ("x-timestamp", time),
            ("x-signature", &*signature),
        ];
        judge(&provider(scheme(timestamp)), post(&headers, body))
    };
    let near = || Timestamp::header("x-timestamp").accept_renewal();
    let any = || Timestamp::header("x-timestamp").accept_any_age();
    for timestamp in [near(), any()] {
        let verified = verdict(timestamp, "id", "1700000000", "5").expect("verified");
        assert_eq!(verified.delivery_id(), Some(Claim::Unsigned("id")));
        assert_eq!(verified.signed_at(), None);
    }
    for (id, time, body) in [("id1", "700000000", "5"), ("id", "17000000005", "")] {
        assert_eq!(
            verdict(any(), id, time, body).err(),
            Some(RejectionKind::HeaderMalformed)
        );
    }
}

/// A body may contain a time that is near to now after the delivery's own time is too old. A person who has
/// seen the delivery could split it there: the bytes before would be the id, and the time would be new.
#[test]
fn a_delivery_cannot_be_split_at_a_time_in_its_body() {
    let scheme = plain()
        .id_header("x-id")
        .timestamp(Timestamp::header("x-timestamp").rfc3339())
        .signed([Piece::Id, Piece::Timestamp, Piece::Body]);
    let provider = provider(scheme);
    let signature = hex(r#"id:12023-11-14T21:13:20.123Z{"ends":"2023-11-14T22:13:20Z","x":1}"#);
    let verdict = |id: &str, time: &str, body: &'static str| {
        let headers = [
            ("x-id", id),
            ("x-timestamp", time),
            ("x-signature", &*signature),
        ];
        judge(&provider, post(&headers, body))
    };
    let whole = verdict(
        "id:1",
        "2023-11-14T21:13:20.123Z",
        r#"{"ends":"2023-11-14T22:13:20Z","x":1}"#,
    );
    assert_eq!(whole.err(), Some(RejectionKind::TimestampTooOld));
    let cut = verdict(
        r#"id:12023-11-14T21:13:20.123Z{"ends":""#,
        "2023-11-14T22:13:20Z",
        r#"","x":1}"#,
    );
    assert_eq!(cut.err(), Some(RejectionKind::HeaderMalformed));

    // An id of any other form is accepted and proven.
    let signature = hex("2023-11-14:22:13:202023-11-14t22:13:20z{}");
    let headers = [
        ("x-id", "2023-11-14:22:13:20"),
        ("x-timestamp", "2023-11-14t22:13:20z"),
        ("x-signature", &*signature),
    ];
    let verified = judge(&provider, post(&headers, "{}")).expect("verified");
    let id = Claim::Signed("2023-11-14:22:13:20");
    assert_eq!(verified.delivery_id(), Some(id));
    assert_eq!(verified.signed_at(), Some(judge::at(NOW)));
}

/// A time in the body could take the first digits of the time after it, and leave the other digits to the id.
#[test]
fn a_delivery_cannot_be_split_inside_its_time() {
    let scheme = plain()
        .id_header("x-id")
        .timestamp(Timestamp::header("x-timestamp").rfc3339().accept_any_age())
        .signed([Piece::Body, Piece::Timestamp, Piece::Id]);
    let provider = provider(scheme);
    let signature = hex("x2030-01-01T00:00:00+07:2024-01-01T00:00:00Zmsg");
    let verdict = |body: &'static str, time: &str, id: &str| {
        let headers = [
            ("x-id", id),
            ("x-timestamp", time),
            ("x-signature", &*signature),
        ];
        judge(&provider, post(&headers, body)).map(|verified| verified.signed_at().is_some())
    };
    let whole = verdict("x2030-01-01T00:00:00+07:", "2024-01-01T00:00:00Z", "msg");
    assert_eq!(whole.ok(), Some(true));
    let cut = verdict("x", "2030-01-01T00:00:00+07:20", "24-01-01T00:00:00Zmsg");
    assert_eq!(cut.err(), Some(RejectionKind::HeaderMalformed));
}

/// A URL begins with `https:` or `http:`, and no method contains a `:`.
#[test]
fn the_scheme_of_a_url_marks_the_end_of_the_method() {
    let scheme = |url: &str| {
        plain()
            .url(SignedUrl::exact(url).expect("a URL"))
            .timestamp(Timestamp::header("x-timestamp").accept_any_age())
            .signed([Piece::Method, Piece::Url, Piece::Timestamp, Piece::Body])
            .accept_movable_body_boundary()
    };
    for url in ["https://example.com", "http://example.com"] {
        let signature = hex(format!("POST{url}1700000000{BODY}"));
        let headers = [("x-timestamp", "1700000000"), ("x-signature", &*signature)];
        let verified = judge(&provider(scheme(url)), post(&headers, BODY)).expect("verified");
        assert!(verified.signed_at().is_some(), "{url}");
    }
}

#[test]
fn bytes_cannot_be_moved_from_the_timestamp_to_the_body() {
    let scheme = plain()
        .timestamp(Timestamp::header("x-timestamp").rfc3339().accept_any_age())
        .signed([Piece::Timestamp, Piece::Body]);
    let provider = provider(scheme);
    let signature = hex("2023-11-14T22:13:20+00:00{}");
    let verdict = |time: &str, body: &'static str| {
        let headers = [("x-timestamp", time), ("x-signature", &*signature)];
        judge(&provider, post(&headers, body)).err()
    };
    assert_eq!(verdict("2023-11-14T22:13:20+00:00", "{}"), None);
    assert_eq!(
        verdict("2023-11-14T22:13:20+00", ":00{}"),
        Some(RejectionKind::HeaderMalformed)
    );
}

#[test]
fn two_timestamps_in_one_header_are_rejected() {
    let signature = hex(format!("{NOW}.{BODY}"));
    let verdict = |value: &str| judge(&provider(stripe()), post(&[("x-signature", value)], BODY));
    assert!(verdict(&format!("t={NOW},v1={signature}")).is_ok());
    assert!(verdict(&format!("v1={signature}, t={NOW}")).is_ok());
    for value in [
        format!("t={NOW},t={NOW},v1={signature}"),
        format!("t={NOW},v1={signature},t=1"),
    ] {
        assert_eq!(
            verdict(&value).err(),
            Some(RejectionKind::HeaderDuplicated),
            "{value}"
        );
    }
    for value in [
        format!("v1={signature}"),
        format!("T={NOW},v1={signature}"),
        format!("t={NOW}"),
        format!("t=,v1={signature}"),
        format!("t= {NOW},v1={signature}"),
        format!("t={NOW};v1={signature}"),
    ] {
        assert_eq!(
            verdict(&value).err(),
            Some(RejectionKind::HeaderMalformed),
            "{value}"
        );
    }
}

#[test]
fn sixteen_candidates_are_compared_and_seventeen_are_rejected() {
    let provider = provider(plain().item_separator(',').tags('=', ["v1"]));
    let junk = format!("v1={}", "0".repeat(64));
    let right = format!("v1={}", hex(BODY));
    let verdict = |items: Vec<&str>| {
        let value = items.join(",");
        judge(&provider, post(&[("x-signature", &value)], BODY)).err()
    };
    let mut items = vec![&*junk; 15];
    items.push(&right);
    assert_eq!(verdict(items.clone()), None);
    items.insert(0, &junk);
    assert_eq!(verdict(items), Some(RejectionKind::TooManySignatures));
}

#[test]
fn candidates_that_cannot_be_decoded_are_skipped() {
    let provider = provider(plain().item_separator(',').tags('=', ["v1"]));
    let right = hex(BODY);
    let verdict = |value: &str| judge(&provider, post(&[("x-signature", value)], BODY)).err();
    for value in [
        format!("v1=placeholder,v1={right}"),
        format!("v1={right},v1="),
        format!(",, ,v1={right},"),
        format!("v1={right}00,v1={right}"),
        format!("v2={right},v1={right}"),
        format!("{}v1={right}", "v1=x,".repeat(100)),
        format!("\t v1={right} \t"),
    ] {
        assert_eq!(verdict(&value), None, "{value}");
    }
    for value in [
        "v1=placeholder".to_owned(),
        ",".repeat(4096),
        format!("v2={right}"),
        right.clone(),
    ] {
        assert_eq!(
            verdict(&value),
            Some(RejectionKind::HeaderMalformed),
            "{value}"
        );
    }
}

#[test]
fn a_header_of_four_kibibytes_is_read_and_a_longer_one_is_rejected() {
    for scheme in [plain(), plain().repeatable_header()] {
        let provider = provider(scheme.item_separator(',').tags('=', ["v1"]));
        let right = format!("v1={},", hex(BODY));
        let verdict = |length: usize| {
            let value = format!("{right}{}", "x".repeat(length - right.len()));
            judge(&provider, post(&[("x-signature", &value)], BODY)).err()
        };
        assert_eq!(verdict(4096), None);
        assert_eq!(verdict(4097), Some(RejectionKind::HeaderTooLong));
    }
}

// Time.

fn timed(timestamp: Timestamp, written: &str) -> Result<(), RejectionKind> {
    let scheme =
        plain()
            .timestamp(timestamp)
            .signed([Piece::Timestamp, Piece::literal("."), Piece::Body]);
    let signature = hex(format!("{written}.{BODY}"));
    let headers = [("x-timestamp", written), ("x-signature", &*signature)];
    judge(&provider(scheme), post(&headers, BODY)).map(drop)
}

#[test]
fn the_tolerance_includes_its_last_second_in_both_directions() {
    let verdict = |seconds: u64| timed(Timestamp::header("x-timestamp"), &seconds.to_string());
    assert_eq!(verdict(NOW), Ok(()));
    assert_eq!(verdict(NOW - 300), Ok(()));
    assert_eq!(verdict(NOW + 300), Ok(()));
    assert_eq!(verdict(NOW - 301), Err(RejectionKind::TimestampTooOld));
    assert_eq!(verdict(NOW + 301), Err(RejectionKind::TimestampInFuture));
}

#[test]
fn the_tolerance_of_a_timestamp_in_milliseconds_is_exact_to_the_millisecond() {
    let timestamp = || {
        Timestamp::header("x-timestamp")
            .milliseconds()
            .tolerance(Duration::from_secs(180))
    };
    let verdict = |milliseconds: u64| timed(timestamp(), &milliseconds.to_string());
    let now = NOW * 1000;
    assert_eq!(verdict(now - 180_000), Ok(()));
    assert_eq!(verdict(now + 180_000), Ok(()));
    assert_eq!(verdict(now - 180_001), Err(RejectionKind::TimestampTooOld));
    assert_eq!(
        verdict(now + 180_001),
        Err(RejectionKind::TimestampInFuture)
    );
    assert_eq!(verdict(NOW), Err(RejectionKind::TimestampTooOld));
}

#[test]
fn past_only_limits_only_the_age() {
    let verdict = |seconds: u64| {
        timed(
            Timestamp::header("x-timestamp").past_only(),
            &seconds.to_string(),
        )
    };
    assert_eq!(verdict(NOW - 300), Ok(()));
    assert_eq!(verdict(NOW - 301), Err(RejectionKind::TimestampTooOld));
    assert_eq!(verdict(NOW + 1_000_000_000), Ok(()));
}

#[test]
fn accept_any_age_accepts_any_age_and_still_reads_strictly() {
    let verdict = |text: &str| timed(Timestamp::header("x-timestamp").accept_any_age(), text);
    assert_eq!(verdict("0"), Ok(()));
    assert_eq!(verdict("1"), Ok(()));
    assert_eq!(verdict("99999999999"), Ok(()));
    assert_eq!(verdict("soon"), Err(RejectionKind::HeaderMalformed));
}

#[test]
fn an_impossible_timestamp_is_rejected_and_does_not_overflow() {
    for text in [
        "",
        " ",
        "-1",
        "+1700000000",
        "01700000000",
        "1700000000.0",
        "1.7e9",
        "0x6553f100",
        "1700000000 ",
        "1_700_000_000",
        "١٧٠٠٠٠٠٠٠٠",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "99999999999999999999999999999999999999",
    ] {
        for timestamp in [
            Timestamp::header("x-timestamp"),
            Timestamp::header("x-timestamp").milliseconds(),
            Timestamp::header("x-timestamp").rfc3339(),
        ] {
            let error = timed(timestamp.clone(), text).expect_err(text);
            assert!(
                matches!(
                    error,
                    RejectionKind::HeaderMalformed | RejectionKind::TimestampInFuture
                ),
                "{text:?} {timestamp:?}: {error}"
            );
        }
    }
}

#[test]
fn an_rfc_3339_timestamp_is_read_only_in_its_plain_form() {
    let verdict = |text: &str| timed(Timestamp::header("x-timestamp").rfc3339(), text);
    for text in [
        "2023-11-14T22:13:20Z",
        "2023-11-14t22:13:20z",
        "2023-11-14T22:13:20.000000000Z",
        "2023-11-14T22:18:20+00:00",
        "2023-11-14T15:13:20-07:00",
        "2023-11-15T03:58:20.5+05:45",
    ] {
        assert_eq!(verdict(text), Ok(()), "{text}");
    }
    for text in [
        "2023-11-14",
        "2023-11-14T22:13:20",
        "2023-11-14T22:13Z",
        "2023-11-14 22:13:20Z",
        "2023-11-14T22:13:20.Z",
        "2023-11-14T22:13:20.0000000000Z",
        "2023-11-14T22:13:20,5Z",
        "2023-11-14T22:13:20+00",
        "2023-11-14T22:13:20+0000",
        "2023-11-14T22:13:20Z[UTC]",
        "2023-11-14T22:13:20+00:00[UTC]",
        "20231114T221320Z",
        "+002023-11-14T22:13:20Z",
        "2023-02-30T22:13:20Z",
        "2023-11-14T25:13:20Z",
        "1960-01-01T00:00:00Z",
        "1700000000",
    ] {
        assert_eq!(verdict(text), Err(RejectionKind::HeaderMalformed), "{text}");
    }
}

// Families, parallel headers, required headers, further pieces.

#[test]
fn headers_of_two_families_are_never_mixed() {
    let scheme = SignatureScheme::hmac_sha256("svix-signature")
        .alias("webhook-signature")
        .timestamp(Timestamp::header("svix-timestamp").alias("webhook-timestamp"))
        .id_header("svix-id")
        .id_header("webhook-id")
        .signed([
            Piece::Id,
            Piece::literal("."),
            Piece::Timestamp,
            Piece::literal("."),
            Piece::Body,
        ]);
    let provider = provider(scheme);
    let time = NOW.to_string();
    let signature = hex(format!("msg_1.{time}.{BODY}"));
    let headers = |families: [&str; 3]| {
        [
            (format!("{}-id", families[0]), "msg_1"),
            (format!("{}-timestamp", families[1]), &*time),
            (format!("{}-signature", families[2]), &*signature),
        ]
    };
    for id in ["svix", "webhook"] {
        for timestamp in ["svix", "webhook"] {
            for signature in ["svix", "webhook"] {
                let headers = headers([id, timestamp, signature]);
                let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (&**n, *v)).collect();
                let verdict = judge(&provider, post(&headers, BODY)).err();
                let expected = match id == signature && timestamp == signature {
                    true => None,
                    false => Some(RejectionKind::HeaderMissing),
                };
                assert_eq!(verdict, expected, "{id} {timestamp} {signature}");
            }
        }
    }
    // If two families are complete, the first one counts, also if its signature is wrong.
    let mut both = vec![
        ("webhook-id", "msg_1"),
        ("webhook-timestamp", &*time),
        ("webhook-signature", &*signature),
        ("svix-signature", "00"),
    ];
    assert_eq!(
        judge(&provider, post(&both, BODY)).err(),
        Some(RejectionKind::HeaderMalformed)
    );
    both.pop();
    assert!(judge(&provider, post(&both, BODY)).is_ok());
}

#[test]
fn an_id_may_have_aliases_if_the_signature_has_none() {
    let provider = provider(standard().id_header("x-old-id"));
    let time = NOW.to_string();
    let signature = hex(format!("msg_1.{time}.{BODY}"));
    let verdict = |ids: &[(&str, &str)]| {
        let rest = [("x-timestamp", &*time), ("x-signature", &*signature)];
        judge(&provider, post(&[ids, &rest].concat(), BODY)).err()
    };
    assert_eq!(verdict(&[("x-id", "msg_1")]), None);
    assert_eq!(verdict(&[("x-old-id", "msg_1")]), None);
    // Of two names, the first one in the order of the scheme counts.
    assert_eq!(verdict(&[("x-old-id", "msg_2"), ("x-id", "msg_1")]), None);
    assert_eq!(
        verdict(&[("x-old-id", "msg_1"), ("x-id", "msg_2")]),
        Some(RejectionKind::SignatureMismatch)
    );
    assert_eq!(verdict(&[]), Some(RejectionKind::HeaderMissing));
}

#[test]
fn a_match_in_any_parallel_header_is_accepted() {
    let provider = provider(plain().parallel_header("x-second"));
    let (right, wrong) = (hex(BODY), "0".repeat(64));
    let verdict = |headers: &[(&str, &str)]| judge(&provider, post(headers, BODY)).err();
    assert_eq!(verdict(&[("x-second", &right)]), None);
    assert_eq!(
        verdict(&[("x-signature", &wrong), ("x-second", &right)]),
        None
    );
    assert_eq!(
        verdict(&[("x-signature", &right), ("x-second", "junk")]),
        None
    );
    assert_eq!(
        verdict(&[("x-signature", &wrong), ("x-second", &wrong)]),
        Some(RejectionKind::SignatureMismatch)
    );
    assert_eq!(
        verdict(&[
            ("x-signature", &right),
            ("x-second", &right),
            ("x-second", &right)
        ]),
        Some(RejectionKind::HeaderDuplicated)
    );
    assert_eq!(verdict(&[]), Some(RejectionKind::HeaderMissing));
}

#[test]
fn a_required_header_must_have_its_exact_value() {
    let provider = provider(plain().require_header("x-algorithm", "HmacSHA256"));
    let signature = hex(BODY);
    let verdict = |values: &[&str]| {
        let mut headers = vec![("x-signature", &*signature)];
        headers.extend(values.iter().map(|value| ("x-algorithm", *value)));
        judge(&provider, post(&headers, BODY)).err()
    };
    assert_eq!(verdict(&["HmacSHA256"]), None);
    assert_eq!(verdict(&[]), Some(RejectionKind::HeaderMissing));
    for value in ["hmacsha256", "HmacSHA1", "", "HmacSHA256,HmacSHA256"] {
        assert_eq!(
            verdict(&[value]),
            Some(RejectionKind::HeaderMalformed),
            "{value}"
        );
    }
    assert_eq!(
        verdict(&["HmacSHA256", "HmacSHA256"]),
        Some(RejectionKind::HeaderDuplicated)
    );
}

#[test]
fn a_signed_url_is_the_configured_one_and_the_host_header_is_not_used() {
    let signature = hex(format!("https://example.com/hook{BODY}"));
    let headers = [("x-signature", &*signature), ("host", "evil.example")];
    let scheme = |url| {
        plain()
            .url(url)
            .signed([Piece::Url, Piece::Body])
            .accept_movable_body_boundary()
    };
    for url in [
        SignedUrl::exact("https://example.com/hook").expect("a URL"),
        SignedUrl::origin("https://example.com").expect("a URL"),
        SignedUrl::origin("https://example.com/").expect("a URL"),
    ] {
        assert!(judge(&provider(scheme(url)), post(&headers, BODY)).is_ok());
    }
    let elsewhere = SignedUrl::exact("https://evil.example/hook").expect("a URL");
    assert_eq!(
        judge(&provider(scheme(elsewhere)), post(&headers, BODY)).err(),
        Some(RejectionKind::SignatureMismatch)
    );
}

/// Bytes are moved from the body to the query. Both requests have the same signature.
#[test]
fn a_body_without_a_marked_boundary_is_a_configuration_error_unless_it_is_accepted() {
    let origin = || SignedUrl::origin("https://example.com").expect("a URL");
    let exact = || SignedUrl::exact("https://example.com/hook").expect("a URL");
    let newline = || Piece::literal("\n");
    let digits = Timestamp::header("x-timestamp").accept_any_age();
    let rfc3339 = Timestamp::header("x-timestamp").rfc3339();
    let cases = [
        (vec![Piece::Url, Piece::Body], origin(), &digits, false),
        (vec![Piece::Body, Piece::Url], origin(), &digits, false),
        (
            vec![Piece::Url, Piece::literal("."), Piece::Body],
            origin(),
            &digits,
            false,
        ),
        (
            vec![Piece::Url, newline(), Piece::Body],
            origin(),
            &digits,
            true,
        ),
        (
            vec![Piece::Body, newline(), Piece::Url],
            origin(),
            &digits,
            true,
        ),
        (vec![Piece::Url, Piece::Body], exact(), &digits, true),
        (
            vec![Piece::Method, Piece::Url, Piece::Body],
            exact(),
            &digits,
            true,
        ),
        (vec![Piece::Method, Piece::Body], exact(), &digits, false),
        (
            vec![Piece::Method, newline(), Piece::Body],
            exact(),
            &digits,
            true,
        ),
        (vec![Piece::Id, Piece::Body], exact(), &digits, false),
        (vec![Piece::Body, Piece::Id], exact(), &digits, false),
        (
            vec![Piece::Id, Piece::literal("."), Piece::Body],
            exact(),
            &digits,
            true,
        ),
        (
            vec![Piece::header("x-topic"), Piece::Body],
            exact(),
            &digits,
            false,
        ),
        (vec![Piece::Timestamp, Piece::Body], exact(), &digits, true),
        (vec![Piece::Body, Piece::Timestamp], exact(), &digits, true),
        (
            vec![Piece::Id, Piece::Timestamp, Piece::Body],
            exact(),
            &digits,
            false,
        ),
        (
            vec![Piece::Id, Piece::Timestamp, Piece::Body],
            exact(),
            &rfc3339,
            true,
        ),
    ];
    for (pieces, url, timestamp, marked) in cases {
        let scheme = plain()
            .id_header("x-id")
            .timestamp(timestamp.clone().accept_any_age())
            .url(url)
            .signed(pieces.clone());
        let built = scheme.clone().build();
        assert_eq!(built.is_ok(), marked, "{pieces:?}");
        if let Err(error) = built {
            assert!(
                error.to_string().starts_with("nothing marks where"),
                "{error}"
            );
        }
        assert!(scheme.accept_movable_body_boundary().build().is_ok());
    }
}

/// `http::Uri` accepts `{` and `"` in a path. So a part of a JSON body could be moved there.
#[test]
fn a_signed_path_has_only_characters_that_rfc_3986_allows() {
    let scheme = plain()
        .url(SignedUrl::origin("https://example.com").expect("a URL"))
        .signed([Piece::Url, Piece::Body])
        .accept_movable_body_boundary();
    let provider = provider(scheme);
    let verdict = |path: &str| {
        let signature = hex(format!("https://example.com{path}{BODY}"));
        let mut request = post(&[("x-signature", &signature)], BODY);
        *request.uri_mut() = path.parse().expect("a target that http takes");
        judge(&provider, request).err()
    };
    for path in [
        "/",
        "/a-b._~c/d:e@f",
        "/hook?a=1&b=%7B%22%7D&c=x/y?z",
        "/hook?!$'()*+,;=",
    ] {
        assert_eq!(verdict(path), None, "{path}");
    }
    for path in [
        "/hook?{",
        "/hook{\"a\"",
        "/hook?a=1}",
        "/{id}",
        "/hook?a[]=1",
        "/hook?a|b",
        "/hook?a\\b",
        "/hook?^",
        "/hook?`",
        "/hook?caf\u{e9}",
    ] {
        assert_eq!(
            verdict(path),
            Some(RejectionKind::TargetMalformed),
            "{path}"
        );
    }
}

/// If the boundary is accepted, a person who has seen a delivery can move bytes in one direction only.
#[test]
fn json_cannot_be_moved_into_a_signed_url() {
    let url = SignedUrl::origin("https://example.com").expect("a URL");
    let square = tower_webhook_auth::provider::square(secret(), url);
    let verdict = |path: &str, body: &'static str| {
        let signed = r#"https://example.com/hook{"a":1}"#;
        let signature = base64(signed);
        let mut request = post(&[("x-square-hmacsha256-signature", &signature)], body);
        *request.uri_mut() = path.parse().expect("a target that http takes");
        judge(&square, request).map(|verified| verified.body().clone())
    };
    assert!(verdict("/hook", r#"{"a":1}"#).is_ok());
    let moved = verdict(r#"/hook{"a""#, ":1}");
    assert_eq!(moved.err(), Some(RejectionKind::TargetMalformed));
    // The other direction is possible, but then the body is not JSON.
    let moved = verdict("/", r#"hook{"a":1}"#).expect("the documented risk");
    assert!(serde_json::from_slice::<serde_json::Value>(&moved).is_err());
}

/// If a request has `%3F`, HubSpot signs `?`. Other escapes stay as they are.
#[test]
fn a_url_is_unescaped_only_with_the_option_for_it() {
    let signature = hex(format!("https://example.com/a:/?@!$'()*,;b%20c%2B{BODY}"));
    let mut request = post(&[("x-signature", &signature)], BODY);
    let path = "/a%3A%2f%3F%40%21%24%27%28%29%2A%2C%3bb%20c%2B";
    *request.uri_mut() = path.parse().expect("a path");
    let scheme = |url| {
        plain()
            .url(url)
            .signed([Piece::Url, Piece::Body])
            .accept_movable_body_boundary()
    };
    let origin = || SignedUrl::origin("https://example.com").expect("a URL");
    let unescaped = provider(scheme(origin().hubspot_unescaped()));
    assert!(judge(&unescaped, request.clone()).is_ok());
    assert_eq!(
        judge(&provider(scheme(origin())), request).err(),
        Some(RejectionKind::SignatureMismatch)
    );
}

/// The piece before an id must have a marked end. If not, the beginning of the id is not certain.
#[test]
fn an_id_is_called_signed_if_the_pieces_before_it_have_marked_ends() {
    let url = "https://example.com/hook";
    let exact = || SignedUrl::exact(url).expect("a URL");
    let origin = || SignedUrl::origin("https://example.com").expect("a URL");
    let cases: [(&[Piece], SignedUrl, bool); 5] = [
        (&[Piece::Url], exact(), true),
        (&[Piece::Url], origin(), false),
        (&[Piece::Method, Piece::Url], exact(), true),
        (&[Piece::Method, Piece::literal("\n")], exact(), true),
        (&[Piece::Method], exact(), false),
    ];
    for (before, signed_url, is_signed) in cases {
        let pieces = [before, &[Piece::Id, Piece::literal("|"), Piece::Body]].concat();
        let text: String = before
            .iter()
            .map(|piece| match piece {
                Piece::Method => "POST",
                Piece::Url => url,
                Piece::Literal(text) => text,
                other => panic!("{other:?}"),
            })
            .collect();
        let scheme = plain()
            .id_header("x-id")
            .url(signed_url)
            .signed(pieces)
            .accept_movable_body_boundary();
        let signature = hex(format!("{text}msg_1|{BODY}"));
        let headers = [("x-id", "msg_1"), ("x-signature", &*signature)];
        let verified = judge(&provider(scheme), post(&headers, BODY)).expect("verified");
        let expected = match is_signed {
            true => Claim::Signed("msg_1"),
            false => Claim::Unsigned("msg_1"),
        };
        assert_eq!(verified.delivery_id(), Some(expected), "{before:?}");
    }
}

#[test]
fn a_signed_header_and_an_unsigned_one_are_different_claims() {
    let scheme = plain()
        .signed([
            Piece::header("x-topic"),
            Piece::literal("\n"),
            Piece::header("x-part"),
            Piece::Body,
        ])
        .accept_movable_body_boundary();
    let signature = hex(format!("orders\npart{BODY}"));
    let headers = [
        ("x-topic", "orders"),
        ("x-part", "part"),
        ("x-signature", &*signature),
    ];
    let claim = |name: &'static str| {
        let name = http::HeaderName::from_static(name);
        let provider = provider(scheme.clone()).event_name_header(name);
        let verified = judge(&provider, post(&headers, BODY)).expect("verified");
        verified.event_name().map(|claim| claim.signed().is_some())
    };
    assert_eq!(claim("x-topic"), Some(true));
    assert_eq!(claim("x-part"), Some(false));
    assert_eq!(claim("x-signature"), Some(false));
    assert_eq!(claim("x-absent"), None);
}

#[test]
fn an_empty_body_can_have_a_valid_signature() {
    let provider = provider(plain());
    assert!(judge(&provider, post(&[("x-signature", &hex(""))], "")).is_ok());
    assert_eq!(
        judge(&provider, post(&[("x-signature", &hex(""))], "x")).err(),
        Some(RejectionKind::SignatureMismatch)
    );
}

#[test]
fn a_digest_without_the_secret_is_rejected() {
    let scheme = SignatureScheme::keyless_sha256_open_to_length_extension("x-signature")
        .signed([Piece::Secret, Piece::Body]);
    let provider = provider(scheme);
    let verdict = |text: String| {
        let signature = reference::hex(&Sha256.digest(text.as_bytes()));
        judge(&provider, post(&[("x-signature", &signature)], BODY)).err()
    };
    assert_eq!(verdict(format!("wJ4mX9{BODY}")), None);
    assert_eq!(
        verdict(BODY.to_owned()),
        Some(RejectionKind::SignatureMismatch)
    );
}

#[test]
fn a_keyless_digest_uses_the_decoded_secret() {
    let scheme = SignatureScheme::keyless_sha256_open_to_length_extension("x-signature")
        .signed([Piece::Secret, Piece::Body])
        .key_prefix("key_")
        .key_encoding(KeyEncoding::Hex)
        .build()
        .expect("a scheme");
    let secret = Secret::new("key_774a346d5839").expect("a secret");
    let provider = Provider::new("acme", scheme, secret).expect("a provider");
    let verdict = |key: &str| {
        let signature = reference::hex(&Sha256.digest(format!("{key}{BODY}").as_bytes()));
        judge(&provider, post(&[("x-signature", &signature)], BODY)).err()
    };
    assert_eq!(verdict("wJ4mX9"), None);
    assert_eq!(
        verdict("key_774a346d5839"),
        Some(RejectionKind::SignatureMismatch)
    );
}

#[test]
fn a_shared_key_is_the_whole_value_of_its_header() {
    let build = |scheme: SharedKeyScheme| {
        let secret = Secret::new("user:pass").expect("a secret");
        Provider::new("acme", scheme.build().expect("a scheme"), secret).expect("a provider")
    };
    let verdict = |provider: &Provider<Bytes>, value: &str| {
        judge(provider, post(&[("authorization", value)], BODY)).err()
    };
    let verbatim = build(SharedKeyScheme::new("authorization"));
    let bearer = build(SharedKeyScheme::new("authorization").bearer());
    let basic = build(SharedKeyScheme::new("authorization").basic());
    assert_eq!(verdict(&verbatim, "user:pass"), None);
    assert_eq!(verdict(&bearer, "Bearer user:pass"), None);
    assert_eq!(verdict(&bearer, "bearer user:pass"), None);
    assert_eq!(verdict(&basic, "Basic dXNlcjpwYXNz"), None);
    for (provider, value, kind) in [
        (&verbatim, "", RejectionKind::KeyMismatch),
        (&verbatim, "user:pas", RejectionKind::KeyMismatch),
        (&verbatim, "user:passs", RejectionKind::KeyMismatch),
        (&verbatim, "USER:PASS", RejectionKind::KeyMismatch),
        (&verbatim, "Bearer user:pass", RejectionKind::KeyMismatch),
        (&bearer, "user:pass", RejectionKind::HeaderMalformed),
        (&bearer, "Bearer", RejectionKind::HeaderMalformed),
        (&bearer, "Bearer ", RejectionKind::KeyMismatch),
        (&bearer, "Bearer  user:pass", RejectionKind::KeyMismatch),
        (
            &bearer,
            "Basic dXNlcjpwYXNz",
            RejectionKind::HeaderMalformed,
        ),
        (&basic, "Basic user:pass", RejectionKind::KeyMismatch),
        (&basic, "Basic dXNlcjpwYXNz=", RejectionKind::KeyMismatch),
    ] {
        assert_eq!(verdict(provider, value), Some(kind), "{value:?}");
    }
    let twice = [
        ("authorization", "user:pass"),
        ("authorization", "user:pass"),
    ];
    assert_eq!(
        judge(&verbatim, post(&twice, BODY)).err(),
        Some(RejectionKind::HeaderDuplicated)
    );
}

#[test]
fn a_repeatable_header_gives_a_candidate_for_each_value_and_at_most_four() {
    let provider = provider(plain().tags('=', ["sha256"]).repeatable_header());
    let right = format!("sha256={}", hex(BODY));
    let wrong = format!("sha256={}", hex("another body"));
    let verdict = |values: &[&String]| {
        let headers: Vec<_> = values
            .iter()
            .map(|value| ("x-signature", value.as_str()))
            .collect();
        judge(&provider, post(&headers, BODY)).err()
    };
    assert_eq!(verdict(&[&right]), None);
    assert_eq!(verdict(&[&wrong, &right]), None);
    assert_eq!(verdict(&[&right, &wrong]), None);
    assert_eq!(verdict(&[&wrong, &wrong, &wrong, &right]), None);
    assert_eq!(
        verdict(&[&wrong, &wrong]),
        Some(RejectionKind::SignatureMismatch)
    );
    assert_eq!(
        verdict(&[&right, &right, &right, &right, &right]),
        Some(RejectionKind::HeaderDuplicated)
    );
    assert_eq!(verdict(&[]), Some(RejectionKind::HeaderMissing));
    let long = format!("sha256={}", "0".repeat(4096));
    assert_eq!(
        verdict(&[&right, &long]),
        Some(RejectionKind::HeaderTooLong)
    );
    let error = stripe()
        .repeatable_header()
        .build()
        .expect_err("a timestamp in it");
    assert!(
        error.to_string().contains("contains the timestamp"),
        "{error}"
    );
}

/// `…:29` and `.551…`, and `…:29.551`, have the same signed bytes.
#[test]
fn the_fraction_of_a_time_without_a_zone_cannot_be_moved_into_the_body() {
    let time = || Timestamp::header("x-timestamp").rfc3339_without_zone();
    let scheme = |separator: &'static str| {
        plain().timestamp(time().accept_any_age()).signed([
            Piece::Timestamp,
            Piece::literal(separator),
            Piece::Body,
        ])
    };
    let verdict = |separator: &'static str, time: &str, body: &'static str, signed: &str| {
        let signature = hex(signed);
        let headers = [("x-timestamp", time), ("x-signature", &*signature)];
        judge(&provider(scheme(separator)), post(&headers, body)).err()
    };
    let signed = "2024-03-27T15:42:29.551.{}";
    assert_eq!(verdict(".", "2024-03-27T15:42:29", "551.{}", signed), None);
    assert_eq!(
        verdict(".", "2024-03-27T15:42:29.551", "{}", signed),
        Some(RejectionKind::HeaderMalformed)
    );
    let signed = "2024-03-27T15:42:29.551:{}";
    assert_eq!(verdict(":", "2024-03-27T15:42:29.551", "{}", signed), None);
}

#[test]
fn each_mistake_in_a_signed_url_is_named_and_what_may_be_secret_is_not_shown() {
    for (url, expected) in [
        ("", "is empty"),
        (
            "example.com/hook",
            "\"example.com/hook\" does not begin with https:// or http://",
        ),
        (
            "ftp://example.com/hook",
            "does not begin with https:// or http://",
        ),
        ("https://", "has no host"),
        ("https:///hook", "has no host"),
        ("https://:443/hook", "has no host"),
        ("https://user@/hook", "has no host"),
        ("https://user@:443/hook", "has no host"),
        ("https://exa mple.com/hook", "contains white space"),
        ("https://example.com/a\u{2003}b", "contains white space"),
        (
            "ftp://user:password@example.com/hook?token=abc",
            "\"ftp://…@example.com/hook?…\" does not begin with https:// or http://",
        ),
    ] {
        let error = SignedUrl::exact(url).expect_err(url).to_string();
        assert!(error.contains(expected), "{url}: {error}");
    }
    for url in [
        "https://example.com",
        "HTTP://user@example.com:8080",
        "https://example.com/a b?c d",
    ] {
        assert!(SignedUrl::exact(url).is_ok(), "{url}");
    }
}

#[test]
fn a_tolerance_of_zero_is_an_error_in_each_kind_of_scheme() {
    let zero = Duration::ZERO;
    let in_body = BodySignatureScheme::hmac_sha256("/s")
        .timestamp(Timestamp::in_body("/t").tolerance(zero))
        .signed([BodyPiece::Timestamp]);
    let token = JwtScheme::hs256("x-token")
        .body_hash("hash", BodyDigest::Sha256Hex)
        .max_age(zero);
    let stripe = presets::stripe(secret());
    let mut errors = vec![
        in_body.build().err(),
        token.build().err(),
        stripe.tolerance(zero).err(),
    ];
    #[cfg(feature = "http-signatures")]
    errors.push(
        tower_webhook_auth::HttpSignatureScheme::hmac_sha256()
            .require(["date"])
            .tolerance(zero)
            .build()
            .err(),
    );
    #[cfg(feature = "certificates")]
    {
        use tower_webhook_auth::CertificateTrust;

        let trust = CertificateTrust::without_chain();
        let topic = "arn:aws:sns:us-west-2:123456789012:MyTopic";
        let topics = presets::aws_sns::Topics::new([topic]).tolerance(zero);
        errors.push(topics.provider(trust.clone()).err());
        let webhook = presets::paypal::Webhook::new("4JH86294D6297924G").tolerance(zero);
        errors.push(webhook.provider(trust).err());
    }
    for error in errors {
        let error = error.expect("an error").to_string();
        assert!(error.starts_with("the tolerance is 0, "), "{error}");
    }
}

#[test]
fn an_empty_literal_is_an_error() {
    let scheme = SignatureScheme::hmac_sha256("x-signature");
    let scheme = scheme.signed([Piece::literal(""), Piece::Body]).build();
    let error = scheme.expect_err("an empty literal").to_string();
    assert!(error.contains("a signed literal is empty"), "{error}");
}
