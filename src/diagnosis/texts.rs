//! Variants of the text of a key: the forms that the sender may use.

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};

use crate::{
    secret::Secret,
    text::{leaves_no_mark, never_typed},
};

/// The characters of secrets that are typed or generated.
const LETTERS: std::ops::RangeInclusive<u8> = b'!'..=b'~';

/// Texts that differ in one thing from the owner's text, and the difference.
pub(super) fn texts(secret: &Secret) -> Vec<(&'static str, Secret)> {
    let text = secret.as_bytes();
    let around = |before: &str, after: &str| [before.as_bytes(), text, after.as_bytes()].concat();
    let mut texts = vec![
        ("the sender's ends with a newline", around("", "\n")),
        ("the sender's ends with CR LF", around("", "\r\n")),
        ("the sender's ends with a space", around("", " ")),
        ("the sender's begins with a space", around(" ", "")),
        ("the sender's is in double quotes", around("\"", "\"")),
        ("the sender's is in single quotes", around("'", "'")),
        (
            "the configured text was decoded from base64",
            BASE64.encode(text).into_bytes(),
        ),
        (
            "the configured text was decoded from base64",
            BASE64_NOPAD.encode(text).into_bytes(),
        ),
        (
            "the configured text was decoded from base64url",
            BASE64URL.encode(text).into_bytes(),
        ),
        (
            "the configured text was decoded from base64url",
            BASE64URL_NOPAD.encode(text).into_bytes(),
        ),
        (
            "the configured text was decoded from hexadecimal digits",
            HEXLOWER.encode(text).into_bytes(),
        ),
        (
            "the configured text was decoded from hexadecimal digits",
            HEXUPPER.encode(text).into_bytes(),
        ),
        (
            "the sender's has no capital letters",
            text.to_ascii_lowercase(),
        ),
        (
            "the sender's has only capital letters",
            text.to_ascii_uppercase(),
        ),
    ];
    if let Ok(text) = str::from_utf8(text) {
        texts.extend(cleaned(text).map(|(what, text)| (what, text.as_bytes().to_vec())));
        let visible = |character: &char| !never_typed(*character) && !character.is_control();
        let visible: String = text.chars().filter(visible).collect();
        texts.push((
            "the configured text contains an invisible character",
            visible.into_bytes(),
        ));
    }
    texts
        .into_iter()
        .filter(|(_, other)| other != text)
        .filter_map(|(what, text)| Some((what, Secret::from_bytes(text).ok()?)))
        .collect()
}

/// The text without characters that people often copy together with a secret.
fn cleaned(text: &str) -> impl Iterator<Item = (&'static str, &str)> {
    let trimmed = text.trim_matches(leaves_no_mark);
    let quotes = ['"', '\'', '`', '“', '”', '‘', '’', '«', '»'];
    let unquoted = text
        .strip_prefix(quotes)
        .and_then(|text| text.strip_suffix(quotes));
    let value = text.split_once('=').map(|(_, value)| value);
    let unversioned = text.strip_prefix("v1,");
    let all = value.unwrap_or(trimmed);
    let all = all.trim_matches(|c| leaves_no_mark(c) || quotes.contains(&c));
    [
        (
            "the configured text has white space or an invisible character around it",
            Some(trimmed),
        ),
        ("the configured text is in quotation marks", unquoted),
        (
            "the configured text begins with the name of a variable",
            value,
        ),
        ("the configured text begins with \"v1,\"", unversioned),
        (
            "the configured text has quotation marks and white space around it",
            Some(all),
        ),
    ]
    .into_iter()
    .filter_map(|(what, text)| Some((what, text?)))
}

/// Calls `take` with all texts that differ from the owner's in one letter, until `take` returns `true`:
/// about 190 for each letter.
pub(super) fn typing_mistakes(
    secret: &Secret,
    mut take: impl FnMut(&'static str, usize, Secret) -> bool,
) {
    let text = secret.as_bytes();
    if !text.is_ascii() {
        return;
    }
    let mut attempt = |what, position, other: Vec<u8>| {
        Secret::from_bytes(other).is_ok_and(|other| take(what, position, other))
    };
    for position in 0..=text.len() {
        let (before, after) = text.split_at(position);
        for letter in LETTERS {
            let other = [before, &[letter], after].concat();
            if attempt(
                "a letter is missing in the configured text",
                position,
                other,
            ) {
                return;
            }
        }
        let [first, rest @ ..] = after else {
            continue;
        };
        let what = if before.last() == Some(first) || rest.first() == Some(first) {
            "a letter is doubled in the configured text"
        } else {
            "the configured text has a letter too many"
        };
        if attempt(what, position, [before, rest].concat()) {
            return;
        }
        if let [second, rest @ ..] = rest
            && attempt(
                "two letters are exchanged in the configured text",
                position,
                [before, &[*second, *first], rest].concat(),
            )
        {
            return;
        }
        for letter in LETTERS.filter(|letter| letter != first) {
            let other = [before, &[letter], rest].concat();
            if attempt("a letter is wrong in the configured text", position, other) {
                return;
            }
        }
    }
}
