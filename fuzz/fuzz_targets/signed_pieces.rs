//! What is signed. Lines: the pieces, an id, another header, the method, the path; then the body.
//!
//! Among the pieces `b` is the body, `h` the header, `i` the id, `m` the method, `t` the timestamp,
//! `u` the URL and `U` the URL unescaped; anything else is itself.
#![no_main]

use http::{Method, Uri, request::Parts};
use libfuzzer_sys::fuzz_target;
use tower_webhook_auth::Piece;
use tower_webhook_auth_fuzz::{
    EXTRA, ID, NOW, Rules, SIGNATURE, TIMESTAMP, Time, accepts, frames::Frames, head, reference,
};

fuzz_target!(|input: &[u8]| {
    let mut lines = input.splitn(6, |byte| *byte == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    let (pieces, id, extra, method, path, body) = (line(), line(), line(), line(), line(), line());
    let Some(rules) = rules(pieces) else {
        return;
    };
    let Some(layer) = rules.layer() else {
        return;
    };
    let (Ok(method), Ok(uri)) = (Method::from_bytes(method), Uri::try_from(path)) else {
        return;
    };
    let build = |id: &[u8]| -> Option<Parts> {
        let now = NOW.to_string();
        let mut head = head([
            (SIGNATURE, &b"$"[..]),
            (TIMESTAMP, now.as_bytes()),
            (EXTRA, extra),
            (ID, id),
        ])?;
        head.method = method.clone();
        head.uri = uri.clone();
        Some(head)
    };
    let Some(mut head) = build(id) else {
        return;
    };
    rules.sign(&mut head, body);
    let signature = head.headers[SIGNATURE].clone();
    let expected = reference::accepts(&rules, &head, body);
    let accepted = accepts(&layer, head, Frames::of([body.to_vec().into()]), body);
    assert_eq!(accepted, expected, "{rules:?}");

    // The same bytes cut at another separator, under the same signature.
    for (other_id, other_body) in other_cuts(&rules.pieces, id, body) {
        let Some(mut head) = build(&other_id) else {
            continue;
        };
        head.headers.insert(SIGNATURE, signature.clone());
        let frames = Frames::of([other_body.clone().into()]);
        let also = accepts(&layer, head, frames, &other_body);
        assert!(
            !(accepted && also),
            "one signature for two deliveries: {rules:?}"
        );
    }
});

fn rules(text: &[u8]) -> Option<Rules> {
    // No sender signs more than a handful.
    if text.len() > 16 || !text.is_ascii() {
        return None;
    }
    let mut rules = Rules::default();
    rules.pieces = text
        .iter()
        .map(|byte| match byte {
            b'b' => Piece::Body,
            b'h' => Piece::Header(EXTRA.as_str().to_owned().into()),
            b'i' => Piece::Id,
            b'm' => Piece::Method,
            b't' => Piece::Timestamp,
            b'u' | b'U' => Piece::Url,
            other => Piece::Literal(char::from(*other).to_string().into()),
        })
        .collect();
    rules.unescape_url = text.contains(&b'U');
    rules.time = rules
        .pieces
        .contains(&Piece::Timestamp)
        .then(|| Time::seconds(None));
    Some(rules)
}

fn other_cuts(pieces: &[Piece], id: &[u8], body: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    // Where a piece stands twice it cannot change in one of its places alone.
    if pieces.iter().filter(|piece| **piece == Piece::Id).count() != 1 {
        return Vec::new();
    }
    let beside_body = pieces.windows(3).find_map(|three| match three {
        [Piece::Id, Piece::Literal(text), Piece::Body] => Some((text.as_bytes()[0], true)),
        [Piece::Body, Piece::Literal(text), Piece::Id] => Some((text.as_bytes()[0], false)),
        _ => None,
    });
    let Some((separator, id_first)) = beside_body else {
        return Vec::new();
    };
    let (left, right) = if id_first { (id, body) } else { (body, id) };
    let joined = [left, &[separator], right].concat();
    joined
        .iter()
        .enumerate()
        .filter(|(at, byte)| *at != left.len() && **byte == separator)
        .take(8)
        .map(|(at, _)| (joined[..at].to_vec(), joined[at + 1..].to_vec()))
        .map(|(left, right)| {
            if id_first {
                (left, right)
            } else {
                (right, left)
            }
        })
        .collect()
}
