//! Signatures and signed parameters in the query. The first byte selects the scheme. Lines: the query and the value of
//! the header `acme-extra`, which is absent if the line is empty; then the body.
//!
//! In the query, `$` means the genuine signature with percent escapes, and `*` means it without them.
#![no_main]

use std::sync::LazyLock;

use bytes::Bytes;
use http::{Uri, request::Parts};
use libfuzzer_sys::fuzz_target;
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use tower_webhook_auth::{Encoding, Piece, Provider, QueryParameter, Secret, SignatureScheme};
use tower_webhook_auth_fuzz::{
    EXTRA, Hash, KEY, Lines, SIGNATURE, head, reference, replaced, verify,
};

/// One piece of the signed text.
#[derive(Clone, Copy, Debug)]
enum Part {
    Body,
    Header,
    Literal(&'static str),
    /// A parameter. `true`: its value is signed in lower case.
    Parameter(&'static str, bool),
    /// Literals around a value that may be absent.
    Optional(&'static [Part]),
}

#[derive(Clone, Copy, Debug)]
struct Sender {
    /// The parameter with the signature. `None`: it is in a header.
    parameter: Option<&'static str>,
    encoding: Encoding,
    /// What separates the signatures, and the tag of each.
    list: Option<(char, &'static str)>,
    parts: &'static [Part],
}

const ID: Part = Part::Parameter("data.id", true);

const SENDERS: [Sender; 6] = [
    Sender {
        parameter: Some("sig[]"),
        encoding: Encoding::Hex,
        list: None,
        parts: &[Part::Body],
    },
    Sender {
        parameter: Some("sig"),
        encoding: Encoding::Base64,
        list: None,
        parts: &[
            Part::Parameter("a", false),
            Part::Literal("."),
            Part::Parameter("b", false),
            Part::Literal("."),
            Part::Body,
        ],
    },
    Sender {
        parameter: Some("s"),
        encoding: Encoding::Base64Url,
        list: Some((' ', "v1")),
        parts: &[Part::Body],
    },
    Sender {
        parameter: None,
        encoding: Encoding::Hex,
        list: None,
        parts: &[Part::Parameter("q", false), Part::Literal(":"), Part::Body],
    },
    Sender {
        parameter: None,
        encoding: Encoding::Hex,
        list: None,
        parts: &[ID, Part::Literal(":"), Part::Body],
    },
    Sender {
        parameter: None,
        encoding: Encoding::Hex,
        list: None,
        parts: &[
            Part::Optional(&[Part::Literal("id:"), ID, Part::Literal(";")]),
            Part::Optional(&[Part::Literal("request:"), Part::Header, Part::Literal(";")]),
            Part::Literal("body:"),
            Part::Body,
        ],
    },
];

static PROVIDERS: LazyLock<Vec<Provider<Bytes>>> =
    LazyLock::new(|| SENDERS.iter().map(Sender::provider).collect());

fuzz_target!(|input: &[u8]| {
    let Some((choice, mut lines)) = Lines::after_choice(input) else {
        return;
    };
    let sender = &SENDERS[choice % SENDERS.len()];
    let provider = &PROVIDERS[choice % SENDERS.len()];
    let (query, extra) = (lines.line(), lines.line());
    let body = lines.rest();
    let Some(unsigned) = build(query, extra) else {
        return;
    };
    let tag = sender.signed(&unsigned, body).unwrap_or_default();
    let tag = reference::mac(Hash::Sha256, KEY.as_bytes(), &tag);
    let genuine = reference::encode(sender.encoding, &tag);
    let escaped = percent_encode(genuine.as_bytes(), NON_ALPHANUMERIC).to_string();
    let query = replaced(query, b'$', escaped.as_bytes());
    let query = replaced(&query, b'*', genuine.as_bytes());
    let Some(mut head) = build(&query, extra) else {
        return;
    };
    if sender.parameter.is_none() {
        head.headers
            .insert(SIGNATURE, genuine.parse().expect("a value"));
    }
    let expected = sender.accepts(&head, body, &tag);
    let verified = verify(provider, &head, body, &genuine);
    assert_eq!(verified.is_some(), expected, "{sender:?} {:?}", head.uri);
});

fn build(query: &[u8], extra: &[u8]) -> Option<Parts> {
    let extra = (!extra.is_empty()).then_some((EXTRA, extra));
    let mut head = head(extra)?;
    head.uri = Uri::try_from([b"/hook?", query].concat()).ok()?;
    Some(head)
}

/// The decoded values of a parameter.
fn values(head: &Parts, name: &str) -> Vec<Vec<u8>> {
    let query = head.uri.query().unwrap_or_default();
    let fields = reference::fields(query.as_bytes()).into_iter();
    fields
        .filter(|(other, _)| other == name.as_bytes())
        .map(|(_, value)| value)
        .collect()
}

/// The value of a parameter that comes once.
fn value(head: &Parts, name: &str) -> Option<Vec<u8>> {
    match values(head, name).as_slice() {
        [value] if value.len() <= 4096 => Some(value.clone()),
        _ => None,
    }
}

impl Sender {
    fn provider(&self) -> Provider<Bytes> {
        let header = SIGNATURE;
        let name = self.parameter.unwrap_or(header.as_str());
        let mut scheme = SignatureScheme::hmac_sha256(name)
            .encoding(self.encoding)
            .signed(self.parts.iter().map(Part::piece));
        if self.parameter.is_some() {
            scheme = scheme.in_query();
        }
        if let Some((separator, tag)) = self.list {
            scheme = scheme.item_separator(separator).tags('=', [tag]);
        }
        let scheme = match scheme.clone().build() {
            Ok(scheme) => scheme,
            // It is not marked whether an optional piece is there.
            Err(_) => {
                let scheme = scheme.accept_movable_body_boundary().build();
                scheme.expect("a scheme")
            }
        };
        let secret = Secret::new(KEY).expect("a secret");
        Provider::new("acme", scheme, secret).expect("a provider")
    }

    /// The signed text, whether or not its values may contain what follows them.
    fn signed(&self, head: &Parts, body: &[u8]) -> Option<Vec<u8>> {
        write(self.parts, head, body, false)
    }

    fn accepts(&self, head: &Parts, body: &[u8], tag: &[u8]) -> bool {
        let presented = match self.parameter {
            None => vec![tag.to_vec()],
            Some(name) => match value(head, name) {
                Some(value) => self.presented(&value),
                None => return false,
            },
        };
        let signed = write(self.parts, head, body, true);
        let tag = signed.map(|signed| reference::mac(Hash::Sha256, KEY.as_bytes(), &signed));
        (1..=16).contains(&presented.len()) && tag.is_some_and(|tag| presented.contains(&tag))
    }

    fn presented(&self, value: &[u8]) -> Vec<Vec<u8>> {
        let decode = |text: &[u8]| reference::decode_as(self.encoding, Hash::Sha256, text);
        let Some((separator, tag)) = self.list else {
            return decode(value).into_iter().collect();
        };
        let text = |item: &[u8]| {
            let item = std::str::from_utf8(item).ok()?.trim_matches([' ', '\t']);
            let text = item.strip_prefix(&format!("{tag}="))?;
            decode(text.as_bytes())
        };
        let items = value.split(|byte| *byte == separator as u8);
        items.filter_map(text).collect()
    }
}

impl Part {
    fn piece(&self) -> Piece {
        match *self {
            Self::Body => Piece::Body,
            Self::Header => Piece::Header(EXTRA.as_str().to_owned().into()),
            Self::Literal(text) => Piece::literal(text),
            Self::Parameter(name, false) => Piece::query(name),
            Self::Parameter(name, true) => Piece::Query(QueryParameter::new(name).lower_case()),
            Self::Optional(parts) => Piece::optional(parts.iter().map(Self::piece)),
        }
    }
}

/// The signed text. If `strict`, a value with the literal that follows it is rejected.
fn write(parts: &[Part], head: &Parts, body: &[u8], strict: bool) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        let bytes = match *part {
            Part::Body => {
                text.extend_from_slice(body);
                continue;
            }
            Part::Literal(literal) => {
                text.extend_from_slice(literal.as_bytes());
                continue;
            }
            Part::Optional(parts) => {
                let is_there = parts.iter().all(|part| match part {
                    Part::Parameter(name, _) => !values(head, name).is_empty(),
                    Part::Header => head.headers.contains_key(EXTRA),
                    _ => true,
                });
                if is_there {
                    text.extend(write(parts, head, body, strict)?);
                }
                continue;
            }
            Part::Header => reference::single(&head.headers, &EXTRA)??.to_vec(),
            Part::Parameter(name, lower_case) => {
                let value = match strict {
                    true => value(head, name)?,
                    false => values(head, name).into_iter().next()?,
                };
                match lower_case {
                    true => value.to_ascii_lowercase(),
                    false => value,
                }
            }
        };
        if let (true, Some(Part::Literal(after))) = (strict, parts.get(at + 1)) {
            let after = after.as_bytes();
            let contains = bytes.windows(after.len()).any(|part| part == after);
            (!contains).then_some(())?;
        }
        text.extend(bytes);
    }
    Some(text)
}
