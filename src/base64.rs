//! Base64 with padding, decoded strictly: each sequence of bytes has one text.

use data_encoding::BASE64_NOPAD;

/// Decodes the base64 of [RFC 4648 section 4](https://www.rfc-editor.org/rfc/rfc4648#section-4).
pub(crate) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    BASE64_NOPAD.decode(without_padding(text)?).ok()
}

/// The text without its padding, for an encoding without padding. `None` if the text has not the length that padding
/// gives it.
///
/// `data_encoding::BASE64` also accepts padding inside a text, and decodes each part on its own: `AA==AA==`. An
/// encoding without padding rejects it.
pub(crate) fn without_padding(text: &[u8]) -> Option<&[u8]> {
    let whole = text.len().is_multiple_of(4).then_some(text)?;
    let shorter = whole.strip_suffix(b"==");
    Some(
        shorter
            .or_else(|| whole.strip_suffix(b"="))
            .unwrap_or(whole),
    )
}

/// The same for a text that may also have no padding.
pub(crate) fn without_optional_padding(text: &[u8]) -> Option<&[u8]> {
    match text.ends_with(b"=") {
        true => without_padding(text),
        false => Some(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of RFC 4648 section 10.
    #[test]
    fn each_text_is_padded_as_the_rfc_says() {
        for (text, bytes) in [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYg==", "foob"),
            ("Zm9vYmE=", "fooba"),
            ("Zm9vYmFy", "foobar"),
        ] {
            assert_eq!(decode(text.as_bytes()).as_deref(), Some(bytes.as_bytes()));
        }
    }

    #[test]
    fn other_texts_for_the_same_bytes_are_rejected() {
        for text in [
            // Padding inside, missing, too long, and alone.
            "Zg==Zg==", "Zm8=Zm8=", "Zm8=Zm9v", "Zg", "Zg=", "Zg===", "Zm8", "Zm8==", "Zm9v=",
            "Zm9v====", "=", "==", "===", "====",
            // Bits that are not used are not zero.
            "Zh==", "Zm9=", // Other characters.
            "Zm 9v", "Zm9v\n", "Zm-_",
        ] {
            assert_eq!(decode(text.as_bytes()), None, "{text:?}");
        }
    }
}
