//! Code, builds, operation.
//!
//! Most of these senders sign neither the headers that name the event and the delivery, nor a time.
//! A client that has seen such a delivery can send it again, also with other names in these headers.
//! Read the kind of the event from the body.

use super::prelude::*;

senders! { Development;

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
    source: Docs, "2026-11-27", ["https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries"],
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
    source: Source, "2026-11-27", ["https://github.com/google/go-github/blob/master/github/messages.go"],
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

/// Webhooks that an administrator made and that have a secret. Webhooks that an OAuth app registers
/// have no signature: they carry a JWT and do not pass here. The delivery's id stays the same when a
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

/// Webhooks of version 3.
fn pagerduty(keys) -> Provider<Bytes> {
    title: "PagerDuty",
    scheme: SignatureScheme::hmac_sha256("x-pagerduty-signature")
        .item_separator(',')
        .tags('=', ["v1"]),
    id: ["x-webhook-id"],
    answer: "2xx",
    source: Source, "2026-11-27", [
        "https://developer.pagerduty.com/docs/verifying-webhook-signatures",
        "https://github.com/PagerDuty/go-pagerduty/blob/main/webhookv3/webhookv3.go",
    ],
}

/// Webhooks of an integration. The key is the integration's client secret. `Sentry-Hook-Timestamp` is
/// not signed.
fn sentry(keys) -> Provider<Bytes> {
    title: "Sentry",
    scheme: SignatureScheme::hmac_sha256("sentry-hook-signature"),
    id: ["request-id"],
    event: ["sentry-hook-resource"],
    answer: "2xx within 1 s",
    source: Source, "2026-11-27", [
        "https://docs.sentry.io/organization/integrations/integration-platform/webhooks/",
        "https://github.com/getsentry/sentry/blob/master/src/sentry/sentry_apps/models/sentry_app.py",
    ],
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
