//! Reads a parameter of the query strictly: it may appear once, and has a maximum length.

use std::{borrow::Cow, sync::Arc};

use http::request::Parts;

use crate::{
    error::ConfigError,
    event::pairs,
    rejection::{ExpectedShape, FoundShape, Rejection, RejectionKind},
    text,
};

/// As for the value of a header.
const LONGEST_VALUE_BYTES: usize = 4096;

/// A parameter of the query of the request, as a signed piece.
///
/// Its value is taken from the request as it arrives at the layer, and percent-decoded. A request
/// with the parameter twice is rejected, because the sender, a proxy and a handler may disagree
/// about which one counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryParameter {
    name: Cow<'static, str>,
    lower_case: bool,
}

impl QueryParameter {
    /// The parameter of this name. The name is compared in the same case, after decoding.
    #[must_use]
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self {
            name: name.into(),
            lower_case: false,
        }
    }

    /// The sender signs the value with its ASCII letters in lower case. The request may have them in either
    /// case.
    #[must_use]
    pub fn lower_case(mut self) -> Self {
        self.lower_case = true;
        self
    }
}

/// A [`QueryParameter`] that was checked.
#[derive(Clone, Debug)]
pub(crate) struct Parameter {
    name: Arc<str>,
    lower_case: bool,
    /// For a rejection.
    expected: Arc<str>,
}

impl Parameter {
    pub(super) fn new(parameter: &QueryParameter, value: &str) -> Result<Self, ConfigError> {
        let name = &*parameter.name;
        text::check_name("the name of the query parameter", name)?;
        Ok(Self {
            name: name.into(),
            lower_case: parameter.lower_case,
            expected: format!("the query parameter {name:?} with {value}").into(),
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn is_lower_case(&self) -> bool {
        self.lower_case
    }

    pub(crate) fn is_in(&self, head: &Parts) -> bool {
        self.values(head).next().is_some()
    }

    fn values<'a>(&self, head: &'a Parts) -> impl Iterator<Item = Cow<'a, [u8]>> {
        let query = head.uri.query().unwrap_or_default().as_bytes();
        pairs(query)
            .filter(|(name, _)| **name == *self.name.as_bytes())
            .map(|(_, value)| value)
    }

    /// The decoded value, if the parameter is there.
    pub(crate) fn find<'a>(&self, head: &'a Parts) -> Result<Option<Cow<'a, [u8]>>, Rejection> {
        let mut values = self.values(head);
        let Some(mut value) = values.next() else {
            return Ok(None);
        };
        if values.next().is_some() {
            let kind = RejectionKind::ParameterDuplicated;
            return Err(self.rejection(kind, FoundShape::of_two()));
        }
        if value.len() > LONGEST_VALUE_BYTES {
            return Err(self.malformed(FoundShape::of_text(&value)));
        }
        if self.lower_case {
            value.to_mut().make_ascii_lowercase();
        }
        Ok(Some(value))
    }

    /// The decoded value of a parameter that is required.
    pub(crate) fn read<'a>(&self, head: &'a Parts) -> Result<Cow<'a, [u8]>, Rejection> {
        self.find(head)?.ok_or_else(|| {
            self.rejection(RejectionKind::ParameterMissing, FoundShape::of_nothing())
        })
    }

    pub(crate) fn malformed(&self, found: FoundShape) -> Rejection {
        self.rejection(RejectionKind::ParameterMalformed, found)
    }

    /// The URI with this value of the parameter, as the sender writes it. The value is a signature, whose
    /// characters are percent-encoded where a query may not contain them.
    #[cfg(feature = "testing")]
    pub(crate) fn written(&self, uri: &http::Uri, value: &str) -> Result<http::Uri, ConfigError> {
        let encode = |text: &str| -> String {
            let encoded = text.bytes().map(|byte| match byte {
                b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
                byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
                byte => format!("%{byte:02X}"),
            });
            encoded.collect()
        };
        let others = uri.query().unwrap_or_default().split('&').filter(|pair| {
            let names = pairs(pair.as_bytes()).map(|(name, _)| name);
            !names.into_iter().any(|name| *name == *self.name.as_bytes()) && !pair.is_empty()
        });
        let parameter = format!("{}={}", encode(&self.name), encode(value));
        let query: Vec<&str> = others.chain([parameter.as_str()]).collect();
        let target = format!("{}?{}", uri.path(), query.join("&"));
        let mut parts = uri.clone().into_parts();
        let target = target.parse().map_err(|_| {
            ConfigError::new(format!(
                "the request cannot be signed: its URL cannot have the parameter {:?}",
                self.name
            ))
        })?;
        parts.path_and_query = Some(target);
        http::Uri::from_parts(parts).map_err(|_| {
            ConfigError::new(
                "the request cannot be signed: its URL has no path and cannot have a query",
            )
        })
    }

    fn rejection(&self, kind: RejectionKind, found: FoundShape) -> Rejection {
        Rejection::field(kind, ExpectedShape::built(&self.expected), found)
    }
}
