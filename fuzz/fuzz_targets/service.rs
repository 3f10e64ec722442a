//! The whole service. The first line chooses the sender, the next lines are the head. After an
//! empty line comes the body. Control characters in it say how it arrives.
//!
//! In a header with a signature or key, `$` means the genuine one.
#![no_main]

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, header::CONTENT_LENGTH, request::Parts};
use libfuzzer_sys::fuzz_target;
use tower_webhook_auth::{Encoding, Piece, SharedKeyScheme, WebhookAuthLayer};
use tower_webhook_auth_fuzz::{
    Hash, KEY, Rules, Time, Unit, accepts, fill_in,
    frames::{Frames, Pieces, Step},
    layer, reference,
};

const KEY_HEADER: HeaderName = HeaderName::from_static("acme-key");
const LIMIT: usize = 256;
const MOST_EMPTY_FRAMES: usize = 1024;

const NEXT_FRAME: u8 = 0x1e;
const NEXT_PIECE: u8 = 0x1f;
const WAIT: u8 = 0x05;
const TRAILERS: u8 = 0x17;
const FAIL: u8 = 0x18;

fuzz_target!(|input: &[u8]| {
    let Some((sender, rest)) = line(input) else {
        return;
    };
    let sender = Sender::new(sender.first().copied().unwrap_or_default());
    let Some((mut head, rest)) = read_head(rest) else {
        return;
    };
    let (steps, body) = read_body(rest);
    sender.sign(&mut head, &body);

    let arrives = arrives(&steps) && declared(&head).is_none_or(|length| length <= LIMIT as u64);
    let expected = arrives && sender.accepts(&head, &body);
    let layer = sender.layer().max_body_bytes(LIMIT);
    assert_eq!(accepts(&layer, head, Frames::new(steps), &body), expected);
});

enum Sender {
    Key(Credentials),
    Signed(Rules),
}

#[derive(Clone, Copy)]
enum Credentials {
    Basic,
    Bearer,
    Verbatim,
}

impl Sender {
    fn new(choice: u8) -> Self {
        let dot = || Piece::literal(".");
        let rules = Rules::default();
        Self::Signed(match choice {
            // As Optimizely.
            b'o' => Rules {
                hash: Hash::Sha1,
                tags: Some(('=', &["sha1"])),
                ..rules
            },
            // As Stripe.
            b's' => Rules {
                item_separator: Some(','),
                tags: Some(('=', &["v1"])),
                time: Some(Time::seconds(Some("t"))),
                pieces: vec![Piece::Timestamp, dot(), Piece::Body],
                ..rules
            },
            // As Standard Webhooks.
            b'w' => Rules {
                encoding: Encoding::Base64,
                item_separator: Some(' '),
                tags: Some((',', &["v1"])),
                time: Some(Time::seconds(None)),
                pieces: vec![Piece::Id, dot(), Piece::Timestamp, dot(), Piece::Body],
                ..rules
            },
            // As Box.
            b'x' => Rules {
                encoding: Encoding::Base64,
                two_headers: true,
                time: Some(Time {
                    unit: Unit::Rfc3339,
                    tolerance: Some(Duration::from_secs(600)),
                    past_only: true,
                    ..Time::seconds(None)
                }),
                pieces: vec![Piece::Body, Piece::Timestamp],
                ..rules
            },
            b'a' => return Self::Key(Credentials::Basic),
            b'b' => return Self::Key(Credentials::Bearer),
            b'k' => return Self::Key(Credentials::Verbatim),
            _ => Rules {
                hash: Hash::Sha512,
                encoding: Encoding::Base64Url,
                ..rules
            },
        })
    }

    fn layer(&self) -> WebhookAuthLayer<Bytes> {
        let key = || SharedKeyScheme::new(KEY_HEADER.as_str());
        match self {
            Self::Key(credentials) => layer(
                match credentials {
                    Credentials::Basic => key().basic(),
                    Credentials::Bearer => key().bearer(),
                    Credentials::Verbatim => key(),
                }
                .build()
                .expect("a scheme"),
            ),
            Self::Signed(rules) => rules.layer().expect("rules without a contradiction"),
        }
    }

    fn sign(&self, head: &mut Parts, body: &[u8]) {
        match self {
            Self::Signed(rules) => rules.sign(head, body),
            Self::Key(credentials) => {
                if let Some(value) = head.headers.get_mut(KEY_HEADER) {
                    fill_in(value, credentials.text().as_bytes());
                }
            }
        }
    }

    fn accepts(&self, head: &Parts, body: &[u8]) -> bool {
        match self {
            Self::Signed(rules) => reference::accepts(rules, head, body),
            Self::Key(credentials) => reference::single(&head.headers, &KEY_HEADER)
                .flatten()
                .is_some_and(|value| {
                    let prefix = credentials.prefix().as_bytes();
                    value.len() >= prefix.len()
                        && value[..prefix.len()].eq_ignore_ascii_case(prefix)
                        && &value[prefix.len()..] == credentials.text().as_bytes()
                }),
        }
    }
}

impl Credentials {
    fn prefix(self) -> &'static str {
        match self {
            Self::Basic => "Basic ",
            Self::Bearer => "Bearer ",
            Self::Verbatim => "",
        }
    }

    fn text(self) -> String {
        match self {
            Self::Basic => STANDARD.encode(KEY),
            Self::Bearer | Self::Verbatim => KEY.to_owned(),
        }
    }
}

fn line(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = input.iter().position(|byte| *byte == b'\n')?;
    Some((&input[..end], &input[end + 1..]))
}

fn read_head(mut input: &[u8]) -> Option<(Parts, &[u8])> {
    let (mut head, ()) = Request::new(()).into_parts();
    loop {
        let (field, rest) = line(input)?;
        input = rest;
        if field.is_empty() {
            return Some((head, input));
        }
        let colon = field.iter().position(|byte| *byte == b':')?;
        let value = field[colon + 1..].trim_ascii();
        head.headers.append(
            HeaderName::from_bytes(&field[..colon]).ok()?,
            HeaderValue::from_bytes(value).ok()?,
        );
    }
}

/// The steps in which the body arrives, and the whole body.
fn read_body(input: &[u8]) -> (Vec<Step>, Vec<u8>) {
    let mut steps = Vec::new();
    let mut body = Vec::new();
    for frame in input.split(|byte| *byte == NEXT_FRAME) {
        match frame {
            [WAIT] => steps.push(Step::Wait),
            [TRAILERS] => steps.push(Step::Trailers),
            [FAIL] => steps.push(Step::Fail),
            _ => {
                let pieces = frame.split(|byte| *byte == NEXT_PIECE);
                let pieces: Pieces = pieces.map(Bytes::copy_from_slice).collect();
                body.extend(frame.iter().filter(|byte| **byte != NEXT_PIECE));
                steps.push(Step::Data(pieces));
            }
        }
    }
    (steps, body)
}

/// Whether the body ends within the limits.
fn arrives(steps: &[Step]) -> bool {
    let (mut length, mut empty) = (0, 0);
    for step in steps {
        match step {
            Step::Data(data) => match bytes::Buf::remaining(data) {
                0 => empty += 1,
                more => length += more,
            },
            Step::Trailers => empty += 1,
            Step::Fail => return false,
            Step::Wait => {}
        }
    }
    length <= LIMIT && empty <= MOST_EMPTY_FRAMES
}

fn declared(head: &Parts) -> Option<u64> {
    let said = head.headers.get(CONTENT_LENGTH)?.as_bytes();
    let digits = !said.is_empty() && said.iter().all(u8::is_ascii_digit);
    // A number that does not fit is still a length.
    digits.then(|| {
        let said = String::from_utf8_lossy(said);
        said.parse().unwrap_or(u64::MAX)
    })
}
