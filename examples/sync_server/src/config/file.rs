//! The configuration file, in TOML. Unknown fields are errors, and secrets are in variables or files.

use std::{fmt, fs, path::PathBuf, time::Duration};

use jiff::SignedDuration;
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor, value::MapAccessDeserializer},
};

use super::short;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    #[serde(default)]
    pub log: Log,
    #[serde(default)]
    pub listen: Listen,
    pub store: Option<Store>,
    pub fleet: Option<Fleet>,
    #[serde(default)]
    pub sync: Sync,
    #[serde(default)]
    pub optimizely: Optimizely,
    #[serde(default)]
    pub vwo: Vwo,
}

/// The form of the log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Log {
    /// One JSON object per line.
    Json,
    #[default]
    Text,
}

/// The addresses of the three ports.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Listen {
    /// Deliveries. The only port that the internet needs to reach.
    pub hooks: String,
    /// Documents, for SDKs.
    pub api: String,
    /// Health, metrics, and `POST /older/<key>`.
    pub admin: String,
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            hooks: "127.0.0.1:8080".into(),
            api: "127.0.0.1:8081".into(),
            admin: "127.0.0.1:8082".into(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// The directory with one file per environment, which contains its last good document.
    pub folder: PathBuf,
}

/// How the replicas tell each other of a delivery: over Redis, or by passing the signed request on.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fleet {
    /// The URL of a Redis. It may contain a password, so it is not in the file.
    pub redis: Option<Source>,
    /// The channel in Redis. Each deployment needs its own.
    pub channel: Option<String>,
    /// The other replicas, as `host:port` of their port for deliveries.
    pub peers: Option<Vec<String>>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sync {
    /// How often the sources are asked without a delivery.
    #[serde(deserialize_with = "duration")]
    pub poll: Duration,
    /// When a document counts as stale, if its source does not answer.
    #[serde(deserialize_with = "duration")]
    pub stale_after: Duration,
    /// How long the stop may take.
    #[serde(deserialize_with = "duration")]
    pub drain: Duration,
    /// With which documents the service becomes ready.
    pub start_without: Start,
}

impl Default for Sync {
    fn default() -> Self {
        Self {
            poll: Duration::from_secs(300),
            stale_after: Duration::from_secs(900),
            drain: Duration::from_secs(10),
            start_without: Start::Stale,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Start {
    /// Stored documents are enough.
    Stale,
    /// Each source has to confirm its document once.
    Fresh,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Optimizely {
    pub project: Vec<Project>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Project {
    pub id: i64,
    pub secrets: Vec<NamedSource>,
    /// The URL of a datafile, with `{sdk_key}`.
    #[serde(default = "cdn")]
    pub url: String,
    /// The URL of a datafile of a secure environment, with `{sdk_key}`.
    #[serde(default = "secure_cdn")]
    pub secure_url: String,
    pub environment: Vec<ProjectEnvironment>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProjectEnvironment {
    pub sdk_key: SdkKey,
    /// The name in deliveries. It counts only if `cdn_url` of a delivery has no SDK key of this project.
    pub name: Option<String>,
    /// The access token of a secure environment.
    pub token: Option<Source>,
}

/// An SDK key, or `key:token` for a secure environment, as Optimizely Agent writes it.
#[derive(Clone)]
pub enum SdkKey {
    Text(String),
    In(Source),
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Vwo {
    pub account: Vec<Account>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    pub id: String,
    pub product: Product,
    #[serde(default = "vwo_host")]
    pub host: String,
    pub environment: Vec<AccountEnvironment>,
}

/// The products have different paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Product {
    Fme,
    FullStack,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountEnvironment {
    pub sdk_key: String,
    /// The keys of the webhooks. The key of a delivery identifies the environment, because the
    /// body does not name it.
    pub keys: Vec<NamedSource>,
}

/// Where a secret is: an environment variable or a file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    pub env: Option<String>,
    pub file: Option<PathBuf>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedSource {
    /// The name in the log and in metrics.
    pub name: String,
    pub env: Option<String>,
    pub file: Option<PathBuf>,
}

/// The text may contain a token, so it is not shown.
impl fmt::Debug for SdkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("Text(..)"),
            Self::In(source) => source.fmt(f),
        }
    }
}

impl<'de> Deserialize<'de> for SdkKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrSource;

        impl<'de> Visitor<'de> for TextOrSource {
            type Value = SdkKey;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an SDK key, or where it is: { env = \"…\" } or { file = \"…\" }")
            }

            fn visit_str<E>(self, text: &str) -> Result<SdkKey, E> {
                Ok(SdkKey::Text(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<SdkKey, A::Error> {
                Source::deserialize(MapAccessDeserializer::new(map)).map(SdkKey::In)
            }
        }
        deserializer.deserialize_any(TextOrSource)
    }
}

impl Source {
    pub fn read(
        &self,
        owner: &str,
        variable: &impl Fn(&str) -> Option<String>,
    ) -> Result<String, String> {
        let text = match (&self.env, &self.file) {
            (Some(name), None) => {
                variable(name).ok_or(format!("the environment variable {name} is not set"))?
            }
            (None, Some(path)) => fs::read_to_string(path)
                .map_err(|error| format!("cannot read {}: {error}", path.display()))?,
            _ => {
                let owner = short(owner);
                return Err(format!(
                    "the secret of {owner} needs either `env` or `file`"
                ));
            }
        };
        // A file written by an editor ends with a newline.
        let text = text.strip_suffix('\n').unwrap_or(&text);
        match text.strip_suffix('\r').unwrap_or(text) {
            "" => Err(format!("the secret of {} is empty", short(owner))),
            text => Ok(text.to_owned()),
        }
    }
}

impl NamedSource {
    pub fn read(&self, variable: &impl Fn(&str) -> Option<String>) -> Result<String, String> {
        let (env, file) = (self.env.clone(), self.file.clone());
        Source { env, file }.read(&self.name, variable)
    }
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    let duration: SignedDuration = text.parse().map_err(|error| {
        D::Error::custom(format!("{text:?} is no time such as \"5m\": {error}"))
    })?;
    Duration::try_from(duration).map_err(|_| D::Error::custom(format!("{text:?} is negative")))
}

fn cdn() -> String {
    "https://cdn.optimizely.com/datafiles/{sdk_key}.json".into()
}

fn secure_cdn() -> String {
    "https://config.optimizely.com/datafiles/auth/{sdk_key}.json".into()
}

fn vwo_host() -> String {
    "https://dev.visualwebsiteoptimizer.com".into()
}
