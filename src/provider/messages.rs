//! Chat, mail, calls, video.

use super::prelude::*;

senders! { Messages;

/// The key is the part of the API key after the colon. Ably signs only where "Sign with key" is chosen.
/// `X-Ably-Key`, which is not signed, names the key.
fn ably(keys) -> Provider<Bytes> {
    title: "Ably",
    scheme: shapes::base64("x-ably-signature"),
    source: SecondHand, "2026-11-27", [],
}

/// The secret is the `token` of the webhook. It proves nothing about the body.
fn aircall(keys) -> Provider<Bytes> {
    title: "Aircall",
    scheme: BodyKeyScheme::json("/token"),
    source: SecondHand, "2026-11-27", ["https://developer.aircall.io/api-references/#webhooks"],
}

fn airship(keys) -> Provider<Bytes> {
    title: "Airship",
    aliases: ["Urban Airship"],
    scheme: SignatureScheme::hmac_sha256("x-ua-signature")
        .timestamp(Timestamp::header("x-ua-timestamp"))
        .signed([Piece::Timestamp, Piece::literal(":"), Piece::Body]),
    source: SecondHand, "2026-11-27", [],
}

fn attentive(keys) -> Provider<Bytes> {
    title: "Attentive",
    scheme: SignatureScheme::hmac_sha256("x-attentive-hmac-sha256"),
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}

/// Choose a signing key in the dashboard. The URL is the one that is registered, with its query.
fn bird(keys, url) -> Provider<Bytes> {
    title: "Bird",
    aliases: ["MessageBird"],
    scheme: JwtScheme::any_hmac("messagebird-signature-jwt")
        .issuer("MessageBird")
        .url_hash("url_hash", BodyDigest::Sha256Hex)
        .url(url)
        .body_hash("payload_hash", BodyDigest::Sha256Hex)
        .body_hash_absent_if_empty()
        .id_claim("jti"),
    source: Source, "2026-11-27", ["https://github.com/messagebird/messagebird-nodejs/blob/main/lib/webhook-signature-jwt.ts"],
}

/// Chatwoot 4 and later signs webhooks that have a secret.
fn chatwoot(keys) -> Provider<Bytes> {
    title: "Chatwoot",
    scheme: shapes::sha256_tagged("x-chatwoot-signature")
        .timestamp(Timestamp::header("x-chatwoot-timestamp"))
        .signed([Piece::Timestamp, Piece::literal("."), Piece::Body]),
    id: ["x-chatwoot-delivery"],
    source: SecondHand, "2026-11-27", ["https://github.com/triggerdotdev/trigger.dev"],
}

fn courier(keys) -> Provider<Bytes> {
    title: "Courier",
    scheme: shapes::stripe_like("courier-signature", "signature", Timestamp::tag("t").milliseconds()),
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}

/// The unit of the time is not documented. So the time is signed and its age is not checked.
fn crisp(keys) -> Provider<Bytes> {
    title: "Crisp",
    scheme: SignatureScheme::hmac_sha256("x-crisp-signature")
        .timestamp(Timestamp::header("x-crisp-request-timestamp").accept_any_age())
        .signed([Piece::literal("["), Piece::Timestamp, Piece::literal(";"), Piece::Body, Piece::literal("]")]),
    source: Source, "2026-11-27", ["https://github.com/crisp-im/node-crisp-api"],
}

/// Customer.io documents no tolerance.
fn customer_io(keys) -> Provider<Bytes> {
    title: "Customer.io",
    scheme: SignatureScheme::hmac_sha256("x-cio-signature")
        .timestamp(Timestamp::header("x-cio-timestamp"))
        .signed([Piece::literal("v0:"), Piece::Timestamp, Piece::literal(":"), Piece::Body]),
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}

fn daily(keys) -> Result<Bytes> {
    title: "Daily",
    scheme: shapes::base64("x-webhook-signature")
        .timestamp(Timestamp::header("x-webhook-timestamp"))
        .signed([Piece::Timestamp, Piece::literal("."), Piece::Body])
        .key_encoding(KeyEncoding::Base64),
    setup: "A POST, which must be answered with 200 (not confirmed).",
    source: SecondHand, "2026-11-27", ["https://github.com/triggerdotdev/trigger.dev"],
}

/// The key is the application's public key. Discord documents no tolerance. From time to time Discord sends
/// forged requests, and expects a 401. Discord's library does not limit the age of a delivery; this preset
/// does. If Discord repeats a delivery with its first time, the repeated delivery may be too old:
/// [`tolerance`](crate::Provider::tolerance) changes that.
#[cfg(feature = "ed25519")]
fn discord(keys) -> Result<Bytes> {
    title: "Discord",
    scheme: SignatureScheme::ed25519("x-signature-ed25519")
        .timestamp(Timestamp::header("x-signature-timestamp"))
        .signed([Piece::Timestamp, Piece::Body])
        .key_encoding(KeyEncoding::Hex),
    setup: "A signed `PING`. It passes the layer; your handler answers with a `PONG`, or `answer_setup` does.",
    answered_by: setup::DISCORD,
    source: Source, "2026-11-27", [
        "https://discord.com/developers/docs/interactions/overview#setting-up-an-endpoint",
        "https://github.com/discord/discord-interactions-js/blob/main/src/index.ts",
    ],
}

/// Each account has its own public key, which Freshchat shows as PEM.
#[cfg(feature = "rsa")]
fn freshchat(keys) -> Result<Bytes> {
    title: "Freshchat",
    aliases: ["Freshworks"],
    scheme: SignatureScheme::rsa_pkcs1_sha256("x-freshchat-signature"),
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}

/// Webhooks of an application. Front's page says that the time is in seconds; receivers find milliseconds,
/// and so this preset reads milliseconds.
fn front(keys) -> Provider<Bytes> {
    title: "Front",
    scheme: shapes::base64("x-front-signature")
        .timestamp(Timestamp::header("x-front-request-timestamp").milliseconds())
        .signed([Piece::Timestamp, Piece::literal(":"), Piece::Body]),
    setup: "A signed event `sync` with `X-Front-Challenge`. It passes the layer; your handler answers it with `handshake::front` within 10 s.",
    source: SecondHand, "2026-11-27", ["https://dev.frontapp.com/docs/application-webhooks", "https://github.com/hookdeck/webhook-skills"],
}

fn front_rule(keys) -> Provider<Bytes> {
    title: "Front rule webhooks",
    scheme: SignatureScheme::hmac_sha1("x-front-signature")
        .encoding(Encoding::Base64),
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}

/// GetStream can compress a body with gzip, and signs the text before the compression: put a decompression
/// layer outside of this layer, or turn compression off. GetStream signs only where a secret is set. The name
/// of the header for the id is not confirmed.
fn getstream(keys) -> Provider<Bytes> {
    title: "GetStream",
    aliases: ["Stream"],
    scheme: SignatureScheme::hmac_sha256("x-signature"),
    id: ["x-webhook-id"],
    source: Source, "2026-11-27", ["https://github.com/GetStream/stream-chat-python/tree/02f694f"],
}

fn help_scout(keys) -> Provider<Bytes> {
    title: "Help Scout",
    scheme: SignatureScheme::hmac_sha1("x-helpscout-signature")
        .encoding(Encoding::Base64),
    event: ["x-helpscout-event"],
    source: Source, "2026-11-27", ["https://github.com/helpscout/helpscout-api-php"],
}

/// The key is the client secret.
fn intercom(keys) -> Provider<Bytes> {
    title: "Intercom",
    scheme: SignatureScheme::hmac_sha1("x-hub-signature").tags('=', ["sha1"]),
    answer: "2xx within 5 s",
    setup: "A signed ping. It passes the layer. A HEAD may come as well (not confirmed): mount a handler for HEAD on the same route.",
    source: SecondHand, "2026-11-27", [
        "https://github.com/hookdeck/webhook-skills",
        "https://github.com/triggerdotdev/trigger.dev",
    ],
}

/// The time is a date of HTTP. Nothing separates it from the body, but all such dates have one length.
fn klaviyo(keys) -> Provider<Bytes> {
    title: "Klaviyo",
    scheme: SignatureScheme::hmac_sha256("klaviyo-signature")
        .timestamp(Timestamp::header("klaviyo-timestamp").http_date())
        .signed([Piece::Body, Piece::Timestamp]),
    source: SecondHand, "2026-11-27", ["https://github.com/SlopMaster2/webhook-verify"],
}

fn knock(keys) -> Provider<Bytes> {
    title: "Knock",
    scheme: shapes::knock(),
    answer: "2xx; 3xx counts as a failure",
    retries: "eight attempts, after 3xx, 4xx and 5xx",
    source: Docs, "2026-11-27", ["https://docs.knock.app/developer-tools/outbound-webhooks/overview"],
}

/// The key is the encrypt key: this is not confirmed. The signature is not a MAC: a client that has seen one
/// delivery can append bytes to its body without the key ([length
/// extension](https://en.wikipedia.org/wiki/Length_extension_attack)). So reject bodies that do not parse. A
/// body that Lark encrypts is verified and not decrypted here.
fn lark(keys) -> Provider<Bytes> {
    title: "Lark",
    aliases: ["Feishu"],
    scheme: SignatureScheme::keyless_sha256_open_to_length_extension("x-lark-signature")
        .timestamp(Timestamp::header("x-lark-request-timestamp"))
        .signed([Piece::Timestamp, Piece::header("x-lark-request-nonce"), Piece::Secret, Piece::Body])
        .accept_movable_body_boundary(),
    setup: "An unsigned `url_verification` with a challenge in the body, which `answer_setup` answers. With an encrypt key the challenge is encrypted: decrypt it in a service outside of the layer.",
    answered_by: setup::LARK,
    source: SecondHand, "2026-11-27", [],
}

/// Recognise a repeated event by its `webhookEventId` in the body.
fn line(keys) -> Provider<Bytes> {
    title: "LINE",
    scheme: shapes::base64("x-line-signature"),
    setup: "A signed delivery without events. It passes the layer.",
    source: Source, "2026-11-27", [
        "https://developers.line.biz/en/docs/messaging-api/verify-webhook-signature/",
        "https://github.com/line/line-bot-sdk-python/blob/master/linebot/v3/webhook.py",
    ],
}

/// The signed content is the text `hmacsha256=` and the body. The key is the client secret.
fn linkedin(keys) -> Provider<Bytes> {
    title: "LinkedIn",
    scheme: SignatureScheme::hmac_sha256("x-li-signature")
        .signed([Piece::literal("hmacsha256="), Piece::Body]),
    setup: "An unsigned GET with a `challengeCode`, repeated every 2 hours, to be answered within 3 s. It does not pass the layer: mount `handshake::linkedin` for GET.",
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}

/// The secret is the `secret_key` of the webhook. It proves nothing about the body.
fn livechat(keys) -> Provider<Bytes> {
    title: "LiveChat",
    scheme: BodyKeyScheme::json("/secret_key"),
    source: SecondHand, "2026-11-27", ["https://platform.text.com/docs/management/webhooks"],
}

/// The secret is that of the API key which the webhook uses. LiveKit's libraries also compare the issuer with
/// the name of the API key. That is not needed: the secret belongs to one API key.
fn livekit(keys) -> Provider<Bytes> {
    title: "LiveKit",
    scheme: JwtScheme::hs256("authorization")
        .body_hash("sha256", BodyDigest::Sha256Base64),
    source: Source, "2026-11-27", ["https://github.com/livekit/node-sdks/blob/main/packages/livekit-server-sdk/src/WebhookReceiver.ts"],
}

fn mailersend(keys) -> Provider<Bytes> {
    title: "MailerSend",
    scheme: SignatureScheme::hmac_sha256("signature"),
    source: SecondHand, "2026-11-27", ["https://github.com/anymail/django-anymail/tree/8c40cc4"],
}

/// **The body is not signed.** The signature covers only the time and a random token. A client that has seen
/// a delivery can send any number of other events with them for five minutes. So remember the tokens:
/// [`Verified::delivery_id`](crate::Verified::delivery_id) is the token, and it is signed. The key is the
/// HTTP webhook signing key. Older webhooks are forms: the way `form` reads them.
fn mailgun(keys) -> Provider<Bytes> {
    title: "Mailgun",
    scheme: shapes::mailgun(),
    retries: "for 8 hours; a 406 ends them",
    source: Source, "2026-11-27", ["https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks"],
}

fn mailtrap(keys) -> Provider<Bytes> {
    title: "Mailtrap",
    scheme: SignatureScheme::hmac_sha256("mailtrap-signature"),
    source: SecondHand, "2026-11-27", ["https://github.com/anymail/django-anymail"],
}

/// The secret is the authentication key of the webhook. The field `mandrill_events` is the JSON with the
/// events. Mandrill signs the URL and the fields of the form, not the exact bytes of the body: read only this
/// field, with [`SignedForm`](crate::SignedForm). Pass [`SignedUrl::exact`](crate::SignedUrl::exact) with the URL
/// that you entered at Mandrill.
fn mandrill(keys, url) -> Result<Bytes> {
    title: "Mandrill",
    aliases: ["Mailchimp Transactional"],
    scheme: SignatureScheme::hmac_sha1("x-mandrill-signature")
        .encoding(Encoding::Base64)
        .signed([Piece::Url, Piece::SortedForm(SortedForm::new())])
        .url(url),
    setup: "A HEAD, then a signed POST without events, which passes the layer. The HEAD does not: mount a handler for HEAD on the same route.",
    source: SecondHand, "2026-11-27", ["https://mailchimp.com/developer/transactional/guides/track-respond-activity-webhooks/"],
}

/// Facebook, Instagram, Messenger and WhatsApp. The key is the app secret. Meta signs the body as it
/// arrives, in which every character beyond ASCII is escaped (`\u00e4`).
fn meta(keys) -> Provider<Bytes> {
    title: "Meta",
    aliases: ["Facebook", "Instagram", "Messenger", "WhatsApp", "Threads"],
    scheme: shapes::sha256_tagged("x-hub-signature-256"),
    setup: "An unsigned GET with `hub.mode=subscribe`. It does not pass the layer: mount `handshake::meta` for GET.",
    source: Docs, "2026-11-27", ["https://developers.facebook.com/docs/graph-api/webhooks/getting-started"],
}

/// Outgoing webhooks. Teams may show the response in the chat: this is not confirmed.
fn microsoft_teams(keys) -> Result<Bytes> {
    title: "Microsoft Teams",
    scheme: shapes::base64("authorization")
        .tags(' ', ["HMAC"])
        .key_encoding(KeyEncoding::Base64),
    answer: "within 10 s (not confirmed)",
    source: SecondHand, "2026-11-27", ["https://github.com/triggerdotdev/trigger.dev"],
}

/// The signature `V3`. The key is the auth token of the account. Plivo signs the URL, the fields of the form
/// in the order of their names, and a nonce. The exact bytes of the body are not signed: read the fields with
/// [`SignedForm`](crate::SignedForm), and do not act on the absence of a field. During a rotation the header
/// holds several signatures.
///
/// Pass [`SignedUrl::exact`](crate::SignedUrl::exact) with the URL that you entered at Plivo. Its query
/// is signed in the order of the names, as in Plivo's libraries. Callbacks by GET do not pass
/// here.
fn plivo(keys, url) -> Result<Bytes> {
    title: "Plivo",
    scheme: shapes::plivo(&url),
    source: Source, "2026-11-27", [
        "https://github.com/plivo/plivo-python/blob/master/plivo/utils/signature_v3.py",
        "https://github.com/plivo/plivo-node/blob/master/lib/utils/v3Security.js",
    ],
}

/// Postal signs with SHA-1. A person who can choose what Postal signs, such as the text of a message, may be
/// able to prepare two bodies with one signature. The key is the one of Postal's DKIM record: the base64 text
/// after `p=`. A key with fewer than 2,048 bits is rejected: give Postal a longer one.
#[cfg(feature = "rsa")]
fn postal(keys) -> Result<Bytes> {
    title: "Postal",
    scheme: SignatureScheme::rsa_pkcs1_sha1_open_to_collisions("x-postal-signature"),
    source: SecondHand, "2026-11-27", ["https://github.com/anymail/django-anymail"],
}

/// The secret is `user:password`, as in the webhook's URL.
fn postmark(keys) -> Provider<Bytes> {
    title: "Postmark",
    scheme: SharedKeyScheme::new("authorization").basic(),
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}

/// `X-Pusher-Key`, which is not signed, names the application. A body holds several events. The body contains
/// the time of sending, `time_ms`, in milliseconds: your handler can reject an old one.
fn pusher(keys) -> Provider<Bytes> {
    title: "Pusher",
    scheme: SignatureScheme::hmac_sha256("x-pusher-signature"),
    source: Source, "2026-11-27", ["https://github.com/pusher/pusher-http-node/blob/7492d8d/tests/integration/webhook.js"],
}

fn retell(keys) -> Provider<Bytes> {
    title: "Retell AI",
    scheme: SignatureScheme::hmac_sha256("x-retell-signature")
        .item_separator(',')
        .tags('=', ["d"])
        .timestamp(Timestamp::tag("v").milliseconds())
        .signed([Piece::Body, Piece::Timestamp]),
    source: Source, "2026-11-27", ["https://github.com/RetellAI/retell-python-sdk/blob/a14e511/tests/test_webhook_auth.py"],
}

/// RingCentral sends the token only for a subscription that has one.
fn ringcentral(keys) -> Provider<Bytes> {
    title: "RingCentral",
    scheme: SharedKeyScheme::new("verification-token"),
    setup: "An unsigned POST with `Validation-Token`, whose value has to be sent back in the same header. `answer_setup` answers it.",
    answered_by: setup::RINGCENTRAL,
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}

/// The event webhook. The key is the public key that SendGrid shows: base64 of its
/// SubjectPublicKeyInfo. The time may be of any age, as in the vendor's libraries: look at
/// [`Verified::signed_at`](crate::Verified::signed_at), and recognise a repeated event by its
/// `sg_event_id` in the body.
#[cfg(feature = "ecdsa-p256")]
fn sendgrid(keys) -> Result<Bytes> {
    title: "SendGrid",
    aliases: ["Twilio SendGrid"],
    scheme: SignatureScheme::ecdsa_p256("x-twilio-email-event-webhook-signature")
        .encoding(Encoding::Base64)
        .timestamp(Timestamp::header("x-twilio-email-event-webhook-timestamp").accept_any_age())
        .signed([Piece::Timestamp, Piece::Body])
        .key_encoding(KeyEncoding::Base64),
    source: Source, "2026-11-27", [
        "https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features",
        "https://github.com/sendgrid/sendgrid-python/blob/main/sendgrid/helpers/eventwebhook/__init__.py",
    ],
}

/// `x-sinch-webhook-signature-algorithm: HmacSHA256` is required.
fn sinch_conversation(keys) -> Provider<Bytes> {
    title: "Sinch Conversation",
    scheme: shapes::base64("x-sinch-webhook-signature")
        .id_header("x-sinch-webhook-signature-nonce")
        .timestamp(Timestamp::header("x-sinch-webhook-signature-timestamp"))
        .require_header("x-sinch-webhook-signature-algorithm", "HmacSHA256")
        .signed([Piece::Body, Piece::literal("."), Piece::Id, Piece::literal("."), Piece::Timestamp]),
    source: Source, "2026-11-27", ["https://github.com/sinch/sinch-sdk-node"],
}

fn sinch_numbers(keys) -> Provider<Bytes> {
    title: "Sinch Numbers",
    scheme: SignatureScheme::hmac_sha1("x-sinch-signature"),
    source: Source, "2026-11-27", ["https://github.com/sinch/sinch-sdk-node"],
}

/// Slack writes the number of the attempt to `X-Slack-Retry-Num`.
fn slack(keys) -> Provider<Bytes> {
    title: "Slack",
    scheme: shapes::slack_like("x-slack-signature", Timestamp::header("x-slack-request-timestamp")),
    typed: slack::Event,
    answer: "2xx within 3 s",
    retries: "three times",
    setup: "A signed `url_verification`. It passes the layer; your handler answers it with `handshake::slack`, or `answer_setup` does. For slash commands also an unsigned form `ssl_check=1`, which `answer_setup` answers.",
    answered_by: setup::SLACK,
    example: r#"{"type":"event_callback","team_id":"T1","event_id":"Ev1","event":{"type":"app_mention"}}"#,
    source: Source, "2026-11-27", [
        "https://docs.slack.dev/authentication/verifying-requests-from-slack/",
        "https://github.com/slackapi/python-slack-sdk/blob/main/slack_sdk/signature/__init__.py",
    ],
}

/// Bots. The secret is the `secret_token` that you gave to `setWebhook`. Recognise a repeated update by
/// its `update_id` in the body.
fn telegram(keys) -> Provider<Bytes> {
    title: "Telegram",
    scheme: SharedKeyScheme::new("x-telegram-bot-api-secret-token"),
    source: Docs, "2026-11-27", ["https://core.telegram.org/bots/api#setwebhook"],
}

/// The key is the public key of the portal, in base64.
#[cfg(feature = "ed25519")]
fn telnyx(keys) -> Result<Bytes> {
    title: "Telnyx",
    scheme: SignatureScheme::ed25519("telnyx-signature-ed25519")
        .encoding(Encoding::Base64)
        .timestamp(Timestamp::header("telnyx-timestamp"))
        .signed([Piece::Timestamp, Piece::literal("|"), Piece::Body])
        .key_encoding(KeyEncoding::Base64),
    answer: "2xx within 2 s",
    retries: "to the failover URL",
    source: Source, "2026-11-27", ["https://github.com/team-telnyx/telnyx-node/tree/b9b12ca7"],
}

fn tiktok(keys) -> Provider<Bytes> {
    title: "TikTok",
    scheme: shapes::stripe_like("tiktok-signature", "s", Timestamp::tag("t")),
    source: SecondHand, "2026-11-27", [
        "https://github.com/hookdeck/webhook-skills",
        "https://github.com/simstudioai/sim",
    ],
}

/// The key is the auth token of the account. Pass [`SignedUrl::exact`](crate::SignedUrl::exact) with the URL
/// exactly as you entered it at Twilio: its scheme and a slash at its end are signed. Write it without
/// `bodySHA256`, which Twilio appends. Twilio signs the port or leaves it out, so both are accepted, as in
/// Twilio's libraries. An account with a shared key signs with SHA-256; the number of bytes of the signature shows
/// it.
///
/// - **A form** (way `form`): the URL and the fields in the order of their names are signed. Nothing
///   separates a name from its value, so the exact bytes of the body are not signed. Read it with
///   [`SignedForm`](crate::SignedForm). A handler must not act on the absence of a field.
/// - **Another body**, such as JSON (way `body`): the URL is signed, with the SHA-256 of the body in the parameter
///   `bodySHA256`. The body is signed. A body without this parameter is rejected.
///
/// The `Content-Type` selects the way. If there is none, both are tried.
///
/// ```
/// use tower_webhook_auth::{Secret, SignedForm, SignedUrl, WebhookAuthLayer, provider};
///
/// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
/// let url = SignedUrl::exact("https://example.com/sms")?;
/// let twilio = provider::twilio(Secret::new("12345")?, url)?.parse::<SignedForm>();
/// let layer = WebhookAuthLayer::new(twilio);
/// # let _ = layer;
/// # Ok(())
/// # }
/// ```
fn twilio(keys, url) -> Result<Bytes> {
    title: "Twilio",
    scheme: shapes::twilio(&url),
    id: ["i-twilio-idempotency-token"],
    source: Source, "2026-11-27", [
        "https://www.twilio.com/docs/usage/webhooks/webhooks-security",
        "https://github.com/twilio/twilio-python/blob/main/twilio/request_validator.py",
    ],
}

/// EventSub. The subscription's type in the header is not signed: read it from the body. Twitch's time limit
/// is ten minutes. If Twitch repeats a delivery with its first time, the repeated delivery may be too old:
/// [`tolerance`](crate::Provider::tolerance) changes that.
fn twitch(keys) -> Provider<Bytes> {
    title: "Twitch",
    aliases: ["EventSub"],
    scheme: shapes::sha256_tagged("twitch-eventsub-message-signature")
        .id_header("twitch-eventsub-message-id")
        .timestamp(
            Timestamp::header("twitch-eventsub-message-timestamp")
                .rfc3339()
                .tolerance(Duration::from_secs(600)),
        )
        .signed([Piece::Id, Piece::Timestamp, Piece::Body]),
    event: ["twitch-eventsub-subscription-type"],
    setup: "A signed challenge. It passes the layer; your handler answers it with `handshake::twitch`, or `answer_setup` does.",
    answered_by: setup::TWITCH,
    source: Source, "2026-11-27", [
        "https://dev.twitch.tv/docs/eventsub/handling-webhook-events/",
        "https://github.com/twitchdev/twitch-cli/blob/main/internal/events/trigger/forward_event.go",
    ],
}

fn viber(keys) -> Provider<Bytes> {
    title: "Viber",
    scheme: SignatureScheme::hmac_sha256("x-viber-content-signature"),
    setup: "An event `webhook`, which must be answered with 200 (not confirmed).",
    source: SecondHand, "2026-11-27", ["https://github.com/Viber/viber-bot-python"],
}

/// A signed webhook, with the signature secret of the account. Vonage sends some webhooks as a GET: the body
/// is then empty, and the query is not signed.
fn vonage(keys) -> Provider<Bytes> {
    title: "Vonage",
    aliases: ["Nexmo"],
    scheme: JwtScheme::hs256(TokenPlace::authorization("Bearer"))
        .issuer("Vonage")
        .max_age(Duration::from_secs(300))
        .body_hash("payload_hash", BodyDigest::Sha256Hex)
        .body_hash_absent_if_empty()
        .id_claim("jti"),
    source: Source, "2026-11-27", [
        "https://developer.vonage.com/en/getting-started/concepts/webhooks",
        "https://github.com/Vonage/vonage-node-sdk/tree/main/packages/jwt",
    ],
}

/// Webex signs only webhooks that have a secret.
fn webex(keys) -> Provider<Bytes> {
    title: "Webex",
    aliases: ["Cisco Spark"],
    scheme: SignatureScheme::hmac_sha1("x-spark-signature"),
    source: SecondHand, "2026-11-27", [
        "https://github.com/triggerdotdev/trigger.dev",
        "https://github.com/n8n-io/n8n",
    ],
}

fn whereby(keys) -> Provider<Bytes> {
    title: "Whereby",
    scheme: shapes::stripe_like("whereby-signature", "v1", Timestamp::tag("t")),
    source: SecondHand, "2026-11-27", ["https://github.com/triggerdotdev/trigger.dev"],
}

/// The key is the app's consumer secret. X's challenge, a `crc_token`, has to be signed under the same key.
/// So a body with only the characters of such a token is rejected here, with 422, also if its signature is
/// right. No delivery of X is one: its deliveries are JSON objects.
fn x(keys) -> Provider<Bytes> {
    title: "X",
    aliases: ["Twitter"],
    scheme: shapes::base64("x-twitter-webhooks-signature").tags('=', ["sha256"]),
    body: NoChallengeToken,
    setup: "An unsigned GET with a `crc_token`, then one every hour. It does not pass the layer: mount `handshake::x` for GET.",
    source: Docs, "2026-11-27", ["https://docs.x.com/x-api/webhooks/quickstart"],
}

/// Zoom documents no tolerance, and does not say whether a repeated delivery has a new time. If it keeps its
/// first time, the tolerance of 300 s rejects it: [`tolerance`](crate::Provider::tolerance) changes that.
fn zoom(keys) -> Provider<Bytes> {
    title: "Zoom",
    scheme: shapes::slack_like("x-zm-signature", Timestamp::header("x-zm-request-timestamp")),
    answer: "200 or 204 within 3 s",
    retries: "after 5, 25 and 85 min",
    setup: "A signed event `endpoint.url_validation`, repeated every 72 hours. It passes the layer; your handler answers it with `handshake::zoom`.",
    source: Source, "2026-11-27", [
        "https://developers.zoom.us/docs/api/webhooks/",
        "https://github.com/zoom/webhook-sample/blob/master/index.js",
    ],
}
}
