//! Reads single values of a JSON text strictly.
//!
//! A member that appears twice in an object is rejected: the verifier and the handler could read different
//! ones. Only the objects and lists on the way to a value are looked at.

use std::{borrow::Cow, collections::BTreeSet, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{error::ConfigError, rejection::FoundShape};

/// How many members an object, or elements a list, may have on the way to a value. This bounds the memory.
pub(super) const MOST_ITEMS: usize = 1000;

/// The place of a value ([RFC 6901](https://www.rfc-editor.org/rfc/rfc6901)). A `*` is each element of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pointer {
    text: String,
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Each,
    Member(String),
}

impl Pointer {
    pub(super) fn new(text: &str) -> Result<Self, ConfigError> {
        let Some(steps) = text.strip_prefix('/') else {
            return Err(ConfigError::new(format!(
                "{text:?} is not a place in a JSON text: it must begin with '/', such as \"/passcode\""
            )));
        };
        if steps.chars().any(char::is_control) {
            return Err(ConfigError::new(format!(
                "the place {text:?} contains a control character: remove it"
            )));
        }
        let steps = steps.split('/').map(|step| match step {
            "*" => Step::Each,
            step => Step::Member(step.replace("~1", "/").replace("~0", "~")),
        });
        Ok(Self {
            text: text.to_owned(),
            steps: steps.collect(),
        })
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    #[cfg(feature = "testing")]
    pub(super) fn steps(&self) -> &[Step] {
        &self.steps
    }

    pub(super) fn has_each(&self) -> bool {
        self.steps.contains(&Step::Each)
    }

    /// Calls `each` with every value at this place. A missing member and an empty list are errors, so an `Ok`
    /// says that there was at least one value.
    pub(super) fn visit<'a, E: From<FoundShape>>(
        &self,
        json: &'a str,
        each: &mut dyn FnMut(&'a str) -> Result<(), E>,
    ) -> Result<(), E> {
        visit(&self.steps, json, each)
    }

    /// The only value at this place, as it is written. `None` if it is absent.
    pub(super) fn find<'a>(&self, json: &'a str) -> Result<Option<&'a str>, FoundShape> {
        let mut json = json;
        for step in &self.steps {
            let Step::Member(name) = step else {
                return Err(FoundShape::of_other_type());
            };
            match member(json, name)? {
                Some(value) => json = value,
                None => return Ok(None),
            }
        }
        Ok(Some(json))
    }
}

fn visit<'a, E: From<FoundShape>>(
    steps: &[Step],
    json: &'a str,
    each: &mut dyn FnMut(&'a str) -> Result<(), E>,
) -> Result<(), E> {
    match steps.split_first() {
        None => each(json),
        Some((Step::Member(name), rest)) => match member(json, name)? {
            Some(value) => visit(rest, value, each),
            None => Err(FoundShape::of_nothing().into()),
        },
        Some((Step::Each, rest)) => {
            let elements = elements(json)?;
            if elements.is_empty() {
                return Err(FoundShape::of_nothing().into());
            }
            elements
                .into_iter()
                .try_for_each(|element| visit(rest, element, each))
        }
    }
}

/// The value of a member of an object, as it is written.
pub(super) fn member<'a>(json: &'a str, name: &str) -> Result<Option<&'a str>, FoundShape> {
    Ok(members(json)?
        .into_iter()
        .find(|(member, _)| member == name)
        .map(|(_, value)| value))
}

/// The members of an object, each once.
pub(super) fn members(json: &str) -> Result<Vec<(Cow<'_, str>, &str)>, FoundShape> {
    let Members(members) = serde_json::from_str(json).map_err(|_| FoundShape::of_other_type())?;
    members.map_err(|problem| problem.found())
}

/// The elements of a list, as they are written.
pub(super) fn elements(json: &str) -> Result<Vec<&str>, FoundShape> {
    let Elements(elements) = serde_json::from_str(json).map_err(|_| FoundShape::of_other_type())?;
    elements.map_err(|problem| problem.found())
}

/// The text of a value: a string decoded, and a number or `true` as it is written. `null` is `None`.
pub(super) fn text(json: &str) -> Result<Option<Cow<'_, str>>, FoundShape> {
    match json.bytes().next() {
        Some(b'"') => match serde_json::from_str::<Text<'_>>(json) {
            Ok(Text(text)) => Ok(Some(text)),
            Err(_) => Err(FoundShape::of_not_utf8()),
        },
        Some(b'n') => Ok(None),
        Some(b'{' | b'[') | None => Err(FoundShape::of_other_type()),
        Some(_) => Ok(Some(Cow::Borrowed(json))),
    }
}

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Why a collection is not read to its end.
enum Problem {
    TooMany,
    Twice,
}

impl Problem {
    fn found(&self) -> FoundShape {
        match self {
            Self::TooMany => FoundShape::of_too_many(),
            Self::Twice => FoundShape::of_two(),
        }
    }
}

struct Members<'a>(Result<Vec<(Cow<'a, str>, &'a str)>, Problem>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ReadMembers;

        impl<'de> Visitor<'de> for ReadMembers {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members: Vec<(Cow<'de, str>, &'de str)> = Vec::new();
                let mut problem = None;
                while let Some(Text(name)) = map.next_key()? {
                    let value: &RawValue = map.next_value()?;
                    if members.len() == MOST_ITEMS {
                        problem = Some(Problem::TooMany);
                    } else {
                        members.push((name, value.get()));
                    }
                }
                let names: BTreeSet<&str> = members.iter().map(|(name, _)| &**name).collect();
                if names.len() != members.len() {
                    problem = Some(Problem::Twice);
                }
                drop(names);
                Ok(Members(problem.map_or(Ok(members), Err)))
            }
        }
        deserializer.deserialize_map(ReadMembers)
    }
}

struct Elements<'a>(Result<Vec<&'a str>, Problem>);

impl<'de> Deserialize<'de> for Elements<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ReadElements;

        impl<'de> Visitor<'de> for ReadElements {
            type Value = Elements<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut elements = Vec::new();
                let mut problem = None;
                while let Some(element) = seq.next_element::<&RawValue>()? {
                    if elements.len() == MOST_ITEMS {
                        problem = Some(Problem::TooMany);
                    } else {
                        elements.push(element.get());
                    }
                }
                Ok(Elements(problem.map_or(Ok(elements), Err)))
            }
        }
        deserializer.deserialize_seq(ReadElements)
    }
}
