//! The document in a body: JSON, a form, or JSON in a field of a form.

use std::{borrow::Cow, sync::Arc};

use http::header::CONTENT_TYPE;

use super::{
    json::{self, Pointer},
    malformed, multipart,
};
use crate::{
    error::ConfigError,
    event::pairs,
    rejection::FoundShape,
    scheme::{
        custom::{CustomHead, CustomRejection},
        describe::Field,
        sorted_form::is_form,
    },
    text,
};

/// How many fields a form may have. Senders send less than 30.
const MOST_FIELDS: usize = 1000;

/// Where the values are.
#[derive(Clone, Debug)]
pub(super) enum Document {
    Form,
    Json,
    /// JSON in this field of a form. If the `Content-Type` is not that of a form, a body that begins with `{` is the
    /// JSON itself.
    JsonInForm(String),
}

/// A value in a [`Document`].
#[derive(Clone, Debug)]
pub(super) struct Value {
    place: Place,
    /// For a rejection.
    expected: Arc<str>,
}

#[derive(Clone, Debug)]
pub(super) enum Place {
    Field(String),
    Json(Pointer),
}

/// How the body is encoded, as the `Content-Type` says.
pub(super) enum Format {
    Form,
    Multipart {
        boundary: Vec<u8>,
    },
    /// There is no `Content-Type`, or another one. A form is then read as one in percent-encoding.
    Other,
}

/// A document that was found in a body.
#[derive(Clone, Copy)]
pub(super) enum Found<'a> {
    Form(&'a [u8], &'a Format),
    Json(&'a str),
}

impl Format {
    pub(super) fn of(head: &CustomHead<'_>) -> Result<Self, CustomRejection> {
        let Some(value) = head.optional_header(&CONTENT_TYPE)? else {
            return Ok(Self::Other);
        };
        if is_form(value) {
            return Ok(Self::Form);
        }
        if !multipart::is_multipart(value.as_bytes()) {
            return Ok(Self::Other);
        }
        // A handler that finds another boundary could read other values.
        let boundary = multipart::boundary(value.as_bytes()).ok_or_else(|| {
            let expected = "one `boundary` of at most 70 characters, as RFC 2046 allows";
            CustomRejection::header_malformed(&CONTENT_TYPE, expected)
        })?;
        Ok(Self::Multipart { boundary })
    }

    #[cfg(feature = "testing")]
    pub(super) fn unknown() -> Self {
        Self::Other
    }

    /// The decoded value of a field that is in the form once.
    fn field<'a>(&self, form: &'a [u8], name: &str) -> Result<Option<Cow<'a, [u8]>>, FoundShape> {
        if let Self::Multipart { boundary } = self {
            return Ok(multipart::field(form, boundary, name)?.map(Cow::Borrowed));
        }
        let mut found = None;
        for (count, (field, value)) in pairs(form).enumerate() {
            if count == MOST_FIELDS {
                return Err(FoundShape::of_too_many());
            }
            if *field == *name.as_bytes() && found.replace(value).is_some() {
                return Err(FoundShape::of_two());
            }
        }
        Ok(found)
    }
}

impl Document {
    /// Finds the document, and calls `read` with it.
    pub(super) fn read<T>(
        &self,
        format: &Format,
        body: &[u8],
        read: impl FnOnce(Found<'_>) -> Result<T, CustomRejection>,
    ) -> Result<T, CustomRejection> {
        let text = |bytes| {
            std::str::from_utf8(bytes)
                .map_err(|_| malformed(&"JSON".into(), FoundShape::of_not_utf8()))
        };
        match self {
            Self::Form => read(Found::Form(body, format)),
            Self::Json => read(Found::Json(text(body)?)),
            // The same bytes can be JSON and a form. If the head says that they are a form, a handler reads a form.
            Self::JsonInForm(_)
                if matches!(format, Format::Other) && body.trim_ascii_start().starts_with(b"{") =>
            {
                read(Found::Json(text(body)?))
            }
            Self::JsonInForm(name) => {
                let wrong = |found| malformed(&format!("the form field {name:?}").into(), found);
                let json = format.field(body, name).map_err(wrong)?;
                let json = json.ok_or_else(|| wrong(FoundShape::of_nothing()))?;
                read(Found::Json(text(&json)?))
            }
        }
    }

    pub(super) fn value(&self, place: &str, what: &str) -> Result<Value, ConfigError> {
        Ok(match self {
            Self::Form => {
                text::check_name("the name of the form field", place)?;
                Value {
                    expected: format!("the form field {place:?} with {what}").into(),
                    place: Place::Field(place.to_owned()),
                }
            }
            Self::Json | Self::JsonInForm(_) => Value {
                place: Place::Json(Pointer::new(place)?),
                expected: format!("{what} at {place:?} of the JSON").into(),
            },
        })
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        match self {
            Self::Form | Self::Json => Ok(()),
            Self::JsonInForm(name) => text::check_name("the name of the form field", name),
        }
    }
}

impl Value {
    pub(super) fn has_each(&self) -> bool {
        matches!(&self.place, Place::Json(pointer) if pointer.has_each())
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// `elements` is the place of the elements to which this place is relative.
    pub(super) fn describe(&self, document: &Document, elements: &str) -> Field {
        match (&self.place, document) {
            (Place::Field(name), _) => Field::Form(name.clone()),
            (Place::Json(pointer), Document::JsonInForm(field)) => Field::JsonInForm {
                field: field.clone(),
                pointer: pointer.as_str().to_owned(),
            },
            (Place::Json(pointer), _) => Field::Json(format!("{elements}{}", pointer.as_str())),
        }
    }

    pub(super) fn name(&self) -> &str {
        match &self.place {
            Place::Field(name) => name,
            Place::Json(pointer) => pointer.as_str(),
        }
    }

    pub(super) fn wrong(&self, found: FoundShape) -> CustomRejection {
        malformed(&self.expected, found)
    }

    /// The text of the value. `None` if it is absent or `null`.
    pub(super) fn find<'a>(
        &self,
        found: Found<'a>,
    ) -> Result<Option<Cow<'a, [u8]>>, CustomRejection> {
        match (&self.place, found) {
            (Place::Field(name), Found::Form(form, format)) => {
                format.field(form, name).map_err(|found| self.wrong(found))
            }
            (Place::Json(pointer), Found::Json(json)) => {
                let value = pointer.find(json).map_err(|found| self.wrong(found))?;
                let text = value.map(json::text).transpose();
                let text = text.map_err(|found| self.wrong(found))?.flatten();
                Ok(text.map(|text| match text {
                    Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
                    Cow::Owned(text) => Cow::Owned(text.into_bytes()),
                }))
            }
            _ => Err(self.wrong(FoundShape::of_other_type())),
        }
    }

    /// The text of a value that is required.
    pub(super) fn read<'a>(&self, found: Found<'a>) -> Result<Cow<'a, [u8]>, CustomRejection> {
        self.find(found)?
            .ok_or_else(|| self.wrong(FoundShape::of_nothing()))
    }

    /// The bytes of a value of JSON as they are in the body.
    pub(super) fn raw<'a>(&self, found: Found<'a>) -> Result<&'a [u8], CustomRejection> {
        match (&self.place, found) {
            (Place::Json(pointer), Found::Json(json)) => pointer
                .find(json)
                .and_then(|value| value.ok_or_else(FoundShape::of_nothing))
                .map(str::as_bytes)
                .map_err(|found| self.wrong(found)),
            _ => Err(self.wrong(FoundShape::of_other_type())),
        }
    }
}
