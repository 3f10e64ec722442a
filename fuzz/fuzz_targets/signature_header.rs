//! The header with the signature. The first byte selects the format. The rest is the value, in
//! which `$` means the genuine signature and `\x02` separates two headers. `*` means the genuine signature in another
//! text, which the character after it selects: `*a` in upper case, and so on.
#![no_main]

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE},
};
use http::HeaderValue;
use libfuzzer_sys::fuzz_target;
use tower_webhook_auth::{Encoding, Piece};
use tower_webhook_auth_fuzz::{
    Hash, Rules, SIGNATURE, Time, accepts, frames::Frames, head, reference,
};

const BODY: &[u8] = b"Hello, World!";

fuzz_target!(|input: &[u8]| {
    let Some((choice, value)) = input.split_first() else {
        return;
    };
    let values = value.split(|byte| *byte == 2);
    let Some(mut head) = head(values.map(|value| (SIGNATURE, value))) else {
        return;
    };
    let rules = rules(choice.wrapping_sub(b'!'));
    if value.contains(&b'*')
        && let Some(tag) = reference::tag(&rules, &head, BODY, reference::Separators::Ignored)
    {
        for value in head.headers.values_mut() {
            *value = with_other_texts(value, rules.encoding, &tag);
        }
    }
    rules.sign(&mut head, BODY);
    let expected = reference::accepts(&rules, &head, BODY);
    let layer = rules.layer().expect("rules without a contradiction");
    let body = Frames::of([BODY.into()]);
    assert_eq!(accepts(&layer, head, body, BODY), expected, "{rules:?}");
});

/// The value, with another text of the signature in place of each `*` and the character after it.
fn with_other_texts(value: &HeaderValue, encoding: Encoding, tag: &[u8]) -> HeaderValue {
    let mut pieces = value.as_bytes().split(|byte| *byte == b'*');
    let mut filled = pieces.next().unwrap_or_default().to_vec();
    for piece in pieces {
        let (choice, rest) = piece.split_first().unwrap_or((&b'a', &[]));
        filled.extend(other_text(choice.wrapping_sub(b'a'), encoding, tag).into_bytes());
        filled.extend_from_slice(rest);
    }
    HeaderValue::from_bytes(&filled).expect("texts that a header can contain")
}

/// A text that is like the genuine signature. Some of these are accepted, such as digits in upper case.
fn other_text(choice: u8, encoding: Encoding, tag: &[u8]) -> String {
    let text = reference::encode(encoding, tag);
    let base64 = |bytes: &[u8]| match encoding {
        Encoding::Base64Url => URL_SAFE.encode(bytes),
        _ => STANDARD.encode(bytes),
    };
    let written = match encoding {
        Encoding::Base64OfHex => hex::encode(tag).into_bytes(),
        _ => tag.to_vec(),
    };
    let digits = text.trim_end_matches('=');
    let (all_but_last, last) = digits.split_at(digits.len() - 1);
    match choice % 7 {
        0 if matches!(encoding, Encoding::Base64OfHex) => base64(hex::encode_upper(tag).as_bytes()),
        0 => text.to_uppercase(),
        1 => all_but_last.to_owned(),
        2 => format!("{text}="),
        3 => digits.to_owned(),
        // Two texts, each with its padding.
        4 => {
            let (first, second) = written.split_at(16);
            base64(first) + &base64(second)
        }
        // Bits that are not used are not zero.
        5 => {
            let next = char::from(last.as_bytes()[0] + 1);
            format!("{all_but_last}{next}{}", &text[digits.len()..])
        }
        _ => base64(&written),
    }
}

fn rules(choice: u8) -> Rules {
    let hash = [Hash::Sha1, Hash::Sha256, Hash::Sha512][usize::from(choice % 3)];
    let encoding =
        [Encoding::Hex, Encoding::Base64, Encoding::Base64Url][usize::from(choice / 3 % 3)];
    let rules = Rules {
        hash,
        encoding,
        ..Rules::default()
    };
    let timed = |tag| Rules {
        time: Some(Time::seconds(Some(tag))),
        pieces: vec![Piece::Timestamp, Piece::literal("."), Piece::Body],
        ..rules.clone()
    };
    match choice / 9 % 11 {
        0 => rules,
        1 => Rules {
            tags: Some(('=', &["sha1", "sha256", "sha512"])),
            ..rules
        },
        2 => Rules {
            item_separator: Some(','),
            tags: Some(('=', &["v1"])),
            ..timed("t")
        },
        3 => Rules {
            item_separator: Some(' '),
            tags: Some((',', &["v1"])),
            ..rules
        },
        4 => Rules {
            item_separator: Some(';'),
            tags: Some(('=', &["h1"])),
            ..timed("ts")
        },
        5 => Rules {
            item_separator: Some(','),
            ..rules
        },
        // As Infisical, with a separator that is not part of base64.
        6 => Rules {
            item_separator: Some(';'),
            untagged: true,
            tags: Some((':', &[])),
            ..timed("t")
        },
        // As Persona.
        7 => Rules {
            groups: Some(' '),
            item_separator: Some(','),
            tags: Some(('=', &["v1"])),
            ..timed("t")
        },
        // As Recurly.
        8 => Rules {
            item_separator: Some(','),
            time_first: true,
            time: Some(Time::seconds(None)),
            ..timed("t")
        },
        // As Mollie.
        9 => Rules {
            repeatable: true,
            tags: Some(('=', &["sha256"])),
            ..rules
        },
        // As Solidgate.
        _ => Rules {
            encoding: Encoding::Base64OfHex,
            ..rules
        },
    }
}
