//! [`BodyKeyScheme`]: a shared key inside the body.

use std::sync::Arc;

use subtle::Choice;

use super::{
    document::{Document, Format, Found, Place, Value},
    json, scheme_of_key,
};
use crate::{
    error::{BoxError, ConfigError},
    rejection::FoundShape,
    scheme::{
        Scheme,
        custom::{
            CustomCheck, CustomClaims, CustomFacts, CustomHead, CustomRejection, CustomScheme,
        },
        describe::{HeaderRole, Way, Window},
        mac::wipe_stack,
        shared_key::KeyDigest,
    },
};

/// A sender that sends a shared key inside the body, such as Figma, Cisco Meraki or Microsoft Graph.
///
/// The key proves that the caller knows it. It proves **nothing about the body**:
/// [`Verified::authentication`](crate::Verified::authentication) is
/// [`BodyKey`](crate::Authentication::BodyKey), and
/// [`Verified::body_is_signed`](crate::Verified::body_is_signed) is `false`. Anyone who reads one body
/// knows the key: use TLS, and do not write bodies to logs before you remove the key. The layer does not log
/// them.
///
/// The body is read after it has arrived, within the limit of the layer. The keys are compared in constant
/// time. A request is rejected if:
///
/// - the body is not JSON or a form;
/// - the value is absent, or is not a text;
/// - an object on the way to the value has a member twice, or more than 1,000 members;
/// - a list on the way to the value has more than 1,000 elements.
///
/// ```
/// use tower_webhook_auth::BodyKeyScheme;
///
/// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
/// let figma = BodyKeyScheme::json("/passcode").build()?;
/// // The key must be in every element of `value`. An empty list is rejected.
/// let graph = BodyKeyScheme::json("/value/*/clientState").build()?;
/// let ko_fi = BodyKeyScheme::json_in_form("data", "/verification_token").build()?;
/// # let _ = (figma, graph, ko_fi);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a description does nothing until it is built"]
pub struct BodyKeyScheme {
    document: Document,
    place: String,
}

impl BodyKeyScheme {
    /// The key is a text at this [pointer](https://www.rfc-editor.org/rfc/rfc6901) in a body of JSON. A `*` is
    /// each element of a list: then all of them must be the key, and there must be at least one.
    pub fn json(pointer: impl Into<String>) -> Self {
        Self {
            document: Document::Json,
            place: pointer.into(),
        }
    }

    /// The key is this field of a form, which may be `application/x-www-form-urlencoded` or
    /// `multipart/form-data`.
    pub fn form(field: impl Into<String>) -> Self {
        Self {
            document: Document::Form,
            place: field.into(),
        }
    }

    /// The key is a text at this pointer in JSON that is a field of a form. If the `Content-Type` is not that of a form,
    /// a body that begins with `{` is the JSON itself.
    pub fn json_in_form(field: impl Into<String>, pointer: impl Into<String>) -> Self {
        Self {
            document: Document::JsonInForm(field.into()),
            place: pointer.into(),
        }
    }

    /// Checks the description.
    ///
    /// # Errors
    ///
    /// If the pointer does not begin with `/`, or if a name is empty or has invisible characters.
    pub fn build(self) -> Result<Scheme, ConfigError> {
        self.document.check()?;
        Ok(scheme_of_key(BodyKey {
            value: self.document.value(&self.place, "the key")?,
            document: self.document,
        }))
    }
}

/// A [`BodyKeyScheme`] that was checked.
#[derive(Clone, Debug)]
pub(crate) struct BodyKey {
    pub(super) document: Document,
    pub(super) value: Value,
}

impl BodyKey {
    pub(super) fn describe(&self) -> Way {
        Way {
            name: None,
            algorithm: "shared key",
            encoding: None,
            value: "{key}".into(),
            signed: String::new(),
            headers: Vec::new(),
            fields: vec![(HeaderRole::Key, self.value.describe(&self.document, ""))],
            timestamp: None,
            window: Window::NoTime,
            key: "the text of the secret".into(),
            id_is_signed: false,
            body_is_covered: false,
            any_text_is_a_key: true,
        }
    }

    /// The digests of all values that must be the key.
    fn presented(&self, found: Found<'_>) -> Result<Vec<KeyDigest>, CustomRejection> {
        let (Place::Json(pointer), Found::Json(text)) = (self.value.place(), found) else {
            return Ok(vec![KeyDigest::of(&self.value.read(found)?)]);
        };
        let mut digests = Vec::new();
        let mut add = |value: &str| {
            if !value.starts_with('"') {
                return Err(FoundShape::of_other_type());
            }
            if digests.len() == json::MOST_ITEMS {
                return Err(FoundShape::of_too_many());
            }
            let key = json::text(value)?.unwrap_or_default();
            digests.push(KeyDigest::of(key.as_bytes()));
            Ok(())
        };
        pointer
            .visit(text, &mut add)
            .map_err(|found| self.value.wrong(found))?;
        Ok(digests)
    }
}

pub(crate) struct BodyKeyCheck {
    scheme: Arc<BodyKey>,
    format: Format,
    presented: Vec<KeyDigest>,
}

// The page of `CustomScheme` would show the impl of a type that it does not show.
#[doc(hidden)]
impl CustomScheme for Arc<BodyKey> {
    type Key = KeyDigest;
    type Check = BodyKeyCheck;

    fn facts(&self) -> CustomFacts {
        CustomFacts::new([])
    }

    fn key(&self, secret: &[u8]) -> Result<KeyDigest, BoxError> {
        let digest = KeyDigest::of(secret);
        wipe_stack();
        Ok(digest)
    }

    fn begin(&self, head: &CustomHead<'_>) -> Result<BodyKeyCheck, CustomRejection> {
        Ok(BodyKeyCheck {
            scheme: Self::clone(self),
            format: Format::of(head)?,
            presented: Vec::new(),
        })
    }
}

impl CustomCheck for BodyKeyCheck {
    type Key = KeyDigest;

    fn hashers(&self) -> usize {
        0
    }

    fn finish(&mut self, body: &[u8]) -> Result<CustomClaims, CustomRejection> {
        let scheme = &self.scheme;
        let read = |found: Found<'_>| scheme.presented(found);
        self.presented = scheme.document.read(&self.format, body, read)?;
        Ok(CustomClaims::new())
    }

    fn matches(&mut self, key: &KeyDigest, _: usize) -> bool {
        let none = Choice::from(u8::from(self.presented.is_empty()));
        let all = self
            .presented
            .iter()
            .fold(!none, |all, presented| all & key.matches(presented));
        all.into()
    }
}
