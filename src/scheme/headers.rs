//! Headers, read strictly: each once, none endless.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::{
    error::ConfigError,
    rejection::{Rejection, RejectionKind},
};

/// How often a header may come, if the scheme says that it may be repeated.
const MOST_REPEATED_VALUES: usize = 4;

/// No sender's header is nearly as long. This bounds the work for a header of an untrusted client.
const LONGEST_VALUE_BYTES: usize = 4096;

pub(crate) fn name(text: &str) -> Result<HeaderName, ConfigError> {
    HeaderName::from_bytes(text.as_bytes())
        .map_err(|_| ConfigError::new(format!("{text:?} is not the name of a header")))
}

/// The one value of a header.
///
/// Two values are refused even when they are equal: which one counts is what a sender, a proxy and
/// a receiver disagree about.
pub(crate) fn single<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'a HeaderValue>, Rejection> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(Rejection::header(RejectionKind::HeaderDuplicated, name));
    }
    if value.len() > LONGEST_VALUE_BYTES {
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

/// What an id that is signed has to be: something, and visible ASCII alone.
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
                    "the header {other} is named twice"
                )));
            }
            aliases.others.push(other);
        }
        Ok(aliases)
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

    /// The one name for which this header is looked up.
    ///
    /// `family` is the position of the alias under which the signature came: `svix-signature` goes
    /// with `svix-id`, so that headers of two families never mix.
    pub(crate) fn pick(&self, headers: &HeaderMap, family: Option<usize>) -> &HeaderName {
        // Most senders have one name: it need not be looked for before it is looked up.
        if self.others.is_empty() {
            return &self.first;
        }
        family
            .and_then(|index| self.iter().nth(index))
            .or_else(|| self.iter().find(|name| headers.contains_key(*name)))
            .unwrap_or(&self.first)
    }
}
