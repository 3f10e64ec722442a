//! Chat, mail, calls, video.

use super::prelude::*;

senders! { Messages;

/// The key is the application's public key. Discord documents no tolerance. Discord sends forged
/// requests from time to time, to see that they are answered with 401.
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

fn knock(keys) -> Provider<Bytes> {
    title: "Knock",
    scheme: shapes::knock(),
    answer: "2xx; 3xx counts as a failure",
    retries: "eight times",
    source: Docs, "2026-11-27", ["https://docs.knock.app/developer-tools/outbound-webhooks/overview"],
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

/// Facebook, Instagram, Messenger and WhatsApp. The key is the app secret. Meta signs the body as it
/// arrives, in which every character beyond ASCII is escaped (`\u00e4`).
fn meta(keys) -> Provider<Bytes> {
    title: "Meta",
    aliases: ["Facebook", "Instagram", "Messenger", "WhatsApp", "Threads"],
    scheme: shapes::sha256_tagged("x-hub-signature-256"),
    setup: "An unsigned GET with `hub.mode=subscribe`. It does not pass the layer: mount `handshake::meta` for GET.",
    source: Docs, "2026-11-27", ["https://developers.facebook.com/docs/graph-api/webhooks/getting-started"],
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

/// EventSub. The subscription's type in the header is not signed: read it from the body.
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

/// The key is the app's consumer secret. X's challenge, a `crc_token`, has to be signed under the same key.
/// So a body that is not a JSON object is rejected here, with 422, also if its signature is right:
/// `handshake::x` signs only tokens that are none.
fn x(keys) -> Provider<Bytes> {
    title: "X",
    aliases: ["Twitter"],
    scheme: shapes::base64("x-twitter-webhooks-signature").tags('=', ["sha256"]),
    body: JsonObject,
    setup: "An unsigned GET with a `crc_token`, then one every hour. It does not pass the layer: mount `handshake::x` for GET.",
    source: Docs, "2026-11-27", ["https://docs.x.com/x-api/webhooks/quickstart"],
}

/// Zoom documents no tolerance.
fn zoom(keys) -> Provider<Bytes> {
    title: "Zoom",
    scheme: shapes::slack_like("x-zm-signature", Timestamp::header("x-zm-request-timestamp")),
    answer: "200 or 204 within 3 s",
    setup: "A signed event `endpoint.url_validation`, repeated every 72 hours. It passes the layer; your handler answers it with `handshake::zoom`.",
    source: Source, "2026-11-27", [
        "https://developers.zoom.us/docs/api/webhooks/",
        "https://github.com/zoom/webhook-sample/blob/master/index.js",
    ],
}
}
