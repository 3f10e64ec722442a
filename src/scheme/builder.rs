//! [`SignatureScheme`]: how a sender signs, described as data and checked when it is built.

use std::{sync::Arc, time::Duration};

use http::HeaderName;

#[cfg(feature = "rsa")]
use super::rsa::RsaHash;
use super::{
    Kind, Scheme,
    encoding::Encoding,
    headers::{self, Aliases},
    key::{KeyEncoding, KeyText},
    mac::{Algorithm, Verifier},
    query::{Parameter, QueryParameter},
    signature::{self, Expected, SignatureHeader, Tags},
    signed::{Piece, SignedBody, SignedContent},
    timestamp::{self, Timestamp},
    url::SignedUrl,
};
use crate::{error::ConfigError, secret::Secret};

/// How a sender signs its deliveries, as data.
///
/// A constructor names the algorithm and the header with the signature. The defaults are the most
/// common choices: one signature, in hexadecimal digits, over the body alone, with the secret's
/// text as the key.
///
/// ```
/// use tower_webhook_auth::{Encoding, Piece, SignatureScheme, Timestamp};
///
/// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
/// // X-Acme-Signature: t=1712109260,v1=<hex>,v1=<hex>     over "{t}.{body}"
/// let scheme = SignatureScheme::hmac_sha256("X-Acme-Signature")
///     .item_separator(',')
///     .tags('=', ["v1"])
///     .timestamp(Timestamp::tag("t"))
///     .signed([Piece::Timestamp, Piece::literal("."), Piece::Body])
///     .build()?;
/// # let _ = scheme;
///
/// // A scheme that cannot be right is an error that says why.
/// let unsafe_ = SignatureScheme::hmac_sha256("X-Acme-Signature")
///     .timestamp(Timestamp::header("X-Acme-Timestamp"))
///     .build();
/// assert_eq!(
///     unsafe_.unwrap_err().to_string(),
///     "the timestamp has a tolerance, but is not signed, so an attacker could renew it: add \
///      `Piece::Timestamp` to .signed(…), or call `accept_any_age`",
/// );
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a description does nothing until it is built"]
pub struct SignatureScheme {
    algorithm: Algorithm,
    header: String,
    in_query: bool,
    more_headers: Vec<String>,
    has_alias: bool,
    parallel: bool,
    repeatable: bool,
    encoding: Encoding,
    group_separator: Option<char>,
    item_separator: Option<char>,
    is_spaced: bool,
    /// The separator, the accepted tags, and whether an item without a tag is a signature.
    tags: Option<(char, Vec<String>, bool)>,
    timestamp: Option<Timestamp>,
    id_headers: Vec<String>,
    required: Vec<(String, String)>,
    signed: Vec<Piece>,
    url: Option<SignedUrl>,
    movable_body: bool,
    unsigned_body: bool,
    not_a_form: bool,
    key: KeyText,
}

impl SignatureScheme {
    fn new(algorithm: Algorithm, header: impl Into<String>) -> Self {
        Self {
            algorithm,
            header: header.into(),
            in_query: false,
            more_headers: Vec::new(),
            has_alias: false,
            parallel: false,
            repeatable: false,
            encoding: Encoding::Hex,
            group_separator: None,
            item_separator: None,
            is_spaced: false,
            tags: None,
            timestamp: None,
            id_headers: Vec::new(),
            required: Vec::new(),
            signed: vec![Piece::Body],
            url: None,
            movable_body: false,
            unsigned_body: false,
            not_a_form: false,
            key: KeyText::default(),
        }
    }

    /// HMAC-SHA1 ([RFC 2104](https://www.rfc-editor.org/rfc/rfc2104)), with the signature in this
    /// header.
    pub fn hmac_sha1(header: impl Into<String>) -> Self {
        Self::new(Algorithm::HmacSha1, header)
    }

    /// HMAC-SHA256, with the signature in this header.
    pub fn hmac_sha256(header: impl Into<String>) -> Self {
        Self::new(Algorithm::HmacSha256, header)
    }

    /// HMAC-SHA384, with the signature in this header.
    pub fn hmac_sha384(header: impl Into<String>) -> Self {
        Self::new(Algorithm::HmacSha384, header)
    }

    /// HMAC-SHA512, with the signature in this header.
    pub fn hmac_sha512(header: impl Into<String>) -> Self {
        Self::new(Algorithm::HmacSha512, header)
    }

    /// Plain SHA-256 over pieces that include [`Piece::Secret`]. This is not a MAC: use it only for
    /// senders that offer nothing better.
    ///
    /// An attacker who has seen one delivery can append bytes to it and compute the new digest
    /// without the secret. So the digest does not prove where the body ends, and it proves nothing
    /// that follows the body. An id, a header or a timestamp after the body does not count as
    /// signed. A timestamp after the body cannot have a tolerance. Pieces before the body are
    /// proven. [`Verified::authentication`](crate::Verified::authentication) says
    /// [`KeylessDigest`](crate::Authentication::KeylessDigest).
    pub fn keyless_sha256_open_to_length_extension(header: impl Into<String>) -> Self {
        Self::new(Algorithm::KeylessSha256, header)
    }

    /// Ed25519 ([RFC 8032](https://www.rfc-editor.org/rfc/rfc8032)). The "secret" is the sender's
    /// public key of 32 bytes, in the encoding of [`key_encoding`](Self::key_encoding). A key of
    /// small order is an error when the provider is built: signatures under such a key prove
    /// nothing.
    ///
    /// A delivery may have at most 4 signatures, and signatures times keys are at most 16, because
    /// each pair costs a curve operation and a hash of the body. A provider may have at most 16
    /// public keys.
    #[cfg(feature = "ed25519")]
    #[cfg_attr(docsrs, doc(cfg(feature = "ed25519")))]
    pub fn ed25519(header: impl Into<String>) -> Self {
        Self::new(Algorithm::Ed25519, header)
    }

    /// ECDSA over P-256 with SHA-256, with the signature in DER form. The "secret" is the sender's
    /// public key as SubjectPublicKeyInfo, in the encoding of
    /// [`key_encoding`](Self::key_encoding).
    ///
    /// From an ECDSA signature `(r, s)`, everyone can compute a second valid signature `(r, -s)` for the same
    /// bytes. Signers write either form, so both are accepted. To recognise a repeated delivery, use a signed
    /// id and not the signature.
    #[cfg(feature = "ecdsa-p256")]
    #[cfg_attr(docsrs, doc(cfg(feature = "ecdsa-p256")))]
    pub fn ecdsa_p256(header: impl Into<String>) -> Self {
        Self::new(Algorithm::EcdsaP256, header)
    }

    /// RSA PKCS#1 v1.5 with SHA-256 ([RFC 8017](https://www.rfc-editor.org/rfc/rfc8017#section-8.2)). The
    /// "secret" is the sender's public key as SubjectPublicKeyInfo: PEM with
    /// [`Secret::from_pem`](crate::Secret::from_pem), or DER in the encoding of
    /// [`key_encoding`](Self::key_encoding). The defaults for the key and the signature are base64.
    ///
    /// A key has 2,048 to 4,096 bits, and an odd exponent above 2. Any other key is an error when the provider
    /// is built. A signature has exactly as many bytes as the key, and the whole padded block is compared.
    ///
    /// A delivery may have at most 4 signatures, and signatures times keys are at most 8, because each pair
    /// costs 0.2 ms (2,048 bits) to 0.6 ms (4,096 bits). A provider may have at most 8 public keys.
    #[cfg(feature = "rsa")]
    #[cfg_attr(docsrs, doc(cfg(feature = "rsa")))]
    pub fn rsa_pkcs1_sha256(header: impl Into<String>) -> Self {
        Self::rsa(RsaHash::Sha256, header)
    }

    /// RSA PKCS#1 v1.5 with SHA-256 over the SHA-256 digest of the pieces, so they are hashed twice. Bridge signs
    /// in this way. Keys and limits are those of
    /// [`rsa_pkcs1_sha256`](Self::rsa_pkcs1_sha256).
    #[cfg(feature = "rsa")]
    #[cfg_attr(docsrs, doc(cfg(feature = "rsa")))]
    pub fn rsa_pkcs1_sha256_of_sha256(header: impl Into<String>) -> Self {
        Self::rsa(RsaHash::Sha256Twice, header)
    }

    /// RSA PKCS#1 v1.5 with SHA-512. Keys and limits are those of [`rsa_pkcs1_sha256`](Self::rsa_pkcs1_sha256).
    #[cfg(feature = "rsa")]
    #[cfg_attr(docsrs, doc(cfg(feature = "rsa")))]
    pub fn rsa_pkcs1_sha512(header: impl Into<String>) -> Self {
        Self::rsa(RsaHash::Sha512, header)
    }

    /// RSA PKCS#1 v1.5 with SHA-1. Use it only for a sender that offers nothing better, such as Postal.
    ///
    /// SHA-1 has chosen-prefix collisions ([SHA-1 is a Shambles](https://sha-mbles.github.io/)). A person who can
    /// choose a large part of what the sender signs can prepare two bodies with the same signature. If the sender
    /// signs the first body, this person can send the second one. Other attackers cannot forge a delivery. Keys
    /// and limits are those of [`rsa_pkcs1_sha256`](Self::rsa_pkcs1_sha256).
    #[cfg(feature = "rsa")]
    #[cfg_attr(docsrs, doc(cfg(feature = "rsa")))]
    pub fn rsa_pkcs1_sha1_open_to_collisions(header: impl Into<String>) -> Self {
        Self::rsa(RsaHash::Sha1, header)
    }

    #[cfg(feature = "rsa")]
    fn rsa(hash: RsaHash, header: impl Into<String>) -> Self {
        Self::new(Algorithm::Rsa(hash), header)
            .encoding(Encoding::Base64)
            .key_encoding(KeyEncoding::Base64)
    }

    /// The signature is in the query. The name that was given to the constructor is that of the parameter, and
    /// not of a header. PandaDoc sends `?signature=…`.
    ///
    /// The parameter must appear once. A URL that is signed as well must be a [`SignedUrl::exact`] without the
    /// parameter. Servers and proxies write URLs to their logs: a person who reads one can send the delivery
    /// again.
    ///
    /// ```
    /// use tower_webhook_auth::SignatureScheme;
    ///
    /// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
    /// let scheme = SignatureScheme::hmac_sha256("signature").in_query().build()?;
    /// # let _ = scheme;
    /// # Ok(())
    /// # }
    /// ```
    pub fn in_query(mut self) -> Self {
        self.in_query = true;
        self
    }

    /// Another name for the signature header. The first name that is present counts. The timestamp and the id
    /// are read from the headers at the same position of their lists.
    ///
    /// It cannot be used together with [`parallel_header`](Self::parallel_header).
    pub fn alias(mut self, header: impl Into<String>) -> Self {
        self.has_alias = true;
        self.more_headers.push(header.into());
        self
    }

    /// Another header with a signature, in addition to the first one. The delivery is accepted if the signature
    /// in any of the headers matches.
    pub fn parallel_header(mut self, header: impl Into<String>) -> Self {
        self.parallel = true;
        self.more_headers.push(header.into());
        self
    }

    /// The signature header may appear up to 4 times. The delivery is accepted if any of the values matches.
    /// Mollie sends the header twice while a secret is replaced.
    ///
    /// Without this, a request with the header twice is rejected.
    pub fn repeatable_header(mut self) -> Self {
        self.repeatable = true;
        self
    }

    /// How the signature is written. The default is [`Encoding::Hex`].
    pub fn encoding(mut self, encoding: Encoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// The header is a list with this character between its items. The delivery is accepted if any signature in
    /// the list matches. Blanks around an item are ignored.
    pub fn item_separator(mut self, separator: char) -> Self {
        self.item_separator = Some(separator);
        self
    }

    /// The header is a list of groups. Each group is a list of items, and contains the timestamp. Persona
    /// writes `t=…,v1=… t=…,v1=…` while a secret is replaced: the groups are separated by a space.
    ///
    /// A delivery has one timestamp: it is rejected if two groups have different ones, or if a group has
    /// none. Call [`Timestamp::tag`] as well.
    pub fn group_separator(mut self, separator: char) -> Self {
        self.group_separator = Some(separator);
        self
    }

    /// The sender writes a space after each item separator. Reading accepts a list with and without it.
    pub(crate) fn space_after_items(mut self) -> Self {
        self.is_spaced = true;
        self
    }

    /// Each item is a tag, the separator and a signature: `v1=…`. Write the tag without the separator. Items
    /// with other tags are skipped. A tag must match completely and in the same case.
    pub fn tags<T: Into<String>>(
        mut self,
        separator: char,
        accepted: impl IntoIterator<Item = T>,
    ) -> Self {
        let accepted = accepted.into_iter().map(Into::into).collect();
        self.tags = Some((separator, accepted, false));
        self
    }

    /// Each item without a tag is a signature, and items with a tag are not. Infisical writes
    /// `t=1700000000000;<signature>`.
    ///
    /// The separator is the character after a tag. It replaces a call of [`tags`](Self::tags).
    pub fn untagged_signatures(mut self, separator: char) -> Self {
        self.tags = Some((separator, Vec::new(), true));
        self
    }

    /// Where the time of signing is. A delivery without it is rejected.
    pub fn timestamp(mut self, timestamp: Timestamp) -> Self {
        self.timestamp = Some(timestamp);
        self
    }

    /// The header with the id of the delivery. A second call adds an alias. If the id is signed, a delivery is
    /// rejected if its id is absent, empty, or has a character that is not visible ASCII.
    pub fn id_header(mut self, name: impl Into<String>) -> Self {
        self.id_headers.push(name.into());
        self
    }

    /// A header that is required, once, with exactly this value. The value is not a secret: the comparison is
    /// not in constant time.
    pub fn require_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.required.push((name.into(), value.into()));
        self
    }

    /// The signed pieces, in this order. The default is only the body.
    ///
    /// - A literal between two pieces marks where the first one ends. An id or a header that contains the
    ///   literal is rejected.
    /// - Without a separator, `id1` + `23` and `id` + `123` have the same signature. So an id or a header
    ///   without a separator after it is not a [`Claim::Signed`](crate::Claim::Signed), and a timestamp after it
    ///   is not proven.
    /// - A timestamp as in [RFC 3339](Timestamp::rfc3339) marks the end of the piece before it. An id or a
    ///   header that contains such a timestamp is rejected.
    /// - A timestamp in digits without a separator after it must have 10 digits, or 13 for milliseconds.
    /// - The end of the path of a [`SignedUrl::origin`] is not marked. Only its beginning is certain.
    pub fn signed(mut self, pieces: impl IntoIterator<Item = Piece>) -> Self {
        self.signed = pieces.into_iter().collect();
        self
    }

    /// The URL of [`Piece::Url`].
    pub fn url(mut self, url: SignedUrl) -> Self {
        self.url = Some(url);
        self
    }

    /// Accepts a scheme in which nothing marks where the body begins or ends.
    ///
    /// If the body follows an id, a header, the method or a [`SignedUrl::origin`] without a
    /// separator, `id1` + `23` and `id` + `123` have the same signature. So an attacker who has
    /// seen a delivery can move bytes between the body and the piece next to it, and the changed
    /// delivery is verified. Use this only for senders that sign in this way, and let the handler
    /// check the whole body: a part of a JSON document does not parse. Without this method,
    /// [`build`](Self::build) rejects such a scheme. It has no effect on other schemes.
    ///
    /// ```
    /// use tower_webhook_auth::{Piece, SignatureScheme};
    ///
    /// let scheme = || {
    ///     SignatureScheme::hmac_sha256("X-Acme-Signature")
    ///         .id_header("X-Acme-Id")
    ///         .signed([Piece::Id, Piece::Body])
    /// };
    /// assert!(scheme().build().is_err());
    /// assert!(scheme().accept_movable_body_boundary().build().is_ok());
    /// ```
    pub fn accept_movable_body_boundary(mut self) -> Self {
        self.movable_body = true;
        self
    }

    /// Accepts a scheme whose signature does not cover the body, such as that of Mercado Pago.
    ///
    /// The signature then proves the pieces that are signed, and nothing else:
    /// [`Verified::authentication`](crate::Verified::authentication) is
    /// [`PartialSignature`](crate::Authentication::PartialSignature), and
    /// [`Verified::body_is_signed`](crate::Verified::body_is_signed) is `false`. A client that has
    /// seen a delivery can send it again with another body until its signed time is too old. So
    /// read the resource from the sender's API, by an id that is signed. Without this method,
    /// [`build`](Self::build) rejects such a scheme.
    ///
    /// ```
    /// use tower_webhook_auth::{Piece, SignatureScheme, Timestamp};
    ///
    /// let scheme = || {
    ///     SignatureScheme::hmac_sha256("X-Acme-Signature")
    ///         .timestamp(Timestamp::header("X-Acme-Timestamp"))
    ///         .signed([Piece::query("id"), Piece::literal("."), Piece::Timestamp])
    /// };
    /// assert!(scheme().build().is_err());
    /// assert!(scheme().accept_unsigned_body().build().is_ok());
    /// ```
    pub fn accept_unsigned_body(mut self) -> Self {
        self.unsigned_body = true;
        self
    }

    /// Rejects a body whose `Content-Type` says that it is a form. Twilio signs forms in another way.
    pub(crate) fn not_a_form(mut self) -> Self {
        self.not_a_form = true;
        self
    }

    /// How the key is written in the secret's text. The default is [`KeyEncoding::Text`].
    pub fn key_encoding(mut self, encoding: KeyEncoding) -> Self {
        self.key.encoding = encoding;
        self
    }

    /// A prefix of the secret's text that is not part of the key, such as `whsec_`. A secret without the
    /// prefix is used unchanged.
    pub fn key_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.key.prefix = Some(prefix.into());
        self
    }

    /// A text that the sender appends to the secret before it uses it as the key. Fitbit appends `&`. The
    /// secret is given without it.
    pub fn key_suffix(mut self, suffix: impl Into<String>) -> Self {
        self.key.suffix = Some(suffix.into());
        self
    }

    /// Checks the description.
    ///
    /// # Errors
    ///
    /// If the scheme cannot be right, for example:
    ///
    /// - A text is not the name of a header.
    /// - Aliases do not belong together.
    /// - A tag cannot appear in the header.
    /// - The body is not signed, or is signed twice.
    /// - The timestamp has a tolerance, and is not signed.
    /// - A signed piece has no source.
    ///
    /// The message names the value, the reason and the remedy.
    pub fn build(self) -> Result<Scheme, ConfigError> {
        let contradiction = |text| Err(ConfigError::new(text));
        if self.has_alias && self.parallel {
            return contradiction(
                "`alias` and `parallel_header` were both called: the names are either other names for one \
                 header, or several headers",
            );
        }
        let query = match self.in_query {
            true => Some(self.query_parameter()?),
            false => None,
        };
        let names = match query {
            Some(_) => Aliases::of_no_header(),
            None => Aliases::new(&self.header, &self.more_headers)?,
        };
        let timestamp_first = matches!(
            &self.timestamp,
            Some(timestamp) if matches!(timestamp.from, timestamp::From::FirstItem)
        );
        let (timestamp_tag, timestamp_headers) = match &self.timestamp {
            None => (None, None),
            Some(timestamp) => {
                timestamp.check()?;
                match &timestamp.from {
                    timestamp::From::Body(_) | timestamp::From::FirstItem => (None, None),
                    timestamp::From::Tag(tag) => (Some(tag.clone()), None),
                    timestamp::From::Headers(first, others) => {
                        (None, Some(Aliases::new(first, others)?))
                    }
                }
            }
        };
        let tags = self
            .tags
            .map(|(separator, accepted, untagged)| Tags::new(separator, accepted, untagged))
            .transpose()?;
        let item_separator = self.item_separator.map(signature::ascii).transpose()?;
        let group_separator = self.group_separator.map(signature::ascii).transpose()?;
        let signed_tags = signed_tags(&self.signed);
        if timestamp_first && item_separator.is_none() {
            return contradiction(
                "the timestamp is the first item, but .item_separator(…) was not called: call it with the \
                 character between the timestamp and the signatures",
            );
        }
        if group_separator.is_some() && timestamp_tag.is_none() {
            return contradiction(
                "`group_separator` is for groups that each have a timestamp, but the timestamp is not in the \
                 header under a tag: call .timestamp(Timestamp::tag(…)), or call `item_separator` instead",
            );
        }
        if group_separator.is_some() && group_separator == item_separator {
            return contradiction(
                "`group_separator` and `item_separator` are the same character: each needs its own",
            );
        }
        if let Some(tag) = signed_tags.first() {
            let in_one_list = !self.repeatable && !self.parallel && group_separator.is_none();
            if tags.is_none() || item_separator.is_none() || !in_one_list {
                return Err(ConfigError::new(format!(
                    "the value of the tag {tag:?} is signed, so the signature header must be one list of \
                     items with tags: call .tags(…) and .item_separator(…), and do not call \
                     `group_separator`, `parallel_header` or `repeatable_header`"
                )));
            }
        }
        for tag in &signed_tags {
            let accepted = tags.iter().flat_map(|tags| &tags.accepted);
            if accepted.chain(&timestamp_tag).any(|other| other == tag) {
                return Err(ConfigError::new(format!(
                    "the tag {tag:?} is a signed piece and also that of a signature or of the timestamp: use \
                     `Piece::Timestamp` for the timestamp"
                )));
            }
        }
        if self.repeatable && (timestamp_first || timestamp_tag.is_some()) {
            return contradiction(
                "the signature header may be repeated, and it contains the timestamp: nothing shows which \
                 timestamp belongs to which signature",
            );
        }
        match (&tags, &timestamp_tag) {
            (None, Some(_)) => {
                return contradiction(
                    "the timestamp has a tag, but .tags(…) was not called: call it with the separator and \
                     the tags of the signatures",
                );
            }
            (Some(tags), Some(tag)) if tags.accepted.contains(tag) => {
                return Err(ConfigError::new(format!(
                    "the tag {tag:?} is the timestamp's and also a signature's: each needs its own"
                )));
            }
            (_, Some(_)) if item_separator.is_none() => {
                return contradiction(
                    "the timestamp has a tag, but .item_separator(…) was not called: call it with the \
                     character between the timestamp and the signatures",
                );
            }
            (Some(tags), _)
                if Some(tags.separator) == item_separator
                    || Some(tags.separator) == group_separator =>
            {
                return Err(ConfigError::new(format!(
                    "{:?} separates the items and also the tags: each needs its own character",
                    char::from(tags.separator),
                )));
            }
            _ => {}
        }
        if let Some(tags) = &tags {
            for tag in tags
                .accepted
                .iter()
                .chain(&timestamp_tag)
                .chain(&signed_tags)
            {
                tags.check(tag, item_separator, group_separator)?;
            }
            if tags.untagged && self.encoding.writes(tags.separator) {
                return Err(ConfigError::new(format!(
                    "{:?} cannot be the separator of tags next to signatures without a tag: a signature in \
                     this encoding may contain it; check `encoding`",
                    char::from(tags.separator),
                )));
            }
        }
        let mut separators = group_separator.into_iter().chain(item_separator);
        if let Some(separator) = separators.find(|byte| self.encoding.writes(*byte)) {
            return Err(ConfigError::new(format!(
                "{:?} cannot separate the items of a header: a signature in this encoding may contain it; \
                 check `encoding`",
                char::from(separator),
            )));
        }
        let content = SignedContent::new(
            &self.signed,
            self.url,
            self.timestamp.as_ref(),
            self.algorithm,
            self.unsigned_body,
        )?;
        if content.covers_timestamp() && self.timestamp.is_none() {
            return contradiction(
                "the timestamp is signed, but .timestamp(…) was not called: call it to say where the \
                 timestamp is",
            );
        }
        if let Some(timestamp) = &self.timestamp
            && timestamp.tolerance.is_some()
            && !content.covers_timestamp()
        {
            return contradiction(
                "the timestamp has a tolerance, but is not signed, so an attacker could renew it: add \
                 `Piece::Timestamp` to .signed(…), or call `accept_any_age`",
            );
        }
        if self.algorithm == Algorithm::KeylessSha256
            && content.has_timestamp_after_body()
            && self
                .timestamp
                .as_ref()
                .is_some_and(|timestamp| timestamp.tolerance.is_some())
        {
            return contradiction(
                "the timestamp has a tolerance, but follows the body in a keyless digest: a person who \
                 has seen a delivery can append a newer one; put the timestamp before the body, or call \
                 `accept_any_age`",
            );
        }
        if let Some(timestamp) = &self.timestamp
            && timestamp.tolerance.is_some()
            && !timestamp.renewable
            && !content.proven.timestamp
        {
            return contradiction(
                "the timestamp has a tolerance, but nothing marks where it begins: a person who has seen a \
                 delivery could renew it; sign a separator before it, or call `accept_renewal` or \
                 `accept_any_age`",
            );
        }
        if content.covers_id() && self.id_headers.is_empty() {
            return contradiction(
                "the id is signed, but .id_header(…) was not called: call it to say which header has the id",
            );
        }
        match (content.covers_secret(), self.algorithm) {
            (true, Algorithm::KeylessSha256) => {}
            (true, _) => {
                return contradiction(
                    "`Piece::Secret` is only for `keyless_sha256_open_to_length_extension`: remove it",
                );
            }
            (false, Algorithm::KeylessSha256) => {
                return contradiction(
                    "a keyless digest without the secret proves nothing: add `Piece::Secret` to .signed(…)",
                );
            }
            (false, _) => {}
        }
        self.key.check()?;
        if !content.proven.body && !self.movable_body && content.body != SignedBody::Nothing {
            return contradiction(
                "nothing marks where the signed body begins or ends: a person who has seen a delivery can \
                 move bytes between the body and the piece next to it; sign a separator between them, \
                 use `SignedUrl::exact` for a URL, or call `accept_movable_body_boundary`",
            );
        }
        let mut required: Vec<(HeaderName, String)> = Vec::new();
        for (name, value) in self.required {
            let name = headers::name(&name)?;
            headers::check_value(&name, &value)?;
            if required.iter().any(|(other, _)| *other == name) {
                return Err(ConfigError::new(format!(
                    "two values are required of the header {name}, which has one: call `require_header` once \
                     for each header"
                )));
            }
            required.push((name, value));
        }
        let id_headers = match self.id_headers.split_first() {
            None => None,
            Some((first, others)) => Some(Aliases::new(first, others)?),
        };
        for (what, others) in [("timestamp", &timestamp_headers), ("id", &id_headers)] {
            let count = others.as_ref().map_or(1, Aliases::len);
            // There is one header for all names, or one for each name. Otherwise headers of two
            // families could be mixed.
            if self.has_alias && count != 1 && count != names.len() {
                return Err(ConfigError::new(format!(
                    "the {what} header has {count} names, but the signature header has {}: give it one name \
                     or as many",
                    names.len(),
                )));
            }
        }
        Ok(Scheme(Kind::Signature(Arc::new(Signed {
            algorithm: self.algorithm,
            signature: SignatureHeader {
                expected: Expected::new(
                    self.encoding,
                    self.algorithm,
                    tags.as_ref(),
                    timestamp_tag.as_deref(),
                    timestamp_first,
                    item_separator,
                ),
                names,
                query,
                parallel: self.parallel,
                repeatable: self.repeatable,
                group_separator,
                item_separator,
                is_spaced: self.is_spaced,
                tags,
                timestamp_tag,
                timestamp_first,
                signed_tags,
                encoding: self.encoding,
            },
            timestamp: self.timestamp,
            timestamp_headers,
            id_headers,
            required,
            not_a_form: self.not_a_form,
            content,
            key: self.key,
        }))))
    }

    /// The parameter with the signature.
    fn query_parameter(&self) -> Result<Parameter, ConfigError> {
        let in_header = self.timestamp.as_ref().is_some_and(|timestamp| {
            matches!(
                timestamp.from,
                timestamp::From::FirstItem | timestamp::From::Tag(_)
            )
        });
        let is_list = !self.more_headers.is_empty()
            || self.repeatable
            || self.group_separator.is_some()
            || in_header
            || !signed_tags(&self.signed).is_empty();
        if is_list {
            return Err(ConfigError::new(
                "the signature is in the query, so there is no signature header: do not call `alias`, \
                 `parallel_header`, `repeatable_header` or `group_separator`, and use no timestamp and no \
                 signed piece that is in the signature header",
            ));
        }
        if self.signed.contains(&Piece::Url) || self.signed.contains(&Piece::PathAndQuery) {
            let from_request = self.url.as_ref().is_some_and(|url| !url.is_fixed());
            if from_request {
                return Err(ConfigError::new(
                    "the signature is in the query, and the query is signed as it arrives: use \
                     `SignedUrl::exact` with the URL that was entered at the sender",
                ));
            }
        }
        let value = match self.algorithm.signature_bytes() {
            Some(bytes) => format!(
                "a signature of {bytes} bytes in {}",
                self.encoding.describe()
            ),
            None => format!("a signature in {}", self.encoding.describe()),
        };
        Parameter::new(&QueryParameter::new(self.header.clone()), &value)
    }
}

/// The names of the tags whose values are signed, each once.
fn signed_tags(pieces: &[Piece]) -> Vec<String> {
    let mut tags: Vec<String> = Vec::new();
    for piece in pieces {
        let tag = match piece {
            Piece::SignedHeaders(headers) => headers.tag(),
            Piece::Tag(tag) => Some(&**tag),
            _ => None,
        };
        if let Some(tag) = tag
            && !tags.iter().any(|known| known == tag)
        {
            tags.push(tag.to_owned());
        }
    }
    tags
}

/// A [`SignatureScheme`] that was checked, with every header's name ready.
#[derive(Clone, Debug)]
pub(crate) struct Signed {
    pub(super) algorithm: Algorithm,
    pub(super) signature: SignatureHeader,
    pub(super) timestamp: Option<Timestamp>,
    pub(super) timestamp_headers: Option<Aliases>,
    pub(super) id_headers: Option<Aliases>,
    pub(super) required: Vec<(HeaderName, String)>,
    /// A body that is sent as a form is rejected.
    pub(super) not_a_form: bool,
    pub(super) content: SignedContent,
    pub(super) key: KeyText,
}

impl Signed {
    /// The same scheme with another tolerance. `None` if it has no signed time.
    pub(super) fn with_tolerance(&self, tolerance: Duration) -> Option<Self> {
        let mut signed = self.clone();
        let timestamp = signed.timestamp.as_mut()?;
        let is_appended =
            self.algorithm == Algorithm::KeylessSha256 && self.content.has_timestamp_after_body();
        let can_be_judged = self.content.proven.timestamp
            || (timestamp.renewable && self.content.covers_timestamp() && !is_appended);
        timestamp.tolerance = Some(tolerance);
        can_be_judged.then_some(signed)
    }

    /// The algorithm, keyed with this secret.
    pub(super) fn verifier(&self, secret: &Secret) -> Result<Verifier, ConfigError> {
        self.algorithm.key(self.key.decode(secret, self.algorithm)?)
    }
}
