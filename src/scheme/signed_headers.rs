//! A list of headers that the sender names and signs, as a signed piece.

use std::borrow::Cow;

use http::{HeaderName, HeaderValue, request::Parts};

use super::{
    headers,
    signature::{ascii, trim_blanks},
    signed::{Facts, holds},
};
use crate::{
    error::ConfigError,
    rejection::{ExpectedShape, Fixed, FoundShape, Rejection, RejectionKind},
};

/// The senders that sign such a list sign two to five headers.
const MOST_NAMES: usize = 16;

/// Headers that the sender lists in each delivery and signs, as a signed piece.
///
/// The client sends the list. So the receiver says which headers the list must contain: otherwise a
/// signature over fewer headers would be enough. A list is rejected if it has more than 16 names or a
/// name twice, or if it lacks a name of [`must_contain`](Self::must_contain). A listed header must appear
/// exactly once.
///
/// ```
/// use tower_webhook_auth::{Piece, SignatureScheme, SignedHeaders, Timestamp};
///
/// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
/// // X-Acme-Headers: x-acme-headers,x-acme-time
/// let headers = SignedHeaders::in_header("x-acme-headers", ',')
///     .with_names(";")
///     .must_contain(["x-acme-headers", "x-acme-time"]);
/// let scheme = SignatureScheme::hmac_sha256("x-acme-signature")
///     .timestamp(Timestamp::header("x-acme-time"))
///     .signed([Piece::SignedHeaders(headers), Piece::literal("\n"), Piece::Body])
///     .build()?;
/// # let _ = scheme;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedHeaders {
    list: List,
    separator: char,
    joiner: Cow<'static, str>,
    with_names: bool,
    must_contain: Vec<Cow<'static, str>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum List {
    Header(Cow<'static, str>),
    Tag(Cow<'static, str>),
}

impl SignedHeaders {
    fn new(list: List, separator: char) -> Self {
        Self {
            list,
            separator,
            joiner: Cow::Borrowed(""),
            with_names: false,
            must_contain: Vec::new(),
        }
    }

    /// The list is the value of this header, with this character between the names.
    #[must_use]
    pub fn in_header(name: impl Into<Cow<'static, str>>, separator: char) -> Self {
        Self::new(List::Header(name.into()), separator)
    }

    /// The list is the value of this tag of the signature header, with this character between the names. The
    /// tag appears once, as for [`Piece::Tag`](super::Piece::Tag).
    #[must_use]
    pub fn in_tag(tag: impl Into<Cow<'static, str>>, separator: char) -> Self {
        Self::new(List::Tag(tag.into()), separator)
    }

    /// The signed text is `value{joiner}value`, in the order of the list.
    ///
    /// A value may contain the joiner, so it is not proven where a value begins and ends. Only all of them
    /// together are proven.
    #[must_use]
    pub fn values(mut self, joiner: impl Into<Cow<'static, str>>) -> Self {
        self.joiner = joiner.into();
        self.with_names = false;
        self
    }

    /// The signed text is `name:value{joiner}name:value`, with the names in lower case, in the order of the
    /// list.
    ///
    /// A delivery is rejected if a value contains the joiner and then the name of a header that the list must
    /// contain and a `:`. So these headers have one reading.
    #[must_use]
    pub fn with_names(mut self, joiner: impl Into<Cow<'static, str>>) -> Self {
        self.joiner = joiner.into();
        self.with_names = true;
        self
    }

    /// The list must contain these headers. Name the header with the list, and that of the timestamp.
    #[must_use]
    pub fn must_contain<N: Into<Cow<'static, str>>>(
        mut self,
        names: impl IntoIterator<Item = N>,
    ) -> Self {
        self.must_contain = names.into_iter().map(Into::into).collect();
        self
    }

    /// The tag with the list.
    pub(super) fn tag(&self) -> Option<&str> {
        match &self.list {
            List::Header(_) => None,
            List::Tag(tag) => Some(tag),
        }
    }

    pub(super) fn build(&self) -> Result<Listed, ConfigError> {
        if self.joiner.is_empty() {
            return Err(ConfigError::new(
                "the signed headers have no text between them: call .values(…) or .with_names(…)",
            ));
        }
        let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~:".contains(c);
        if self.with_names && (self.joiner.len() != 1 || self.joiner.contains(is_token)) {
            return Err(ConfigError::new(format!(
                "{:?} cannot join names and values of headers: use one ASCII character that no name \
                 contains, such as ';'",
                self.joiner,
            )));
        }
        if self.must_contain.is_empty() {
            return Err(ConfigError::new(
                "the list of signed headers may be anything, so an attacker could use a signature over \
                 fewer headers: call .must_contain(…)",
            ));
        }
        if self.must_contain.len() > MOST_NAMES {
            return Err(ConfigError::new(format!(
                "the list of signed headers must contain {} names, but at most {MOST_NAMES} are read",
                self.must_contain.len(),
            )));
        }
        let mut must_contain: Vec<HeaderName> = Vec::new();
        for name in &self.must_contain {
            let name = headers::name(name)?;
            if must_contain.contains(&name) {
                return Err(ConfigError::new(format!(
                    "the list of signed headers must contain {name} twice: name it once"
                )));
            }
            must_contain.push(name);
        }
        Ok(Listed {
            list: match &self.list {
                List::Header(name) => ListedIn::Header(headers::name(name)?),
                List::Tag(tag) => ListedIn::Tag(tag.clone()),
            },
            separator: ascii(self.separator)?,
            joiner: self.joiner.clone(),
            with_names: self.with_names,
            must_contain,
        })
    }
}

/// [`SignedHeaders`] that were checked.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    list: ListedIn,
    separator: u8,
    joiner: Cow<'static, str>,
    with_names: bool,
    must_contain: Vec<HeaderName>,
}

#[derive(Clone, Debug)]
enum ListedIn {
    Header(HeaderName),
    Tag(Cow<'static, str>),
}

impl Listed {
    /// The headers with one reading. The others are signed, but a client can move text between them.
    pub(crate) fn proven(&self) -> &[HeaderName] {
        if self.with_names {
            &self.must_contain
        } else {
            &[]
        }
    }

    /// The headers that each delivery must have.
    pub(crate) fn required(&self) -> &[HeaderName] {
        &self.must_contain
    }

    pub(crate) fn header(&self) -> Option<&HeaderName> {
        match &self.list {
            ListedIn::Header(name) => Some(name),
            ListedIn::Tag(_) => None,
        }
    }

    #[cfg(feature = "testing")]
    pub(crate) fn is_in_tag(&self, tag: &str) -> bool {
        matches!(&self.list, ListedIn::Tag(list) if list == tag)
    }

    /// The shortest list that is accepted, as the sender writes it.
    #[cfg(feature = "testing")]
    pub(crate) fn shortest(&self) -> String {
        let names: Vec<&str> = self.must_contain.iter().map(HeaderName::as_str).collect();
        names.join(&char::from(self.separator).to_string())
    }

    pub(crate) fn describe(&self) -> String {
        let form = if self.with_names {
            "name:value"
        } else {
            "value"
        };
        let joiner = self.joiner.escape_default();
        format!("{{{form} of each listed header, joined by \"{joiner}\"}}")
    }

    /// Gives the signed text to `take`.
    pub(crate) fn write(
        &self,
        head: &Parts,
        facts: &Facts<'_>,
        take: &mut dyn FnMut(&[u8]),
    ) -> Result<(), Rejection> {
        let (name, list) = match &self.list {
            ListedIn::Header(name) => {
                let list = headers::single(&head.headers, name)?
                    .ok_or_else(|| Rejection::header(RejectionKind::HeaderMissing, name))?;
                (name, list.as_bytes())
            }
            ListedIn::Tag(tag) => (facts.header, facts.tag(tag)?),
        };
        let malformed =
            |found| Rejection::malformed(name, ExpectedShape::fixed(Fixed::HeaderList), found);
        let mut listed: Vec<HeaderName> = Vec::new();
        for item in list.split(|byte| *byte == self.separator) {
            if listed.len() == MOST_NAMES {
                return Err(malformed(FoundShape::of_too_many()));
            }
            let item = trim_blanks(item);
            let header = HeaderName::from_bytes(item);
            let header = header.map_err(|_| malformed(FoundShape::of_text(item)))?;
            if listed.contains(&header) {
                return Err(malformed(FoundShape::of_two()));
            }
            listed.push(header);
        }
        if !self.must_contain.iter().all(|name| listed.contains(name)) {
            return Err(malformed(FoundShape::of_no_item()));
        }
        let mut joiner = "";
        for header in &listed {
            let value = headers::single(&head.headers, header)?
                .map(HeaderValue::as_bytes)
                .ok_or_else(|| Rejection::header(RejectionKind::HeaderMissing, header))?;
            let value = trim_blanks(value);
            take(joiner.as_bytes());
            joiner = &self.joiner;
            if self.with_names {
                self.has_one_reading(header, value)?;
                take(header.as_str().as_bytes());
                take(b":");
            }
            take(value);
        }
        Ok(())
    }

    /// Rejects a value in which another reading of the signed text could find a header that must be signed.
    fn has_one_reading(&self, header: &HeaderName, value: &[u8]) -> Result<(), Rejection> {
        let contains = |name: &HeaderName| {
            let begin = [self.joiner.as_bytes(), name.as_str().as_bytes(), b":"].concat();
            value.len() >= begin.len() && value.windows(begin.len()).any(|part| part == begin)
        };
        if self.must_contain.iter().any(contains) {
            let expected = ExpectedShape::fixed(Fixed::WithoutSeparator);
            return Err(Rejection::malformed(
                header,
                expected,
                FoundShape::of_separator(),
            ));
        }
        Ok(())
    }

    /// Whether no value of a header can contain this text.
    pub(crate) fn ends_at(text: &str) -> bool {
        let in_no_value = |byte: u8| byte.is_ascii_control() && byte != b'\t';
        text.bytes().any(in_no_value) && !holds(b"", text.as_bytes())
    }
}
