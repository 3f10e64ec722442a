//! Texts that no strict parser accepts, but that genuine senders send.

use std::borrow::Cow;

/// The body as text. A byte order mark is left out, and bytes that are not UTF-8 become U+FFFD.
pub(super) fn of_body(body: &[u8]) -> Cow<'_, str> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    // Most bodies are valid, and for those `from_utf8` is faster than `from_utf8_lossy`.
    str::from_utf8(body).map_or_else(|_| String::from_utf8_lossy(body), Cow::Borrowed)
}

/// JSON with each lone surrogate, such as `\ud83d`, replaced by `\ufffd`. `None` when there is none.
///
/// JavaScript writes such an escape when it cuts a text in the middle of an emoji. RFC 8259 allows
/// it (section 8.2), and `serde_json` rejects it in every text that it reads. The length stays the
/// same, so a position in an error is still right.
pub(super) fn mend(json: &str) -> Option<String> {
    let mut mended = String::with_capacity(json.len());
    let mut changed = false;
    let mut rest = json;
    // In valid JSON a backslash is always the start of an escape.
    while let Some((before, escape)) = rest.split_once('\\') {
        mended.push_str(before);
        mended.push('\\');
        let Some((unit, after)) = code_unit(escape) else {
            let mut characters = escape.chars();
            mended.extend(characters.next());
            rest = characters.as_str();
            continue;
        };
        let low = after.strip_prefix('\\').and_then(code_unit);
        let keep = match (unit, low) {
            (0xd800..=0xdbff, Some((0xdc00..=0xdfff, after_both))) => {
                escape.strip_suffix(after_both).zip(Some(after_both))
            }
            (0xd800..=0xdfff, _) => None,
            _ => escape.strip_suffix(after).zip(Some(after)),
        };
        if let Some((kept, after)) = keep {
            mended.push_str(kept);
            rest = after;
        } else {
            mended.push_str("ufffd");
            changed = true;
            rest = after;
        }
    }
    mended.push_str(rest);
    changed.then_some(mended)
}

/// The UTF-16 code unit of `uXXXX`, and the text after it.
fn code_unit(escape: &str) -> Option<(u16, &str)> {
    let (digits, after) = escape.strip_prefix('u')?.split_at_checked(4)?;
    // `from_str_radix` also accepts a sign.
    let hexadecimal = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let unit = u16::from_str_radix(digits, 16).ok()?;
    hexadecimal.then_some((unit, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lone_surrogates_are_replaced_and_everything_else_is_kept() {
        for (json, mended) in [
            (r#""\ud83d""#, Some(r#""\ufffd""#)),
            (r#""\udE00 cut""#, Some(r#""\ufffd cut""#)),
            (r#""\ud83d\ud83d\ude00""#, Some(r#""\ufffd\ud83d\ude00""#)),
            (r#""\ud83d\n""#, Some(r#""\ufffd\n""#)),
            (r#""\ude00\ud83d""#, Some(r#""\ufffd\ufffd""#)),
            (r#""\ud83d\u0041""#, Some(r#""\ufffd\u0041""#)),
            (r#""\ud83d\ude00""#, None),
            // An escaped backslash, and then letters.
            (r#""\\ud83d""#, None),
            (r#""\u00fc é \"""#, None),
            // No JSON: nothing is replaced, and nothing panics.
            (r"\", None),
            (r"\u", None),
            (r"\ud8", None),
            (r"\u+d83", None),
            (r"\ué é", None),
            ("", None),
        ] {
            assert_eq!(mend(json).as_deref(), mended, "{json}");
            if let Some(mended) = mend(json) {
                assert_eq!(mended.len(), json.len());
                serde_json::from_str::<String>(&mended).expect("a text");
            }
        }
    }

    #[test]
    fn a_byte_order_mark_is_left_out_once() {
        assert_eq!(of_body(b"\xef\xbb\xbf{}"), "{}");
        assert_eq!(of_body("\u{feff}\u{feff}".as_bytes()), "\u{feff}");
        assert_eq!(of_body(b"\xff{}"), "\u{fffd}{}");
    }
}
