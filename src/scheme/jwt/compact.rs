//! [`Compact`]: a token in its compact form, taken apart.

use data_encoding::BASE64URL_NOPAD;

use super::{key::JwtAlgorithm, members::Members};

/// A token in compact form: `header.payload.signature`, each part in base64url without padding
/// ([RFC 7515 section 7.1](https://www.rfc-editor.org/rfc/rfc7515#section-7.1)).
pub(crate) struct Compact<'a> {
    /// `header.payload`, as received.
    pub(crate) signed: &'a [u8],
    pub(crate) header: TokenHeader,
    /// The payload, decoded.
    pub(crate) payload: Vec<u8>,
    /// The signature, decoded.
    pub(crate) signature: Vec<u8>,
}

/// The members of a token's header that are used.
///
/// A key or the address of a key in a token (`jwk`, `jku`, `x5c`, `x5u`) is not read: the client chose it.
pub(crate) struct TokenHeader {
    /// `None` for an algorithm that no scheme uses, such as `none`.
    pub(crate) algorithm: Option<JwtAlgorithm>,
    /// The id of the key. It only selects one of the keys that the owner trusts.
    pub(crate) key_id: Option<String>,
}

impl<'a> Compact<'a> {
    /// Each token has one form: exactly three parts, no padding, no bits that are not used. The decoder
    /// rejects both.
    pub(crate) fn read(token: &'a [u8]) -> Option<Self> {
        let mut parts = token.split(|byte| *byte == b'.');
        let (header, payload, signature) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() || payload.is_empty() {
            return None;
        }
        let signed = header.len().checked_add(1)?.checked_add(payload.len())?;
        Some(Self {
            signed: token.get(..signed)?,
            header: TokenHeader::read(header)?,
            payload: BASE64URL_NOPAD.decode(payload).ok()?,
            signature: BASE64URL_NOPAD.decode(signature).ok()?,
        })
    }
}

impl TokenHeader {
    /// The header in base64url.
    pub(crate) fn read(encoded: &[u8]) -> Option<Self> {
        let json = BASE64URL_NOPAD.decode(encoded).ok()?;
        let members = Members::read(&json)?;
        // `crit` names members that a receiver must understand, and this one understands none. `b64`
        // changes what is signed (RFC 7515 section 4.1.11, RFC 7797 section 6).
        if members.has("crit") || members.has("b64") {
            return None;
        }
        let key_id = match members.get("kid") {
            None => None,
            Some(_) => Some(members.text("kid")?.into_owned()),
        };
        Some(Self {
            algorithm: JwtAlgorithm::named(&members.text("alg")?),
            key_id,
        })
    }
}
