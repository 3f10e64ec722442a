//! [`Encoding`]: how the bytes of a signature are written.

use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER_PERMISSIVE};

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
    /// Decodes a signature. The lengths of the common ones are known to the compiler, and they are decoded to the
    /// stack.
    pub(super) fn decode(self, text: &[u8], algorithm: Algorithm) -> Option<Candidate> {
        match (self, algorithm.signature_bytes()) {
            (Self::Base64 | Self::Base64Url, Some(20)) => self.base64::<27>(text),
            (Self::Base64 | Self::Base64Url, Some(32)) => self.base64::<43>(text),
            (Self::Base64 | Self::Base64Url, Some(48)) => self.base64::<64>(text),
            (Self::Base64 | Self::Base64Url, Some(64)) => self.base64::<86>(text),
            (Self::Hex, Some(20)) => hex::<40>(text),
            (Self::Hex, Some(32)) => hex::<64>(text),
            (Self::Hex, Some(48)) => hex::<96>(text),
            (Self::Hex, Some(64)) => hex::<128>(text),
            _ => algorithm.candidate(&self.decode_any(text)?),
        }
    }

    /// Decodes a signature of any length. The text is at most as long as the value of a header.
    pub(super) fn decode_any(self, text: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Base64 => base64::decode(text),
            Self::Base64OfHex => Self::Hex.decode_any(&base64::decode(text)?),
            Self::Base64Url => {
                let text = base64::without_optional_padding(text)?;
                BASE64URL_NOPAD.decode(text).ok()
            }
            Self::Hex => HEXLOWER_PERMISSIVE.decode(text).ok(),
        }
    }

    /// Decodes base64 that has exactly this many characters before its padding.
    fn base64<const CHARACTERS: usize>(self, text: &[u8]) -> Option<Candidate> {
        let (values, text) = match self {
            Self::Base64Url => (&VALUES_URL, base64::without_optional_padding(text)?),
            _ => (&VALUES, base64::without_padding(text)?),
        };
        let text: &[u8; CHARACTERS] = text.try_into().ok()?;
        // `A` is zero.
        let mut groups = [[b'A'; 8]; 11];
        let start = groups.as_flattened_mut().first_chunk_mut()?;
        *start = *text;
        let mut decoded = [0; 66];
        let mut all = 0;
        let places = decoded.as_chunks_mut::<6>().0;
        for (place, group) in places.iter_mut().zip(&groups).take(CHARACTERS.div_ceil(8)) {
            // If one of the values is negative, the result is negative.
            let bits = group.iter().fold(0, |bits, character| {
                let value = values.get(usize::from(*character)).unwrap_or(&NO_VALUE);
                (bits << 6) | i64::from(*value)
            });
            all |= bits;
            let [_, _, bytes @ ..] = bits.to_be_bytes();
            *place = bytes;
        }
        // The bits of the last character that are not used come after the signature.
        let after_signature = decoded.get(CHARACTERS.saturating_mul(6) / 8)?;
        let candidate = Candidate(*decoded.first_chunk()?);
        (all >= 0 && *after_signature == 0).then_some(candidate)
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

/// The value of a character that base64 does not use.
const NO_VALUE: i8 = -1;

/// The values of the characters of [`Encoding::Base64`] and of [`Encoding::Base64Url`].
static VALUES: [i8; 256] = values(b'+', b'/');
static VALUES_URL: [i8; 256] = values(b'-', b'_');

const fn values(value_62: u8, value_63: u8) -> [i8; 256] {
    let mut values = [NO_VALUE; 256];
    let mut rest: &mut [i8] = &mut values;
    let mut character = 0_u8;
    while let [value, others @ ..] = rest {
        *value = match character {
            b'A'..=b'Z' => character.wrapping_sub(b'A').cast_signed(),
            b'a'..=b'z' => character.wrapping_sub(b'a').wrapping_add(26).cast_signed(),
            b'0'..=b'9' => character.wrapping_sub(b'0').wrapping_add(52).cast_signed(),
            _ if character == value_62 => 62,
            _ if character == value_63 => 63,
            _ => NO_VALUE,
        };
        character = character.wrapping_add(1);
        rest = others;
    }
    values
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
    use data_encoding::BASE64URL;

    use super::*;

    #[test]
    fn each_value_of_base64_has_one_character() {
        for end in [b"+/", b"-_"] {
            let mut found = values(end[0], end[1]).to_vec();
            found.retain(|value| *value != NO_VALUE);
            found.sort_unstable();
            assert_eq!(found, (0..64).collect::<Vec<_>>());
        }
    }

    /// Compared with the decoders of another crate.
    #[test]
    fn each_byte_at_each_position_is_decoded_or_rejected_as_in_data_encoding() {
        for algorithm in [
            Algorithm::HmacSha1,
            Algorithm::HmacSha256,
            Algorithm::HmacSha384,
            Algorithm::HmacSha512,
        ] {
            let length = algorithm.signature_bytes().expect("all have this length");
            let signature: Vec<u8> = (0..=u8::MAX).step_by(3).take(length).collect();
            for (encoding, others) in [
                (Encoding::Base64, vec![BASE64]),
                (Encoding::Base64Url, vec![BASE64URL, BASE64URL_NOPAD]),
                (Encoding::Hex, vec![HEXLOWER_PERMISSIVE]),
            ] {
                let agree = |text: &[u8]| {
                    let expected = others.iter().find_map(|other| {
                        let decoded = other.decode(text).ok();
                        decoded.filter(|bytes| bytes.len() == length)
                    });
                    let decoded = encoding.decode(text, algorithm);
                    let decoded = decoded.map(|Candidate(bytes)| {
                        let (signature, rest) = bytes.split_at(length);
                        assert!(rest.iter().all(|byte| *byte == 0), "not padded with zeros");
                        signature.to_vec()
                    });
                    let text = text.escape_ascii();
                    assert_eq!(decoded, expected, "{encoding:?}, {algorithm:?}: {text}");
                    expected.is_some()
                };
                for other in &others {
                    let valid = other.encode(&signature).into_bytes();
                    assert!(agree(&valid));
                    for position in 0..valid.len() {
                        let mut text = valid.clone();
                        for byte in 0..=u8::MAX {
                            text[position] = byte;
                            agree(&text);
                        }
                        // Two characters without a value must not cancel each other out.
                        for second in position + 1..valid.len() {
                            let mut text = valid.clone();
                            text[position] = b'!';
                            text[second] = b'!';
                            agree(&text);
                        }
                    }
                    for length in 0..valid.len() + 4 {
                        agree(&vec![b'A'; length]);
                        agree(&[vec![b'A'; length], vec![b'=']].concat());
                    }
                }
            }
        }
    }
}
