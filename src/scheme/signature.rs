//! Reads candidate signatures from a signature header.
//!
//! One mechanism reads `sha1=…`, the `t=…,v1=…` of Stripe, the `v1,… v1,…` of Standard Webhooks and the
//! `v1=…,v2=…` of CircleCI. It splits the value at the item separator, splits each item once at the tag
//! separator, and keeps the items with an accepted tag.

use std::sync::Arc;

use http::{HeaderName, request::Parts};
use memchr::memchr;
use smallvec::SmallVec;

#[cfg(feature = "rsa")]
use super::rsa::SHORTEST_SIGNATURE_BYTES;
use super::{
    encoding::Encoding,
    headers::{self, Aliases},
    mac::{Algorithm, Candidates},
    query::Parameter,
};
use crate::{
    error::ConfigError,
    rejection::{ExpectedShape, Fixed, FoundShape, Rejection, RejectionKind, Tag},
    text,
};

/// Where the signatures are, and how they are written.
#[derive(Clone, Debug)]
pub(crate) struct SignatureHeader {
    pub(crate) names: Aliases,
    /// The signature is in this parameter of the query, and not in a header.
    pub(crate) query: Option<Parameter>,
    /// The names are several headers, not several names for one header.
    pub(crate) parallel: bool,
    /// The header may appear several times.
    pub(crate) repeatable: bool,
    /// What separates groups of items, each with the same timestamp.
    pub(crate) group_separator: Option<u8>,
    pub(crate) item_separator: Option<u8>,
    /// The sender writes a space after the item separator.
    pub(crate) is_spaced: bool,
    pub(crate) tags: Option<Tags>,
    pub(crate) timestamp_tag: Option<String>,
    /// The first item is the timestamp, without a tag.
    pub(crate) timestamp_first: bool,
    /// The other tags whose values are signed pieces.
    pub(crate) signed_tags: Vec<String>,
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
        timestamp_first: bool,
        item_separator: Option<u8>,
    ) -> Self {
        let separator = tags.map_or('=', |tags| char::from(tags.separator));
        let in_list = item_separator.map_or_else(String::new, |separator| {
            format!(" in a list separated by {:?}", char::from(separator))
        });
        let accepted = tags.filter(|tags| !tags.accepted.is_empty()).map(|tags| {
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
            #[cfg(feature = "rsa")]
            (_, None) if matches!(algorithm, Algorithm::Rsa(_)) => {
                format!("an RSA signature in {}", encoding.describe())
            }
            (_, None) => format!("a signature in DER form in {}", encoding.describe()),
        };
        Self {
            signature: format!("{}{text}{in_list}", accepted.unwrap_or_default()).into(),
            timestamp: match timestamp_tag {
                Some(tag) => format!("\"{tag}{separator}\" and a time{in_list}").into(),
                None if timestamp_first => format!("a time as the first item{in_list}").into(),
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
    /// Items without a tag are signatures.
    pub(crate) untagged: bool,
}

impl Tags {
    pub(crate) fn new(
        separator: char,
        accepted: Vec<String>,
        untagged: bool,
    ) -> Result<Self, ConfigError> {
        if accepted.is_empty() && !untagged {
            return Err(ConfigError::new(
                "`tags` has no tag: name at least one, such as \"v1\"",
            ));
        }
        Ok(Self {
            separator: ascii(separator)?,
            accepted,
            untagged,
        })
    }

    /// Checks that a tag can appear in the header.
    pub(crate) fn check(
        &self,
        tag: &str,
        item_separator: Option<u8>,
        group_separator: Option<u8>,
    ) -> Result<(), ConfigError> {
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
        if let Some(separator) = group_separator.map(char::from)
            && tag.contains(separator)
        {
            return wrong(format!(
                "contains the group separator {separator:?}: remove it"
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

/// The values of the tags that are signed pieces, with the names of the tags.
pub(crate) type TagValues<'a> = SmallVec<[(&'a str, &'a [u8]); 1]>;

/// The content of a signature header, decoded and not yet compared.
pub(crate) struct Presented<'a> {
    pub(crate) candidates: Candidates,
    pub(crate) timestamp: Option<&'a [u8]>,
    /// The values of the signed tags, with their names.
    pub(crate) tags: TagValues<'a>,
    /// The position of the alias that was present.
    pub(crate) family: Option<usize>,
    /// The first header that was present, and its position among the names.
    pub(crate) header: (usize, &'a HeaderName),
}

impl SignatureHeader {
    pub(crate) fn nothing_presented(&self) -> Presented<'_> {
        Presented {
            candidates: Candidates::default(),
            timestamp: None,
            tags: TagValues::new(),
            family: None,
            header: (0, self.names.first()),
        }
    }

    /// Whether the header or the parameter is present.
    pub(crate) fn is_present(&self, head: &Parts) -> bool {
        match &self.query {
            Some(parameter) => parameter.is_in(head),
            None => {
                let mut names = self.names.iter();
                names.any(|name| head.headers.contains_key(name))
            }
        }
    }

    /// The headers with the signatures. There is none if the signature is in the query.
    pub(crate) fn headers(&self) -> impl Iterator<Item = &HeaderName> {
        self.names.iter().filter(|_| self.query.is_none())
    }

    #[cold]
    fn read_query<'a>(
        &'a self,
        parameter: &Parameter,
        head: &Parts,
        algorithm: Algorithm,
        presented: &mut Presented<'a>,
    ) -> Result<(), Rejection> {
        let value = parameter.read(head)?;
        let mut found = self.nothing_presented();
        let read = self.read_items(self.names.first(), &value, algorithm, &mut found);
        // There is no header to name.
        read.map_err(|rejection| Rejection::new(rejection.kind()))?;
        if found.candidates.is_empty() {
            return Err(parameter.malformed(self.found_shape(&value)));
        }
        presented.candidates = found.candidates;
        Ok(())
    }

    /// Adds the signatures and values of the request head to `presented`, which is large: to return it takes time.
    pub(crate) fn read<'a>(
        &'a self,
        head: &'a Parts,
        algorithm: Algorithm,
        presented: &mut Presented<'a>,
    ) -> Result<(), Rejection> {
        if let Some(parameter) = &self.query {
            return self.read_query(parameter, head, algorithm, presented);
        }
        let headers = &head.headers;
        let mut found = None;
        for (index, name) in self.names.iter().enumerate() {
            let mut is_present = false;
            if self.repeatable {
                for value in headers::repeated(headers, name)? {
                    is_present = true;
                    found = found.or(Some((index, name, value.as_bytes())));
                    self.read_value(name, value.as_bytes(), algorithm, presented)?;
                }
            } else if let Some(value) = headers::single(headers, name)? {
                is_present = true;
                found = found.or(Some((index, name, value.as_bytes())));
                self.read_value(name, value.as_bytes(), algorithm, presented)?;
            }
            if !is_present {
                continue;
            }
            if !self.parallel {
                // A single name belongs to no family: then the aliases of other headers are independent.
                presented.family = (self.names.len() > 1).then_some(index);
                break;
            }
        }
        let Some((index, name, value)) = found else {
            let missing = RejectionKind::HeaderMissing;
            return Err(Rejection::header(missing, self.names.first()));
        };
        presented.header = (index, name);
        // Without a signature to compare with, the body is not read.
        if presented.candidates.is_empty() {
            return Err(self.malformed(name, value));
        }
        if self.timestamp_tag.is_some() && presented.timestamp.is_none() {
            return Err(self.without_timestamp(name));
        }
        if presented.tags.len() < self.signed_tags.len() {
            return Err(Rejection::malformed(
                name,
                ExpectedShape::fixed(Fixed::SignedTag),
                FoundShape::of_no_item(),
            ));
        }
        Ok(())
    }

    fn without_timestamp(&self, name: &HeaderName) -> Rejection {
        let expected = ExpectedShape::built(&self.expected.timestamp);
        Rejection::malformed(name, expected, FoundShape::of_no_item())
    }

    /// The rejection of a value without a signature that can be decoded. It describes the first item with
    /// an accepted tag, or else the first item with another tag.
    fn malformed(&self, name: &HeaderName, value: &[u8]) -> Rejection {
        let expected = ExpectedShape::built(&self.expected.signature);
        Rejection::malformed(name, expected, self.found_shape(value))
    }

    fn found_shape(&self, value: &[u8]) -> FoundShape {
        let mut found = None;
        let items = Items::new(value, self.group_separator)
            .flat_map(|group| Items::new(group, self.item_separator))
            .skip(usize::from(self.timestamp_first));
        for item in items {
            let (tag, text) = match &self.tags {
                // A description without `tags` is a common mistake.
                None => Tag::split_known(item).unwrap_or((Tag::Right, item)),
                Some(tags) => match split_once(item, tags.separator) {
                    None if tags.untagged => (Tag::Right, item),
                    None => (Tag::Absent, item),
                    Some((tag, _)) if self.is_timestamp_tag(tag) => continue,
                    Some((tag, _)) if self.signed_tag(tag).is_some() => continue,
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
        found.map_or_else(FoundShape::of_no_item, |(tag, text)| {
            FoundShape::of_signature(text, tag, self.expected.length, |byte| {
                self.encoding.writes(byte)
            })
        })
    }

    fn is_timestamp_tag(&self, tag: &[u8]) -> bool {
        self.timestamp_tag
            .as_ref()
            .is_some_and(|expected| expected.as_bytes() == tag)
    }

    fn signed_tag(&self, tag: &[u8]) -> Option<&str> {
        let mut tags = self.signed_tags.iter();
        tags.find(|signed| signed.as_bytes() == tag)
            .map(String::as_str)
    }

    /// The text that the sender writes between two items of a list.
    pub(crate) fn written_separator(&self) -> Option<String> {
        let separator = char::from(self.item_separator?);
        let space = if self.is_spaced { " " } else { "" };
        Some(format!("{separator}{space}"))
    }

    /// How many signatures a delivery can have.
    #[cfg(feature = "testing")]
    pub(crate) fn most_signatures(&self, algorithm: Algorithm) -> usize {
        match (self.parallel, self.group_separator.or(self.item_separator)) {
            (true, _) => self.names.len(),
            (false, Some(_)) => algorithm.most_candidates(),
            (false, None) => 1,
        }
    }

    /// Whether this can be the value of a tag.
    #[cfg(feature = "testing")]
    pub(crate) fn can_be_item(&self, value: &[u8]) -> bool {
        let separator = |byte: &u8| Some(*byte) == self.item_separator;
        headers::is_readable_id(value) && !value.iter().any(separator)
    }

    /// The headers as the sender writes them.
    #[cfg(feature = "testing")]
    pub(crate) fn write(
        &self,
        signatures: &[Vec<u8>],
        timestamp: &str,
        tag_value: &dyn Fn(&str) -> String,
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
        let timestamp = (self.timestamp_first || self.timestamp_tag.is_some())
            .then(|| tagged(self.timestamp_tag.as_ref(), timestamp));
        let others = self.signed_tags.iter();
        let others = others.map(|tag| tagged(Some(tag), &tag_value(tag)));
        let before: Vec<String> = timestamp.into_iter().chain(others).collect();
        let separator = self.written_separator().unwrap_or_default();
        let value = match self.group_separator {
            None => {
                let items: Vec<String> = before.into_iter().chain(signatures).collect();
                items.join(&separator)
            }
            Some(group_separator) => {
                let group = |signature| [before.as_slice(), &[signature]].concat().join(&separator);
                let groups: Vec<String> = signatures.map(group).collect();
                groups.join(&char::from(group_separator).to_string())
            }
        };
        vec![(self.names.first(), value)]
    }

    #[inline]
    fn read_value<'a>(
        &'a self,
        name: &HeaderName,
        value: &'a [u8],
        algorithm: Algorithm,
        presented: &mut Presented<'a>,
    ) -> Result<(), Rejection> {
        if self.group_separator.is_none() {
            return self.read_items(name, value, algorithm, presented);
        }
        let mut shared = presented.timestamp.take();
        let groups = Items::new(value, self.group_separator);
        for group in groups.filter(|group| !group.is_empty()) {
            self.read_items(name, group, algorithm, presented)?;
            let timestamp = presented.timestamp.take();
            let timestamp = timestamp.ok_or_else(|| self.without_timestamp(name))?;
            // One timestamp is judged and signed. With two, a signature could be verified under the
            // timestamp of another group.
            if shared.is_some_and(|shared| shared != timestamp) {
                return Err(Rejection::header(RejectionKind::HeaderDuplicated, name));
            }
            shared = Some(timestamp);
        }
        presented.timestamp = shared;
        Ok(())
    }

    fn read_items<'a>(
        &'a self,
        name: &HeaderName,
        value: &'a [u8],
        algorithm: Algorithm,
        presented: &mut Presented<'a>,
    ) -> Result<(), Rejection> {
        let twice = || Rejection::header(RejectionKind::HeaderDuplicated, name);
        for (index, item) in Items::new(value, self.item_separator).enumerate() {
            if self.timestamp_first && index == 0 {
                if presented.timestamp.replace(item).is_some() {
                    return Err(twice());
                }
                continue;
            }
            let text = match &self.tags {
                None => item,
                Some(tags) => {
                    let Some((tag, text)) = split_once(item, tags.separator) else {
                        if tags.untagged {
                            self.push(name, item, algorithm, presented)?;
                        }
                        continue;
                    };
                    if self.is_timestamp_tag(tag) {
                        // With two timestamps, one could be signed and the other one be used.
                        if presented.timestamp.replace(text).is_some() {
                            return Err(twice());
                        }
                        continue;
                    }
                    if let Some(tag) = self.signed_tag(tag) {
                        if presented.tags.iter().any(|(present, _)| *present == tag) {
                            return Err(twice());
                        }
                        presented.tags.push((tag, text));
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
            self.push(name, text, algorithm, presented)?;
        }
        Ok(())
    }

    /// Adds a candidate signature.
    ///
    /// While keys are rotated, some senders put a placeholder next to the real signature. A text that
    /// cannot be decoded is skipped, as in their own libraries.
    fn push(
        &self,
        name: &HeaderName,
        text: &[u8],
        algorithm: Algorithm,
        presented: &mut Presented<'_>,
    ) -> Result<(), Rejection> {
        #[cfg(feature = "rsa")]
        if matches!(algorithm, Algorithm::Rsa(_)) {
            return self.push_rsa(name, text, algorithm, presented);
        }
        let Some(candidate) = self.encoding.decode(text, algorithm) else {
            return Ok(());
        };
        if presented.candidates.are_full(algorithm) {
            return Err(Rejection::header(RejectionKind::TooManySignatures, name));
        }
        presented.candidates.push(&candidate, algorithm);
        Ok(())
    }

    #[cfg(feature = "rsa")]
    fn push_rsa(
        &self,
        name: &HeaderName,
        text: &[u8],
        algorithm: Algorithm,
        presented: &mut Presented<'_>,
    ) -> Result<(), Rejection> {
        let Some(signature) = self.encoding.decode_any(text) else {
            return Ok(());
        };
        // Shorter than the signature of any key, such as an empty one.
        if signature.len() < SHORTEST_SIGNATURE_BYTES {
            return Ok(());
        }
        if presented.candidates.are_full(algorithm) {
            return Err(Rejection::header(RejectionKind::TooManySignatures, name));
        }
        // A signature that is longer than any is skipped, as one that cannot be decoded.
        let _ = presented.candidates.push_rsa(&signature, algorithm);
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
pub(crate) fn trim_blanks(mut bytes: &[u8]) -> &[u8] {
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
