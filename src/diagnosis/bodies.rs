//! Variants of the body: the forms that the sender may have signed before a proxy changed the
//! body.

use std::collections::BTreeMap;

use serde_json::Value;

/// Calls `take` with each variant of the delivered body, and with the change that leads to it.
/// Only one variant exists at a time, and none is longer than four times the delivered body and 1
/// KiB.
pub(super) fn bodies(body: &[u8], take: &mut dyn FnMut(&'static str, &[u8])) {
    let most = body.len().saturating_mul(4).saturating_add(1024);
    let mut take = |what, other: &[u8]| {
        if other != body && other.len() <= most {
            take(what, other);
        }
    };
    ends(body, &mut take);
    let text = str::from_utf8(body);
    if body.contains(&b'\n') {
        let unix = replaced(body, b"\r\n", b"\n");
        take("LF became CR LF", &unix);
        take("CR LF became LF", &replaced(&unix, b"\n", b"\r\n"));
    }
    match text {
        Ok(text) => {
            let latin1: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(c).ok()).collect();
            if let Some(latin1) = latin1 {
                take("Latin-1 became UTF-8", &latin1);
            }
        }
        Err(_) => {
            let utf8: String = body.iter().map(|byte| char::from(*byte)).collect();
            take("UTF-8 became Latin-1", utf8.as_bytes());
        }
    }
    if let Ok(text) = text
        && let Ok(value) = serde_json::from_str::<Value>(text)
    {
        json(text, &value, most, &mut take);
    }
    take("the sender signs an empty body", b"");
}

/// Changes at the beginning and the end.
fn ends(body: &[u8], take: &mut dyn FnMut(&'static str, &[u8])) {
    const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
    take("a newline was cut from its end", &[body, b"\n"].concat());
    take("CR LF was cut from its end", &[body, b"\r\n"].concat());
    if let Some(rest) = body.strip_suffix(b"\n") {
        take("a newline was added to its end", rest);
        if let Some(rest) = rest.strip_suffix(b"\r") {
            take("CR LF was added to its end", rest);
        }
    }
    match body.strip_prefix(BYTE_ORDER_MARK) {
        Some(rest) => take("a byte order mark was added", rest),
        None => take(
            "a byte order mark was cut",
            &[BYTE_ORDER_MARK, body].concat(),
        ),
    }
}

/// Other ways to write the same JSON. Only white space and escapes change, and in the last one the order of
/// keys. No parser is used: it would change numbers such as `1.0`, and lose keys that occur twice.
fn json(text: &str, value: &Value, most: usize, take: &mut dyn FnMut(&'static str, &[u8])) {
    const SPACED: &str = "white space was added to its JSON";
    const COMPACT: &str = "white space was removed from its JSON";
    const ESCAPED: &str = "the escapes in its JSON were decoded";
    let compact = respaced(text, "");
    let spaced = respaced(&compact, " ");
    take(SPACED, compact.as_bytes());
    take(COMPACT, spaced.as_bytes());
    for indent in ["  ", "    ", "\t"] {
        if let Some(indented) = indented(&compact, indent, most) {
            take(COMPACT, indented.as_bytes());
        }
    }
    let slashes = compact.replace("\\/", "/");
    take("the slashes in its JSON were escaped", slashes.as_bytes());
    let slashes = slashes.replace('/', "\\/");
    take("the slashes in its JSON were unescaped", slashes.as_bytes());
    // PHP writes both escapes, and Python the second and spaces.
    take(ESCAPED, escaped(&compact).as_bytes());
    take(ESCAPED, escaped(&slashes).as_bytes());
    take(ESCAPED, escaped(&spaced).as_bytes());
    take(
        "letters in its JSON were escaped",
        unescaped(&compact).as_bytes(),
    );
    let mut sorted = String::new();
    write_sorted(value, &mut sorted);
    take(
        "the keys in its JSON were in alphabetical order",
        sorted.as_bytes(),
    );
}

fn replaced(body: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some((first, after)) = rest.split_first() {
        if let Some(after) = rest.strip_prefix(from) {
            out.extend_from_slice(to);
            rest = after;
        } else {
            out.push(*first);
            rest = after;
        }
    }
    out
}

/// Calls `each` with every character, and whether it belongs to a string or is one of its quotes.
fn each_token(json: &str, mut each: impl FnMut(char, bool)) {
    let (mut in_string, mut is_escaped) = (false, false);
    for character in json.chars() {
        let quote = character == '"' && !is_escaped;
        each(character, in_string || quote);
        if quote {
            in_string = !in_string;
        }
        is_escaped = in_string && character == '\\' && !is_escaped;
    }
}

/// JSON without white space between its tokens, and with `space` after each colon and comma.
fn respaced(json: &str, space: &str) -> String {
    let mut out = String::with_capacity(json.len());
    each_token(json, |character, in_string| {
        if !in_string && character.is_ascii_whitespace() {
            return;
        }
        out.push(character);
        if !in_string && matches!(character, ':' | ',') {
            out.push_str(space);
        }
    });
    out
}

/// Compact JSON with each entry on its own line. `None` if it is longer than `most` bytes: a body of
/// nested lists would become many times as long.
fn indented(compact: &str, indent: &str, most: usize) -> Option<String> {
    let mut out = String::new();
    let mut depth = 0_usize;
    let mut is_opened = false;
    each_token(compact, |character, in_string| {
        if out.len() > most {
            return;
        }
        let line = |out: &mut String, depth: usize| {
            out.push('\n');
            for _ in 0..depth {
                out.push_str(indent);
            }
        };
        let closes = !in_string && matches!(character, '}' | ']');
        if closes {
            depth = depth.saturating_sub(1);
        }
        if closes != is_opened {
            line(&mut out, depth);
        }
        is_opened = !in_string && matches!(character, '{' | '[');
        out.push(character);
        match character {
            _ if in_string => {}
            '{' | '[' => depth = depth.saturating_add(1),
            ',' => line(&mut out, depth),
            ':' => out.push(' '),
            _ => {}
        }
    });
    (out.len() <= most).then_some(out)
}

/// All characters that are not ASCII as `\uXXXX`.
fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut units = [0; 2];
    for character in json.chars() {
        if character.is_ascii() {
            out.push(character);
        } else {
            for unit in character.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    out
}

/// All `\uXXXX` of characters that are not ASCII as these characters.
fn unescaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(before);
        let (character, after) = match decoded(escape) {
            Some((character, after)) if !character.is_ascii() => (Some(character), after),
            // The backslash and the character after it, which may be another backslash.
            _ => {
                let mut characters = escape.chars();
                out.extend(characters.by_ref().take(2));
                (None, characters.as_str())
            }
        };
        out.extend(character);
        rest = after;
    }
    out.push_str(rest);
    out
}

/// The character of the escape at the beginning, and the text after it.
fn decoded(escape: &str) -> Option<(char, &str)> {
    let unit = |text: &'_ str| {
        let digits = text.strip_prefix("\\u")?.get(..4)?;
        let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_hex.then(|| u16::from_str_radix(digits, 16).ok())?
    };
    let first = unit(escape)?;
    let after = escape.get(6..)?;
    let second = unit(after);
    let units = [Some(first), second].into_iter().flatten();
    let character = char::decode_utf16(units).next()?.ok()?;
    let after = match character.len_utf16() {
        1 => after,
        _ => after.get(6..)?,
    };
    Some((character, after))
}

/// Compact JSON with the keys of each object in alphabetical order.
fn write_sorted(value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_sorted(item, out);
            }
            out.push(']');
        }
        Value::Object(entries) => {
            out.push('{');
            // With its feature `preserve_order`, `serde_json` keeps the order of the text.
            let sorted: BTreeMap<_, _> = entries.iter().collect();
            for (index, (key, value)) in sorted.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push(':');
                write_sorted(value, out);
            }
            out.push('}');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_changes_and_numbers_and_doubled_keys_stay() {
        let json = r#"{ "a" : 1.0, "b": [1e3, -0], "a": "x: y,\" z", "c":{}, "d":[ ] }"#;
        let compact = r#"{"a":1.0,"b":[1e3,-0],"a":"x: y,\" z","c":{},"d":[]}"#;
        assert_eq!(respaced(json, ""), compact);
        let spaced = r#"{"a": 1.0, "b": [1e3, -0], "a": "x: y,\" z", "c": {}, "d": []}"#;
        assert_eq!(respaced(compact, " "), spaced);
        let lines = "{\n  \"a\": 1.0,\n  \"b\": [\n    1e3,\n    -0\n  ],\n  \"a\": \"x: y,\\\" z\",\n  \
                     \"c\": {},\n  \"d\": []\n}";
        for most in 0..=lines.len() + 1 {
            let expected = (lines.len() <= most).then_some(lines);
            assert_eq!(indented(compact, "  ", most).as_deref(), expected, "{most}");
        }
    }

    /// It was tried already, and it does not match.
    #[test]
    fn the_delivered_body_is_not_one_of_its_variants() {
        for body in [r#"{"a":[1,{"b":"/"}]}"#, "text", "text\n", "", "gr\u{fc}n"] {
            bodies(body.as_bytes(), &mut |what, other| {
                assert_ne!(other, body.as_bytes(), "{what}");
            });
        }
    }

    #[test]
    fn escapes_are_written_and_read() {
        let plain = r#"{"a":"grün \\u00fc 🦀","b":"\n\u0041"}"#;
        let escaped_text = r#"{"a":"gr\u00fcn \\u00fc \ud83e\udd80","b":"\n\u0041"}"#;
        assert_eq!(escaped(plain), escaped_text);
        assert_eq!(unescaped(escaped_text), plain);
        for broken in [r"\", r"\u", r"\u12", r"\ud83e", r"\ud83e\u0041", r"\ud83eé"] {
            assert_eq!(unescaped(broken), broken);
        }
    }

    /// Lists in lists become many times as long when each entry has its own line.
    #[test]
    fn no_variant_is_much_longer_than_the_body() {
        let depth = 120;
        let body = format!(
            "{}{}0{}",
            "[".repeat(depth),
            "0,".repeat(20_000),
            "]".repeat(depth)
        );
        let mut longest = 0;
        bodies(body.as_bytes(), &mut |_, other| {
            longest = longest.max(other.len())
        });
        assert!(longest <= body.len() * 4 + 1024, "{longest}");
        assert!(indented(&body, "    ", body.len() * 4).is_none());
    }
}
