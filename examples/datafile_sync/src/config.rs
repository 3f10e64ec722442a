//! The configuration from the environment variables. The first comment of `main.rs` lists them.

use std::{collections::HashSet, time::Duration};

use http::Uri;
use tower_webhook_auth::{BoxError, Secret};

#[derive(Debug)]
pub struct Config {
    pub cdn: String,
    pub poll_every: Duration,
    pub projects: Vec<Project>,
}

#[derive(Debug)]
pub struct Project {
    pub id: i64,
    pub secret: Secret,
    pub environments: Vec<EnvironmentKey>,
}

#[derive(Debug, PartialEq)]
pub struct EnvironmentKey {
    /// The name in deliveries. Without a name, deliveries for every environment count.
    pub name: Option<String>,
    pub sdk_key: String,
}

impl Config {
    /// `None` if no project is configured.
    ///
    /// # Errors
    ///
    /// If a variable is missing or has no valid value.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, BoxError> {
        let Some(ids) = variable("OPTIMIZELY_PROJECTS") else {
            return Ok(None);
        };
        let ids: Vec<&str> = ids.split(',').map(str::trim).collect();
        let (mut secrets, mut sdk_keys) = (HashSet::new(), HashSet::new());
        let mut projects = Vec::new();
        for id in &ids {
            let required = |name: &str| {
                let own = format!("{name}_{id}");
                // With a single project the names may be without its id.
                let shared = || (ids.len() == 1).then(|| variable(name)).flatten();
                variable(&own).or_else(shared).ok_or(format!(
                    "environment variable {own} is not set: OPTIMIZELY_PROJECTS names {id}"
                ))
            };
            let project = Project::new(
                id,
                required("OPTIMIZELY_WEBHOOK_SECRET")?,
                &required("OPTIMIZELY_SDK_KEYS")?,
                &mut secrets,
            )?;
            for EnvironmentKey { sdk_key, .. } in &project.environments {
                if !sdk_keys.insert(sdk_key.clone()) {
                    return Err(format!(
                        "SDK key {sdk_key:?} appears twice: each environment has its own"
                    )
                    .into());
                }
            }
            projects.push(project);
        }

        let poll_seconds = match variable("OPTIMIZELY_POLL_SECONDS") {
            Some(seconds) => seconds.parse().map_err(|error| {
                format!("OPTIMIZELY_POLL_SECONDS={seconds:?} is not a number of seconds: {error}")
            })?,
            None => 300,
        };
        let cdn = variable("OPTIMIZELY_CDN").unwrap_or("https://cdn.optimizely.com".into());
        Ok(Some(Self {
            cdn,
            poll_every: Duration::from_secs(poll_seconds),
            projects,
        }))
    }
}

impl Project {
    fn new(
        id: &str,
        secret: String,
        sdk_keys: &str,
        secrets: &mut HashSet<String>,
    ) -> Result<Self, BoxError> {
        // With one secret for two projects, each could send deliveries for the other.
        if !secrets.insert(secret.clone()) {
            return Err(format!(
                "project {id} has the secret of another project: each project needs its own"
            )
            .into());
        }
        let environments = sdk_keys.split(',').map(EnvironmentKey::read);
        Ok(Self {
            id: id.parse().map_err(|error| {
                format!("OPTIMIZELY_PROJECTS: {id:?} is not the id of a project: {error}")
            })?,
            secret: Secret::new(secret).map_err(|error| format!("project {id}: {error}"))?,
            environments: environments.collect::<Result<_, _>>()?,
        })
    }
}

impl EnvironmentKey {
    /// `Production=QMVJcUKEJZFg8pQ2jhAybK`, or the key alone.
    fn read(text: &str) -> Result<Self, BoxError> {
        let (name, sdk_key) = match text.split_once('=') {
            Some((name, sdk_key)) => (Some(name.trim()), sdk_key.trim()),
            None => (None, text.trim()),
        };
        // It becomes a part of a URL's path.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if sdk_key.is_empty() || !sdk_key.bytes().all(plain) {
            return Err(format!("OPTIMIZELY_SDK_KEYS: {sdk_key:?} is not an SDK key: it has letters, digits, '-' and '_'").into());
        }
        Ok(Self {
            name: name.map(String::from),
            sdk_key: sdk_key.into(),
        })
    }

    /// Where the datafile is: always on the configured CDN, not where a delivery says.
    ///
    /// # Errors
    ///
    /// If `cdn` is not `http://` or `https://` with a host.
    pub fn uri(&self, cdn: &str) -> Result<Uri, BoxError> {
        let text = format!(
            "{}/datafiles/{}.json",
            cdn.trim_end_matches('/'),
            self.sdk_key
        );
        let uri: Uri = text
            .parse()
            .map_err(|error| format!("OPTIMIZELY_CDN: {text:?} is not a URL: {error}"))?;
        match uri.scheme_str() {
            Some("http" | "https") => Ok(uri),
            _ => Err(
                format!("OPTIMIZELY_CDN: {text:?} does not begin with http:// or https://").into(),
            ),
        }
    }
}
