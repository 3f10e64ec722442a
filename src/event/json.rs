use std::{fmt, iter};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeOwned, MapAccess, Visitor, value::MapDeserializer},
};
use serde_json::{Value, value::RawValue};

use super::{EventError, FromBody, object, text};

/// A JSON value that is kept as the sender wrote it, and parsed only on demand.
///
/// So data that the handler does not read cannot make the delivery fail. Examples are a text with
/// half of an emoji, a number larger than an `f64`, and 200 levels of nesting.
///
/// ```
/// use tower_webhook_auth::{FromBody, Json};
///
/// # fn main() -> Result<(), tower_webhook_auth::EventError> {
/// let json = Json::from_body(br#" {"revision": 13} "#)?;
/// assert_eq!(json.get(), r#"{"revision": 13}"#);
///
/// let value: serde_json::Value = json.parse()?;
/// assert_eq!(value["revision"], 13);
/// # Ok(())
/// # }
/// ```
///
/// Two values are equal if their texts are equal. `Json` can be a field of your own type: it
/// implements serde's traits, for JSON. In a type with `#[serde(tag = "…")]`, `untagged` or `flatten`, serde parses
/// the value before `Json` gets it. Then `Json` has another text for the value: the members are sorted, and a number
/// that fits into neither `u64` nor `i64` is rounded to an `f64`. A number that is larger than an `f64` is an error.
#[derive(Clone)]
pub struct Json(Box<RawValue>);

impl Json {
    pub(super) fn new(value: &RawValue) -> Self {
        Self(value.to_owned())
    }

    /// The text of the value, without white space around it.
    #[must_use]
    pub fn get(&self) -> &str {
        self.0.get()
    }

    pub(crate) fn is_object(&self) -> bool {
        object::kind(self.get()) == object::OBJECT
    }

    /// Reads the value as a `T`. A lone surrogate in a text becomes U+FFFD.
    ///
    /// # Errors
    ///
    /// When the value is not a `T`. The [`source`](std::error::Error::source) is `serde_json`'s error,
    /// and may quote the value.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, EventError> {
        Ok(from_text(self.get())?)
    }
}

impl FromBody for Json {
    /// A valid JSON value of any type.
    fn from_body(body: &[u8]) -> Result<Self, EventError> {
        if body.is_empty() {
            return Err(EventError::empty());
        }
        serde_json::from_str(&text::of_body(body)).map_err(EventError::not_json)
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl Eq for Json {}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Json({})", self.get())
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.get())
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::deserialize(Unparsed(deserializer)).map(Self)
    }
}

/// Reads a [`RawValue`] from any deserializer.
///
/// serde parses the fields of a tagged enum, of an untagged one, and of a flattened type before it knows their types.
/// A `RawValue` cannot be read from such a value, so an authentic delivery would be rejected. Whether this happens can
/// depend on the order of the members: `{"type":…,"data":…}` would pass, and `{"data":…,"type":…}` would not.
struct Unparsed<D>(D);

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Unparsed<D> {
    type Error = D::Error;

    /// The only method that a `RawValue` calls.
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let visitor = RawVisitor { name, visitor };
        self.0.deserialize_newtype_struct(name, visitor)
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_any(visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct RawVisitor<V> {
    name: &'static str,
    visitor: V,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for RawVisitor<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    /// `serde_json` gives the text.
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_map(map)
    }

    /// The value is parsed already. Its text is given to the visitor as `serde_json` gives a text.
    fn visit_newtype_struct<D: Deserializer<'de>>(self, parsed: D) -> Result<V::Value, D::Error> {
        let text = Value::deserialize(parsed)?.to_string();
        let entry = iter::once((self.name, text));
        self.visitor.visit_map(MapDeserializer::new(entry))
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// As `serde_json::from_slice`, but texts are read lossily and a byte order mark is accepted.
pub(crate) fn from_json<T: DeserializeOwned>(body: &[u8]) -> serde_json::Result<T> {
    from_text(&text::of_body(body))
}

/// Reads strictly, and when that fails, with lone surrogates replaced.
pub(super) fn from_text<T: DeserializeOwned>(json: &str) -> serde_json::Result<T> {
    serde_json::from_str(json).or_else(|error| match text::mend(json) {
        Some(mended) => serde_json::from_str(&mended),
        None => Err(error),
    })
}

#[cfg(test)]
mod tests {
    use serde::de::{IntoDeserializer, value::Error};

    use super::*;

    #[test]
    fn only_a_raw_value_is_read_in_another_way() {
        let mut text = serde_json::Deserializer::from_str(r#""a""#);
        assert_eq!(
            String::deserialize(Unparsed(&mut text)).ok().as_deref(),
            Some("a")
        );
        let mut value = serde_json::Deserializer::from_str("[1]");
        assert_eq!(
            Value::deserialize(Unparsed(&mut value)).ok(),
            Some(Value::from(vec![1]))
        );
    }

    #[test]
    fn a_deserializer_that_gives_neither_a_text_nor_a_parsed_value_is_an_error() {
        let text: serde::de::value::StrDeserializer<'_, Error> = "a".into_deserializer();
        let error = Json::deserialize(text).expect_err("no JSON");
        assert_eq!(
            error.to_string(),
            "invalid type: string \"a\", expected any valid JSON value"
        );
    }
}
