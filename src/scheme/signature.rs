//! Reads candidate signatures from a signature header.
//!
//! One mechanism reads `sha1=…`, the `t=…,v1=…` of Stripe, the `v1,… v1,…` of Standard Webhooks and the
//! `v1=…,v2=…` of CircleCI: split at the item separator, split each item once at the tag separator, and keep
//! the items with an accepted tag.

use std::sync::Arc;

use data_encoding::{BASE64, BASE64URL, BASE64URL_NOPAD, HEXLOWER_PERMISSIVE};
use http::{HeaderMap, HeaderName};
use memchr::memchr;

use super::{
    headers::{self, Aliases},
    mac::{Algorithm, Candidate, Candidates},
};
use crate::{
    error::ConfigError,
    rejection::{ExpectedShape, FoundShape, Rejection, RejectionKind, Tag},
    text,
};

/// How the bytes of a signature are written in its header.
///
/// Decoding is strict: no white space, unused bits must be zero, and the number of bytes must be exactly that of
/// the algorithm.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Base64 with padding, [RFC 4648 section 4](https://www.rfc-editor.org/rfc/rfc4648#section-4).
    Base64,
    /// Base64 for URLs, with or without padding, [RFC 4648 section 5](https://www.rfc-editor.org/rfc/rfc4648#section-5).
    Base64Url,
    /// Hexadecimal digits in upper or lower case.
    Hex,
}

impl Encoding {
    /// Decodes to the stack. A text that is longer than any signature is not decoded.
    fn decode(self, text: &[u8], algorithm: Algorithm) -> Option<Candidate> {
        let encoding = match self {
            Self::Base64 => &BASE64,
            Self::Base64Url if text.ends_with(b"=") => &BASE64URL,
            Self::Base64Url => &BASE64URL_NOPAD,
            Self::Hex => &HEXLOWER_PERMISSIVE,
        };
        let mut decoded = [0; 96];
        let length = encoding.decode_len(text.len()).ok()?;
        let decoded = decoded.get_mut(..length)?;
        let length = encoding.decode_mut(text, decoded).ok()?;
        algorithm.candidate(decoded.get(..length)?)
    }

    /// Whether a signature may contain this character.
    pub(crate) fn writes(self, byte: u8) -> bool {
        match self {
            Self::Base64 => byte.is_ascii_alphanumeric() || b"+/=".contains(&byte),
            Self::Base64Url => byte.is_ascii_alphanumeric() || b"-_=".contains(&byte),
            Self::Hex => byte.is_ascii_hexdigit(),
        }
    }

    fn describe(self) -> &'static str {
        match self {
            Self::Base64 => "base64",
            Self::Base64Url => "base64url",
            Self::Hex => "hexadecimal digits",
        }
    }

    /// How many characters this many bytes have. Base64 for URLs is counted without padding.
    fn characters(self, bytes: usize) -> usize {
        match self {
            Self::Base64 => BASE64.encode_len(bytes),
            Self::Base64Url => BASE64URL_NOPAD.encode_len(bytes),
            Self::Hex => HEXLOWER_PERMISSIVE.encode_len(bytes),
        }
    }

    #[cfg(feature = "testing")]
    pub(crate) fn encode(self, bytes: &[u8]) -> String {
        match self {
            Self::Base64 => BASE64.encode(bytes),
            Self::Base64Url => BASE64URL_NOPAD.encode(bytes),
            Self::Hex => HEXLOWER_PERMISSIVE.encode(bytes),
        }
    }
}

/// Where the signatures are, and how they are written.
#[derive(Clone, Debug)]
pub(crate) struct SignatureHeader {
    pub(crate) names: Aliases,
    /// The names are several headers, not several names for one header.
    pub(crate) parallel: bool,
    /// The header may appear several times.
    pub(crate) repeatable: bool,
    pub(crate) item_separator: Option<u8>,
    /// The sender writes a space after the item separator.
    pub(crate) is_spaced: bool,
    pub(crate) tags: Option<Tags>,
    pub(crate) timestamp_tag: Option<String>,
    pub(crate) encoding: Encoding,
    pub(crate) expected: Expected,
}

/// The expected shapes, as texts for a [`Rejection`].
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    signature: Arc<str>,
    timestamp: Arc<str>,
    /// How many characters a signature has, if all have the same number.
    length: Option<usize>,
}

impl Expected {
    pub(crate) fn new(
        encoding: Encoding,
        algorithm: Algorithm,
        tags: Option<&Tags>,
        timestamp_tag: Option<&str>,
        item_separator: Option<u8>,
    ) -> Self {
        let separator = tags.map_or('=', |tags| char::from(tags.separator));
        let in_list = item_separator.map_or_else(String::new, |separator| {
            format!(" in a list separated by {:?}", char::from(separator))
        });
        let accepted = tags.map(|tags| {
            let tags = tags.accepted.iter();
            let quoted: Vec<String> = tags.map(|tag| format!("\"{tag}{separator}\"")).collect();
            format!("{} and ", quoted.join(" or "))
        });
        let length = algorithm
            .signature_bytes()
            .map(|bytes| encoding.characters(bytes));
        let text = match (encoding, length) {
            (Encoding::Hex, Some(length)) => format!("{length} hexadecimal digits"),
            (_, Some(length)) => format!("{length} characters of {}", encoding.describe()),
            (_, None) => format!("a signature in DER form in {}", encoding.describe()),
        };
        Self {
            signature: format!("{}{text}{in_list}", accepted.unwrap_or_default()).into(),
            timestamp: match timestamp_tag {
                Some(tag) => format!("\"{tag}{separator}\" and a time{in_list}").into(),
                None => Arc::default(),
            },
            // With or without padding.
            length: length.filter(|_| encoding != Encoding::Base64Url),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Tags {
    pub(crate) separator: u8,
    pub(crate) accepted: Vec<String>,
}

impl Tags {
    pub(crate) fn new(separator: char, accepted: Vec<String>) -> Result<Self, ConfigError> {
        if accepted.is_empty() {
            return Err(ConfigError::new(
                "`tags` has no tag: name at least one, such as \"v1\"",
            ));
        }
        Ok(Self {
            separator: ascii(separator)?,
            accepted,
        })
    }

    /// Checks that a tag can appear in the header.
    pub(crate) fn check(&self, tag: &str, item_separator: Option<u8>) -> Result<(), ConfigError> {
        let separator = char::from(self.separator);
        let wrong = |problem: String| Err(ConfigError::new(format!("the tag {tag:?} {problem}")));
        if tag.is_empty() {
            return Err(ConfigError::new(format!(
                "a tag is empty: write the text before the separator {separator:?}"
            )));
        }
        if let Some((before, _)) = tag.split_once(separator) {
            return wrong(if before.is_empty() {
                format!("begins with the separator {separator:?}: remove it")
            } else {
                format!("contains the separator {separator:?}: write {before:?}")
            });
        }
        if let Some(separator) = item_separator.map(char::from)
            && tag.contains(separator)
        {
            return wrong(format!(
                "contains the item separator {separator:?}: list the tags one by one"
            ));
        }
        if let Some(unseen) = text::unseen(tag) {
            return wrong(format!("{unseen}: remove it"));
        }
        match tag.chars().find(|c| !c.is_ascii_graphic()) {
            Some(other) => wrong(format!(
                "contains {other:?}: a tag has visible ASCII characters only"
            )),
            None => Ok(()),
        }
    }
}

/// The content of a signature header, decoded and not yet compared.
pub(crate) struct Presented<'a> {
    pub(crate) candidates: Candidates,
    pub(crate) timestamp: Option<&'a [u8]>,
    /// The position of the alias that was present.
    pub(crate) family: Option<usize>,
    /// The first header that was present.
    pub(crate) header: &'a HeaderName,
}

impl SignatureHeader {
    pub(crate) fn read<'a>(
        &'a self,
        headers: &'a HeaderMap,
        algorithm: Algorithm,
    ) -> Result<Presented<'a>, Rejection> {
        let mut presented = Presented {
            candidates: Candidates::new(),
            timestamp: None,
            family: None,
            header: self.names.first(),
        };
        let mut found = None;
        for (index, name) in self.names.iter().enumerate() {
            if self.repeatable {
                for value in headers::repeated(headers, name)? {
                    found = found.or(Some((name, value.as_bytes())));
                    self.read_value(name, value.as_bytes(), algorithm, &mut presented)?;
                }
            } else if let Some(value) = headers::single(headers, name)? {
                found = found.or(Some((name, value.as_bytes())));
                self.read_value(name, value.as_bytes(), algorithm, &mut presented)?;
            }
            if !headers.contains_key(name) {
                continue;
            }
            if !self.parallel {
                // A single name belongs to no family: then the aliases of other headers are independent.
                presented.family = (self.names.len() > 1).then_some(index);
                break;
            }
        }
        let Some((name, value)) = found else {
            let missing = RejectionKind::HeaderMissing;
            return Err(Rejection::header(missing, self.names.first()));
        };
        presented.header = name;
        // Without a signature to compare with, the body is not read.
        if presented.candidates.is_empty() {
            return Err(self.malformed(name, value));
        }
        if self.timestamp_tag.is_some() && presented.timestamp.is_none() {
            let expected = ExpectedShape::built(&self.expected.timestamp);
            return Err(Rejection::malformed(
                name,
                expected,
                FoundShape::of_no_item(),
            ));
        }
        Ok(presented)
    }

    /// The rejection of a value without a signature that can be decoded. It describes the first item with
    /// an accepted tag, or else the first item with another tag.
    fn malformed(&self, name: &HeaderName, value: &[u8]) -> Rejection {
        let mut found = None;
        for item in Items::new(value, self.item_separator) {
            let (tag, text) = match &self.tags {
                None => (Tag::Right, item),
                Some(tags) => match split_once(item, tags.separator) {
                    None => (Tag::Absent, item),
                    Some((tag, _)) if self.is_timestamp_tag(tag) => continue,
                    Some((tag, text)) => (Tag::of(tag, &tags.accepted), text),
                },
            };
            if found.is_none() || tag == Tag::Right {
                found = Some((tag, text));
            }
            if tag == Tag::Right {
                break;
            }
        }
        let found = found.map_or_else(FoundShape::of_no_item, |(tag, text)| {
            FoundShape::of_signature(text, tag, self.expected.length, |byte| {
                self.encoding.writes(byte)
            })
        });
        Rejection::malformed(name, ExpectedShape::built(&self.expected.signature), found)
    }

    fn is_timestamp_tag(&self, tag: &[u8]) -> bool {
        self.timestamp_tag
            .as_ref()
            .is_some_and(|expected| expected.as_bytes() == tag)
    }

    /// The text that the sender writes between two items of a list.
    pub(crate) fn written_separator(&self) -> Option<String> {
        let separator = char::from(self.item_separator?);
        let space = if self.is_spaced { " " } else { "" };
        Some(format!("{separator}{space}"))
    }

    /// How many signatures a delivery can have.
    #[cfg(feature = "testing")]
    pub(crate) fn room_for(&self, algorithm: Algorithm) -> usize {
        match (self.parallel, self.item_separator) {
            (true, _) => self.names.len(),
            (false, Some(_)) => algorithm.most_candidates(),
            (false, None) => 1,
        }
    }

    /// The headers as the sender writes them.
    #[cfg(feature = "testing")]
    pub(crate) fn write(
        &self,
        signatures: &[Vec<u8>],
        timestamp: &str,
    ) -> Vec<(&HeaderName, String)> {
        let tagged = |tag: Option<&String>, value: &str| match (&self.tags, tag) {
            (Some(tags), Some(tag)) => format!("{tag}{}{value}", char::from(tags.separator)),
            _ => value.to_owned(),
        };
        let accepted = self.tags.as_ref().and_then(|tags| tags.accepted.first());
        let signatures = signatures
            .iter()
            .map(|bytes| tagged(accepted, &self.encoding.encode(bytes)));
        if self.parallel {
            return self.names.iter().zip(signatures).collect();
        }
        let timestamp_tag = self.timestamp_tag.as_ref();
        let timestamp = timestamp_tag.map(|tag| tagged(Some(tag), timestamp));
        let items: Vec<String> = timestamp.into_iter().chain(signatures).collect();
        let value = items.join(&self.written_separator().unwrap_or_default());
        vec![(self.names.first(), value)]
    }

    fn read_value<'a>(
        &self,
        name: &HeaderName,
        value: &'a [u8],
        algorithm: Algorithm,
        presented: &mut Presented<'a>,
    ) -> Result<(), Rejection> {
        for item in Items::new(value, self.item_separator) {
            let text = match &self.tags {
                None => item,
                Some(tags) => {
                    let Some((tag, text)) = split_once(item, tags.separator) else {
                        continue;
                    };
                    if self.is_timestamp_tag(tag) {
                        // With two timestamps, one could be signed and the other one be used.
                        if presented.timestamp.replace(text).is_some() {
                            return Err(Rejection::header(RejectionKind::HeaderDuplicated, name));
                        }
                        continue;
                    }
                    if !tags
                        .accepted
                        .iter()
                        .any(|accepted| accepted.as_bytes() == tag)
                    {
                        continue;
                    }
                    text
                }
            };
            // While keys are rotated, some senders put a placeholder next to the real signature. An item
            // that cannot be decoded is skipped, as in their own libraries.
            let Some(candidate) = self.encoding.decode(text, algorithm) else {
                continue;
            };
            if presented.candidates.len() == algorithm.most_candidates() {
                return Err(Rejection::header(RejectionKind::TooManySignatures, name));
            }
            presented.candidates.push(candidate);
        }
        Ok(())
    }
}

/// The items of a list without the blanks around them. Without a separator, the whole value unchanged.
struct Items<'a> {
    rest: Option<&'a [u8]>,
    separator: Option<u8>,
}

impl<'a> Items<'a> {
    fn new(value: &'a [u8], separator: Option<u8>) -> Self {
        Self {
            rest: Some(value),
            separator,
        }
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest.take()?;
        let Some(separator) = self.separator else {
            return Some(rest);
        };
        let item = match split_once(rest, separator) {
            Some((item, rest)) => {
                self.rest = Some(rest);
                item
            }
            None => rest,
        };
        Some(trim_blanks(item))
    }
}

fn split_once(bytes: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = memchr(separator, bytes)?;
    let (head, tail) = bytes.split_at_checked(at)?;
    Some((head, tail.get(1..)?))
}

/// Removes the blanks of [RFC 9110 section 5.6.3](https://www.rfc-editor.org/rfc/rfc9110#section-5.6.3), a
/// space and a tab. A no-break space is not one of them.
fn trim_blanks(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

pub(crate) fn ascii(separator: char) -> Result<u8, ConfigError> {
    u8::try_from(separator)
        .ok()
        .filter(|byte| byte.is_ascii_punctuation() || *byte == b' ')
        .ok_or_else(|| {
            ConfigError::new(format!(
                "{separator:?} cannot separate the items or tags of a header: use an ASCII punctuation \
                 character, such as ',', or a space"
            ))
        })
}
