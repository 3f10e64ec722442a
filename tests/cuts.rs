//! One signature has one reading: of all the ways to cut the signed bytes into id, header, time and
//! body again, those that are accepted do not contradict each other in what they call signed.

#[path = "common/judge.rs"]
mod judge;
#[path = "common/reference.rs"]
mod reference;

use http::{HeaderName, HeaderValue};
use proptest::{prelude::*, sample::select};
use tower_webhook_auth::{
    Claim, Encoding, Piece, Provider, Secret, SignatureScheme, Timestamp, Verified,
};

const KEY: &str = "wJ4mX9";

/// What the pieces are made of: whatever may look like another piece, or like a part of one.
const WORDS: [&str; 9] = [
    "a",
    ".",
    "-",
    "1.",
    "24",
    "1700000001",
    "2030-01-01T00:00:00Z",
    "2030-01-01T00:00:00+07:",
    "01-01T",
];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    Body,
    Header,
    Id,
    Literal(&'static str),
    Time,
}

#[derive(Clone, Debug)]
struct Delivery {
    parts: Vec<Part>,
    rfc3339: bool,
    /// One for each part.
    texts: Vec<String>,
}

fn words(count: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    prop::collection::vec(select(&WORDS[..]), count).prop_map(|words| words.concat())
}

prop_compose! {
    fn delivery()(
        order in Just([Part::Body, Part::Header, Part::Id, Part::Time]).prop_shuffle(),
        present in any::<[bool; 3]>(),
        literals in prop::collection::vec(select(&["", "", ".", "-", "..", "1."][..]), 5),
        rfc3339 in any::<bool>(),
        (id, header, body) in (words(1..3), words(1..3), words(0..4)),
        time in select(&[0_usize, 1][..]),
    ) -> Delivery {
        let is_present = |part: &Part| match part {
            Part::Header => present[0],
            Part::Id => present[1],
            Part::Time => present[2],
            _ => true,
        };
        let text = |part: &Part| match part {
            Part::Body => body.clone(),
            Part::Header => header.clone(),
            Part::Id => id.clone(),
            Part::Literal(text) => (*text).to_owned(),
            Part::Time if rfc3339 => ["2024-01-01T00:00:00Z", "2024-01-01T00:00:00+07:20"][time].to_owned(),
            Part::Time => ["1700000000", "1111111111"][time].to_owned(),
        };
        let mut parts = Vec::new();
        for (literal, part) in literals.iter().zip(order.iter().filter(|part| is_present(part))) {
            if !literal.is_empty() && !parts.is_empty() {
                parts.push(Part::Literal(literal));
            }
            parts.push(*part);
        }
        let texts = parts.iter().map(text).collect();
        Delivery { parts, rfc3339, texts }
    }
}

fn provider(delivery: &Delivery) -> Option<Provider<bytes::Bytes>> {
    let timestamp = Timestamp::header("x-time").accept_any_age();
    let mut scheme = SignatureScheme::hmac_sha256("x-signature").encoding(Encoding::Hex);
    if delivery.parts.contains(&Part::Id) {
        scheme = scheme.id_header("x-id");
    }
    if delivery.parts.contains(&Part::Time) {
        scheme = scheme.timestamp(match delivery.rfc3339 {
            true => timestamp.rfc3339(),
            false => timestamp,
        });
    }
    let pieces = delivery.parts.iter().map(|part| match part {
        Part::Body => Piece::Body,
        Part::Header => Piece::header("x-header"),
        Part::Id => Piece::Id,
        Part::Literal(text) => Piece::literal(text),
        Part::Time => Piece::Timestamp,
    });
    let scheme = scheme.signed(pieces).build().ok()?;
    let secret = Secret::new(KEY).expect("a secret");
    let provider = Provider::new("acme", scheme, secret).expect("a provider");
    Some(provider.event_name_header(HeaderName::from_static("x-header")))
}

/// Hands `each` all ways to cut `text` into these parts.
fn cut<'a>(
    parts: &[Part],
    text: &'a str,
    texts: &mut Vec<&'a str>,
    each: &mut dyn FnMut(&[&'a str]),
) {
    let Some((part, rest)) = parts.split_first() else {
        if text.is_empty() {
            each(texts);
        }
        return;
    };
    let ends = match part {
        Part::Literal(literal) if text.starts_with(literal) => literal.len()..=literal.len(),
        Part::Literal(_) => return,
        // Nothing shorter is a time.
        Part::Time => 10..=text.len(),
        Part::Body => 0..=text.len(),
        Part::Header | Part::Id => 1..=text.len(),
    };
    for end in ends.filter(|end| *end <= text.len()) {
        let (head, tail) = text.split_at(end);
        if *part == Part::Time && !head.ends_with(|last: char| last == 'Z' || last.is_ascii_digit())
        {
            continue;
        }
        texts.push(head);
        cut(rest, tail, texts, each);
        texts.pop();
    }
}

fn verdict(
    provider: &Provider<bytes::Bytes>,
    parts: &[Part],
    texts: &[&str],
    signature: &str,
) -> Option<Verified<bytes::Bytes>> {
    let mut request = judge::post(&[("x-signature", signature)], "");
    for (part, text) in parts.iter().zip(texts) {
        let name = match part {
            Part::Body => {
                *request.body_mut() = (*text).to_owned().into();
                continue;
            }
            Part::Header => "x-header",
            Part::Id => "x-id",
            Part::Literal(_) => continue,
            Part::Time => "x-time",
        };
        let value = HeaderValue::from_str(text).expect("visible text");
        request.headers_mut().insert(name, value);
    }
    judge::judge(provider, request).ok()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn no_two_cuts_of_the_same_bytes_contradict_each_other(delivery in delivery()) {
        let Some(provider) = provider(&delivery) else {
            return Ok(());
        };
        let signed = delivery.texts.concat();
        let tag = reference::hmac(reference::Hash::Sha256, KEY.as_bytes(), signed.as_bytes());
        let signature = reference::hex(&tag);
        let (mut ids, mut headers, mut times) = (Vec::new(), Vec::new(), Vec::new());
        cut(&delivery.parts, &signed, &mut Vec::new(), &mut |texts| {
            let Some(verified) = verdict(&provider, &delivery.parts, texts, &signature) else {
                return;
            };
            let text = |claim: Option<Claim<'_>>| claim.and_then(Claim::signed).map(str::to_owned);
            ids.extend(text(verified.delivery_id()));
            headers.extend(text(verified.event_name()));
            times.extend(verified.signed_at());
        });
        for claims in [&mut ids, &mut headers] {
            claims.dedup();
            prop_assert!(claims.len() <= 1, "{:?}", claims);
        }
        times.dedup();
        prop_assert!(times.len() <= 1, "{:?}", times);
    }
}
