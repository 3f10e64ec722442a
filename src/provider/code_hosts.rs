//! Where code lives, is built and is planned.
//!
//! None of these signs the headers that name the event and the delivery, nor a time: a delivery can be
//! replayed, and with other names around it. Learn the kind of the event from the body.

use bytes::Bytes;
use http::HeaderName;

use super::{Provider, shapes};
use crate::{
    scheme::{SharedKeyScheme, SignatureScheme},
    secret::Keys,
};

/// GitHub: `X-Hub-Signature-256: sha256=` and the HMAC-SHA256 of the body in hexadecimal digits.
///
/// Bodies may have 25 MiB, the most that GitHub sends. It waits 10 seconds for 2xx and repeats nothing
/// by itself. A new webhook begins with the event `ping`. A form-encoded delivery is signed as it was
/// sent. Neither `X-GitHub-Event` nor `X-GitHub-Delivery` is signed, nor is a time: a delivery can be
/// replayed, and under another event's name. Learn the kind of the event from the body.
/// [Vendor's page](https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries).
///
/// ```
/// use serde::Deserialize;
/// use tower_webhook_auth::{Secret, WebhookAuthLayer, provider};
///
/// #[derive(Deserialize)]
/// struct Push {
///     after: String,
/// }
///
/// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
/// let secret = Secret::new("It's a Secret to Everybody")?;
/// let layer = WebhookAuthLayer::new(provider::github(secret).json::<Push>());
/// # let _ = layer;
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn github(keys: impl Into<Keys>) -> Provider<Bytes> {
    let scheme = shapes::sha256_tagged("x-hub-signature-256");
    github_headers(Provider::preset("github", scheme.build(), keys))
}

/// GitHub as it was before 2020: `X-Hub-Signature: sha1=` and the HMAC-SHA1 of the body in hexadecimal
/// digits.
///
/// For GitHub Enterprise Servers and others that send nothing better; [`github`] is the one to take.
/// [Vendor's code](https://github.com/google/go-github/blob/master/github/messages.go).
#[must_use]
pub fn github_sha1(keys: impl Into<Keys>) -> Provider<Bytes> {
    let scheme = SignatureScheme::hmac_sha1("x-hub-signature").tags('=', ["sha1"]);
    github_headers(Provider::preset("github_sha1", scheme.build(), keys))
}

fn github_headers(provider: Provider<Bytes>) -> Provider<Bytes> {
    provider
        .delivery_id_header(HeaderName::from_static("x-github-delivery"))
        .event_name_header(HeaderName::from_static("x-github-event"))
        .max_body_bytes(25 * 1024 * 1024)
}

/// GitLab with a secret token: the shared key in `X-Gitlab-Token`.
///
/// The key proves who called and covers nothing of the body. Where GitLab offers a signing token, take
/// [`gitlab_signing_token`](super::gitlab_signing_token()) instead: this one never looks at
/// `webhook-signature`, and a token beside a signature is no second chance for the signature. The
/// delivery's id, `Idempotency-Key`, stays the same when it is repeated.
/// [Vendor's page](https://docs.gitlab.com/user/project/integrations/webhooks/).
#[must_use]
pub fn gitlab_token(keys: impl Into<Keys>) -> Provider<Bytes> {
    let scheme = SharedKeyScheme::new("x-gitlab-token");
    Provider::preset("gitlab_token", scheme.build(), keys)
        .delivery_id_header(HeaderName::from_static("idempotency-key"))
        .event_name_header(HeaderName::from_static("x-gitlab-event"))
}

/// Gitea: `X-Gitea-Signature`, the HMAC-SHA256 of the body in hexadecimal digits.
///
/// The headers with the id and the event's name are not signed, nor is a time: a delivery can be
/// replayed, and under another event's name.
/// [Vendor's page](https://docs.gitea.com/usage/repository/webhooks).
#[must_use]
pub fn gitea(keys: impl Into<Keys>) -> Provider<Bytes> {
    let scheme = SignatureScheme::hmac_sha256("x-gitea-signature");
    Provider::preset("gitea", scheme.build(), keys)
        .delivery_id_header(HeaderName::from_static("x-gitea-delivery"))
        .event_name_header(HeaderName::from_static("x-gitea-event"))
}

/// Forgejo: `X-Forgejo-Signature`, the HMAC-SHA256 of the body in hexadecimal digits.
///
/// What [`gitea`] says of replays holds here too.
/// [Vendor's page](https://forgejo.org/docs/latest/user/webhooks/),
/// [source](https://codeberg.org/forgejo/forgejo/src/branch/forgejo/services/webhook/shared/payloader.go).
#[must_use]
pub fn forgejo(keys: impl Into<Keys>) -> Provider<Bytes> {
    let scheme = SignatureScheme::hmac_sha256("x-forgejo-signature");
    Provider::preset("forgejo", scheme.build(), keys)
        .delivery_id_header(HeaderName::from_static("x-forgejo-delivery"))
        .event_name_header(HeaderName::from_static("x-forgejo-event"))
}

/// Gogs: `X-Gogs-Signature`, the HMAC-SHA256 of the body in hexadecimal digits.
///
/// What [`gitea`] says of replays holds here too.
/// [Vendor's page](https://gogs.io/docs/features/webhook).
#[must_use]
pub fn gogs(keys: impl Into<Keys>) -> Provider<Bytes> {
    let scheme = SignatureScheme::hmac_sha256("x-gogs-signature");
    Provider::preset("gogs", scheme.build(), keys)
        .delivery_id_header(HeaderName::from_static("x-gogs-delivery"))
        .event_name_header(HeaderName::from_static("x-gogs-event"))
}

/// Bitbucket, in the cloud and in a data center: `X-Hub-Signature: sha256=` and the HMAC-SHA256 of the
/// body in hexadecimal digits.
///
/// The header is the one in which others send `sha1=`: that tag is not accepted here. The headers with
/// the id and the event's name are not signed, nor is a time: a delivery can be replayed, and under
/// another event's name.
/// [Vendor's page](https://support.atlassian.com/bitbucket-cloud/docs/manage-webhooks/).
#[must_use]
pub fn bitbucket(keys: impl Into<Keys>) -> Provider<Bytes> {
    let scheme = shapes::sha256_tagged("x-hub-signature");
    Provider::preset("bitbucket", scheme.build(), keys)
        .delivery_id_header(HeaderName::from_static("x-request-uuid"))
        .event_name_header(HeaderName::from_static("x-event-key"))
}

/// Jira: signed as [`bitbucket`] is.
///
/// The delivery's id, `X-Atlassian-Webhook-Identifier`, stays the same when it is repeated.
/// [Vendor's page](https://developer.atlassian.com/cloud/jira/platform/webhooks/).
#[must_use]
pub fn jira(keys: impl Into<Keys>) -> Provider<Bytes> {
    let scheme = shapes::sha256_tagged("x-hub-signature");
    Provider::preset("jira", scheme.build(), keys)
        .delivery_id_header(HeaderName::from_static("x-atlassian-webhook-identifier"))
}

/// CircleCI: `circleci-signature`, a list of `v1=` and the HMAC-SHA256 of the body in hexadecimal
/// digits.
///
/// CircleCI waits 10 seconds for 2xx. `circleci-event-type` is not signed, nor is a time: a delivery can
/// be replayed. Its id and type stand in the body too.
/// [Vendor's page](https://circleci.com/docs/guides/integration/outbound-webhooks/).
#[must_use]
pub fn circleci(keys: impl Into<Keys>) -> Provider<Bytes> {
    let scheme = SignatureScheme::hmac_sha256("circleci-signature")
        .item_separator(',')
        .tags('=', ["v1"]);
    Provider::preset("circleci", scheme.build(), keys)
        .event_name_header(HeaderName::from_static("circleci-event-type"))
}

/// Vercel: `x-vercel-signature`, the HMAC-SHA1 of the body in hexadecimal digits.
///
/// 2xx is expected; repeated for 24 hours. No time is signed: know a delivery again by the id in the
/// body.
/// [Vendor's page](https://vercel.com/docs/webhooks/webhooks-api).
#[must_use]
pub fn vercel(keys: impl Into<Keys>) -> Provider<Bytes> {
    let scheme = SignatureScheme::hmac_sha1("x-vercel-signature");
    Provider::preset("vercel", scheme.build(), keys)
}

/// Linear: `Linear-Signature`, the HMAC-SHA256 of the body in hexadecimal digits.
///
/// The time of sending is in the body: the handler has to refuse a `webhookTimestamp`, in
/// milliseconds, that is more than a minute away. The header `linear-timestamp` is not signed and not
/// looked at. Linear waits 5 seconds for 200.
/// [Vendor's page](https://linear.app/developers/webhooks),
/// [source](https://github.com/linear/linear/blob/master/packages/sdk/src/webhooks/client.ts).
#[must_use]
pub fn linear(keys: impl Into<Keys>) -> Provider<Bytes> {
    let scheme = SignatureScheme::hmac_sha256("linear-signature");
    Provider::preset("linear", scheme.build(), keys)
        .delivery_id_header(HeaderName::from_static("linear-delivery"))
        .event_name_header(HeaderName::from_static("linear-event"))
}

/// Sentry's integrations: `Sentry-Hook-Signature`, the HMAC-SHA256 of the body in hexadecimal digits.
///
/// The key is the integration's client secret. Sentry waits one second. `Sentry-Hook-Timestamp`,
/// `Request-ID` and `Sentry-Hook-Resource` are not signed: a delivery can be replayed, and under another
/// resource's name.
/// [Vendor's page](https://docs.sentry.io/organization/integrations/integration-platform/webhooks/),
/// [source](https://github.com/getsentry/sentry/blob/master/src/sentry/sentry_apps/models/sentry_app.py).
#[must_use]
pub fn sentry(keys: impl Into<Keys>) -> Provider<Bytes> {
    let scheme = SignatureScheme::hmac_sha256("sentry-hook-signature");
    Provider::preset("sentry", scheme.build(), keys)
        .delivery_id_header(HeaderName::from_static("request-id"))
        .event_name_header(HeaderName::from_static("sentry-hook-resource"))
}
