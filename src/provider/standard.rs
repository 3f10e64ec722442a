//! Senders that follow [Standard Webhooks](https://www.standardwebhooks.com), each in its own way.

use super::prelude::*;

senders! { StandardWebhooks;

/// The text of the client secret is the key. BigCommerce's page encodes the secret in base64 only to
/// pass it to a library that decodes it. BigCommerce blocks a domain for some time if it answers fewer
/// than 90 % of its deliveries.
fn bigcommerce(keys) -> Provider<Bytes> {
    title: "BigCommerce",
    scheme: shapes::standard_webhooks(),
    answer: "2xx",
    retries: "up to eleven times in 48 hours",
    source: Docs, "2026-11-27", ["https://developer.bigcommerce.com/docs/integrations/webhooks/https-webhook-overview"],
}

/// GitLab with a signing token. Prefer it to [`gitlab_token`](super::gitlab_token()), which covers
/// nothing of the body.
fn gitlab_signing_token(keys) -> Result<Bytes> {
    title: "GitLab signing token",
    aliases: ["GitLab"],
    scheme: whsec(shapes::standard_webhooks()),
    event: ["x-gitlab-event"],
    source: Docs, "2026-11-27", ["https://docs.gitlab.com/user/project/integrations/webhooks/"],
}

fn lithic(keys) -> Result<Bytes> {
    title: "Lithic",
    scheme: whsec(shapes::standard_webhooks()),
    source: Source, "2026-11-27", ["https://github.com/lithic-com/lithic-python/blob/938657e5/tests/api_resources/test_webhooks.py"],
}

/// OpenAI's secrets begin with `whsec_`. A secret without that prefix is decoded here as well, but
/// OpenAI's libraries take the text of such a secret as the key.
fn openai(keys) -> Result<Bytes> {
    title: "OpenAI",
    aliases: ["ChatGPT"],
    scheme: whsec(shapes::standard_webhooks()),
    typed: standard_webhooks::Event,
    example: r#"{"type":"user.created","timestamp":"2022-11-03T20:26:10.344522Z","data":{"id":"1f81"}}"#,
    source: Source, "2026-11-27", [
        "https://platform.openai.com/docs/guides/webhooks",
        "https://github.com/openai/openai-python/blob/main/src/openai/resources/webhooks/webhooks.py",
    ],
}

/// A secret that Polar made since 2026-09-08 begins with `whsec_`, and its key is the base64 after
/// that. The text of an older secret is the key: `polar_whs_…`, or a `whsec_…` of that time. Both
/// are tried, as in Polar's own libraries.
fn polar(keys) -> Provider<Bytes> {
    title: "Polar",
    scheme: shapes::standard_webhooks_with_both_keys(),
    typed: standard_webhooks::Event,
    answer: "2xx within 10 s",
    example: r#"{"type":"user.created","timestamp":"2022-11-03T20:26:10.344522Z","data":{"id":"1f81"}}"#,
    source: Source, "2026-11-27", [
        "https://polar.sh/docs/integrate/webhooks/delivery",
        "https://github.com/polarsource/polar/blob/main/server/polar/webhook/tasks.py",
    ],
}

/// By default Replicate's library does not limit the age of a delivery; this preset does. If Replicate
/// repeats a delivery with its first time, the repeated delivery may be too old:
/// [`tolerance`](crate::Provider::tolerance) changes that.
fn replicate(keys) -> Result<Bytes> {
    title: "Replicate",
    scheme: whsec(shapes::standard_webhooks()),
    source: Docs, "2026-11-27", ["https://replicate.com/docs/topics/webhooks/verify-webhook"],
}

/// The scheme `v1` of the specification. Many senders follow it; some send its headers as `svix-…`, which
/// [`svix`] reads as well. The secret is base64, padded or not, with or without the
/// prefix. The id stays the same when a delivery is repeated. 410 asks the sender to stop; 429, 502 and
/// 504 ask it to slow down.
fn standard_webhooks(keys) -> Result<Bytes> {
    title: "Standard Webhooks",
    aliases: [
        "Anthropic", "Beehiiv", "Checkbook", "Dodo Payments", "Etsy", "Fathom", "Granola", "Guesty",
        "Increase", "Linq", "Loops", "Nash", "Pleo", "Port", "Psi-fi", "Recall.ai", "Render", "Rutter",
        "Safebase", "Sardine", "ShipBob", "Stytch",
    ],
    scheme: whsec(shapes::standard_webhooks()),
    typed: standard_webhooks::Event,
    answer: "2xx",
    retries: "as each sender chooses; the specification's example ends after 75 hours",
    example: r#"{"type":"user.created","timestamp":"2022-11-03T20:26:10.344522Z","data":{"id":"1f81"}}"#,
    source: Source, "2026-11-27", [
        "https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md",
    ],
}

/// The scheme `v1a` of the specification. The key is the sender's public key: its holder can verify
/// and cannot sign.
#[cfg(feature = "ed25519")]
fn standard_webhooks_v1a(keys) -> Result<Bytes> {
    title: "Standard Webhooks v1a",
    scheme: shapes::standard_envelope(SignatureScheme::ed25519("webhook-signature"), "v1a")
        .id_header("webhook-id")
        .timestamp(Timestamp::header("webhook-timestamp"))
        .key_encoding(KeyEncoding::Base64)
        .key_prefix("whpk_"),
    typed: standard_webhooks::Event,
    answer: "2xx",
    example: r#"{"type":"user.created","timestamp":"2022-11-03T20:26:10.344522Z","data":{"id":"1f81"}}"#,
    source: Source, "2026-11-27", [
        "https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md",
        "https://github.com/svix/svix-webhooks/blob/main/server/svix-server/src/worker.rs",
    ],
}

/// Svix sends the webhooks of Clerk, Resend and many others. If a delivery has the headers of both
/// families, only `svix-…` counts: headers of two families are never mixed.
fn svix(keys) -> Result<Bytes> {
    title: "Svix",
    aliases: ["Brex", "Clerk", "incident.io", "Resend", "Vanta"],
    scheme: whsec(
        shapes::standard_envelope(
            SignatureScheme::hmac_sha256("svix-signature").alias("webhook-signature"),
            "v1",
        )
        .id_header("svix-id")
        .id_header("webhook-id")
        .timestamp(Timestamp::header("svix-timestamp").alias("webhook-timestamp")),
    ),
    typed: standard_webhooks::Event,
    answer: "2xx",
    example: r#"{"type":"user.created","timestamp":"2022-11-03T20:26:10.344522Z","data":{"id":"1f81"}}"#,
    source: Source, "2026-11-27", [
        "https://docs.svix.com/receiving/verifying-payloads/how-manual",
        "https://github.com/svix/svix-webhooks/blob/main/rust/src/webhooks.rs",
    ],
}
}
