//! Reading the fields of an object, one level at a time.
//!
//! Every value stays raw until a field is read. So a deeply nested body needs no stack, and a
//! value that no event type names is only skipped. Fields are optional unless the method's name
//! says `required`: an optional field of another type than expected is `None`, as is `null`.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;
use smallvec::SmallVec;

use super::{Batch, EventError, Json, json::from_text, text};

/// Most objects that we read have fewer fields, and are kept without an allocation.
const FIELDS: usize = 8;

/// The fields of an object, in the order in which they were sent.
pub(crate) struct Object<'a>(SmallVec<[(Cow<'a, str>, &'a RawValue); FIELDS]>);

/// Reads an event from the object that is the whole body.
pub(crate) fn body<T>(
    body: &[u8],
    read: impl FnOnce(&Object<'_>) -> Result<T, EventError>,
) -> Result<T, EventError> {
    if body.is_empty() {
        return Err(EventError::empty());
    }
    Object::within(&text::of_body(body), read)
}

/// Reads a batch from a body that is a list of events, or an object.
pub(crate) fn batch<T>(
    body: &[u8],
    of_object: impl FnOnce(&Object<'_>) -> Result<Batch<T>, EventError>,
    of_element: impl Fn(&Object<'_>) -> Result<T, EventError>,
) -> Result<Batch<T>, EventError> {
    if body.is_empty() {
        return Err(EventError::empty());
    }
    let json = text::of_body(body);
    match kind(&json) {
        LIST => Batch::of_list(&json, of_element),
        _ => Object::within(&json, of_object),
    }
}

impl<'a> Object<'a> {
    /// Reads from a text that must be an object.
    pub(crate) fn within<T>(
        json: &str,
        read: impl FnOnce(&Object<'_>) -> Result<T, EventError>,
    ) -> Result<T, EventError> {
        match serde_json::from_str::<Object<'_>>(json) {
            Ok(object) => read(&object),
            // The type is wrong, or the name of a field holds a lone surrogate.
            Err(error) => match text::mend(json) {
                Some(mended) => read(
                    &serde_json::from_str(&mended)
                        .map_err(|error| no_value(json, "an object", error))?,
                ),
                None => Err(no_value(json, "an object", error)),
            },
        }
    }

    /// Whether a field is present and is not `null`.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0
            .iter()
            .any(|(key, value)| key == name && value.get() != NULL)
    }

    pub(crate) fn text(&self, name: &str) -> Result<Option<String>, EventError> {
        Ok(self.get(name)?.and_then(read_text))
    }

    pub(crate) fn required_text(&self, name: &str) -> Result<String, EventError> {
        self.required(name, "a text", read_text)
    }

    /// A text, or a number as its text: senders write ids in both ways.
    pub(crate) fn id(&self, name: &str) -> Result<Option<String>, EventError> {
        Ok(self.get(name)?.and_then(|value| match kind(value.get()) {
            NUMBER => Some(value.get().to_owned()),
            _ => read_text(value),
        }))
    }

    /// An integer. It may be written as a text or with a fraction. The fraction is cut off.
    pub(crate) fn integer(&self, name: &str) -> Result<Option<i64>, EventError> {
        Ok(self.get(name)?.and_then(read_integer))
    }

    pub(crate) fn required_integer(&self, name: &str) -> Result<i64, EventError> {
        self.required(name, "a 64-bit integer", read_integer)
    }

    pub(crate) fn boolean(&self, name: &str) -> Result<Option<bool>, EventError> {
        Ok(self.get(name)?.and_then(|value| value.get().parse().ok()))
    }

    /// Any value but `null`.
    pub(crate) fn json(&self, name: &str) -> Result<Option<Json>, EventError> {
        Ok(self.get(name)?.map(Json::new))
    }

    pub(crate) fn object<T>(
        &self,
        name: &str,
        read: impl FnOnce(&Object<'_>) -> Result<T, EventError>,
    ) -> Result<Option<T>, EventError> {
        self.get(name)?
            .filter(|value| kind(value.get()) == OBJECT)
            .map(|value| Object::within(value.get(), read))
            .transpose()
            .map_err(|error| error.inside(name))
    }

    pub(crate) fn required_object<T>(
        &self,
        name: &str,
        read: impl FnOnce(&Object<'_>) -> Result<T, EventError>,
    ) -> Result<T, EventError> {
        let value = self.required(name, "an object", Some)?;
        Object::within(value.get(), read).map_err(|error| error.inside(name))
    }

    /// The objects of a list. Elements that are not objects are left out.
    pub(crate) fn objects<T>(
        &self,
        name: &str,
        read: impl Fn(&Object<'_>) -> Result<T, EventError>,
    ) -> Result<Vec<T>, EventError> {
        self.elements(name)?
            .into_iter()
            .enumerate()
            .filter(|(_, value)| kind(value.get()) == OBJECT)
            .map(|(index, value)| {
                Object::within(value.get(), &read)
                    .map_err(|error| error.inside(&format!("[{index}]")).inside(name))
            })
            .collect()
    }

    /// The events of a list that must be present. A single object counts as a list of one.
    pub(crate) fn required_batch<T>(
        &self,
        name: &str,
        read: impl Fn(&Object<'_>) -> Result<T, EventError>,
    ) -> Result<Batch<T>, EventError> {
        let value = self.required(name, "a list of objects", |value| {
            matches!(kind(value.get()), LIST | OBJECT).then_some(value)
        })?;
        let batch = if kind(value.get()) == OBJECT {
            Object::within(value.get(), read).map(Batch::of_one)
        } else {
            Batch::of_list(value.get(), read)
        };
        batch
            .map(|batch| batch.inside(name))
            .map_err(|error| error.inside(name))
    }

    /// Whether the value is a list of objects, which may be empty.
    pub(crate) fn is_list_of_objects(&self, name: &str) -> Result<bool, EventError> {
        let list = self.list(name)?;
        Ok(list.is_some_and(|list| list.iter().all(|value| kind(value.get()) == OBJECT)))
    }

    /// The texts of a list. Other elements are left out.
    pub(crate) fn texts(&self, name: &str) -> Result<Vec<String>, EventError> {
        Ok(self
            .elements(name)?
            .into_iter()
            .filter_map(read_text)
            .collect())
    }

    /// The values of a list.
    pub(crate) fn jsons(&self, name: &str) -> Result<Vec<Json>, EventError> {
        Ok(self.elements(name)?.into_iter().map(Json::new).collect())
    }

    /// The values of an object whose names are data. If a name appears twice, the last value
    /// counts.
    pub(crate) fn map<T>(
        &self,
        name: &str,
        read: impl Fn(Json) -> Result<T, EventError>,
    ) -> Result<BTreeMap<String, T>, EventError> {
        let map = self.object(name, |object| {
            let entries = object.0.iter();
            entries
                .map(|(key, value)| Ok((key.clone().into_owned(), read(Json::new(value))?)))
                // The name is data of the sender, which an error does not quote.
                .collect::<Result<_, EventError>>()
                .map_err(|error| error.inside("*"))
        })?;
        Ok(map.unwrap_or_default())
    }

    /// The elements of a list. `None` when the value is absent, `null`, or not a list.
    pub(crate) fn list(&self, name: &str) -> Result<Option<Vec<&'a RawValue>>, EventError> {
        Ok(self.get(name)?.and_then(|value| elements(value.get()).ok()))
    }

    fn elements(&self, name: &str) -> Result<Vec<&'a RawValue>, EventError> {
        Ok(self.list(name)?.unwrap_or_default())
    }

    fn required<T>(
        &self,
        name: &str,
        expected: &'static str,
        read: impl FnOnce(&'a RawValue) -> Option<T>,
    ) -> Result<T, EventError> {
        let value = self
            .find(name)?
            .ok_or_else(|| EventError::missing(name, expected))?;
        read(value).ok_or_else(|| EventError::unexpected(name, expected, kind(value.get())))
    }

    fn get(&self, name: &str) -> Result<Option<&'a RawValue>, EventError> {
        Ok(self.find(name)?.filter(|value| value.get() != NULL))
    }

    /// A field that is read must not appear twice: parsers do not agree on which of the two counts.
    fn find(&self, name: &str) -> Result<Option<&'a RawValue>, EventError> {
        let mut values = self.0.iter().filter(|(key, _)| key == name);
        let value = values.next().map(|(_, value)| *value);
        match values.next() {
            None => Ok(value),
            Some(_) => Err(EventError::repeated(name)),
        }
    }
}

/// The elements of a text that must be a list.
pub(super) fn elements(json: &str) -> Result<Vec<&RawValue>, EventError> {
    serde_json::from_str(json).map_err(|error| no_value(json, "a list", error))
}

fn no_value(json: &str, expected: &'static str, error: serde_json::Error) -> EventError {
    if error.is_data() {
        EventError::unexpected("", expected, kind(json))
    } else {
        EventError::not_json(error)
    }
}

fn read_text(value: &RawValue) -> Option<String> {
    let json = value.get();
    let text = json.strip_prefix('"')?.strip_suffix('"')?;
    // Without an escape, the value is the text between the quotes.
    match memchr::memchr(b'\\', text.as_bytes()) {
        None => Some(text.to_owned()),
        Some(_) => from_text(json).ok(),
    }
}

fn read_integer(value: &RawValue) -> Option<i64> {
    let json = value.get();
    let text = match kind(json) {
        NUMBER => Cow::Borrowed(json),
        TEXT => Cow::Owned(read_text(value)?),
        _ => return None,
    };
    text.parse().ok().or_else(|| {
        let number: f64 = text.parse().ok()?;
        // Below this, the cast only cuts off the fraction.
        #[expect(clippy::cast_possible_truncation, reason = "the range was checked")]
        (number.abs() < 9e18).then_some(number as i64)
    })
}

const LIST: &str = "a list";
const NULL: &str = "null";
const NUMBER: &str = "a number";
pub(super) const OBJECT: &str = "an object";
const TEXT: &str = "a text";

/// What kind of value a valid JSON text is, by its first character.
pub(super) fn kind(json: &str) -> &'static str {
    match json.trim_start().bytes().next() {
        Some(b'{') => OBJECT,
        Some(b'[') => LIST,
        Some(b'"') => TEXT,
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => NULL,
        _ => NUMBER,
    }
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields)
    }
}

struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = Object<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(OBJECT)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        #[derive(Deserialize)]
        struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

        let mut fields = SmallVec::new();
        while let Some((Name(name), value)) = map.next_entry()? {
            fields.push((name, value));
        }
        Ok(Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_integer_is_read_from_other_notations_and_is_never_a_wrong_one() {
        for (json, expected) in [
            ("9223372036854775807", Some(i64::MAX)),
            ("1e3", Some(1000)),
            ("-1.0", Some(-1)),
            ("\"42\"", Some(42)),
            ("8.9e18", Some(8_900_000_000_000_000_000)),
            ("9e18", None),
            ("-9.3e18", None),
            ("1e300", None),
            ("\"many\"", None),
            ("true", None),
        ] {
            let value: &RawValue = serde_json::from_str(json).expect("JSON");
            assert_eq!(read_integer(value), expected, "{json}");
        }
    }

    #[test]
    fn the_kind_of_a_value_is_named() {
        for (json, expected) in [
            ("{}", OBJECT),
            (" []", LIST),
            ("\"1\"", TEXT),
            ("true", "a boolean"),
            ("false", "a boolean"),
            ("null", NULL),
            ("-1", NUMBER),
        ] {
            assert_eq!(kind(json), expected, "{json}");
        }
    }
}
