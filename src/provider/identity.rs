//! Users, sign-in, proof of identity.

use super::prelude::*;

senders! { Identity;

fn workos(keys) -> Provider<Bytes> {
    title: "WorkOS",
    aliases: ["AuthKit"],
    scheme: shapes::stripe_like(
        "workos-signature",
        "v1",
        Timestamp::tag("t").milliseconds().tolerance(Duration::from_secs(180)),
    ),
    source: Source, "2026-11-27", [
        "https://workos.com/docs/events/data-syncing/webhooks",
        "https://github.com/workos/workos-node/blob/main/src/common/crypto/signature-provider.ts",
    ],
}
}
