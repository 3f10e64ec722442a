//! Lists without tags, groups of items, base64 of hexadecimal digits; and the signed pieces that are a digest
//! of the body, the path of the URL or the value of another tag.

#[path = "common/judge.rs"]
mod judge;
#[path = "common/reference.rs"]
mod reference;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use tower_webhook_auth::{
    BodyDigest, Claim, Encoding, Piece, Provider, RejectionKind, Secret, SignatureScheme,
    SignedUrl, Timestamp, Verified, testing::Signer,
};

use self::{
    judge::{NOW, at, judge, post},
    reference::{
        Hash::{Sha256, Sha512},
        base64, hex, hmac,
    },
};

const KEY: &str = "wJ4mX9";
const BODY: &str = r#"{"id": 1}"#;

fn secret() -> Secret {
    Secret::new(KEY).expect("a secret")
}

fn provider(scheme: SignatureScheme) -> Provider<Bytes> {
    let scheme = scheme.build().expect("a scheme");
    Provider::new("acme", scheme, secret()).expect("a provider")
}

fn sign(text: impl AsRef<str>) -> String {
    hex(&hmac(Sha256, KEY.as_bytes(), text.as_ref().as_bytes()))
}

fn other() -> String {
    hex(&hmac(Sha256, b"another", BODY.as_bytes()))
}

fn verdict(provider: &Provider<Bytes>, value: &str) -> Result<(), RejectionKind> {
    judge(provider, post(&[("x-signature", value)], BODY)).map(drop)
}

/// What Recurly sends.
fn first_item() -> SignatureScheme {
    SignatureScheme::hmac_sha256("x-signature")
        .item_separator(',')
        .timestamp(Timestamp::first_item())
        .signed([Piece::Timestamp, Piece::literal("."), Piece::Body])
}

/// What Infisical sends.
fn untagged() -> SignatureScheme {
    SignatureScheme::hmac_sha256("x-signature")
        .item_separator(';')
        .untagged_signatures('=')
        .timestamp(Timestamp::tag("t").accept_any_age())
}

/// What Persona sends while a secret is replaced.
fn groups() -> SignatureScheme {
    SignatureScheme::hmac_sha256("x-signature")
        .group_separator(' ')
        .item_separator(',')
        .tags('=', ["v1"])
        .timestamp(Timestamp::tag("t"))
        .signed([Piece::Timestamp, Piece::literal("."), Piece::Body])
}

/// What NMI sends.
fn nonce() -> SignatureScheme {
    SignatureScheme::hmac_sha256("x-signature")
        .item_separator(',')
        .tags('=', ["s"])
        .signed([Piece::tag("t"), Piece::literal("."), Piece::Body])
}

#[test]
fn the_first_item_is_the_timestamp_and_the_others_are_signatures() {
    let provider = provider(first_item());
    let (right, other) = (sign(format!("{NOW}.{BODY}")), other());
    for value in [
        format!("{NOW},{right}"),
        format!("{NOW},{other},{right}"),
        format!("{NOW}, {right}"),
    ] {
        assert_eq!(verdict(&provider, &value), Ok(()), "{value}");
    }
    let malformed = Err(RejectionKind::HeaderMalformed);
    // Without its time, the first signature is in the place of the time.
    assert_eq!(verdict(&provider, &format!("{right},{right}")), malformed);
    assert_eq!(verdict(&provider, &format!("{right},{NOW}")), malformed);
    assert_eq!(verdict(&provider, &right), malformed);
    assert_eq!(verdict(&provider, &NOW.to_string()), malformed);
    assert_eq!(verdict(&provider, ""), malformed);
    let later = format!("{},{right}", NOW + 1);
    let mismatch = Err(RejectionKind::SignatureMismatch);
    assert_eq!(verdict(&provider, &later), mismatch);
    let old = format!("{},{}", NOW - 301, sign(format!("{}.{BODY}", NOW - 301)));
    let too_old = Err(RejectionKind::TimestampTooOld);
    assert_eq!(verdict(&provider, &old), too_old);
}

#[test]
fn only_items_without_a_tag_are_signatures() {
    let provider = provider(untagged());
    let right = sign(BODY);
    assert_eq!(verdict(&provider, &format!("t={NOW};{right}")), Ok(()));
    assert_eq!(verdict(&provider, &format!("{right};t={NOW}")), Ok(()));
    for tagged in [
        format!("t={NOW};v1={right}"),
        format!("t={NOW};={right}"),
        format!("t={NOW}"),
        right.clone(),
        format!("t=;{right}"),
    ] {
        let malformed = Err(RejectionKind::HeaderMalformed);
        assert_eq!(verdict(&provider, &tagged), malformed, "{tagged}");
    }
    let twice = format!("t={NOW};t={NOW};{right}");
    let duplicated = Err(RejectionKind::HeaderDuplicated);
    assert_eq!(verdict(&provider, &twice), duplicated);
}

#[test]
fn any_group_may_match_and_all_have_one_timestamp() {
    let provider = provider(groups());
    let signed = |time: u64| sign(format!("{time}.{BODY}"));
    let (right, other) = (signed(NOW), other());
    for value in [
        format!("t={NOW},v1={right}"),
        format!("t={NOW},v1={right} t={NOW},v1={other}"),
        format!("t={NOW},v1={other}  t={NOW},v1={right} "),
        format!("t={NOW},v1={other},v1={right}"),
    ] {
        assert_eq!(verdict(&provider, &value), Ok(()), "{value}");
    }
    // Each group is right for itself. A signature must not be verified under the time of another group.
    let earlier = NOW - 1;
    let two_times = format!("t={NOW},v1={right} t={earlier},v1={}", signed(earlier));
    let duplicated = Err(RejectionKind::HeaderDuplicated);
    assert_eq!(verdict(&provider, &two_times), duplicated);
    let twice_in_one = format!("t={NOW},t={NOW},v1={right}");
    assert_eq!(verdict(&provider, &twice_in_one), duplicated);
    let malformed = Err(RejectionKind::HeaderMalformed);
    for value in [
        format!("t={NOW},v1={other} v1={right}"),
        format!("v1={right} t={NOW},v1={other}"),
        format!("t={NOW} v1={right}"),
        " ".to_owned(),
    ] {
        assert_eq!(verdict(&provider, &value), malformed, "{value}");
    }
    let many = vec![format!("t={NOW},v1={other}"); 17].join(" ");
    let too_many = Err(RejectionKind::TooManySignatures);
    assert_eq!(verdict(&provider, &many), too_many);
}

#[test]
fn base64_of_hexadecimal_digits_is_decoded_twice_and_strictly() {
    let scheme = SignatureScheme::hmac_sha512("x-signature").encoding(Encoding::Base64OfHex);
    let provider = provider(scheme);
    let mac = hmac(Sha512, KEY.as_bytes(), BODY.as_bytes());
    let right = base64(hex(&mac).as_bytes());
    assert!(right.ends_with('='));
    assert_eq!(verdict(&provider, &right), Ok(()));
    let upper = base64(hex(&mac).to_uppercase().as_bytes());
    assert_eq!(verdict(&provider, &upper), Ok(()));
    for wrong in [
        hex(&mac),
        base64(&mac),
        base64(right.as_bytes()),
        right.trim_end_matches('=').to_owned(),
        format!("{right}="),
        // 127 and 129 digits, and one that is none.
        base64(&hex(&mac).as_bytes()[1..]),
        base64(format!("{}0", hex(&mac)).as_bytes()),
        base64(hex(&mac).replacen(|_| true, "g", 1).as_bytes()),
        base64(&[b'0'; 3000]),
    ] {
        let malformed = Err(RejectionKind::HeaderMalformed);
        assert_eq!(verdict(&provider, &wrong), malformed, "{wrong}");
    }
}

#[test]
fn a_digest_takes_the_place_of_the_body() {
    for (form, text) in [
        (BodyDigest::Sha256Hex, hex as fn(&[u8]) -> String),
        (BodyDigest::Sha256Base64, base64),
    ] {
        let scheme = SignatureScheme::hmac_sha256("x-signature").signed([
            Piece::literal("a."),
            Piece::BodyDigest(form),
            Piece::literal(".z"),
        ]);
        let provider = provider(scheme);
        for body in ["", BODY, &"x".repeat(100_000)] {
            let signature = sign(format!("a.{}.z", text(&Sha256.digest(body.as_bytes()))));
            let request = |body: &str| post(&[("x-signature", &signature)], body.to_owned());
            let verified = judge(&provider, request(body)).expect("verified");
            assert_eq!(verified.body(), body.as_bytes());
            let mismatch = RejectionKind::SignatureMismatch;
            let verdict = judge(&provider, request(&format!("{body} ")));
            assert_eq!(verdict.map(drop), Err(mismatch));
        }
        let over_the_body = sign(format!("a.{BODY}.z"));
        let mismatch = Err(RejectionKind::SignatureMismatch);
        assert_eq!(verdict(&provider, &over_the_body), mismatch);
        // The body must not be a text whose digest is signed, but the body itself.
        let digest = text(&Sha256.digest(BODY.as_bytes()));
        let signature = sign(format!("a.{digest}.z"));
        let request = post(&[("x-signature", &signature)], digest);
        assert_eq!(judge(&provider, request).map(drop), mismatch);
    }
}

/// All digests have one length, so nothing can be moved between the body and an id next to its digest.
#[test]
fn a_digest_marks_its_own_end() {
    let scheme = |body| {
        SignatureScheme::hmac_sha256("x-signature")
            .id_header("x-id")
            .signed([Piece::Id, body])
    };
    assert!(scheme(Piece::Body).build().is_err());
    let provider = provider(scheme(Piece::BodyDigest(BodyDigest::Sha256Hex)));
    let signature = sign(format!("id-1{}", hex(&Sha256.digest(BODY.as_bytes()))));
    let request = |id| post(&[("x-signature", &signature), ("x-id", id)], BODY);
    assert!(judge(&provider, request("id-1")).is_ok());
    let mismatch = Err(RejectionKind::SignatureMismatch);
    assert_eq!(judge(&provider, request("id-")).map(drop), mismatch);
}

fn path_and_body(url: SignedUrl) -> SignatureScheme {
    SignatureScheme::hmac_sha256("x-signature")
        .signed([
            Piece::Method,
            Piece::PathAndQuery,
            Piece::literal("\n"),
            Piece::Body,
        ])
        .url(url)
}

fn at_path(path: &str, signature: &str) -> Request<Full<Bytes>> {
    let request = Request::post(path).header("x-signature", signature);
    request.body(Full::from(BODY)).expect("a request")
}

#[test]
fn the_path_and_query_are_those_of_the_configured_url() {
    for (url, path) in [
        ("https://example.com/hooks?team=7", "/hooks?team=7"),
        ("https://example.com", "/"),
        ("https://example.com?team=7", "/?team=7"),
        ("https://example.com/a#part", "/a"),
    ] {
        let url = SignedUrl::exact(url).expect("a URL");
        let provider = provider(path_and_body(url));
        let signature = sign(format!("POST{path}\n{BODY}"));
        // A proxy changed the path. The sender did not sign that one.
        assert!(judge(&provider, at_path("/rewritten", &signature)).is_ok());
        let signature = sign(format!("POST/rewritten\n{BODY}"));
        let mismatch = Err(RejectionKind::SignatureMismatch);
        let verdict = judge(&provider, at_path("/rewritten", &signature));
        assert_eq!(verdict.map(drop), mismatch);
    }
}

#[test]
fn with_an_origin_the_path_and_query_come_from_the_request() {
    for (origin, prefix) in [
        ("https://example.com", ""),
        ("https://example.com/api/", "/api"),
    ] {
        let url = SignedUrl::origin(origin).expect("a URL");
        let provider = provider(path_and_body(url));
        let signature = sign(format!("POST{prefix}/hook?a=%2F\n{BODY}"));
        assert!(judge(&provider, at_path("/hook?a=%2F", &signature)).is_ok());
        // The text is signed as it was received, not decoded.
        let verdict = judge(&provider, at_path("/hook?a=/", &signature));
        let mismatch = Err(RejectionKind::SignatureMismatch);
        assert_eq!(verdict.map(drop), mismatch);
        let verdict = judge(&provider, at_path("/hook?a={", &signature));
        assert_eq!(verdict.map(drop), Err(RejectionKind::TargetMalformed));
        let mut request = at_path("/hook?a=%2F", &signature);
        *request.method_mut() = Method::PUT;
        assert_eq!(judge(&provider, request).map(drop), mismatch);
    }
}

#[test]
fn the_value_of_another_tag_is_signed_and_appears_once() {
    let provider = provider(nonce());
    let right = sign(format!("n-1.{BODY}"));
    assert_eq!(verdict(&provider, &format!("t=n-1,s={right}")), Ok(()));
    assert_eq!(verdict(&provider, &format!("s={right}, t=n-1")), Ok(()));
    let mismatch = Err(RejectionKind::SignatureMismatch);
    assert_eq!(verdict(&provider, &format!("t=n-2,s={right}")), mismatch);
    let twice = format!("t=n-1,t=n-1,s={right}");
    let duplicated = Err(RejectionKind::HeaderDuplicated);
    assert_eq!(verdict(&provider, &twice), duplicated);
    let malformed = Err(RejectionKind::HeaderMalformed);
    assert_eq!(verdict(&provider, &format!("s={right}")), malformed);
    assert_eq!(verdict(&provider, &format!("T=n-1,s={right}")), malformed);
    // `n-1.x` + `.` + body and `n-1` + `.` + `x.` and body have the same bytes.
    let separator = format!("t=n-1.x,s={}", sign(format!("n-1.x.{BODY}")));
    assert_eq!(verdict(&provider, &separator), malformed);
}

/// Only round trips: our signer signs. The vectors of the senders are in `catalogue.rs`.
#[test]
fn the_signer_signs_each_of_these_forms() {
    let url = || SignedUrl::exact("https://example.com/hook").expect("a URL");
    let encoded = SignatureScheme::hmac_sha256("x-signature").encoding(Encoding::Base64OfHex);
    let schemes = [
        first_item(),
        untagged(),
        groups(),
        nonce(),
        encoded,
        path_and_body(url()),
        SignatureScheme::hmac_sha256("x-signature")
            .signed([Piece::BodyDigest(BodyDigest::Sha256Base64)]),
    ];
    for scheme in schemes {
        let text = format!("{scheme:?}");
        let provider = provider(scheme);
        let signer = Signer::new(&provider, &secret()).expect("a signer");
        let request = Request::post("/hook").body(Bytes::from(BODY));
        let request = request.expect("a request");
        let signed = signer.at(at(NOW)).with_id("n-1").sign(request);
        let verdict = judge(&provider, signed.clone().map(Full::new));
        assert!(verdict.is_ok(), "{text}: {:?}", verdict.err());
        let changed = signed.map(|_| Full::from("{}"));
        assert!(judge(&provider, changed).is_err(), "{text}");
    }
}

#[test]
fn the_signer_rejects_a_nonce_that_the_header_cannot_hold() {
    let provider = provider(nonce());
    let signer = Signer::new(&provider, &secret()).expect("a signer");
    let request = Request::post("/hook").body(Bytes::from(BODY));
    let request = request.expect("a request");
    let error = signer.with_id("n,1").try_sign(request).unwrap_err();
    assert!(error.to_string().contains("its id is the value of a tag"));
}

#[test]
fn the_ways_show_these_forms() {
    let way = |scheme: SignatureScheme| {
        let ways = scheme.build().expect("a scheme").ways();
        (ways[0].value.clone(), ways[0].signed.clone())
    };
    let url = SignedUrl::exact("https://example.com/hook").expect("a URL");
    for (scheme, value, signed) in [
        (
            first_item(),
            "{timestamp},{signature}",
            "{timestamp}.{body}",
        ),
        (untagged(), "t={timestamp};{signature}", "{body}"),
        (
            groups(),
            "t={timestamp},v1={signature} t={timestamp},v1={signature}",
            "{timestamp}.{body}",
        ),
        (nonce(), "t={t},s={signature}", "{t}.{body}"),
        (
            path_and_body(url),
            "{signature}",
            "{method}{path and query}\\n{body}",
        ),
    ] {
        assert_eq!(way(scheme), (value.to_owned(), signed.to_owned()));
    }
}

#[test]
fn two_headers_with_a_time_as_their_first_item_are_rejected() {
    let provider = provider(first_item().parallel_header("x-other"));
    let value = format!("{NOW},{}", sign(format!("{NOW}.{BODY}")));
    let of = |headers: &[(&str, &str)]| judge(&provider, post(headers, BODY)).map(drop);
    let first = ("x-signature", value.as_str());
    let other = ("x-other", value.as_str());
    assert_eq!(of(&[first]), Ok(()));
    assert_eq!(of(&[other]), Ok(()));
    let twice = Err(RejectionKind::HeaderDuplicated);
    assert_eq!(of(&[first, other]), twice);
}

#[test]
fn a_scheme_that_cannot_be_right_is_an_error_that_says_why() {
    let plain = || SignatureScheme::hmac_sha256("x-signature");
    let list = || plain().item_separator(',');
    let digest = || Piece::BodyDigest(BodyDigest::Sha256Hex);
    let origin = || SignedUrl::origin("https://example.com").expect("a URL");
    let tag = [Piece::tag("t"), Piece::literal("."), Piece::Body];
    for (scheme, expected) in [
        (plain().signed([Piece::Id]), "do not include the body"),
        (
            groups().tags('=', ["v 1"]),
            "contains the group separator ' ': remove it",
        ),
        (
            list()
                .tags('=', ["s"])
                .signed([Piece::tag("t"), Piece::literal(".")]),
            "do not include the body",
        ),
        (
            plain().signed([Piece::Body, digest()]),
            "the body is signed twice",
        ),
        (
            plain().signed([digest(), Piece::Body]),
            "the body is signed twice",
        ),
        (
            plain().signed([Piece::PathAndQuery, Piece::literal("\n"), Piece::Body]),
            ".url(…) was not called",
        ),
        (
            plain()
                .signed([Piece::PathAndQuery, Piece::Body])
                .url(origin()),
            "nothing marks where the signed body begins",
        ),
        (
            plain()
                .signed([Piece::PathAndQuery, Piece::literal("."), Piece::Body])
                .url(origin()),
            "nothing marks where the signed body begins",
        ),
        (plain().signed(tag.clone()), "must be one list of items"),
        (list().signed(tag.clone()), "must be one list of items"),
        (
            plain().tags('=', ["s"]).signed(tag.clone()),
            "must be one list of items",
        ),
        (
            list()
                .tags('=', ["s"])
                .repeatable_header()
                .signed(tag.clone()),
            "must be one list of items",
        ),
        (
            list().tags('=', ["t"]).signed(tag.clone()),
            "\"t\" is a signed piece and also",
        ),
        (
            list()
                .tags('=', ["s"])
                .timestamp(Timestamp::tag("t").accept_any_age())
                .signed(tag),
            "use `Piece::Timestamp`",
        ),
        (
            list()
                .tags('=', ["s"])
                .signed([Piece::tag("t"), Piece::Body]),
            "nothing marks where the signed body begins",
        ),
        (
            list()
                .tags('=', ["s"])
                .signed([Piece::tag("a=b"), Piece::literal("."), Piece::Body]),
            "contains the separator '='",
        ),
        (
            plain().timestamp(Timestamp::first_item()).signed([
                Piece::Timestamp,
                Piece::literal("."),
                Piece::Body,
            ]),
            "the timestamp is the first item, but .item_separator(…) was not called",
        ),
        (
            first_item().repeatable_header(),
            "nothing shows which timestamp belongs to which signature",
        ),
        (
            list().group_separator(' ').tags('=', ["v1"]),
            "groups that each have a timestamp",
        ),
        (groups().group_separator(','), "are the same character"),
        (
            groups().group_separator('='),
            "each needs its own character",
        ),
        (
            untagged().encoding(Encoding::Base64),
            "cannot be the separator of tags",
        ),
    ] {
        let text = format!("{scheme:?}");
        match scheme.build() {
            Ok(_) => panic!("built: {text}"),
            Err(error) => {
                let error = error.to_string();
                assert!(error.contains(expected), "{error:?} has no {expected:?}");
            }
        }
    }
}

/// `Piece::Id` next to a path: the id is proven, since `\n` ends the path.
#[test]
fn a_piece_between_separators_is_proven_also_after_the_path_of_an_origin() {
    let scheme = SignatureScheme::hmac_sha256("x-signature")
        .id_header("x-id")
        .signed([
            Piece::PathAndQuery,
            Piece::literal("\n"),
            Piece::Id,
            Piece::literal("\n"),
            Piece::Body,
        ])
        .url(SignedUrl::origin("https://example.com").expect("a URL"));
    let provider = provider(scheme);
    let signature = sign(format!("/hook\nid-1\n{BODY}"));
    let request = post(&[("x-signature", &signature), ("x-id", "id-1")], BODY);
    let verified: Verified<Bytes> = judge(&provider, request).expect("verified");
    assert_eq!(verified.delivery_id(), Some(Claim::Signed("id-1")));
}

#[test]
fn a_key_suffix_is_appended_to_the_secret() {
    let scheme = || SignatureScheme::hmac_sha256("x-signature");
    let provider = provider(scheme().key_suffix("&"));
    let signed = |key: &str| hex(&hmac(Sha256, key.as_bytes(), BODY.as_bytes()));
    assert_eq!(verdict(&provider, &signed("wJ4mX9&")), Ok(()));
    let mismatch = Err(RejectionKind::SignatureMismatch);
    assert_eq!(verdict(&provider, &signed("wJ4mX9")), mismatch);
    assert_eq!(verdict(&provider, &signed("wJ4mX9&&")), mismatch);
    let error = scheme().key_suffix("").build().unwrap_err().to_string();
    assert_eq!(error, "the key suffix is empty: do not call `key_suffix`");
}

#[test]
fn the_time_may_be_signed_twice_in_a_row() {
    let scheme = SignatureScheme::hmac_sha256("x-signature")
        .item_separator(',')
        .timestamp(Timestamp::first_item().rfc3339())
        .signed([
            Piece::Timestamp,
            Piece::Timestamp,
            Piece::literal("."),
            Piece::Body,
        ]);
    let provider = provider(scheme);
    // 1700000000 seconds since 1970.
    const TIME: &str = "2023-11-14T22:13:20Z";
    let right = sign(format!("{TIME}{TIME}.{BODY}"));
    assert_eq!(verdict(&provider, &format!("{TIME},{right}")), Ok(()));
    let later = format!("2023-11-14T22:13:21Z,{right}");
    let mismatch = Err(RejectionKind::SignatureMismatch);
    assert_eq!(verdict(&provider, &later), mismatch);
}
