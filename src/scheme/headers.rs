//! Reads headers strictly: each header may appear once, and has a maximum length.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::{
    error::ConfigError,
    rejection::{Rejection, RejectionKind},
    text,
};

/// How often a header may come, if the scheme says that it may be repeated.
const MOST_REPEATED_VALUES: usize = 4;

/// No sender's header is nearly as long. This bounds the work for a header of an untrusted client.
const LONGEST_VALUE_BYTES: usize = 4096;

pub(crate) fn name(text: &str) -> Result<HeaderName, ConfigError> {
    HeaderName::from_bytes(text.as_bytes()).map_err(|_| {
        ConfigError::new(if text.is_empty() {
            "the name of a header is empty: write the name that the sender uses".to_owned()
        } else {
            format!("{text:?} is not the name of a header: {}", problem(text))
        })
    })
}

/// Checks that a header can have a value that the owner typed.
pub(crate) fn check_value(name: &HeaderName, value: &str) -> Result<(), ConfigError> {
    let unseen = match (text::unseen(value), HeaderValue::from_str(value)) {
        (None, Ok(_)) => return Ok(()),
        (unseen, _) => unseen,
    };
    let problem = unseen.unwrap_or_else(|| "has characters that a header cannot hold".into());
    Err(ConfigError::new(format!(
        "the header {name} cannot have the value {value:?}: it {problem}; remove it"
    )))
}

/// What is wrong with the name of a header, and what to do.
fn problem(text: &str) -> String {
    if let Some(unseen) = text::unseen(text) {
        return format!("it {unseen}; remove it");
    }
    // `X-Signature: sha256=`, copied from a page of the sender.
    if let Some((name, _)) = text.split_once(':')
        && HeaderName::from_bytes(name.as_bytes()).is_ok()
    {
        return format!("it contains ':'; write {name:?}");
    }
    let is_wrong = |c: &char| {
        let mut bytes = [0; 4];
        HeaderName::from_bytes(c.encode_utf8(&mut bytes).as_bytes()).is_err()
    };
    match text.chars().find(is_wrong) {
        Some(wrong) => format!("it contains {wrong:?}; a name has letters, digits and '-'"),
        None => "it is too long".to_owned(),
    }
}

/// The only value of a header.
///
/// Two values are rejected even if they are equal: a sender, a proxy and a receiver may disagree about
/// which one counts.
pub(crate) fn single<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'a HeaderValue>, Rejection> {
    single_within(headers, name, LONGEST_VALUE_BYTES)
}

/// The same with another maximum length.
pub(crate) fn single_within<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
    most_bytes: usize,
) -> Result<Option<&'a HeaderValue>, Rejection> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(Rejection::header(RejectionKind::HeaderDuplicated, name));
    }
    if value.len() > most_bytes {
        return Err(Rejection::header(RejectionKind::HeaderTooLong, name));
    }
    Ok(Some(value))
}

/// The values of a header that may come several times.
pub(crate) fn repeated<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> Result<impl Iterator<Item = &'a HeaderValue>, Rejection> {
    let values = || headers.get_all(name).iter();
    if values().nth(MOST_REPEATED_VALUES).is_some() {
        return Err(Rejection::header(RejectionKind::HeaderDuplicated, name));
    }
    if values().any(|value| value.len() > LONGEST_VALUE_BYTES) {
        return Err(Rejection::header(RejectionKind::HeaderTooLong, name));
    }
    Ok(values())
}

/// Marks all values of a header as sensitive, so that inner layers do not print them. There are several values if
/// another way of the scheme verified the delivery.
pub(crate) fn mark_sensitive(headers: &mut HeaderMap, name: &HeaderName) {
    let Some(first) = headers.get_mut(name) else {
        return;
    };
    first.set_sensitive(true);
    // `HeaderMap::entry` would give all values. It panics if the map is full, because it reserves a place for one more.
    if headers.get_all(name).iter().nth(1).is_some() {
        let values = headers.iter_mut().filter(|(other, _)| *other == name);
        values.for_each(|(_, value)| value.set_sensitive(true));
    }
}

/// A signed id must be visible ASCII, and not empty.
pub(crate) fn is_readable_id(id: &[u8]) -> bool {
    !id.is_empty() && id.iter().all(u8::is_ascii_graphic)
}

/// One header under one or several names.
#[derive(Clone, Debug)]
pub(crate) struct Aliases {
    first: HeaderName,
    others: Vec<HeaderName>,
}

impl Aliases {
    pub(crate) fn new(first: &str, others: &[String]) -> Result<Self, ConfigError> {
        let mut aliases = Self {
            first: name(first)?,
            others: Vec::new(),
        };
        for other in others {
            let other = name(other)?;
            if aliases.iter().any(|name| *name == other) {
                return Err(ConfigError::new(format!(
                    "the header {other} is named twice: remove one of the two"
                )));
            }
            aliases.others.push(other);
        }
        Ok(aliases)
    }

    /// For a signature in the query. This name is not looked up and not shown.
    pub(crate) fn of_no_header() -> Self {
        Self {
            first: HeaderName::from_static("no-header"),
            others: Vec::new(),
        }
    }

    pub(crate) fn first(&self) -> &HeaderName {
        &self.first
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &HeaderName> {
        std::iter::once(&self.first).chain(&self.others)
    }

    pub(crate) fn len(&self) -> usize {
        self.others.len().saturating_add(1)
    }

    /// The name under which this header is looked up.
    ///
    /// `family` is the position of the alias under which the signature was found. `svix-signature` belongs
    /// to `svix-id`, so that headers of two families are never mixed.
    pub(crate) fn pick(&self, headers: &HeaderMap, family: Option<usize>) -> &HeaderName {
        // Most senders have one name. It is looked up directly.
        if self.others.is_empty() {
            return &self.first;
        }
        family
            .and_then(|index| self.iter().nth(index))
            .or_else(|| self.iter().find(|name| headers.contains_key(*name)))
            .unwrap_or(&self.first)
    }
}
