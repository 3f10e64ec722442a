//! Shops, parcels, travel.

use super::prelude::*;

senders! { Shops;

fn aftership(keys) -> Provider<Bytes> {
    title: "AfterShip",
    scheme: shapes::base64("aftership-hmac-sha256"),
    source: SecondHand, "2026-11-27", [],
}

/// A body holds up to ten events. A time in the future is accepted.
fn akeneo(keys) -> Provider<Bytes> {
    title: "Akeneo",
    scheme: SignatureScheme::hmac_sha256("x-akeneo-request-signature")
        .timestamp(Timestamp::header("x-akeneo-request-timestamp").past_only())
        .signed([Piece::Timestamp, Piece::literal("."), Piece::Body]),
    answer: "2xx within 0.5 s",
    retries: "none (not confirmed)",
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}

fn commerce_layer(keys) -> Provider<Bytes> {
    title: "Commerce Layer",
    scheme: shapes::base64("x-commercelayer-signature"),
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}

fn duffel(keys) -> Provider<Bytes> {
    title: "Duffel",
    scheme: shapes::stripe_like("x-duffel-signature", "v1", Timestamp::tag("t")),
    source: SecondHand, "2026-11-27", [],
}

/// EasyPost normalises the key (NFKD) before it signs. This matters only for keys with characters
/// that are not ASCII. Normalise such a key before you give it to the preset.
fn easypost(keys) -> Provider<Bytes> {
    title: "EasyPost",
    scheme: SignatureScheme::hmac_sha256("x-hmac-signature")
        .tags('=', ["hmac-sha256-hex"]),
    source: Source, "2026-11-27", ["https://github.com/EasyPost/easypost-python/tree/8fcf5e4"],
}

fn enode(keys) -> Provider<Bytes> {
    title: "Enode",
    scheme: SignatureScheme::hmac_sha1("x-enode-signature").tags('=', ["sha1"]),
    id: ["x-enode-delivery"],
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}

/// The unit of the time is not documented. So the time is signed and its age is not checked.
fn lob(keys) -> Provider<Bytes> {
    title: "Lob",
    scheme: SignatureScheme::hmac_sha256("lob-signature")
        .timestamp(Timestamp::header("lob-signature-timestamp").accept_any_age())
        .signed([Piece::Timestamp, Piece::literal("."), Piece::Body]),
    source: SecondHand, "2026-11-27", [],
}

/// The key is the secret of the application.
fn nuvemshop(keys) -> Provider<Bytes> {
    title: "Nuvemshop",
    aliases: ["Tiendanube"],
    scheme: SignatureScheme::hmac_sha256("x-linkedstore-hmac-sha256"),
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}

fn onfleet(keys) -> Result<Bytes> {
    title: "Onfleet",
    scheme: SignatureScheme::hmac_sha512("x-onfleet-signature")
        .key_encoding(KeyEncoding::Hex),
    setup: "An unsigned GET with `?check=…` (not confirmed). It does not pass the layer: mount `handshake::onfleet` for GET.",
    source: SecondHand, "2026-11-27", [],
}

fn picqer(keys) -> Provider<Bytes> {
    title: "Picqer",
    scheme: shapes::base64("x-picqer-signature"),
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}

fn samsara(keys) -> Result<Bytes> {
    title: "Samsara",
    scheme: SignatureScheme::hmac_sha256("x-samsara-signature")
        .tags('=', ["v1"])
        .timestamp(Timestamp::header("x-samsara-timestamp"))
        .signed([Piece::literal("v1:"), Piece::Timestamp, Piece::literal(":"), Piece::Body])
        .key_encoding(KeyEncoding::Base64),
    source: SecondHand, "2026-11-27", [],
}

/// ShipEngine publishes its keys as a JWKS. `x-shipengine-rsa-sha256-key-id` names the key, and is not signed.
#[cfg(feature = "rsa")]
fn shipengine(keys) -> Result<Bytes> {
    title: "ShipEngine",
    aliases: ["ShipStation v2"],
    scheme: SignatureScheme::rsa_pkcs1_sha256("x-shipengine-rsa-sha256-signature")
        .timestamp(Timestamp::header("x-shipengine-timestamp").rfc3339())
        .signed([Piece::Timestamp, Piece::literal("."), Piece::Body]),
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}

fn shiphero(keys) -> Provider<Bytes> {
    title: "ShipHero",
    scheme: shapes::base64("x-shiphero-hmac-sha256"),
    id: ["x-shiphero-message-id"],
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}

/// Shippo sets up the signature on request. Without it, Shippo sends only a token in the URL.
fn shippo(keys) -> Provider<Bytes> {
    title: "Shippo",
    scheme: shapes::stripe_like("shippo-auth-signature", "v1", Timestamp::tag("t")),
    source: SecondHand, "2026-11-27", [],
}

/// Webhooks send headers with `X-`; Shopify's Events send the same headers without it. Both are read.
/// `X-Shopify-Triggered-At` is not signed and not read.
fn shopify(keys) -> Provider<Bytes> {
    title: "Shopify",
    scheme: shapes::base64("x-shopify-hmac-sha256").alias("shopify-hmac-sha256"),
    id: ["x-shopify-webhook-id", "shopify-webhook-id"],
    event: ["x-shopify-topic", "shopify-topic"],
    typed: shopify::Event,
    answer: "200 within 5 s",
    retries: "eight times in four hours",
    example: r#"{"id":820982911946154508,"admin_graphql_api_id":"gid://shopify/Order/820982911946154508"}"#,
    source: Source, "2026-11-27", [
        "https://shopify.dev/docs/apps/build/webhooks/subscribe/https",
        "https://github.com/Shopify/shopify-app-js/tree/main/packages/apps/shopify-api/lib/webhooks",
        "https://shopify.dev/changelog/updates-to-webhook-retry-mechanism",
    ],
}

fn shopline(keys) -> Provider<Bytes> {
    title: "Shopline",
    scheme: SignatureScheme::hmac_sha256("x-shopline-hmac-sha256"),
    id: ["x-shopline-webhook-id"],
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}

fn squarespace(keys) -> Result<Bytes> {
    title: "Squarespace",
    scheme: SignatureScheme::hmac_sha256("squarespace-signature")
        .key_encoding(KeyEncoding::Hex),
    source: SecondHand, "2026-11-27", [],
}

/// The key is the client secret.
fn uber(keys) -> Provider<Bytes> {
    title: "Uber",
    scheme: SignatureScheme::hmac_sha256("x-uber-signature"),
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}

/// Walmart Marketplace. The signature covers the path and query of the URL that Walmart calls, as you
/// registered it.
fn walmart(keys, url) -> Provider<Bytes> {
    title: "Walmart",
    aliases: ["Walmart Marketplace"],
    scheme: shapes::base64("wm_sec.signature")
        .timestamp(Timestamp::header("wm_sec.timestamp"))
        .signed([
            Piece::Method,
            Piece::literal("\n"),
            Piece::PathAndQuery,
            Piece::literal("\n"),
            Piece::Timestamp,
            Piece::literal("\n"),
            Piece::BodyDigest(BodyDigest::Sha256Hex),
        ])
        .url(url),
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}

/// The body is a token. The key is the public key of the app, in PEM. The event is the claims. The
/// claim `data` is a text that contains JSON. The member `data` of this JSON is again a text that contains JSON.
#[cfg(feature = "rsa")]
fn wix(keys) -> Result<Bytes> {
    title: "Wix",
    scheme: JwtScheme::rs256(TokenPlace::body()).claim_present("data"),
    source: SecondHand, "2026-11-27", ["https://dev.wix.com/docs/build-apps/develop-your-app/extensions/backend-extensions/webhooks"],
}

fn woocommerce(keys) -> Provider<Bytes> {
    title: "WooCommerce",
    aliases: ["WordPress"],
    scheme: shapes::base64("x-wc-webhook-signature"),
    id: ["x-wc-webhook-delivery-id"],
    event: ["x-wc-webhook-topic"],
    setup: "An unsigned form `webhook_id=…` when you save the webhook. Without a 2xx response WooCommerce disables the webhook: call `answer_setup`.",
    answered_by: setup::WOOCOMMERCE,
    source: Source, "2026-11-27", [
        "https://woocommerce.com/document/webhooks/",
        "https://github.com/woocommerce/woocommerce/blob/trunk/plugins/woocommerce/includes/class-wc-webhook.php",
    ],
}
}
