//! Public keys and certificates in PEM, [RFC 7468](https://www.rfc-editor.org/rfc/rfc7468).

use data_encoding::BASE64;

use crate::{base64, error::ConfigError};

const BEGIN: &str = "-----BEGIN ";
const DASHES: &str = "-----";

/// A chain has 2 to 4 certificates.
const MOST_CERTIFICATES: usize = 8;

/// The DER of the public key, or of the certificates one after the other, as base64 on one line.
pub(super) fn to_base64(text: &str) -> Result<String, ConfigError> {
    let error = |what: &str| ConfigError::new(format!("the PEM text {what}"));
    let mut der = Vec::new();
    let mut blocks: usize = 0;
    let mut rest = text;
    while let Some((_, block)) = rest.split_once(BEGIN) {
        let cut = || error("is cut: copy it again, from its first BEGIN line to its last END line");
        let (label, block) = block.split_once(DASHES).ok_or_else(cut)?;
        let end = format!("-----END {label}-----");
        let (content, after) = block.split_once(&end).ok_or_else(cut)?;
        rest = after;
        match label {
            "PUBLIC KEY" if blocks == 0 => {}
            "PUBLIC KEY" => {
                return Err(error(
                    "has several blocks: make one secret for each key, and join them with `Keys::named`",
                ));
            }
            "CERTIFICATE" if blocks < MOST_CERTIFICATES => {}
            "CERTIFICATE" => {
                return Err(ConfigError::new(format!(
                    "the PEM text has more than {MOST_CERTIFICATES} certificates: use only those of one chain"
                )));
            }
            label if label.ends_with("PRIVATE KEY") => {
                return Err(error(
                    "is a private key: a receiver needs only the public key of the sender; replace the \
                     private key, because it was copied",
                ));
            }
            "RSA PUBLIC KEY" => {
                return Err(error(
                    "is an RSA public key in the form of PKCS#1: run `openssl rsa -RSAPublicKey_in -pubout`, \
                     and use its output",
                ));
            }
            _ => {
                return Err(error(
                    "has a block that is neither a PUBLIC KEY nor a CERTIFICATE",
                ));
            }
        }
        let digits: String = without_line_breaks(content);
        let block = base64::decode(digits.as_bytes()).ok_or_else(|| {
            error("has a block that is not base64: copy it again, from its first BEGIN line to its last END line")
        })?;
        der.extend_from_slice(&block);
        blocks = blocks.saturating_add(1);
        if label == "PUBLIC KEY" && rest.contains("-----BEGIN CERTIFICATE") {
            return Err(error("has a key and a certificate: use one of them"));
        }
    }
    if blocks == 0 {
        return Err(ConfigError::new(
            "the text is not PEM: it has no line `-----BEGIN PUBLIC KEY-----`",
        ));
    }
    Ok(BASE64.encode(&der))
}

/// Line breaks are lost in environment files: they are then written as `\n`, or are spaces.
fn without_line_breaks(content: &str) -> String {
    let content = content.replace("\\r", "").replace("\\n", "");
    content.split_ascii_whitespace().collect()
}
