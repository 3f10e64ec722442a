//! Messages: chat, mail, calls, streams.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderName;

use super::{Provider, shapes};
#[cfg(any(feature = "ed25519", feature = "ecdsa-p256"))]
use crate::{error::ConfigError, scheme::KeyEncoding};
use crate::{
    scheme::{Encoding, Piece, SharedKeyScheme, SignatureScheme, Timestamp},
    secret::Keys,
};

/// Slack: `X-Slack-Signature: v0=` and the HMAC-SHA256 of `v0:{timestamp}:{body}` in hexadecimal
/// digits.
///
/// The timestamp, in `X-Slack-Request-Timestamp` and in seconds, may lie five minutes away. Slack waits
/// 3 seconds for 2xx and repeats three times, with the count in `X-Slack-Retry-Num`. A new URL is first
/// asked for its `challenge`, signed like everything else.
/// [Vendor's page](https://docs.slack.dev/authentication/verifying-requests-from-slack/),
/// [source](https://github.com/slackapi/python-slack-sdk/blob/main/slack_sdk/signature/__init__.py).
#[must_use]
pub fn slack(keys: impl Into<Keys>) -> Provider<Bytes> {
    let timestamp = Timestamp::header("x-slack-request-timestamp");
    let scheme = shapes::slack_like("x-slack-signature", timestamp);
    Provider::preset("slack", scheme.build(), keys)
}

/// Zoom: `x-zm-signature: v0=` and the HMAC-SHA256 of `v0:{timestamp}:{body}` in hexadecimal digits.
///
/// The timestamp, in `x-zm-request-timestamp` and in seconds, may lie five minutes away: the vendor
/// names no tolerance. Zoom waits 3 seconds for 200 or 204. A new URL is first sent the event
/// `endpoint.url_validation`, signed like everything else.
/// [Vendor's page](https://developers.zoom.us/docs/api/webhooks/),
/// [source](https://github.com/zoom/webhook-sample/blob/master/index.js).
#[must_use]
pub fn zoom(keys: impl Into<Keys>) -> Provider<Bytes> {
    let timestamp = Timestamp::header("x-zm-request-timestamp");
    let scheme = shapes::slack_like("x-zm-signature", timestamp);
    Provider::preset("zoom", scheme.build(), keys)
}

/// Discord: `X-Signature-Ed25519`, the Ed25519 signature of timestamp and body in hexadecimal digits.
///
/// The key is the application's public key in hexadecimal digits. The timestamp, in
/// `X-Signature-Timestamp` and in seconds, may lie five minutes away: the vendor names no tolerance.
/// Discord sends forged requests to see them answered with 401, and a `PING`, signed like everything
/// else, to be answered with a `PONG`.
/// [Vendor's page](https://discord.com/developers/docs/interactions/overview#setting-up-an-endpoint),
/// [source](https://github.com/discord/discord-interactions-js/blob/main/src/index.ts).
///
/// # Errors
///
/// When a key is not an Ed25519 public key in hexadecimal digits.
#[cfg(feature = "ed25519")]
#[cfg_attr(docsrs, doc(cfg(feature = "ed25519")))]
pub fn discord(keys: impl Into<Keys>) -> Result<Provider<Bytes>, ConfigError> {
    let scheme = SignatureScheme::ed25519("x-signature-ed25519")
        .timestamp(Timestamp::header("x-signature-timestamp"))
        .signed([Piece::Timestamp, Piece::Body])
        .key_encoding(KeyEncoding::Hex);
    Provider::new("discord", scheme.build()?, keys)
}

/// SendGrid's event webhook: `X-Twilio-Email-Event-Webhook-Signature`, the ECDSA signature (P-256,
/// SHA-256) of timestamp and body, DER in base64.
///
/// The key is the public key that SendGrid shows: base64 of its SubjectPublicKeyInfo. The timestamp, in
/// `X-Twilio-Email-Event-Webhook-Timestamp` and in seconds, may be of any age, as in the vendor's
/// libraries: look at [`Verified::signed_at`](crate::Verified::signed_at), and know each event again by
/// the `sg_event_id` in the body.
/// [Vendor's page](https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features),
/// [source](https://github.com/sendgrid/sendgrid-python/blob/main/sendgrid/helpers/eventwebhook/__init__.py).
///
/// # Errors
///
/// When a key is not a P-256 public key in base64.
#[cfg(feature = "ecdsa-p256")]
#[cfg_attr(docsrs, doc(cfg(feature = "ecdsa-p256")))]
pub fn sendgrid(keys: impl Into<Keys>) -> Result<Provider<Bytes>, ConfigError> {
    let timestamp = Timestamp::header("x-twilio-email-event-webhook-timestamp").accept_any_age();
    let scheme = SignatureScheme::ecdsa_p256("x-twilio-email-event-webhook-signature")
        .encoding(Encoding::Base64)
        .timestamp(timestamp)
        .signed([Piece::Timestamp, Piece::Body])
        .key_encoding(KeyEncoding::Base64);
    Provider::new("sendgrid", scheme.build()?, keys)
}

/// LINE: `x-line-signature`, the HMAC-SHA256 of the body in base64.
///
/// No time is signed: know an event again by the `webhookEventId` in the body.
/// [Vendor's page](https://developers.line.biz/en/docs/messaging-api/verify-webhook-signature/),
/// [source](https://github.com/line/line-bot-sdk-python/blob/master/linebot/v3/webhook.py).
#[must_use]
pub fn line(keys: impl Into<Keys>) -> Provider<Bytes> {
    Provider::preset("line", shapes::base64("x-line-signature").build(), keys)
}

/// X, formerly Twitter: `x-twitter-webhooks-signature: sha256=` and the HMAC-SHA256 of the body in
/// base64.
///
/// The key is the app's consumer secret. No time is signed: a delivery can be replayed. X asks with a
/// GET, when a webhook is made and every hour, for the answer to a `crc_token`: those requests are not
/// signed and do not pass here.
/// [Vendor's page](https://docs.x.com/x-api/webhooks/quickstart).
#[doc(alias = "twitter")]
#[must_use]
pub fn x(keys: impl Into<Keys>) -> Provider<Bytes> {
    let scheme = shapes::base64("x-twitter-webhooks-signature").tags('=', ["sha256"]);
    Provider::preset("x", scheme.build(), keys)
}

/// Meta: Facebook, Instagram, Messenger, WhatsApp. `X-Hub-Signature-256: sha256=` and the HMAC-SHA256
/// of the body in hexadecimal digits.
///
/// The key is the app secret. It signs the body as it arrives, where everything beyond ASCII is escaped
/// (`\u00e4`). No time is signed: a delivery can be replayed. A new URL is first asked with a GET,
/// `hub.mode=subscribe`, for its `hub.challenge`: that request is not signed and does not pass here. [Vendor's page](https://developers.facebook.com/docs/graph-api/webhooks/getting-started).
#[doc(alias = "whatsapp")]
#[must_use]
pub fn meta(keys: impl Into<Keys>) -> Provider<Bytes> {
    let scheme = shapes::sha256_tagged("x-hub-signature-256");
    Provider::preset("meta", scheme.build(), keys)
}

/// Telegram's bots: the shared key in `X-Telegram-Bot-Api-Secret-Token`.
///
/// The secret is the `secret_token` given to `setWebhook`. It proves who called and covers nothing of
/// the body: know an update again by the `update_id` in it.
/// [Vendor's page](https://core.telegram.org/bots/api#setwebhook).
#[must_use]
pub fn telegram(keys: impl Into<Keys>) -> Provider<Bytes> {
    let scheme = SharedKeyScheme::new("x-telegram-bot-api-secret-token");
    Provider::preset("telegram", scheme.build(), keys)
}

/// Twitch EventSub: `Twitch-Eventsub-Message-Signature: sha256=` and the HMAC-SHA256 of id, timestamp
/// and body, one after the other, in hexadecimal digits.
///
/// The timestamp, as in RFC 3339, may lie ten minutes away. The id is signed, the subscription's type
/// in `Twitch-Eventsub-Subscription-Type` is not: learn it from the body. A new subscription is first
/// sent a `challenge`, signed like everything else.
/// [Vendor's page](https://dev.twitch.tv/docs/eventsub/handling-webhook-events/),
/// [source](https://github.com/twitchdev/twitch-cli/blob/main/internal/events/trigger/forward_event.go).
#[must_use]
pub fn twitch(keys: impl Into<Keys>) -> Provider<Bytes> {
    let timestamp = Timestamp::header("twitch-eventsub-message-timestamp")
        .rfc3339()
        .tolerance(Duration::from_secs(600));
    let scheme = shapes::sha256_tagged("twitch-eventsub-message-signature")
        .id_header("twitch-eventsub-message-id")
        .timestamp(timestamp)
        .signed([Piece::Id, Piece::Timestamp, Piece::Body]);
    Provider::preset("twitch", scheme.build(), keys)
        .event_name_header(HeaderName::from_static("twitch-eventsub-subscription-type"))
}

/// Knock: `x-knock-signature: t=…,s=…`, the HMAC-SHA256 of `{t}.{body}` in base64.
///
/// The timestamp, in milliseconds, may lie five minutes away. 2xx is expected; everything else, 3xx
/// too, is tried eight times.
/// [Vendor's page](https://docs.knock.app/developer-tools/outbound-webhooks/overview).
#[must_use]
pub fn knock(keys: impl Into<Keys>) -> Provider<Bytes> {
    Provider::preset("knock", knock_scheme().build(), keys)
}

pub(super) fn knock_scheme() -> SignatureScheme {
    let timestamp = Timestamp::tag("t").milliseconds();
    shapes::stripe_like("x-knock-signature", "s", timestamp).encoding(Encoding::Base64)
}
