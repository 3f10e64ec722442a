//! Publishing, communities, media, health.

use super::prelude::*;

senders! { Content;

/// Either signature may match either key, so you can exchange one key after the other.
/// `BOX-SIGNATURE-VERSION: 1` and `BOX-SIGNATURE-ALGORITHM: HmacSHA256` are required. Box documents an age
/// of ten minutes. The vendor's libraries reject any time in the future; this preset accepts one of up
/// to ten minutes, because clocks differ.
fn box_com(keys) -> Provider<Bytes> {
    title: "Box",
    aliases: ["box"],
    scheme: shapes::base64("box-signature-primary")
        .parallel_header("box-signature-secondary")
        .require_header("box-signature-version", "1")
        .require_header("box-signature-algorithm", "HmacSHA256")
        .timestamp(
            Timestamp::header("box-delivery-timestamp")
                .rfc3339()
                .tolerance(Duration::from_secs(600)),
        )
        .signed([Piece::Body, Piece::Timestamp]),
    id: ["box-delivery-id"],
    source: Source, "2026-11-27", [
        "https://developer.box.com/guides/webhooks/v2/signatures-v2/",
        "https://github.com/box/box-node-sdk/blob/main/src/managers/webhooks.ts",
    ],
}

/// Cloudflare leaves the tolerance to the receiver.
fn cloudflare_stream(keys) -> Provider<Bytes> {
    title: "Cloudflare Stream",
    scheme: shapes::stripe_like("webhook-signature", "sig1", Timestamp::tag("time")),
    source: Docs, "2026-11-27", ["https://developers.cloudflare.com/stream/manage-video-library/using-webhooks/"],
}

/// A time in the future is accepted, as in the vendor's libraries.
fn elevenlabs(keys) -> Provider<Bytes> {
    title: "ElevenLabs",
    scheme: shapes::stripe_like(
        "elevenlabs-signature",
        "v0",
        Timestamp::tag("t").tolerance(Duration::from_secs(1800)).past_only(),
    ),
    source: Source, "2026-11-27", [
        "https://elevenlabs.io/docs/overview/administration/webhooks",
        "https://github.com/elevenlabs/elevenlabs-python/blob/main/src/elevenlabs/webhooks_custom.py",
    ],
}

fn mux(keys) -> Provider<Bytes> {
    title: "Mux",
    scheme: shapes::stripe_like("mux-signature", "v1", Timestamp::tag("t")),
    source: Docs, "2026-11-27", ["https://www.mux.com/docs/core/verify-webhook-signatures"],
}

/// The time may be of any age, as in the vendor's library: look at
/// [`Verified::signed_at`](crate::Verified::signed_at).
fn sanity(keys) -> Provider<Bytes> {
    title: "Sanity",
    scheme: shapes::stripe_like(
        "sanity-webhook-signature",
        "v1",
        Timestamp::tag("t").milliseconds().accept_any_age(),
    )
    .encoding(Encoding::Base64Url),
    id: ["idempotency-key"],
    source: Source, "2026-11-27", [
        "https://www.sanity.io/docs/content-lake/webhook-best-practices",
        "https://github.com/sanity-io/webhook-toolkit/blob/main/src/signature.ts",
    ],
}

fn webflow(keys) -> Provider<Bytes> {
    title: "Webflow",
    scheme: SignatureScheme::hmac_sha256("x-webflow-signature")
        .timestamp(Timestamp::header("x-webflow-timestamp").milliseconds())
        .signed([Piece::Timestamp, Piece::literal(":"), Piece::Body]),
    source: Source, "2026-11-27", [
        "https://developers.webflow.com/data/docs/working-with-webhooks",
        "https://github.com/webflow/js-webflow-api/blob/master/src/wrapper/WebhooksClient.ts",
    ],
}
}
