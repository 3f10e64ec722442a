//! Keys and signatures inside the body: JSON, forms, JSON in a field of a form, and multipart forms. The first byte
//! selects the sender. A line is the `Content-Type`, which is absent if it is empty; then comes the body. In the body,
//! `$` means the key, or the genuine signature. The second `$` belongs to the second element, and so on. `\x01` means the
//! delimiter `--xyz`.
#![no_main]

use std::sync::LazyLock;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use libfuzzer_sys::fuzz_target;
use ring::digest;
use tower_webhook_auth::{BodyKeyScheme, Encoding, Provider, Secret, provider};
use tower_webhook_auth_fuzz::{
    Hash, KEY, Lines, NOW, Strict, head, multipart, reference, replaced,
    token::{Members, text},
    verify,
};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Sender {
    Figma,
    MicrosoftGraph,
    KoFi,
    FormKey,
    Mailgun,
    DropboxSign,
    Adyen,
    Braintree,
    ExactOnline,
}

const SENDERS: [Sender; 9] = [
    Sender::Figma,
    Sender::MicrosoftGraph,
    Sender::KoFi,
    Sender::FormKey,
    Sender::Mailgun,
    Sender::DropboxSign,
    Sender::Adyen,
    Sender::Braintree,
    Sender::ExactOnline,
];

static PROVIDERS: LazyLock<Vec<Provider<Bytes>>> =
    LazyLock::new(|| SENDERS.iter().map(|sender| sender.provider()).collect());

/// The keys, or the signatures and their text, of one element.
struct Element {
    presented: Vec<u8>,
    signed: Vec<u8>,
}

/// What the `Content-Type` says.
enum Format {
    Form,
    Multipart(Vec<u8>),
    Other,
}

fuzz_target!(|input: &[u8]| {
    let Some((choice, mut lines)) = Lines::after_choice(input) else {
        return;
    };
    let sender = SENDERS[choice % SENDERS.len()];
    let provider = &PROVIDERS[choice % SENDERS.len()];
    let content_type = lines.line();
    let headers = (!content_type.is_empty()).then_some((CONTENT_TYPE, content_type));
    let Some(head) = head(headers.clone()) else {
        return;
    };
    let format = format(headers.map(|(_, value)| value));
    let body = &*replaced(lines.rest(), 1, b"--xyz");
    let elements = sender
        .ways()
        .into_iter()
        .find_map(|way| sender.read(way, &format, body, Strict(false)));
    let genuine: Vec<String> = match sender.is_key() {
        true => vec![KEY.to_owned()],
        false => {
            let elements = elements.unwrap_or_default();
            let texts = elements.iter().map(|element| sender.mac(&element.signed));
            texts.map(hex::encode).collect()
        }
    };
    let genuine: Vec<String> = match sender {
        Sender::Adyen => {
            let bytes = genuine
                .iter()
                .map(|text| hex::decode(text).expect("digits"));
            bytes
                .map(|bytes| reference::encode(Encoding::Base64, &bytes))
                .collect()
        }
        _ => genuine,
    };
    let mut filled = Vec::new();
    let mut place = 0;
    for byte in body {
        match (byte, genuine.get(place).or(genuine.last())) {
            (b'$', Some(text)) => {
                filled.extend_from_slice(text.as_bytes());
                place += 1;
            }
            _ => filled.push(*byte),
        }
    }
    let expected = sender.ways().into_iter().any(|way| {
        let elements = sender.read(way, &format, &filled, Strict(true));
        elements.is_some_and(|elements| {
            !elements.is_empty() && elements.iter().all(|element| sender.accepts(element))
        })
    });
    let shown = match sender.is_key() {
        true => KEY,
        false => genuine.first().map_or("", |text| text.as_str()),
    };
    let verified = verify(provider, &head, &filled, shown);
    assert_eq!(
        verified.is_some(),
        expected,
        "{sender:?} {}",
        String::from_utf8_lossy(&filled)
    );
});

fn format(content_type: Option<&[u8]>) -> Option<Format> {
    let Some(value) = content_type else {
        return Some(Format::Other);
    };
    let essence = value.split(|byte| *byte == b';').next().unwrap_or_default();
    let essence = String::from_utf8_lossy(essence.trim_ascii()).to_ascii_lowercase();
    match &*essence {
        _ if value.len() > 4096 => None,
        "application/x-www-form-urlencoded" => Some(Format::Form),
        "multipart/form-data" => Some(Format::Multipart(multipart::boundary(value)?)),
        _ => Some(Format::Other),
    }
}

impl Sender {
    fn provider(self) -> Provider<Bytes> {
        let key = || Secret::new(KEY).expect("a secret");
        match self {
            Self::Figma => provider::figma(key()),
            Self::MicrosoftGraph => provider::microsoft_graph(key()),
            Self::KoFi => provider::ko_fi(key()),
            Self::FormKey => {
                let scheme = BodyKeyScheme::form("key").build().expect("a scheme");
                Provider::new("acme", scheme, key()).expect("a provider")
            }
            Self::Mailgun => provider::mailgun(key()),
            Self::DropboxSign => provider::dropbox_sign(key()),
            Self::Adyen => {
                let key = Secret::new(hex::encode(KEY)).expect("a secret");
                provider::adyen_classic(key).expect("a provider")
            }
            Self::Braintree => provider::braintree(key()),
            Self::ExactOnline => provider::exact_online(key()),
        }
    }

    fn is_key(self) -> bool {
        matches!(
            self,
            Self::Figma | Self::MicrosoftGraph | Self::KoFi | Self::FormKey
        )
    }

    /// How the sender can write a body.
    fn ways(self) -> Vec<&'static str> {
        match self {
            Self::Mailgun => vec!["json", "form"],
            Self::FormKey | Self::Braintree => vec!["form"],
            Self::KoFi | Self::DropboxSign => vec!["json in form"],
            _ => vec!["json"],
        }
    }

    fn hash(self) -> Hash {
        match self {
            Self::Braintree => Hash::Sha1,
            _ => Hash::Sha256,
        }
    }

    fn mac(self, signed: &[u8]) -> Vec<u8> {
        let hashed = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, KEY.as_bytes());
        let key = match self {
            Self::Braintree => hashed.as_ref(),
            _ => KEY.as_bytes(),
        };
        reference::mac(self.hash(), key, signed)
    }

    fn accepts(self, element: &Element) -> bool {
        if self.is_key() {
            return element.presented == KEY.as_bytes();
        }
        let encoding = match self {
            Self::Adyen => Encoding::Base64,
            _ => Encoding::Hex,
        };
        let items: Vec<&[u8]> = match self {
            Self::Braintree => element.presented.split(|byte| *byte == b'&').collect(),
            _ => vec![&element.presented],
        };
        let decode = |item: &&[u8]| {
            let item = match self {
                Self::Braintree => &item[item.iter().rposition(|byte| *byte == b'|')? + 1..],
                _ => item,
            };
            reference::decode_as(encoding, self.hash(), item)
        };
        let signatures: Vec<Vec<u8>> = items.iter().filter_map(decode).collect();
        signatures.len() <= 16 && signatures.contains(&self.mac(&element.signed))
    }

    /// The elements of the body. `None` if it is rejected as a whole.
    fn read(
        self,
        way: &str,
        format: &Option<Format>,
        body: &[u8],
        Strict(is_strict): Strict,
    ) -> Option<Vec<Element>> {
        let format = format.as_ref()?;
        let of_form = |name: &str| field(format, body, name);
        let json = match way {
            "form" => return Some(vec![self.of_form(&of_form)?]),
            "json in form" => {
                let name = if self == Self::KoFi { "data" } else { "json" };
                let is_json = body.trim_ascii_start().first() == Some(&b'{');
                match format {
                    Format::Other if is_json => body.to_vec(),
                    Format::Form if is_json && !is_strict => body.to_vec(),
                    _ => of_form(name)??,
                }
            }
            _ => body.to_vec(),
        };
        let json = std::str::from_utf8(&json).ok()?;
        let one = |presented: String, signed: String| Element {
            presented: presented.into_bytes(),
            signed: signed.into_bytes(),
        };
        let key = |value: String| Some(one(text(&value)?, String::new()));
        let required = |value: String| match scalar(&value)? {
            None if !is_strict => Some("null".to_owned()),
            text => text,
        };
        match self {
            Self::Figma => Some(vec![key(at(json, &["passcode"])??)?]),
            Self::KoFi => Some(vec![key(at(json, &["verification_token"])??)?]),
            Self::MicrosoftGraph => {
                let list = elements(&at(json, &["value"])??)?;
                let element = |element: &String| key(at(element, &["clientState"])??);
                list.iter().map(element).collect()
            }
            Self::Mailgun => {
                let value = |name| required(at(json, &["signature", name])??);
                let (time, id) = (value("timestamp")?, value("token")?);
                Some(vec![one(value("signature")?, of_mailgun(&time, &id)?)])
            }
            Self::DropboxSign => {
                let value = |name| required(at(json, &["event", name])??);
                let signed = value("event_time")? + &value("event_type")?;
                Some(vec![one(value("event_hash")?, signed)])
            }
            Self::ExactOnline => {
                let signed = at(json, &["Content"])??;
                Some(vec![one(scalar(&at(json, &["HashCode"])??)??, signed)])
            }
            _ => {
                let list = elements(&at(json, &["notificationItems"])??)?;
                let items = list.iter().map(|item| {
                    let item = at(item, &["NotificationRequestItem"])??;
                    let value = |path: &[&str]| required(at(&item, path)??);
                    // Absent or `null`.
                    let optional = |name| match at(&item, &[name])? {
                        None => Some(String::new()),
                        Some(value) => Some(scalar(&value)?.unwrap_or_default()),
                    };
                    let signature = value(&["additionalData", "hmacSignature"])?;
                    let fields = [
                        value(&["pspReference"])?,
                        optional("originalReference")?,
                        value(&["merchantAccountCode"])?,
                        optional("merchantReference")?,
                        value(&["amount", "value"])?,
                        value(&["amount", "currency"])?,
                        value(&["eventCode"])?,
                        value(&["success"])?,
                    ];
                    let moves =
                        |(place, field): (usize, &String)| place != 3 && field.contains(':');
                    let moves = fields.iter().enumerate().any(moves);
                    (!moves || !is_strict).then(|| one(signature, fields.join(":")))
                });
                items.collect()
            }
        }
    }

    fn of_form(self, field: &dyn Fn(&str) -> Option<Option<Vec<u8>>>) -> Option<Element> {
        let text = |name| String::from_utf8(field(name)??).ok();
        let (presented, signed) = match self {
            Self::FormKey => (field("key")??, Vec::new()),
            Self::Braintree => (field("bt_signature")??, field("bt_payload")??),
            _ => {
                let signed = of_mailgun(&text("timestamp")?, &text("token")?)?;
                (field("signature")??, signed.into_bytes())
            }
        };
        Some(Element { presented, signed })
    }
}

fn of_mailgun(time: &str, id: &str) -> Option<String> {
    let is_time = time.len() == 10 && time.bytes().all(|byte| byte.is_ascii_digit());
    let seconds: u64 = time.parse().ok()?;
    let is_id = !id.is_empty() && id.chars().all(|c| ('!'..='~').contains(&c));
    // Ten digits that begin with a zero are another way to write a number.
    let is_right = is_time && !time.starts_with('0') && seconds.abs_diff(NOW) <= 300 && is_id;
    is_right.then(|| format!("{time}{id}"))
}

/// A field of a form that comes at most once. `None` if the form is rejected.
fn field(format: &Format, body: &[u8], name: &str) -> Option<Option<Vec<u8>>> {
    if let Format::Multipart(boundary) = format {
        return multipart::field(body, boundary, name);
    }
    let fields = reference::fields(body);
    let values: Vec<_> = fields
        .iter()
        .filter(|(other, _)| other == name.as_bytes())
        .collect();
    match values.as_slice() {
        _ if fields.len() > 1000 => None,
        [] => Some(None),
        [(_, value)] => Some(Some(value.clone())),
        _ => None,
    }
}

/// The value of a member, as it is written. `Some(None)` if it is absent.
fn at(json: &str, path: &[&str]) -> Option<Option<String>> {
    let mut json = json.to_owned();
    for name in path {
        let members = Members::read(json.as_bytes())?;
        let Some(value) = members.get(name) else {
            return Some(None);
        };
        json = value.to_owned();
    }
    Some(Some(json))
}

fn elements(json: &str) -> Option<Vec<String>> {
    let list: Vec<&serde_json::value::RawValue> = serde_json::from_str(json).ok()?;
    let is_list = (1..=1000).contains(&list.len());
    is_list.then(|| list.iter().map(|value| value.get().to_owned()).collect())
}

/// The text of a value. `Some(None)` for `null`. `None` for an object, a list and a text that is not Unicode.
fn scalar(json: &str) -> Option<Option<String>> {
    match json.chars().next()? {
        '"' => text(json).map(Some),
        'n' => Some(None),
        '{' | '[' => None,
        _ => Some(Some(json.to_owned())),
    }
}
