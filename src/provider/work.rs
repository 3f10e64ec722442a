//! Customers, calendars, documents, forms, staff.

use super::prelude::*;

senders! { Work;

fn clickup(keys) -> Provider<Bytes> {
    title: "ClickUp",
    scheme: SignatureScheme::hmac_sha256("x-signature"),
    source: Docs, "2026-11-27", ["https://developer.clickup.com/docs/webhooksignature"],
}

/// DocuSign Connect sends one header for each key of the account: `X-DocuSign-Signature-1`, `-2` and so
/// on. The first sixteen are read, and any of them may match.
fn docusign(keys) -> Provider<Bytes> {
    title: "DocuSign",
    scheme: (2..=16).fold(shapes::base64("x-docusign-signature-1"), |scheme, number| {
        scheme.parallel_header(format!("x-docusign-signature-{number}"))
    }),
    source: SecondHand, "2026-11-27", ["https://developers.docusign.com/platform/webhooks/connect/validate"],
}

/// HubSpot version 1. This is not a MAC: a client that has seen one delivery can append bytes to its
/// body without the secret
/// ([length extension](https://en.wikipedia.org/wiki/Length_extension_attack)). Use [`hubspot_v3`]
/// wherever HubSpot sends it. A delivery of version 2 to the same app is also verified here, with
/// `POST`, the URL and its body as the body: reject bodies that do not parse.
fn hubspot_v1(keys) -> Provider<Bytes> {
    title: "HubSpot 1",
    scheme: SignatureScheme::keyless_sha256_open_to_length_extension("x-hubspot-signature")
        .signed([Piece::Secret, Piece::Body]),
    source: Source, "2026-11-27", [
        "https://developers.hubspot.com/docs/apps/legacy-apps/authentication/validating-requests",
        "https://github.com/HubSpot/hubspot-api-python/blob/master/hubspot/utils/signature.py",
    ],
}

/// HubSpot version 2. This is not a MAC: a client that has seen one delivery can append bytes to its
/// body without the secret
/// ([length extension](https://en.wikipedia.org/wiki/Length_extension_attack)). Use [`hubspot_v3`]
/// wherever HubSpot sends it.
///
/// Pass [`SignedUrl::exact`](crate::SignedUrl::exact). With
/// [`SignedUrl::origin`](crate::SignedUrl::origin) nothing marks where the URL ends: a client that has
/// seen a delivery can move bytes between the query and the body, and the changed delivery is verified.
fn hubspot_v2(keys, url) -> Provider<Bytes> {
    title: "HubSpot 2",
    scheme: SignatureScheme::keyless_sha256_open_to_length_extension("x-hubspot-signature")
        .signed([Piece::Secret, Piece::Method, Piece::Url, Piece::Body])
        .url(url)
        .accept_movable_body_boundary(),
    source: Source, "2026-11-27", [
        "https://developers.hubspot.com/docs/apps/legacy-apps/authentication/validating-requests",
        "https://github.com/HubSpot/hubspot-api-python/blob/master/hubspot/utils/signature.py",
    ],
}

/// HubSpot version 3. The key is the app's client secret. HubSpot decodes twelve escapes in the URL,
/// such as `%3A`, before it signs; this preset decodes them too. The vendor's libraries do not decode
/// them, and also accept a time in the future.
///
/// Pass [`SignedUrl::exact`](crate::SignedUrl::exact). With
/// [`SignedUrl::origin`](crate::SignedUrl::origin) nothing marks where the URL ends: a client that has
/// seen a delivery can move bytes between the query and the body, and the changed delivery is verified;
/// also `/a/b` and `/a%2Fb` then have the same signature.
///
/// ```
/// use tower_webhook_auth::{Secret, SignedUrl, WebhookAuthLayer, provider};
///
/// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
/// let secret = Secret::new("cfc68c0b-4b4e-4ef8-b764-95350e4ea479")?;
/// let url = SignedUrl::exact("https://www.example.com/webhook_uri")?;
/// let layer = WebhookAuthLayer::new(provider::hubspot_v3(secret, url));
/// # let _ = layer;
/// # Ok(())
/// # }
/// ```
fn hubspot_v3(keys, url) -> Provider<Bytes> {
    title: "HubSpot 3",
    aliases: ["HubSpot"],
    scheme: shapes::base64("x-hubspot-signature-v3")
        .timestamp(Timestamp::header("x-hubspot-request-timestamp").milliseconds().past_only())
        .signed([Piece::Method, Piece::Url, Piece::Body, Piece::Timestamp])
        .url(url.hubspot_unescaped())
        .accept_movable_body_boundary(),
    source: Source, "2026-11-27", [
        "https://developers.hubspot.com/docs/apps/developer-platform/build-apps/authentication/request-validation",
        "https://github.com/HubSpot/hubspot-api-python/blob/master/hubspot/utils/signature.py",
    ],
}

/// The key is the verification token. Until you have it, start the layer with a random secret and with
/// [`answer_setup`](crate::Provider::answer_setup), and take the token from the
/// [`SetupAnswer`](crate::SetupAnswer) in an outer layer. Any client can send such a request: compare
/// the token with the one that Notion shows, or accept it only while you register the webhook.
fn notion(keys) -> Provider<Bytes> {
    title: "Notion",
    scheme: shapes::sha256_tagged("x-notion-signature"),
    setup: "An unsigned POST, once, with the `verification_token` that becomes the key. `answer_setup` answers it and gives its body to outer layers, as a `SetupAnswer`.",
    answered_by: setup::NOTION,
    source: Docs, "2026-11-27", ["https://developers.notion.com/reference/webhooks"],
}

/// Recognise a repeated delivery by its `event_id` in the body.
fn typeform(keys) -> Provider<Bytes> {
    title: "Typeform",
    scheme: shapes::base64("typeform-signature").tags('=', ["sha256"]),
    source: SecondHand, "2026-11-27", ["https://www.typeform.com/developers/webhooks/secure-your-webhooks/"],
}

/// Zendesk documents no tolerance.
fn zendesk(keys) -> Provider<Bytes> {
    title: "Zendesk",
    scheme: shapes::base64("x-zendesk-webhook-signature")
        .timestamp(Timestamp::header("x-zendesk-webhook-signature-timestamp").rfc3339())
        .signed([Piece::Timestamp, Piece::Body]),
    id: ["x-zendesk-webhook-invocation-id"],
    source: SecondHand, "2026-11-27", ["https://developer.zendesk.com/documentation/webhooks/verifying/"],
}
}
