//! [`HttpSignatureScheme`]: HTTP Message Signatures, [RFC 9421](https://www.rfc-editor.org/rfc/rfc9421), with the
//! `Content-Digest` of [RFC 9530](https://www.rfc-editor.org/rfc/rfc9530).

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use http::{HeaderName, Method};
use sfv::{BareItem, Dictionary, InnerList, KeyRef, ListEntry, ListSerializer, Parser, StringRef};
use sha2::{Digest, Sha256, Sha512};
use subtle::ConstantTimeEq;

#[cfg(feature = "rsa")]
use super::rsa::{RsaHash, RsaKey};
use super::{
    CustomCheck, CustomClaims, CustomFacts, CustomHead, CustomRejection, CustomScheme, KeyEncoding,
    Kind, Scheme, SignedUrl,
    custom::Custom,
    headers,
    key::KeyText,
    mac::{Algorithm, Candidates, Verifier},
    timestamp::check_tolerance,
};
use crate::{
    error::{BoxError, ConfigError},
    secret::Secret,
    text,
};

static INPUT: HeaderName = HeaderName::from_static("signature-input");
static SIGNATURE: HeaderName = HeaderName::from_static("signature");
static DIGEST: HeaderName = HeaderName::from_static("content-digest");

/// Each costs an operation for each key.
const MOST_SIGNATURES: usize = 4;

/// Pairs of a signature and a key.
const MOST_OPERATIONS: usize = 8;

/// More than any sender covers.
const MOST_COMPONENTS: usize = 32;

const TOLERANCE: Duration = Duration::from_secs(300);

/// HTTP Message Signatures ([RFC 9421](https://www.rfc-editor.org/rfc/rfc9421)), as data.
///
/// The sender lists what it signs in `Signature-Input`. Any client can write that list, so the receiver
/// must say what has to be in it: [`require`](Self::require). The default is `@method`, `@target-uri` and
/// `content-digest`. A signature that covers less is rejected. A covered `content-digest` is compared with the body
/// ([RFC 9530](https://www.rfc-editor.org/rfc/rfc9530), `sha-256` and `sha-512`).
///
/// ```
/// use tower_webhook_auth::{HttpSignatureScheme, Provider, Secret, SignedUrl};
///
/// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
/// let scheme = HttpSignatureScheme::hmac_sha256()
///     .url(SignedUrl::exact("https://example.com/webhooks/acme")?)
///     .build()?;
/// let secret = Secret::new("uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==")?;
/// let acme = Provider::new("acme", scheme, secret)?;
/// # let _ = acme;
/// # Ok(())
/// # }
/// ```
///
/// - The algorithm is that of the constructor. The parameter `alg` of a signature does not choose it: a signature
///   with another `alg` is rejected.
/// - `created` is required, and is compared with the clock, with a [`tolerance`](Self::tolerance) of 5 minutes. A
///   signature is rejected after its `expires`.
/// - Components: `@method`, `@target-uri`, `@authority`, `@scheme`, `@path`, `@query`, `@request-target` and the
///   names of headers, each without parameters such as `;sf`, `;bs`, `;req` and `;name`. A signature that covers
///   another component is rejected. A covered header must appear once.
/// - The URL is the one of [`url`](Self::url), never one from `Host` or `X-Forwarded-Host`.
/// - A request may have 4 signatures. One that fits and matches is enough. Signatures times keys are at most 8.
/// - The keys are all tried: `keyid` does not choose one. A provider may have 8 keys.
///
/// [`Verified::authentication`](crate::Verified::authentication) is `Signature` if `content-digest` is required, and
/// otherwise `PartialSignature`: the body is then not signed.
#[derive(Clone, Debug)]
#[must_use = "a description does nothing until it is built"]
pub struct HttpSignatureScheme {
    algorithm: HttpAlgorithm,
    required: Vec<String>,
    url: Option<SignedUrl>,
    label: Option<String>,
    tag: Option<String>,
    tolerance: Option<Duration>,
    nonce: bool,
    key: KeyEncoding,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HttpAlgorithm {
    #[cfg(feature = "ecdsa-p256")]
    EcdsaP256Sha256,
    #[cfg(feature = "ed25519")]
    Ed25519,
    HmacSha256,
    #[cfg(feature = "rsa")]
    RsaPssSha512,
    #[cfg(feature = "rsa")]
    RsaV15Sha256,
}

impl HttpAlgorithm {
    /// The name in the registry of RFC 9421, section 6.2.2.
    fn name(self) -> &'static str {
        match self {
            #[cfg(feature = "ecdsa-p256")]
            Self::EcdsaP256Sha256 => "ecdsa-p256-sha256",
            #[cfg(feature = "ed25519")]
            Self::Ed25519 => "ed25519",
            Self::HmacSha256 => "hmac-sha256",
            #[cfg(feature = "rsa")]
            Self::RsaPssSha512 => "rsa-pss-sha512",
            #[cfg(feature = "rsa")]
            Self::RsaV15Sha256 => "rsa-v1_5-sha256",
        }
    }

    fn title(self) -> &'static str {
        match self {
            #[cfg(feature = "ecdsa-p256")]
            Self::EcdsaP256Sha256 => "HTTP Message Signatures with ecdsa-p256-sha256",
            #[cfg(feature = "ed25519")]
            Self::Ed25519 => "HTTP Message Signatures with ed25519",
            Self::HmacSha256 => "HTTP Message Signatures with hmac-sha256",
            #[cfg(feature = "rsa")]
            Self::RsaPssSha512 => "HTTP Message Signatures with rsa-pss-sha512",
            #[cfg(feature = "rsa")]
            Self::RsaV15Sha256 => "HTTP Message Signatures with rsa-v1_5-sha256",
        }
    }

    /// `None` for PSS, which has a function of its own.
    fn algorithm(self) -> Option<Algorithm> {
        match self {
            #[cfg(feature = "ecdsa-p256")]
            Self::EcdsaP256Sha256 => Some(Algorithm::EcdsaP256),
            #[cfg(feature = "ed25519")]
            Self::Ed25519 => Some(Algorithm::Ed25519),
            Self::HmacSha256 => Some(Algorithm::HmacSha256),
            #[cfg(feature = "rsa")]
            Self::RsaPssSha512 => None,
            #[cfg(feature = "rsa")]
            Self::RsaV15Sha256 => Some(Algorithm::Rsa(RsaHash::Sha256)),
        }
    }
}

impl HttpSignatureScheme {
    fn new(algorithm: HttpAlgorithm) -> Self {
        Self {
            algorithm,
            required: ["@method", "@target-uri", "content-digest"]
                .map(String::from)
                .into(),
            url: None,
            label: None,
            tag: None,
            tolerance: Some(TOLERANCE),
            nonce: false,
            key: KeyEncoding::Base64,
        }
    }

    /// `hmac-sha256`.
    pub fn hmac_sha256() -> Self {
        Self::new(HttpAlgorithm::HmacSha256)
    }

    /// `ed25519`. The key is the public key of 32 bytes, or a SubjectPublicKeyInfo.
    #[cfg(feature = "ed25519")]
    #[cfg_attr(docsrs, doc(cfg(feature = "ed25519")))]
    pub fn ed25519() -> Self {
        Self::new(HttpAlgorithm::Ed25519)
    }

    /// `ecdsa-p256-sha256`. The key is a SubjectPublicKeyInfo. The signature is `r` and `s`, not DER.
    #[cfg(feature = "ecdsa-p256")]
    #[cfg_attr(docsrs, doc(cfg(feature = "ecdsa-p256")))]
    pub fn ecdsa_p256_sha256() -> Self {
        Self::new(HttpAlgorithm::EcdsaP256Sha256)
    }

    /// `rsa-v1_5-sha256`. The key is a SubjectPublicKeyInfo, as in
    /// [`rsa_pkcs1_sha256`](crate::SignatureScheme::rsa_pkcs1_sha256).
    #[cfg(feature = "rsa")]
    #[cfg_attr(docsrs, doc(cfg(feature = "rsa")))]
    pub fn rsa_v1_5_sha256() -> Self {
        Self::new(HttpAlgorithm::RsaV15Sha256)
    }

    /// `rsa-pss-sha512`, with a salt of 64 bytes. The key is a SubjectPublicKeyInfo of `rsaEncryption`.
    #[cfg(feature = "rsa")]
    #[cfg_attr(docsrs, doc(cfg(feature = "rsa")))]
    pub fn rsa_pss_sha512() -> Self {
        Self::new(HttpAlgorithm::RsaPssSha512)
    }

    /// The components that a signature must cover, in any order. It replaces the default. A signature may
    /// cover more.
    ///
    /// Without `content-digest`, the body is not signed: an attacker who has seen a request can replace it.
    pub fn require<C: Into<String>>(mut self, components: impl IntoIterator<Item = C>) -> Self {
        self.required = components.into_iter().map(Into::into).collect();
        self
    }

    /// The URL that the sender calls, for the components that are a part of it. A request does not contain it,
    /// and a proxy may change the path.
    pub fn url(mut self, url: SignedUrl) -> Self {
        self.url = Some(url);
        self
    }

    /// Only the signature with this label counts, such as `sig1`.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// The parameter `tag` must have this value. It names the application for which a signature was made.
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tag = Some(tag.into());
        self
    }

    /// The parameter `nonce` is required. It is the signed [id](crate::Verified::delivery_id) of the delivery.
    pub fn nonce_is_id(mut self) -> Self {
        self.nonce = true;
        self
    }

    /// How far `created` may be from now. The default is 5 minutes.
    pub fn tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = Some(tolerance);
        self
    }

    /// `created` may be absent, and any age is accepted: a request can be sent again at any time before its
    /// `expires`.
    pub fn accept_any_age(mut self) -> Self {
        self.tolerance = None;
        self
    }

    /// How the key is written in the secret's text. The default is [`KeyEncoding::Base64`], which
    /// [`Secret::from_pem`](crate::Secret::from_pem) needs.
    pub fn key_encoding(mut self, encoding: KeyEncoding) -> Self {
        self.key = encoding;
        self
    }

    /// Checks the description.
    ///
    /// # Errors
    ///
    /// - A component is not one that this scheme can derive, or is named twice, or there are more than 32.
    /// - A part of the URL is required, and [`url`](Self::url) was not called.
    /// - The label is not the key of a dictionary of RFC 9651, or the tag is not ASCII.
    pub fn build(self) -> Result<Scheme, ConfigError> {
        check_tolerance(self.tolerance)?;
        if self.required.len() > MOST_COMPONENTS {
            return Err(ConfigError::new(format!(
                "{} components are required, and a signature may cover at most {MOST_COMPONENTS}: require fewer",
                self.required.len(),
            )));
        }
        let mut required = Vec::new();
        for name in &self.required {
            let component = Component::new(name).ok_or_else(|| {
                ConfigError::new(format!(
                    "{name:?} is not a component that this scheme can derive: use a part of the request, such as \
                     \"@method\", or the name of a header in lower case"
                ))
            })?;
            if required.contains(&component) {
                return Err(ConfigError::new(format!(
                    "the component {name:?} is required twice"
                )));
            }
            if component.is_of_url() && self.url.is_none() {
                return Err(ConfigError::new(format!(
                    "{name:?} is required, but .url(…) was not called: call it with the URL that the sender \
                     calls"
                )));
            }
            required.push(component);
        }
        if let Some(label) = &self.label {
            text::check_name("the label", label)?;
            if KeyRef::from_str(label).is_err() {
                return Err(ConfigError::new(format!(
                    "{label:?} cannot be a label: use letters of lower case, digits, '_', '-', '.' and '*'"
                )));
            }
        }
        if let Some(tag) = &self.tag
            && StringRef::from_str(tag).is_err()
        {
            return Err(ConfigError::new(format!(
                "the tag {tag:?} has characters that are not visible ASCII"
            )));
        }
        let scheme = HttpSignature(Arc::new(Checked {
            required,
            scheme: self,
        }));
        #[cfg_attr(
            not(feature = "testing"),
            expect(unused_mut, reason = "only a signer is added")
        )]
        let mut custom = Custom::new(scheme.clone()).with_placeholder::<HttpSignature>({
            let scheme = scheme.clone();
            move || scheme.placeholder_key()
        });
        #[cfg(feature = "testing")]
        {
            custom.signer = Some(scheme);
        }
        Ok(Scheme(Kind::Custom(Arc::new(custom))))
    }
}

/// A [`HttpSignatureScheme`] that was checked.
#[derive(Clone)]
pub(crate) struct HttpSignature(Arc<Checked>);

struct Checked {
    required: Vec<Component>,
    scheme: HttpSignatureScheme,
}

/// A part of the request that can be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Component {
    Authority,
    Header(HeaderName),
    Method,
    Path,
    Query,
    RequestTarget,
    Scheme,
    TargetUri,
}

impl Component {
    fn new(name: &str) -> Option<Self> {
        Some(match name {
            "@authority" => Self::Authority,
            "@method" => Self::Method,
            "@path" => Self::Path,
            "@query" => Self::Query,
            "@request-target" => Self::RequestTarget,
            "@scheme" => Self::Scheme,
            "@target-uri" => Self::TargetUri,
            // A name of upper case would be another component with the same value.
            name if name.bytes().any(|byte| byte.is_ascii_uppercase()) => return None,
            name => {
                let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
                // These two headers contain the signature, so it cannot cover them.
                let is_own = name == SIGNATURE || name == INPUT;
                Self::Header(Some(name).filter(|_| !is_own)?)
            }
        })
    }

    fn name(&self) -> &str {
        match self {
            Self::Authority => "@authority",
            Self::Header(name) => name.as_str(),
            Self::Method => "@method",
            Self::Path => "@path",
            Self::Query => "@query",
            Self::RequestTarget => "@request-target",
            Self::Scheme => "@scheme",
            Self::TargetUri => "@target-uri",
        }
    }

    fn is_of_url(&self) -> bool {
        !matches!(self, Self::Header(_) | Self::Method)
    }
}

/// The parts of the URL that the sender calls.
struct Target {
    uri: String,
    scheme: String,
    authority: String,
    path: String,
    /// With the `?`, also if there is no query.
    query: String,
    /// As it is sent: a `?` without a query stays, and none is added.
    request_target: String,
}

impl Target {
    /// `None` if it is not an absolute URL.
    fn new(url: Vec<u8>) -> Option<Self> {
        let url = String::from_utf8(url).ok()?;
        let url = url.split('#').next().unwrap_or_default();
        let (scheme, rest) = url.split_once("://")?;
        let (authority, target) = match rest.find(['/', '?']) {
            Some(at) => rest.split_at_checked(at)?,
            None => (rest, ""),
        };
        let scheme = scheme.to_ascii_lowercase();
        let default_port = match &*scheme {
            "https" => ":443",
            "http" => ":80",
            _ => return None,
        };
        // RFC 9421 section 2.2.3: in lower case, without the default port.
        let authority = authority.to_ascii_lowercase();
        let authority = authority.strip_suffix(default_port).unwrap_or(&authority);
        let (path, query) = match target.find('?') {
            Some(at) => target.split_at_checked(at)?,
            None => (target, "?"),
        };
        let slash = if target.starts_with('/') { "" } else { "/" };
        Some(Self {
            request_target: format!("{slash}{target}"),
            uri: url.to_owned(),
            scheme,
            authority: authority.to_owned(),
            path: if path.is_empty() { "/" } else { path }.to_owned(),
            query: query.to_owned(),
        })
    }
}

/// What a request says, without the signatures.
struct Message<'a> {
    method: &'a Method,
    headers: &'a http::HeaderMap,
    target: Option<Target>,
}

impl Message<'_> {
    /// `None` if the component is not in the request, or appears several times.
    fn value(&self, component: &Component) -> Option<String> {
        let target = self.target.as_ref();
        match component {
            Component::Authority => Some(target?.authority.clone()),
            Component::Header(name) => {
                let value = headers::single(self.headers, name).ok()??.to_str().ok()?;
                Some(value.trim_matches([' ', '\t']).to_owned())
            }
            Component::Method => Some(self.method.as_str().to_owned()),
            Component::Path => Some(target?.path.clone()),
            Component::Query => Some(target?.query.clone()),
            Component::RequestTarget => Some(target?.request_target.clone()),
            Component::Scheme => Some(target?.scheme.clone()),
            Component::TargetUri => Some(target?.uri.clone()),
        }
    }

    /// The signature base, [RFC 9421 section 2.5](https://www.rfc-editor.org/rfc/rfc9421#section-2.5).
    fn base(&self, covered: &[Component], parameters: &str) -> Option<Vec<u8>> {
        let mut base = String::new();
        for component in covered {
            let value = self.value(component)?;
            base.push_str(&format!("\"{}\": {value}\n", component.name()));
        }
        base.push_str(&format!("\"@signature-params\": {parameters}"));
        Some(base.into_bytes())
    }
}

/// A signature that fits the scheme.
struct Candidate {
    base: Vec<u8>,
    signature: Vec<u8>,
    claims: CustomClaims,
    covers_digest: bool,
}

/// Why a signature does not fit the scheme.
enum Unfit {
    /// Say so to the owner.
    Rejected(CustomRejection),
    /// It is one for another purpose, such as one with another tag.
    Other,
}

impl Checked {
    fn message<'a>(&self, head: &CustomHead<'a>) -> Result<Message<'a>, CustomRejection> {
        let target = match &self.scheme.url {
            Some(url) => Target::new(head.url(url)?),
            None => None,
        };
        Ok(Message {
            method: head.method(),
            headers: head.headers(),
            target,
        })
    }

    fn candidate(
        &self,
        head: &CustomHead<'_>,
        message: &Message<'_>,
        list: &InnerList,
        signature: &[u8],
    ) -> Result<Candidate, Unfit> {
        let malformed =
            |expected| Unfit::Rejected(CustomRejection::header_malformed(&INPUT, expected));
        let text = |name: &str| {
            let value = list.params.get(KeyRef::from_str(name).ok()?)?;
            Some(value.as_string().map(StringRef::as_str))
        };
        if let Some(tag) = &self.scheme.tag
            && text("tag").flatten() != Some(tag)
        {
            return Err(Unfit::Other);
        }
        if text("alg").is_some_and(|alg| alg != Some(self.scheme.algorithm.name())) {
            return Err(malformed("the `alg` of the scheme, or none"));
        }
        if list.items.len() > MOST_COMPONENTS {
            return Err(malformed("at most 32 components"));
        }
        let mut covered = Vec::new();
        for item in &list.items {
            let name = item.bare_item.as_string();
            let component = name
                .filter(|_| item.params.is_empty())
                .and_then(|name| Component::new(name.as_str()))
                .filter(|component| !covered.contains(component))
                .ok_or_else(|| {
                    malformed("components of this scheme, without parameters, each once")
                })?;
            covered.push(component);
        }
        if !self
            .required
            .iter()
            .all(|required| covered.contains(required))
        {
            return Err(malformed("a signature that covers the required components"));
        }
        let seconds = |name: &str| {
            let Some(value) = KeyRef::from_str(name)
                .ok()
                .and_then(|name| list.params.get(name))
            else {
                return Ok(None);
            };
            let seconds = value.as_integer().map(i64::from);
            let seconds = seconds.and_then(|seconds| u64::try_from(seconds).ok());
            let time = seconds.and_then(|seconds| {
                SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
            });
            time.map(Some)
                .ok_or_else(|| malformed("times in seconds since 1970"))
        };
        let (created, expires) = (seconds("created")?, seconds("expires")?);
        let mut claims = CustomClaims::new();
        match created {
            Some(created) => {
                head.check_time(&INPUT, created).map_err(Unfit::Rejected)?;
                claims = claims.signed_at(created);
            }
            None if self.scheme.tolerance.is_some() => {
                return Err(malformed("the parameter `created`"));
            }
            None => {}
        }
        if let Some(expires) = expires {
            check_expiry(expires, head.now()).map_err(Unfit::Rejected)?;
        }
        if self.scheme.nonce {
            let nonce = text("nonce").flatten();
            let nonce = nonce.filter(|nonce| headers::is_readable_id(nonce.as_bytes()));
            claims = claims.id(nonce.ok_or_else(|| malformed("the parameter `nonce`"))?);
        }
        let parameters = serialize(list).ok_or_else(|| malformed("a list of components"))?;
        let base = message.base(&covered, &parameters).ok_or_else(|| {
            malformed("components that are in the request once, and `.url(…)` for parts of the URL")
        })?;
        Ok(Candidate {
            base,
            signature: signature.to_vec(),
            claims,
            covers_digest: covered.contains(&Component::Header(DIGEST.clone())),
        })
    }

    /// The signatures that fit the scheme.
    fn candidates(&self, head: &CustomHead<'_>) -> Result<Vec<Candidate>, CustomRejection> {
        let dictionary = |name: &HeaderName| {
            let value = head.header(name)?;
            let parsed: Option<Dictionary> = Parser::new(value.as_bytes()).parse().ok();
            parsed.ok_or_else(|| {
                CustomRejection::header_malformed(name, "a dictionary of structured fields")
            })
        };
        let inputs = dictionary(&INPUT)?;
        let signatures = dictionary(&SIGNATURE)?;
        let message = self.message(head)?;
        let mut candidates = Vec::new();
        let mut rejection = None;
        for (label, input) in &inputs {
            if self
                .scheme
                .label
                .as_ref()
                .is_some_and(|own| own != label.as_str())
            {
                continue;
            }
            let (ListEntry::InnerList(list), Some(ListEntry::Item(signature))) =
                (input, signatures.get(label))
            else {
                continue;
            };
            let BareItem::ByteSequence(signature) = &signature.bare_item else {
                continue;
            };
            match self.candidate(head, &message, list, signature) {
                // Each holds a copy of all that it covers.
                Ok(_) if candidates.len() == MOST_SIGNATURES => {
                    return Err(CustomRejection::header_malformed(
                        &INPUT,
                        "at most 4 signatures",
                    ));
                }
                Ok(candidate) => candidates.push(candidate),
                Err(Unfit::Rejected(unfit)) => rejection = rejection.or(Some(unfit)),
                Err(Unfit::Other) => {}
            }
        }
        if candidates.is_empty() {
            return Err(rejection.unwrap_or_else(|| {
                CustomRejection::header_malformed(&INPUT, "a signature of this scheme")
            }));
        }
        Ok(candidates)
    }
}

/// Rejects a signature after its `expires`.
fn check_expiry(expires: SystemTime, now: SystemTime) -> Result<(), CustomRejection> {
    if now > expires {
        let nothing = Some(Duration::ZERO);
        return CustomRejection::check_time(Some(&INPUT), expires, now, nothing);
    }
    Ok(())
}

/// The value of `@signature-params`: the list in its canonical form.
fn serialize(list: &InnerList) -> Option<String> {
    let mut serializer = ListSerializer::new();
    let mut inner = serializer.inner_list();
    inner.items(&list.items);
    let _ = inner.finish().parameters(&list.params);
    serializer.finish()
}

/// The digests in `Content-Digest`, and the hashes of the body.
#[derive(Default)]
struct BodyDigests {
    sha256: Option<(Vec<u8>, Sha256)>,
    sha512: Option<(Vec<u8>, Box<Sha512>)>,
}

impl BodyDigests {
    /// `None` without a digest that is known.
    fn read(value: &[u8]) -> Option<Self> {
        let digests: Dictionary = Parser::new(value).parse().ok()?;
        let digest = |name: &str| match digests.get(KeyRef::from_str(name).ok()?)? {
            ListEntry::Item(item) => item.bare_item.as_byte_sequence().map(<[u8]>::to_vec),
            ListEntry::InnerList(_) => None,
        };
        let digests = Self {
            sha256: digest("sha-256").map(|digest| (digest, Sha256::new())),
            sha512: digest("sha-512").map(|digest| (digest, Box::default())),
        };
        (digests.hashers() > 0).then_some(digests)
    }

    fn hashers(&self) -> usize {
        usize::from(self.sha256.is_some()).saturating_add(usize::from(self.sha512.is_some()))
    }

    fn update(&mut self, bytes: &[u8]) {
        if let Some((_, state)) = &mut self.sha256 {
            state.update(bytes);
        }
        if let Some((_, state)) = &mut self.sha512 {
            state.update(bytes);
        }
    }

    /// Whether each known digest is that of the body.
    fn match_body(&mut self) -> bool {
        let sha256 = self.sha256.take();
        let sha256 =
            sha256.is_none_or(|(digest, state)| digest.ct_eq(state.finalize().as_slice()).into());
        let sha512 = self.sha512.take();
        let sha512 =
            sha512.is_none_or(|(digest, state)| digest.ct_eq(state.finalize().as_slice()).into());
        sha256 && sha512
    }
}

/// A key of one of the algorithms.
#[derive(Clone)]
pub(crate) struct HttpKey(Arc<KeyOf>);

enum KeyOf {
    #[cfg(feature = "rsa")]
    Pss(RsaKey),
    Verifier(Algorithm, Verifier),
}

/// A signature that a key may have made. Its signed text is hashed already, because the text would take memory until
/// the body has ended.
enum Attempt {
    #[cfg(feature = "rsa")]
    Pss(RsaKey, Vec<u8>, Vec<u8>),
    Verifier(Verifier, Candidates),
}

impl HttpKey {
    /// `None` if this cannot be a signature of this key.
    fn attempt(&self, base: &[u8], signature: &[u8]) -> Option<Attempt> {
        Some(match &*self.0 {
            #[cfg(feature = "rsa")]
            KeyOf::Pss(key) => Attempt::Pss(
                key.clone(),
                Sha512::digest(base).to_vec(),
                signature.to_vec(),
            ),
            KeyOf::Verifier(algorithm, verifier) => {
                let candidates = Candidates::of_raw(signature, *algorithm)?;
                let mut verifier = verifier.start(&candidates);
                verifier.update(base);
                Attempt::Verifier(verifier, candidates)
            }
        })
    }
}

impl Attempt {
    fn matches(self) -> bool {
        match self {
            #[cfg(feature = "rsa")]
            Self::Pss(key, digest, signature) => key.verifies_pss_sha512(&digest, &signature),
            Self::Verifier(mut verifier, candidates) => verifier.matches(&candidates, b"").into(),
        }
    }
}

pub(crate) struct HttpCheck {
    /// Empty after the keys are known.
    candidates: Vec<Candidate>,
    /// Each attempt has the position of its key.
    attempts: Vec<(usize, CustomClaims, Attempt)>,
    digests: Option<BodyDigests>,
    /// The position of the key that matched.
    matching: Option<usize>,
}

impl HttpSignature {
    /// A key for a tenant that is not known: to verify costs as much as with another key.
    fn placeholder_key(&self) -> Option<HttpKey> {
        let key = match self.0.scheme.algorithm.algorithm() {
            Some(algorithm) => KeyOf::Verifier(algorithm, algorithm.placeholder_key()?),
            #[cfg(feature = "rsa")]
            None => KeyOf::Pss(RsaKey::placeholder()?),
            #[cfg(not(feature = "rsa"))]
            None => return None,
        };
        Some(HttpKey(Arc::new(key)))
    }

    fn key_of(&self, secret: &Secret) -> Result<HttpKey, ConfigError> {
        let scheme = &self.0.scheme;
        let text = KeyText {
            encoding: scheme.key,
            ..KeyText::default()
        };
        let Some(algorithm) = scheme.algorithm.algorithm() else {
            #[cfg(feature = "rsa")]
            {
                let algorithm = Algorithm::Rsa(RsaHash::Sha512);
                let key = RsaKey::from_spki_der(&text.decode(secret, algorithm)?)?;
                return Ok(HttpKey(Arc::new(KeyOf::Pss(key))));
            }
            #[cfg(not(feature = "rsa"))]
            return Err(ConfigError::new("the algorithm has no key"));
        };
        let key = text.decode(secret, algorithm)?;
        #[cfg(feature = "ed25519")]
        let key = match (algorithm, key.strip_prefix(ED25519_SPKI)) {
            (Algorithm::Ed25519, Some(point)) => zeroize::Zeroizing::new(point.to_vec()),
            _ => key,
        };
        if algorithm.is_symmetric() && is_public_key(&key) {
            return Err(ConfigError::new(
                "the secret is a public key, which everyone knows, and hmac-sha256 needs a secret that only the \
                 sender and you have",
            ));
        }
        let verifier = algorithm.key(key)?;
        Ok(HttpKey(Arc::new(KeyOf::Verifier(algorithm, verifier))))
    }
}

/// Whether this begins as a SubjectPublicKeyInfo does: a sequence with the identifier of an algorithm.
fn is_public_key(der: &[u8]) -> bool {
    let rest = match der {
        [0x30, 0x82, _, _, rest @ ..] | [0x30, 0x81, _, rest @ ..] | [0x30, _, rest @ ..] => rest,
        _ => return false,
    };
    matches!(rest, [0x30, _, 0x06, ..])
}

/// What is before the 32 bytes of the key in a SubjectPublicKeyInfo,
/// [RFC 8410 section 4](https://www.rfc-editor.org/rfc/rfc8410#section-4).
#[cfg(feature = "ed25519")]
const ED25519_SPKI: &[u8] = &[
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

impl CustomScheme for HttpSignature {
    type Key = HttpKey;
    type Check = HttpCheck;

    fn facts(&self) -> CustomFacts {
        let Checked { required, scheme } = &*self.0;
        let mut facts = CustomFacts::new([SIGNATURE.clone(), INPUT.clone()]);
        if required.contains(&Component::Header(DIGEST.clone())) {
            facts = facts.body_is_signed();
        }
        if let Some(tolerance) = scheme.tolerance {
            facts = facts.time_is_signed(tolerance);
        }
        if scheme.nonce {
            facts = facts.id_is_signed();
        }
        let signed: Vec<_> = required
            .iter()
            .map(|component| format!("{{{}}}", component.name()))
            .collect();
        facts
            .of_built_in(scheme.algorithm.title(), &signed.join(", "))
            .at_most(MOST_OPERATIONS)
    }

    fn key(&self, secret: &[u8]) -> Result<HttpKey, BoxError> {
        let secret = Secret::of_key(zeroize::Zeroizing::new(secret.to_vec()));
        Ok(self.key_of(&secret)?)
    }

    fn begin(&self, head: &CustomHead<'_>) -> Result<HttpCheck, CustomRejection> {
        let candidates = self.0.candidates(head)?;
        let digests = match candidates.iter().any(|candidate| candidate.covers_digest) {
            false => None,
            true => {
                let digests = BodyDigests::read(head.header(&DIGEST)?.as_bytes());
                let expected = "`sha-256` or `sha-512` of the body";
                Some(digests.ok_or_else(|| CustomRejection::header_malformed(&DIGEST, expected))?)
            }
        };
        Ok(HttpCheck {
            candidates,
            attempts: Vec::new(),
            digests,
            matching: None,
        })
    }
}

impl CustomCheck for HttpCheck {
    type Key = HttpKey;

    fn start(&mut self, keys: &[HttpKey]) {
        let candidates = std::mem::take(&mut self.candidates);
        if keys.len().saturating_mul(candidates.len()) > MOST_OPERATIONS {
            return;
        }
        for (place, key) in keys.iter().enumerate() {
            for Candidate {
                base,
                signature,
                claims,
                ..
            } in &candidates
            {
                let attempt = key.attempt(base, signature);
                let attempt = attempt.map(|attempt| (place, claims.clone(), attempt));
                self.attempts.extend(attempt);
            }
        }
    }

    fn hashers(&self) -> usize {
        self.digests.as_ref().map_or(0, BodyDigests::hashers)
    }

    fn update(&mut self, bytes: &[u8]) {
        if let Some(digests) = &mut self.digests {
            digests.update(bytes);
        }
    }

    fn finish(&mut self, _: &[u8]) -> Result<CustomClaims, CustomRejection> {
        let attempts = std::mem::take(&mut self.attempts);
        if !self.digests.as_mut().is_none_or(BodyDigests::match_body) {
            return Err(CustomRejection::mismatch());
        }
        for (place, claims, attempt) in attempts {
            if attempt.matches() {
                self.matching = Some(place);
                return Ok(claims);
            }
        }
        Err(CustomRejection::mismatch())
    }

    fn matches(&mut self, _: &HttpKey, place: usize) -> bool {
        self.matching == Some(place)
    }
}

#[cfg(feature = "testing")]
mod sign {
    use data_encoding::BASE64;
    use http::{HeaderValue, request::Parts};

    use super::*;

    impl HttpSignature {
        /// Whether this secret is a key that signs.
        pub(crate) fn check_signing(&self, secret: &Secret) -> Result<(), ConfigError> {
            if self.0.scheme.algorithm != HttpAlgorithm::HmacSha256 {
                return Err(ConfigError::new(
                    "a public key cannot sign: use an algorithm with a shared secret",
                ));
            }
            self.key_of(secret).map(drop)
        }

        /// Adds `Content-Digest` if it is required, `Signature-Input` and `Signature`.
        pub(crate) fn sign(
            &self,
            secret: &Secret,
            head: &mut Parts,
            body: &[u8],
            time: SystemTime,
            id: &str,
        ) -> Result<(), ConfigError> {
            let Checked { required, scheme } = &*self.0;
            let cannot =
                |what: &str| ConfigError::new(format!("the request cannot be signed: {what}"));
            let header = |text: &str| {
                HeaderValue::from_str(text).map_err(|_| cannot("a value is not visible ASCII"))
            };
            if required.contains(&Component::Header(DIGEST.clone())) {
                let digest = BASE64.encode(&Sha256::digest(body));
                head.headers
                    .insert(DIGEST.clone(), header(&format!("sha-256=:{digest}:"))?);
            }
            let created = time
                .duration_since(SystemTime::UNIX_EPOCH)
                .unwrap_or_default();
            let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
            let names: Vec<_> = required
                .iter()
                .map(|component| format!("\"{}\"", component.name()))
                .collect();
            let mut parameters = format!("({});created={}", names.join(" "), created.as_secs());
            if scheme.nonce {
                parameters.push_str(&format!(";nonce=\"{}\"", quoted(id)));
            }
            if let Some(tag) = &scheme.tag {
                parameters.push_str(&format!(";tag=\"{}\"", quoted(tag)));
            }
            let facts = CustomFacts::new([]);
            let message = self
                .0
                .message(&CustomHead::new(head, time, &facts))
                .map_err(|_| cannot("its URL has characters that RFC 3986 does not allow"))?;
            let base = message
                .base(required, &parameters)
                .ok_or_else(|| cannot("a required header is absent, or appears several times"))?;
            let key = self.key_of(secret)?;
            let verifier = match &*key.0 {
                KeyOf::Verifier(_, verifier) => verifier,
                #[cfg(feature = "rsa")]
                KeyOf::Pss(_) => return Err(cannot("the key is public")),
            };
            let mut mac = verifier.start(&Candidates::default());
            mac.update(&base);
            let mut tag = [0; 64];
            let tag = mac
                .tag(&mut tag)
                .ok_or_else(|| cannot("the key is public"))?;
            let signature = BASE64.encode(tag);
            let label = scheme.label.as_deref().unwrap_or("sig1");
            head.headers
                .insert(INPUT.clone(), header(&format!("{label}={parameters}"))?);
            head.headers.insert(
                SIGNATURE.clone(),
                header(&format!("{label}=:{signature}:"))?,
            );
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9421, sections 2.2.2 to 2.2.7. A fuzzer found the `?` without a query.
    #[test]
    fn the_parts_of_a_url_are_those_of_the_rfc() {
        for (url, authority, path, query, request_target) in [
            ("https://Example.COM", "example.com", "/", "?", "/"),
            ("https://example.com:443/a", "example.com", "/a", "?", "/a"),
            (
                "https://example.com:80/a?",
                "example.com:80",
                "/a",
                "?",
                "/a?",
            ),
            ("http://example.com:80?x", "example.com", "/", "?x", "/?x"),
            (
                "https://example.com/a?b?c#d",
                "example.com",
                "/a",
                "?b?c",
                "/a?b?c",
            ),
        ] {
            let target = Target::new(url.into()).expect(url);
            assert_eq!(target.authority, authority, "{url}");
            assert_eq!(target.path, path, "{url}");
            assert_eq!(target.query, query, "{url}");
            assert_eq!(target.request_target, request_target, "{url}");
        }
        assert!(Target::new(b"/a".to_vec()).is_none());
        assert!(Target::new(b"ftp://example.com/".to_vec()).is_none());
    }
}
