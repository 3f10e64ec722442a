//! [`Way`]: the description of a scheme as data, derived from the checked scheme. So it agrees with the layer.

use std::{fmt, time::Duration};

use http::HeaderName;

#[cfg(feature = "rsa")]
use super::rsa::RsaHash;
use super::{
    Kind, Scheme,
    builder::Signed,
    custom::Custom,
    encoding::Encoding,
    headers::Aliases,
    key::{KeyEncoding, KeyText},
    mac::Algorithm,
    shared_key::SharedKey,
    signed::{BodyDigest, Part, SignedBody},
    signed_headers::Listed,
    timestamp::{Timestamp, Unit},
};

/// One way in which a sender proves its deliveries.
///
/// Most senders have one. A sender that changed its scheme, or that offers two, has several:
/// see [`Sender::ways`](crate::provider::Sender::ways).
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// The name of the way, as [`Verified::way`](crate::Verified::way) returns it. `None` if there is only
    /// one way.
    pub name: Option<String>,
    /// The algorithm, such as `HMAC-SHA256` or `shared key`. It is `custom` for a
    /// [`CustomScheme`](crate::CustomScheme), whose code says no more about itself than its facts.
    pub algorithm: &'static str,
    /// How the signature is written. `None` for a shared key.
    pub encoding: Option<Encoding>,
    /// The form of the signature or key header's value, such as `t={timestamp},v1={signature}`. Empty for a
    /// custom scheme.
    pub value: String,
    /// The signed content, such as `{id}.{timestamp}.{body}`. Empty for a shared key, which signs
    /// nothing, and for a custom scheme.
    pub signed: String,
    /// The headers that this way reads, and what each holds.
    pub headers: Vec<(HeaderRole, HeaderName)>,
    /// What this way reads from the query or the body, and what each holds.
    pub fields: Vec<(HeaderRole, Field)>,
    /// The unit of the timestamp, if the scheme reads one.
    pub timestamp: Option<&'static str>,
    /// How far the signed time may be from now.
    pub window: Window,
    /// How the key is written in the secret's text.
    pub key: String,
    /// Whether the signature proves the delivery's id: it is signed, and the signed bytes show where it
    /// begins and ends.
    pub id_is_signed: bool,
    /// Whether the signature covers the body or a digest of it. It is `false` for a shared key, and for a
    /// signature over other pieces.
    pub body_is_covered: bool,
    /// Whether any text is a key. If not, a key can be written wrongly, and the preset's function
    /// returns a `Result`.
    pub any_text_is_a_key: bool,
}

/// A place outside the headers.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// A field of the form in the body.
    Form(String),
    /// A value of the JSON in the body, by its [pointer](https://www.rfc-editor.org/rfc/rfc6901). A `*` is
    /// each element of a list.
    Json(String),
    /// A value of JSON in a field of a form.
    JsonInForm {
        /// The field of the form.
        field: String,
        /// The place in the JSON.
        pointer: String,
    },
    /// A parameter of the query.
    Query(String),
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form(name) => write!(f, "form field `{name}`"),
            Self::Json(pointer) => write!(f, "JSON `{pointer}`"),
            Self::JsonInForm { field, pointer } => {
                write!(f, "JSON `{pointer}` of the form field `{field}`")
            }
            Self::Query(name) => write!(f, "query parameter `{name}`"),
        }
    }
}

/// What a header, a parameter or a field holds.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HeaderRole {
    /// The event's name.
    Event,
    /// The delivery's id.
    Id,
    /// The shared key.
    Key,
    /// The names of the headers that are signed.
    List,
    /// A fixed value that the scheme requires.
    Required,
    /// The signature.
    Signature,
    /// Another signed value.
    Signed,
    /// The time of signing.
    Timestamp,
}

/// How far the signed time may be from now.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Window {
    /// A time is read, and any age is accepted: a delivery can be sent again at any time.
    AnyAge,
    /// The time may be this far in the past or in the future.
    Both(Duration),
    /// The sender chooses the time at which a delivery expires. It is in the token.
    Expiry,
    /// The scheme reads no time: a delivery can be sent again at any time.
    NoTime,
    /// The time may be this far in the past. A time in the future is accepted.
    Past(Duration),
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AnyAge => f.write_str("any age"),
            Self::Both(tolerance) => write!(f, "{} s", tolerance.as_secs()),
            Self::Expiry => f.write_str("until the token expires"),
            Self::NoTime => f.write_str("none"),
            Self::Past(tolerance) => write!(f, "{} s, past only", tolerance.as_secs()),
        }
    }
}

impl Scheme {
    /// What this scheme does: one entry for each way to verify, in the order in which they are tried.
    #[must_use]
    pub fn ways(&self) -> Vec<Way> {
        let names = self.way_names();
        let ways = self.each_way().iter().enumerate();
        ways.filter_map(|(index, way)| {
            let name = names.and_then(|names| names.get(index));
            let way = match &way.0 {
                Kind::Custom(custom) => custom.describe(),
                Kind::Jwt(jwt) => jwt.describe(),
                Kind::SharedKey(shared_key) => shared_key.describe(),
                Kind::Signature(signed) => signed.describe(),
                Kind::AnyOf(_) => return None,
            };
            Some(Way {
                name: name.map(|name| name.to_string()),
                ..way
            })
        })
        .collect()
    }
}

impl Custom {
    fn describe(&self) -> Way {
        if let Some(in_body) = &self.in_body {
            return in_body.describe();
        }
        let headers = self.facts.headers().iter().cloned();
        Way {
            name: None,
            algorithm: self
                .facts
                .built_in
                .as_ref()
                .map_or("custom", |built_in| built_in.0),
            encoding: None,
            value: String::new(),
            signed: self
                .facts
                .built_in
                .as_ref()
                .map_or_else(String::new, |built_in| built_in.1.clone()),
            headers: headers.map(|name| (HeaderRole::Signature, name)).collect(),
            timestamp: None,
            window: self.facts.tolerance().map_or(Window::NoTime, Window::Both),
            key: "the bytes of the secret".into(),
            fields: Vec::new(),
            id_is_signed: self.facts.proves_id(),
            body_is_covered: self.facts.proves_body(),
            any_text_is_a_key: false,
        }
    }
}

impl SharedKey {
    fn describe(&self) -> Way {
        let headers = self.headers.iter().cloned();
        Way {
            name: None,
            algorithm: "shared key",
            encoding: None,
            value: format!("{}{{key}}", self.prefix()),
            signed: String::new(),
            headers: headers.map(|name| (HeaderRole::Key, name)).collect(),
            timestamp: None,
            window: Window::NoTime,
            key: "the text of the secret".into(),
            fields: Vec::new(),
            id_is_signed: false,
            body_is_covered: false,
            any_text_is_a_key: true,
        }
    }
}

impl Signed {
    fn describe(&self) -> Way {
        let mut headers = Vec::new();
        let mut add = |role, name: &HeaderName| headers.push((role, name.clone()));
        for name in self.signature.headers() {
            add(HeaderRole::Signature, name);
        }
        for name in self.timestamp_headers.iter().flat_map(|names| names.iter()) {
            add(HeaderRole::Timestamp, name);
        }
        for name in self.id_headers.iter().flat_map(|names| names.iter()) {
            add(HeaderRole::Id, name);
        }
        for (name, _) in &self.required {
            add(HeaderRole::Required, name);
        }
        for part in all_parts(self) {
            match part {
                Part::Header(name, _) => add(HeaderRole::Signed, name),
                Part::Listed(listed) => {
                    if let Some(name) = listed.header() {
                        add(HeaderRole::List, name);
                    }
                    let required = listed.required().iter();
                    for name in required.filter(|name| self.is_value(listed, name)) {
                        add(HeaderRole::Signed, name);
                    }
                }
                _ => {}
            }
        }
        let text = |parts: &[Part]| parts.iter().map(part_text).collect::<String>();
        Way {
            name: None,
            algorithm: self.algorithm.title(),
            encoding: Some(self.signature.encoding),
            value: self.value_form(),
            signed: format!(
                "{}{}{}",
                text(&self.content.before_body),
                match &self.content.body {
                    SignedBody::Digest(digest) => digest.form("body"),
                    SignedBody::Form(form) => format!("{}{{sorted form}}", form.before()),
                    SignedBody::Nothing => String::new(),
                    SignedBody::Whole => "{body}".to_owned(),
                },
                text(&self.content.after_body),
            ),
            headers,
            fields: self.query_fields(),
            timestamp: self.timestamp.as_ref().map(Timestamp::unit_title),
            window: self
                .timestamp
                .as_ref()
                .map_or(Window::NoTime, Timestamp::window),
            key: self.key_form(),
            id_is_signed: self.content.proven.id,
            body_is_covered: self.content.covers_body(),
            any_text_is_a_key: self.any_text_is_a_key(),
        }
    }

    /// Whether a listed header is neither the list nor the timestamp.
    fn is_value(&self, listed: &Listed, name: &HeaderName) -> bool {
        let mut times = self.timestamp_headers.iter().flat_map(Aliases::iter);
        listed.header() != Some(name) && !times.any(|time| time == name)
    }

    fn query_fields(&self) -> Vec<(HeaderRole, Field)> {
        let query = self.signature.query.iter();
        let signature = query.map(|parameter| (HeaderRole::Signature, parameter.name()));
        let signed = all_parts(self).filter_map(|part| match part {
            Part::Query(parameter, _) => Some((HeaderRole::Signed, parameter.name())),
            _ => None,
        });
        let fields = signature.chain(signed);
        fields
            .map(|(role, name)| (role, Field::Query(name.to_owned())))
            .collect()
    }

    /// The value of the signature header, with placeholders.
    fn value_form(&self) -> String {
        let header = &self.signature;
        let signature = |tag: &str| match &header.tags {
            Some(tags) => format!("{tag}{}{{signature}}", char::from(tags.separator)),
            None => "{signature}".into(),
        };
        let mut items = Vec::new();
        if let Some(tags) = &header.tags {
            if let Some(tag) = &header.timestamp_tag {
                items.push(format!("{tag}{}{{timestamp}}", char::from(tags.separator)));
            }
            let separator = char::from(tags.separator);
            let others = header.signed_tags.iter();
            items.extend(others.map(|tag| format!("{tag}{separator}{{{tag}}}")));
            items.extend(tags.accepted.iter().map(|tag| signature(tag)));
            if tags.untagged {
                items.push("{signature}".into());
            }
        } else {
            if header.timestamp_first {
                items.push("{timestamp}".into());
            }
            items.push(signature(""));
        }
        if let (Some(group), Some(item)) = (header.group_separator, header.written_separator()) {
            let items = items.join(&item);
            return format!("{items}{}{items}", char::from(group));
        }
        match header.written_separator() {
            // A single item shows no separator of the list.
            Some(separator) if items.len() == 1 => {
                let item = items.concat();
                format!("{item}{separator}{item}")
            }
            separator => items.join(&separator.unwrap_or_else(|| "|".into())),
        }
    }

    fn key_form(&self) -> String {
        let written = match self.algorithm {
            #[cfg(feature = "ed25519")]
            Algorithm::Ed25519 => "the sender's public key, in ",
            #[cfg(feature = "ecdsa-p256")]
            Algorithm::EcdsaP256 => "the sender's public key (SubjectPublicKeyInfo), in ",
            #[cfg(feature = "rsa")]
            Algorithm::Rsa(_) => "the sender's public key (SubjectPublicKeyInfo) as PEM, or in ",
            _ => "",
        };
        let KeyText {
            prefix,
            suffix,
            encoding,
        } = &self.key;
        let mut form = format!("{written}{}", encoding.title());
        if let Some(prefix) = prefix {
            form.push_str(&format!(", with or without the prefix `{prefix}`"));
        }
        if let Some(suffix) = suffix {
            form.push_str(&format!("; `{suffix}` is appended to it"));
        }
        form
    }

    fn any_text_is_a_key(&self) -> bool {
        let plain = self.key.encoding == KeyEncoding::Text && self.key.prefix.is_none();
        plain && self.algorithm.is_symmetric()
    }
}

/// All parts, also those of optional parts.
fn all_parts(signed: &Signed) -> impl Iterator<Item = &Part> {
    let content = &signed.content;
    let parts = content.before_body.iter().chain(&content.after_body);
    parts.flat_map(|part| match part {
        Part::Optional(parts) => parts.as_slice(),
        part => std::slice::from_ref(part),
    })
}

fn part_text(part: &Part) -> String {
    match part {
        Part::Listed(listed) => listed.describe(),
        Part::Optional(parts) => {
            let parts: String = parts.iter().map(part_text).collect();
            format!("[{parts}]")
        }
        Part::Query(parameter, _) if parameter.is_lower_case() => {
            format!("{{{}, in lower case}}", parameter.name())
        }
        Part::Query(parameter, _) => format!("{{{}}}", parameter.name()),
        Part::Header(name, _) => format!("{{{name}}}"),
        Part::Id(_) => "{id}".into(),
        Part::Literal(text) => text.replace('\n', "\\n"),
        Part::Method(_) => "{method}".into(),
        Part::PathAndQuery(_) => "{path and query}".into(),
        Part::Secret => "{secret}".into(),
        Part::Tag(tag, _) => format!("{{{tag}}}"),
        Part::Timestamp { .. } => "{timestamp}".into(),
        Part::Url(_) => "{url}".into(),
    }
}

impl Timestamp {
    pub(super) fn unit_title(&self) -> &'static str {
        match self.unit {
            Unit::HttpDate => "HTTP date",
            Unit::Milliseconds => "milliseconds since 1970",
            Unit::Rfc3339 => "RFC 3339",
            Unit::Rfc3339WithoutZone => "RFC 3339 without a zone, in UTC",
            Unit::Seconds => "seconds since 1970",
        }
    }

    pub(super) fn window(&self) -> Window {
        match self.tolerance {
            None => Window::AnyAge,
            Some(tolerance) if self.past_only => Window::Past(tolerance),
            Some(tolerance) => Window::Both(tolerance),
        }
    }
}

impl BodyDigest {
    /// The text of the digest, as a placeholder.
    pub(super) fn form(self, of: &str) -> String {
        let encoding = match self {
            Self::Sha256Base64 => "base64",
            Self::Sha256Base64Url => "base64url",
            Self::Sha256Hex => "hex",
        };
        format!("{{{encoding} of SHA-256 of {of}}}")
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Base64 => "base64",
            Self::Base64OfHex => "base64 of hex",
            Self::Base64Url => "base64url",
            Self::Hex => "hex",
        })
    }
}

impl Algorithm {
    pub(super) fn title(self) -> &'static str {
        match self {
            #[cfg(feature = "ecdsa-p256")]
            Self::EcdsaP256 => "ECDSA P-256",
            #[cfg(feature = "ed25519")]
            Self::Ed25519 => "Ed25519",
            Self::HmacSha1 => "HMAC-SHA1",
            Self::HmacSha256 => "HMAC-SHA256",
            Self::HmacSha384 => "HMAC-SHA384",
            Self::HmacSha512 => "HMAC-SHA512",
            Self::KeylessSha256 => "SHA-256 (no MAC)",
            #[cfg(feature = "rsa")]
            Self::Rsa(hash) => match hash {
                RsaHash::Sha1 => "RSA PKCS#1 v1.5 with SHA-1",
                RsaHash::Sha256 => "RSA PKCS#1 v1.5 with SHA-256",
                RsaHash::Sha256Twice => "RSA PKCS#1 v1.5 with double SHA-256",
                RsaHash::Sha384 => "RSA PKCS#1 v1.5 with SHA-384",
                RsaHash::Sha512 => "RSA PKCS#1 v1.5 with SHA-512",
            },
        }
    }
}
