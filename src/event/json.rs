use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};
use serde_json::value::RawValue;

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
/// implements serde's traits, for JSON.
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
        Box::deserialize(deserializer).map(Self)
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
