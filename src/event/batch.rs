use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::{EventError, Json, Object, json::from_text, object, text};

/// The events of a delivery that holds a list of them.
///
/// An event that cannot be read does not reject the others: it is in [`unreadable`](Self::unreadable).
/// A delivery is an error only if none of its events can be read.
///
/// ```
/// use tower_webhook_auth::{FromBody, provider::statsig};
///
/// # fn main() -> Result<(), tower_webhook_auth::EventError> {
/// let body = br#"{"data":[{"eventName":null},{"eventName":"statsig::gate_exposure"}]}"#;
/// let batch = statsig::Events::from_body(body)?;
/// assert_eq!(batch.events[0].event_name, "statsig::gate_exposure");
///
/// let unreadable = &batch.unreadable[0];
/// assert_eq!(unreadable.index, 0);
/// assert_eq!(unreadable.error.to_string(), "`data[0].eventName` is null: expected a text");
/// assert_eq!(unreadable.json.get(), r#"{"eventName":null}"#);
/// # Ok(())
/// # }
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub struct Batch<E> {
    /// The events that can be read, in the order in which they were sent.
    pub events: Vec<E>,
    /// The events that cannot be read, in the order in which they were sent.
    pub unreadable: Vec<Unreadable>,
}

/// An event of a [`Batch`] that cannot be read.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct Unreadable {
    /// Its position in the list, from 0.
    pub index: usize,
    /// Why it cannot be read.
    pub error: EventError,
    /// The event, as the sender wrote it.
    pub json: Json,
}

/// The error says nothing more than the value.
impl PartialEq for Unreadable {
    fn eq(&self, other: &Self) -> bool {
        self.index == other.index && self.json == other.json
    }
}

impl<E> Batch<E> {
    pub(crate) fn of_one(event: E) -> Self {
        Self {
            events: vec![event],
            unreadable: Vec::new(),
        }
    }

    /// Reads a text that must be a list.
    pub(super) fn of_list(
        json: &str,
        read: impl Fn(&Object<'_>) -> Result<E, EventError>,
    ) -> Result<Self, EventError> {
        Self::read(object::elements(json)?, |element| {
            Object::within(element, &read)
        })
    }

    fn read(
        elements: Vec<&RawValue>,
        read: impl Fn(&str) -> Result<E, EventError>,
    ) -> Result<Self, EventError> {
        let mut batch = Self {
            events: Vec::with_capacity(elements.len()),
            unreadable: Vec::new(),
        };
        for (index, element) in elements.into_iter().enumerate() {
            match read(element.get()) {
                Ok(event) => batch.events.push(event),
                Err(error) => batch.unreadable.push(Unreadable {
                    index,
                    error: error.inside(&format!("[{index}]")),
                    json: Json::new(element),
                }),
            }
        }
        match batch.unreadable.first() {
            Some(first) if batch.events.is_empty() => Err(first.error.clone()),
            _ => Ok(batch),
        }
    }

    /// The same batch, which is the field `name` of an object.
    pub(super) fn inside(mut self, name: &str) -> Self {
        for unreadable in &mut self.unreadable {
            unreadable.error = unreadable.error.clone().inside(name);
        }
        self
    }
}

/// A body that is a list of `T`.
pub(crate) fn json_batch<T: DeserializeOwned>(body: &[u8]) -> Result<Batch<T>, EventError> {
    if body.is_empty() {
        return Err(EventError::empty());
    }
    let text = text::of_body(body);
    Batch::read(object::elements(&text)?, |json| Ok(from_text(json)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unreadable_events_are_equal_if_their_place_and_their_text_are() {
        let unreadable = |index, json| Unreadable {
            index,
            error: EventError::empty(),
            json: serde_json::from_str::<Json>(json).expect("JSON"),
        };
        assert_eq!(unreadable(1, "[2]"), unreadable(1, "[2]"));
        assert_ne!(unreadable(1, "[2]"), unreadable(1, "[3]"));
        assert_ne!(unreadable(1, "[2]"), unreadable(2, "[2]"));
        assert_eq!(unreadable(1, "[2]").json.to_string(), "[2]");
    }
}
