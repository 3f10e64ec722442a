//! Users, sign-in, proof of identity.

use super::prelude::*;

senders! { Identity;

/// The secret is the whole value of the header, with `Bearer ` if you entered that. A body may hold several
/// entries: this is not confirmed.
fn auth0(keys) -> Provider<Bytes> {
    title: "Auth0 log streams",
    scheme: SharedKeyScheme::new("authorization"),
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}

fn checkr(keys) -> Provider<Bytes> {
    title: "Checkr",
    scheme: SignatureScheme::hmac_sha256("x-checkr-signature"),
    source: SecondHand, "2026-11-27", ["https://github.com/NangoHQ/nango"],
}

/// Sign with an HMAC key at FusionAuth. For a key pair, build a
/// [`JwtScheme`](crate::JwtScheme) with its algorithm. The token has no time, so a delivery can be sent again
/// at any time.
fn fusionauth(keys) -> Provider<Bytes> {
    title: "FusionAuth",
    scheme: JwtScheme::any_hmac("x-fusionauth-signature-jwt")
        .body_hash("request_body_sha256", BodyDigest::Sha256Base64)
        .accept_any_age(),
    source: Source, "2026-11-27", ["https://fusionauth.io/docs/extend/events-and-webhooks/signing"],
}

/// The token is the member `token` of the body. The event is the claims of the token. The `event` next to the token
/// is not signed, and is dropped. The keys are those of the tenant's JWK set, which also signs the tokens of users:
/// the subject distinguishes the two.
#[cfg(feature = "rsa")]
fn hanko(keys) -> Result<Bytes> {
    title: "Hanko",
    scheme: JwtScheme::rs256(TokenPlace::member("/token"))
        .subject("hanko webhooks")
        .claim_present("evt")
        .claim_present("data"),
    source: Source, "2026-11-27", ["https://docs.hanko.io/guides/webhooks", "https://github.com/teamhanko/hanko"],
}

/// An extension of Keycloak sends these. Keycloak itself sends none.
fn keycloak(keys) -> Provider<Bytes> {
    title: "Keycloak events extension",
    scheme: SignatureScheme::hmac_sha256("x-keycloak-signature"),
    source: SecondHand, "2026-11-27", [],
}

/// The body is a token. The event is the claims of the token. The keys are those of the JWK set at
/// `/.well-known/jwks`, which also signs the tokens of users: `type` and `source` distinguish the two. The token has
/// no expiry, because Kinde repeats a delivery for 36 hours.
#[cfg(feature = "rsa")]
fn kinde(keys) -> Result<Bytes> {
    title: "Kinde",
    scheme: JwtScheme::rs256(TokenPlace::body())
        .claim_present("type")
        .claim_present("source")
        .id_claim("event_id")
        .accept_any_age(),
    retries: "for 36 hours",
    source: SecondHand, "2026-11-27", ["https://docs.kinde.com/integrate/webhooks/about-webhooks/"],
}

/// The event's name may be in the body: this is not confirmed.
fn logto(keys) -> Provider<Bytes> {
    title: "Logto",
    scheme: SignatureScheme::hmac_sha256("logto-signature-sha-256"),
    source: Source, "2026-11-27", ["https://github.com/logto-io/logto"],
}

fn okta(keys) -> Provider<Bytes> {
    title: "Okta",
    scheme: SharedKeyScheme::new("authorization"),
    setup: "An unsigned GET with `x-okta-verification-challenge`. It does not pass the layer: mount `handshake::okta` for GET.",
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}

fn onfido(keys) -> Provider<Bytes> {
    title: "Onfido",
    scheme: SignatureScheme::hmac_sha256("x-sha2-signature"),
    source: Source, "2026-11-27", ["https://github.com/onfido/onfido-node/blob/2b9faec/test/classic-webhook-event-verifier.test.ts"],
}

/// While a secret is replaced, Persona sends one pair of time and signature for each secret, with a space
/// between the pairs. Either signature may match. All pairs of a delivery must have the same time.
fn persona(keys) -> Provider<Bytes> {
    title: "Persona",
    scheme: shapes::stripe_like("persona-signature", "v1", Timestamp::tag("t")).group_separator(' '),
    source: SecondHand, "2026-11-27", ["https://github.com/hookdeck/webhook-skills"],
}

/// Choose the algorithm `HMAC_SHA256_HEX` at Sumsub. Sumsub names it in `X-Payload-Digest-Alg`; another
/// value is rejected.
fn sumsub(keys) -> Provider<Bytes> {
    title: "Sumsub",
    scheme: SignatureScheme::hmac_sha256("x-payload-digest")
        .require_header("x-payload-digest-alg", "HMAC_SHA256_HEX"),
    source: SecondHand, "2026-11-27", [],
}

/// The secret begins with `v1,whsec_`, as Supabase shows it. During a rotation Supabase separates several
/// secrets by `|`: give each of them as a key. Supabase may use the response: this is not confirmed.
fn supabase(keys) -> Result<Bytes> {
    title: "Supabase Auth Hooks",
    scheme: shapes::standard_webhooks()
        .key_encoding(KeyEncoding::Base64)
        .key_prefix("v1,whsec_"),
    answer: "within 5 s",
    source: Source, "2026-11-27", ["https://github.com/supabase/auth"],
}

fn workos(keys) -> Provider<Bytes> {
    title: "WorkOS",
    aliases: ["AuthKit"],
    scheme: shapes::stripe_like(
        "workos-signature",
        "v1",
        Timestamp::tag("t").milliseconds().tolerance(Duration::from_secs(180)),
    )
    .space_after_items(),
    source: Source, "2026-11-27", [
        "https://workos.com/docs/events/data-syncing/webhooks",
        "https://github.com/workos/workos-node/blob/main/src/common/crypto/signature-provider.ts",
    ],
}

fn yousign(keys) -> Provider<Bytes> {
    title: "Yousign",
    scheme: shapes::sha256_tagged("x-yousign-signature-256"),
    source: SecondHand, "2026-11-27", [],
}

/// Actions version 2. ZITADEL may use the response: this is not confirmed.
fn zitadel(keys) -> Provider<Bytes> {
    title: "ZITADEL",
    scheme: shapes::stripe_like("zitadel-signature", "v1", Timestamp::tag("t")),
    source: Source, "2026-11-27", ["https://github.com/zitadel/zitadel-go"],
}
}
