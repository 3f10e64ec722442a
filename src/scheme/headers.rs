//! Headers, read strictly: each once, none endless.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::{
    error::ConfigError,
    rejection::{Rejection, RejectionKind},
};

/// No sender's header comes near this. The work done for a stranger's header stays small.
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

/// One header under one or several names.
#[derive(Clone, Debug)]
pub(crate) struct Aliases(Vec<HeaderName>);

impl Aliases {
    pub(crate) fn new(names: &[String]) -> Result<Self, ConfigError> {
        let names = names
            .iter()
            .map(|text| name(text))
            .collect::<Result<Vec<_>, _>>()?;
        for (index, name) in names.iter().enumerate() {
            if names
                .iter()
                .skip(index.saturating_add(1))
                .any(|other| other == name)
            {
                return Err(ConfigError::new(format!(
                    "the header {name} is named twice"
                )));
            }
        }
        if names.is_empty() {
            return Err(ConfigError::new("the list of headers is empty"));
        }
        Ok(Self(names))
    }

    pub(crate) fn names(&self) -> &[HeaderName] {
        &self.0
    }

    /// The one name for which this header is looked up.
    ///
    /// `family` is the position of the alias under which the signature came: `svix-signature` goes
    /// with `svix-id`, so that headers of two families never mix.
    pub(crate) fn pick(&self, headers: &HeaderMap, family: Option<usize>) -> Option<&HeaderName> {
        // Most senders have one name: it need not be looked for before it is looked up.
        if let [only] = self.0.as_slice() {
            return Some(only);
        }
        let same_family = family.and_then(|index| self.0.get(index));
        same_family
            .or_else(|| self.0.iter().find(|name| headers.contains_key(*name)))
            .or_else(|| self.0.first())
    }
}
