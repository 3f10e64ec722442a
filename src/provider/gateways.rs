//! Webhook gateways and data pipelines.

use super::prelude::*;

senders! { Gateways;

fn ascend(keys) -> Provider<Bytes> {
    title: "Ascend",
    scheme: SignatureScheme::hmac_sha256("x-ascend-signature")
        .item_separator(',')
        .tags('=', ["v1"])
        .timestamp(Timestamp::tag("t"))
        .signed([Piece::Timestamp, Piece::literal(":"), Piece::Body]),
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}

/// The simple signature in hexadecimal digits. Header and encoding are settings of Convoy. For the
/// advanced signature use [`convoy_advanced`].
fn convoy(keys) -> Provider<Bytes> {
    title: "Convoy",
    scheme: SignatureScheme::hmac_sha256("x-convoy-signature"),
    source: Source, "2026-11-27", ["https://github.com/frain-dev/convoy/blob/2b60cc652/pkg/signature/testdata/signature-vectors.json"],
}

/// The advanced signature, with a time. Header and encoding are settings of Convoy. No tolerance is known:
/// the time may be of any age.
fn convoy_advanced(keys) -> Provider<Bytes> {
    title: "Convoy (advanced)",
    scheme: SignatureScheme::hmac_sha256("x-convoy-signature")
        .item_separator(',')
        .tags('=', ["v1"])
        .timestamp(Timestamp::tag("t").accept_any_age())
        .signed([Piece::Timestamp, Piece::literal(","), Piece::Body]),
    source: Source, "2026-11-27", ["https://github.com/frain-dev/convoy/blob/2b60cc652/pkg/signature/testdata/signature-vectors.json"],
}

fn faundit(keys) -> Provider<Bytes> {
    title: "Faundit",
    scheme: SignatureScheme::hmac_sha256("x-faundit-signature-next")
        .timestamp(Timestamp::header("x-faundit-timestamp"))
        .signed([Piece::literal("v1:"), Piece::Timestamp, Piece::literal(":"), Piece::Body]),
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}

/// The digits of the signature are upper-case.
fn fivetran(keys) -> Provider<Bytes> {
    title: "Fivetran",
    scheme: SignatureScheme::hmac_sha256("x-fivetran-signature-256"),
    source: SecondHand, "2026-11-27", [],
}

/// While a secret is replaced, Hookdeck sends a second signature. Either may match.
fn hookdeck(keys) -> Provider<Bytes> {
    title: "Hookdeck",
    scheme: shapes::base64("x-hookdeck-signature")
        .parallel_header("x-hookdeck-signature-2"),
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}

/// QStash has two signing keys, the current one and the next one: give both. The URL is that of the
/// destination, as it was published. `upstash-message-id` is the same for all attempts, and is not signed.
fn qstash(keys, url) -> Provider<Bytes> {
    title: "Upstash QStash",
    aliases: ["Upstash Workflow"],
    scheme: JwtScheme::hs256("upstash-signature")
        .issuer("Upstash")
        .url_claim("sub")
        .url(url)
        .body_hash("body", BodyDigest::Sha256Base64Url)
        .id_claim("jti"),
    source: Source, "2026-11-27", ["https://github.com/upstash/qstash-js/blob/main/src/receiver.ts"],
}

/// Segment signs only the first event of a batch. A batch is rejected here: turn batching off. Segment signs
/// only where a secret is set.
fn segment(keys) -> Provider<Bytes> {
    title: "Segment",
    aliases: ["Twilio Segment"],
    scheme: SignatureScheme::hmac_sha1("x-signature"),
    retries: "for four hours, after 5xx and after a timeout",
    source: Docs, "2026-11-27", ["https://segment.com/docs/connections/destinations/catalog/webhooks/"],
}

/// The time `t` in the header is not signed and not read.
fn upollo(keys) -> Provider<Bytes> {
    title: "Upollo",
    scheme: SignatureScheme::hmac_sha512("upollo-signature")
        .item_separator(',')
        .tags(':', ["s0"]),
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}
}
