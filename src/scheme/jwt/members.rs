//! [`Members`]: the members of a JSON object, each name once.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// How many members an object may have. A token has less than 30. This bounds the memory, because a body of many short
/// members would need several times its length.
const MOST_MEMBERS: usize = 1000;

/// The members of a JSON object. An object in which a name appears twice is not read: two parsers could
/// disagree about which one counts ([RFC 7519 section 4](https://www.rfc-editor.org/rfc/rfc7519#section-4)).
pub(crate) struct Members<'a>(BTreeMap<Cow<'a, str>, &'a RawValue>);

impl<'a> Members<'a> {
    pub(crate) fn read(json: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0.get(name).copied()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A member whose value is a text.
    pub(crate) fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        text(self.get(name)?)
    }
}

/// The text in a JSON value. `None` if the value is not a text.
pub(crate) fn text(value: &RawValue) -> Option<Cow<'_, str>> {
    let Text(text) = serde_json::from_str(value.get()).ok()?;
    Some(text)
}

/// A text without a copy where it has no escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor;
        impl<'de> Visitor<'de> for ObjectVisitor {
            type Value = BTreeMap<Cow<'de, str>, &'de RawValue>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut members = BTreeMap::new();
                while let Some((Text(name), value)) = map.next_entry()? {
                    if members.len() == MOST_MEMBERS {
                        return Err(M::Error::custom("there are too many members"));
                    }
                    if members.insert(name, value).is_some() {
                        return Err(M::Error::custom("a member appears twice"));
                    }
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(ObjectVisitor).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_appears_twice_is_found_also_in_escapes() {
        assert!(Members::read(br#"{"a":1,"b":2}"#).is_some());
        for twice in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"b":2,"\u0061":3}"#,
            r#"{"exp":1,"e\u0078p":9999999999}"#,
        ] {
            assert!(Members::read(twice.as_bytes()).is_none(), "{twice}");
        }
        // A name inside of a value is not a member of the object.
        assert!(Members::read(br#"{"a":{"b":1},"b":2}"#).is_some());
    }

    #[test]
    fn only_one_whole_object_is_read() {
        for other in [
            "",
            "[]",
            "null",
            "\"a\"",
            "{",
            "{}{}",
            "{} x",
            "{\"a\":1,}",
            "\u{feff}{}",
        ] {
            assert!(Members::read(other.as_bytes()).is_none(), "{other:?}");
        }
        assert!(Members::read(b"{\"a\":\"\xff\"}").is_none(), "not UTF-8");
        let members = Members::read(br#" {"a":"\u00e9","b":7} "#).expect("an object");
        assert_eq!(members.text("a").as_deref(), Some("é"));
        assert_eq!(members.text("b"), None);
        assert!(members.has("b") && !members.has("c"));
    }
}
