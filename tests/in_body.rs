//! Keys and signatures inside the body: what is read, what is proven, and what is rejected.

#[path = "common/judge.rs"]
mod judge;
#[path = "common/reference.rs"]
mod reference;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tower_webhook_auth::{
    Authentication, BodyKeyScheme, BodyPiece, BodySignatureScheme, BodyValue, Claim, Encoding,
    FromBody, Keys, Provider, RejectionKind, Scheme, Secret, SharedKeyScheme, SignedForm,
    Timestamp, WebhookAuthLayer, provider, testing::Signer,
};

use self::{
    judge::{NOW, at, judge, post},
    reference::{
        Hash::{Sha1, Sha256},
        base64, hex, hmac,
    },
};

const KEY: &str = "wJ4mX9-a-key-in-the-body";
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

fn secret(text: &str) -> Secret {
    Secret::new(text).expect("a secret")
}

fn provider(scheme: Scheme) -> Provider<Bytes> {
    Provider::new("acme", scheme, secret(KEY)).expect("a provider")
}

fn keyed(scheme: BodyKeyScheme) -> Provider<Bytes> {
    provider(scheme.build().expect("a scheme"))
}

fn signed(scheme: BodySignatureScheme) -> Provider<Bytes> {
    provider(scheme.build().expect("a scheme"))
}

fn verdict(provider: &Provider<Bytes>, body: impl Into<String>) -> Result<(), RejectionKind> {
    judge(provider, post(&[], body.into())).map(drop)
}

fn sign(text: impl AsRef<str>) -> String {
    hex(&hmac(Sha256, KEY.as_bytes(), text.as_ref().as_bytes()))
}

// Keys.

#[test]
fn a_key_in_the_body_proves_the_caller_and_nothing_else() {
    let figma = keyed(BodyKeyScheme::json("/passcode"));
    for body in [
        format!(r#"{{"passcode":"{KEY}"}}"#),
        format!(r#" {{ "a" : [1, {{}}], "passcode" : "{KEY}", "b": null }} "#),
        // The text is decoded.
        format!(r#"{{"pass\u0063ode":"\u0077{}"}}"#, &KEY[1..]),
    ] {
        let verified = judge(&figma, post(&[], body)).expect("verified");
        assert_eq!(verified.authentication(), Authentication::BodyKey);
        assert!(!verified.body_is_signed());
        assert_eq!(verified.identity(), None);
    }
}

#[test]
fn a_body_without_one_key_is_rejected() {
    let figma = keyed(BodyKeyScheme::json("/hook/passcode"));
    let right = format!(r#""passcode":"{KEY}""#);
    let inside = |members: &str| format!(r#"{{"hook":{{{members}}}}}"#);
    assert_eq!(verdict(&figma, inside(&right)), Ok(()));
    let mismatch = Err(RejectionKind::KeyMismatch);
    for wrong in ["", "wJ4mX9", &format!("{KEY} "), &KEY.to_lowercase()] {
        let body = inside(&format!(r#""passcode":"{wrong}""#));
        assert_eq!(verdict(&figma, body), mismatch, "{wrong}");
    }
    let malformed = Err(RejectionKind::BodyMalformed);
    for body in [
        String::new(),
        "{".to_owned(),
        "[]".to_owned(),
        format!("{} x", inside(&right)),
        format!(r#"{{{right}}}"#),
        inside(""),
        inside(r#""passcode":null"#),
        inside(r#""passcode":1"#),
        inside(&format!(r#""passcode":["{KEY}"]"#)),
        inside(r#""passcode":"\ud83d""#),
        // A member twice, also with another spelling, and at each level.
        inside(&format!("{right},{right}")),
        inside(&format!(r#"{right},"pass\u0063ode":"x""#)),
        inside(&format!(r#"{right},"a":1,"a":1"#)),
        format!(r#"{{"hook":{{{right}}},"hook":{{}}}}"#),
        format!(r#"{{"hook":{{}},"hook":{{{right}}}}}"#),
    ] {
        assert_eq!(verdict(&figma, body.clone()), malformed, "{body}");
    }
    let bytes = [&b"{\"hook\":{\"a\":\"\xff\","[..], right.as_bytes(), b"}}"].concat();
    assert_eq!(judge(&figma, post(&[], bytes)).map(drop), malformed);
}

#[test]
fn an_object_or_list_on_the_way_has_at_most_1000_items() {
    let figma = keyed(BodyKeyScheme::json("/passcode"));
    let body = |count: usize| {
        let members: Vec<String> = (1..count).map(|n| format!(r#""m{n}":0"#)).collect();
        format!(r#"{{{},"passcode":"{KEY}"}}"#, members.join(","))
    };
    assert_eq!(verdict(&figma, body(1000)), Ok(()));
    let malformed = Err(RejectionKind::BodyMalformed);
    assert_eq!(verdict(&figma, body(1001)), malformed);
    let graph = keyed(BodyKeyScheme::json("/value/*/state"));
    let body = |count: usize| {
        let element = format!(r#"{{"state":"{KEY}"}}"#);
        format!(r#"{{"value":[{}]}}"#, vec![element; count].join(","))
    };
    assert_eq!(verdict(&graph, body(1000)), Ok(()));
    assert_eq!(verdict(&graph, body(1001)), malformed);
    // Depth costs no stack: what is not on the way is skipped.
    let deep = format!(
        r#"{{"a":{}{},"passcode":"{KEY}"}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    assert_eq!(verdict(&figma, deep), Ok(()));
}

#[test]
fn every_element_must_hold_the_same_key_and_there_must_be_one() {
    let graph = provider::microsoft_graph(secret(KEY));
    let body = |states: &[&str]| {
        let elements: Vec<String> = states.iter().map(|s| format!(r#"{{{s}}}"#)).collect();
        format!(r#"{{"value":[{}]}}"#, elements.join(","))
    };
    let right = format!(r#""clientState":"{KEY}""#);
    let other = r#""clientState":"another""#;
    assert_eq!(verdict(&graph, body(&[&right])), Ok(()));
    assert_eq!(verdict(&graph, body(&[&right, &right])), Ok(()));
    let mismatch = Err(RejectionKind::KeyMismatch);
    assert_eq!(verdict(&graph, body(&[other, &right])), mismatch);
    assert_eq!(verdict(&graph, body(&[&right, other])), mismatch);
    let malformed = Err(RejectionKind::BodyMalformed);
    assert_eq!(verdict(&graph, body(&[])), malformed);
    assert_eq!(verdict(&graph, body(&[&right, ""])), malformed);
    assert_eq!(
        verdict(&graph, body(&[&right, r#""clientState":null"#])),
        malformed
    );
    assert_eq!(verdict(&graph, r#"{"value":{}}"#), malformed);
    // Two keys of a rotation do not verify one body together.
    let keys = Keys::named([("a", secret(KEY)), ("b", secret("another"))]).expect("two keys");
    let both = provider::microsoft_graph(keys);
    assert_eq!(verdict(&both, body(&[other, other])), Ok(()));
    assert_eq!(verdict(&both, body(&[&right, other])), mismatch);
}

#[test]
fn a_key_may_be_in_a_form_or_in_json_in_a_form() {
    let form = keyed(BodyKeyScheme::form("token"));
    assert_eq!(verdict(&form, format!("a=1&token={KEY}")), Ok(()));
    let malformed = Err(RejectionKind::BodyMalformed);
    assert_eq!(
        verdict(&form, format!("token={KEY}&t%6fken={KEY}")),
        malformed
    );
    assert_eq!(verdict(&form, "a=1"), malformed);
    assert_eq!(verdict(&form, "token="), Err(RejectionKind::KeyMismatch));
    let ko_fi = provider::ko_fi(secret(KEY));
    let json = format!(r#"{{"verification_token":"{KEY}"}}"#);
    let encoded = json.replace('{', "%7B").replace('"', "%22");
    assert_eq!(verdict(&ko_fi, format!("data={encoded}")), Ok(()));
    assert_eq!(verdict(&ko_fi, json), Ok(()));
    assert_eq!(verdict(&ko_fi, format!("data={encoded}&data=1")), malformed);
    assert_eq!(verdict(&ko_fi, format!("other={encoded}")), malformed);
}

/// Parts of forms, in the format of RFC 7578.
fn multipart(parts: &[(&str, &str)]) -> String {
    let parts = parts.iter().map(|(head, content)| {
        format!("--b\r\nContent-Disposition: form-data; {head}\r\n\r\n{content}\r\n")
    });
    format!("{}--b--\r\n", parts.collect::<String>())
}

#[test]
fn a_multipart_form_is_read_strictly() {
    let form = keyed(BodyKeyScheme::form("token"));
    let at = |content_type: &str, body: &str| {
        judge(
            &form,
            post(&[("content-type", content_type)], body.to_owned()),
        )
        .map(drop)
    };
    let kind = "multipart/form-data; boundary=b";
    let token = ("name=\"token\"", KEY);
    let file = ("name=\"file\"; filename=\"a\"", "--c\r\n\r\nx");
    assert_eq!(at(kind, &multipart(&[token])), Ok(()));
    assert_eq!(at(kind, &multipart(&[file, token])), Ok(()));
    let quoted = "Multipart/Form-Data; charset=utf-8; boundary=\"b\"";
    assert_eq!(at(quoted, &multipart(&[token])), Ok(()));
    let malformed = Err(RejectionKind::BodyMalformed);
    let good = multipart(&[token]);
    assert_eq!(at(kind, &multipart(&[token, token])), malformed);
    assert_eq!(at(kind, &multipart(&[file])), malformed);
    assert_eq!(at("multipart/form-data; boundary=a", &good), malformed);
    for end in 0..good.len() - 2 {
        assert_eq!(at(kind, &good[..end]), malformed, "cut at {end}");
    }
    let many = vec![file; 1001];
    assert_eq!(at(kind, &multipart(&many)), malformed);
}

/// A client that has seen a delivery could otherwise show one value to the verifier, and another one to the handler.
#[test]
fn a_multipart_form_is_rejected_if_parsers_could_read_other_values() {
    let form = keyed(BodyKeyScheme::form("token"));
    let at = |content_type: &str, body: &str| {
        let request = post(&[("content-type", content_type)], body.to_owned());
        judge(&form, request).map(drop)
    };
    let kind = "multipart/form-data; boundary=b";
    let good = multipart(&[("name=\"token\"", KEY)]);
    for fine in [
        "multipart/form-data;boundary=b;",
        "multipart/form-data; charset=\"utf-8\"; Boundary=b",
    ] {
        assert_eq!(at(fine, &good), Ok(()), "{fine}");
    }
    let (longest, longer) = ("c".repeat(70), "c".repeat(71));
    let with_longest = good.replace("--b", &format!("--{longest}"));
    let kind_of = |boundary: &str| format!("multipart/form-data; boundary={boundary}");
    assert_eq!(at(&kind_of(&longest), &with_longest), Ok(()));
    // Without a boundary, the body would be a form in percent-encoding.
    for wrong in [
        "multipart/form-data",
        "multipart/form-data;",
        "multipart/form-data; boundary",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\"\"",
        "multipart/form-data; boundary=\"b;c\"",
        "multipart/form-data; boundary=\"b\\c\"",
        "multipart/form-data; boundary=\"b ",
        "multipart/form-data; boundary=\"b \"",
        "multipart/form-data; boundary=b c",
        "multipart/form-data; boundary=b; boundary=b",
        "multipart/form-data; boundary=b; boundary=c",
        "multipart/form-data; a b=c; boundary=b",
        "multipart/form-data; boundary=b; charset",
        &kind_of(&longer),
    ] {
        let expected = Err(RejectionKind::HeaderMalformed);
        assert_eq!(at(wrong, &good), expected, "{wrong}");
        assert_eq!(at(wrong, &format!("token={KEY}")), expected, "{wrong}");
    }
    let malformed = Err(RejectionKind::BodyMalformed);
    let disposition = "Content-Disposition: form-data; name=\"token\"";
    let forged = |head: &str| format!("--b\r\n{head}\r\n\r\nforged\r\n{good}");
    for head in [
        "Content-Disposition : form-data; name=\"token\"",
        "Content-Disposition: form-data;\r\n name=\"token\"",
        "Content-Disposition: form-data; name*=utf-8''token",
        "Content-Disposition: form-data; name=\"other\"; name*=utf-8''token",
        "Content-Disposition: form-data; name=\"to\\ken\"",
        "Content-Disposition: form-data; name=\"other\"; name=\"token\"",
        "Content-Disposition: form-data; name=\"other\"\r\nContent-Disposition: form-data; name=\"token\"",
        "Content-Disposition: form-data; name=\"other\" \"token\"",
        "Content-Disposition: form-data; name=\"other\"\nContent-Disposition: form-data; name=\"token\"",
        "Content-Disposition: form-data; name=\"other\"\r\nContent-Disposition : form-data; name=\"token\"",
        "Content-Disposition: form-data; name=\"other\"\r\nX: \nContent-Disposition: form-data; name=\"token\"",
        "Content-Disposition: form-data; name=\"other\"\r\nX: \rContent-Disposition: form-data; name=\"token\"",
        "Content-Disposition: form-data; name=\"other\"\r\nX: \0",
        "Content-Disposition: form-data; name=\"token",
        "Content-Disposition: form-data",
        "Content-Disposition: attachment; name=\"token\"",
        "Content-Type: text/plain",
    ] {
        assert_eq!(at(kind, &forged(head)), malformed, "{head}");
    }
    // An escape in the name of a file is no end of the text.
    let head = "Content-Disposition: form-data; name=file; filename=\"a\\\"; name=\\\"token\"";
    assert_eq!(at(kind, &forged(head)), Ok(()));
    for other in [
        format!("{good}--b\r\n{disposition}\r\n\r\nforged\r\n--b--"),
        good.replace(KEY, &format!("{KEY}\n--b\r\n")),
        good.replace(KEY, &format!("{KEY}--b")),
        good.replace(disposition, &format!("X: --b\r\n{disposition}")),
    ] {
        assert_eq!(at(kind, &other), malformed, "{other}");
    }
}

/// The same bytes can be JSON, and a form with other JSON in it.
#[test]
fn a_body_that_is_sent_as_a_form_is_never_read_as_json() {
    let ko_fi = provider::ko_fi(secret(KEY));
    let json = format!(r#"{{"verification_token":"{KEY}","other":"&data={{%22a%22:1"}}"#);
    let at = |content_type: &str| {
        let request = post(&[("content-type", content_type)], json.clone());
        judge(&ko_fi, request).map(drop)
    };
    assert_eq!(at("application/json"), Ok(()));
    let malformed = Err(RejectionKind::BodyMalformed);
    assert_eq!(at("application/x-www-form-urlencoded"), malformed);
    assert_eq!(
        at("Application/X-WWW-Form-URLencoded ; charset=utf-8"),
        malformed
    );
    assert_eq!(at("multipart/form-data; boundary=b"), malformed);
}

#[test]
fn a_rejection_names_the_place_and_never_the_key() {
    let figma = keyed(BodyKeyScheme::json("/passcode"));
    let layer = WebhookAuthLayer::new(figma);
    let text = |body: &str| {
        let rejection = judge::through(&layer, post(&[], body.to_owned()));
        rejection.expect_err("a rejection").to_string()
    };
    assert_eq!(
        text("{}"),
        "the signed or secret fields of the body cannot be read: expected the key at \"/passcode\" of the JSON, \
         found none"
    );
    assert_eq!(
        text(r#"{"passcode":"sesame","passcode":"sesame"}"#),
        "the signed or secret fields of the body cannot be read: expected the key at \"/passcode\" of the JSON, \
         found the same name twice"
    );
    let members: String = (0..1000).map(|n| format!(r#""m{n}":0,"#)).collect();
    for (body, found) in [
        (
            r#"{"passcode":"\ud83d"}"#.to_owned(),
            "a text that is not UTF-8",
        ),
        (format!(r#"{{{members}"passcode":""}}"#), "too many"),
        (r#"{"passcode":{}}"#.to_owned(), "another type"),
    ] {
        let text = text(&body);
        assert!(
            text.ends_with(&format!("of the JSON, found {found}")),
            "{text}"
        );
    }
    assert_eq!(
        text(r#"{"passcode":"sesame"}"#),
        "the key is not one of the configured keys: tried \"default\""
    );
}

// Signatures.

fn mailgun_like() -> BodySignatureScheme {
    BodySignatureScheme::hmac_sha256("/signature/signature")
        .timestamp(Timestamp::in_body("/signature/timestamp"))
        .id("/signature/token")
        .signed([BodyPiece::Timestamp, BodyPiece::value("/signature/token")])
}

fn mailgun_body(timestamp: &str, token: &str, signature: &str) -> String {
    format!(
        r#"{{"signature":{{"timestamp":{timestamp},"token":"{token}","signature":"{signature}"}},"event-data":1}}"#
    )
}

#[test]
fn a_signature_over_values_proves_these_values() {
    let mailgun = signed(mailgun_like());
    let right = sign(format!("{NOW}token-1"));
    for time in [format!("\"{NOW}\""), NOW.to_string()] {
        let body = mailgun_body(&time, "token-1", &right);
        for body in [
            body.clone(),
            body.replace("\"event-data\":1", "\"event-data\":2"),
        ] {
            let verified = judge(&mailgun, post(&[], body)).expect("verified");
            assert_eq!(verified.authentication(), Authentication::PartialSignature);
            assert!(!verified.body_is_signed());
            assert_eq!(verified.delivery_id(), Some(Claim::Signed("token-1")));
            assert_eq!(verified.signed_at(), Some(at(NOW)));
            // The token is signed, so a repeated delivery is recognized by it.
            assert!(verified.identity().is_some());
        }
    }
    let mismatch = Err(RejectionKind::SignatureMismatch);
    let now = NOW.to_string();
    assert_eq!(
        verdict(&mailgun, mailgun_body(&now, "token-2", &right)),
        mismatch
    );
    let later = (NOW + 1).to_string();
    assert_eq!(
        verdict(&mailgun, mailgun_body(&later, "token-1", &right)),
        mismatch
    );
    let old = (NOW - 301).to_string();
    let signature = sign(format!("{old}token-1"));
    assert_eq!(
        verdict(&mailgun, mailgun_body(&old, "token-1", &signature)),
        Err(RejectionKind::TimestampTooOld)
    );
    let longer = mailgun
        .clone()
        .tolerance(std::time::Duration::from_secs(400));
    let longer = longer.expect("a proven time");
    assert_eq!(
        verdict(&longer, mailgun_body(&old, "token-1", &signature)),
        Ok(())
    );
}

/// `1700000000` + `token-1` and `170000000` + `0token-1` are the same bytes.
#[test]
fn digits_cannot_move_between_the_time_and_the_token() {
    let mailgun = signed(mailgun_like());
    let right = sign(format!("{NOW}token-1"));
    let malformed = Err(RejectionKind::BodyMalformed);
    let (short, last) = (&NOW.to_string()[..9], &NOW.to_string()[9..]);
    let moved = mailgun_body(&format!("\"{short}\""), &format!("{last}token-1"), &right);
    assert_eq!(verdict(&mailgun, moved), malformed);
    let long = sign(format!("{NOW}1token"));
    let moved = mailgun_body(&format!("{NOW}1"), "token", &long);
    assert_eq!(verdict(&mailgun, moved), malformed);
    for time in [
        "null",
        "true",
        "[]",
        "\"\"",
        "1700000000.0",
        "\"0170000000\"",
    ] {
        let body = mailgun_body(time, "token-1", &right);
        assert_eq!(verdict(&mailgun, body), malformed, "{time}");
    }
}

#[test]
fn a_value_twice_or_absent_is_rejected() {
    let mailgun = signed(mailgun_like());
    let right = sign(format!("{NOW}token-1"));
    let body = mailgun_body(&NOW.to_string(), "token-1", &right);
    let malformed = Err(RejectionKind::BodyMalformed);
    assert_eq!(verdict(&mailgun, &body), Ok(()));
    for (old, new) in [
        ("\"token\":", "\"token\":\"x\",\"token\":"),
        ("\"token\":", "\"tok\":"),
        ("\"signature\":\"", "\"signature\":\"\",\"signature\":\""),
        ("\"event-data\"", "\"signature\""),
        ("\"timestamp\":", "\"a\":1,\"a\":"),
    ] {
        let changed = body.replacen(old, new, 1);
        assert_ne!(changed, body);
        assert_eq!(verdict(&mailgun, &changed), malformed, "{changed}");
    }
    // A member twice elsewhere is not read here.
    let elsewhere = body.replace("\"event-data\":1", r#""event-data":{"a":1,"a":2}"#);
    assert_eq!(verdict(&mailgun, elsewhere), Ok(()));
    for wrong in ["", "00", &format!("{right}00"), &right[2..]] {
        let body = body.replace(&right, wrong);
        assert_eq!(verdict(&mailgun, body), malformed, "{wrong}");
    }
}

#[test]
fn only_the_bytes_of_a_raw_value_are_signed() {
    let exact = provider::exact_online(secret(KEY));
    let content = r#"{"Topic": "Accounts", "a":[1,2.50]}"#;
    let right = sign(content).to_uppercase();
    let body = |content: &str| format!(r#"{{ "Content": {content} , "HashCode":"{right}","x":1}}"#);
    assert_eq!(verdict(&exact, body(content)), Ok(()));
    // White space around the value is not a part of it.
    assert_eq!(verdict(&exact, body(&format!("  {content}\n"))), Ok(()));
    let mismatch = Err(RejectionKind::SignatureMismatch);
    for other in [
        content.replace("2.50", "2.5"),
        content.replace(": ", ":"),
        "null".to_owned(),
    ] {
        assert_eq!(verdict(&exact, body(&other)), mismatch, "{other}");
    }
    let twice = body(content).replace("\"x\":1", "\"Content\":{}");
    assert_eq!(verdict(&exact, twice), Err(RejectionKind::BodyMalformed));
}

fn adyen(items: &[(&str, &str, &str)]) -> String {
    let items: Vec<String> = items
        .iter()
        .map(|(account, reference, signature)| {
            format!(
                r#"{{"NotificationRequestItem":{{"pspReference":"p","merchantAccountCode":"{account}",
                "merchantReference":"{reference}","amount":{{"currency":"EUR","value":1000}},
                "eventCode":"AUTHORISATION","success":"true",
                "additionalData":{{"hmacSignature":"{signature}"}}}}}}"#
            )
        })
        .collect();
    format!(
        r#"{{"live":"false","notificationItems":[{}]}}"#,
        items.join(",")
    )
}

#[test]
fn every_item_of_adyen_is_signed_and_only_one_field_may_contain_the_separator() {
    let adyen_classic = provider::adyen_classic(secret("6b6579")).expect("a key");
    let sign = |account: &str, reference: &str| {
        let text = format!("p::{account}:{reference}:1000:EUR:AUTHORISATION:true");
        base64(&hmac(Sha256, b"key", text.as_bytes()))
    };
    let (one, two) = (sign("shop", "order:1"), sign("shop", "order:2"));
    let good = ("shop", "order:1", one.as_str());
    assert_eq!(verdict(&adyen_classic, adyen(&[good])), Ok(()));
    let second = ("shop", "order:2", two.as_str());
    assert_eq!(verdict(&adyen_classic, adyen(&[good, second])), Ok(()));
    let mismatch = Err(RejectionKind::SignatureMismatch);
    let swapped = ("shop", "order:2", one.as_str());
    assert_eq!(verdict(&adyen_classic, adyen(&[swapped, good])), mismatch);
    assert_eq!(verdict(&adyen_classic, adyen(&[good, swapped])), mismatch);
    let malformed = Err(RejectionKind::BodyMalformed);
    assert_eq!(verdict(&adyen_classic, adyen(&[])), malformed);
    // The same bytes, cut elsewhere.
    let moved = ("shop:order", "1", one.as_str());
    assert_eq!(verdict(&adyen_classic, adyen(&[moved])), malformed);
    let unsigned = adyen(&[good, good]).replacen("hmacSignature", "other", 1);
    assert_eq!(verdict(&adyen_classic, unsigned), malformed);
    let amount = adyen(&[good]).replace("1000", "1001");
    assert_eq!(verdict(&adyen_classic, amount), mismatch);
    let failed = adyen(&[good]).replace("\"true\"", "\"false\"");
    assert_eq!(verdict(&adyen_classic, failed), mismatch);
}

#[test]
fn braintrees_signatures_are_a_list_with_names() {
    let braintree = provider::braintree(secret("integration_private_key"));
    let key = Sha1.digest(b"integration_private_key");
    let payload = "PG5vdGlmaWNhdGlvbj4=\n";
    let right = hex(&hmac(Sha1, &key, payload.as_bytes()));
    let at = |signature: &str, payload: &str| {
        let body = format!(
            "bt_signature={}&bt_payload={}",
            signature.replace('&', "%26").replace('|', "%7C"),
            payload.replace('\n', "%0A").replace('=', "%3D"),
        );
        judge(&braintree, post(&[FORM], body)).map(drop)
    };
    assert_eq!(at(&format!("public|{right}"), payload), Ok(()));
    let other = "0".repeat(40);
    assert_eq!(at(&format!("a|{other}&public|{right}"), payload), Ok(()));
    let mismatch = Err(RejectionKind::SignatureMismatch);
    assert_eq!(at(&format!("public|{right}"), "PG4="), mismatch);
    assert_eq!(at(&format!("public|{other}"), payload), mismatch);
    let malformed = Err(RejectionKind::BodyMalformed);
    assert_eq!(at(&right, payload), malformed);
    assert_eq!(at("", payload), malformed);
    let many = vec![format!("a|{other}"); 17].join("&");
    assert_eq!(at(&many, payload), malformed);
    // The text of the key itself is not the key.
    let plain = hex(&hmac(Sha1, b"integration_private_key", payload.as_bytes()));
    assert_eq!(at(&format!("public|{plain}"), payload), mismatch);
}

/// Only round trips: our signer signs.
#[test]
fn the_signer_writes_into_the_body_and_changes_nothing_else() {
    let key = |scheme: BodyKeyScheme| scheme.build().expect("a scheme");
    let signature = |scheme: BodySignatureScheme| scheme.build().expect("a scheme");
    for (scheme, body, expected) in [
        (
            key(BodyKeyScheme::json("/passcode")),
            r#"{"a": 1.50}"#,
            format!(r#"{{"passcode":"{KEY}","a": 1.50}}"#),
        ),
        (
            key(BodyKeyScheme::json("/passcode")),
            r#"{"a": 1, "passcode" : "old", "b":{}}"#,
            format!(r#"{{"a": 1, "passcode" : "{KEY}", "b":{{}}}}"#),
        ),
        (
            key(BodyKeyScheme::json("/a/b")),
            "{}",
            format!(r#"{{"a":{{"b":"{KEY}"}}}}"#),
        ),
        (
            key(BodyKeyScheme::json("/value/*/state")),
            r#"{"value":[{},{"state":"old","x":1}]}"#,
            format!(r#"{{"value":[{{"state":"{KEY}"}},{{"state":"{KEY}","x":1}}]}}"#),
        ),
        (
            key(BodyKeyScheme::form("token")),
            "a=1+2&token=old&b",
            format!("a=1%202&b=&token={KEY}"),
        ),
        (
            signature(mailgun_like()),
            r#"{"event-data":1}"#,
            String::new(),
        ),
        (
            signature(
                BodySignatureScheme::hmac_sha1("s")
                    .in_form()
                    .item_separator('&')
                    .named_signatures('|')
                    .signed([BodyPiece::value("p")]),
            ),
            "p=1",
            String::new(),
        ),
    ] {
        let provider = provider(scheme);
        let signer = Signer::new(&provider, &secret(KEY)).expect("a signer");
        let request = Request::post("/")
            .body(Bytes::from(body))
            .expect("a request");
        let signed = signer.at(at(NOW)).try_sign(request).expect("signed");
        if !expected.is_empty() {
            assert_eq!(signed.body(), expected.as_str());
        }
        let verdict = judge(&provider, signed.map(Full::new));
        assert!(verdict.is_ok(), "{body}: {:?}", verdict.err());
    }
    let scheme = signature(mailgun_like());
    let mailgun = provider(scheme);
    let signer = Signer::new(&mailgun, &secret(KEY)).expect("a signer");
    let request = Request::post("/")
        .body(Bytes::from("no JSON"))
        .expect("a request");
    let error = signer.try_sign(request).unwrap_err().to_string();
    assert!(error.starts_with("the request cannot be signed"), "{error}");
}

fn signed_by(signer: &Signer, body: impl Into<Bytes>) -> Request<Bytes> {
    let request = Request::post("/").body(body.into()).expect("a request");
    signer.try_sign(request).expect("signed")
}

#[test]
fn the_signer_writes_into_json_in_a_form_and_keeps_the_other_fields() {
    let ko_fi = provider::ko_fi(secret(KEY));
    let signer = Signer::new(&ko_fi, &secret(KEY)).expect("a signer");
    for (body, json) in [
        ("a=1&data=%7B%22x%22:1%7D&b=2", r#","x":1"#),
        ("a=1&b=2", ""),
        ("a=1&b=2&data=%7B%22verification_token%22:%22old%22%7D", ""),
    ] {
        let signed = signed_by(&signer, body);
        let fields: Vec<_> = form_urlencoded(signed.body());
        let json = format!(r#"{{"verification_token":"{KEY}"{json}}}"#);
        let expected = [("a", "1"), ("b", "2"), ("data", &json)];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(fields, expected, "{body}");
        assert_eq!(judge(&ko_fi, signed.map(Full::new)).map(drop), Ok(()));
    }
    // A body that begins with `{` is the JSON itself.
    let signed = signed_by(&signer, " {}");
    assert_eq!(
        signed.body(),
        format!(r#" {{"verification_token":"{KEY}"}}"#).as_str()
    );
    let error = Request::post("/").body(Bytes::from("a=1&data=x"));
    let error = signer.try_sign(error.expect("a request")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the request cannot be signed: its JSON has another type on the way to the place of a signed value"
    );
}

/// The fields of a form, percent-decoded.
fn form_urlencoded(body: &[u8]) -> Vec<(String, String)> {
    let form = SignedForm::from_body(body).expect("a form");
    let fields = form.iter();
    fields
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Only round trips: our signer signs.
#[test]
fn a_time_and_an_id_in_the_body_are_kept_and_replaced_by_renew() {
    let in_form = BodySignatureScheme::hmac_sha256("signature")
        .in_form()
        .timestamp(Timestamp::in_body("timestamp"))
        .id("token")
        .signed([BodyPiece::Timestamp, BodyPiece::value("token")]);
    for (scheme, body) in [
        (
            mailgun_like(),
            mailgun_body(&(NOW - 7).to_string(), "token-1", "old"),
        ),
        (
            in_form,
            format!("a=1&token=token-1&timestamp={}&b=2", NOW - 7),
        ),
    ] {
        let acme = signed(scheme);
        let signer = Signer::new(&acme, &secret(KEY)).expect("a signer");
        let signer = signer.at(at(NOW)).with_id("token-2");
        let kept = signed_by(&signer, body.clone()).map(Full::new);
        let kept = judge(&acme, kept).expect("kept");
        assert_eq!(kept.delivery_id(), Some(Claim::Signed("token-1")));
        assert_eq!(kept.signed_at(), Some(at(NOW - 7)));
        let renewed = signed_by(&signer.renew(), body).map(Full::new);
        let renewed = judge(&acme, renewed).expect("renewed");
        assert_eq!(renewed.delivery_id(), Some(Claim::Signed("token-2")));
        assert_eq!(renewed.signed_at(), Some(at(NOW)));
    }
    // A number stays a number, and a text stays a text: a handler may accept only one of them.
    let mailgun = signed(mailgun_like());
    let signer = Signer::new(&mailgun, &secret(KEY)).expect("a signer");
    let signer = signer.at(at(NOW));
    for quote in ["", "\""] {
        let timestamp = |seconds: u64| format!("{quote}{seconds}{quote}");
        let body = mailgun_body(&timestamp(NOW - 7), "t", "");
        let kept = signed_by(&signer, body.clone());
        let renewed = signed_by(&signer.clone().renew(), body);
        for (request, seconds) in [(kept, NOW - 7), (renewed, NOW)] {
            let body = String::from_utf8(request.body().to_vec()).expect("text");
            let expected = format!("\"timestamp\":{},", timestamp(seconds));
            assert!(body.contains(&expected), "{body}");
            assert_eq!(verdict(&mailgun, body), Ok(()));
        }
    }
    // An id that is no number replaces one.
    let body = mailgun_body("1", "t", "").replace("\"t\"", "7");
    let renewed = signed_by(&signer.renew().with_id("token-2"), body);
    let verified = judge(&mailgun, renewed.map(Full::new)).expect("renewed");
    assert_eq!(verified.delivery_id(), Some(Claim::Signed("token-2")));
}

#[test]
fn a_list_of_signatures_in_the_body_can_have_one_of_a_second_key() {
    let list = BodySignatureScheme::hmac_sha1("s")
        .in_form()
        .item_separator('&')
        .named_signatures('|')
        .signed([BodyPiece::value("p")]);
    let scheme = list.build().expect("a scheme");
    let acme = provider(scheme.clone());
    let signer = Signer::new(&acme, &secret("the old key")).expect("a signer");
    let signer = signer.add_key(&secret(KEY)).expect("two keys");
    let two = signed_by(&signer, "p=1").map(Full::new);
    assert_eq!(judge(&acme, two.clone()).map(drop), Ok(()));
    let old = Provider::<Bytes>::new("acme", scheme, secret("the old key")).expect("a provider");
    assert_eq!(judge(&old, two).map(drop), Ok(()));
    let key = BodyKeyScheme::json("/passcode");
    for one in [signed(mailgun_like()), keyed(key)] {
        let signer = Signer::new(&one, &secret(KEY)).expect("a signer");
        let error = signer.add_key(&secret(KEY)).expect_err("two keys");
        let error = error.to_string();
        assert!(error.contains("cannot have one more signature"), "{error}");
    }
}

#[test]
fn a_signer_with_a_secret_that_the_body_cannot_use_is_an_error() {
    let not_text = Secret::from_bytes(*b"\xff\xfe").expect("a secret");
    let error = Signer::new(&keyed(BodyKeyScheme::json("/passcode")), &not_text);
    assert_eq!(
        error.expect_err("no text").to_string(),
        "the secret is not UTF-8, and the body cannot hold it"
    );
    let adyen_classic = provider::adyen_classic(secret("6b6579")).expect("a key");
    let error = Signer::new(&adyen_classic, &secret("no digits"));
    let error = error.expect_err("no digits").to_string();
    assert!(
        error.starts_with("secret is not hexadecimal digits"),
        "{error}"
    );
}

#[test]
fn a_key_in_the_body_takes_part_in_any_of_and_has_a_way() {
    let body = BodyKeyScheme::json("/token").build().expect("a scheme");
    let header = SharedKeyScheme::new("x-token").build().expect("a scheme");
    let scheme = Scheme::any_of([("header", header), ("body", body)]).expect("ways");
    let acme = provider(scheme);
    let way = |headers: &[(&str, &str)], body: String| {
        let verified = judge(&acme, post(headers, body));
        verified.map(|verified| verified.way().map(str::to_owned))
    };
    let in_body = format!(r#"{{"token":"{KEY}"}}"#);
    assert_eq!(way(&[], in_body.clone()), Ok(Some("body".into())));
    assert_eq!(
        way(&[("x-token", KEY)], "{}".into()),
        Ok(Some("header".into()))
    );
    assert_eq!(way(&[("x-token", "x")], in_body), Ok(Some("body".into())));
    assert!(way(&[], "{}".into()).is_err());
}

#[test]
fn a_scheme_that_cannot_be_right_is_an_error_that_says_why() {
    let plain = || BodySignatureScheme::hmac_sha256("/s");
    let error = |scheme: BodySignatureScheme| match scheme.build() {
        Ok(scheme) => panic!("built: {scheme:?}"),
        Err(error) => error.to_string(),
    };
    let value = BodyPiece::value;
    let free =
        |place: &'static str| BodyPiece::Value(BodyValue::new(place).may_contain_separator());
    for (scheme, expected) in [
        (plain(), "the signature covers nothing"),
        (
            BodySignatureScheme::hmac_sha256("s").signed([value("/a")]),
            "it must begin with '/'",
        ),
        (plain().signed([value("a")]), "it must begin with '/'"),
        (plain().signed([value("/a/*/b")]), "call .each(…)"),
        (
            plain().signed([value("/a"), value("/b")]),
            "nothing marks where",
        ),
        (
            plain().signed([free("/a"), BodyPiece::literal(":"), free("/b")]),
            "only one can",
        ),
        (
            plain().signed([BodyPiece::raw("/a"), BodyPiece::literal(":"), free("/b")]),
            "only one can",
        ),
        (
            plain().signed([BodyPiece::Timestamp]),
            ".timestamp(…) was not called",
        ),
        (
            plain()
                .timestamp(Timestamp::in_body("/t"))
                .signed([value("/a")]),
            "the timestamp has a tolerance, but is not signed",
        ),
        (
            plain()
                .timestamp(Timestamp::in_body("/t"))
                .signed([value("/a"), BodyPiece::Timestamp])
                .accept_movable_boundaries(),
            "nothing marks where it begins",
        ),
        // The end of the first value is found only from the other side.
        (
            plain().timestamp(Timestamp::in_body("/t")).signed([
                free("/a"),
                BodyPiece::literal(":"),
                BodyPiece::Timestamp,
            ]),
            "nothing marks where it begins",
        ),
        (
            plain()
                .id("/b")
                .signed([BodyPiece::raw("/a"), BodyPiece::literal(":"), value("/b")]),
            "nothing marks where it begins",
        ),
        (
            plain()
                .timestamp(Timestamp::header("t"))
                .signed([BodyPiece::Timestamp]),
            "use `Timestamp::in_body`",
        ),
        (
            plain().id("/b").signed([value("/a")]),
            "is not a signed piece",
        ),
        (
            plain()
                .id("/b")
                .signed([value("/a"), value("/b")])
                .accept_movable_boundaries(),
            "nothing marks where it begins",
        ),
        (
            plain().each("/a").signed([value("/b")]),
            "must contain a `*`",
        ),
        (
            plain().each("/a/*").id("/b").signed([value("/b")]),
            "cannot be that of the delivery",
        ),
        (
            BodySignatureScheme::hmac_sha256("s")
                .in_form()
                .each("/a/*")
                .signed([value("b")]),
            "`each` is for a body that is JSON",
        ),
        (
            plain().signed([BodyPiece::literal("")]),
            "a signed literal is empty",
        ),
        (
            plain().json_in_form("").signed([value("/a")]),
            "the name of the form field",
        ),
        (
            plain().item_separator('é').signed([value("/a")]),
            "cannot separate",
        ),
    ] {
        let text = error(scheme);
        assert!(text.contains(expected), "{text:?} has no {expected:?}");
    }
    for place in ["", "passcode", "/a\n"] {
        assert!(BodyKeyScheme::json(place).build().is_err(), "{place:?}");
    }
    assert!(BodyKeyScheme::form("").build().is_err());
    let base64url = plain().encoding(Encoding::Base64Url).signed([value("/a")]);
    assert!(base64url.build().is_ok());
}

#[test]
fn a_form_has_at_most_1000_fields_and_other_headers_of_a_part_are_skipped() {
    let form = keyed(BodyKeyScheme::form("token"));
    let body = |count: usize| format!("{}token={KEY}", "a=1&".repeat(count - 1));
    assert_eq!(verdict(&form, body(1000)), Ok(()));
    assert_eq!(
        verdict(&form, body(1001)),
        Err(RejectionKind::BodyMalformed)
    );

    let at = |content_type: &str, body: String| {
        judge(&form, post(&[("content-type", content_type)], body)).map(drop)
    };
    let part = format!(
        "--b\r\nContent-Type: text/plain\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\n{KEY}\r\n--b--\r\n"
    );
    assert_eq!(at("multipart/form-data; boundary=b", part), Ok(()));
    // Another type than that of parts: a form.
    let urlencoded = "application/x-www-form-urlencoded; charset=utf-8";
    assert_eq!(at(urlencoded, format!("token={KEY}")), Ok(()));
}

#[test]
fn all_elements_of_all_lists_together_hold_at_most_1000_keys() {
    let nested = keyed(BodyKeyScheme::json("/a/*/b/*"));
    let body = |keys: usize| {
        let list = format!("[{}]", vec![format!("\"{KEY}\""); keys / 2].join(","));
        format!(r#"{{"a":[{{"b":{list}}},{{"b":{list}}}]}}"#)
    };
    assert_eq!(verdict(&nested, body(1000)), Ok(()));
    assert_eq!(
        verdict(&nested, body(1002)),
        Err(RejectionKind::BodyMalformed)
    );
}

#[test]
fn all_elements_of_all_lists_together_hold_at_most_1000_signatures() {
    let scheme = BodySignatureScheme::hmac_sha256("/s")
        .each("/a/*/b/*")
        .signed([BodyPiece::value("/id")]);
    let nested = signed(scheme);
    let signature = sign("7");
    let body = |count: usize| {
        let element = format!(r#"{{"id":7,"s":"{signature}"}}"#);
        let list = format!("[{}]", vec![element; count / 2].join(","));
        format!(r#"{{"a":[{{"b":{list}}},{{"b":{list}}}]}}"#)
    };
    assert_eq!(verdict(&nested, body(1000)), Ok(()));
    assert_eq!(
        verdict(&nested, body(1002)),
        Err(RejectionKind::BodyMalformed)
    );
}

/// The text of a value is signed as it is decoded.
#[test]
fn an_escaped_value_is_signed_as_its_text() {
    let scheme = BodySignatureScheme::hmac_sha256("/s").signed([BodyPiece::value("/id")]);
    let acme = signed(scheme);
    let body = format!(r#"{{"id":"\u0061b","s":"{}"}}"#, sign("ab"));
    assert_eq!(verdict(&acme, body), Ok(()));
}

#[test]
fn the_time_in_a_body_may_have_any_age_if_the_scheme_says_so() {
    let scheme =
        mailgun_like().timestamp(Timestamp::in_body("/signature/timestamp").accept_any_age());
    let acme = signed(scheme);
    let old = (NOW - 1_000_000).to_string();
    let body = mailgun_body(&old, "t", &sign(format!("{old}t")));
    assert_eq!(verdict(&acme, body), Ok(()));
}

#[test]
fn a_key_in_the_body_has_no_tolerance() {
    let error =
        keyed(BodyKeyScheme::json("/passcode")).tolerance(std::time::Duration::from_secs(60));
    let error = error.expect_err("no time").to_string();
    assert!(error.contains("proves no time of signing"), "{error}");
}
