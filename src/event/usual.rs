//! Events in their usual form, which are read in one pass.

use serde::{Deserialize, Deserializer, de::Error};

/// The body as a `T`, in one pass. `None` if that is not possible: then the caller reads it field by field
/// as an [`Object`](super::Object), which accepts more forms and whose errors name the field.
///
/// A struct in `T` must begin with a field of type [`NoList`].
pub(crate) fn usual<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Option<T> {
    serde_json::from_str(str::from_utf8(body).ok()?).ok()
}

/// The first field of a struct that is read from an object only. The sender never sends this field.
///
/// The code that serde derives also reads a struct from a list of its fields. [`Object`](super::Object) rejects
/// such a list, so it must be rejected here, too: this field cannot be read from a list. In an object the
/// field is absent, and costs nothing.
#[derive(Default)]
pub(crate) struct NoList;

impl<'de> Deserialize<'de> for NoList {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(D::Error::custom("not in the usual form"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_read_from_an_object_and_not_from_a_list_of_its_fields() {
        #[derive(Deserialize)]
        struct Event {
            #[serde(default, rename = "\0")]
            _no_list: NoList,
            number: u8,
        }

        let read = |body: &str| usual::<Event>(body.as_bytes()).map(|event| event.number);
        assert_eq!(read(r#"{"number": 7}"#), Some(7));
        assert_eq!(read("[0, 7]"), None);
        assert_eq!(read("[null, 7]"), None);
        assert_eq!(read("[,7]"), None);
    }
}
