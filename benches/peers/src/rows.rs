//! The rows of the table: a request, and the receivers that do the same work for it.

use bytes::Bytes;
use data_encoding::{BASE64, HEXLOWER};
use hmac::{Hmac, KeyInit, Mac};
use http::Request;
use sha1::Sha1;
use sha2::Sha256;

use crate::{
    frames::Frames,
    receivers::{Receiver, Scheme},
};

pub const KEY: &str = "yIRFMTpsBcAKKRjJPCIykNo6EkNxJn_nq01-_r3S8i4";
/// The key behind `whsec_`, as Standard Webhooks writes it.
pub const WHSEC: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// The time at which every row is signed and judged, in seconds since 1970.
pub const NOW: u64 = 1_700_000_000;

pub struct Row {
    pub name: String,
    pub accepted: bool,
    pub request: Request<Frames>,
    pub receivers: Vec<(&'static str, Receiver)>,
}

struct Shape {
    name: &'static str,
    size: usize,
    frame: usize,
    declared: bool,
}

const WHOLE: usize = usize::MAX;
const KIB: usize = 1024;
const MIB: usize = 1024 * 1024;

const SHAPES: [Shape; 9] = [
    shape("300 B", 300, WHOLE, true),
    shape("20 kB", 20_000, WHOLE, true),
    shape("1 MiB", MIB, WHOLE, true),
    shape("1 MiB in 1 KiB frames", MIB, KIB, true),
    shape("1 MiB in 16 KiB frames", MIB, 16 * KIB, true),
    shape("1 MiB in 256 KiB frames", MIB, 256 * KIB, true),
    shape("1 MiB in 1 KiB frames, chunked", MIB, KIB, false),
    shape("1 MiB in 16 KiB frames, chunked", MIB, 16 * KIB, false),
    shape("1 MiB in 256 KiB frames, chunked", MIB, 256 * KIB, false),
];

const fn shape(name: &'static str, size: usize, frame: usize, declared: bool) -> Shape {
    Shape {
        name,
        size,
        frame,
        declared,
    }
}

pub fn all() -> Vec<Row> {
    let mut rows = Vec::new();
    for shape in &SHAPES {
        rows.push(github(shape, "SHA-256", Signature::Right));
    }
    for shape in [&SHAPES[0], &SHAPES[3]] {
        rows.push(github_complete(shape));
    }
    for shape in &SHAPES[..3] {
        rows.push(github_sha1(shape));
    }
    for candidates in [1, 16] {
        rows.push(stripe(candidates));
        rows.push(standard_webhooks(candidates));
    }
    rows.push(github(&SHAPES[0], "no signature", Signature::Missing));
    rows.push(github(&SHAPES[0], "wrong signature", Signature::Wrong));
    for row in &rows {
        for (name, receive) in &row.receivers {
            let accepted = receive(row.request.clone());
            assert_eq!(accepted, row.accepted, "{}: {name}", row.name);
        }
    }
    rows
}

#[derive(PartialEq)]
enum Signature {
    Missing,
    Right,
    Wrong,
}

/// A JSON object of exactly this many bytes.
fn body(size: usize) -> Bytes {
    let frame =
        br#"{"ref":"refs/heads/main","after":"6dcb09b5b57875f334f61aebed695e2e4193db5e","pad":""}"#;
    let pad = "x".repeat(size - frame.len());
    let text = format!(
        r#"{{"ref":"refs/heads/main","after":"6dcb09b5b57875f334f61aebed695e2e4193db5e","pad":"{pad}"}}"#
    );
    assert_eq!(text.len(), size);
    text.into()
}

fn sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    mac.chain_update(message).finalize().into_bytes().into()
}

fn github(shape: &Shape, what: &str, signature: Signature) -> Row {
    let body = body(shape.size);
    let mut tag = sha256(KEY.as_bytes(), &body);
    if signature == Signature::Wrong {
        tag[0] ^= 1;
    }
    let mut request = Request::post("/hook");
    if signature != Signature::Missing {
        request = request.header(
            "x-hub-signature-256",
            format!("sha256={}", HEXLOWER.encode(&tag)),
        );
    }
    let accepted = signature == Signature::Right;
    let mut receivers = vec![
        ("ours", Scheme::GitHub.ours()),
        ("webhook-verify", Scheme::GitHub.webhook_verify()),
        (
            "tower-github-webhook",
            crate::receivers::tower_github_webhook(),
        ),
    ];
    // Without a signature there is nothing that a floor has to do.
    if signature != Signature::Missing {
        receivers.insert(
            0,
            (
                "floor",
                crate::receivers::floor::<Sha256>(KEY.as_bytes(), Vec::new(), tag.to_vec()),
            ),
        );
    }
    Row {
        name: format!("{}, {what}", shape.name),
        accepted,
        request: request
            .body(Frames::new(body, shape.frame, shape.declared))
            .expect("a request"),
        receivers,
    }
}

/// All receivers limit the body, and put an event into the request's extensions. Ours always does. The peers get a layer
/// in front of them and a service behind them.
fn github_complete(shape: &Shape) -> Row {
    let plain = github(
        shape,
        "SHA-256, with a limit and an event",
        Signature::Right,
    );
    let receivers = plain.receivers.into_iter().map(|(name, receive)| {
        let receive = match name {
            "webhook-verify" => Scheme::GitHub.webhook_verify_complete(),
            "tower-github-webhook" => crate::receivers::tower_github_webhook_complete(),
            _ => receive,
        };
        (name, receive)
    });
    Row {
        receivers: receivers.collect(),
        ..plain
    }
}

fn github_sha1(shape: &Shape) -> Row {
    let body = body(shape.size);
    let mac = Hmac::<Sha1>::new_from_slice(KEY.as_bytes()).expect("a key of any length");
    let tag = mac.chain_update(&body).finalize().into_bytes().to_vec();
    Row {
        name: format!("{}, SHA-1", shape.name),
        accepted: true,
        request: Request::post("/hook")
            .header("x-hub-signature", format!("sha1={}", HEXLOWER.encode(&tag)))
            .body(Frames::new(body, shape.frame, shape.declared))
            .expect("a request"),
        receivers: vec![
            (
                "floor",
                crate::receivers::floor::<Sha1>(KEY.as_bytes(), Vec::new(), tag),
            ),
            ("ours", Scheme::GitHubSha1.ours()),
            ("webhook-verify", Scheme::GitHubSha1.webhook_verify()),
        ],
    }
}

/// The right signature is the last candidate, so that all of them are read.
fn stripe(candidates: usize) -> Row {
    let body = body(300);
    let prefix = format!("{NOW}.").into_bytes();
    let tag = sha256(KEY.as_bytes(), &[&prefix[..], &body].concat());
    let other = HEXLOWER.encode(&[0x5a; 32]);
    let mut header = format!("t={NOW}");
    for _ in 1..candidates {
        header += &format!(",v1={other}");
    }
    header += &format!(",v1={}", HEXLOWER.encode(&tag));
    Row {
        name: format!("Stripe, {candidates} signatures"),
        accepted: true,
        request: Request::post("/hook")
            .header("stripe-signature", header)
            .body(Frames::new(body, WHOLE, true))
            .expect("a request"),
        receivers: vec![
            (
                "floor",
                crate::receivers::floor::<Sha256>(KEY.as_bytes(), prefix, tag.to_vec()),
            ),
            ("ours", Scheme::Stripe.ours()),
            ("webhook-verify", Scheme::Stripe.webhook_verify()),
        ],
    }
}

fn standard_webhooks(candidates: usize) -> Row {
    let body = body(300);
    let prefix = format!("msg_1.{NOW}.").into_bytes();
    let key = BASE64
        .decode(WHSEC.trim_start_matches("whsec_").as_bytes())
        .expect("base64");
    let tag = sha256(&key, &[&prefix[..], &body].concat());
    let other = format!("v1,{}", BASE64.encode(&[0x5a; 32]));
    let mut items = vec![other; candidates - 1];
    items.push(format!("v1,{}", BASE64.encode(&tag)));
    Row {
        name: format!("Standard Webhooks, {candidates} signatures"),
        accepted: true,
        request: Request::post("/hook")
            .header("webhook-id", "msg_1")
            .header("webhook-timestamp", NOW.to_string())
            .header("webhook-signature", items.join(" "))
            .body(Frames::new(body, WHOLE, true))
            .expect("a request"),
        receivers: vec![
            (
                "floor",
                crate::receivers::floor::<Sha256>(&key, prefix, tag.to_vec()),
            ),
            ("ours", Scheme::StandardWebhooks.ours()),
            ("webhook-verify", Scheme::StandardWebhooks.webhook_verify()),
        ],
    }
}
