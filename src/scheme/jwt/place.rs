//! [`TokenPlace`]: where a request has its token.

use http::{HeaderMap, HeaderName};

use super::members::Members;
use crate::{
    error::ConfigError,
    rejection::{ExpectedShape, Fixed, FoundShape, Rejection, RejectionKind},
    scheme::headers,
};

/// A token in a header has at most this many bytes.
const LONGEST_IN_HEADER: usize = 8 * 1024;

/// A token in the body has at most this many bytes. It is hashed in one poll, and no poll hashes more.
const LONGEST_IN_BODY: usize = 256 * 1024;

/// Where a request has its token.
///
/// A text is the name of a header:
///
/// ```
/// use tower_webhook_auth::{BodyDigest, JwtScheme, TokenPlace};
///
/// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
/// // Upstash-Signature: <token>
/// let in_header = JwtScheme::hs256("Upstash-Signature")
///     .body_hash("body", BodyDigest::Sha256Base64Url);
/// // Authorization: Bearer <token>
/// let bearer = JwtScheme::hs256(TokenPlace::authorization("Bearer"))
///     .body_hash("payload_hash", BodyDigest::Sha256Hex);
/// // The whole body is the token.
/// let in_body = JwtScheme::hs256(TokenPlace::body());
/// # let _ = (in_header.build()?, bearer.build()?, in_body.build()?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenPlace(Place);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Body,
    Header {
        name: String,
        /// The name of the authentication scheme before the token.
        after: Option<String>,
    },
    /// The names of the members that lead to the token.
    Member(String),
}

impl TokenPlace {
    /// The token is the whole value of this header. It has at most 8 KiB.
    pub fn header(name: impl Into<String>) -> Self {
        Self(Place::Header {
            name: name.into(),
            after: None,
        })
    }

    /// The token follows the name of an authentication scheme in the header `Authorization`, such as
    /// `Bearer` or `JWT`. The name is not case-sensitive
    /// ([RFC 9110 section 11.1](https://www.rfc-editor.org/rfc/rfc9110#section-11.1)).
    pub fn authorization(scheme: impl Into<String>) -> Self {
        Self(Place::Header {
            name: "authorization".into(),
            after: Some(scheme.into()),
        })
    }

    /// The token is the whole body. It has at most 256 KiB.
    ///
    /// The claims are handed on as the body: [`Verified::body`](crate::Verified::body), the event and the
    /// request of the inner service have them, and not the token.
    #[must_use]
    pub fn body() -> Self {
        Self(Place::Body)
    }

    /// The token is a member of the body, which is a JSON object. The member is named by a JSON Pointer such
    /// as `/token` ([RFC 6901](https://www.rfc-editor.org/rfc/rfc6901)). A token has at most 256 KiB, and an object on
    /// the way to it at most 1,000 members.
    ///
    /// Nothing else of the body is signed. So the claims are handed on as the body, as with
    /// [`body`](Self::body), and the rest of the body is dropped.
    pub fn member(pointer: impl Into<String>) -> Self {
        Self(Place::Member(pointer.into()))
    }

    pub(super) fn check(self) -> Result<CheckedPlace, ConfigError> {
        Ok(match self.0 {
            Place::Body => CheckedPlace::Member(Vec::new()),
            Place::Header { name, after } => {
                if let Some(scheme) = &after
                    && (scheme.is_empty() || !scheme.bytes().all(|byte| byte.is_ascii_graphic()))
                {
                    return Err(ConfigError::new(format!(
                        "{scheme:?} is not the name of an authentication scheme: write it without the \
                         space, such as \"Bearer\""
                    )));
                }
                CheckedPlace::Header {
                    name: headers::name(&name)?,
                    before: after.map(|scheme| format!("{scheme} ")).unwrap_or_default(),
                }
            }
            Place::Member(pointer) => CheckedPlace::Member(path(&pointer)?),
        })
    }
}

impl<T: Into<String>> From<T> for TokenPlace {
    fn from(header: T) -> Self {
        Self::header(header)
    }
}

/// The names in a JSON Pointer.
fn path(pointer: &str) -> Result<Vec<String>, ConfigError> {
    match pointer.strip_prefix('/') {
        Some(path) if !path.is_empty() => Ok(path
            .split('/')
            .map(|name| name.replace("~1", "/").replace("~0", "~"))
            .collect()),
        _ => Err(ConfigError::new(format!(
            "{pointer:?} is not the JSON Pointer of a member: begin it with '/', such as \"/token\""
        ))),
    }
}

/// A [`TokenPlace`] that was checked.
#[derive(Clone, Debug)]
pub(crate) enum CheckedPlace {
    Header {
        name: HeaderName,
        before: String,
    },
    /// The path to the token in the body. The whole body is the token if the path is empty.
    Member(Vec<String>),
}

impl CheckedPlace {
    /// The header of the token. `None` if the token is in the body.
    pub(crate) fn header(&self) -> Option<&HeaderName> {
        match self {
            Self::Header { name, .. } => Some(name),
            Self::Member(_) => None,
        }
    }

    /// The token in its header. `None` if it is in the body.
    pub(crate) fn in_head<'a>(
        &self,
        headers: &'a HeaderMap,
    ) -> Result<Option<&'a [u8]>, Rejection> {
        let Self::Header { name, before } = self else {
            return Ok(None);
        };
        let value = headers::single_within(headers, name, LONGEST_IN_HEADER)?
            .ok_or_else(|| Rejection::header(RejectionKind::HeaderMissing, name))?;
        let value = value.as_bytes();
        value
            .split_at_checked(before.len())
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(before.as_bytes()))
            .map(|(_, token)| Some(token))
            .ok_or_else(|| {
                let expected = ExpectedShape::fixed(Fixed::Bearer);
                Rejection::malformed(name, expected, FoundShape::of_credentials(value))
            })
    }

    /// The token in the body. `None` if there is none.
    pub(crate) fn in_body(&self, body: &[u8]) -> Option<Vec<u8>> {
        let Self::Member(path) = self else {
            return None;
        };
        let token = match path.split_first() {
            None => body.trim_ascii_end().to_vec(),
            Some((first, others)) => {
                let mut members = Members::read(body)?;
                let mut name = first;
                for next in others {
                    members = Members::read(members.get(name)?.get().as_bytes())?;
                    name = next;
                }
                members.text(name)?.into_owned().into_bytes()
            }
        };
        (token.len() <= LONGEST_IN_BODY).then_some(token)
    }

    /// The value of the header, with a placeholder.
    pub(super) fn form(&self) -> String {
        match self {
            Self::Header { before, .. } => format!("{before}{{token}}"),
            Self::Member(_) => "{token}".into(),
        }
    }
}
