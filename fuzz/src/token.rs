//! JSON objects, for the references: a list of members, in the order in which they appear.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::{Number, value::RawValue};

/// The members of an object with the text of each value.
pub struct Members(Vec<(String, String)>);

impl Members {
    /// The members of an object with each name once, and at most 1000 names.
    pub fn read(json: &[u8]) -> Option<Self> {
        let members = Self::with_twins(json)?;
        let mut names: Vec<&str> = members.0.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        let is_unique = names.windows(2).all(|pair| pair[0] != pair[1]);
        (is_unique && members.len() <= 1000).then_some(members)
    }

    /// The members of any object.
    pub fn with_twins(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A member that comes once.
    pub fn only(&self, name: &str) -> Option<&str> {
        let mut values = self.0.iter().filter(|(other, _)| other == name);
        let (_, value) = values.next()?;
        values.next().is_none().then_some(value.as_str())
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        let mut members = self.0.iter();
        members
            .find(|(other, _)| other == name)
            .map(|(_, value)| value.as_str())
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Members, M::Error> {
                let mut members = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    members.push((name, value.get().to_owned()));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(List)
    }
}

/// The text in a value.
pub fn text(value: &str) -> Option<String> {
    serde_json::from_str(value).ok()
}

/// A number of seconds that a clock can show.
pub fn number(value: &str) -> Option<f64> {
    let number: Number = serde_json::from_str(value).ok()?;
    // The clock of Linux counts seconds in 64 bits with a sign.
    number
        .as_f64()
        .filter(|seconds| (0.0..9_223_372_036_854_775_807.0).contains(seconds))
}
