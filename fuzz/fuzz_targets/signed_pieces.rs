//! The signed content. Lines: the pieces, an id, another header, the method, the path; then the body.
//!
//! Among the pieces `b` is the body, `d` its digest, `f` its sorted form, `h` the header, `i` the
//! id, `l` the headers that `acme-list` names, `m` the method, `n` the id as the value of a tag,
//! `p` the path and query, `q` the parameter `q`, `t` the timestamp, `u` the URL and `U` the URL
//! unescaped. `\r` is a line feed as a literal. Any other byte is a literal of this byte.
#![no_main]

use http::{Method, Uri, request::Parts};
use libfuzzer_sys::fuzz_target;
use tower_webhook_auth::{BodyDigest, Piece, SignedHeaders, SortedForm};
use tower_webhook_auth_fuzz::{
    EXTRA, ID, LIST, NOW, ORIGIN, Rules, SIGNATURE, TIMESTAMP, Time, accepts, frames::Frames, head,
    layer, reference,
};

/// The value of each piece in a request.
#[derive(Clone, PartialEq)]
struct Values {
    id: Vec<u8>,
    extra: Vec<u8>,
    method: Vec<u8>,
    path: Vec<u8>,
    body: Vec<u8>,
}

/// The number of cuts that are tried for one input. Each costs a request.
const MOST_CUTS: usize = 64;

fuzz_target!(|input: &[u8]| {
    let mut lines = input.splitn(6, |byte| *byte == b'\n');
    let mut line = || lines.next().unwrap_or_default().to_vec();
    let pieces = line();
    let values = Values {
        id: line(),
        extra: line(),
        method: line(),
        path: line(),
        body: line(),
    };
    let Some(rules) = rules(&pieces) else {
        return;
    };
    let Some((scheme, movable)) = rules.scheme() else {
        return;
    };
    let now = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(NOW);
    let layer = layer(scheme).clock(move || now);
    let Some(mut head) = build(&rules, &values) else {
        return;
    };
    rules.sign(&mut head, &values.body);
    let signature = head.headers[SIGNATURE].clone();
    let expected = reference::accepts(&rules, &head, &values.body);
    let frames = |body: &[u8]| Frames::of([body.to_vec().into()]);
    let accepted = accepts(&layer, head, frames(&values.body), &values.body);
    assert_eq!(accepted, expected, "{rules:?}");
    // If the boundaries of the body are not marked, the builder has returned an error.
    if movable || !accepted {
        return;
    }
    // The same bytes, cut elsewhere, under the same signature.
    for other in other_cuts(&rules.pieces, &values) {
        let Some(mut head) = build(&rules, &other) else {
            continue;
        };
        // The tag is in the header with the signature, and has the value of the other cut.
        if !rules
            .pieces
            .iter()
            .any(|piece| matches!(piece, Piece::Tag(_)))
        {
            head.headers.insert(SIGNATURE, signature.clone());
        } else {
            rules.sign(&mut head, &values.body);
        }
        let also = accepts(&layer, head, frames(&other.body), &other.body);
        assert!(
            !also || other.body == values.body,
            "one signature for two bodies: {rules:?}"
        );
    }
});

fn build(rules: &Rules, values: &Values) -> Option<Parts> {
    let now = NOW.to_string();
    let signature = match rules.tags {
        Some(_) => [b"n=", values.id.as_slice(), b",v1=$"].concat(),
        None => b"$".to_vec(),
    };
    let list = format!("{LIST},{EXTRA}");
    let mut head = head([
        (SIGNATURE, signature.as_slice()),
        (LIST, list.as_bytes()),
        (TIMESTAMP, now.as_bytes()),
        (EXTRA, &values.extra),
        (ID, &values.id),
    ])?;
    head.method = Method::from_bytes(&values.method).ok()?;
    head.uri = Uri::try_from(values.path.as_slice()).ok()?;
    Some(head)
}

fn rules(text: &[u8]) -> Option<Rules> {
    // No sender signs more than a few pieces.
    if text.len() > 16 || !text.is_ascii() {
        return None;
    }
    let mut rules = Rules::default();
    rules.pieces = text
        .iter()
        .map(|byte| match byte {
            b'b' => Piece::Body,
            b'd' => Piece::BodyDigest(BodyDigest::Sha256Hex),
            b'f' => Piece::SortedForm(SortedForm::new()),
            b'l' => Piece::SignedHeaders(
                SignedHeaders::in_header(LIST.as_str().to_owned(), ',')
                    .with_names(";")
                    .must_contain([LIST.as_str().to_owned(), EXTRA.as_str().to_owned()]),
            ),
            b'n' => Piece::tag("n"),
            b'p' => Piece::PathAndQuery,
            b'q' => Piece::query("q"),
            b'h' => Piece::Header(EXTRA.as_str().to_owned().into()),
            b'i' => Piece::Id,
            b'm' => Piece::Method,
            b't' => Piece::Timestamp,
            b'u' | b'U' => Piece::Url,
            b'\r' => Piece::literal("\n"),
            other => Piece::Literal(char::from(*other).to_string().into()),
        })
        .collect();
    rules.unescape_url = text.contains(&b'U');
    if text.contains(&b'n') {
        rules.item_separator = Some(',');
        rules.tags = Some(('=', &["v1"]));
    }
    rules.time = rules
        .pieces
        .contains(&Piece::Timestamp)
        .then(|| Time::seconds(None));
    Some(rules)
}

impl Values {
    fn of(&self, piece: &Piece) -> Option<Vec<u8>> {
        Some(match piece {
            Piece::Body => self.body.clone(),
            Piece::Header(_) => self.extra.clone(),
            Piece::Id => self.id.clone(),
            Piece::Literal(text) => text.as_bytes().to_vec(),
            Piece::Method => self.method.clone(),
            Piece::PathAndQuery => self.path.clone(),
            Piece::Timestamp => NOW.to_string().into_bytes(),
            Piece::Url => [ORIGIN.as_bytes(), &self.path].concat(),
            _ => return None,
        })
    }

    /// These values with another one for this piece; `None` if the piece cannot have it.
    fn with(&self, piece: &Piece, value: &[u8]) -> Option<Self> {
        let mut values = self.clone();
        match piece {
            Piece::Body => values.body = value.to_vec(),
            Piece::Header(_) => values.extra = value.to_vec(),
            Piece::Id => values.id = value.to_vec(),
            Piece::Method => values.method = value.to_vec(),
            Piece::PathAndQuery => values.path = value.to_vec(),
            Piece::Url => values.path = value.strip_prefix(ORIGIN.as_bytes())?.to_vec(),
            piece => return (self.of(piece)? == value).then_some(values),
        }
        Some(values)
    }
}

/// The cuts in which two pieces with at most one fixed piece between them have other values.
fn other_cuts(pieces: &[Piece], values: &Values) -> Vec<Values> {
    let free = |piece: &Piece| !matches!(piece, Piece::Literal(_) | Piece::Timestamp);
    let mut cuts = Vec::new();
    for (at, first) in pieces.iter().enumerate() {
        for second in at + 1..(at + 3).min(pieces.len()) {
            let (between, second) = (&pieces[at + 1..second], &pieces[second]);
            // A piece that is signed twice cannot change in one place only.
            let once = |piece: &Piece| pieces.iter().filter(|other| *other == piece).count() == 1;
            if !free(first) || !free(second) || !once(first) || !once(second) {
                continue;
            }
            let text = |piece: &Piece| values.of(piece).unwrap_or_default();
            let fixed: Vec<u8> = between.iter().flat_map(text).collect();
            let joined = [text(first), fixed.clone(), text(second)].concat();
            for cut in 0..=joined.len().saturating_sub(fixed.len()) {
                if joined[cut..].starts_with(&fixed) {
                    let (left, right) = (&joined[..cut], &joined[cut + fixed.len()..]);
                    let cut = values
                        .with(first, left)
                        .and_then(|values| values.with(second, right));
                    cuts.extend(cut.filter(|cut| cut != values));
                }
            }
        }
    }
    cuts.truncate(MOST_CUTS);
    cuts
}
