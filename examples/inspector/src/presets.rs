//! The senders of the catalogue.

use std::{sync::LazyLock, time::SystemTime};

use bytes::Bytes;
use http::Request;
use serde::Serialize;
use tower_webhook_auth::{
    Authentication, Claim, ConfigError, Keys, Provider, Rejection, Secret, SignedUrl,
    provider::{self, HeaderRole, Sender, Window},
    testing::Signer,
};

/// A preset with its keys.
#[derive(Clone)]
pub struct Verifier {
    pub provider: Provider<Bytes>,
}

impl Verifier {
    pub fn judge(&self, request: Request<Bytes>, at: SystemTime) -> Result<Accepted, Rejection> {
        let (head, body) = request.into_parts();
        let verified = self.provider.verify(&head, body, at)?;
        let claim = |claim: Option<Claim<'_>>| {
            claim.map(|claim| (claim.unverified().to_owned(), claim.signed().is_some()))
        };
        Ok(Accepted {
            key_name: verified.key_name().to_owned(),
            shared_key: verified.authentication() == Authentication::SharedKey,
            delivery_id: claim(verified.delivery_id()),
            event_name: claim(verified.event_name()),
            signed_at: verified.signed_at(),
            event_type: None,
            event: None,
        })
    }

    pub fn sign(
        &self,
        secret: &Secret,
        request: Request<Bytes>,
    ) -> Result<Request<Bytes>, ConfigError> {
        Signer::new(&self.provider, secret)?.try_sign(request)
    }
}

#[derive(Clone, Debug, Serialize)]
pub struct Accepted {
    pub key_name: String,
    pub shared_key: bool,
    pub delivery_id: Option<(String, bool)>,
    pub event_name: Option<(String, bool)>,
    #[serde(skip)]
    pub signed_at: Option<SystemTime>,
    pub event_type: Option<String>,
    pub event: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct About {
    pub name: String,
    pub title: String,
    pub group: String,
    pub headers: Vec<String>,
    pub algorithm: String,
    pub signed: String,
    pub tolerance: String,
    pub id_header: Option<String>,
    pub event_header: Option<String>,
    pub shared_key: bool,
    pub public_key: bool,
    pub wants_url: bool,
}

pub struct Preset {
    pub name: &'static str,
    pub wants_url: bool,
    sender: &'static Sender,
    about: About,
}

impl Preset {
    pub fn build(&self, keys: impl Into<Keys>, url: &str) -> Result<Verifier, ConfigError> {
        let url = SignedUrl::exact(url)?;
        Ok(Verifier {
            provider: self.sender.provider(keys, Some(url))?,
        })
    }

    pub fn is_fallible(&self) -> bool {
        self.sender.keys_can_be_malformed()
    }

    pub fn about(&self) -> &About {
        &self.about
    }
}

pub static PRESETS: LazyLock<Vec<Preset>> = LazyLock::new(|| {
    let preset = |sender: &&'static Sender| Preset {
        name: sender.name,
        wants_url: sender.needs_url,
        sender,
        about: about(sender),
    };
    provider::catalogue().iter().map(preset).collect()
});

fn about(sender: &Sender) -> About {
    let ways = sender.ways();
    let headers = |wanted: HeaderRole| {
        let headers = ways.iter().flat_map(|way| &way.headers);
        headers
            .filter(move |(role, _)| *role == wanted)
            .map(|(_, name)| name.to_string())
    };
    let way = &ways[0];
    About {
        name: sender.name.to_owned(),
        title: sender.title.to_owned(),
        group: sender.kind.title().to_owned(),
        headers: headers(HeaderRole::Signature)
            .chain(headers(HeaderRole::Key))
            .collect(),
        algorithm: way.algorithm.to_owned(),
        signed: way.signed.clone(),
        tolerance: match way.window {
            Window::Both(_) | Window::Past(_) => way.window.to_string(),
            _ => "–".to_owned(),
        },
        id_header: headers(HeaderRole::Id).next(),
        event_header: headers(HeaderRole::Event).next(),
        shared_key: way.signed.is_empty(),
        public_key: way.key.starts_with("the sender's public key"),
        wants_url: sender.needs_url,
    }
}

pub fn find(name: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.name == name)
}
