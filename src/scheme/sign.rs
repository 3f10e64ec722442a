//! The other direction: what a sender would put around a body.

use std::time::SystemTime;

use http::{HeaderValue, request::Parts};

use super::{Kind, Scheme, builder::Signed, mac::Verifier, signed::Facts};
use crate::{error::ConfigError, secret::Secret};

/// What a [`Scheme`] signs with.
#[derive(Clone)]
pub(crate) enum SigningKey {
    Mac(Box<Verifier>),
    SharedKey(Secret),
}

impl Scheme {
    pub(crate) fn signing_key(&self, secret: &Secret) -> Result<SigningKey, ConfigError> {
        let signed = match &self.0 {
            Kind::SharedKey(_) => return Ok(SigningKey::SharedKey(secret.clone())),
            Kind::Signature(signed) => signed,
        };
        let verifier = signed
            .key
            .decode(secret)
            .and_then(|key| signed.algorithm.key(&key, secret))?;
        if verifier.clone().tag(&mut [0; 64]).is_empty() {
            return Err(ConfigError::new("a public key verifies, but cannot sign"));
        }
        Ok(SigningKey::Mac(Box::new(verifier)))
    }

    /// Adds to a request's head what the sender would. What cannot be written as a header is left
    /// out: the request is then refused, as one from such a sender would be.
    pub(crate) fn sign(
        &self,
        key: &SigningKey,
        head: &mut Parts,
        body: &[u8],
        time: SystemTime,
        id: &str,
    ) {
        match (&self.0, key) {
            (Kind::SharedKey(shared), SigningKey::SharedKey(secret)) => {
                if let Some((name, value)) = shared.present(secret) {
                    head.headers.insert(name, value);
                }
            }
            (Kind::Signature(signed), SigningKey::Mac(verifier)) => {
                signed.sign(Verifier::clone(verifier), head, body, time, id);
            }
            _ => {}
        }
    }
}

impl Signed {
    fn sign(
        &self,
        mut verifier: Verifier,
        head: &mut Parts,
        body: &[u8],
        time: SystemTime,
        id: &str,
    ) {
        for (name, value) in &self.required {
            if let Ok(value) = HeaderValue::from_str(value) {
                head.headers.insert(name, value);
            }
        }
        let id_name = self
            .id_headers
            .as_ref()
            .and_then(|names| names.names().first());
        let id = match (id_name, HeaderValue::from_str(id)) {
            (Some(name), Ok(id)) => Some((name, head.headers.entry(name).or_insert(id).clone())),
            _ => None,
        };
        let mut timestamp = self
            .timestamp
            .as_ref()
            .map(|timestamp| timestamp.write(time))
            .unwrap_or_default();
        if let Some(name) = self
            .timestamp_headers
            .as_ref()
            .and_then(|names| names.names().first())
            && let Ok(value) = HeaderValue::from_str(&timestamp)
        {
            let value = head.headers.entry(name).or_insert(value);
            timestamp = String::from_utf8_lossy(value.as_bytes()).into_owned();
        }
        let facts = Facts {
            id: id.as_ref().map(|(name, value)| (*name, value.as_bytes())),
            timestamp: timestamp.as_bytes(),
        };
        let mut take = |bytes: Option<&[u8]>| match bytes {
            Some(bytes) => verifier.update(bytes),
            None => verifier.update_secret(),
        };
        let written = self
            .content
            .write(&self.content.before_body, head, &facts, &mut take)
            .map(|()| take(Some(body)))
            .and_then(|()| {
                self.content
                    .write(&self.content.after_body, head, &facts, &mut take)
            });
        if written.is_err() {
            return;
        }
        let mut tag = [0; 64];
        let value = self.signature.write(verifier.tag(&mut tag), &timestamp);
        if let (Some(name), Ok(value)) = (
            self.signature.names.names().first(),
            HeaderValue::from_str(&value),
        ) {
            head.headers.insert(name, value);
        }
    }
}
