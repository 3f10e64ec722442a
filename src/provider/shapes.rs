//! Schemes that several senders share.

use crate::{
    error::ConfigError,
    scheme::{Encoding, KeyEncoding, Piece, Scheme, SharedKeyScheme, SignatureScheme, Timestamp},
};

/// `sha256=` and the HMAC-SHA256 of the body in hexadecimal digits.
pub(super) fn sha256_tagged(header: &str) -> SignatureScheme {
    SignatureScheme::hmac_sha256(header).tags('=', ["sha256"])
}

/// The HMAC-SHA256 of the body in base64.
pub(super) fn base64(header: &str) -> SignatureScheme {
    SignatureScheme::hmac_sha256(header).encoding(Encoding::Base64)
}

/// `v1,<base64>`, several with blanks between, over `{id}.{timestamp}.{body}`:
/// [Standard Webhooks](https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md)
/// with the secret's text as the key.
pub(super) fn standard_webhooks() -> SignatureScheme {
    standard_envelope(SignatureScheme::hmac_sha256("webhook-signature"), "v1")
        .id_header("webhook-id")
        .timestamp(Timestamp::header("webhook-timestamp"))
}

/// A secret in base64 after `whsec_`, as Standard Webhooks defines it.
pub(super) fn whsec(scheme: SignatureScheme) -> SignatureScheme {
    scheme
        .key_encoding(KeyEncoding::Base64)
        .key_prefix("whsec_")
}

/// The list and the signed content of Standard Webhooks. The caller adds the headers.
pub(super) fn standard_envelope(scheme: SignatureScheme, tag: &str) -> SignatureScheme {
    scheme
        .encoding(Encoding::Base64)
        .item_separator(' ')
        .tags(',', [tag])
        .signed([
            Piece::Id,
            Piece::literal("."),
            Piece::Timestamp,
            Piece::literal("."),
            Piece::Body,
        ])
}

/// `t=<timestamp>,v1=<hex>` over `{t}.{body}`, as Stripe signs.
pub(super) fn stripe_like(header: &str, tag: &str, timestamp: Timestamp) -> SignatureScheme {
    SignatureScheme::hmac_sha256(header)
        .item_separator(',')
        .tags('=', [tag])
        .timestamp(timestamp)
        .signed([Piece::Timestamp, Piece::literal("."), Piece::Body])
}

/// `v0=<hex>` over `v0:{timestamp}:{body}`, as Slack signs.
pub(super) fn slack_like(header: &str, timestamp: Timestamp) -> SignatureScheme {
    SignatureScheme::hmac_sha256(header)
        .tags('=', ["v0"])
        .timestamp(timestamp)
        .signed([
            Piece::literal("v0:"),
            Piece::Timestamp,
            Piece::literal(":"),
            Piece::Body,
        ])
}

/// `t=<timestamp>,s=<base64>` over `{t}.{body}`, with milliseconds: the scheme of Knock, also for the
/// senders that send through Knock.
pub(super) fn knock() -> SignatureScheme {
    stripe_like("x-knock-signature", "s", Timestamp::tag("t").milliseconds())
        .encoding(Encoding::Base64)
}

/// [`Standard Webhooks`](standard_webhooks) with either derivation of the key: base64 behind `whsec_`, or
/// the secret's text.
pub(super) fn standard_webhooks_with_both_keys() -> Result<Scheme, ConfigError> {
    Scheme::any_of([
        ("decoded key", whsec(standard_webhooks()).build()?),
        ("text key", standard_webhooks().build()?),
    ])
}

/// GitLab's signature, or its secret token.
pub(super) fn gitlab() -> Result<Scheme, ConfigError> {
    Scheme::any_of([
        ("signature", whsec(standard_webhooks()).build()?),
        ("token", SharedKeyScheme::new("x-gitlab-token").build()?),
    ])
}

/// The RSA signature of Zero Hash, in either encoding.
#[cfg(feature = "rsa")]
pub(super) fn zero_hash_rsa() -> Result<Scheme, ConfigError> {
    let signed = |encoding| {
        SignatureScheme::rsa_pkcs1_sha256("x-zh-hook-rsa-signature")
            .encoding(encoding)
            .timestamp(Timestamp::header("x-zh-hook-timestamp").milliseconds())
            .signed([Piece::Body, Piece::Timestamp])
            .build()
    };
    Scheme::any_of([
        ("hex", signed(Encoding::Hex)?),
        ("base64", signed(Encoding::Base64)?),
    ])
}
