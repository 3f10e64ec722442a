//! Signed bytes have one reading. This test cuts them into the signed pieces in all ways. The ways that
//! are accepted must agree on each value that is called signed. They must also agree on the body, if the
//! scheme is built without `accept_movable_body_boundary`.

#[path = "common/judge.rs"]
mod judge;
#[path = "common/reference.rs"]
mod reference;

use std::cell::Cell;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Uri};
use proptest::{
    prelude::*,
    sample::select,
    test_runner::{TestCaseError, TestRunner},
};
use tower_webhook_auth::{
    BodyDigest, Claim, Encoding, FromBody, Piece, Provider, Secret, SignatureScheme, SignedForm,
    SignedHeaders, SignedUrl, SortedForm, Timestamp, Verified,
};

const KEY: &str = "wJ4mX9";
const ORIGIN: &str = "http://a";

/// Parts of values. Each looks like another piece, or like a part of one.
const WORDS: [&str; 10] = [
    "a",
    ".",
    "-",
    "/",
    "1.",
    "24",
    "1700000001",
    "2030-01-01T00:00:00Z",
    "2030-01-01T00:00:00+07:",
    "01-01T",
];

/// Parts of bodies. A header cannot hold the line feed.
const BODY_WORDS: [&str; 6] = ["\n", "{", "http://a", "POST", "GET", "1700000001"];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    Body,
    Digest,
    Form,
    Header,
    Id,
    /// `x-list` and `x-listed`, named by `x-list`.
    Listed,
    Literal(&'static str),
    Method,
    Path,
    Query,
    Tag,
    Time,
    Url,
}

#[derive(Clone, Debug)]
struct Delivery {
    parts: Vec<Part>,
    rfc3339: bool,
    /// Whether the whole URL is configured.
    exact: bool,
    url: String,
    body: String,
    /// One for each part.
    texts: Vec<String>,
}

fn words(count: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    prop::collection::vec(select(&WORDS[..]), count).prop_map(|words| words.concat())
}

fn body() -> impl Strategy<Value = String> {
    let word = prop_oneof![select(&WORDS[..]), select(&BODY_WORDS[..])];
    prop::collection::vec(word, 0..4).prop_map(|words| words.concat())
}

prop_compose! {
    fn delivery()(
        order in Just([
            Part::Header, Part::Id, Part::Time, Part::Method, Part::Url, Part::Path, Part::Tag, Part::Query,
            Part::Listed,
        ]).prop_shuffle(),
        count in 0_usize..4,
        at in 0_usize..4,
        literals in prop::collection::vec(select(&["", "", ".", "-", "..", "1.", "\n"][..]), 7),
        (rfc3339, exact) in (any::<bool>(), any::<bool>()),
        of_body in select(&[Part::Body, Part::Body, Part::Body, Part::Digest, Part::Form][..]),
        (id, header, tag, body) in (words(1..3), words(1..3), words(1..3), body()),
        (query, listed) in (words(1..3), words(1..3)),
        path in select(&["", "/", "/a.", "/a?-", "/POST"][..]),
        method in select(&["GET", "POST"][..]),
        time in select(&[0_usize, 1][..]),
    ) -> Delivery {
        let text = |part: &Part| match part {
            Part::Body => body.clone(),
            Part::Digest => digest_of(&body),
            // A form of one field without a value.
            Part::Form => body.clone(),
            Part::Listed => format!("{LISTED}{listed}"),
            Part::Query => query.clone(),
            Part::Header => header.clone(),
            Part::Id => id.clone(),
            Part::Literal(text) => (*text).to_owned(),
            Part::Method => method.to_owned(),
            Part::Path if path.is_empty() => "/".to_owned(),
            Part::Path => path.to_owned(),
            Part::Tag => tag.clone(),
            Part::Time if rfc3339 => ["2024-01-01T00:00:00Z", "2024-01-01T00:00:00+07:20"][time].to_owned(),
            Part::Time => ["1700000000", "1111111111"][time].to_owned(),
            Part::Url => format!("{ORIGIN}{path}"),
        };
        let mut order = order[..count].to_vec();
        order.insert(at.min(count), of_body);
        let mut parts = Vec::new();
        for (literal, part) in literals.iter().zip(order) {
            if !literal.is_empty() && !parts.is_empty() {
                parts.push(Part::Literal(literal));
            }
            parts.push(part);
        }
        let texts = parts.iter().map(text).collect();
        Delivery { parts, rfc3339, exact, url: format!("{ORIGIN}{path}"), body, texts }
    }
}

/// The list, and the beginning of the second header.
const LISTED: &str = "x-list:x-list,x-listed;x-listed:";

fn digest_of(body: &str) -> String {
    reference::hex(&reference::Hash::Sha256.digest(body.as_bytes()))
}

fn described(delivery: &Delivery) -> SignatureScheme {
    let timestamp = Timestamp::header("x-time").accept_any_age();
    let mut scheme = SignatureScheme::hmac_sha256("x-signature")
        .encoding(Encoding::Hex)
        .item_separator(',')
        .tags('=', ["v1"]);
    if delivery.parts.contains(&Part::Id) {
        scheme = scheme.id_header("x-id");
    }
    if delivery.parts.contains(&Part::Time) {
        scheme = scheme.timestamp(match delivery.rfc3339 {
            true => timestamp.rfc3339(),
            false => timestamp,
        });
    }
    scheme = scheme.url(match delivery.exact {
        true => SignedUrl::exact(&delivery.url).expect("a URL"),
        false => SignedUrl::origin(ORIGIN).expect("a URL"),
    });
    scheme.signed(delivery.parts.iter().map(|part| {
        match part {
            Part::Body => Piece::Body,
            Part::Digest => Piece::BodyDigest(BodyDigest::Sha256Hex),
            Part::Form => Piece::SortedForm(SortedForm::new()),
            Part::Listed => Piece::SignedHeaders(
                SignedHeaders::in_header("x-list", ',')
                    .with_names(";")
                    .must_contain(["x-list", "x-listed"]),
            ),
            Part::Query => Piece::query("q"),
            Part::Header => Piece::header("x-header"),
            Part::Id => Piece::Id,
            Part::Literal(text) => Piece::literal(text),
            Part::Method => Piece::Method,
            Part::Path => Piece::PathAndQuery,
            Part::Tag => Piece::tag("n"),
            Part::Time => Piece::Timestamp,
            Part::Url => Piece::Url,
        }
    }))
}

/// The provider, and whether its scheme needs `accept_movable_body_boundary`.
fn provider(delivery: &Delivery) -> Option<(Provider<Bytes>, bool)> {
    let scheme = described(delivery);
    let (scheme, movable) = match scheme.clone().build() {
        Ok(scheme) => (scheme, false),
        Err(_) => (scheme.accept_movable_body_boundary().build().ok()?, true),
    };
    let secret = Secret::new(KEY).expect("a secret");
    let provider = Provider::new("acme", scheme, secret).expect("a provider");
    let name = match delivery.parts.contains(&Part::Header) {
        true => "x-header",
        false => "x-listed",
    };
    let provider = provider.event_name_header(HeaderName::from_static(name));
    Some((provider, movable))
}

/// Calls `each` with every way to cut `text` into these parts.
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
        Part::Url if text.starts_with(ORIGIN) => ORIGIN.len()..=text.len(),
        Part::Url => return,
        Part::Path if text.starts_with('/') => 1..=text.len(),
        Part::Path => return,
        Part::Digest => 64..=64,
        Part::Listed if text.starts_with(LISTED) => LISTED.len() + 1..=text.len(),
        Part::Listed => return,
        // Nothing shorter is a time.
        Part::Time => 10..=text.len(),
        Part::Body | Part::Form => 0..=text.len(),
        Part::Header | Part::Id | Part::Method | Part::Query | Part::Tag => 1..=text.len(),
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

/// What the handler gets for this reading, or `None` if it is rejected or is no request at all.
fn verdict(
    provider: &Provider<Bytes>,
    delivery: &Delivery,
    texts: &[&str],
    signature: &str,
) -> Option<Verified<Bytes>> {
    let tag = delivery.parts.iter().position(|part| *part == Part::Tag);
    let value = match tag {
        Some(tag) => format!("n={},v1={signature}", texts[tag]),
        None => format!("v1={signature}"),
    };
    let value = HeaderValue::from_str(&value).ok()?;
    let mut request = judge::post(&[], "");
    request.headers_mut().insert("x-signature", value);
    let query = delivery.parts.iter().position(|part| *part == Part::Query);
    let query = query.map(|query| format!("q={}", escaped(texts[query])));
    for (part, text) in delivery.parts.iter().zip(texts) {
        let name = match part {
            Part::Body => {
                *request.body_mut() = (*text).to_owned().into();
                continue;
            }
            Part::Digest => {
                // The body of any other digest is not known.
                if digest_of(&delivery.body) != *text {
                    return None;
                }
                *request.body_mut() = delivery.body.clone().into();
                continue;
            }
            Part::Form => {
                *request.body_mut() = escaped(text).into();
                continue;
            }
            Part::Listed => {
                let value = HeaderValue::from_str(text.strip_prefix(LISTED)?).ok()?;
                request.headers_mut().insert("x-listed", value);
                let list = HeaderValue::from_static("x-list,x-listed");
                request.headers_mut().insert("x-list", list);
                continue;
            }
            Part::Path => {
                *request.uri_mut() = text.parse().ok()?;
                continue;
            }
            Part::Method => {
                *request.method_mut() = Method::from_bytes(text.as_bytes()).ok()?;
                continue;
            }
            Part::Url => {
                *request.uri_mut() = match &text[ORIGIN.len()..] {
                    // The form of `CONNECT`, which has no path.
                    "" => Uri::from_static("example.com:443"),
                    path if path.starts_with('/') => path.parse().ok()?,
                    _ => return None,
                };
                continue;
            }
            Part::Header => "x-header",
            Part::Id => "x-id",
            Part::Literal(_) | Part::Query | Part::Tag => continue,
            Part::Time => "x-time",
        };
        let value = HeaderValue::from_str(text).ok()?;
        request.headers_mut().insert(name, value);
    }
    if let Some(query) = query {
        // A path from the request would then be another one, and it would be signed.
        let path = match request.uri().path_and_query() {
            Some(path) if !delivery.exact && path.as_str() != "/" => return None,
            _ => format!("/?{query}"),
        };
        *request.uri_mut() = path.parse().ok()?;
    }
    judge::judge(provider, request).ok()
}

/// A text without a character that has a meaning in a query or a form.
fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[test]
fn no_two_cuts_of_the_same_bytes_contradict_each_other() {
    let (tried, accepted, several_bodies) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let count = |counter: &Cell<usize>| counter.set(counter.get() + 1);
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(4000)
    };
    let check = |delivery: Delivery| {
        let Some((provider, movable)) = provider(&delivery) else {
            return Ok(());
        };
        let signed = delivery.texts.concat();
        let tag = reference::hmac(reference::Hash::Sha256, KEY.as_bytes(), signed.as_bytes());
        let signature = reference::hex(&tag);
        let (mut ids, mut headers, mut times) = (Vec::new(), Vec::new(), Vec::new());
        let mut bodies: Vec<Bytes> = Vec::new();
        cut(&delivery.parts, &signed, &mut Vec::new(), &mut |texts| {
            count(&tried);
            let Some(verified) = verdict(&provider, &delivery, texts, &signature) else {
                return;
            };
            count(&accepted);
            let text = |claim: Option<Claim<'_>>| claim.and_then(Claim::signed).map(str::to_owned);
            ids.extend(text(verified.delivery_id()));
            headers.extend(text(verified.event_name()));
            times.extend(verified.signed_at());
            bodies.push(match delivery.parts.contains(&Part::Form) {
                // Where a name ends is not proven, but the text of all fields is.
                true => {
                    let form = SignedForm::from_body(verified.body()).expect("a form");
                    let texts = form.iter().flat_map(|(name, value)| [name, value]);
                    texts.collect::<String>().into()
                }
                false => verified.body().clone(),
            });
        });
        for claims in [&mut ids, &mut headers] {
            claims.dedup();
            prop_assert!(claims.len() <= 1, "{:?}", claims);
        }
        times.dedup();
        prop_assert!(times.len() <= 1, "{:?}", times);
        bodies.dedup();
        if movable {
            several_bodies.set(several_bodies.get() + usize::from(bodies.len() > 1));
        } else {
            prop_assert!(bodies.len() <= 1, "{:?}", bodies);
        }
        Ok::<_, TestCaseError>(())
    };
    let verdict = TestRunner::new(config).run(&delivery(), check);
    println!(
        "{} cuts tried, {} accepted, {} deliveries with a movable body",
        tried.get(),
        accepted.get(),
        several_bodies.get(),
    );
    verdict.expect("one reading");
    // The search finds contradictions where there are some.
    assert!(several_bodies.get() > 0);
}
