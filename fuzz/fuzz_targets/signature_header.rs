//! The header with the signature. The first byte selects the format. The rest is the value, in
//! which `$` means the genuine signature and `\x02` separates two headers.
#![no_main]

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
    rules.sign(&mut head, BODY);
    let expected = reference::accepts(&rules, &head, BODY);
    let layer = rules.layer().expect("rules without a contradiction");
    let body = Frames::of([BODY.into()]);
    assert_eq!(accepts(&layer, head, body, BODY), expected, "{rules:?}");
});

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
