//! Feature flags and experiments. The types of their events are in a module for each sender.

use super::prelude::*;

senders! { Flags;

/// Knock sends the alerts of Amplitude Experiment: the scheme is that of [`knock`](super::knock()).
/// Amplitude's page links to Knock's page for the signing key. No page of Amplitude names the header.
fn amplitude_experiment(keys) -> Provider<amplitude::Event> {
    title: "Amplitude Experiment",
    aliases: ["Amplitude"],
    scheme: shapes::knock(),
    answer: "2xx",
    retries: "eight attempts, after 3xx, 4xx and 5xx",
    example: r#"{"flagId":"1","flagName":"new-checkout","action":"updated"}"#,
    source: Docs, "2026-11-27", ["https://amplitude.com/docs/feature-experiment/notifications"],
}

/// The whole secret is the key, including `configcat_whsk_`. During a key rotation the header holds
/// two signatures, separated by a comma. You choose the method, and the body may be empty. ConfigCat
/// documents no tolerance.
///
/// Nothing separates id, timestamp and body in the signed content. A client that has seen a
/// delivery can send a part of its body as the body. It can then use any ten digits of the body as
/// the time. So the id and the time do not count as signed. If the body of an old delivery contains
/// a current time, an attacker can send a part of it again. Use a JSON template: a part of it does
/// not parse.
fn configcat(keys) -> Provider<Bytes> {
    title: "ConfigCat",
    scheme: SignatureScheme::hmac_sha256("x-configcat-webhook-signature-v1")
        .encoding(Encoding::Base64)
        .item_separator(',')
        .id_header("x-configcat-webhook-id")
        .timestamp(Timestamp::header("x-configcat-webhook-timestamp").accept_renewal())
        .signed([Piece::Id, Piece::Timestamp, Piece::Body])
        .accept_movable_body_boundary(),
    answer: "2xx",
    retries: "up to five times",
    source: Docs, "2026-11-27", ["https://configcat.com/docs/advanced/notifications-webhooks/"],
}

/// The signature is in the body and covers the bytes of `data`, exactly as they are in the body. **Only this
/// value is signed**: read nothing else, and not the `event` next to it. Eppo signs
/// `JSON.stringify(data)` and sends the same bytes.
fn eppo(keys) -> Provider<Bytes> {
    title: "Eppo",
    scheme: BodySignatureScheme::hmac_sha256("/signature").signed([BodyPiece::raw("/data")]),
    source: Docs, "2026-11-27", ["https://github.com/Eppo-exp/eppo-docs/blob/main/docs/reference/webhook.mdx"],
}

/// The delivery's id stays the same when FeatBit repeats a delivery. Your template makes the body; it
/// is always JSON.
fn featbit(keys) -> Provider<Json> {
    title: "FeatBit",
    scheme: shapes::sha256_tagged("x-featbit-signature-256"),
    id: ["x-featbit-delivery"],
    event: ["x-featbit-event"],
    answer: "2xx within 10 s",
    retries: "three attempts, 2 s apart",
    source: Source, "2026-11-27", [
        "https://docs.featbit.co/integrations/webhooks",
        "https://github.com/featbit/featbit/blob/main/modules/back-end/src/Infrastructure/Services/WebhookSender.cs",
    ],
}

/// Flagsmith signs only webhooks that have a secret. It does not follow redirects.
fn flagsmith(keys) -> Provider<flagsmith::Event> {
    title: "Flagsmith",
    scheme: SignatureScheme::hmac_sha256("x-flagsmith-signature"),
    answer: "any response within 10 s",
    retries: "three attempts with growing pauses when it cannot connect; a response other than 2xx is only logged",
    example: r#"{"event_type":"FLAG_UPDATED","data":{"changed_by":"Ben","new_state":{"enabled":true,"environment":{"id":1,"name":"Production"},"feature":{"id":2,"name":"checkout"},"feature_state_value":null},"previous_state":null,"timestamp":"2026-11-27T09:00:00Z"}}"#,
    source: Source, "2026-11-27", [
        "https://docs.flagsmith.com/system-administration/webhooks#web-hook-signature",
        "https://github.com/Flagsmith/flagsmith/blob/main/api/webhooks/webhooks.py",
    ],
}

/// Flagsmith sends this to Sentry, or to a service that takes Sentry's place. The scheme of Sentry's
/// own webhooks is another one: [`sentry`](super::sentry()).
fn flagsmith_change_tracking(keys) -> Provider<flagsmith::Changes> {
    title: "Flagsmith change tracking",
    aliases: ["Sentry change tracking"],
    scheme: SignatureScheme::hmac_sha256("x-sentry-signature"),
    answer: "2xx",
    retries: "none",
    example: r#"{"data":[{"action":"updated","change_id":"1","created_at":"2026-11-27T09:00:00+00:00","created_by":{"id":"ben@example.com","type":"email"},"flag":"checkout"}],"meta":{"version":1}}"#,
    source: Source, "2026-11-27", [
        "https://github.com/Flagsmith/flagsmith/blob/main/api/integrations/sentry/change_tracking.py",
    ],
}

/// Flipt version 1 sends audit events. Version 2 sends none. Flipt signs only where a signing secret is
/// configured.
fn flipt(keys) -> Provider<flipt::Event> {
    title: "Flipt",
    scheme: SignatureScheme::hmac_sha256("x-flipt-webhook-signature"),
    answer: "2xx",
    retries: "after 429, 5xx and failed connections, with at most 15 s between attempts",
    example: r#"{"version":"0.1","type":"flag","action":"created","metadata":{"actor":{"authentication":"none","ip":"127.0.0.1"}},"payload":{"key":"checkout"},"timestamp":"2026-11-27T09:00:00Z"}"#,
    source: Source, "2026-11-27", [
        "https://docs.flipt.io/v1/configuration/observability#webhooks",
        "https://github.com/flipt-io/flipt/blob/main/internal/server/audit/webhook/client.go",
    ],
}

/// The webhook notifier and the webhook exporter sign in the same way.
fn go_feature_flag(keys) -> Provider<go_feature_flag::Event> {
    title: "GO Feature Flag",
    scheme: shapes::sha256_tagged("x-hub-signature-256"),
    answer: "a status below 400",
    retries: "none by the notifier",
    example: r#"{"meta":{"hostname":"server01"},"flags":{"deleted":{},"added":{},"updated":{}}}"#,
    source: Source, "2026-11-27", [
        "https://gofeatureflag.org/docs/integrations/notify-flags-changes/webhook",
        "https://github.com/thomaspoignant/go-feature-flag/blob/main/notifier/webhooknotifier/notifier.go",
    ],
}

/// GrowthBook's event webhooks. The older SDK webhooks and the updates for GrowthBook's proxy have the same
/// signature and other bodies: read those with [`json`](crate::Provider::json). Choose the payload type
/// "json" or "raw" at GrowthBook; bodies for Slack and Discord have another form. An update for the
/// proxy expects the response within 5 s, and is repeated once, after 5 s.
fn growthbook_event(keys) -> Provider<growthbook::Event> {
    title: "GrowthBook event webhook",
    aliases: ["GrowthBook Proxy"],
    scheme: SignatureScheme::hmac_sha256("x-growthbook-signature"),
    answer: "2xx",
    retries: "three attempts",
    example: r#"{"event":"feature.updated","object":"feature","data":{}}"#,
    source: Source, "2026-11-27", [
        "https://docs.growthbook.io/app/webhooks/event-webhooks",
        "https://github.com/growthbook/growthbook/blob/main/packages/back-end/src/events/handlers/webhooks/event-webhooks-utils.ts",
    ],
}

/// The text of the signing key, `wk_…`, is the key. Standard Webhooks would decode it; GrowthBook's code does
/// not. You choose the method, and the body may be empty. The headers `webhook-sdk-key` and `webhook-secret`
/// are neither signed nor read. GrowthBook's page asks for 200; its code accepts any 2xx.
fn growthbook_sdk(keys) -> Provider<growthbook::SdkEvent> {
    title: "GrowthBook SDK webhook",
    scheme: shapes::standard_webhooks(),
    answer: "200 within 30 s",
    retries: "after 30 s and after 5 min",
    example: r#"{"type":"payload.changed","timestamp":"2026-11-27T09:00:00Z","data":{"payload":"{}"}}"#,
    source: Source, "2026-11-27", [
        "https://docs.growthbook.io/app/webhooks/sdk-webhooks",
        "https://github.com/growthbook/growthbook/blob/main/packages/back-end/src/jobs/sdkWebhooks.ts",
    ],
}

/// LaunchDarkly signs only webhooks that have a secret. Deliveries may be lost and may arrive out of
/// order.
fn launchdarkly(keys) -> Provider<launchdarkly::Event> {
    title: "LaunchDarkly",
    scheme: SignatureScheme::hmac_sha256("x-ld-signature"),
    answer: "2xx",
    retries: "once",
    example: r#"{"_id":"1","date":1764234000000,"accesses":[],"kind":"flag","name":"checkout","description":""}"#,
    source: Docs, "2026-11-27", ["https://launchdarkly.com/docs/api/webhooks"],
}

/// The text of the secret is the key. It looks like base64 and is not decoded. The vendor's own
/// receiver, Optimizely Agent, answers 204.
fn optimizely(keys) -> Provider<optimizely::Event> {
    title: "Optimizely",
    aliases: ["Optimizely Feature Experimentation", "Optimizely Web", "Full Stack"],
    scheme: SignatureScheme::hmac_sha1("x-hub-signature").tags('=', ["sha1"]),
    retries: "none documented",
    example: r#"{"project_id":1234,"timestamp":1468447113,"event":"project.datafile_updated","data":{"revision":1,"origin_url":"https://optimizely.s3.amazonaws.com/json/1234.json","cdn_url":"https://cdn.optimizely.com/json/1234.json","environment":"Production"}}"#,
    source: Source, "2026-11-27", [
        "https://docs.developers.optimizely.com/feature-experimentation/docs/configure-webhooks",
        "https://github.com/optimizely/agent/tree/master/pkg/webhook",
    ],
}

/// Deliveries may come twice and out of order.
fn optimizely_cmp(keys) -> Provider<Json> {
    title: "Optimizely Content Marketing Platform",
    aliases: ["Welcome", "Optimizely CMP"],
    scheme: SharedKeyScheme::new("callback-secret"),
    answer: "200 or 202 within 30 s",
    retries: "for up to three days, with growing pauses",
    source: Docs, "2026-11-27", ["https://docs.developers.optimizely.com/content-marketing-platform/docs/get-started"],
}

/// Statsig documents no tolerance and no retries. Without an answer to the set-up request Statsig does
/// not save the webhook. Its page does not describe that request. The answer `{"verification_code": …}` is that of
/// Sentry's and Hookdeck's receivers. Sentry's first receiver answered with the code alone.
fn statsig(keys) -> Provider<statsig::Events> {
    title: "Statsig",
    scheme: shapes::slack_like(
        "x-statsig-signature",
        Timestamp::header("x-statsig-request-timestamp").milliseconds(),
    ),
    setup: "An unsigned POST `url_verification` with a code when you save the webhook. Without the answer the webhook is not saved: call `answer_setup`.",
    answered_by: setup::STATSIG,
    example: r#"{"data":[{"user":{"name":"Ben","email":"ben@example.com"},"timestamp":1764234000000,"eventName":"statsig::config_change","metadata":{"type":"Gate","name":"checkout","description":"","action":"updated"}}]}"#,
    source: Docs, "2026-11-27", ["https://docs.statsig.com/integrations/event_webhook"],
}

/// Statsig calls this before a change is committed. Ask Statsig for the review before you approve it:
/// a shared key proves the caller and covers nothing of the body.
fn statsig_pre_commit(keys) -> Provider<statsig::PreCommit> {
    title: "Statsig pre-commit webhook",
    scheme: SharedKeyScheme::new("x-statsig-webhook-key"),
    answer: "2xx, and the verdict through the change validation API within 2 min",
    example: r#"{"review_id":"1","submitter":"ben@example.com","committer":"eva@example.com","config_type":"gate","config_name":"checkout"}"#,
    source: Docs, "2026-11-27", ["https://docs.statsig.com/guides/pre-commit-webhooks"],
}

/// The secret is the exact text of the integration's field "Authorization". It includes `Bearer `
/// if you entered that. Unleash does not follow redirects. With a body template of your own, read
/// the body with [`json`](crate::Provider::json) or [`parse_with`](crate::Provider::parse_with).
fn unleash(keys) -> Provider<unleash::Event> {
    title: "Unleash",
    scheme: SharedKeyScheme::new("authorization"),
    answer: "2xx",
    retries: "once",
    example: r#"{"id":1,"type":"feature-updated","createdBy":"ben@example.com","createdAt":"2026-11-27T09:00:00Z","data":{},"preData":{},"tags":[],"featureName":"checkout","project":"default","environment":"production"}"#,
    source: Source, "2026-11-27", [
        "https://docs.getunleash.io/integrate/webhook",
        "https://github.com/Unleash/unleash/blob/main/src/lib/addons/webhook.ts",
    ],
}

/// VWO is now called Wingify. Answer 200 at once and do the work afterwards. The page for Feature
/// Experimentation accepts any 2xx. It names a signature with HMAC-SHA256 as a feature, but describes only
/// the header `x-vwo-auth`.
fn vwo(keys) -> Provider<vwo::Event> {
    title: "VWO",
    aliases: ["Wingify"],
    scheme: SharedKeyScheme::new("x-vwo-auth"),
    answer: "200",
    retries: "every 1 or 2 s for an hour",
    example: r#"{"timestamp":1764234000,"event":"settings_changed","action":"feature_flag_updated","triggered_by":"vwo"}"#,
    source: Docs, "2026-11-27", ["https://developers.vwo.com/docs/configure-webhooks"],
}
}
