//! The description of a scheme with tokens, as a [`Way`].

use super::{
    Jwt,
    claims::{Binding, Value},
    key::JwtAlgorithm,
};
use crate::scheme::{HeaderRole, Way, Window, key::KeyEncoding};

impl Jwt {
    pub(in crate::scheme) fn describe(&self) -> Way {
        let header = self.header().cloned();
        let rules = &self.rules;
        Way {
            name: None,
            algorithm: match self.algorithms.as_slice() {
                [one] => one.title(),
                _ => "JWT with HS256, HS384 or HS512",
            },
            encoding: None,
            value: self.place.form(),
            signed: self.signed_form(),
            headers: header
                .map(|name| (HeaderRole::Signature, name))
                .into_iter()
                .collect(),
            fields: Vec::new(),
            timestamp: rules.max_age.as_ref().map(|_| "seconds since 1970"),
            window: match (&rules.max_age, &rules.expiry) {
                (Some((_, max_age)), _) => Window::Both(*max_age),
                (None, Some(_)) => Window::Expiry,
                (None, None) => Window::NoTime,
            },
            key: self.key_form(),
            id_is_signed: rules.id.is_some(),
            body_is_covered: self.proves_body(),
            any_text_is_a_key: !self.is_expensive()
                && self.key.encoding == KeyEncoding::Text
                && self.key.prefix.is_none(),
        }
    }

    /// The claims that count, with placeholders.
    fn signed_form(&self) -> String {
        let rules = &self.rules;
        let mut claims = Vec::new();
        for (claim, value) in &rules.fixed {
            let value = match value {
                Value::Bool(value) => value.to_string(),
                Value::OneOf(texts) => texts.join(" or "),
                Value::Present => format!("{{{}}}", claim.name),
            };
            claims.push(format!("{}={value}", claim.name));
        }
        if let Some((claim, audience)) = &rules.audience {
            claims.push(format!("{}={audience}", claim.name));
        }
        for url in &rules.url_claims {
            let form = url
                .digest
                .map_or("{url}".into(), |digest| digest.form("url"));
            claims.push(format!("{}={form}", url.claim.name));
        }
        if let Some(claim) = &rules.expiry {
            claims.push(format!("{}={{expiry}}", claim.name));
        }
        if let Some((claim, _)) = &rules.max_age {
            claims.push(format!("{}={{timestamp}}", claim.name));
        }
        if let Some(claim) = &rules.id {
            claims.push(format!("{}={{id}}", claim.name));
        }
        match &rules.binding {
            Binding::Hash { claim, form, .. } => {
                claims.push(format!("{}={}", claim.name, form.form("body")));
            }
            Binding::IsToken => claims.push("{all other claims}".into()),
            Binding::Nothing => {}
        }
        claims.join(", ")
    }

    fn key_form(&self) -> String {
        if self.is_expensive() {
            return format!(
                "the sender's public key: a JWK, `Secret::from_pem`, or {}",
                self.key.encoding.title()
            );
        }
        let prefix = self.key.prefix.as_ref();
        let prefix = prefix.map(|prefix| format!(", with or without the prefix `{prefix}`"));
        format!(
            "{}{}",
            self.key.encoding.title(),
            prefix.unwrap_or_default()
        )
    }
}

impl JwtAlgorithm {
    fn title(self) -> &'static str {
        match self {
            #[cfg(feature = "ed25519")]
            Self::EdDsa => "JWT with EdDSA",
            #[cfg(feature = "ecdsa-p256")]
            Self::Es256 => "JWT with ES256",
            #[cfg(feature = "rsa")]
            Self::Rs256 => "JWT with RS256",
            #[cfg(feature = "rsa")]
            Self::Rs384 => "JWT with RS384",
            #[cfg(feature = "rsa")]
            Self::Rs512 => "JWT with RS512",
            Self::Hs256 => "JWT with HS256",
            Self::Hs384 => "JWT with HS384",
            Self::Hs512 => "JWT with HS512",
        }
    }
}
