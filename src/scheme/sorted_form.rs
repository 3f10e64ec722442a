//! The fields of a form in the order of their names, as a signed piece.

use std::borrow::Cow;

use http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};

use super::headers;
use crate::{
    event::pairs,
    rejection::{ExpectedShape, Fixed, FoundShape, Rejection, RejectionKind},
};

/// Twilio sends about 20 fields.
const MOST_FIELDS: usize = 1000;

/// The fields of a form as a signed piece. It takes the place of the body.
///
/// The signed text is each decoded name and its decoded value. The fields are sorted by the bytes of their names, and
/// fields of the same name by the bytes of their values.
///
/// # What is proven
///
/// Only the joined text is signed. Nothing separates a name from its value, so `a=bc` and `ab=c` have
/// the same signature. A client that has seen a delivery can cut its text at other places.
/// So the body is not signed: [`Verified::body_is_signed`](crate::Verified::body_is_signed) is
/// `false`, and [`Verified::authentication`](crate::Verified::authentication) is
/// [`PartialSignature`](crate::Authentication::PartialSignature).
/// [`SignedForm`](crate::SignedForm) reads the pairs that were signed. A handler must not act on the
/// absence of a field.
///
/// # What is rejected
///
/// A form with more than 1,000 fields, a decoded name or value that is not UTF-8, and a `Content-Type` other than
/// `application/x-www-form-urlencoded`. The limit for the body is checked before the form is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SortedForm {
    without_duplicates: bool,
    before: Cow<'static, str>,
    must_not_begin_with: &'static [&'static str],
}

impl SortedForm {
    /// All fields. A field that comes twice is signed twice.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A field that comes twice with the same value is signed once, as at Twilio.
    #[must_use]
    pub fn without_duplicates(mut self) -> Self {
        self.without_duplicates = true;
        self
    }

    /// A text that is signed before the fields, unless there are none. Plivo signs a `?` or a `.` there.
    #[must_use]
    pub fn preceded_by(mut self, text: impl Into<Cow<'static, str>>) -> Self {
        self.before = text.into();
        self
    }

    /// A request is rejected if the signed text of its form begins with one of these texts.
    pub(crate) fn must_not_begin_with(mut self, texts: &'static [&'static str]) -> Self {
        self.must_not_begin_with = texts;
        self
    }

    pub(crate) fn before(&self) -> &str {
        &self.before
    }

    /// Gives each piece of the signed text to `take`.
    pub(crate) fn write(&self, body: &[u8], take: &mut dyn FnMut(&[u8])) -> Result<(), Rejection> {
        let malformed = |found| {
            let expected = ExpectedShape::fixed(Fixed::Form);
            Rejection::field(RejectionKind::BodyMalformed, expected, found)
        };
        let mut fields: Vec<_> = pairs(body).take(MOST_FIELDS.saturating_add(1)).collect();
        if fields.len() > MOST_FIELDS {
            return Err(malformed(FoundShape::of_too_many()));
        }
        // A handler would read it lossily, and get a text that was not signed.
        let is_text = |text: &[u8]| std::str::from_utf8(text).is_ok();
        if !fields
            .iter()
            .all(|(name, value)| is_text(name) && is_text(value))
        {
            return Err(malformed(FoundShape::of_not_utf8()));
        }
        fields.sort();
        if self.without_duplicates {
            fields.dedup();
        }
        if !self.must_not_begin_with.is_empty() {
            let longest = self.must_not_begin_with.iter().map(|text| text.len()).max();
            let bytes = fields
                .iter()
                .flat_map(|(name, value)| name.iter().chain(&**value));
            let begin: Vec<u8> = bytes.copied().take(longest.unwrap_or_default()).collect();
            let mut texts = self.must_not_begin_with.iter();
            if texts.any(|text| begin.starts_with(text.as_bytes())) {
                return Err(malformed(FoundShape::of_other_value()));
            }
        }
        if !fields.is_empty() {
            take(self.before.as_bytes());
        }
        for (name, value) in &fields {
            take(name);
            take(value);
        }
        Ok(())
    }
}

/// What the `Content-Type` says about the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ContentType {
    Form,
    Other,
    Unknown,
}

impl ContentType {
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, Rejection> {
        Ok(match headers::single(headers, &CONTENT_TYPE)? {
            None => Self::Unknown,
            Some(value) if is_form(value) => Self::Form,
            Some(_) => Self::Other,
        })
    }
}

/// Whether a `Content-Type` is that of a form in percent-encoding.
pub(super) fn is_form(value: &HeaderValue) -> bool {
    let value = value.as_bytes();
    let essence = value.split(|byte| *byte == b';').next();
    let essence = essence.unwrap_or_default().trim_ascii();
    essence.eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
}
