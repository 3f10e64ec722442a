//! Signatures in the query, parameters of the query, lists of signed headers, sorted forms, and the senders that
//! use them.

#[path = "common/judge.rs"]
mod judge;
#[path = "common/reference.rs"]
mod reference;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tower_webhook_auth::{
    Authentication, Claim, Encoding, FromBody, Piece, Provider, QueryParameter, RejectionKind,
    Scheme, Secret, SignatureScheme, SignedForm, SignedHeaders, SignedUrl, SortedForm, Timestamp,
    Verified, WebhookAuthLayer,
    provider::{self, Field, HeaderRole},
    testing::Signer,
};

use self::{
    judge::{NOW, at, judge, post},
    reference::{
        Hash::{Sha1, Sha256, Sha384},
        base64, hex, hmac,
    },
};

const KEY: &str = "wJ4mX9";
const BODY: &str = r#"{"id": 1}"#;
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

fn secret(text: &str) -> Secret {
    Secret::new(text).expect("a secret")
}

fn provider(scheme: SignatureScheme) -> Provider<Bytes> {
    let scheme = scheme.build().expect("a scheme");
    Provider::new("acme", scheme, secret(KEY)).expect("a provider")
}

fn sign(text: impl AsRef<str>) -> String {
    hex(&hmac(Sha256, KEY.as_bytes(), text.as_ref().as_bytes()))
}

fn exact(url: &str) -> SignedUrl {
    SignedUrl::exact(url).expect("a URL")
}

fn at_path(path: &str, headers: &[(&str, &str)], body: &str) -> Request<Full<Bytes>> {
    let mut request = post(headers, body.to_owned());
    *request.uri_mut() = path.parse().expect("a path");
    request
}

fn verdict(provider: &Provider<Bytes>, request: Request<Full<Bytes>>) -> Result<(), RejectionKind> {
    judge(provider, request).map(drop)
}

// The signature in the query.

#[test]
fn a_signature_in_the_query_is_read_once_and_only_there() {
    let in_query = provider(SignatureScheme::hmac_sha256("signature").in_query());
    let right = sign(BODY);
    let at = |query: &str| verdict(&in_query, at_path(&format!("/hook{query}"), &[], BODY));
    assert_eq!(at(&format!("?signature={right}")), Ok(()));
    assert_eq!(at(&format!("?a=1&signature={right}&b")), Ok(()));
    // Percent-encoded, in the name and in the value.
    let encoded = format!("%{:02X}{}", right.as_bytes()[0], &right[1..]);
    assert_eq!(at(&format!("?s%69gnature={encoded}")), Ok(()));
    let missing = Err(RejectionKind::ParameterMissing);
    for query in ["", "?", "?signatur=1", "?Signature=1", "?a=signature"] {
        assert_eq!(at(query), missing, "{query}");
    }
    let header = [("signature", right.as_str())];
    assert_eq!(verdict(&in_query, at_path("/hook", &header, BODY)), missing);
    let twice = Err(RejectionKind::ParameterDuplicated);
    assert_eq!(at(&format!("?signature={right}&signature={right}")), twice);
    assert_eq!(at(&format!("?signature={right}&%73ignature=")), twice);
    let malformed = Err(RejectionKind::ParameterMalformed);
    for value in [
        "",
        "a",
        &right[1..],
        &format!("{right}0"),
        &"a".repeat(5000),
    ] {
        assert_eq!(at(&format!("?signature={value}")), malformed, "{value}");
    }
    let other = sign("another body");
    let mismatch = Err(RejectionKind::SignatureMismatch);
    assert_eq!(at(&format!("?signature={other}")), mismatch);
}

#[test]
fn a_rejection_names_the_parameter_and_no_header() {
    let in_query = provider(SignatureScheme::hmac_sha256("signature").in_query());
    let layer = WebhookAuthLayer::new(in_query.clone());
    let text = |query: &str| {
        let request = at_path(&format!("/hook{query}"), &[], BODY);
        let rejection = judge::through(&layer, request).expect_err("a rejection");
        assert_eq!(rejection.header_name(), None);
        rejection.to_string()
    };
    assert_eq!(
        text(""),
        "query parameter is missing: expected the query parameter \"signature\" with a signature of 32 bytes in \
         hexadecimal digits, found none"
    );
    assert_eq!(
        text("?signature=abc"),
        "query parameter is malformed: expected the query parameter \"signature\" with a signature of 32 bytes in \
         hexadecimal digits, found 3 hexadecimal digits"
    );
    assert_eq!(
        text(&format!("?signature={}", sign("x"))),
        "no signature matches any configured key: tried \"default\""
    );
}

#[test]
fn a_way_with_its_signature_in_the_query_takes_part_in_any_of() {
    let header = SignatureScheme::hmac_sha256("x-signature").build();
    let query = SignatureScheme::hmac_sha256("signature").in_query().build();
    let scheme = Scheme::any_of([
        ("header", header.expect("a scheme")),
        ("query", query.expect("a scheme")),
    ]);
    let acme = Provider::new("acme", scheme.expect("ways"), secret(KEY)).expect("a provider");
    let right = sign(BODY);
    let way = |request| judge(&acme, request).map(|verified| verified.way().map(str::to_owned));
    let by_query = at_path(&format!("/?signature={right}"), &[], BODY);
    assert_eq!(way(by_query), Ok(Some("query".to_owned())));
    let by_header = at_path("/", &[("x-signature", &right)], BODY);
    assert_eq!(way(by_header), Ok(Some("header".to_owned())));
    let malformed = at_path("/?signature=1", &[], BODY);
    assert_eq!(way(malformed), Err(RejectionKind::ParameterMalformed));
}

// Parameters of the query as signed pieces.

/// The parts that Mercado Pago signs.
fn partial() -> SignatureScheme {
    SignatureScheme::hmac_sha256("x-signature")
        .timestamp(Timestamp::header("x-time"))
        .signed([
            Piece::optional([
                Piece::literal("id:"),
                Piece::Query(QueryParameter::new("id").lower_case()),
                Piece::literal(";"),
            ]),
            Piece::literal("ts:"),
            Piece::Timestamp,
            Piece::literal(";"),
        ])
        .accept_unsigned_body()
}

#[test]
fn an_optional_piece_is_left_out_if_its_header_is_absent() {
    let scheme = SignatureScheme::hmac_sha256("x-signature").accept_movable_body_boundary();
    let acme = provider(scheme.signed([
        Piece::optional([
            Piece::literal("request-id:"),
            Piece::header("x-request-id"),
            Piece::literal(";"),
        ]),
        Piece::literal("body:"),
        Piece::Body,
    ]));
    let request = |id: Option<&str>, signed: &str| {
        let signature = sign(signed);
        let mut headers = vec![("x-signature", &*signature)];
        headers.extend(id.map(|id| ("x-request-id", id)));
        at_path("/", &headers, BODY)
    };
    let with = format!("request-id:r1;body:{BODY}");
    let without = format!("body:{BODY}");
    assert_eq!(verdict(&acme, request(Some("r1"), &with)), Ok(()));
    assert_eq!(verdict(&acme, request(None, &without)), Ok(()));
    let mismatch = Err(RejectionKind::SignatureMismatch);
    assert_eq!(verdict(&acme, request(None, &with)), mismatch);
    assert_eq!(verdict(&acme, request(Some("r1"), &without)), mismatch);
}

#[test]
fn a_scheme_without_the_body_does_not_call_it_signed() {
    let acme = provider(partial());
    let now = NOW.to_string();
    let request = |path: &str, signed: &str, body: &str| {
        let signature = sign(signed);
        at_path(path, &[("x-signature", &signature), ("x-time", &now)], body)
    };
    let signed = format!("id:a1;ts:{NOW};");
    for body in [BODY, "another body"] {
        let verified = judge(&acme, request("/?id=A1", &signed, body)).expect("verified");
        assert_eq!(verified.authentication(), Authentication::PartialSignature);
        assert!(!verified.body_is_signed());
        // The body of a repeated delivery may be another one, so there is no identity.
        assert_eq!(verified.identity(), None);
        assert_eq!(verified.signed_at(), Some(at(NOW)));
    }
    let without = format!("ts:{NOW};");
    assert!(judge(&acme, request("/", &without, BODY)).is_ok());
    let mismatch = Err(RejectionKind::SignatureMismatch);
    // A part that is signed cannot be left out, and one that is not signed cannot be added.
    assert_eq!(verdict(&acme, request("/", &signed, BODY)), mismatch);
    assert_eq!(verdict(&acme, request("/?id=a1", &without, BODY)), mismatch);
    let twice = Err(RejectionKind::ParameterDuplicated);
    assert_eq!(
        verdict(&acme, request("/?id=a1&id=a1", &signed, BODY)),
        twice
    );
    // `a1;ts:1` would end the part early.
    let split = format!("id:a1;ts:1;ts:{NOW};");
    let malformed = Err(RejectionKind::ParameterMalformed);
    assert_eq!(
        verdict(&acme, request("/?id=a1%3Bts:1", &split, BODY)),
        malformed
    );
}

#[test]
fn a_signed_parameter_is_decoded_and_required() {
    let acme = provider(SignatureScheme::hmac_sha256("x-signature").signed([
        Piece::query("team"),
        Piece::literal("\n"),
        Piece::Body,
    ]));
    let signature = sign(format!("a b/\u{e9}\n{BODY}"));
    let at = |path: &str| verdict(&acme, at_path(path, &[("x-signature", &signature)], BODY));
    assert_eq!(at("/?team=a+b%2F%C3%A9"), Ok(()));
    assert_eq!(at("/?team=a%20b/%c3%a9"), Ok(()));
    assert_eq!(
        at("/?Team=a+b%2F%C3%A9"),
        Err(RejectionKind::ParameterMissing)
    );
    assert_eq!(
        at("/?team=a+b%2F%C3%A9%0A"),
        Err(RejectionKind::ParameterMalformed)
    );
}

#[test]
fn a_parameter_of_four_kibibytes_is_read_and_a_longer_one_is_rejected() {
    let acme = provider(SignatureScheme::hmac_sha256("x-signature").signed([
        Piece::query("team"),
        Piece::literal("\n"),
        Piece::Body,
    ]));
    let at = |length: usize| {
        let team = "a".repeat(length);
        let signature = sign(format!("{team}\n{BODY}"));
        let headers = [("x-signature", signature.as_str())];
        verdict(&acme, at_path(&format!("/?team={team}"), &headers, BODY))
    };
    assert_eq!(at(4096), Ok(()));
    for length in [4097, 4098, 8192] {
        let malformed = Err(RejectionKind::ParameterMalformed);
        assert_eq!(at(length), malformed, "{length}");
    }
}

#[test]
fn mercado_pago_has_its_time_in_either_unit() {
    let mercado_pago = provider::mercado_pago(secret(KEY));
    for (time, way) in [
        (NOW.to_string(), Some("seconds")),
        (format!("{NOW}123"), Some("milliseconds")),
        ((NOW - 301).to_string(), None),
        (format!("{}000", NOW - 301), None),
    ] {
        let signature = sign(format!("id:7;request-id:r-1;ts:{time};"));
        let value = format!("ts={time},v1={signature}");
        let headers = [("x-signature", value.as_str()), ("x-request-id", "r-1")];
        let verified = judge(&mercado_pago, at_path("/?data.id=7", &headers, BODY));
        let found = verified.map(|verified| verified.way().map(str::to_owned));
        match way {
            Some(way) => assert_eq!(found, Ok(Some(way.to_owned())), "{time}"),
            // The rejection is that of the first way, in seconds.
            None if time.len() == 10 => {
                assert_eq!(found, Err(RejectionKind::TimestampTooOld), "{time}");
            }
            None => assert_eq!(found, Err(RejectionKind::TimestampInFuture), "{time}"),
        }
    }
}

// Lists of signed headers.

/// A list that must contain itself and this header, and the body.
fn list_with(header: &'static str) -> SignatureScheme {
    SignatureScheme::hmac_sha256("x-signature").signed([
        Piece::SignedHeaders(
            SignedHeaders::in_header("x-list", ',')
                .with_names(";")
                .must_contain(["x-list", header]),
        ),
        Piece::literal("\n"),
        Piece::Body,
    ])
}

/// What Contentful sends.
fn listed() -> SignatureScheme {
    list_with("x-time").timestamp(Timestamp::header("x-time"))
}

/// The values are signed without the blanks around them, so a client that has seen a delivery can add some.
#[test]
fn blanks_around_a_signed_id_do_not_make_another_delivery() {
    let acme =
        provider(list_with("x-id")).delivery_id_header(http::HeaderName::from_static("x-id"));
    let signature = sign(format!("x-list:x-list,x-id;x-id:1\n{BODY}"));
    let identity = |id: &str| {
        let headers = [
            ("x-signature", &*signature),
            ("x-list", "x-list,x-id"),
            ("x-id", id),
        ];
        let verified = judge(&acme, post(&headers, BODY)).expect("verified");
        assert_eq!(verified.delivery_id(), Some(Claim::Signed("1")), "{id:?}");
        verified.identity()
    };
    let genuine = identity("1");
    for copy in ["1 ", " 1", "\t1 \t"] {
        assert_eq!(identity(copy), genuine, "{copy:?}");
    }
}

#[test]
fn a_list_of_headers_must_contain_what_the_receiver_asks_for() {
    let acme = provider(listed());
    let request = |list: &str, signed: &str, more: &[(&str, &str)]| {
        let signature = sign(signed);
        let now = NOW.to_string();
        let mut headers = vec![
            ("x-signature", signature.as_str()),
            ("x-list", list),
            ("x-time", &now),
        ];
        headers.extend(more);
        verdict(&acme, post(&headers, BODY))
    };
    let time = format!("x-time:{NOW}");
    let good = format!("x-list:x-list,x-time;{time}\n{BODY}");
    assert_eq!(request("x-list,x-time", &good, &[]), Ok(()));
    let blanks = format!("{time};x-list:x-time, x-list\n{BODY}");
    assert_eq!(request("x-time, x-list", &blanks, &[]), Ok(()));
    let more = format!("x-a:1;2;x-list:x-a,x-list,x-time;{time}\n{BODY}");
    assert_eq!(
        request("x-a,x-list,x-time", &more, &[("x-a", "1;2")]),
        Ok(())
    );
    let malformed = Err(RejectionKind::HeaderMalformed);
    for (list, signed) in [
        ("x-list", format!("x-list:x-list\n{BODY}")),
        ("x-time", format!("{time}\n{BODY}")),
        ("", format!("\n{BODY}")),
        (
            "x-list,x-time,x-time",
            format!("x-list:x-list,x-time,x-time;{time};{time}\n{BODY}"),
        ),
        (
            "x-list,x-time,X-TIME",
            format!("x-list:x-list,x-time,X-TIME;{time};{time}\n{BODY}"),
        ),
        ("x-list,,x-time", good.clone()),
    ] {
        assert_eq!(request(list, &signed, &[]), malformed, "{list}");
    }
    let missing = Err(RejectionKind::HeaderMissing);
    assert_eq!(request("x-list,x-time,x-b", &good, &[]), missing);
    let twice = Err(RejectionKind::HeaderDuplicated);
    let more = [("x-b", "1"), ("x-b", "1")];
    assert_eq!(request("x-list,x-time,x-b", &good, &more), twice);
    let names: Vec<String> = (0..15).map(|index| format!("x-{index}")).collect();
    let long = format!("x-list,x-time,{}", names.join(","));
    assert_eq!(request(&long, &good, &[]), malformed);
}

/// A value that contains another reading of the list is rejected, so that an old signature gets no new time.
#[test]
fn the_text_of_a_listed_header_cannot_become_the_timestamp() {
    let acme = provider(listed());
    let old = NOW - 1000;
    // The sender signed the header `x-a`, whose text a client chose, and the time `old`.
    let list = "x-list,x-a,x-time";
    let text = format!("x-list:{list};x-a:1;x-time:{NOW};x-time:{old}\n{BODY}");
    let signature = sign(&text);
    let request = |a: &str, time: String| {
        let headers = [
            ("x-signature", signature.as_str()),
            ("x-list", list),
            ("x-a", a),
            ("x-time", time.as_str()),
        ];
        verdict(&acme, post(&headers, BODY))
    };
    assert_eq!(
        request(&format!("1;x-time:{NOW}"), old.to_string()),
        Err(RejectionKind::TimestampTooOld)
    );
    assert_eq!(
        request("1", format!("{NOW};x-time:{old}")),
        Err(RejectionKind::HeaderMalformed)
    );
    // The same, with a genuine time: the receiver cannot know which reading the sender meant.
    let text = format!("x-list:{list};x-a:1;x-time:{old};x-time:{NOW}\n{BODY}");
    let signature = sign(&text);
    let value = format!("1;x-time:{old}");
    let now = NOW.to_string();
    let headers = [
        ("x-signature", signature.as_str()),
        ("x-list", list),
        ("x-a", value.as_str()),
        ("x-time", now.as_str()),
    ];
    assert_eq!(
        verdict(&acme, post(&headers, BODY)),
        Err(RejectionKind::HeaderMalformed)
    );
}

#[test]
fn a_list_of_names_proves_the_headers_that_it_must_contain() {
    let acme = provider(listed());
    let acme = acme.delivery_id_header(http::HeaderName::from_static("x-time"));
    let list = "x-list,x-time";
    let signature = sign(format!("x-list:{list};x-time:{NOW}\n{BODY}"));
    let now = NOW.to_string();
    let headers = [
        ("x-signature", signature.as_str()),
        ("x-list", list),
        ("x-time", now.as_str()),
    ];
    let verified = judge(&acme, post(&headers, BODY)).expect("verified");
    assert!(verified.body_is_signed());
    assert_eq!(verified.signed_at(), Some(at(NOW)));
    assert_eq!(verified.delivery_id(), Some(Claim::Signed(now.as_str())));
}

/// A nonce, and a list of headers, both in tags of the signature header.
fn listed_in_a_tag() -> SignatureScheme {
    SignatureScheme::hmac_sha256("x-signature")
        .item_separator(',')
        .tags('=', ["v1"])
        .signed([
            Piece::tag("n"),
            Piece::literal("."),
            Piece::SignedHeaders(
                SignedHeaders::in_tag("h", ' ')
                    .values(";")
                    .must_contain(["x-a", "x-b"]),
            ),
            Piece::literal("\n"),
            Piece::Body,
        ])
}

#[test]
fn a_list_of_headers_may_be_a_tag_that_is_no_other_piece() {
    let acme = provider(listed_in_a_tag());
    let headers = |value: &str| {
        let headers = [("x-signature", value), ("x-a", "1"), ("x-b", "2")];
        verdict(&acme, post(&headers, BODY))
    };
    let right = sign(format!("n-1.1;2\n{BODY}"));
    assert_eq!(headers(&format!("n=n-1,h=x-a x-b,v1={right}")), Ok(()));
    let turned = sign(format!("n-1.2;1\n{BODY}"));
    assert_eq!(headers(&format!("h=x-b x-a,n=n-1,v1={turned}")), Ok(()));
    let malformed = Err(RejectionKind::HeaderMalformed);
    for value in [
        format!("n=n-1,v1={right}"),
        format!("h=x-a x-b,v1={right}"),
        format!("n=n-1,h=x-a,v1={}", sign(format!("n-1.1\n{BODY}"))),
    ] {
        assert_eq!(headers(&value), malformed, "{value}");
    }
    let twice = format!("n=n-1,h=x-a x-b,h=x-a x-b,v1={right}");
    assert_eq!(headers(&twice), Err(RejectionKind::HeaderDuplicated));
}

#[test]
fn the_signer_writes_the_list_of_headers_into_its_own_tag() {
    let acme = provider(listed_in_a_tag());
    let signer = Signer::new(&acme, &secret(KEY)).expect("a signer");
    let request = Request::post("/")
        .header("x-a", "1")
        .header("x-b", "2")
        .body(Bytes::from(BODY));
    let request = request.expect("a request");
    let signed = signer.with_id("n-1").try_sign(request).expect("signed");
    let right = sign(format!("n-1.1;2\n{BODY}"));
    assert_eq!(
        signed.headers()["x-signature"],
        format!("n=n-1,h=x-a x-b,v1={right}")
    );
    assert_eq!(verdict(&acme, signed.map(Full::new)), Ok(()));
}

#[test]
fn hook0_signs_values_without_marking_where_the_body_begins() {
    let hook0 = provider::hook0_headers(secret("secret"));
    let signature = "t=1636936200,h=x-event-id x-event-type,\
                     v1=bc521546ba5de381b12f135782d2008b028c3065c191760b12b76850a8fc8f51";
    let id = "1a01cb48-5142-4d9b-8f90-d20cca61f0ee";
    let layer = WebhookAuthLayer::new(hook0).clock(|| at(1_636_936_200));
    let through = |kind: &str, body: &str| {
        let headers = [
            ("x-hook0-signature", signature),
            ("x-event-id", id),
            ("x-event-type", kind),
        ];
        judge::through(&layer, post(&headers, body.to_owned()))
    };
    let verified = through("service.resource.verb", "hello !").expect("the vector of Hook0");
    assert!(!verified.body_is_signed());
    assert_eq!(
        verified.event_name(),
        Some(Claim::Unsigned("service.resource.verb"))
    );
    // The reason why the body is not called signed.
    assert!(through("service.resource", "verb.hello !").is_ok());
}

// Sorted forms.

fn form_of(url: SignedUrl) -> SignatureScheme {
    SignatureScheme::hmac_sha256("x-signature")
        .signed([
            Piece::Url,
            Piece::SortedForm(SortedForm::new().without_duplicates()),
        ])
        .url(url)
}

#[test]
fn a_form_is_signed_in_the_order_of_its_names_and_values() {
    let acme = provider(form_of(exact("https://a.example/b")));
    let signature = sign("https://a.example/bA1B2b1b2");
    let at = |body: &str| {
        verdict(
            &acme,
            post(&[("x-signature", &signature), FORM], body.to_owned()),
        )
    };
    for body in [
        "A=1&B=2&b=1&b=2",
        "b=2&b=1&B=2&A=1",
        "b=2&b=2&b=1&B=2&A=1",
        "&&%62=2&b=%31&B=2&A=1&",
        // Nothing separates a name from its value.
        "A1=B2&b1=b2",
    ] {
        assert_eq!(at(body), Ok(()), "{body}");
    }
    let mismatch = Err(RejectionKind::SignatureMismatch);
    for body in ["A=1&B=2&b=1", "A=1&B=2&b=1&b=2&c=", "a=1&B=2&b=1&b=2", ""] {
        assert_eq!(at(body), mismatch, "{body}");
    }
}

#[test]
fn a_form_that_is_not_read_in_one_way_is_rejected() {
    let acme = provider(form_of(exact("https://a.example/b")));
    let malformed = Err(RejectionKind::BodyMalformed);
    let at = |body: String| {
        let signature = sign("https://a.example/b");
        verdict(&acme, post(&[("x-signature", &signature), FORM], body))
    };
    assert_eq!(at(String::new()), Ok(()));
    assert_eq!(at("a=%ff".to_owned()), malformed);
    assert_eq!(at("%80=1".to_owned()), malformed);
    let fields = |count: usize| "a=1&".repeat(count);
    assert_eq!(at(fields(1000)), Err(RejectionKind::SignatureMismatch));
    assert_eq!(at(fields(1001)), malformed);
}

#[test]
fn the_rejection_of_a_form_says_what_was_expected_and_found() {
    let layer = WebhookAuthLayer::new(provider(form_of(exact("https://a.example/b"))));
    let text = |content_type: &str, body: String| {
        let signature = sign("https://a.example/b");
        let headers = [("x-signature", &*signature), ("content-type", content_type)];
        let rejection = judge::through(&layer, post(&headers, body));
        rejection.expect_err("a rejection").to_string()
    };
    let form = "application/x-www-form-urlencoded";
    let expected =
        "expected a form: `application/x-www-form-urlencoded`, UTF-8, at most 1000 fields";
    assert_eq!(
        text("application/json", "{}".to_owned()),
        format!("header is malformed: content-type: {expected}, found another type")
    );
    for (body, found) in [
        ("a=1&".repeat(1001), "too many"),
        ("a=%ff".to_owned(), "a text that is not UTF-8"),
    ] {
        let text = text(form, body);
        assert!(
            text.ends_with(&format!("{expected}, found {found}")),
            "{text}"
        );
    }
}

#[test]
fn a_signature_in_the_query_may_cover_the_time_in_a_header_and_the_configured_url() {
    let scheme = SignatureScheme::hmac_sha256("s")
        .in_query()
        .timestamp(Timestamp::header("x-time"))
        .signed([
            Piece::Timestamp,
            Piece::literal("."),
            Piece::Url,
            Piece::literal("\n"),
            Piece::Body,
        ])
        .url(exact("https://a.example/b"));
    let acme = provider(scheme);
    let signature = sign(format!("{NOW}.https://a.example/b\n{BODY}"));
    let time = NOW.to_string();
    let request = |time: &str| {
        let headers = [("x-time", time)];
        at_path(&format!("/b?s={signature}"), &headers, BODY)
    };
    assert_eq!(verdict(&acme, request(&time)), Ok(()));
    let later = (NOW + 1).to_string();
    let mismatch = Err(RejectionKind::SignatureMismatch);
    assert_eq!(verdict(&acme, request(&later)), mismatch);
}

#[test]
fn the_content_type_of_a_form_is_checked_if_it_is_there() {
    let acme = provider(form_of(exact("https://a.example/b")));
    let signature = sign("https://a.example/ba1");
    let at = |headers: &[(&str, &str)]| {
        let signature = [("x-signature", signature.as_str())];
        verdict(&acme, post(&[&signature, headers].concat(), "a=1"))
    };
    assert_eq!(at(&[]), Ok(()));
    assert_eq!(at(&[FORM]), Ok(()));
    let with_charset = "Application/X-WWW-Form-Urlencoded ; charset=utf-8";
    assert_eq!(at(&[("content-type", with_charset)]), Ok(()));
    let malformed = Err(RejectionKind::HeaderMalformed);
    assert_eq!(at(&[("content-type", "application/json")]), malformed);
    assert_eq!(at(&[("content-type", "")]), malformed);
    assert_eq!(at(&[FORM, FORM]), Err(RejectionKind::HeaderDuplicated));
}

#[test]
fn the_pairs_that_were_signed_are_handed_on() {
    let url = exact("https://a.example/b");
    let acme = provider(form_of(url)).parse::<SignedForm>();
    let signature = sign("https://a.example/ba1ba2");
    let headers = [("x-signature", signature.as_str()), FORM];
    let verified: Verified<SignedForm> =
        judge(&acme, post(&headers, "ba=2&a=1&a=1")).expect("verified");
    assert_eq!(verified.authentication(), Authentication::PartialSignature);
    assert!(!verified.body_is_signed());
    assert_eq!(verified.get("a"), Some("1"));
    let fields: Vec<_> = verified.iter().collect();
    assert_eq!(fields, [("a", "1"), ("ba", "2")]);
    assert!(SignedForm::from_body(b"a=%ff").is_err());
}

const TWILIO_URL: &str = "https://mycompany.com/myapp.php?foo=1&bar=2";
const TWILIO_JSON: &str = r#"{"property": "value", "boolean": true}"#;
/// The SHA-256 of [`TWILIO_JSON`].
const TWILIO_HASH: &str = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620";
/// Twilio's signature of [`TWILIO_JSON`], from the tests of its package for Python.
const TWILIO_SIGNATURE: &str = "a9nBmqA0ju/hNViExpshrM61xv4=";

fn twilio() -> Provider<Bytes> {
    provider::twilio(secret("12345"), exact(TWILIO_URL)).expect("an exact URL")
}

/// In both cases the signed bytes are the URL and a text.
#[test]
fn twilios_signature_of_json_does_not_verify_a_form() {
    for body in [
        format!("%26bodySHA256%3D{TWILIO_HASH}"),
        format!("%26bodySHA256%3D={TWILIO_HASH}"),
        format!("%26=bodySHA256%3D{TWILIO_HASH}"),
    ] {
        let signature = ("x-twilio-signature", TWILIO_SIGNATURE);
        for headers in [&[signature][..], &[signature, FORM]] {
            let request = post(headers, body.clone());
            assert!(judge(&twilio(), request).is_err(), "{body}");
        }
    }
    // A URL without a query gets a `?`, and such a form is rejected too.
    let url = "https://mycompany.com/a";
    let plain = provider::twilio(secret("12345"), exact(url)).expect("an exact URL");
    let signed = format!("{url}?bodySHA256={TWILIO_HASH}");
    let signature = base64(&hmac(Sha1, b"12345", signed.as_bytes()));
    let headers = [("x-twilio-signature", signature.as_str())];
    assert!(judge(&plain, post(&headers, TWILIO_JSON)).is_ok());
    let form = format!("?bodySHA256={TWILIO_HASH}");
    assert!(judge(&plain, post(&headers, form)).is_err());
}

/// With a path from the request, the text of a form could become the query of a JSON delivery.
#[test]
fn twilios_preset_needs_the_exact_url() {
    let origin = SignedUrl::origin("https://mycompany.com").expect("an origin");
    for error in [
        provider::twilio(secret("12345"), origin.clone()).unwrap_err(),
        provider::mandrill(secret("12345"), origin.clone()).unwrap_err(),
    ] {
        let error = error.to_string();
        assert!(
            error.contains("use `SignedUrl::exact` for a URL"),
            "{error}"
        );
    }
    let error = provider::plivo(secret("12345"), origin).unwrap_err();
    let error = error.to_string();
    assert!(error.contains("use `SignedUrl::exact`"), "{error}");
    // The text that such an attack needs: a form with this field, and its signature.
    let evil = r#"{"evil": true}"#;
    let hash = hex(&Sha256.digest(evil.as_bytes()));
    let signed = format!("{TWILIO_URL}&bodySHA256={hash}");
    let signature = base64(&hmac(Sha1, b"12345", signed.as_bytes()));
    let headers = [("x-twilio-signature", signature.as_str())];
    // The signature is that of Twilio for this body at the configured URL, so it is accepted there …
    assert!(judge(&twilio(), post(&headers, evil)).is_ok());
    // … and a query of the request changes nothing.
    let longer = format!("{signed}x");
    let signature = base64(&hmac(Sha1, b"12345", longer.as_bytes()));
    let request = at_path(
        &format!("/myapp.php?foo=1&bar=2&bodySHA256={hash}x"),
        &[("x-twilio-signature", &signature)],
        evil,
    );
    assert!(judge(&twilio(), request).is_err());
}

#[test]
fn the_content_type_selects_twilios_way() {
    let json = ("content-type", "application/json");
    let of_json = ("x-twilio-signature", TWILIO_SIGNATURE);
    // `test_compute_signature` of Twilio's package for Python.
    let of_form = ("x-twilio-signature", "RSOYDt4T1cUTdK1PDd93/VVr8B8=");
    let form = "CallSid=CA1234567890ABCDE&Digits=1234&From=%2B14158675309&To=%2B18005551212\
                &Caller=%2B14158675309";
    let way = |headers: &[(&str, &str)], body: &'static str| {
        let verified = judge(&twilio(), post(headers, body)).ok()?;
        Some((
            verified.way().map(str::to_owned),
            verified.body_is_signed(),
            verified.authentication(),
        ))
    };
    let signed = Authentication::Signature;
    let partial = Authentication::PartialSignature;
    let body = Some((Some("body".to_owned()), true, signed));
    assert_eq!(way(&[of_json], TWILIO_JSON), body);
    assert_eq!(way(&[of_json, json], TWILIO_JSON), body);
    assert_eq!(way(&[of_json, FORM], TWILIO_JSON), None);
    assert_eq!(way(&[of_json, json], "{}"), None);
    let as_form = Some((Some("form".to_owned()), false, partial));
    assert_eq!(way(&[of_form], form), as_form);
    assert_eq!(way(&[of_form, FORM], form), as_form);
    assert_eq!(way(&[of_form, json], form), None);
}

/// Twilio's library tries the URL with and without a port, and SHA-256 for a shared key.
#[test]
fn twilios_url_may_have_its_port_and_its_hash_may_be_sha_256() {
    let accepts = |configured: &str, signed: &str, hash, body: &str, headers: &[(&str, &str)]| {
        let twilio = provider::twilio(secret("12345"), exact(configured)).expect("an exact URL");
        let signature = base64(&hmac(hash, b"12345", signed.as_bytes()));
        let signature = [("x-twilio-signature", signature.as_str())];
        judge(
            &twilio,
            post(&[&signature, headers].concat(), body.to_owned()),
        )
        .is_ok()
    };
    let json = ("content-type", "application/json");
    let hash = hex(&Sha256.digest(b"{}"));
    for (configured, other, accepted) in [
        ("https://a.example/b", "https://a.example:443/b", true),
        ("https://a.example:443/b", "https://a.example/b", true),
        ("http://a.example/b", "http://a.example:80/b", true),
        ("https://u:p@a.example", "https://u:p@a.example:443", true),
        ("https://[::1]/b", "https://[::1]:443/b", true),
        ("https://a.example/b", "https://a.example:444/b", false),
        ("https://a.example/b", "http://a.example/b", false),
        ("https://a.example/b", "https://a.example/b/", false),
    ] {
        for mac in [Sha1, Sha256] {
            let form = format!("{other}a1");
            let found = accepts(configured, &form, mac, "a=1", &[FORM]);
            assert_eq!(found, accepted, "{configured} {other}");
            let body = format!("{other}?bodySHA256={hash}");
            let found = accepts(configured, &body, mac, "{}", &[json]);
            assert_eq!(found, accepted, "{configured} {other}");
        }
        let sha384 = format!("{configured}a1");
        assert!(!accepts(configured, &sha384, Sha384, "a=1", &[FORM]));
    }
}

/// `test_compute_signature_duplicate_query_dict` of Twilio's package for Python.
#[test]
fn twilios_field_with_two_values_is_accepted_in_both_orders() {
    let verdict = |body: &'static str| {
        let signature = [("x-twilio-signature", "IK+Dwps556ElfBT0I3Rgjkr1wJU=")];
        judge(&twilio(), post(&signature, body)).is_ok()
    };
    assert!(verdict(
        "Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234"
    ));
    assert!(verdict(
        "Digits=1234&Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234"
    ));
    assert!(!verdict("Sid=CA123&SidAccount=AC123&Digits=5678"));
}

// HMAC-SHA384, WebSub.

#[test]
fn websub_accepts_the_hashes_from_sha_256_up() {
    let websub = provider::websub(secret(KEY));
    for (hash, name, accepted) in [
        (Sha1, "sha1", false),
        (Sha256, "sha256", true),
        (Sha384, "sha384", true),
        (reference::Hash::Sha512, "sha512", true),
    ] {
        let signature = hex(&hmac(hash, KEY.as_bytes(), BODY.as_bytes()));
        let value = format!("{name}={signature}");
        let request = post(&[("x-hub-signature", &value)], BODY);
        assert_eq!(judge(&websub, request).is_ok(), accepted, "{name}");
        // The tag of one hash does not select another.
        let value = format!("sha256={signature}");
        let request = post(&[("x-hub-signature", &value)], BODY);
        assert_eq!(judge(&websub, request).is_ok(), name == "sha256", "{name}");
    }
}

#[test]
fn sha_384_is_compared_in_full() {
    let acme = provider(SignatureScheme::hmac_sha384("x-signature").encoding(Encoding::Base64));
    let mac = hmac(Sha384, KEY.as_bytes(), BODY.as_bytes());
    let at = |mac: &[u8]| verdict(&acme, post(&[("x-signature", &base64(mac))], BODY));
    assert_eq!(at(&mac), Ok(()));
    for place in 0..mac.len() {
        let mut other = mac.clone();
        other[place] ^= 1;
        assert_eq!(at(&other), Err(RejectionKind::SignatureMismatch), "{place}");
    }
    for length in [20, 32, 47, 49, 64] {
        let mut other = mac.clone();
        other.resize(length, 0);
        assert_eq!(at(&other), Err(RejectionKind::HeaderMalformed), "{length}");
    }
}

/// Only round trips: our signer signs.
#[test]
fn the_signer_signs_each_of_these_forms() {
    let schemes = [
        SignatureScheme::hmac_sha256("signature").in_query(),
        SignatureScheme::hmac_sha256("signature")
            .in_query()
            .encoding(Encoding::Base64),
        partial(),
        listed(),
        form_of(exact("https://a.example/b")),
        SignatureScheme::hmac_sha384("x-signature"),
    ];
    for scheme in schemes {
        let text = format!("{scheme:?}");
        let provider = provider(scheme);
        let signer = Signer::new(&provider, &secret(KEY)).expect("a signer");
        let request =
            Request::post("https://a.example/b?a=1&signature=old&id=7").body("a=1".into());
        let signed = signer.at(at(NOW)).try_sign(request.expect("a request"));
        let signed = signed.unwrap_or_else(|error| panic!("{text}: {error}"));
        let verdict = judge(&provider, signed.map(Full::new));
        assert!(verdict.is_ok(), "{text}: {:?}", verdict.err());
    }
}

#[test]
fn the_signer_adds_the_signature_to_the_query_and_keeps_the_other_parameters() {
    let scheme = SignatureScheme::hmac_sha256("sig na").in_query();
    let base64url = provider(scheme.encoding(Encoding::Base64Url));
    let scheme = SignatureScheme::hmac_sha256("sig").in_query();
    let in_base64 = provider(scheme.encoding(Encoding::Base64));
    let mac = hmac(Sha256, KEY.as_bytes(), BODY.as_bytes());
    let standard = base64(&mac).replace('+', "%2B").replace('/', "%2F");
    let standard = standard.replace('=', "%3D");
    let url_safe = base64(&mac).replace('+', "-").replace('/', "_");
    let url_safe = format!("sig%20na={}", url_safe.trim_end_matches('='));
    for (acme, from, to) in [
        (&in_base64, "/b", format!("/b?sig={standard}")),
        (&in_base64, "/b?", format!("/b?sig={standard}")),
        (
            &in_base64,
            "https://a.example/b?a=1&&sig=old&id=%20&s%69g=x&signature=y",
            format!("https://a.example/b?a=1&id=%20&signature=y&sig={standard}"),
        ),
        (&base64url, "/?sig+na=old&sig", format!("/?sig&{url_safe}")),
    ] {
        let signer = Signer::new(acme, &secret(KEY)).expect("a signer");
        let request = Request::post(from).body(Bytes::from(BODY));
        let signed = signer.try_sign(request.expect("a request"));
        let signed = signed.expect("signed");
        assert_eq!(signed.uri().to_string(), to);
        assert_eq!(verdict(acme, signed.map(Full::new)), Ok(()), "{from}");
    }
    // `OPTIONS *` has no path.
    let signer = Signer::new(&in_base64, &secret(KEY)).expect("a signer");
    let request = Request::options("*").body(Bytes::from(BODY));
    let error = signer.try_sign(request.expect("a request"));
    let error = error.expect_err("no path").to_string();
    assert!(
        error.starts_with("the request cannot be signed: its URL"),
        "{error}"
    );
}

#[test]
fn the_ways_show_these_forms() {
    let way = |scheme: SignatureScheme| scheme.build().expect("a scheme").ways().remove(0);
    let in_query = way(SignatureScheme::hmac_sha256("signature").in_query());
    assert!(in_query.headers.is_empty());
    let fields = &in_query.fields[..];
    let expected = Field::Query("signature".into());
    assert_eq!(fields, [(HeaderRole::Signature, expected)]);
    assert_eq!(
        way(partial()).signed,
        "[id:{id, in lower case};]ts:{timestamp};"
    );
    assert!(!way(partial()).body_is_covered);
    let signed = |name: &str| (HeaderRole::Signed, Field::Query(name.into()));
    assert_eq!(way(partial()).fields, [signed("id")]);
    let query = SignatureScheme::hmac_sha256("x-signature").signed([
        Piece::query("team"),
        Piece::literal("\n"),
        Piece::Body,
    ]);
    let query = way(query);
    assert_eq!(query.signed, "{team}\\n{body}");
    assert_eq!(query.fields, [signed("team")]);
    assert_eq!(
        way(listed()).signed,
        "{name:value of each listed header, joined by \";\"}\\n{body}"
    );
    // The list and the time have roles of their own. The other required headers are signed values.
    let listed = |names: &[&'static str]| {
        let list = SignedHeaders::in_header("x-list", ',').with_names(";");
        let list = list.must_contain(names.iter().copied());
        let scheme = listed().signed([
            Piece::SignedHeaders(list),
            Piece::literal("\n"),
            Piece::Body,
        ]);
        let headers = way(scheme).headers.into_iter();
        let headers: Vec<_> = headers
            .map(|(role, name)| (role, name.to_string()))
            .collect();
        headers
    };
    let header = |role, name: &str| (role, name.to_owned());
    let first = [
        header(HeaderRole::Signature, "x-signature"),
        header(HeaderRole::Timestamp, "x-time"),
        header(HeaderRole::List, "x-list"),
    ];
    assert_eq!(listed(&["x-list", "x-time"]), first);
    let value = [header(HeaderRole::Signed, "x-a")];
    assert_eq!(
        listed(&["x-list", "x-a", "x-time"]),
        [&first[..], &value].concat()
    );
    let form = way(form_of(exact("https://a.example/b")));
    assert_eq!(form.signed, "{url}{sorted form}");
    assert!(!form.body_is_covered);
}

#[test]
fn a_scheme_that_cannot_be_right_is_an_error_that_says_why() {
    let plain = || SignatureScheme::hmac_sha256("x-signature");
    let origin = || SignedUrl::origin("https://example.com").expect("a URL");
    let form = || Piece::SortedForm(SortedForm::new());
    let list = |headers: SignedHeaders| {
        plain().signed([
            Piece::SignedHeaders(headers),
            Piece::literal("\n"),
            Piece::Body,
        ])
    };
    let headers = || SignedHeaders::in_header("x-list", ',');
    let sixteen = (0..16).map(|index| format!("x-{index}"));
    let sixteen = list(headers().values(".").must_contain(sixteen));
    assert!(sixteen.accept_movable_body_boundary().build().is_ok());
    for (scheme, expected) in [
        (
            plain().signed([Piece::query("a")]),
            "do not include the body",
        ),
        (
            plain().accept_unsigned_body(),
            "`accept_unsigned_body` was called",
        ),
        (
            plain().signed([Piece::Url, form()]).url(origin()),
            "nothing marks where the sorted form begins",
        ),
        (
            plain()
                .signed([Piece::Url, form()])
                .url(origin())
                .accept_movable_body_boundary(),
            "nothing marks where the sorted form begins",
        ),
        (
            plain().signed([form(), Piece::header("x-nonce")]),
            "nothing marks where the sorted form begins",
        ),
        (
            plain().signed([form(), Piece::literal("."), Piece::Body]),
            "the body is signed twice",
        ),
        (
            plain().signed([Piece::query(""), Piece::literal("."), Piece::Body]),
            "the name of the query parameter",
        ),
        (
            plain().signed([Piece::query("a"), Piece::Body]),
            "nothing marks where the signed body begins",
        ),
        (
            plain().in_query().alias("x-other"),
            "the signature is in the query",
        ),
        (
            plain().in_query().repeatable_header(),
            "the signature is in the query",
        ),
        (
            plain()
                .in_query()
                .tags('=', ["v1"])
                .item_separator(',')
                .timestamp(Timestamp::tag("t")),
            "the signature is in the query",
        ),
        (
            plain()
                .in_query()
                .signed([Piece::PathAndQuery, Piece::literal("\n"), Piece::Body])
                .url(origin()),
            "the query is signed as it arrives",
        ),
        (
            plain().signed([
                Piece::optional([Piece::query("a"), Piece::literal(";")]),
                Piece::literal("\n"),
                Piece::Body,
            ]),
            "an optional piece must be",
        ),
        (
            plain().signed([
                Piece::optional([Piece::literal(";"), Piece::Id, Piece::literal(";")]),
                Piece::Body,
            ]),
            "an optional piece must be",
        ),
        (list(headers().values(".")), "call .must_contain(…)"),
        (
            list(headers().must_contain(["a"])),
            "call .values(…) or .with_names(…)",
        ),
        (
            list(headers().with_names("-").must_contain(["a"])),
            "cannot join names and values",
        ),
        (
            list(headers().values(".").must_contain(["a", "A"])),
            "must contain a twice",
        ),
        (
            list(
                headers()
                    .values(".")
                    .must_contain((0..17).map(|n| n.to_string())),
            ),
            "at most 16",
        ),
        (
            list(headers().values(".").must_contain(["x-time"]))
                .timestamp(Timestamp::header("x-time")),
            "the timestamp has a tolerance, but is not signed",
        ),
        (
            plain().signed([
                Piece::SignedHeaders(headers().values(".").must_contain(["a"])),
                Piece::literal("."),
                Piece::Body,
            ]),
            "nothing marks where the signed body begins",
        ),
        (
            plain().timestamp(Timestamp::in_body("/time")),
            "use `BodySignatureScheme`",
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

#[test]
fn a_list_of_headers_does_not_prove_the_time_of_a_tag() {
    let scheme = SignatureScheme::hmac_sha256("x-signature")
        .item_separator(' ')
        .tags('=', ["v1"])
        .timestamp(Timestamp::tag("t"))
        .signed([
            Piece::SignedHeaders(
                SignedHeaders::in_header("x-list", ',')
                    .with_names(";")
                    .must_contain(["x-list"]),
            ),
            Piece::literal("\n"),
            Piece::Timestamp,
            Piece::literal("\n"),
            Piece::Body,
        ]);
    let acme = provider(scheme);
    let signature = sign(format!("x-list:x-list\n{NOW}\n{BODY}"));
    let request = |time: u64| {
        let value = format!("t={time} v1={signature}");
        let headers = [("x-signature", value.as_str()), ("x-list", "x-list")];
        verdict(&acme, post(&headers, BODY))
    };
    assert_eq!(request(NOW), Ok(()));
    assert_eq!(request(NOW + 1), Err(RejectionKind::SignatureMismatch));
}

#[test]
fn a_url_without_a_path_cannot_have_a_signature_in_its_query() {
    let acme = provider(SignatureScheme::hmac_sha256("signature").in_query());
    let signer = Signer::new(&acme, &secret(KEY)).expect("a signer");
    let request = Request::post("a.example:443").body(Bytes::from(BODY));
    let error = signer.try_sign(request.expect("a request"));
    assert_eq!(
        error.expect_err("no path").to_string(),
        "the request cannot be signed: its URL has no path and cannot have a query"
    );
}
