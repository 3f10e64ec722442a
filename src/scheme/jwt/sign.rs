//! Signs: makes the token that a sender makes.

use std::time::{Duration, SystemTime};

use data_encoding::BASE64URL_NOPAD;
use http::{HeaderValue, request::Parts};
use serde_json::{Map, Value as Json, json};
use sha2::{Digest, Sha256};

use super::{
    Jwt,
    claims::{Binding, Value},
    place::CheckedPlace,
};
use crate::{error::ConfigError, secret::Secret};

/// How long a token is valid.
const LIFETIME: Duration = Duration::from_secs(300);

impl Jwt {
    /// # Errors
    ///
    /// If this secret cannot sign a delivery.
    pub(in crate::scheme) fn check_signing(&self, secret: &Secret) -> Result<(), ConfigError> {
        if !self.is_in_head() {
            return Err(ConfigError::new(
                "the body of such a delivery is the token: sign it in your own code",
            ));
        }
        let key = self.key(secret)?;
        key.sign(b"").map(drop).ok_or_else(|| {
            ConfigError::new("a public key cannot sign: use an algorithm with a shared secret")
        })
    }

    /// Adds the header with a new token.
    pub(in crate::scheme) fn sign(
        &self,
        secret: &Secret,
        head: &mut Parts,
        body: &[u8],
        time: SystemTime,
        id: &str,
    ) -> Result<(), ConfigError> {
        let CheckedPlace::Header { name, before } = &self.place else {
            return Ok(());
        };
        let algorithm = self.algorithms.first().map_or("", |first| first.name());
        let claims = Json::Object(self.claims(head, body, time, id)?);
        let header = json!({"alg": algorithm, "typ": "JWT"});
        let encode = |json: Json| BASE64URL_NOPAD.encode(json.to_string().as_bytes());
        let signed = format!("{}.{}", encode(header), encode(claims));
        let signature = self
            .key(secret)?
            .sign(signed.as_bytes())
            .unwrap_or_default();
        let token = format!("{before}{signed}.{}", BASE64URL_NOPAD.encode(&signature));
        let mut value = HeaderValue::from_str(&token)
            .map_err(|_| ConfigError::new("the token has characters that a header cannot hold"))?;
        value.set_sensitive(true);
        head.headers.insert(name, value);
        Ok(())
    }

    fn claims(
        &self,
        head: &Parts,
        body: &[u8],
        time: SystemTime,
        id: &str,
    ) -> Result<Map<String, Json>, ConfigError> {
        let rules = &self.rules;
        let since = time.duration_since(SystemTime::UNIX_EPOCH);
        let seconds = since.unwrap_or_default().as_secs();
        let mut claims = Map::new();
        let mut add = |name: &str, value: Json| claims.insert(name.to_owned(), value);
        add("iat", seconds.into());
        if rules.expiry.is_some() {
            add("exp", seconds.saturating_add(LIFETIME.as_secs()).into());
            add("nbf", seconds.into());
        }
        for (claim, value) in &rules.fixed {
            let value = match value {
                Value::Bool(value) => (*value).into(),
                Value::OneOf(texts) => texts.first().map_or("", |text| text.as_str()).into(),
                Value::Present => json!({}),
            };
            add(&claim.name, value);
        }
        if let Some((claim, audience)) = &rules.audience {
            add(&claim.name, audience.as_str().into());
        }
        let url = rules.url_text(head).map_err(|rejection| {
            ConfigError::new(format!("the request cannot be signed: {rejection}"))
        })?;
        let url = url.unwrap_or_default();
        for url_claim in &rules.url_claims {
            let value = match url_claim.digest {
                Some(form) => form.text(&Sha256::digest(&url)),
                None => String::from_utf8_lossy(&url).into_owned(),
            };
            add(&url_claim.claim.name, value.into());
        }
        if let Some(claim) = &rules.id {
            add(&claim.name, id.into());
        }
        if let Binding::Hash {
            claim,
            form,
            absent_if_empty,
        } = &rules.binding
            && !(*absent_if_empty && body.is_empty())
        {
            add(&claim.name, form.text(&Sha256::digest(body)).into());
        }
        Ok(claims)
    }
}
