//! Signed forms of Twilio, Mandrill and Plivo. The first byte selects the sender and what the target signs. Lines: the
//! `Content-Type`, which is absent if the line is empty, and the value of the signature header; then the body. In the
//! signature header, `$` means the genuine signature.
//!
//! Accepted if and only if the reference accepts it. Then `SignedForm` reads exactly the signed fields.
#![no_main]

use std::sync::LazyLock;

use bytes::Bytes;
use http::{HeaderName, header::CONTENT_TYPE, request::Parts};
use libfuzzer_sys::fuzz_target;
use ring::digest;
use tower_webhook_auth::{Encoding, FromBody, Provider, Secret, SignedForm, SignedUrl, provider};
use tower_webhook_auth_fuzz::{
    Hash, KEY, Lines, Strict, fill_in, head,
    reference::{self, trimmed},
    verify,
};

const NONCE: HeaderName = HeaderName::from_static("x-plivo-signature-v3-nonce");
const NONCE_VALUE: &str = "12345";

#[derive(Clone, Copy, Debug, PartialEq)]
enum Sender {
    Twilio { with_query: bool },
    Mandrill,
    Plivo { with_query: bool },
}

const SENDERS: [Sender; 5] = [
    Sender::Twilio { with_query: false },
    Sender::Twilio { with_query: true },
    Sender::Mandrill,
    Sender::Plivo { with_query: false },
    Sender::Plivo { with_query: true },
];

/// How a sender can sign a body.
#[derive(Clone, Copy, Debug)]
struct Way {
    hash: Hash,
    /// The URL, and a text between it and the fields of the form.
    url: &'static str,
    before: &'static str,
    /// `None`: it is for forms. Otherwise the text before the digest of the body.
    parameter: Option<&'static str>,
}

static PROVIDERS: LazyLock<Vec<Provider<Bytes>>> =
    LazyLock::new(|| SENDERS.iter().map(|sender| sender.provider()).collect());

fuzz_target!(|input: &[u8]| {
    let Some((choice, mut lines)) = Lines::after_choice(input) else {
        return;
    };
    let sender = SENDERS[choice % SENDERS.len()];
    let provider = &PROVIDERS[choice % SENDERS.len()];
    let (content_type, value) = (lines.line(), lines.line());
    let body = lines.rest();
    let content_type = (!content_type.is_empty()).then_some((CONTENT_TYPE, content_type));
    let headers = [(sender.header(), value), (NONCE, NONCE_VALUE.as_bytes())];
    let Some(mut head) = head(headers.into_iter().chain(content_type)) else {
        return;
    };
    let ways = sender.ways();
    let way = ways[choice / SENDERS.len() % ways.len()];
    let signed = sender.signed(way, body, Strict(false));
    let tag = signed.map(|signed| mac(way, &signed));
    let genuine = reference::encode(Encoding::Base64, &tag.unwrap_or_default());
    let value = head.headers.get_mut(sender.header()).expect("the header");
    fill_in(value, genuine.as_bytes());

    let expected = ways.iter().any(|way| sender.accepts(*way, &head, body));
    let verified = verify(provider, &head, body, &genuine);
    assert_eq!(
        verified.is_some(),
        expected,
        "{sender:?} {:?}",
        head.headers
    );
    let Some(verified) = verified else {
        return;
    };
    let is_body = verified.way().is_some_and(|way| way.starts_with("body"));
    assert_eq!(verified.body_is_signed(), is_body);
    if !is_body {
        let form = SignedForm::from_body(body).expect("a form");
        let mut read: Vec<(&[u8], &[u8])> = form
            .iter()
            .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
            .collect();
        read.dedup();
        let mut fields = reference::fields(body);
        fields.sort();
        fields.dedup();
        let fields = fields.iter().map(|(name, value)| (&**name, &**value));
        assert_eq!(read, fields.collect::<Vec<_>>());
    }
});

fn mac(way: Way, signed: &[u8]) -> Vec<u8> {
    reference::mac(way.hash, KEY.as_bytes(), signed)
}

impl Sender {
    fn provider(self) -> Provider<Bytes> {
        let key = Secret::new(KEY).expect("a secret");
        let url = SignedUrl::exact(self.entered_url()).expect("a URL");
        let provider = match self {
            Self::Twilio { .. } => provider::twilio(key, url),
            Self::Mandrill => provider::mandrill(key, url),
            Self::Plivo { .. } => provider::plivo(key, url),
        };
        provider.expect("a provider")
    }

    /// The URL as the owner entered it at the sender.
    fn entered_url(self) -> &'static str {
        match self {
            Self::Twilio { with_query: true } => "https://example.com/hook?a=1",
            Self::Plivo { with_query: true } => "https://example.com/hook?b=%31&a=2",
            _ => "https://example.com/hook",
        }
    }

    fn header(self) -> HeaderName {
        HeaderName::from_static(match self {
            Self::Twilio { .. } => "x-twilio-signature",
            Self::Mandrill => "x-mandrill-signature",
            Self::Plivo { .. } => "x-plivo-signature-v3",
        })
    }

    fn ways(self) -> Vec<Way> {
        let form = |hash, url| Way {
            hash,
            url,
            before: "",
            parameter: None,
        };
        match self {
            Self::Twilio { with_query } => {
                let (urls, parameter) = match with_query {
                    true => (
                        [
                            "https://example.com/hook?a=1",
                            "https://example.com:443/hook?a=1",
                        ],
                        "&bodySHA256=",
                    ),
                    false => (
                        ["https://example.com/hook", "https://example.com:443/hook"],
                        "?bodySHA256=",
                    ),
                };
                let mut ways = Vec::new();
                for url in urls {
                    for hash in [Hash::Sha1, Hash::Sha256] {
                        ways.push(form(hash, url));
                        ways.push(Way {
                            parameter: Some(parameter),
                            ..form(hash, url)
                        });
                    }
                }
                ways
            }
            Self::Mandrill => vec![form(Hash::Sha1, self.entered_url())],
            Self::Plivo { with_query: false } => vec![Way {
                before: "?",
                ..form(Hash::Sha256, self.entered_url())
            }],
            Self::Plivo { with_query: true } => vec![Way {
                before: ".",
                ..form(Hash::Sha256, "https://example.com/hook?a=2&b=1")
            }],
        }
    }

    /// The signed text. `None` if the body cannot be signed in this way.
    fn signed(self, way: Way, body: &[u8], Strict(is_strict): Strict) -> Option<Vec<u8>> {
        if let Some(parameter) = way.parameter {
            let digest = hex::encode(digest::digest(&digest::SHA256, body));
            return Some(format!("{}{parameter}{digest}", way.url).into_bytes());
        }
        let mut fields = reference::fields(body);
        if is_strict && fields.len() > 1000 {
            return None;
        }
        fields.sort();
        if matches!(self, Self::Twilio { .. }) {
            fields.dedup();
        }
        let before = if fields.is_empty() { "" } else { way.before };
        let mut text = Vec::new();
        for (name, value) in fields {
            let is_text = |bytes: &[u8]| std::str::from_utf8(bytes).is_ok();
            if is_strict && !(is_text(&name) && is_text(&value)) {
                return None;
            }
            text.extend([name, value].concat());
        }
        let is_of_body = [&b"?bodySHA256="[..], b"&bodySHA256="]
            .iter()
            .any(|begin| text.starts_with(begin));
        if is_strict && matches!(self, Self::Twilio { .. }) && is_of_body {
            return None;
        }
        let after = match self {
            Self::Plivo { .. } => format!(".{NONCE_VALUE}"),
            _ => String::new(),
        };
        Some(
            [
                way.url.as_bytes(),
                before.as_bytes(),
                &text,
                after.as_bytes(),
            ]
            .concat(),
        )
    }

    fn accepts(self, way: Way, head: &Parts, body: &[u8]) -> bool {
        let Some(content_type) = reference::single(&head.headers, &CONTENT_TYPE) else {
            return false;
        };
        let is_form = content_type.map(|value| {
            let value = String::from_utf8_lossy(value).to_ascii_lowercase();
            let essence = value.split(';').next().unwrap_or_default();
            essence.trim_matches([' ', '\t']) == "application/x-www-form-urlencoded"
        });
        if is_form.is_some_and(|is_form| is_form == way.parameter.is_some()) {
            return false;
        }
        let (Some(signed), Some(Some(value))) = (
            self.signed(way, body, Strict(true)),
            reference::single(&head.headers, &self.header()),
        ) else {
            return false;
        };
        let items: Vec<&[u8]> = match self {
            Self::Plivo { .. } => value.split(|byte| *byte == b',').collect(),
            _ => vec![value],
        };
        let decode = |item: &&[u8]| {
            let item = match self {
                Self::Plivo { .. } => trimmed(item),
                _ => item,
            };
            reference::decode_as(Encoding::Base64, way.hash, item)
        };
        let signatures: Vec<Vec<u8>> = items.iter().filter_map(decode).collect();
        signatures.len() <= 16 && signatures.contains(&mac(way, &signed))
    }
}
