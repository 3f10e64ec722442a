//! Signs: adds the headers that a sender adds.

use std::{sync::Arc, time::SystemTime};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, request::Parts};
use sha2::{Digest, Sha256};

use super::{
    Kind, Scheme,
    builder::Signed,
    headers::is_readable_id,
    in_body::InBody,
    mac::{Candidates, Verifier},
    shared_key::SharedKey,
    signed::{Facts, Part, SignedBody},
    signed_headers::Listed,
};
use crate::{error::ConfigError, rejection::Rejection, secret::Secret};

/// A key with which a [`Scheme`] signs.
#[derive(Clone)]
pub(crate) struct SigningKey {
    secret: Secret,
    /// Keyed with the secret. `None` for a shared key and for a token.
    mac: Option<Arc<Verifier>>,
}

/// The first way that can sign, and the others, each with its key.
pub(crate) type SigningWays = ((Scheme, SigningKey), Vec<(Scheme, SigningKey)>);

/// What a new delivery has.
#[derive(Clone, Copy)]
pub(crate) struct Fresh<'a> {
    pub(crate) time: SystemTime,
    pub(crate) id: &'a str,
    /// Replaces a time and an id that are in the body.
    pub(crate) renews: bool,
}

impl SigningKey {
    pub(super) fn secret(&self) -> &Secret {
        &self.secret
    }
}

impl Scheme {
    pub(crate) fn signing_key(&self, secret: &Secret) -> Result<SigningKey, ConfigError> {
        let signed = match &self.0 {
            #[cfg(feature = "http-signatures")]
            Kind::Custom(custom) if custom.signer.is_some() => {
                let mut scheme = custom.signer.iter();
                scheme.try_for_each(|scheme| scheme.check_signing(secret))?;
                return Ok(SigningKey {
                    secret: secret.clone(),
                    mac: None,
                });
            }
            Kind::Custom(custom) if custom.in_body.is_some() => {
                let in_body = custom.in_body.iter();
                for in_body in in_body {
                    in_body.check_signing_key(secret)?;
                }
                return Ok(SigningKey {
                    secret: secret.clone(),
                    mac: None,
                });
            }
            Kind::Custom(_) => {
                return Err(ConfigError::new(
                    "a custom scheme verifies and does not sign: sign the request in your own code",
                ));
            }
            Kind::Jwt(jwt) => {
                jwt.check_signing(secret)?;
                return Ok(SigningKey {
                    secret: secret.clone(),
                    mac: None,
                });
            }
            Kind::SharedKey(shared) => {
                shared.write(secret)?;
                return Ok(SigningKey {
                    secret: secret.clone(),
                    mac: None,
                });
            }
            Kind::Signature(signed) => signed,
            Kind::AnyOf(_) => return self.signing_ways(secret).map(|((_, key), _)| key),
        };
        let verifier = signed.verifier(secret)?;
        if verifier
            .start(&Candidates::default())
            .tag(&mut [0; 64])
            .is_none()
        {
            return Err(ConfigError::new(
                "a public key cannot sign: use an algorithm with a shared secret",
            ));
        }
        Ok(SigningKey {
            secret: secret.clone(),
            mac: Some(Arc::new(verifier)),
        })
    }

    /// The first way that can sign with this secret, and the others, each with its key.
    pub(crate) fn signing_ways(&self, secret: &Secret) -> Result<SigningWays, ConfigError> {
        let mut ways = Vec::new();
        let mut first_error = None;
        for way in self.each_way() {
            match way.signing_key(secret) {
                Ok(key) => ways.push((way.clone(), key)),
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        let mut ways = ways.into_iter();
        let none = || ConfigError::new("the scheme has no way to sign");
        let first = ways
            .next()
            .ok_or_else(|| first_error.unwrap_or_else(none))?;
        Ok((first, ways.collect()))
    }

    /// How many keys can sign one delivery.
    pub(crate) fn most_signatures(&self) -> usize {
        match &self.0 {
            Kind::Custom(custom) => custom.in_body.as_ref().map_or(1, InBody::most_signatures),
            Kind::Jwt(_) | Kind::SharedKey(_) => 1,
            Kind::Signature(signed) => signed.signature.most_signatures(signed.algorithm),
            Kind::AnyOf(ways) => ways.schemes.first().map_or(0, Self::most_signatures),
        }
    }

    /// Removes the id and the timestamp that [`sign`](Self::sign) would keep.
    pub(crate) fn remove_id_and_time(&self, head: &mut Parts) {
        for way in self.each_way() {
            if let Kind::Signature(signed) = &way.0 {
                let names = [&signed.id_headers, &signed.timestamp_headers];
                for name in names.into_iter().flatten().flat_map(|names| names.iter()) {
                    head.headers.remove(name);
                }
            }
        }
    }

    /// Adds what the sender adds.
    pub(crate) fn sign(
        &self,
        keys: &[SigningKey],
        head: &mut Parts,
        body: &mut Bytes,
        fresh: &Fresh<'_>,
    ) -> Result<(), ConfigError> {
        let Fresh { time, id, .. } = *fresh;
        match &self.0 {
            #[cfg(feature = "http-signatures")]
            Kind::Custom(custom) if custom.signer.is_some() => {
                let mut signers = custom.signer.iter().zip(keys);
                signers.try_for_each(|(signer, key)| signer.sign(&key.secret, head, body, time, id))
            }
            // A scheme in code of the user has no signing key.
            Kind::Custom(custom) => {
                let mut in_body = custom.in_body.iter();
                in_body.try_for_each(|in_body| in_body.sign(keys, body, fresh))
            }
            Kind::Jwt(jwt) => {
                let mut first = keys.iter().take(1);
                first.try_for_each(|key| jwt.sign(&key.secret, head, body, time, id))
            }
            Kind::SharedKey(shared) => shared.sign(keys, head),
            Kind::Signature(signed) => signed.sign(keys, head, body, time, id),
            Kind::AnyOf(ways) => {
                let mut first = ways.schemes.iter().take(1);
                first.try_for_each(|way| way.sign(keys, head, body, fresh))
            }
        }
    }
}

impl SharedKey {
    fn sign(&self, keys: &[SigningKey], head: &mut Parts) -> Result<(), ConfigError> {
        for key in keys {
            let (name, value) = self.write(&key.secret)?;
            head.headers.insert(name, value);
        }
        Ok(())
    }
}

impl Signed {
    fn sign(
        &self,
        keys: &[SigningKey],
        head: &mut Parts,
        body: &[u8],
        time: SystemTime,
        id: &str,
    ) -> Result<(), ConfigError> {
        for name in self.signature.headers() {
            head.headers.remove(name);
        }
        for listed in self.listed() {
            if let Some(name) = listed.header() {
                keep_or_insert(head, name, &listed.shortest())?;
            }
        }
        for (name, value) in &self.required {
            head.headers.insert(name, header_value(name, value)?);
        }
        let fresh = id.as_bytes();
        let id = match &self.id_headers {
            Some(names) => Some(keep_or_insert(head, names.first(), id)?),
            None => None,
        };
        let timestamp = match &self.timestamp {
            Some(timestamp) => timestamp.write(time),
            None => String::new(),
        };
        let timestamp = match &self.timestamp_headers {
            Some(names) => {
                let (_, value) = keep_or_insert(head, names.first(), &timestamp)?;
                value.as_bytes().to_vec()
            }
            None => timestamp.into_bytes(),
        };
        // A signed tag is a nonce. The delivery's id is one.
        let nonce = id.as_ref().map_or(fresh, |(_, value)| value.as_bytes());
        let tag_value = |tag: &str| {
            let mut listed = self.listed();
            let list = listed.find(|listed| listed.is_in_tag(tag));
            list.map_or_else(
                || String::from_utf8_lossy(nonce).into_owned(),
                Listed::shortest,
            )
        };
        let values: Vec<(&str, String)> = self
            .signature
            .signed_tags
            .iter()
            .map(|tag| (tag.as_str(), tag_value(tag)))
            .collect();
        let tags: Vec<(&str, &[u8])> = values
            .iter()
            .map(|(tag, value)| (*tag, value.as_bytes()))
            .collect();
        if !tags.is_empty() && !self.signature.can_be_item(nonce) {
            return Err(ConfigError::new(
                "the request cannot be signed: its id is the value of a tag, so it must be visible ASCII \
                 characters without the separator of the items",
            ));
        }
        let facts = Facts {
            header: self.signature.names.first(),
            tags: &tags,
            id: id.as_ref().map(|(name, value)| (name, value.as_bytes())),
            timestamp: &timestamp,
        };
        if facts.id.is_some_and(|(_, id)| !is_readable_id(id)) {
            return Err(ConfigError::new(
                "the request cannot be signed: its id must be visible ASCII characters, and not empty",
            ));
        }
        let mut signatures = Vec::new();
        for mac in keys.iter().filter_map(|key| key.mac.as_deref()) {
            let mut mac = mac.start(&Candidates::default());
            self.take_in(&mut mac, head, body, &facts)
                .map_err(|rejection| {
                    ConfigError::new(format!("the request cannot be signed: {rejection}"))
                })?;
            let mut tag = [0; 64];
            signatures.extend(mac.tag(&mut tag).map(<[u8]>::to_vec));
        }
        let timestamp = String::from_utf8_lossy(&timestamp);
        for (name, value) in self.signature.write(&signatures, &timestamp, &tag_value) {
            match &self.signature.query {
                Some(parameter) => head.uri = parameter.written(&head.uri, &value)?,
                None => drop(head.headers.insert(name, header_value(name, &value)?)),
            }
        }
        Ok(())
    }

    /// The signed lists of headers.
    fn listed(&self) -> impl Iterator<Item = &Listed> {
        let content = &self.content;
        let parts = content.before_body.iter().chain(&content.after_body);
        parts.filter_map(|part| match part {
            Part::Listed(listed) => Some(&**listed),
            _ => None,
        })
    }

    fn take_in(
        &self,
        verifier: &mut Verifier,
        head: &Parts,
        body: &[u8],
        facts: &Facts<'_>,
    ) -> Result<(), Rejection> {
        let content = &self.content;
        let mut take = |piece: Option<&[u8]>| verifier.update_piece(piece);
        content.write(&content.before_body, head, facts, &mut take)?;
        match &content.body {
            SignedBody::Digest(digest) => {
                take(Some(digest.text(&Sha256::digest(body)).as_bytes()));
            }
            SignedBody::Form(form) => form.write(body, &mut |bytes| take(Some(bytes)))?,
            SignedBody::Nothing => {}
            SignedBody::Whole => take(Some(body)),
        }
        content.write(&content.after_body, head, facts, &mut take)
    }
}

/// The header that the request has. If it has none, a header with this value is added.
fn keep_or_insert(
    head: &mut Parts,
    name: &HeaderName,
    value: &str,
) -> Result<(HeaderName, HeaderValue), ConfigError> {
    let value = header_value(name, value)?;
    let value = head.headers.entry(name).or_insert(value);
    Ok((name.clone(), value.clone()))
}

fn header_value(name: &HeaderName, value: &str) -> Result<HeaderValue, ConfigError> {
    HeaderValue::from_str(value).map_err(|_| {
        ConfigError::new(format!(
            "the header {name} cannot have the value {value:?}: use visible ASCII characters"
        ))
    })
}
