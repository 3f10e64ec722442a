//! Customers, calendars, documents, forms, staff.

use super::prelude::*;

senders! { Work;

/// The key is the API key. The body is a form.
fn acuity_scheduling(keys) -> Provider<Bytes> {
    title: "Acuity Scheduling",
    scheme: shapes::base64("x-acuity-signature"),
    source: SecondHand, "2026-11-27", ["https://github.com/triggerdotdev/trigger.dev"],
}

/// Adobe I/O Events signs each delivery with two keys, and either signature is enough. The keys are at the
/// paths in `x-adobe-public-key1-path` and `x-adobe-public-key2-path`, below
/// `https://static.adobeioevents.com`. These headers are not signed: request the keys only from this host.
/// Give both keys with [`Keys::named`](crate::Keys::named).
#[cfg(feature = "rsa")]
fn adobe_io(keys) -> Result<Bytes> {
    title: "Adobe I/O Events",
    aliases: ["Adobe Experience Platform"],
    scheme: SignatureScheme::rsa_pkcs1_sha256("x-adobe-digital-signature-1")
        .parallel_header("x-adobe-digital-signature-2"),
    setup: "An unsigned GET with a `challenge`. It does not pass the layer: mount `handshake::adobe_io` for GET. A POST with a `challenge` is not confirmed.",
    source: Source, "2026-11-27", [
        "https://developer.adobe.com/events/docs/guides/",
        "https://github.com/adobe/aio-lib-events/blob/495332c/src/signatureUtils.js",
    ],
}

/// The body only says that something changed: request the payloads from Airtable's API.
fn airtable(keys) -> Result<Bytes> {
    title: "Airtable",
    scheme: SignatureScheme::hmac_sha256("x-airtable-content-mac")
        .tags('=', ["hmac-sha256"])
        .key_encoding(KeyEncoding::Base64),
    answer: "2xx within 25 s",
    source: Docs, "2026-11-27", ["https://github.com/gtalarico/pyairtable/blob/25f31b0/tests/test_models_webhook.py"],
}

/// The key arrives at set-up. Asana sends an empty delivery every 8 hours. The response 410 deletes the
/// webhook. Any client can send the set-up request: accept a key only while you register a webhook.
fn asana(keys) -> Provider<Bytes> {
    title: "Asana",
    scheme: SignatureScheme::hmac_sha256("x-hook-signature"),
    answer: "2xx within 10 s",
    setup: "An unsigned POST with `X-Hook-Secret`, the key of all later deliveries. It has to be sent back in the same header: `answer_setup` does so and gives the header to outer layers.",
    answered_by: setup::HOOK_SECRET,
    source: Source, "2026-11-27", [
        "https://github.com/Asana/node-asana",
        "https://github.com/hookdeck/webhook-skills",
    ],
}

fn ashby(keys) -> Provider<Bytes> {
    title: "Ashby",
    scheme: shapes::sha256_tagged("ashby-signature"),
    setup: "A ping when the webhook is created (not confirmed).",
    source: SecondHand, "2026-11-27", [
        "https://github.com/hookdeck/webhook-skills",
        "https://github.com/simstudioai/sim",
    ],
}

fn attio(keys) -> Provider<Bytes> {
    title: "Attio",
    scheme: SignatureScheme::hmac_sha256("attio-signature"),
    source: SecondHand, "2026-11-27", [
        "https://github.com/NangoHQ/nango",
        "https://github.com/triggerdotdev/trigger.dev",
    ],
}

fn autotask(keys) -> Provider<Bytes> {
    title: "Autotask",
    scheme: SignatureScheme::hmac_sha1("x-hook-signature")
        .encoding(Encoding::Base64)
        .tags('=', ["sha1"]),
    source: SecondHand, "2026-11-27", ["https://github.com/NangoHQ/nango"],
}

/// Without a secret Cal.com sends the text `no-secret-provided` as the signature. Such a delivery is
/// rejected. Never use that text as the secret.
fn cal_com(keys) -> Provider<Bytes> {
    title: "Cal.com",
    scheme: SignatureScheme::hmac_sha256("x-cal-signature-256"),
    source: SecondHand, "2026-11-27", [
        "https://github.com/NangoHQ/nango",
        "https://github.com/triggerdotdev/trigger.dev",
    ],
}

fn calendly(keys) -> Provider<Bytes> {
    title: "Calendly",
    scheme: shapes::stripe_like("calendly-webhook-signature", "v1", Timestamp::tag("t").tolerance(Duration::from_secs(180))),
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}

fn clickup(keys) -> Provider<Bytes> {
    title: "ClickUp",
    scheme: SignatureScheme::hmac_sha256("x-signature"),
    source: Docs, "2026-11-27", ["https://developer.clickup.com/docs/webhooksignature"],
}

/// The key arrives at set-up. Webhooks expire after 3 to 31 days. Any client can send the set-up
/// request: accept a key only while you register a webhook.
fn clio(keys) -> Provider<Bytes> {
    title: "Clio",
    scheme: SignatureScheme::hmac_sha256("x-hook-signature"),
    setup: "An unsigned POST with `X-Hook-Secret`, the key of all later deliveries. It has to be sent back in the same header: `answer_setup` does so and gives the header to outer layers.",
    answered_by: setup::HOOK_SECRET,
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}

fn close(keys) -> Result<Bytes> {
    title: "Close",
    scheme: SignatureScheme::hmac_sha256("close-sig-hash")
        .timestamp(Timestamp::header("close-sig-timestamp"))
        .signed([Piece::Timestamp, Piece::Body])
        .key_encoding(KeyEncoding::Hex),
    source: SecondHand, "2026-11-27", ["https://github.com/triggerdotdev/trigger.dev"],
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

/// The key is the app secret. The body only says that something changed.
fn dropbox(keys) -> Provider<Bytes> {
    title: "Dropbox",
    scheme: SignatureScheme::hmac_sha256("x-dropbox-signature"),
    answer: "2xx within 10 s",
    setup: "An unsigned GET with `?challenge=…`. It does not pass the layer: mount `handshake::dropbox` for GET.",
    source: SecondHand, "2026-11-27", ["https://github.com/triggerdotdev/trigger.dev"],
}

/// The form field `json` holds the event. **The signature covers only its time and type**: read the
/// signature request from Dropbox Sign's API. Nothing separates the two in the signed text. The key is your API
/// key.
fn dropbox_sign(keys) -> Provider<Bytes> {
    title: "Dropbox Sign",
    aliases: ["HelloSign"],
    scheme: BodySignatureScheme::hmac_sha256("/event/event_hash")
        .json_in_form("json")
        .signed([
            BodyPiece::value("/event/event_time"),
            BodyPiece::value("/event/event_type"),
        ])
        .accept_movable_boundaries(),
    answer: "200 with the body `Hello API Event Received`",
    source: Source, "2026-11-27", [
        "https://developers.hellosign.com/docs/events/walkthrough/",
        "https://github.com/hellosign/dropbox-sign-python",
    ],
}

/// The secret is the `passcode` that you chose. It proves nothing about the body.
fn figma(keys) -> Provider<Bytes> {
    title: "Figma",
    scheme: BodyKeyScheme::json("/passcode"),
    setup: "A `PING` event with the passcode. It passes the layer.",
    source: SecondHand, "2026-11-27", ["https://developers.figma.com/docs/rest-api/webhooks/"],
}

/// Finch signs as in Standard Webhooks, with other header names.
fn finch(keys) -> Result<Bytes> {
    title: "Finch",
    scheme: shapes::standard_envelope(SignatureScheme::hmac_sha256("finch-signature"), "v1")
        .id_header("finch-event-id")
        .timestamp(Timestamp::header("finch-timestamp"))
        .key_encoding(KeyEncoding::Base64),
    source: Source, "2026-11-27", ["https://github.com/Finch-API/finch-api-python/blob/446470e/tests/api_resources/test_webhooks.py"],
}

fn fireflies(keys) -> Provider<Bytes> {
    title: "Fireflies",
    scheme: shapes::sha256_tagged("x-hub-signature"),
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}

/// The key is that of the automation rule, in PEM. The URL is the one in the rule.
#[cfg(feature = "rsa")]
fn gong(keys, url) -> Result<Bytes> {
    title: "Gong",
    scheme: JwtScheme::rs256("authorization")
        .url_claim("webhook_url")
        .url(url)
        .body_hash("body_sha256", BodyDigest::Sha256Hex),
    source: SecondHand, "2026-11-27", ["https://help.gong.io/docs/create-a-webhook-rule", "https://github.com/simstudioai/sim"],
}

/// The key is the token of the notification channel. The body is empty: request what changed from
/// Google's API. The first delivery of a channel has `X-Goog-Resource-State: sync`.
fn google_channel(keys) -> Provider<Bytes> {
    title: "Google Drive and Calendar",
    aliases: ["Google Drive", "Google Calendar"],
    scheme: SharedKeyScheme::new("x-goog-channel-token"),
    source: SecondHand, "2026-11-27", ["https://github.com/triggerdotdev/trigger.dev"],
}

fn greenhouse(keys) -> Provider<Bytes> {
    title: "Greenhouse",
    scheme: SignatureScheme::hmac_sha256("signature").tags(' ', ["sha256"]),
    source: SecondHand, "2026-11-27", ["https://github.com/simstudioai/sim"],
}

/// HighLevel publishes the key. A newer signature with Ed25519 is not read.
#[cfg(feature = "rsa")]
fn highlevel(keys) -> Result<Bytes> {
    title: "HighLevel",
    aliases: ["GoHighLevel", "LeadConnector"],
    scheme: SignatureScheme::rsa_pkcs1_sha256("x-wh-signature"),
    source: SecondHand, "2026-11-27", ["https://github.com/NangoHQ/nango"],
}

/// HubSpot version 1. This is not a MAC: a client that has seen one delivery can append bytes to its
/// body without the secret
/// ([length extension](https://en.wikipedia.org/wiki/Length_extension_attack)). Use [`hubspot_v3`]
/// wherever HubSpot sends it. Reject bodies that do not parse: a client that has seen a delivery of version 2 to the
/// same app can send `POST`, the URL and the body of that delivery as a body, and it is verified.
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

fn jobber(keys) -> Provider<Bytes> {
    title: "Jobber",
    scheme: shapes::base64("x-jobber-hmac-sha256"),
    source: SecondHand, "2026-11-27", ["https://github.com/NangoHQ/nango"],
}

fn merge(keys) -> Provider<Bytes> {
    title: "Merge",
    scheme: SignatureScheme::hmac_sha256("x-merge-webhook-signature")
        .encoding(Encoding::Base64Url),
    source: SecondHand, "2026-11-27", [],
}

/// Change notifications without encrypted content. The secret is the `clientState` of the
/// subscription. It must be in every notification of a body, and it proves nothing about the rest:
/// read the resource from Graph.
fn microsoft_graph(keys) -> Provider<Bytes> {
    title: "Microsoft Graph",
    aliases: ["Office 365", "Outlook", "SharePoint", "OneDrive"],
    scheme: BodyKeyScheme::json("/value/*/clientState"),
    answer: "2xx within 3 s",
    setup: "An unsigned POST with `?validationToken=…`, to be answered within 10 s with the decoded token as text. `answer_setup` answers it.",
    answered_by: setup::MICROSOFT_GRAPH,
    source: Docs, "2026-11-27", ["https://learn.microsoft.com/en-us/graph/change-notifications-delivery-webhooks"],
}

/// An integration of an app, with the signing secret of the app. Webhooks of boards are not signed. The token does
/// not cover the body: treat the body as a hint. The audience is the URL that monday calls.
fn monday(keys, url) -> Provider<Bytes> {
    title: "monday.com apps",
    scheme: JwtScheme::hs256("authorization")
        .url_claim("aud")
        .url(url)
        .accept_unsigned_body(),
    source: SecondHand, "2026-11-27", ["https://developer.monday.com/apps/docs/integration-authorization"],
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

/// If Nylas compresses a body, the signature covers the compressed bytes.
fn nylas(keys) -> Provider<Bytes> {
    title: "Nylas",
    scheme: SignatureScheme::hmac_sha256("x-nylas-signature"),
    setup: "An unsigned GET with `?challenge=…`, to be answered within 10 s. It does not pass the layer: mount `handshake::nylas` for GET.",
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}

/// The signature is the parameter `signature` of the query, so servers and proxies may write it to their
/// logs.
fn pandadoc(keys) -> Provider<Bytes> {
    title: "PandaDoc",
    scheme: SignatureScheme::hmac_sha256("signature").in_query(),
    source: SecondHand, "2026-11-27", ["https://developers.pandadoc.com/docs/webhook-verification"],
}

/// The secret is `user:password`.
fn pipedrive(keys) -> Provider<Bytes> {
    title: "Pipedrive",
    scheme: SharedKeyScheme::new("authorization").basic(),
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}

fn pylon(keys) -> Provider<Bytes> {
    title: "Pylon",
    scheme: SignatureScheme::hmac_sha256("pylon-webhook-signature")
        .tags('=', ["hs256"])
        .timestamp(Timestamp::header("pylon-webhook-timestamp"))
        .signed([Piece::Timestamp, Piece::literal("."), Piece::Body]),
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}

fn savvycal(keys) -> Provider<Bytes> {
    title: "SavvyCal",
    scheme: shapes::sha256_tagged("x-savvycal-signature"),
    source: SecondHand, "2026-11-27", ["https://github.com/triggerdotdev/trigger.dev"],
}

/// The key is the `sharedSecret` of the webhook.
fn smartsheet(keys) -> Provider<Bytes> {
    title: "Smartsheet",
    scheme: SignatureScheme::hmac_sha256("smartsheet-hmac-sha256"),
    setup: "An unsigned POST with `Smartsheet-Hook-Challenge`, whose value has to be sent back in `Smartsheet-Hook-Response`. `answer_setup` answers it.",
    answered_by: setup::SMARTSHEET,
    source: SecondHand, "2026-11-27", [],
}

/// Tally signs only webhooks that have a secret.
fn tally(keys) -> Provider<Bytes> {
    title: "Tally",
    scheme: shapes::base64("tally-signature"),
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}

/// The key is the client secret.
fn todoist(keys) -> Provider<Bytes> {
    title: "Todoist",
    scheme: shapes::base64("x-todoist-hmac-sha256"),
    id: ["x-todoist-delivery-id"],
    retries: "three attempts (not confirmed)",
    source: SecondHand, "2026-11-27", [],
}

/// The URL is the callback URL that you registered. The response 410 deletes the webhook. Pass
/// [`SignedUrl::exact`](crate::SignedUrl::exact): with [`SignedUrl::origin`](crate::SignedUrl::origin)
/// nothing marks where the body ends.
fn trello(keys, url) -> Provider<Bytes> {
    title: "Trello",
    scheme: SignatureScheme::hmac_sha1("x-trello-webhook")
        .encoding(Encoding::Base64)
        .signed([Piece::Body, Piece::Url])
        .url(url)
        .accept_movable_body_boundary(),
    retries: "after 30, 60 and 120 s",
    setup: "An unsigned HEAD, which must be answered with 200. It does not pass the layer: mount a handler for HEAD on the same route.",
    source: Docs, "2026-11-27", [
        "https://developer.atlassian.com/cloud/trello/guides/rest-api/webhooks",
        "https://github.com/hookdeck/webhook-skills",
    ],
}

/// Recognise a repeated delivery by its `event_id` in the body.
fn typeform(keys) -> Provider<Bytes> {
    title: "Typeform",
    scheme: shapes::base64("typeform-signature").tags('=', ["sha256"]),
    source: SecondHand, "2026-11-27", ["https://www.typeform.com/developers/webhooks/secure-your-webhooks/"],
}

/// Zendesk documents no tolerance. If Zendesk repeats a delivery with its first time, the repeated delivery
/// may be too old: [`tolerance`](crate::Provider::tolerance) changes that.
fn zendesk(keys) -> Provider<Bytes> {
    title: "Zendesk",
    scheme: shapes::base64("x-zendesk-webhook-signature")
        .timestamp(Timestamp::header("x-zendesk-webhook-signature-timestamp").rfc3339())
        .signed([Piece::Timestamp, Piece::Body]),
    id: ["x-zendesk-webhook-invocation-id"],
    source: SecondHand, "2026-11-27", ["https://developer.zendesk.com/documentation/webhooks/verifying/"],
}
}
