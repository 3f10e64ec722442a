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

fn bunny_stream(keys) -> Provider<Bytes> {
    title: "Bunny Stream",
    scheme: SignatureScheme::hmac_sha256("x-bunnystream-signature"),
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}

/// Cloudflare leaves the tolerance to the receiver.
fn cloudflare_stream(keys) -> Provider<Bytes> {
    title: "Cloudflare Stream",
    scheme: shapes::stripe_like("webhook-signature", "sig1", Timestamp::tag("time")),
    source: Docs, "2026-11-27", ["https://developers.cloudflare.com/stream/manage-video-library/using-webhooks/"],
}

/// The list in `x-contentful-signed-headers` must contain itself and the timestamp. Contentful's
/// library accepts an age of 30 seconds, and any time in the future. The path is that of the URL that Contentful
/// calls. Contentful's library escapes a query twice, so `?a=1` is signed as `?a%253D1`: use a URL without a
/// query, or write the query in this form.
fn contentful(keys, url) -> Provider<Bytes> {
    title: "Contentful",
    scheme: SignatureScheme::hmac_sha256("x-contentful-signature")
        .timestamp(
            Timestamp::header("x-contentful-timestamp")
                .milliseconds()
                .tolerance(Duration::from_secs(30))
                .past_only(),
        )
        .signed([
            Piece::Method,
            Piece::literal("\n"),
            Piece::PathAndQuery,
            Piece::literal("\n"),
            Piece::SignedHeaders(
                SignedHeaders::in_header("x-contentful-signed-headers", ',')
                    .with_names(";")
                    .must_contain(["x-contentful-signed-headers", "x-contentful-timestamp"]),
            ),
            Piece::literal("\n"),
            Piece::Body,
        ])
        .url(url),
    event: ["x-contentful-topic"],
    source: Source, "2026-11-27", ["https://github.com/contentful/node-apps-toolkit"],
}

/// `X-Discourse-Event-Type`, the kind of the event, is not signed and not read.
fn discourse(keys) -> Provider<Bytes> {
    title: "Discourse",
    scheme: shapes::sha256_tagged("x-discourse-event-signature"),
    id: ["x-discourse-event-id"],
    event: ["x-discourse-event"],
    source: Source, "2026-11-27", ["https://github.com/discourse/discourse"],
}

fn dub(keys) -> Provider<Bytes> {
    title: "Dub",
    scheme: SignatureScheme::hmac_sha256("dub-signature"),
    source: Source, "2026-11-27", ["https://github.com/dubinc/dub"],
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

/// The keys are those of fal.ai's public key set (JWKS): give the member `x` of each. This crate does not fetch
/// the set. When it changes, replace the keys through a `KeysHandle`.
#[cfg(feature = "ed25519")]
fn fal_ai(keys) -> Result<Bytes> {
    title: "fal.ai",
    aliases: ["fal"],
    scheme: SignatureScheme::ed25519("x-fal-webhook-signature")
        .timestamp(Timestamp::header("x-fal-webhook-timestamp"))
        .id_header("x-fal-webhook-request-id")
        .signed([
            Piece::Id,
            Piece::literal("\n"),
            Piece::header("x-fal-webhook-user-id"),
            Piece::literal("\n"),
            Piece::Timestamp,
            Piece::literal("\n"),
            Piece::BodyDigest(BodyDigest::Sha256Hex),
        ])
        .key_encoding(KeyEncoding::Base64Url),
    source: SecondHand, "2026-11-27", [
        "https://github.com/hookdeck/webhook-skills",
        "https://github.com/Hookflo/tern",
    ],
}

/// Google turned the Fitbit Web API off on 2026-11-02: use this preset only for recorded deliveries. The key is
/// the client secret. Fitbit appends `&` to it; so does this preset.
fn fitbit(keys) -> Provider<Bytes> {
    title: "Fitbit",
    scheme: SignatureScheme::hmac_sha1("x-fitbit-signature")
        .encoding(Encoding::Base64)
        .key_suffix("&"),
    answer: "204 within 5 s",
    setup: "Unsigned GETs with `?verify=…`: 204 for the right code, 404 for a wrong one (not confirmed). They do not pass the layer.",
    source: SecondHand, "2026-11-27", [],
}

fn frame_io(keys) -> Provider<Bytes> {
    title: "Frame.io",
    scheme: shapes::slack_like("x-frameio-signature", Timestamp::header("x-frameio-request-timestamp")),
    source: SecondHand, "2026-11-27", [],
}

/// Ghost 5 and later. Deliveries of earlier versions, which sign the body alone, are rejected here.
fn ghost(keys) -> Provider<Bytes> {
    title: "Ghost",
    scheme: SignatureScheme::hmac_sha256("x-ghost-signature")
        .item_separator(',')
        .tags('=', ["sha256"])
        .timestamp(Timestamp::tag("t").milliseconds())
        .signed([Piece::Body, Piece::Timestamp]),
    source: Source, "2026-11-27", ["https://github.com/TryGhost/Ghost"],
}

/// Kick publishes the key.
#[cfg(feature = "rsa")]
fn kick(keys) -> Result<Bytes> {
    title: "Kick",
    scheme: SignatureScheme::rsa_pkcs1_sha256("kick-event-signature")
        .id_header("kick-event-message-id")
        .timestamp(Timestamp::header("kick-event-message-timestamp").rfc3339())
        .signed([
            Piece::Id,
            Piece::literal("."),
            Piece::Timestamp,
            Piece::literal("."),
            Piece::Body,
        ]),
    event: ["kick-event-type"],
    source: SecondHand, "2026-11-27", ["https://docs.kick.com/events/webhook-security"],
}

/// The line breaks of the body are CRLF, and are signed as they are sent.
fn kontent_ai(keys) -> Provider<Bytes> {
    title: "Kontent.ai",
    scheme: shapes::base64("x-kontent-ai-signature"),
    source: Source, "2026-11-27", ["https://github.com/kontent-ai/webhook-helper-js/blob/7a7a316/test/signatures/signature.spec.ts"],
}

fn mux(keys) -> Provider<Bytes> {
    title: "Mux",
    scheme: shapes::stripe_like("mux-signature", "v1", Timestamp::tag("t")),
    source: Docs, "2026-11-27", ["https://www.mux.com/docs/core/verify-webhook-signatures"],
}

/// The digits of the signature are upper-case.
fn oura(keys) -> Provider<Bytes> {
    title: "Oura",
    scheme: SignatureScheme::hmac_sha256("x-oura-signature")
        .timestamp(Timestamp::header("x-oura-timestamp"))
        .signed([Piece::Timestamp, Piece::Body]),
    setup: "An unsigned GET with a `challenge`. It does not pass the layer: mount `handshake::oura` for GET.",
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
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

/// The key is the application management token.
fn smartcar(keys) -> Provider<Bytes> {
    title: "Smartcar",
    scheme: SignatureScheme::hmac_sha256("sc-signature"),
    setup: "A signed event `VERIFY`. It passes the layer; your handler answers it with `handshake::smartcar` within 15 s.",
    source: Source, "2026-11-27", ["https://github.com/smartcar/node-sdk"],
}

fn terra(keys) -> Provider<Bytes> {
    title: "Terra",
    scheme: shapes::stripe_like("terra-signature", "v1", Timestamp::tag("t")),
    source: Source, "2026-11-27", ["https://github.com/tryterra/terra-client-python"],
}

/// Webflow's library does not limit the age of a delivery; this preset does. If Webflow repeats a delivery
/// with its first time, the repeated delivery may be too old: [`tolerance`](crate::Provider::tolerance)
/// changes that.
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

/// A hub of [WebSub](https://www.w3.org/TR/websub/#signing-content). The hub chooses the hash, and its choice is
/// not signed. So this preset accepts SHA-256, SHA-384 and SHA-512, and rejects SHA-1. A subscriber
/// that must accept SHA-1 makes its own list with [`Scheme::any_of`](crate::Scheme::any_of).
///
/// The recommendation asks for a 2xx response also if the signature is wrong, so that an attacker learns nothing from
/// the response: see [`WebhookAuthLayer::on_rejection`](crate::WebhookAuthLayer::on_rejection).
fn websub(keys) -> Provider<Bytes> {
    title: "WebSub",
    aliases: ["PubSubHubbub"],
    scheme: shapes::websub(),
    answer: "2xx, also if the signature is wrong",
    setup: "An unsigned GET with `hub.challenge`. It does not pass the layer, and this crate does not answer it: compare the topic first.",
    source: Docs, "2026-11-27", ["https://www.w3.org/TR/websub/#signing-content"],
}

fn whoop(keys) -> Provider<Bytes> {
    title: "WHOOP",
    scheme: shapes::base64("x-whoop-signature")
        .timestamp(Timestamp::header("x-whoop-signature-timestamp").milliseconds())
        .signed([Piece::Timestamp, Piece::Body]),
    source: SecondHand, "2026-11-27", [],
}
}
