//! Lists of signed headers. The first byte selects the scheme, and how many headers are added. Lines: `name:value` for
//! each header, until an empty line; then the body. In `acme-signature`, `$` means the genuine signature.
//!
//! Accepted if and only if the reference accepts it. With names, the signed text has one reading.
#![no_main]

use std::sync::LazyLock;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, request::Parts};
use libfuzzer_sys::fuzz_target;
use tower_webhook_auth::{Encoding, Piece, Provider, Secret, SignatureScheme, SignedHeaders};
use tower_webhook_auth_fuzz::{
    Hash, KEY, LIST, Lines, SIGNATURE, Strict, fill_in,
    reference::{self, trimmed},
    verify,
};

#[derive(Clone, Copy, Debug)]
enum Place {
    Header,
    Tag,
}

#[derive(Clone, Copy, Debug)]
struct Sender {
    list: Place,
    separator: char,
    joiner: &'static str,
    with_names: bool,
    must_contain: &'static [&'static str],
}

const SENDERS: [Sender; 3] = [
    // As Contentful.
    Sender {
        list: Place::Header,
        separator: ',',
        joiner: ";",
        with_names: true,
        must_contain: &["acme-list", "acme-extra"],
    },
    // As Hook0.
    Sender {
        list: Place::Tag,
        separator: ' ',
        joiner: ".",
        with_names: false,
        must_contain: &["acme-id", "acme-extra"],
    },
    Sender {
        list: Place::Header,
        separator: ' ',
        joiner: "--",
        with_names: false,
        must_contain: &["acme-extra"],
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
    let (mut head, ()) = Request::new(()).into_parts();
    loop {
        let line = lines.line();
        if line.is_empty() {
            break;
        }
        let colon = line.iter().position(|byte| *byte == b':');
        let (name, value) = line.split_at(colon.unwrap_or(line.len()));
        let value = value.get(1..).unwrap_or_default();
        let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value))
        else {
            return;
        };
        head.headers.append(name, value);
    }
    sender.add_names(&mut head, choice / SENDERS.len() % 20);
    let body = lines.rest();
    let mac = |signed: &[u8]| reference::mac(Hash::Sha256, KEY.as_bytes(), signed);
    // A text that must be rejected is signed as well: see `Strict`.
    let signed = sender.signed(&head, body, Strict(false));
    let genuine = hex::encode(mac(signed.as_deref().unwrap_or_default()));
    if let Some(value) = head.headers.get_mut(SIGNATURE) {
        fill_in(value, genuine.as_bytes());
    }
    let signed = sender.signed(&head, body, Strict(true));
    let expected = signed
        .as_ref()
        .is_some_and(|signed| sender.presents(&head, &mac(signed)));
    let verified = verify(provider, &head, body, &genuine);
    assert_eq!(
        verified.is_some(),
        expected,
        "{sender:?} {:?}",
        head.headers
    );
    if let (Some(signed), true, true) = (signed, expected, sender.with_names) {
        // A text before the first line break, because no value contains one.
        let text = String::from_utf8_lossy(&signed).into_owned();
        let text = format!(
            "{}{}",
            sender.joiner,
            text.split('\n').next().unwrap_or_default()
        );
        for name in sender.must_contain {
            let begin = format!("{}{name}:", sender.joiner);
            assert_eq!(text.matches(&begin).count(), 1, "two readings of {text:?}");
        }
    }
});

impl Sender {
    /// Adds headers to the request and their names to the list, if the list is in a header.
    fn add_names(&self, head: &mut Parts, count: usize) {
        let Some(list) = head
            .headers
            .get(LIST)
            .filter(|_| matches!(self.list, Place::Header))
        else {
            return;
        };
        let mut list = list.as_bytes().to_vec();
        for number in 0..count {
            let name = format!("x-{number}");
            list.extend(format!("{}{name}", self.separator).into_bytes());
            let name: HeaderName = name.parse().expect("a name");
            head.headers.append(name, HeaderValue::from_static("value"));
        }
        let list = HeaderValue::from_bytes(&list).expect("a value and names");
        *head.headers.get_mut(LIST).expect("the list") = list;
    }

    fn provider(&self) -> Provider<Bytes> {
        let headers = match self.list {
            Place::Header => SignedHeaders::in_header(LIST.as_str().to_owned(), self.separator),
            Place::Tag => SignedHeaders::in_tag("h", self.separator),
        };
        let headers = match self.with_names {
            true => headers.with_names(self.joiner),
            false => headers.values(self.joiner),
        };
        let headers = Piece::SignedHeaders(headers.must_contain(self.must_contain.iter().copied()));
        let scheme = SignatureScheme::hmac_sha256(SIGNATURE.as_str());
        let scheme = match self.list {
            Place::Header => scheme.signed([headers, Piece::literal("\n"), Piece::Body]),
            Place::Tag => scheme
                .item_separator(',')
                .tags('=', ["v1"])
                .signed([
                    Piece::tag("h"),
                    Piece::literal("."),
                    headers,
                    Piece::literal("."),
                    Piece::Body,
                ])
                .accept_movable_body_boundary(),
        };
        let secret = Secret::new(KEY).expect("a secret");
        Provider::new("acme", scheme.build().expect("a scheme"), secret).expect("a provider")
    }

    /// The items of the signature header, without the blanks around them.
    fn items<'a>(&self, head: &'a Parts) -> Option<Vec<&'a [u8]>> {
        let value = reference::single(&head.headers, &SIGNATURE)??;
        Some(match self.list {
            Place::Header => vec![value],
            Place::Tag => value.split(|byte| *byte == b',').map(trimmed).collect(),
        })
    }

    /// Whether the signature header has this signature.
    fn presents(&self, head: &Parts, tag: &[u8]) -> bool {
        let Some(items) = self.items(head) else {
            return false;
        };
        let texts = items.into_iter().filter_map(|item| match self.list {
            Place::Header => Some(item),
            Place::Tag => item.strip_prefix(b"v1="),
        });
        let decode = |text| reference::decode_as(Encoding::Hex, Hash::Sha256, text);
        let signatures: Vec<Vec<u8>> = texts.filter_map(decode).collect();
        (1..=16).contains(&signatures.len()) && signatures.iter().any(|found| found == tag)
    }

    fn signed(&self, head: &Parts, body: &[u8], Strict(is_strict): Strict) -> Option<Vec<u8>> {
        let list = match self.list {
            Place::Header => reference::single(&head.headers, &LIST)??,
            Place::Tag => {
                let items = self.items(head)?;
                let mut tags = items
                    .into_iter()
                    .filter_map(|item| item.strip_prefix(b"h="));
                let list = tags.next()?;
                let is_only = tags.next().is_none() && !list.contains(&b'.');
                (is_only || !is_strict).then_some(list)?
            }
        };
        let mut names: Vec<HeaderName> = Vec::new();
        for item in list.split(|byte| *byte == self.separator as u8) {
            names.push(HeaderName::from_bytes(trimmed(item)).ok()?);
        }
        let is_unique =
            |name: &HeaderName| names.iter().filter(|other| *other == name).count() == 1;
        let has = |name: &&str| names.iter().any(|other| other == *name);
        let is_list = names.len() <= 16
            && names.iter().all(is_unique)
            && self.must_contain.iter().all(|name| has(name));
        (is_list || !is_strict).then_some(())?;
        let mut values = Vec::new();
        for name in &names {
            let value = trimmed(reference::single(&head.headers, name)??);
            let moves = |name: &&str| {
                let begin = format!("{}{name}:", self.joiner);
                value
                    .windows(begin.len())
                    .any(|part| part == begin.as_bytes())
            };
            values.push(match self.with_names {
                true if is_strict && self.must_contain.iter().any(|name| moves(name)) => {
                    return None;
                }
                true => [name.as_str().as_bytes(), b":", value].concat(),
                false => value.to_vec(),
            });
        }
        let values = values.join(self.joiner.as_bytes());
        Some(match self.list {
            Place::Header => [values.as_slice(), b"\n", body].concat(),
            Place::Tag => [list, b".", &values, b".", body].concat(),
        })
    }
}
