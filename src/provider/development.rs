//! Code, builds, operation.
//!
//! Most of these senders sign neither the headers that name the event and the delivery, nor a time.
//! A client that has seen such a delivery can send it again, also with other names in these headers.
//! Read the kind of the event from the body.

use super::prelude::*;

senders! { Development;

fn autodesk(keys) -> Provider<Bytes> {
    title: "Autodesk Platform Services",
    aliases: ["Forge"],
    scheme: SignatureScheme::hmac_sha1("x-adsk-signature")
        .tags('=', ["sha1hash"]),
    source: SecondHand, "2026-11-27", [],
}

/// The secret is `user:password`.
fn azure_devops(keys) -> Provider<Bytes> {
    title: "Azure DevOps",
    aliases: ["TFS"],
    scheme: SharedKeyScheme::new("authorization").basic(),
    source: SecondHand, "2026-11-27", ["https://github.com/triggerdotdev/trigger.dev"],
}

/// Bitbucket Cloud, and Bitbucket Data Center. Others send `sha1=` in a header of this name: that tag
/// is not accepted here.
fn bitbucket(keys) -> Provider<Bytes> {
    title: "Bitbucket",
    aliases: ["Atlassian", "Bitbucket Data Center", "Bitbucket Server"],
    scheme: shapes::sha256_tagged("x-hub-signature"),
    id: ["x-request-uuid", "x-request-id"],
    event: ["x-event-key"],
    setup: "Data Center: an unsigned POST `diagnostics:ping` when you test the connection. `answer_setup` answers it.",
    answered_by: setup::BITBUCKET,
    source: Docs, "2026-11-27", ["https://support.atlassian.com/bitbucket-cloud/docs/manage-webhooks/"],
}

/// Choose "Send an HMAC signature" at Buildkite. With a plain token use [`buildkite_token`].
fn buildkite(keys) -> Provider<Bytes> {
    title: "Buildkite",
    scheme: shapes::stripe_like("x-buildkite-signature", "signature", Timestamp::tag("timestamp")),
    event: ["x-buildkite-event"],
    source: Docs, "2026-11-27", ["https://github.com/buildkite/docs/tree/35cf0294c"],
}

/// Prefer [`buildkite`], which covers the body.
fn buildkite_token(keys) -> Provider<Bytes> {
    title: "Buildkite token",
    scheme: SharedKeyScheme::new("x-buildkite-token"),
    event: ["x-buildkite-event"],
    source: Docs, "2026-11-27", ["https://github.com/buildkite/docs"],
}

fn checkly(keys) -> Provider<Bytes> {
    title: "Checkly",
    scheme: SignatureScheme::hmac_sha256("x-checkly-signature"),
    source: Docs, "2026-11-27", ["https://github.com/checkly/docs.checklyhq.com"],
}

/// The delivery's id and the event's type are also in the body, where they are signed.
fn circleci(keys) -> Provider<Bytes> {
    title: "CircleCI",
    scheme: SignatureScheme::hmac_sha256("circleci-signature")
        .item_separator(',')
        .tags('=', ["v1"]),
    event: ["circleci-event-type"],
    answer: "2xx within 10 s",
    source: Docs, "2026-11-27", ["https://circleci.com/docs/guides/integration/outbound-webhooks/"],
}

/// The secret is the `sharedSecret` of the HTTP server. It proves nothing about the body.
fn cisco_meraki(keys) -> Provider<Bytes> {
    title: "Cisco Meraki",
    aliases: ["Meraki"],
    scheme: BodyKeyScheme::json("/sharedSecret"),
    source: SecondHand, "2026-11-27", ["https://developer.cisco.com/meraki/webhooks/"],
}

fn cloudflare_notifications(keys) -> Provider<Bytes> {
    title: "Cloudflare Notifications",
    scheme: SharedKeyScheme::new("cf-webhook-auth"),
    source: SecondHand, "2026-11-27", ["https://github.com/triggerdotdev/trigger.dev"],
}

fn cloudsmith(keys) -> Provider<Bytes> {
    title: "Cloudsmith",
    scheme: SignatureScheme::hmac_sha1("x-cloudsmith-signature")
        .tags('=', ["sha1"]),
    source: SecondHand, "2026-11-27", ["https://github.com/superplanehq/superplane"],
}

/// The names of the headers for the id and the event are not confirmed.
fn cursor(keys) -> Provider<Bytes> {
    title: "Cursor",
    scheme: shapes::sha256_tagged("x-webhook-signature"),
    id: ["x-webhook-id"],
    event: ["x-webhook-event"],
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}

fn doppler(keys) -> Provider<Bytes> {
    title: "Doppler",
    scheme: shapes::sha256_tagged("x-doppler-signature"),
    source: SecondHand, "2026-11-27", ["https://github.com/Hookflo/tern"],
}

fn expo(keys) -> Provider<Bytes> {
    title: "Expo",
    aliases: ["EAS"],
    scheme: SignatureScheme::hmac_sha1("expo-signature").tags('=', ["sha1"]),
    source: SecondHand, "2026-11-27", ["https://github.com/SlopMaster2/webhook-verify"],
}

fn firehydrant(keys) -> Provider<Bytes> {
    title: "FireHydrant",
    scheme: SignatureScheme::hmac_sha256("fh-signature"),
    source: SecondHand, "2026-11-27", ["https://github.com/superplanehq/superplane"],
}

fn forgejo(keys) -> Provider<Bytes> {
    title: "Forgejo",
    aliases: ["Codeberg"],
    scheme: SignatureScheme::hmac_sha256("x-forgejo-signature"),
    id: ["x-forgejo-delivery"],
    event: ["x-forgejo-event"],
    source: Source, "2026-11-27", [
        "https://forgejo.org/docs/latest/user/webhooks/",
        "https://codeberg.org/forgejo/forgejo/src/branch/forgejo/services/webhook/shared/payloader.go",
    ],
}

/// Gitea signs only webhooks that have a secret.
fn gitea(keys) -> Provider<Bytes> {
    title: "Gitea",
    scheme: SignatureScheme::hmac_sha256("x-gitea-signature"),
    id: ["x-gitea-delivery"],
    event: ["x-gitea-event"],
    source: Docs, "2026-11-27", ["https://docs.gitea.com/usage/repository/webhooks"],
}

/// A form-encoded delivery is signed as well: [`github::Event`](super::github::Event) reads both content
/// types, `json` only `application/json`. A body may have 25 MiB, the most that GitHub sends.
///
/// ```
/// use tower_webhook_auth::{Secret, Verified, WebhookAuthLayer};
/// use tower_webhook_auth::provider::{self, github};
///
/// fn handle(webhook: &Verified<github::Event>) {
///     match webhook.event() {
///         // The first delivery of a new webhook.
///         github::Event::Ping(ping) => println!("the webhook is set up: {:?}", ping.zen),
///         github::Event::Push(push) => println!("{:?} is now at {}", push.branch(), push.after),
///         _ => {}
///     }
/// }
///
/// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
/// let secret = Secret::new("It's a Secret to Everybody")?;
/// let layer = WebhookAuthLayer::new(provider::github(secret).parse::<github::Event>());
/// # let _ = (layer, handle);
/// # Ok(())
/// # }
/// ```
fn github(keys) -> Provider<Bytes> {
    title: "GitHub",
    max_body_bytes: 25 << 20,
    scheme: shapes::sha256_tagged("x-hub-signature-256"),
    id: ["x-github-delivery"],
    event: ["x-github-event"],
    typed: github::Event,
    answer: "2xx within 10 s",
    retries: "none; you can redeliver by hand or by the API",
    setup: "A signed event `ping`. It passes the layer.",
    example: r#"{"ref":"refs/heads/main","before":"0d1a","after":"7fd1","commits":[]}"#,
    source: Docs, "2026-11-27", [
        "https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries",
        "https://docs.github.com/en/webhooks/using-webhooks/handling-failed-webhook-deliveries",
    ],
}

/// GitHub before 2020, for GitHub Enterprise Servers and others that send no better signature. Use
/// [`github`] wherever you can.
fn github_sha1(keys) -> Provider<Bytes> {
    title: "GitHub (SHA-1)",
    max_body_bytes: 25 << 20,
    scheme: SignatureScheme::hmac_sha1("x-hub-signature").tags('=', ["sha1"]),
    id: ["x-github-delivery"],
    event: ["x-github-event"],
    typed: github::Event,
    answer: "2xx within 10 s",
    retries: "none; you can redeliver by hand or by the API",
    setup: "A signed event `ping`. It passes the layer.",
    example: r#"{"ref":"refs/heads/main","before":"0d1a","after":"7fd1","commits":[]}"#,
    source: Source, "2026-11-27", [
        "https://github.com/google/go-github/blob/master/github/messages.go",
        "https://docs.github.com/en/webhooks/using-webhooks/handling-failed-webhook-deliveries",
    ],
}

/// GitLab while you replace the secret token by a signing token: give both as named keys. A delivery with the
/// right token is accepted, also if its signature is wrong. The token covers nothing of the body:
/// `Verified::way` says which one matched. Use [`gitlab_signing_token`](super::gitlab_signing_token()) as
/// soon as all webhooks sign.
fn gitlab_migration(keys) -> Provider<Bytes> {
    title: "GitLab signature or token",
    scheme: shapes::gitlab(),
    id: ["idempotency-key"],
    event: ["x-gitlab-event"],
    source: Docs, "2026-11-27", ["https://docs.gitlab.com/user/project/integrations/webhooks/"],
}

/// GitLab with a secret token. Where GitLab offers a signing token, use
/// [`gitlab_signing_token`](super::gitlab_signing_token()) instead: this preset never reads
/// `webhook-signature`. The delivery's id stays the same when a delivery is repeated.
fn gitlab_token(keys) -> Provider<Bytes> {
    title: "GitLab secret token",
    aliases: ["GitLab"],
    scheme: SharedKeyScheme::new("x-gitlab-token"),
    id: ["idempotency-key"],
    event: ["x-gitlab-event"],
    source: Docs, "2026-11-27", ["https://docs.gitlab.com/user/project/integrations/webhooks/"],
}

fn gogs(keys) -> Provider<Bytes> {
    title: "Gogs",
    scheme: SignatureScheme::hmac_sha256("x-gogs-signature"),
    id: ["x-gogs-delivery"],
    event: ["x-gogs-event"],
    source: Docs, "2026-11-27", ["https://gogs.io/docs/features/webhook"],
}

/// The names of both headers are settings of Grafana: set the timestamp header to
/// `X-Grafana-Alerting-Timestamp`. Without a timestamp header Grafana signs the body alone, and its
/// deliveries are rejected here.
fn grafana_alerting(keys) -> Provider<Bytes> {
    title: "Grafana Alerting",
    scheme: SignatureScheme::hmac_sha256("x-grafana-alerting-signature")
        .timestamp(Timestamp::header("x-grafana-alerting-timestamp"))
        .signed([Piece::Timestamp, Piece::literal(":"), Piece::Body]),
    source: Source, "2026-11-27", ["https://github.com/grafana/alerting/tree/783ce041"],
}

/// The event's id and name are in the body.
fn heroku(keys) -> Provider<Bytes> {
    title: "Heroku",
    scheme: shapes::base64("heroku-webhook-hmac-sha256"),
    answer: "2xx, within 20 s (not confirmed)",
    source: SecondHand, "2026-11-27", [],
}

/// Hugging Face can also send the secret in the URL, as `?secret=…`. This preset reads the header.
fn hugging_face(keys) -> Provider<Bytes> {
    title: "Hugging Face",
    scheme: SharedKeyScheme::new("x-webhook-secret"),
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}

/// The time in the header is not signed, so it is not judged. The body contains the time too: judge that
/// one in your handler.
fn infisical(keys) -> Provider<Bytes> {
    title: "Infisical",
    scheme: SignatureScheme::hmac_sha256("x-infisical-signature")
        .item_separator(';')
        .untagged_signatures('=')
        .timestamp(Timestamp::tag("t").milliseconds().accept_any_age()),
    source: Source, "2026-11-27", ["https://github.com/Infisical/infisical"],
}

/// Webhooks that an administrator made and that have a secret. Webhooks that an OAuth app registers
/// have no signature: they carry a JWT and are rejected here. The delivery's id stays the same when a
/// delivery is repeated.
fn jira(keys) -> Provider<Bytes> {
    title: "Jira",
    aliases: ["Atlassian"],
    scheme: shapes::sha256_tagged("x-hub-signature"),
    id: ["x-atlassian-webhook-identifier"],
    source: Docs, "2026-11-27", ["https://developer.atlassian.com/cloud/jira/platform/webhooks/"],
}

/// The time of sending is in the body: your handler has to reject a `webhookTimestamp`, in
/// milliseconds, that is more than a minute from now. The header `linear-timestamp` is not signed and
/// not read.
fn linear(keys) -> Provider<Bytes> {
    title: "Linear",
    scheme: SignatureScheme::hmac_sha256("linear-signature"),
    id: ["linear-delivery"],
    event: ["linear-event"],
    answer: "200 within 5 s",
    source: Source, "2026-11-27", [
        "https://linear.app/developers/webhooks",
        "https://github.com/linear/linear/blob/master/packages/sdk/src/webhooks/client.ts",
    ],
}

/// An older page of the vendor says that the signature is in hexadecimal digits. Other receivers found base64.
fn mongodb_atlas(keys) -> Provider<Bytes> {
    title: "MongoDB Atlas",
    scheme: SignatureScheme::hmac_sha1("x-mms-signature")
        .encoding(Encoding::Base64),
    event: ["x-mms-event"],
    source: SecondHand, "2026-11-27", [],
}

/// A deploy notification or another outgoing webhook with a JWS secret token. The token has no time, so a
/// delivery can be sent again at any time.
fn netlify(keys) -> Provider<Bytes> {
    title: "Netlify",
    scheme: JwtScheme::hs256("x-webhook-signature")
        .issuer("netlify")
        .body_hash("sha256", BodyDigest::Sha256Hex)
        .accept_any_age(),
    source: Docs, "2026-11-27", ["https://docs.netlify.com/deploy/deploy-notifications/#payload-signature"],
}

/// The hooks of the registry. A part of the service may be retired: this is not confirmed.
fn npm(keys) -> Provider<Bytes> {
    title: "npm",
    scheme: shapes::sha256_tagged("x-npm-signature"),
    source: Source, "2026-11-27", ["https://github.com/npm/npm-hook-receiver"],
}

/// Webhooks of version 3.
fn pagerduty(keys) -> Provider<Bytes> {
    title: "PagerDuty",
    scheme: SignatureScheme::hmac_sha256("x-pagerduty-signature")
        .item_separator(',')
        .tags('=', ["v1"]),
    id: ["x-webhook-id"],
    answer: "2xx; 400 stops the redelivery, as PagerDuty's library advises",
    source: Source, "2026-11-27", [
        "https://developer.pagerduty.com/docs/verifying-webhook-signatures",
        "https://github.com/PagerDuty/go-pagerduty/blob/main/webhookv3/webhookv3.go",
    ],
}

fn phabricator(keys) -> Provider<Bytes> {
    title: "Phabricator",
    aliases: ["Phorge"],
    scheme: SignatureScheme::hmac_sha256("x-phabricator-webhook-signature"),
    source: SecondHand, "2026-11-27", [],
}

fn planetscale(keys) -> Provider<Bytes> {
    title: "PlanetScale",
    scheme: SignatureScheme::hmac_sha256("x-planetscale-signature"),
    source: Docs, "2026-11-27", ["https://github.com/planetscale/docs"],
}

fn pulumi(keys) -> Provider<Bytes> {
    title: "Pulumi",
    scheme: SignatureScheme::hmac_sha256("pulumi-webhook-signature"),
    id: ["pulumi-webhook-id"],
    source: Docs, "2026-11-27", ["https://github.com/pulumi/docs"],
}

fn readme(keys) -> Provider<Bytes> {
    title: "ReadMe",
    scheme: shapes::stripe_like("readme-signature", "v0", Timestamp::tag("t").milliseconds().tolerance(Duration::from_secs(1800))),
    source: Source, "2026-11-27", ["https://github.com/readmeio/metrics-sdks"],
}

fn roblox(keys) -> Provider<Bytes> {
    title: "Roblox",
    scheme: shapes::stripe_like("roblox-signature", "v1", Timestamp::tag("t").tolerance(Duration::from_secs(600)))
        .encoding(Encoding::Base64),
    answer: "2xx within 5 s",
    retries: "five attempts",
    source: Docs, "2026-11-27", ["https://github.com/Roblox/creator-docs"],
}

fn rootly(keys) -> Provider<Bytes> {
    title: "Rootly",
    scheme: SignatureScheme::hmac_sha256("x-rootly-signature")
        .item_separator(',')
        .tags('=', ["v1"])
        .timestamp(Timestamp::tag("t"))
        .signed([Piece::Timestamp, Piece::Body]),
    source: SecondHand, "2026-11-27", [
        "https://github.com/superplanehq/superplane",
        "https://github.com/simstudioai/sim",
    ],
}

fn semaphore(keys) -> Provider<Bytes> {
    title: "Semaphore",
    scheme: shapes::sha256_tagged("x-semaphore-signature-256"),
    source: SecondHand, "2026-11-27", ["https://github.com/superplanehq/superplane"],
}

/// Webhooks of an integration, and its alert rule actions, issue links and select options, which send the
/// signature in `Sentry-App-Signature`. The key is the integration's client secret.
/// `Sentry-Hook-Timestamp` is not signed.
fn sentry(keys) -> Provider<Bytes> {
    title: "Sentry",
    scheme: SignatureScheme::hmac_sha256("sentry-hook-signature").alias("sentry-app-signature"),
    id: ["request-id"],
    event: ["sentry-hook-resource"],
    answer: "2xx within 1 s",
    source: Source, "2026-11-27", [
        "https://docs.sentry.io/organization/integrations/integration-platform/webhooks/",
        "https://github.com/getsentry/sentry/blob/master/src/sentry/sentry_apps/models/sentry_app.py",
    ],
}

fn snyk(keys) -> Provider<Bytes> {
    title: "Snyk",
    scheme: shapes::sha256_tagged("x-hub-signature"),
    setup: "A ping when the webhook is created (not confirmed).",
    source: SecondHand, "2026-11-27", ["https://github.com/triggerdotdev/trigger.dev"],
}

fn sonarqube(keys) -> Provider<Bytes> {
    title: "SonarQube",
    aliases: ["SonarCloud"],
    scheme: SignatureScheme::hmac_sha256("x-sonar-webhook-hmac-sha256"),
    answer: "2xx within 10 s (not confirmed)",
    source: SecondHand, "2026-11-27", [],
}

/// A body is a list of events.
fn tailscale(keys) -> Provider<Bytes> {
    title: "Tailscale",
    scheme: shapes::stripe_like("tailscale-webhook-signature", "v1", Timestamp::tag("t")),
    source: Source, "2026-11-27", ["https://github.com/tailscale/tailscale"],
}

fn terraform_cloud(keys) -> Provider<Bytes> {
    title: "Terraform Cloud",
    aliases: ["HCP Terraform"],
    scheme: SignatureScheme::hmac_sha512("x-tfe-notification-signature"),
    setup: "A verification POST, which must be answered with 2xx (not confirmed).",
    source: SecondHand, "2026-11-27", [],
}

/// The delivery's id is in the body.
fn vercel(keys) -> Provider<Bytes> {
    title: "Vercel",
    scheme: SignatureScheme::hmac_sha1("x-vercel-signature"),
    answer: "2xx",
    retries: "for 24 hours",
    source: Docs, "2026-11-27", ["https://vercel.com/docs/webhooks/webhooks-api"],
}
}
