//! Schemes that several senders share.

use crate::{
    error::ConfigError,
    scheme::{
        BodyDigest, BodyPiece, BodySignatureScheme, Encoding, KeyEncoding, Piece, QueryParameter,
        Scheme, SharedKeyScheme, SignatureScheme, SignedUrl, SortedForm, Timestamp,
    },
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
/// Twilio signs forms and other bodies in two ways, with SHA-1 or, for an account with a shared key, with SHA-256. It
/// signs the URL with or without a port: its libraries try both.
///
/// The signature of one kind of body must not verify the other kind. The text of a form that begins with the
/// parameter `bodySHA256` is that of another body, so such a form is rejected.
///
/// The number of bytes of a signature selects the hash, and the `Content-Type` the kind of body. So a
/// delivery costs two MACs for each key, or four without a `Content-Type`.
pub(super) fn twilio(url: &SignedUrl) -> Result<Scheme, ConfigError> {
    let fields = || {
        SortedForm::new()
            .without_duplicates()
            .must_not_begin_with(&["?bodySHA256=", "&bodySHA256="])
    };
    let parameter = match url.has_query() {
        true => "&bodySHA256=",
        false => "?bodySHA256=",
    };
    let header = "x-twilio-signature";
    let mut ways = Vec::new();
    for (url, port) in [(url.clone(), ""), (url.with_other_port()?, ", other port")] {
        for (scheme, hash) in [
            (SignatureScheme::hmac_sha1(header), ""),
            (SignatureScheme::hmac_sha256(header), ", SHA-256"),
        ] {
            let scheme = scheme.encoding(Encoding::Base64).url(url.clone());
            let form = [Piece::Url, Piece::SortedForm(fields())];
            let form = scheme.clone().signed(form).build()?;
            ways.push((format!("form{hash}{port}"), form));
            let body = scheme.not_a_form().signed([
                Piece::Url,
                Piece::literal(parameter),
                Piece::BodyDigest(BodyDigest::Sha256Hex),
            ]);
            ways.push((format!("body{hash}{port}"), body.build()?));
        }
    }
    Scheme::any_of_preset(ways)
}

/// Plivo's signature over the URL with its query in order, the form in order, and a nonce.
pub(super) fn plivo(url: &SignedUrl) -> Result<Scheme, ConfigError> {
    let (url, separator) = url.with_sorted_query()?;
    SignatureScheme::hmac_sha256("x-plivo-signature-v3")
        .encoding(Encoding::Base64)
        .item_separator(',')
        .signed([
            Piece::Url,
            Piece::SortedForm(SortedForm::new().preceded_by(separator)),
            Piece::literal("."),
            Piece::header("x-plivo-signature-v3-nonce"),
        ])
        .url(url)
        .build()
}

/// Mercado Pago's signature over a parameter of the query, the request id and the time, in either unit.
pub(super) fn mercado_pago() -> Result<Scheme, ConfigError> {
    let scheme = |timestamp: Timestamp| {
        let id = QueryParameter::new("data.id").lower_case();
        SignatureScheme::hmac_sha256("x-signature")
            .item_separator(',')
            .tags('=', ["v1"])
            .timestamp(timestamp)
            .signed([
                Piece::optional([Piece::literal("id:"), Piece::Query(id), Piece::literal(";")]),
                Piece::optional([
                    Piece::literal("request-id:"),
                    Piece::header("x-request-id"),
                    Piece::literal(";"),
                ]),
                Piece::literal("ts:"),
                Piece::Timestamp,
                Piece::literal(";"),
            ])
            .accept_unsigned_body()
            .build()
    };
    Scheme::any_of([
        ("seconds", scheme(Timestamp::tag("ts"))?),
        ("milliseconds", scheme(Timestamp::tag("ts").milliseconds())?),
    ])
}

/// The hashes that a hub may choose, from SHA-256 up.
pub(super) fn websub() -> Result<Scheme, ConfigError> {
    let header = "x-hub-signature";
    Scheme::any_of([
        ("sha256", sha256_tagged(header).build()?),
        (
            "sha384",
            SignatureScheme::hmac_sha384(header)
                .tags('=', ["sha384"])
                .build()?,
        ),
        (
            "sha512",
            SignatureScheme::hmac_sha512(header)
                .tags('=', ["sha512"])
                .build()?,
        ),
    ])
}

/// Mailgun's signature in JSON, or in a form.
pub(super) fn mailgun() -> Result<Scheme, ConfigError> {
    let json = BodySignatureScheme::hmac_sha256("/signature/signature")
        .timestamp(Timestamp::in_body("/signature/timestamp"))
        .id("/signature/token")
        .signed([BodyPiece::Timestamp, BodyPiece::value("/signature/token")]);
    let form = BodySignatureScheme::hmac_sha256("signature")
        .in_form()
        .timestamp(Timestamp::in_body("timestamp"))
        .id("token")
        .signed([BodyPiece::Timestamp, BodyPiece::value("token")]);
    Scheme::any_of([("json", json.build()?), ("form", form.build()?)])
}
