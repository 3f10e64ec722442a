//! Webhook gateways and data pipelines.

use super::prelude::*;

senders! { Gateways;

/// Segment signs only the first event of a batch. A batch is rejected here: turn batching off.
fn segment(keys) -> Provider<Bytes> {
    title: "Segment",
    aliases: ["Twilio Segment"],
    scheme: SignatureScheme::hmac_sha1("x-signature"),
    retries: "for four hours, after 5xx and after a timeout",
    source: Docs, "2026-11-27", ["https://segment.com/docs/connections/destinations/catalog/webhooks/"],
}
}
