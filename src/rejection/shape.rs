//! The shape of a header's value, or of another part of a request: its tag, its alphabet and its length,
//! without the value.
//!
//! An expected shape is prepared when the scheme is built, and a found shape is a few bytes. So a
//! rejection formats and allocates nothing. Only `Display` formats.

use std::{fmt, sync::Arc};

/// The shape that a header's value must have, as a text: `"sha256=" and 64 hexadecimal digits`.
#[derive(Clone, PartialEq, Eq)]
pub struct ExpectedShape(Expected);

#[derive(Clone, PartialEq, Eq)]
enum Expected {
    /// Prepared when the scheme was built.
    Built(Arc<str>),
    Fixed(Fixed),
}

/// The shapes that do not depend on the scheme.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fixed {
    Basic,
    Bearer,
    Form,
    HeaderList,
    HttpDate,
    Id,
    Milliseconds,
    MillisecondsOfFixedWidth,
    NotAForm,
    RequiredValue,
    Rfc3339,
    Rfc3339WithoutZone,
    Seconds,
    SecondsOfFixedWidth,
    SignedTag,
    Token,
    TokenAlgorithm,
    WithoutSeparator,
}

impl Fixed {
    fn as_str(self) -> &'static str {
        match self {
            Self::Basic => "\"Basic \" and the credentials",
            Self::Bearer => "\"Bearer \" and the key",
            Self::Form => "a form: `application/x-www-form-urlencoded`, UTF-8, at most 1000 fields",
            Self::HeaderList => {
                "a list of at most 16 names of headers, none twice, with those that must be signed"
            }
            Self::HttpDate => "a date as in RFC 9110, such as \"Tue, 14 Nov 2023 22:13:20 GMT\"",
            Self::Id => "visible ASCII characters",
            Self::Milliseconds => "milliseconds since 1970 in digits",
            Self::MillisecondsOfFixedWidth => "milliseconds since 1970 in 13 digits",
            Self::NotAForm => "a body that is not a form",
            Self::RequiredValue => "the value that the scheme requires",
            Self::Rfc3339 => "a time as in RFC 3339",
            Self::Rfc3339WithoutZone => "a time as in RFC 3339 without a zone",
            Self::Seconds => "seconds since 1970 in digits",
            Self::SecondsOfFixedWidth => "seconds since 1970 in 10 digits",
            Self::SignedTag => "an item with each tag that is signed",
            Self::Token => {
                "a JWT: three parts in base64url, the first two with JSON objects in which no name appears \
                 twice"
            }
            Self::TokenAlgorithm => "a JWT with an algorithm of the scheme",
            Self::WithoutSeparator => {
                "a value without the separator that is next to it in the signed content"
            }
        }
    }
}

impl ExpectedShape {
    pub(crate) fn built(text: &Arc<str>) -> Self {
        Self(Expected::Built(Arc::clone(text)))
    }

    /// The text of a scheme in code. It is allocated here, so that every rejection stays small.
    pub(crate) fn written(text: &'static str) -> Self {
        Self(Expected::Built(text.into()))
    }

    pub(crate) fn fixed(fixed: Fixed) -> Self {
        Self(Expected::Fixed(fixed))
    }
}

impl fmt::Display for ExpectedShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Expected::Built(text) => text,
            Expected::Fixed(fixed) => fixed.as_str(),
        })
    }
}

impl fmt::Debug for ExpectedShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExpectedShape({self})")
    }
}

/// The shape that a header's value has.
///
/// It contains nothing of the value. A tag is named only if it is one that senders are known to use.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct FoundShape {
    tag: Tag,
    content: Content,
    /// In bytes. A header's value has at most 4096.
    length: u16,
}

/// What is in front of the content.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tag {
    Absent,
    /// The position in [`KNOWN_TAGS`].
    Known(u8),
    /// The expected tag, but with other capital letters.
    OtherCase,
    /// The expected tag, or the scheme has none.
    Right,
    Unknown,
}

/// Only these tags and prefixes are named in a rejection.
const KNOWN_TAGS: [&str; 19] = [
    "sha1",
    "sha256",
    "sha384",
    "sha512",
    "hmac-sha1",
    "hmac-sha256",
    "hmac-sha512",
    "v0",
    "v1",
    "v1a",
    "v2",
    "v3",
    "t",
    "ts",
    "s",
    "h1",
    "Basic",
    "Bearer",
    "Token",
];

impl Tag {
    /// A known tag at the beginning of a text, and what follows its separator.
    pub(crate) fn split_known(text: &[u8]) -> Option<(Self, &[u8])> {
        let at = text.iter().position(|byte| matches!(byte, b'=' | b','))?;
        let (tag, rest) = text.split_at_checked(at)?;
        match Self::of(tag, &[]) {
            tag @ Self::Known(_) => Some((tag, rest.get(1..)?)),
            _ => None,
        }
    }

    pub(crate) fn of(found: &[u8], accepted: &[String]) -> Self {
        let is = |tag: &str| tag.as_bytes() == found;
        if accepted.iter().any(|tag| is(tag)) {
            return Self::Right;
        }
        let mut accepted = accepted.iter();
        if accepted.any(|tag| tag.as_bytes().eq_ignore_ascii_case(found)) {
            return Self::OtherCase;
        }
        let known = KNOWN_TAGS.iter().position(|tag| is(tag));
        known
            .and_then(|position| u8::try_from(position).ok())
            .map_or(Self::Unknown, Self::Known)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    Absent,
    Base64,
    Base64Url,
    Digits,
    Hex,
    LeadingZero,
    NoClaim,
    NoItem,
    NotUtf8,
    Other,
    OtherToken,
    OtherType,
    OtherValue,
    Rfc3339,
    Separator,
    TooMany,
    Twice,
    /// It has the expected alphabet and length, and still cannot be decoded.
    Undecodable,
    /// The value may be a key, so its length and alphabet are not reported.
    Withheld,
}

impl FoundShape {
    fn new(content: Content, text: &[u8]) -> Self {
        Self {
            tag: Tag::Right,
            content,
            length: u16::try_from(text.len()).unwrap_or(u16::MAX),
        }
    }

    /// A text that should be a signature of this many characters, in an alphabet of which
    /// `is_expected` says whether a character belongs to it.
    pub(crate) fn of_signature(
        text: &[u8],
        tag: Tag,
        expected_length: Option<usize>,
        is_expected: impl Fn(u8) -> bool,
    ) -> Self {
        let all = |extra: &[u8]| {
            let mut bytes = text.iter();
            bytes.all(|byte| byte.is_ascii_alphanumeric() || extra.contains(byte))
        };
        let has_length = expected_length.is_none_or(|length| length == text.len());
        let content = if tag == Tag::Right
            && !text.is_empty()
            && has_length
            && text.iter().all(|byte| is_expected(*byte))
        {
            Content::Undecodable
        } else if text.iter().all(u8::is_ascii_hexdigit) {
            Content::Hex
        } else if all(b"+/=") {
            Content::Base64
        } else if all(b"-_=") {
            Content::Base64Url
        } else {
            Content::Other
        };
        Self {
            tag,
            ..Self::new(content, text)
        }
    }

    /// A text that should be a time.
    pub(crate) fn of_time(text: &[u8], is_rfc3339: bool) -> Self {
        let content = match text {
            _ if is_rfc3339 => Content::Rfc3339,
            _ if !text.iter().all(u8::is_ascii_digit) => Content::Other,
            [b'0', _, ..] => Content::LeadingZero,
            _ => Content::Digits,
        };
        Self::new(content, text)
    }

    /// A text with characters that are not allowed.
    pub(crate) fn of_text(text: &[u8]) -> Self {
        Self::new(Content::Other, text)
    }

    /// A text that should be equal to a value that the owner chose.
    pub(crate) fn of_other_value() -> Self {
        Self::new(Content::OtherValue, b"")
    }

    /// A text that contains the separator next to it.
    pub(crate) fn of_separator() -> Self {
        Self::new(Content::Separator, b"")
    }

    /// A token without a claim that it must have.
    pub(crate) fn of_no_claim() -> Self {
        Self::new(Content::NoClaim, b"")
    }

    /// A token that cannot be used. It may be a key, so only its length is reported.
    pub(crate) fn of_token(token: &[u8]) -> Self {
        Self::new(Content::OtherToken, token)
    }

    /// Nothing.
    pub(crate) fn of_nothing() -> Self {
        Self::new(Content::Absent, b"")
    }

    /// The same name more than once.
    pub(crate) fn of_two() -> Self {
        Self::new(Content::Twice, b"")
    }

    /// More of them than are allowed.
    pub(crate) fn of_too_many() -> Self {
        Self::new(Content::TooMany, b"")
    }

    /// A text that is not UTF-8.
    pub(crate) fn of_not_utf8() -> Self {
        Self::new(Content::NotUtf8, b"")
    }

    /// Another type or format.
    pub(crate) fn of_other_type() -> Self {
        Self::new(Content::OtherType, b"")
    }

    /// A list without an item of the expected kind.
    pub(crate) fn of_no_item() -> Self {
        Self::new(Content::NoItem, b"")
    }

    /// A text that should begin with a prefix such as `Bearer `.
    pub(crate) fn of_credentials(value: &[u8]) -> Self {
        let space = value.iter().position(|byte| *byte == b' ');
        let prefix = space.and_then(|space| value.get(..space));
        Self {
            tag: prefix.map_or(Tag::Absent, |prefix| Tag::of(prefix, &[])),
            ..Self::new(Content::Withheld, b"")
        }
    }

    fn write_content(self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = self.length;
        let plural = if length == 1 { "" } else { "s" };
        match self.content {
            Content::Absent => f.write_str("none"),
            Content::NoClaim => f.write_str("no such claim"),
            Content::NoItem => f.write_str("no such item"),
            Content::NotUtf8 => f.write_str("a text that is not UTF-8"),
            Content::OtherType => f.write_str("another type"),
            Content::TooMany => f.write_str("too many"),
            Content::Twice => f.write_str("the same name twice"),
            Content::OtherValue => f.write_str("another value"),
            Content::Rfc3339 => f.write_str("a time as in RFC 3339"),
            Content::Separator => f.write_str("this separator inside the value"),
            Content::Withheld => f.write_str("a value without this prefix"),
            _ if length == 0 => f.write_str("an empty text"),
            Content::Base64 => write!(f, "{length} character{plural} of base64"),
            Content::Base64Url => write!(f, "{length} character{plural} of base64url"),
            Content::Digits => write!(f, "{length} digit{plural}"),
            Content::Hex => write!(f, "{length} hexadecimal digit{plural}"),
            Content::LeadingZero => write!(f, "{length} digits with a leading zero"),
            Content::Other => write!(f, "{length} character{plural}, not all of them allowed"),
            Content::OtherToken => write!(f, "another text of {length} character{plural}"),
            Content::Undecodable => {
                write!(f, "{length} character{plural} that cannot be decoded")
            }
        }
    }
}

impl fmt::Display for FoundShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.tag {
            Tag::Known(position) => {
                let tag = KNOWN_TAGS.get(usize::from(position)).unwrap_or(&"");
                if self.content == Content::Withheld {
                    return write!(f, "the prefix {tag:?}");
                }
                write!(f, "the tag {tag:?} and ")?;
            }
            Tag::OtherCase => f.write_str("the tag with other capital letters and ")?,
            Tag::Unknown if self.content != Content::Withheld => f.write_str("another tag and ")?,
            Tag::Absent | Tag::Right | Tag::Unknown => {}
        }
        self.write_content(f)?;
        if self.tag == Tag::Absent && self.content != Content::Withheld {
            f.write_str(" without a tag")?;
        }
        Ok(())
    }
}

impl fmt::Debug for FoundShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FoundShape({self})")
    }
}
