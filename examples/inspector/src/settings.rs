//! The settings from environment variables.

use std::{env, net::SocketAddr, time::Duration};

use support::settings::setting;
use tower_webhook_auth::Secret;

use crate::{
    catalogue::{self, Entry},
    forward::{Forward, When},
    keys::{self, DEFAULT_KEY},
};

const SECRET: &str = "WEBHOOK_SECRET_";
const URL: &str = "WEBHOOK_URL_";

pub struct Settings {
    pub inbox: SocketAddr,
    pub console: SocketAddr,
    pub secrets: Vec<EnvironmentKey>,
    pub urls: Vec<(&'static Entry, String)>,
    pub forward: Option<Forward>,
    pub allow_remote: bool,
    pub body_deadline: Duration,
}

pub struct EnvironmentKey {
    pub entry: &'static Entry,
    pub name: String,
    pub text: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            inbox: ([127, 0, 0, 1], 4000).into(),
            console: ([127, 0, 0, 1], 4001).into(),
            secrets: Vec::new(),
            urls: Vec::new(),
            forward: None,
            allow_remote: false,
            body_deadline: Duration::from_secs(30),
        }
    }
}

impl Settings {
    pub fn from_env() -> Result<Self, String> {
        let default = Self::default();
        let mut settings = Self {
            inbox: setting("INBOX", default.inbox)?,
            console: setting("CONSOLE", default.console)?,
            allow_remote: setting("ALLOW_REMOTE", 0_u16)? == 1,
            body_deadline: Duration::from_millis(setting("BODY_DEADLINE_MS", 30_000)?),
            ..default
        };
        if !settings.console.ip().to_canonical().is_loopback() {
            return Err(format!(
                "CONSOLE={} is not a loopback address: the page shows what senders sent to you, so it is for \
                 this machine only: set CONSOLE=127.0.0.1:4001",
                settings.console
            ));
        }
        if let Ok(url) = env::var("FORWARD_TO") {
            let forward = Forward {
                url,
                when: When::Verified,
            };
            forward
                .check()
                .map_err(|error| format!("FORWARD_TO: {error}"))?;
            settings.forward = Some(forward);
        }
        // In the order of the names, so that the keys of a sender are always tried in the same order.
        let mut names: Vec<String> = env::vars_os()
            .filter_map(|(name, _)| name.into_string().ok())
            .collect();
        names.sort();
        for name in names {
            let text = || {
                env::var(&name).map_err(|_| format!("the environment variable {name} is not UTF-8"))
            };
            if let Some(rest) = name.strip_prefix(SECRET) {
                let (entry, key) = sender_and_key(&name, rest)?;
                Secret::from_env(&name).map_err(|error| error.to_string())?;
                settings.secrets.push(EnvironmentKey {
                    entry,
                    name: key,
                    text: text()?,
                });
            } else if let Some(rest) = name.strip_prefix(URL) {
                let (entry, key) = sender_and_key(&name, rest)?;
                if key != DEFAULT_KEY {
                    return Err(unknown(&name, rest));
                }
                settings.urls.push((entry, text()?));
            }
        }
        Ok(settings)
    }
}

/// The variable that has the secret of a sender.
pub fn secret_variable(sender: &str, key: &str) -> String {
    let sender = sender.to_ascii_uppercase();
    match key {
        DEFAULT_KEY => format!("{SECRET}{sender}"),
        key => format!(
            "{SECRET}{sender}_{}",
            key.to_ascii_uppercase().replace('-', "_")
        ),
    }
}

/// `GITHUB` is the sender `github`; `GITHUB_OLD` is its key `old`; `GITHUB_SHA1` is the sender `github_sha1`: the
/// longest name of a sender counts.
fn sender_and_key(variable: &str, rest: &str) -> Result<(&'static Entry, String), String> {
    let rest = rest.to_ascii_lowercase();
    let of_sender = |entry: &&'static Entry| {
        let key = rest.strip_prefix(entry.sender.name)?;
        match key.strip_prefix('_') {
            Some(key) => keys::is_name(key).then(|| key.to_owned()),
            None => key.is_empty().then(|| DEFAULT_KEY.to_owned()),
        }
    };
    let found = catalogue::entries()
        .iter()
        .filter_map(|entry| Some((entry, of_sender(&entry)?)));
    found
        .max_by_key(|(entry, _)| entry.sender.name.len())
        .ok_or_else(|| unknown(variable, &rest))
}

fn unknown(variable: &str, rest: &str) -> String {
    let name = rest.to_ascii_lowercase();
    let first = name.split('_').next().unwrap_or_default().to_owned();
    let similar = catalogue::entries().iter().map(|entry| entry.sender);
    let similar: Vec<&str> = similar
        .filter(|sender| sender.matches(&first))
        .map(|sender| sender.name)
        .collect();
    let hint = match &*similar {
        [] => "the page lists the senders".to_owned(),
        names => format!("did you mean {}?", names.join(" or ")),
    };
    format!("the environment variable {variable} names no sender: {hint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_names_a_sender_and_a_key_and_the_longest_sender_counts() {
        for (rest, sender, key) in [
            ("GITHUB", "github", "default"),
            ("GITHUB_OLD", "github", "old"),
            ("GITHUB_SHA1", "github_sha1", "default"),
            ("GITHUB_SHA1_2026_05", "github_sha1", "2026_05"),
            ("STANDARD_WEBHOOKS", "standard_webhooks", "default"),
        ] {
            let (entry, name) = sender_and_key("", rest).expect(rest);
            assert_eq!((entry.sender.name, &*name), (sender, key));
        }
    }

    #[test]
    fn a_variable_without_a_sender_is_an_error_that_names_similar_senders() {
        let error = sender_and_key("WEBHOOK_SECRET_WHATSAPP", "WHATSAPP")
            .err()
            .expect("no sender");
        assert_eq!(
            error,
            "the environment variable WEBHOOK_SECRET_WHATSAPP names no sender: did you mean meta?"
        );
        for rest in ["GITHU", "GITHUB_", "GITHUBOLD", ""] {
            assert!(sender_and_key("", rest).is_err(), "{rest}");
        }
    }

    #[test]
    fn the_variable_of_a_key_is_the_one_that_is_read() {
        for (sender, key) in [("github", "default"), ("github", "old"), ("vwo", "2026_05")] {
            let variable = secret_variable(sender, key);
            let rest = variable.strip_prefix(SECRET).expect("a secret");
            let (entry, name) = sender_and_key(&variable, rest).expect("a sender");
            assert_eq!((entry.sender.name, &*name), (sender, key));
        }
    }
}
