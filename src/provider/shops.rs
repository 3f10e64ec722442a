//! Shops, parcels, travel.

use super::prelude::*;

senders! { Shops;

/// `X-Shopify-Triggered-At` is not signed and not read.
fn shopify(keys) -> Provider<Bytes> {
    title: "Shopify",
    scheme: shapes::base64("x-shopify-hmac-sha256"),
    id: ["x-shopify-webhook-id"],
    event: ["x-shopify-topic"],
    typed: shopify::Event,
    answer: "200 within 5 s",
    retries: "eight times in four hours",
    example: r#"{"id":820982911946154508,"admin_graphql_api_id":"gid://shopify/Order/820982911946154508"}"#,
    source: Source, "2026-11-27", [
        "https://shopify.dev/docs/apps/build/webhooks/subscribe/https",
        "https://github.com/Shopify/shopify-app-js/tree/main/packages/apps/shopify-api/lib/webhooks",
    ],
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
