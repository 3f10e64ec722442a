//! [`Encoding`]: how the bytes of a signature are written.

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER_PERMISSIVE};

use super::mac::{Algorithm, Candidate};
use crate::base64;

/// How the bytes of a signature are written in its header.
///
/// Decoding is strict: no white space, padding only at the end, and unused bits must be zero. The number of bytes
/// must be exactly that of the algorithm.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Base64 with padding, [RFC 4648 section 4](https://www.rfc-editor.org/rfc/rfc4648#section-4).
    Base64,
    /// Base64 with padding of the hexadecimal digits of the signature. Solidgate writes this.
    Base64OfHex,
    /// Base64 for URLs, with or without padding, [RFC 4648 section 5](https://www.rfc-editor.org/rfc/rfc4648#section-5).
    Base64Url,
    /// Hexadecimal digits in upper or lower case.
    Hex,
}

impl Encoding {
    /// Decodes to the stack. A text that is longer than any signature is not decoded.
    pub(super) fn decode(self, text: &[u8], algorithm: Algorithm) -> Option<Candidate> {
        let (encoding, text) = match self {
            Self::Base64 => (&BASE64_NOPAD, base64::without_padding(text)?),
            Self::Base64OfHex => {
                let text = base64::without_padding(text)?;
                let mut digits = [0; 192];
                let length = BASE64_NOPAD.decode_len(text.len()).ok()?;
                let digits = digits.get_mut(..length)?;
                let length = BASE64_NOPAD.decode_mut(text, digits).ok()?;
                return Self::Hex.decode(digits.get(..length)?, algorithm);
            }
            Self::Base64Url => (&BASE64URL_NOPAD, base64::without_optional_padding(text)?),
            Self::Hex => match algorithm.signature_bytes() {
                Some(20) => return hex::<40>(text),
                Some(32) => return hex::<64>(text),
                Some(48) => return hex::<96>(text),
                Some(64) => return hex::<128>(text),
                _ => (&HEXLOWER_PERMISSIVE, text),
            },
        };
        let mut decoded = [0; 96];
        let length = encoding.decode_len(text.len()).ok()?;
        let decoded = decoded.get_mut(..length)?;
        let length = encoding.decode_mut(text, decoded).ok()?;
        algorithm.candidate(decoded.get(..length)?)
    }

    /// Decodes a signature of RSA. The text is at most as long as the value of a header.
    #[cfg(feature = "rsa")]
    pub(super) fn decode_rsa(self, text: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Base64 => BASE64_NOPAD.decode(base64::without_padding(text)?),
            Self::Base64OfHex => HEXLOWER_PERMISSIVE.decode(&base64::decode(text)?),
            Self::Base64Url => BASE64URL_NOPAD.decode(base64::without_optional_padding(text)?),
            Self::Hex => HEXLOWER_PERMISSIVE.decode(text),
        }
        .ok()
    }

    /// Whether a signature may contain this character.
    pub(crate) fn writes(self, byte: u8) -> bool {
        match self {
            Self::Base64 | Self::Base64OfHex => {
                byte.is_ascii_alphanumeric() || b"+/=".contains(&byte)
            }
            Self::Base64Url => byte.is_ascii_alphanumeric() || b"-_=".contains(&byte),
            Self::Hex => byte.is_ascii_hexdigit(),
        }
    }

    pub(super) fn describe(self) -> &'static str {
        match self {
            Self::Base64 => "base64",
            Self::Base64OfHex => "base64 of hexadecimal digits",
            Self::Base64Url => "base64url",
            Self::Hex => "hexadecimal digits",
        }
    }

    /// How many characters this many bytes have. Base64 for URLs is counted without padding.
    pub(super) fn characters(self, bytes: usize) -> usize {
        match self {
            Self::Base64 => BASE64.encode_len(bytes),
            Self::Base64OfHex => BASE64.encode_len(Self::Hex.characters(bytes)),
            Self::Base64Url => BASE64URL_NOPAD.encode_len(bytes),
            Self::Hex => HEXLOWER_PERMISSIVE.encode_len(bytes),
        }
    }

    #[cfg(feature = "testing")]
    pub(crate) fn encode(self, bytes: &[u8]) -> String {
        match self {
            Self::Base64 => BASE64.encode(bytes),
            Self::Base64OfHex => BASE64.encode(Self::Hex.encode(bytes).as_bytes()),
            Self::Base64Url => BASE64URL_NOPAD.encode(bytes),
            Self::Hex => HEXLOWER_PERMISSIVE.encode(bytes),
        }
    }
}

/// Decodes exactly this many hexadecimal digits, in upper or lower case.
///
/// The compiler knows their number, and no branch depends on a digit. So it can decode several digits in one step.
fn hex<const DIGITS: usize>(text: &[u8]) -> Option<Candidate> {
    const NO_DIGIT: u8 = 0x10;
    let text: &[u8; DIGITS] = text.try_into().ok()?;
    let mut nibbles = [0; DIGITS];
    let mut all = 0;
    for (nibble, byte) in nibbles.iter_mut().zip(text) {
        let number = byte.wrapping_sub(b'0');
        // 10 to 15, or `NO_DIGIT` for every other character.
        let letter = (byte | 0x20).wrapping_sub(b'a').min(6).wrapping_add(10);
        *nibble = if number < 10 { number } else { letter };
        all |= *nibble;
    }
    let mut decoded = [0; 64];
    for (byte, [high, low]) in decoded.iter_mut().zip(nibbles.as_chunks::<2>().0) {
        *byte = (high << 4) | low;
    }
    (all & NO_DIGIT == 0).then_some(Candidate(decoded))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compared with the decoder of another crate.
    #[test]
    fn each_byte_at_each_position_is_a_digit_or_rejected_as_in_data_encoding() {
        fn decode<const DIGITS: usize>(algorithm: Algorithm) {
            let digits = b"0123456789abcdefABCDEF".iter().cycle();
            let valid: Vec<u8> = digits.take(DIGITS).copied().collect();
            for position in 0..DIGITS {
                for byte in 0..=u8::MAX {
                    let mut text = valid.clone();
                    text[position] = byte;
                    let expected = HEXLOWER_PERMISSIVE.decode(&text).ok();
                    let decoded = Encoding::Hex.decode(&text, algorithm);
                    let decoded = decoded.map(|Candidate(bytes)| bytes);
                    assert_eq!(
                        decoded.map(|bytes| bytes[..DIGITS / 2].to_vec()),
                        expected,
                        "{byte:#x} at {position}"
                    );
                    let padding = decoded.map(|bytes| bytes[DIGITS / 2..].iter().all(|b| *b == 0));
                    assert_ne!(padding, Some(false), "no zeros after the signature");
                }
            }
            for length in (0..DIGITS).chain(DIGITS + 1..=DIGITS + 2) {
                let text = vec![b'a'; length];
                assert!(Encoding::Hex.decode(&text, algorithm).is_none(), "{length}");
            }
        }
        decode::<40>(Algorithm::HmacSha1);
        decode::<64>(Algorithm::HmacSha256);
        decode::<96>(Algorithm::HmacSha384);
        decode::<128>(Algorithm::HmacSha512);
    }
}
