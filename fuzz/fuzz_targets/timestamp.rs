//! The timestamp, with a genuine signature. The first byte selects the format, eight bytes set the
//! clock, eight bytes set the tolerance, and the rest is the text.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use tower_webhook_auth::Piece;
use tower_webhook_auth_fuzz::{
    Rules, SIGNATURE, TIMESTAMP, Time, Unit, accepts, frames::Frames, head, reference,
};

const BODY: &[u8] = b"Hello, World!";

const UNITS: [Unit; 5] = [
    Unit::Seconds,
    Unit::Milliseconds,
    Unit::Rfc3339,
    Unit::HttpDate,
    Unit::Rfc3339WithoutZone,
];

fuzz_target!(|input: &[u8]| {
    let Some(([choice], input)) = input.split_first_chunk() else {
        return;
    };
    let Some((now, input)) = input.split_first_chunk() else {
        return;
    };
    let Some((tolerance, text)) = input.split_first_chunk() else {
        return;
    };
    let seconds = |bytes: &[u8; 8]| Duration::from_secs(u64::from_le_bytes(*bytes));
    let tagged = choice & 1 != 0;
    let rules = Rules {
        item_separator: tagged.then_some(','),
        tags: tagged.then_some(('=', &["v1"])),
        time: Some(Time {
            tag: tagged.then_some("t"),
            unit: UNITS[usize::from(choice >> 4) % UNITS.len()],
            tolerance: (choice & 4 == 0).then_some(seconds(tolerance)),
            past_only: choice & 2 != 0,
            now: seconds(now),
        }),
        pieces: vec![Piece::Timestamp, Piece::literal("."), Piece::Body],
        ..Rules::default()
    };
    let signature = if tagged {
        [b"t=", text, b",v1=$"].concat()
    } else {
        b"$".to_vec()
    };
    let Some(mut head) = head([(SIGNATURE, signature.as_slice()), (TIMESTAMP, text)]) else {
        return;
    };
    rules.sign(&mut head, BODY);
    let expected = reference::accepts(&rules, &head, BODY);
    // Not every number of seconds is a time of the system's clock.
    let Some(layer) = rules.layer() else {
        return;
    };
    let body = Frames::of([BODY.into()]);
    assert_eq!(accepts(&layer, head, body, BODY), expected, "{rules:?}");
});
