//! The configuration, checked, with its secrets.

mod file;

use std::{collections::HashSet, fmt};

use fleet::{peers::Peers, redis_bus::RedisBus};
use tower_webhook_auth::{BoxError, Secret};

pub use self::file::{Config, Listen, Log, NamedSource, Product, SdkKey, Start};

const DEFAULT_CHANNEL: &str = "sync_server";

/// A verification key: its name, and what it proves.
#[derive(Clone)]
pub struct Key {
    pub name: String,
    pub secret: Secret,
    pub owner: Owner,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    Project(i64),
    Environment { sdk_key: String },
}

/// One document to keep.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    pub vendor: Vendor,
    pub sdk_key: String,
    pub url: String,
    pub token: Option<Token>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Vendor {
    Optimizely { project: i64, name: Option<String> },
    Vwo { account: String },
}

impl Vendor {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Optimizely { .. } => "optimizely",
            Self::Vwo { .. } => "vwo",
        }
    }
}

/// An access token. `Debug` does not show it.
#[derive(Clone, PartialEq)]
pub struct Token(pub String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// The configuration, checked, with its secrets.
#[derive(Clone)]
pub struct Loaded {
    pub config: Config,
    pub optimizely: Vec<Key>,
    pub vwo: Vec<Key>,
    pub specs: Vec<Spec>,
    pub fleet: Option<Fleet>,
    /// What the operator should know, although the configuration can be used.
    pub warnings: Vec<String>,
}

/// How the replicas tell each other.
#[derive(Clone, PartialEq)]
pub enum Fleet {
    /// The URL may contain a password.
    Redis {
        url: String,
        channel: String,
    },
    Peers(Vec<String>),
}

/// The first characters of an SDK key, for logs and metrics.
pub fn short(sdk_key: &str) -> &str {
    sdk_key.get(..8).unwrap_or(sdk_key)
}

impl Loaded {
    /// Reads a configuration. `variable` reads environment variables.
    ///
    /// # Errors
    ///
    /// If a field is unknown or has no valid value, or a secret cannot be read.
    pub fn read(text: &str, variable: impl Fn(&str) -> Option<String>) -> Result<Self, BoxError> {
        let config: Config = toml::from_str(text)?;
        let mut loaded = Self {
            config: config.clone(),
            optimizely: Vec::new(),
            vwo: Vec::new(),
            specs: Vec::new(),
            fleet: Fleet::read(&config, &variable)?,
            warnings: Vec::new(),
        };
        let (mut texts, mut names) = (HashSet::new(), HashSet::new());
        let mut key = |name: String, source: &NamedSource, owner: Owner| {
            let text = source.read(&variable)?;
            let secret = Secret::new(text.clone()).map_err(|error| format!("{name}: {error}"))?;
            // With one secret for two owners, each could send deliveries for the other.
            if !texts.insert(text) {
                return Err(format!(
                    "{name}: another key has the same secret: each needs its own"
                ));
            }
            if !names.insert(name.clone()) {
                return Err(format!("{name}: another key has the same name"));
            }
            Ok(Key {
                name,
                secret,
                owner,
            })
        };
        for project in &config.optimizely.project {
            let id = project.id;
            for source in &project.secrets {
                let name = format!("{id}/{}", source.name);
                loaded
                    .optimizely
                    .push(key(name, source, Owner::Project(id))?);
            }
            for environment in &project.environment {
                let (sdk_key, with_key) = environment.sdk_key.read(&variable)?;
                if with_key.is_some() && matches!(environment.sdk_key, SdkKey::Text(_)) {
                    let key = short(&sdk_key);
                    loaded.warnings.push(format!(
                        "the token of {key}… is in the configuration file: use {{ env = \"…\" }} or {{ file = \"…\" }}"
                    ));
                }
                let token = match (&environment.token, with_key) {
                    (Some(_), Some(_)) => {
                        let key = short(&sdk_key);
                        return Err(format!(
                            "the SDK key {key}… has two tokens: `token`, and the text after ':'"
                        )
                        .into());
                    }
                    (Some(source), None) => Some(Token(source.read(&sdk_key, &variable)?)),
                    (None, token) => token.map(Token),
                };
                let template = match &token {
                    Some(_) => &project.secure_url,
                    None => &project.url,
                };
                if !template.contains("{sdk_key}") {
                    return Err(
                        format!("project {id}: the URL {template:?} has no {{sdk_key}}").into(),
                    );
                }
                loaded.specs.push(Spec {
                    vendor: Vendor::Optimizely {
                        project: id,
                        name: environment.name.clone(),
                    },
                    url: template.replace("{sdk_key}", &encoded(&sdk_key)),
                    sdk_key,
                    token,
                });
            }
        }
        for account in &config.vwo.account {
            let (host, id) = (account.host.trim_end_matches('/'), &account.id);
            if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                return Err(format!(
                    "{id:?} is not an account id of VWO: it has letters and digits only"
                )
                .into());
            }
            let path = match account.product {
                Product::Fme => "v2-pull",
                Product::FullStack => "pull",
            };
            for environment in &account.environment {
                let sdk_key = environment.sdk_key.clone();
                for source in &environment.keys {
                    let name = format!("{id}/{}/{}", short(&sdk_key), source.name);
                    let owner = Owner::Environment {
                        sdk_key: sdk_key.clone(),
                    };
                    loaded.vwo.push(key(name, source, owner)?);
                }
                let i = encoded(&sdk_key);
                loaded.specs.push(Spec {
                    vendor: Vendor::Vwo { account: id.clone() },
                    url: format!(
                        "{host}/server-side/{path}?a={id}&i={i}&platform=server&api-version=1&s=prod"
                    ),
                    sdk_key,
                    token: None,
                });
            }
        }
        if matches!(loaded.fleet, Some(Fleet::Peers(_))) && !config.vwo.account.is_empty() {
            loaded.warnings.push(
                "deliveries of VWO are not passed on to peers, because they contain the key: the other replicas poll"
                    .into(),
            );
        }
        loaded.check()?;
        Ok(loaded)
    }

    fn check(&self) -> Result<(), BoxError> {
        if self.specs.is_empty() {
            return Err(
                "there is no environment: add [[optimizely.project]] or [[vwo.account]]".into(),
            );
        }
        let mut sdk_keys = HashSet::new();
        for spec in &self.specs {
            let sdk_key = &spec.sdk_key;
            let key = short(sdk_key);
            if sdk_key.is_empty() {
                return Err("an SDK key is empty".into());
            }
            let valid = |char: &char| char.is_ascii_alphanumeric() || "+/=_-".contains(*char);
            if let Some(char) = sdk_key.chars().find(|char| !valid(char)) {
                return Err(format!(
                    "the SDK key {key}… has the character {char:?}: an SDK key has only letters, digits, '+', '/', \
                     '=', '_' and '-'"
                )
                .into());
            }
            if !sdk_keys.insert(sdk_key) {
                return Err(format!(
                    "the SDK key {key}… appears twice: each environment has its own"
                )
                .into());
            }
            // A URL contains the whole key, and can contain a password.
            let uri: http::Uri = spec
                .url
                .parse()
                .map_err(|error| format!("the URL of {key}… is not a URL: {error}"))?;
            if !matches!(uri.scheme_str(), Some("http" | "https")) {
                return Err(
                    format!("the URL of {key}… does not begin with http:// or https://").into(),
                );
            }
        }
        Ok(())
    }
}

/// The output of `--check`: no secret, and only the beginning of each SDK key.
impl fmt::Display for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Listen { hooks, api, admin } = &self.config.listen;
        writeln!(f, "hooks on {hooks}, api on {api}, admin on {admin}")?;
        match &self.config.store {
            Some(store) => writeln!(f, "store in {}", store.folder.display())?,
            None => writeln!(f, "no store: a restart needs the sources")?,
        }
        match &self.fleet {
            Some(Fleet::Redis { url, channel }) => {
                let redis = RedisBus::new(url, channel).map_err(|_| fmt::Error)?;
                let address = redis.address();
                writeln!(f, "fleet over Redis at {address}, channel {channel}")?;
            }
            Some(Fleet::Peers(peers)) => writeln!(f, "fleet of peers: {}", peers.join(", "))?,
            None => writeln!(f, "no fleet: other replicas only poll")?,
        }
        for spec in &self.specs {
            let host = spec.url.split('/').nth(2).unwrap_or_default();
            let secure = if spec.token.is_some() { ", secure" } else { "" };
            let key = short(&spec.sdk_key);
            writeln!(f, "{} {key}… from {host}{secure}", spec.vendor.name())?;
        }
        for key in self.optimizely.iter().chain(&self.vwo) {
            writeln!(f, "key {}", key.name)?;
        }
        for warning in &self.warnings {
            writeln!(f, "warning: {warning}")?;
        }
        Ok(())
    }
}

impl Fleet {
    fn read(
        config: &Config,
        variable: &impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, BoxError> {
        let Some(fleet) = &config.fleet else {
            return Ok(None);
        };
        match (&fleet.redis, &fleet.peers) {
            (Some(source), None) => {
                let url = source.read("fleet.redis", variable)?;
                let channel = fleet.channel.as_deref().unwrap_or(DEFAULT_CHANNEL);
                let channel = channel.to_owned();
                if let Err(error) = RedisBus::new(&url, &channel) {
                    return Err(format!(
                        "fleet.redis is not a URL such as redis://host:6379: {error}"
                    )
                    .into());
                }
                Ok(Some(Self::Redis { url, channel }))
            }
            (None, Some(_)) if fleet.channel.is_some() => {
                Err("[fleet]: `channel` is for `redis`, not for `peers`".into())
            }
            (None, Some(peers)) => {
                Peers::new(peers.iter().cloned())?;
                Ok(Some(Self::Peers(peers.clone())))
            }
            _ => Err("[fleet] needs either `redis` or `peers`".into()),
        }
    }
}

impl SdkKey {
    /// The SDK key, and the token if it is part of the text.
    fn read(
        &self,
        variable: &impl Fn(&str) -> Option<String>,
    ) -> Result<(String, Option<String>), BoxError> {
        let text = match self {
            Self::Text(text) => text.clone(),
            Self::In(source) => source.read("an SDK key", variable)?,
        };
        match text.split_once(':') {
            Some((sdk_key, "")) => Err(format!("the token of {}… is empty", short(sdk_key)).into()),
            Some((sdk_key, token)) => Ok((sdk_key.to_owned(), Some(token.to_owned()))),
            None => Ok((text, None)),
        }
    }
}

/// An SDK key as a part of a path or a query. `check` rejects all other characters.
fn encoded(sdk_key: &str) -> String {
    sdk_key
        .replace('+', "%2B")
        .replace('/', "%2F")
        .replace('=', "%3D")
}
