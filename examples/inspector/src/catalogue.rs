//! The senders of the library's catalogue, with what the inspector derives from their rows. There is no list of
//! senders in this program.

use std::{collections::HashMap, sync::LazyLock};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, header};
use tower_webhook_auth::{
    ConfigError, Keys, Provider, Secret, SignedUrl,
    provider::{self, Field, HeaderRole, Sender, Way, Window},
    testing::Signer,
};

use crate::example;

/// Valid as text, as hexadecimal digits and as base64.
const SAMPLE_SECRET: &str = "00112233445566778899aabbccddeeff";
const SAMPLE_URL: &str = "https://example.com/hook";

pub struct Entry {
    pub sender: &'static Sender,
    /// Never empty: a test of the library builds the scheme of each row.
    pub ways: Vec<Way>,
    /// Whether the sender's deliveries can be signed here: not with a public key, and not by a scheme in code.
    pub can_sign: bool,
    /// A body for a test delivery.
    pub example: String,
}

/// All senders, in the order of their names.
pub fn entries() -> &'static [Entry] {
    static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(|| {
        let entry = |sender: &&'static Sender| Entry {
            sender,
            ways: sender.ways(),
            can_sign: can_sign(sender),
            example: example::body(sender),
        };
        provider::catalogue().iter().map(entry).collect()
    });
    &ENTRIES
}

pub fn find(name: &str) -> Option<&'static Entry> {
    let entries = entries();
    let index = entries
        .binary_search_by_key(&name, |entry| entry.sender.name)
        .ok()?;
    entries.get(index)
}

fn can_sign(sender: &Sender) -> bool {
    let signer = || -> Result<Signer, ConfigError> {
        let secret = Secret::new(SAMPLE_SECRET)?;
        let provider = sender.provider(secret.clone(), Some(SignedUrl::exact(SAMPLE_URL)?))?;
        Signer::new(&provider, &secret)
    };
    signer().is_ok()
}

fn is_proof(role: HeaderRole) -> bool {
    matches!(role, HeaderRole::Key | HeaderRole::Signature)
}

/// What proves a delivery.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    Custom,
    Keyless,
    PublicKey,
    SharedKey,
    Signature,
}

impl Proof {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Custom => "custom",
            Self::Keyless => "keyless",
            Self::PublicKey => "public_key",
            Self::SharedKey => "shared_key",
            Self::Signature => "signature",
        }
    }
}

impl Entry {
    /// The sender's first way, which also signs.
    pub fn first(&self) -> &Way {
        &self.ways[0]
    }

    pub fn proof(&self) -> Proof {
        match self.first().algorithm {
            "custom" => Proof::Custom,
            "shared key" => Proof::SharedKey,
            "SHA-256 (no MAC)" => Proof::Keyless,
            _ if self.first().key.contains("public key") => Proof::PublicKey,
            _ => Proof::Signature,
        }
    }

    /// The headers of all ways that hold this.
    pub fn headers(&self, wanted: HeaderRole) -> impl Iterator<Item = &HeaderName> {
        let headers = self.ways.iter().flat_map(|way| &way.headers);
        headers
            .filter(move |(role, _)| *role == wanted)
            .map(|(_, name)| name)
    }

    /// The headers with a signature or a key.
    pub fn proof_headers(&self) -> impl Iterator<Item = &HeaderName> {
        self.headers(HeaderRole::Signature)
            .chain(self.headers(HeaderRole::Key))
    }

    pub fn role(&self, name: &HeaderName) -> Option<HeaderRole> {
        let mut headers = self.ways.iter().flat_map(|way| &way.headers);
        headers
            .find(|(_, header)| header == name)
            .map(|(role, _)| *role)
    }

    /// How old a delivery may be.
    pub fn tolerance(&self) -> Option<std::time::Duration> {
        match self.first().window {
            Window::Both(tolerance) | Window::Past(tolerance) => Some(tolerance),
            _ => None,
        }
    }

    /// The type of the event that the preset gives, if it is not the body itself.
    pub fn event_type(&self) -> Option<&'static str> {
        Some(self.sender.event_type).filter(|name| *name != "Bytes")
    }

    /// The places outside the headers that hold a signature or a key, in the first way.
    pub fn proof_fields(&self) -> impl Iterator<Item = &Field> {
        let fields = self.first().fields.iter();
        let proofs = fields.filter(|(role, _)| is_proof(*role));
        proofs.map(|(_, field)| field)
    }

    /// The parameter of the query that holds a signature or a key.
    pub fn proof_parameter(&self) -> Option<&str> {
        self.proof_fields().find_map(|field| match field {
            Field::Query(name) => Some(&**name),
            _ => None,
        })
    }

    /// Whether a signature or a key is in the body.
    pub fn proves_in_body(&self) -> bool {
        self.proof_fields()
            .any(|field| !matches!(field, Field::Query(_)))
    }

    /// The preset with these keys. The URL counts only if the signature covers it.
    pub fn provider(
        &self,
        keys: impl Into<Keys>,
        url: &str,
    ) -> Result<Provider<Bytes>, ConfigError> {
        let url = match self.sender.needs_url {
            true => Some(SignedUrl::exact(url)?),
            false => None,
        };
        self.sender.provider(keys, url)
    }
}

/// What a header holds for any sender of the catalogue: a key counts more than a signature.
pub fn any_role(name: &HeaderName) -> Option<HeaderRole> {
    static ROLES: LazyLock<HashMap<HeaderName, HeaderRole>> = LazyLock::new(|| {
        let mut roles = HashMap::new();
        for role in [HeaderRole::Signature, HeaderRole::Key] {
            let headers = entries().iter().flat_map(|entry| entry.headers(role));
            roles.extend(headers.map(|name| (name.clone(), role)));
        }
        roles
    });
    ROLES.get(name).copied()
}

/// The senders whose signature or key is in the headers. Those whose other headers are there, too, come first.
pub fn seen_in(headers: &HeaderMap) -> Vec<&'static Entry> {
    let mut seen: Vec<(usize, &'static Entry)> = Vec::new();
    for entry in entries() {
        // Many clients send it for other reasons.
        let mut proofs = entry
            .proof_headers()
            .filter(|name| **name != header::AUTHORIZATION);
        if proofs.any(|name| headers.contains_key(name)) {
            let others = entry.ways.iter().flat_map(|way| &way.headers);
            let others = others
                .filter(|(_, name)| headers.contains_key(name))
                .count();
            seen.push((others, entry));
        }
    }
    seen.sort_by_key(|(others, entry)| (usize::MAX - others, entry.sender.name));
    seen.into_iter().map(|(_, entry)| entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sender_is_found_by_its_name_and_has_a_way() {
        assert!(entries().len() >= 230);
        for entry in entries() {
            let found = find(entry.sender.name).expect(entry.sender.name);
            assert_eq!(found.sender.name, entry.sender.name);
            assert!(!entry.ways.is_empty(), "{}", entry.sender.name);
        }
        assert!(find("no sender").is_none());
    }

    #[test]
    fn only_public_keys_and_schemes_in_code_cannot_sign() {
        for entry in entries() {
            let expected = !matches!(entry.proof(), Proof::Custom | Proof::PublicKey);
            assert_eq!(entry.can_sign, expected, "{}", entry.sender.name);
        }
    }

    #[test]
    fn a_sender_is_seen_by_its_signature_and_its_other_headers_decide() {
        let mut headers = HeaderMap::new();
        let value = http::HeaderValue::from_static("1");
        headers.insert("x-hub-signature-256", value.clone());
        headers.insert("x-github-event", value.clone());
        assert_eq!(
            seen_in(&headers).first().map(|entry| entry.sender.name),
            Some("github")
        );
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, value);
        assert!(seen_in(&headers).is_empty());
    }
}
