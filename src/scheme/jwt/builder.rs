//! [`JwtScheme`]: how a sender signs with a JWT, described as data and checked when it is built.

use std::{sync::Arc, time::Duration};

use super::{
    Jwt,
    claims::{Binding, Claim, Rules, UrlClaim, Value},
    key::JwtAlgorithm,
    place::{CheckedPlace, TokenPlace},
};
use crate::{
    error::ConfigError,
    scheme::{
        Kind, Scheme,
        key::{KeyEncoding, KeyText},
        signed::BodyDigest,
        timestamp::check_tolerance,
        url::SignedUrl,
    },
};

/// How far `nbf` may be in the future if [`JwtScheme::leeway`] is not called.
const DEFAULT_LEEWAY: Duration = Duration::from_secs(60);

/// How a sender proves its deliveries with a JSON Web Token
/// ([RFC 7519](https://www.rfc-editor.org/rfc/rfc7519)), as data.
///
/// A constructor names the algorithm and the place of the token. The token never selects the algorithm.
/// By default a token must have an expiry `exp` and must be bound to the body. Call
/// [`body_hash`](Self::body_hash) with the claim that has a hash of the body.
///
/// ```
/// use std::time::Duration;
/// use tower_webhook_auth::{BodyDigest, JwtScheme, SignedUrl, TokenPlace};
///
/// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
/// // Upstash QStash
/// let qstash = JwtScheme::hs256("Upstash-Signature")
///     .issuer("Upstash")
///     .url_claim("sub")
///     .url(SignedUrl::exact("https://example.com/qstash")?)
///     .body_hash("body", BodyDigest::Sha256Base64Url)
///     .build()?;
/// // Vonage
/// let vonage = JwtScheme::hs256(TokenPlace::authorization("Bearer"))
///     .issuer("Vonage")
///     .max_age(Duration::from_secs(300))
///     .body_hash("payload_hash", BodyDigest::Sha256Hex)
///     .body_hash_absent_if_empty()
///     .build()?;
/// # let _ = (qstash, vonage);
///
/// // A scheme that cannot be right is an error that says why.
/// let unsafe_ = JwtScheme::hs256("Acme-Token").build();
/// assert_eq!(
///     unsafe_.unwrap_err().to_string(),
///     "nothing binds the token to the body: call .body_hash(…) with the claim that has a hash of the \
///      body, or `accept_unsigned_body`",
/// );
/// # Ok(())
/// # }
/// ```
///
/// A token is rejected if:
///
/// - its header names another algorithm, `none` among them, or contains `crit` or `b64`. A key or the
///   address of a key in the header (`jwk`, `jku`, `x5c`, `x5u`) is ignored;
/// - it does not have exactly three parts in base64url, without padding and without unused bits;
/// - a member of its header or a claim appears twice;
/// - `exp` is over, or `nbf` is more than the [leeway](Self::leeway) in the future. Both are checked where
///   they are present;
/// - it has more than 8 KiB in a header, or more than 256 KiB in the body;
/// - its header or its claims have more than 1,000 members.
///
/// A token in a header is verified before the body is read.
#[derive(Clone, Debug)]
#[must_use = "a description does nothing until it is built"]
pub struct JwtScheme {
    algorithms: Vec<JwtAlgorithm>,
    place: TokenPlace,
    issuers: Vec<String>,
    audience: Option<String>,
    claims: Vec<(String, Value)>,
    url: Option<SignedUrl>,
    url_claims: Vec<(String, Option<BodyDigest>)>,
    body_hash: Option<(String, BodyDigest)>,
    absent_if_empty: bool,
    unsigned_body: bool,
    max_age: Option<Duration>,
    any_age: bool,
    leeway: Duration,
    id: Option<String>,
    key: KeyText,
}

impl JwtScheme {
    fn new(algorithms: impl Into<Vec<JwtAlgorithm>>, place: impl Into<TokenPlace>) -> Self {
        Self {
            algorithms: algorithms.into(),
            place: place.into(),
            issuers: Vec::new(),
            audience: None,
            claims: Vec::new(),
            url: None,
            url_claims: Vec::new(),
            body_hash: None,
            absent_if_empty: false,
            unsigned_body: false,
            max_age: None,
            any_age: false,
            leeway: DEFAULT_LEEWAY,
            id: None,
            key: KeyText::default(),
        }
    }

    /// HMAC-SHA256 ([RFC 7518 section 3.2](https://www.rfc-editor.org/rfc/rfc7518#section-3.2)). A text is the
    /// name of the header with the token.
    pub fn hs256(place: impl Into<TokenPlace>) -> Self {
        Self::new([JwtAlgorithm::Hs256], place)
    }

    /// HMAC-SHA384.
    pub fn hs384(place: impl Into<TokenPlace>) -> Self {
        Self::new([JwtAlgorithm::Hs384], place)
    }

    /// HMAC-SHA512.
    pub fn hs512(place: impl Into<TokenPlace>) -> Self {
        Self::new([JwtAlgorithm::Hs512], place)
    }

    /// HMAC with SHA-256, SHA-384 or SHA-512, for a sender that lets its customers choose. The same secret is
    /// the key of all three, and they are equally hard to forge, so the token may say which one it uses.
    pub fn any_hmac(place: impl Into<TokenPlace>) -> Self {
        let all = [
            JwtAlgorithm::Hs256,
            JwtAlgorithm::Hs384,
            JwtAlgorithm::Hs512,
        ];
        Self::new(all, place)
    }

    /// ECDSA over P-256 with SHA-256. The "secret" is the sender's public key: PEM with
    /// [`Secret::from_pem`](crate::Secret::from_pem), a JWK ([RFC 7517](https://www.rfc-editor.org/rfc/rfc7517)),
    /// keys of a [`JwkSet`](crate::JwkSet), or a SubjectPublicKeyInfo in the encoding of
    /// [`key_encoding`](Self::key_encoding). The default encoding is base64. A provider may have at most 16 public
    /// keys.
    #[cfg(feature = "ecdsa-p256")]
    #[cfg_attr(docsrs, doc(cfg(feature = "ecdsa-p256")))]
    pub fn es256(place: impl Into<TokenPlace>) -> Self {
        Self::new([JwtAlgorithm::Es256], place).public_key()
    }

    /// Ed25519 ([RFC 8037](https://www.rfc-editor.org/rfc/rfc8037)). The "secret" is the sender's public key, as for
    /// `es256`. In an encoding it may also be the 32 bytes alone. A provider may have at most 16 public keys.
    #[cfg(feature = "ed25519")]
    #[cfg_attr(docsrs, doc(cfg(feature = "ed25519")))]
    pub fn eddsa(place: impl Into<TokenPlace>) -> Self {
        Self::new([JwtAlgorithm::EdDsa], place).public_key()
    }

    /// RSA PKCS#1 v1.5 with SHA-256. The "secret" is the sender's public key, as for `es256`, with 2,048 to 4,096
    /// bits. A provider may have at most 8 public keys.
    #[cfg(feature = "rsa")]
    #[cfg_attr(docsrs, doc(cfg(feature = "rsa")))]
    pub fn rs256(place: impl Into<TokenPlace>) -> Self {
        Self::new([JwtAlgorithm::Rs256], place).public_key()
    }

    /// The same as [`rs256`](Self::rs256) with SHA-384.
    #[cfg(feature = "rsa")]
    #[cfg_attr(docsrs, doc(cfg(feature = "rsa")))]
    pub fn rs384(place: impl Into<TokenPlace>) -> Self {
        Self::new([JwtAlgorithm::Rs384], place).public_key()
    }

    /// The same as [`rs256`](Self::rs256) with SHA-512.
    #[cfg(feature = "rsa")]
    #[cfg_attr(docsrs, doc(cfg(feature = "rsa")))]
    pub fn rs512(place: impl Into<TokenPlace>) -> Self {
        Self::new([JwtAlgorithm::Rs512], place).public_key()
    }

    #[cfg(any(feature = "ecdsa-p256", feature = "ed25519", feature = "rsa"))]
    fn public_key(self) -> Self {
        self.key_encoding(KeyEncoding::Base64)
    }

    /// The claim `iss` must have this value. A second call adds another value that is accepted.
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuers.push(issuer.into());
        self
    }

    /// The claim `aud` must be this value, or a list that contains it.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = Some(audience.into());
        self
    }

    /// The claim `sub` must have this value.
    pub fn subject(self, subject: impl Into<String>) -> Self {
        self.claim("sub", subject)
    }

    /// A claim that must have this text as its value.
    pub fn claim(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.claims
            .push((name.into(), Value::OneOf(vec![value.into()])));
        self
    }

    /// A claim that must be `true`, such as `email_verified`.
    pub fn claim_true(mut self, name: impl Into<String>) -> Self {
        self.claims.push((name.into(), Value::Bool(true)));
        self
    }

    /// A claim that must be present, with any value but `null`.
    ///
    /// Use it for a claim that the sender puts only into the tokens of deliveries. Many services sign the
    /// tokens of their users with the same keys.
    pub fn claim_present(mut self, name: impl Into<String>) -> Self {
        self.claims.push((name.into(), Value::Present));
        self
    }

    /// A claim that must be the URL which the sender calls. Call [`url`](Self::url), too.
    pub fn url_claim(mut self, name: impl Into<String>) -> Self {
        self.url_claims.push((name.into(), None));
        self
    }

    /// A claim that must be a hash of the URL which the sender calls. Call [`url`](Self::url), too.
    pub fn url_hash(mut self, name: impl Into<String>, form: BodyDigest) -> Self {
        self.url_claims.push((name.into(), Some(form)));
        self
    }

    /// The URL of [`url_claim`](Self::url_claim) and [`url_hash`](Self::url_hash).
    pub fn url(mut self, url: SignedUrl) -> Self {
        self.url = Some(url);
        self
    }

    /// The claim that has a hash of the body. A token without it is rejected.
    ///
    /// The case of hexadecimal digits and the padding of base64 do not matter.
    pub fn body_hash(mut self, claim: impl Into<String>, form: BodyDigest) -> Self {
        self.body_hash = Some((claim.into(), form));
        self
    }

    /// The sender leaves out the claim of [`body_hash`](Self::body_hash) if the body is empty. Then it must be
    /// absent exactly if the body is empty.
    pub fn body_hash_absent_if_empty(mut self) -> Self {
        self.absent_if_empty = true;
        self
    }

    /// Accepts a token that does not cover the body. Google Pub/Sub, Monday and Zoho send such tokens.
    ///
    /// Such a token proves that the sender made it for you. It proves nothing about the body: a person who has
    /// a token can send any body with it until it expires. So use TLS, and treat the body as a hint.
    /// [`Verified::authentication`](crate::Verified::authentication) says
    /// [`Token`](crate::Authentication::Token), and
    /// [`Verified::body_is_signed`](crate::Verified::body_is_signed) is `false`.
    pub fn accept_unsigned_body(mut self) -> Self {
        self.unsigned_body = true;
        self
    }

    /// The claim `iat`, the time of signing, is required. It may be this far in the past or in the future.
    ///
    /// An expiry `exp` is then not required. It is still checked where it is present. An age of 0 is an error.
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.max_age = Some(max_age);
        self
    }

    /// Accepts a token without an expiry. A person who has seen a delivery can send it again without a time
    /// limit, so your handler must recognise repeated deliveries. An expiry is still checked where it is
    /// present.
    pub fn accept_any_age(mut self) -> Self {
        self.any_age = true;
        self
    }

    /// How far `nbf`, the time at which a token begins to be valid, may be in the future. Senders write the
    /// time of signing there, and the clocks of two machines differ. The default is 60 seconds.
    ///
    /// `exp` has no leeway.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// The claim with the id of the delivery, such as `jti`. A token without it is rejected. The id is
    /// [signed](crate::Claim::Signed).
    pub fn id_claim(mut self, name: impl Into<String>) -> Self {
        self.id = Some(name.into());
        self
    }

    /// How the key is written in the secret's text. The default is [`KeyEncoding::Text`] for a MAC, and
    /// [`KeyEncoding::Base64`] for a public key.
    pub fn key_encoding(mut self, encoding: KeyEncoding) -> Self {
        self.key.encoding = encoding;
        self
    }

    /// A prefix of the secret's text that is not part of the key. A secret without the prefix is used
    /// unchanged.
    pub fn key_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.key.prefix = Some(prefix.into());
        self
    }

    /// Checks the description.
    ///
    /// # Errors
    ///
    /// - Nothing binds the token to the body.
    /// - The keys are public, and no claim distinguishes a delivery from the token of a user.
    /// - A claim must be the URL or its hash, and the URL is not given.
    /// - A claim has no name, or has two rules.
    /// - A text is not the name of a header.
    ///
    /// The message says what to do.
    pub fn build(self) -> Result<Scheme, ConfigError> {
        let contradiction = |text: &'static str| Err(ConfigError::new(text));
        let place = self.place.check()?;
        let in_body = matches!(place, CheckedPlace::Member(_));
        let binding = match self.body_hash {
            _ if in_body && (self.body_hash.is_some() || self.unsigned_body) => {
                return contradiction(
                    "the token is in the body, and the claims are handed on in place of the body: do not call \
                     `body_hash` or `accept_unsigned_body`",
                );
            }
            Some(_) if self.unsigned_body => {
                return contradiction(
                    "`body_hash` and `accept_unsigned_body` were both called: call one of them",
                );
            }
            Some((name, form)) => Binding::Hash {
                claim: Claim::with(&name, " with a hash of the body"),
                form,
                absent_if_empty: self.absent_if_empty,
            },
            None if in_body => Binding::IsToken,
            None if self.unsigned_body => Binding::Nothing,
            None => {
                return contradiction(
                    "nothing binds the token to the body: call .body_hash(…) with the claim that has a hash \
                     of the body, or `accept_unsigned_body`",
                );
            }
        };
        let is_hashed = matches!(binding, Binding::Hash { .. });
        if self.absent_if_empty && !is_hashed {
            return contradiction(
                "`body_hash_absent_if_empty` was called without `body_hash`: call both or none",
            );
        }
        let is_public_key = self.algorithms.iter().any(|one| !one.is_symmetric());
        if is_public_key && !is_hashed && !self.claims.iter().any(distinguishes_deliveries) {
            return contradiction(
                "nothing distinguishes a delivery from the token of a user, who may have one that is signed \
                 with the same key: call `subject`, `claim` or `claim_present` with a claim that only \
                 deliveries have",
            );
        }
        match (&self.url, self.url_claims.is_empty()) {
            (None, false) => {
                return contradiction(
                    "a claim has the URL, but .url(…) was not called: call it with the URL that the sender \
                     calls",
                );
            }
            (Some(_), true) => {
                return contradiction(
                    "`url` was called, but no claim has the URL: call `url_claim` or `url_hash`",
                );
            }
            _ => {}
        }
        check_tolerance(self.max_age)?;
        if self.any_age && self.max_age.is_some() {
            return contradiction(
                "`max_age` and `accept_any_age` were both called: call one of them",
            );
        }
        if self.id.is_some() && matches!(binding, Binding::Nothing) {
            return contradiction(
                "the body is not signed, so the id of a token is not that of a delivery: do not call \
                 `id_claim`",
            );
        }
        let registered = ["aud", "exp", "iat", "iss", "nbf"];
        if let Some((name, _)) = self
            .claims
            .iter()
            .find(|(name, _)| registered.contains(&name.as_str()))
        {
            return Err(ConfigError::new(format!(
                "the claim {name:?} has a method of its own: call `issuer`, `audience` or `max_age`"
            )));
        }
        self.key.check()?;
        let mut fixed = Vec::new();
        if !self.issuers.is_empty() {
            fixed.push(("iss".to_owned(), Value::OneOf(self.issuers)));
        }
        fixed.extend(self.claims);
        let rules = Rules {
            audience: self.audience.map(|audience| {
                let claim = Claim::with("aud", &format!(" with {audience:?}"));
                (claim, audience)
            }),
            binding,
            expiry: (self.max_age.is_none() && !self.any_age).then(|| Claim::new("exp")),
            fixed: fixed
                .into_iter()
                .map(|(name, value)| {
                    let shown = match &value {
                        Value::Bool(value) => format!(" with the value {value}"),
                        Value::OneOf(texts) => format!(" with {}", quoted(texts)),
                        Value::Present => String::new(),
                    };
                    (Claim::with(&name, &shown), value)
                })
                .collect(),
            id: self
                .id
                .map(|name| Claim::with(&name, " with visible ASCII characters")),
            leeway: self.leeway,
            max_age: self.max_age.map(|max_age| (Claim::new("iat"), max_age)),
            url: self.url,
            url_claims: self
                .url_claims
                .into_iter()
                .map(|(name, digest)| UrlClaim {
                    claim: Claim::with(&name, " with the URL that the sender calls"),
                    digest,
                })
                .collect(),
        };
        check_names(&rules)?;
        Ok(Scheme(Kind::Jwt(Arc::new(Jwt {
            algorithms: self.algorithms,
            place,
            rules,
            key: self.key,
        }))))
    }
}

/// Whether the token of a user does not have this claim. In such a token, `sub` is the user and `jti` is its id,
/// and a claim that is `true` in a delivery may also be `true`.
fn distinguishes_deliveries((name, value): &(String, Value)) -> bool {
    match value {
        Value::Bool(_) => false,
        Value::OneOf(_) => name != "jti",
        Value::Present => name != "jti" && name != "sub",
    }
}

fn quoted(texts: &[String]) -> String {
    let texts: Vec<_> = texts.iter().map(|text| format!("{text:?}")).collect();
    texts.join(" or ")
}

/// Each claim has one rule. With two rules, one of them would be easy to overlook.
fn check_names(rules: &Rules) -> Result<(), ConfigError> {
    let hash = match &rules.binding {
        Binding::Hash { claim, .. } => Some(claim),
        Binding::IsToken | Binding::Nothing => None,
    };
    let fixed = rules.fixed.iter().map(|(claim, _)| claim);
    let urls = rules.url_claims.iter().map(|url| &url.claim);
    let mut seen: Vec<&str> = vec!["exp", "iat", "nbf"];
    if rules.audience.is_some() {
        seen.push("aud");
    }
    for claim in fixed.chain(urls).chain(hash).chain(&rules.id) {
        let name = claim.name.as_str();
        if name.is_empty() {
            return Err(ConfigError::new(
                "the name of a claim is empty: write the name that the sender uses",
            ));
        }
        if seen.contains(&name) {
            return Err(ConfigError::new(format!(
                "the claim {name:?} has two rules: give each claim one"
            )));
        }
        seen.push(name);
    }
    Ok(())
}
