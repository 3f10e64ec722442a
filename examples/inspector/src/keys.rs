//! The keys of the senders. They are in memory only, and no answer of the console contains one.

use std::{collections::BTreeMap, fmt};

use bytes::Bytes;
use serde::Serialize;
use tower_webhook_auth::{ConfigError, Keys, Provider, Secret};
use zeroize::Zeroizing;

use crate::catalogue::Entry;

pub const DEFAULT_KEY: &str = "default";

/// The shortest text that is searched in headers. A shorter one occurs by chance.
const SHORTEST_SEARCHED: usize = 6;

/// Where a key comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Origin {
    /// It is published by the sender, so it proves nothing.
    #[serde(rename = "demonstration")]
    Demonstration,
    #[serde(rename = "environment")]
    Environment,
    #[serde(rename = "made here")]
    MadeHere,
    #[serde(rename = "typed")]
    Typed,
}

#[derive(Clone)]
pub struct Key {
    pub name: String,
    pub origin: Origin,
    text: Zeroizing<String>,
}

impl Key {
    pub fn new(name: impl Into<String>, text: impl Into<String>, origin: Origin) -> Self {
        Self {
            name: name.into(),
            origin,
            text: Zeroizing::new(text.into()),
        }
    }

    pub fn secret(&self) -> Result<Secret, ConfigError> {
        Secret::new(&**self.text)
    }

    /// What is before and after this key in a text.
    pub fn around<'a>(&self, text: &'a str) -> Option<(&'a str, &'a str)> {
        text.split_once(&**self.text)
    }

    /// The text with `with` in place of this key, or `None` if it does not occur.
    pub fn replaced_in(&self, text: &str, with: &str) -> Option<String> {
        let occurs = self.text.len() >= SHORTEST_SEARCHED && text.contains(&**self.text);
        occurs.then(|| text.replace(&**self.text, with))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("name", &self.name)
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

/// Whether a text can be the name of a key.
pub fn is_name(text: &str) -> bool {
    let is_letter =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    (1..=32).contains(&text.len()) && text.bytes().all(is_letter)
}

/// The keys of one sender.
#[derive(Clone)]
pub struct Held {
    pub entry: &'static Entry,
    /// Never empty.
    pub keys: Vec<Key>,
    /// The URL that the sender signs.
    pub url: String,
    pub provider: Provider<Bytes>,
}

impl Held {
    pub fn new(entry: &'static Entry, keys: Vec<Key>, url: String) -> Result<Self, ConfigError> {
        let named = keys.iter().map(|key| Ok((key.name.clone(), key.secret()?)));
        let named: Vec<(String, Secret)> = named.collect::<Result<_, ConfigError>>()?;
        let provider = entry.provider(Keys::named(named)?, &url)?;
        Ok(Self {
            entry,
            keys,
            url,
            provider,
        })
    }

    pub fn key(&self, name: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// Whether every key is published, so that a mismatch says nothing about the sender.
    pub fn is_demonstration(&self) -> bool {
        self.keys
            .iter()
            .all(|key| key.origin == Origin::Demonstration)
    }
}

/// The keys and URLs of all senders.
#[derive(Default)]
pub struct Keyring {
    held: BTreeMap<&'static str, Held>,
    urls: BTreeMap<&'static str, String>,
}

impl Keyring {
    pub fn get(&self, sender: &str) -> Option<&Held> {
        self.held.get(sender)
    }

    pub fn all(&self) -> impl Iterator<Item = &Held> {
        self.held.values()
    }

    /// The URL that is entered for a sender.
    pub fn url(&self, sender: &str) -> Option<&String> {
        self.urls.get(sender)
    }

    /// Adds a key, or replaces the one with the same name. A demonstration key is removed.
    pub fn set(&mut self, entry: &'static Entry, key: Key, inbox: &str) -> Result<(), ConfigError> {
        let held = self.held.get(entry.sender.name);
        let mut keys = held.map_or_else(Vec::new, |held| held.keys.clone());
        keys.retain(|old| old.origin != Origin::Demonstration);
        match keys.iter_mut().find(|old| old.name == key.name) {
            Some(old) => *old = key,
            None => keys.push(key),
        }
        self.replace(entry, keys, inbox)
    }

    /// Forgets a key. Returns whether there was one.
    pub fn remove(
        &mut self,
        entry: &'static Entry,
        name: &str,
        inbox: &str,
    ) -> Result<bool, ConfigError> {
        let Some(held) = self.held.get(entry.sender.name) else {
            return Ok(false);
        };
        let mut keys = held.keys.clone();
        let before = keys.len();
        keys.retain(|key| key.name != name);
        let removed = keys.len() < before;
        self.replace(entry, keys, inbox)?;
        Ok(removed)
    }

    /// Changes the URL that the sender signs. `None` is the URL of the inbox.
    pub fn set_url(
        &mut self,
        entry: &'static Entry,
        url: Option<String>,
        inbox: &str,
    ) -> Result<(), ConfigError> {
        let name = entry.sender.name;
        let keys = self.held.get(name).map(|held| held.keys.clone());
        let wanted = url.clone().unwrap_or_else(|| inbox.to_owned());
        let held = match keys {
            Some(keys) => Some(Held::new(entry, keys, wanted)?),
            None => {
                tower_webhook_auth::SignedUrl::exact(wanted)?;
                None
            }
        };
        match url {
            Some(url) => self.urls.insert(name, url),
            None => self.urls.remove(name),
        };
        if let Some(held) = held {
            self.held.insert(name, held);
        }
        Ok(())
    }

    fn replace(
        &mut self,
        entry: &'static Entry,
        keys: Vec<Key>,
        inbox: &str,
    ) -> Result<(), ConfigError> {
        let name = entry.sender.name;
        if keys.is_empty() {
            self.held.remove(name);
            return Ok(());
        }
        let url = self.urls.get(name).map_or(inbox, |url| url).to_owned();
        self.held.insert(name, Held::new(entry, keys, url)?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::find;

    const INBOX: &str = "http://127.0.0.1:4000/in/github";

    #[test]
    fn a_real_key_replaces_the_demonstration_and_a_wrong_one_changes_nothing() {
        let openai = find("openai").expect("a sender");
        let mut keyring = Keyring::default();
        keyring
            .set(
                openai,
                Key::new(
                    "demonstration",
                    "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                    Origin::Demonstration,
                ),
                INBOX,
            )
            .expect("a key");
        assert!(keyring.get("openai").expect("held").is_demonstration());
        assert!(
            keyring
                .set(
                    openai,
                    Key::new("default", "no base64!", Origin::Typed),
                    INBOX
                )
                .is_err()
        );
        assert!(keyring.get("openai").expect("held").is_demonstration());
        keyring
            .set(
                openai,
                Key::new("default", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX", Origin::Typed),
                INBOX,
            )
            .expect("a key");
        let names: Vec<_> = keyring
            .get("openai")
            .expect("held")
            .keys
            .iter()
            .map(|key| &*key.name)
            .collect();
        assert_eq!(names, ["default"]);
        assert!(keyring.remove(openai, "default", INBOX).expect("removed"));
        assert!(keyring.get("openai").is_none());
    }

    #[test]
    fn debug_shows_no_key() {
        let key = Key::new("default", "a very secret text", Origin::Typed);
        assert!(!format!("{key:?}").contains("secret text"));
    }
}
