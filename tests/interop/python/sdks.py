"""The senders' own Python packages behind two operations: sign and verify.

Reads and writes one JSON object per line: {"op": "list"}, {"op": "sign", "sdk", "secret", "url", "body", "at"},
{"op": "verify", "sdk", "secret", "url", "body", "headers"}. Bodies are base64, `at` is in milliseconds, and the
names of headers to verify are in lower case. `list` names only packages that are installed. matrix.py drives it.
"""

import asyncio
import base64
import contextlib
import datetime
import importlib.metadata
import io
import json
import logging
import os
import sys

logging.disable(logging.CRITICAL)
SDKS = {}


def sdk(name, preset, package, secret, url="", note="", bodies=None):
    """Registers a class with `sign(body, secret, url, at)` and `verify(body, headers, secret, url)`."""

    def register(cls):
        SDKS[name] = {
            "preset": preset, "package": package, "secret": secret, "url": url, "note": note,
            "bodies": bodies, "it": cls,
            "can_sign": hasattr(cls, "sign"), "can_verify": hasattr(cls, "verify"),
        }
        return cls

    return register


WHSEC = "whsec_" + base64.b64encode(bytes(range(3, 27))).decode()
URL = "https://example.com/hooks/one?tenant=a%20b"


def seconds(at):
    return at // 1000


def text(body):
    return body.decode("utf-8")


def iso(at):
    moment = datetime.datetime.fromtimestamp(at // 1000, datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@sdk("stripe", "stripe", "stripe", WHSEC)
class Stripe:
    def sign(body, secret, url, at):
        import stripe
        return {"Stripe-Signature": stripe.WebhookSignature.generate_signature_header(text(body), secret, seconds(at))}

    def verify(body, headers, secret, url):
        import stripe
        return stripe.WebhookSignature.verify_header(
            body, headers.get("stripe-signature"), secret, stripe.Webhook.DEFAULT_TOLERANCE)


@sdk("standardwebhooks", "standard_webhooks", "standardwebhooks", WHSEC)
class StandardWebhooks:
    def sign(body, secret, url, at):
        from standardwebhooks.webhooks import Webhook
        moment = datetime.datetime.fromtimestamp(seconds(at), datetime.timezone.utc)
        return {"webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": str(seconds(at)),
                "webhook-signature": Webhook(secret).sign("msg_p5jXN8AQM9LWM0D4loKWxJek", moment, text(body))}

    def verify(body, headers, secret, url):
        from standardwebhooks.webhooks import Webhook
        Webhook(secret).verify(body, headers, json_parse=False)
        return True


@sdk("svix", "svix", "svix", WHSEC)
class Svix:
    def sign(body, secret, url, at):
        from svix.webhooks import Webhook
        moment = datetime.datetime.fromtimestamp(seconds(at), datetime.timezone.utc)
        return {"svix-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "svix-timestamp": str(seconds(at)),
                "svix-signature": Webhook(secret).sign("msg_p5jXN8AQM9LWM0D4loKWxJek", moment, text(body))}

    def verify(body, headers, secret, url):
        from svix.webhooks import Webhook
        Webhook(secret).verify(body, headers)
        return True


@sdk("bigcommerce", "bigcommerce", "standardwebhooks", "8f3b1c0d5e7a",
     note="as the sender's page says: the library with the client secret in base64")
class BigCommerce:
    def sign(body, secret, url, at):
        return StandardWebhooks.sign(body, base64.b64encode(secret.encode()).decode(), url, at)

    def verify(body, headers, secret, url):
        return StandardWebhooks.verify(body, headers, base64.b64encode(secret.encode()).decode(), url)


@sdk("slack", "slack", "slack-sdk", "8f742231b10e8888abcd99yyyzzz85a5")
class Slack:
    def sign(body, secret, url, at):
        from slack_sdk.signature import SignatureVerifier
        stamp = str(seconds(at))
        return {"X-Slack-Request-Timestamp": stamp,
                "X-Slack-Signature": SignatureVerifier(secret).generate_signature(timestamp=stamp, body=body)}

    def verify(body, headers, secret, url):
        from slack_sdk.signature import SignatureVerifier
        return SignatureVerifier(secret).is_valid_request(body, headers)


@sdk("line", "line", "line-bot-sdk", "8f742231b10e8888abcd99aaabbb85a5")
class Line:
    def verify(body, headers, secret, url):
        from linebot.v3.webhook import SignatureValidator
        return SignatureValidator(secret).validate(text(body), headers["x-line-signature"])


def hubspot(version, header):
    class HubSpot:
        def sign(body, secret, url, at):
            from hubspot.utils.signature import Signature
            headers = {header: Signature.get_signature(secret, text(body), version, url, "POST", str(at))}
            if version == "v3":
                headers["X-HubSpot-Request-Timestamp"] = str(at)
            return headers

        def verify(body, headers, secret, url):
            from hubspot.utils.signature import Signature
            return Signature.is_valid(headers[header.lower()], secret, text(body), url, "POST", version,
                                      headers.get("x-hubspot-request-timestamp"))

    return HubSpot


HUBSPOT = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
sdk("hubspot_v1", "hubspot_v1", "hubspot-api-client", HUBSPOT)(hubspot("v1", "X-HubSpot-Signature"))
sdk("hubspot_v2", "hubspot_v2", "hubspot-api-client", HUBSPOT, URL)(hubspot("v2", "X-HubSpot-Signature"))
sdk("hubspot_v3", "hubspot_v3", "hubspot-api-client", HUBSPOT, URL)(hubspot("v3", "X-HubSpot-Signature-v3"))
sdk("hubspot_v3_escaped", "hubspot_v3", "hubspot-api-client", HUBSPOT,
    "https://example.com/hooks?return=https%3A%2F%2Fa.example%2F",
    note="a URL with an escape that HubSpot decodes: the SDK signs what it is given")(
    hubspot("v3", "X-HubSpot-Signature-v3"))


@sdk("square", "square", "squareup", "asdf1234asdf1234", "https://example.com/webhook")
class Square:
    def verify(body, headers, secret, url):
        from square.utils.webhooks_helper import verify_signature
        return verify_signature(request_body=text(body), signature_header=headers["x-square-hmacsha256-signature"],
                                signature_key=secret, notification_url=url)


@sdk("paddle", "paddle", "paddle-python-sdk", "pdl_ntfset_01gkdfs8_abcdef")
class Paddle:
    def sign(body, secret, url, at):
        from paddle_billing.Notifications import PaddleSignature
        digest = PaddleSignature.calculate_hmac(secret, str(seconds(at)).encode() + b":" + body).hexdigest()
        return {"Paddle-Signature": f"ts={seconds(at)};h1={digest}"}

    def verify(body, headers, secret, url):
        from paddle_billing.Notifications import Secret, Verifier

        class Request:
            pass

        request = Request()
        request.body = body
        request.headers = {"Paddle-Signature": headers["paddle-signature"]}
        return Verifier().verify(request, Secret(secret))


@sdk("workos", "workos", "workos", "wh_secret_1")
class WorkOS:
    def verify(body, headers, secret, url):
        from workos.webhooks._verification import verify_header
        verify_header(event_body=body, event_signature=headers["workos-signature"], secret=secret)
        return True


# An Ed25519 key made from 32 fixed bytes. The secret is its public key.
def ed25519():
    from nacl.signing import SigningKey
    return SigningKey(bytes(range(32)))


@sdk("discord", "discord", "discord-interactions",
     "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8",
     note="signed with PyNaCl, since only Discord holds the key")
class Discord:
    def sign(body, secret, url, at):
        stamp = str(seconds(at))
        return {"X-Signature-Timestamp": stamp,
                "X-Signature-Ed25519": ed25519().sign(stamp.encode() + body).signature.hex()}

    def verify(body, headers, secret, url):
        from discord_interactions import verify_key
        return verify_key(body, headers["x-signature-ed25519"], headers["x-signature-timestamp"], secret)


@sdk("telnyx", "telnyx", "telnyx", base64.b64encode(bytes.fromhex(
    "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8")).decode(),
    note="signed with PyNaCl")
class Telnyx:
    def sign(body, secret, url, at):
        stamp = str(seconds(at))
        return {"Telnyx-Timestamp": stamp, "Telnyx-Signature-Ed25519":
                base64.b64encode(ed25519().sign(stamp.encode() + b"|" + body).signature).decode()}

    def verify(body, headers, secret, url):
        from telnyx.lib.webhook_verification import verify_webhook_signature
        verify_webhook_signature(body, headers, secret)
        return True


@sdk("openai", "openai", "openai", WHSEC)
class OpenAI:
    def verify(body, headers, secret, url):
        import openai
        client = openai.OpenAI(api_key="none", webhook_secret=secret)
        client.webhooks.verify_signature(body, headers)
        return True


@sdk("openai_no_prefix", "openai", "openai", WHSEC.removeprefix("whsec_"),
     note="a secret without whsec_: the SDK takes its text, we decode it")
class OpenAINoPrefix(OpenAI):
    pass


@sdk("replicate", "replicate", "replicate", WHSEC)
class Replicate:
    def verify(body, headers, secret, url):
        from replicate.webhook import Webhooks, WebhookSigningSecret
        Webhooks.validate(headers=headers, body=text(body), secret=WebhookSigningSecret(key=secret))
        return True


@sdk("replicate_tolerance", "replicate", "replicate", WHSEC, note="with tolerance=300, which is off by default")
class ReplicateTolerance:
    def verify(body, headers, secret, url):
        from replicate.webhook import Webhooks, WebhookSigningSecret
        Webhooks.validate(headers=headers, body=text(body), secret=WebhookSigningSecret(key=secret), tolerance=300)
        return True


@sdk("anthropic", "standard_webhooks", "anthropic", WHSEC)
class Anthropic:
    def verify(body, headers, secret, url):
        import anthropic
        client = anthropic.Anthropic(api_key="none")
        client.beta.webhooks.unwrap(text(body), headers=headers, key=secret)
        return True


@sdk("increase", "standard_webhooks", "increase", WHSEC)
class Increase:
    def verify(body, headers, secret, url):
        import increase
        increase.Increase(api_key="none").events.unwrap(text(body), headers=headers, key=secret)
        return True


@sdk("lithic", "standard_webhooks", "lithic", WHSEC)
class Lithic:
    def verify(body, headers, secret, url):
        import lithic
        lithic.Lithic(api_key="none").webhooks.verify_signature(text(body), headers, secret=secret)
        return True


@sdk("resend", "svix", "resend", WHSEC)
class Resend:
    def verify(body, headers, secret, url):
        import resend
        resend.Webhooks.verify({"payload": text(body), "webhook_secret": secret, "headers": {
            name: headers.get("svix-" + name) for name in ("id", "timestamp", "signature")}})
        return True


class Polar:
    def verify(body, headers, secret, url):
        from polar import webhooks
        webhooks.validate_event(body, headers, secret, frozenset(["interop"]), lambda data: data)
        return True


class PolarSince(Polar):
    # The sender's server hands a secret made since 2026-09-08 to the library unchanged.
    def sign(body, secret, url, at):
        return StandardWebhooks.sign(body, secret, url, at)


sdk("polar", "polar", "polar-sdk", "polar_whs_ovyN6cPrTv56AApvzCaJno08SSmGJmgbWilb33N2JuK")(Polar)
for preset in ("polar", "standard_webhooks"):
    sdk("polar_since_2026_09" + ("" if preset == "polar" else "_std"), preset, "polar-sdk",
        "whsec_" + base64.b64encode(b"0123456789abcdefghijklmnopqrstuv").decode(),
        note="a secret made since 2026-09-08, signed as Polar's server signs with it")(PolarSince)


@sdk("razorpay", "razorpay", "razorpay", "rzp_webhook_secret")
class Razorpay:
    def verify(body, headers, secret, url):
        from razorpay.utility import Utility
        return Utility().verify_webhook_signature(text(body), headers["x-razorpay-signature"], secret)


@sdk("adyen", "adyen", "Adyen", "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056")
class Adyen:
    def sign(body, secret, url, at):
        from Adyen.util import generate_payload_sig
        return {"HmacSignature": generate_payload_sig(body, secret).decode(), "Protocol": "HmacSHA256"}

    def verify(body, headers, secret, url):
        from Adyen.util import is_valid_hmac_payload
        return is_valid_hmac_payload(headers["hmacsignature"], secret, body)


@sdk("gocardless", "gocardless", "gocardless_pro", "gc_secret_1",
     bodies=["events"])
class GoCardless:
    def verify(body, headers, secret, url):
        from gocardless_pro import webhooks
        webhooks.parse(body, secret, headers["webhook-signature"])
        return True


@sdk("pusher", "pusher", "pusher", "pusher_secret_1",
     note="X-Pusher-Key, unsigned, names the key", bodies=["events"])
class Pusher:
    def sign(body, secret, url, at):
        from pusher.signature import sign
        return {"X-Pusher-Key": "key1", "X-Pusher-Signature": sign(secret, text(body))}

    def verify(body, headers, secret, url):
        import pusher
        client = pusher.Pusher(app_id="1", key="key1", secret=secret)
        return client.validate_webhook("key1", headers["x-pusher-signature"], text(body)) is not None


@sdk("modern_treasury", "modern_treasury", "modern-treasury", "mt_secret_1",)
class ModernTreasury:
    def client(secret):
        import modern_treasury
        return modern_treasury.ModernTreasury(api_key="none", organization_id="none", webhook_key=secret)

    def sign(body, secret, url, at):
        return {"X-Signature": ModernTreasury.client(secret).webhooks.get_signature(text(body), key=secret)}

    def verify(body, headers, secret, url):
        return ModernTreasury.client(secret).webhooks.validate_signature(
            text(body), {"X-Signature": headers["x-signature"]}, key=secret)


# A P-256 key made from one fixed number. The secret is its public key.
P256 = 0x1234567890ABCDEF1234567890ABCDEF1234567890ABCDEF1234567890ABCDEF


P256_PUBLIC = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAERxw+dYxJBChbun5TEY7Q9SSt6wdX"
    "0lvS+Oew1236cUzdUg96yoqLkXrMN/Ud6PDJu+OthYOC5wLcJaEtCfeoWA==")


@sdk("sendgrid", "sendgrid", "sendgrid", P256_PUBLIC, note="signed with cryptography, since only SendGrid holds the key")
class SendGrid:
    def sign(body, secret, url, at):
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec
        stamp = str(seconds(at))
        der = ec.derive_private_key(P256, ec.SECP256R1()).sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))
        return {"X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(der).decode(),
                "X-Twilio-Email-Event-Webhook-Timestamp": stamp}

    def verify(body, headers, secret, url):
        from sendgrid.helpers.eventwebhook import EventWebhook
        return EventWebhook(secret).verify_signature(
            text(body), headers["x-twilio-email-event-webhook-signature"],
            headers["x-twilio-email-event-webhook-timestamp"])


@sdk("elevenlabs", "elevenlabs", "elevenlabs", "wsec_4f8a21")
class ElevenLabs:
    def verify(body, headers, secret, url):
        from elevenlabs.webhooks_custom import WebhooksClient
        WebhooksClient.construct_event(None, text(body), headers["elevenlabs-signature"], secret)
        return True


@sdk("box", "box_com", "box-sdk-gen", "SamplePrimaryKey1")
class Box:
    def sign(body, secret, url, at):
        return Box.signed(body, secret, at, False)

    def signed(body, secret, at, escaped):
        from box_sdk_gen.internal.utils import compute_webhook_signature
        headers = {"box-signature-version": "1", "box-signature-algorithm": "HmacSHA256",
                   "box-delivery-timestamp": iso(at)}
        headers["box-signature-primary"] = compute_webhook_signature(text(body), headers, secret, escaped)
        return {name.upper(): value for name, value in headers.items()} | {"BOX-DELIVERY-ID": "d1"}

    def verify(body, headers, secret, url):
        from box_sdk_gen.managers.webhooks import WebhooksManager
        return WebhooksManager.validate_message(text(body), headers, secret)


@sdk("box_escaped", "box_com", "box-sdk-gen", "SamplePrimaryKey1",
     note="the SDK also accepts a signature over the body with all non-ASCII characters escaped")
class BoxEscaped(Box):
    def sign(body, secret, url, at):
        return Box.signed(body, secret, at, True)


@sdk("coinbase_commerce", "coinbase_commerce", "coinbase-commerce", "cc-secret-1")
class Coinbase:
    def sign(body, secret, url, at):
        from coinbase_commerce.webhook import WebhookSignature
        return {"X-CC-Webhook-Signature": WebhookSignature._compute_signature(text(body), secret)}

    def verify(body, headers, secret, url):
        from coinbase_commerce.webhook import WebhookSignature
        return WebhookSignature.verify_sig_header(text(body), headers["x-cc-webhook-signature"], secret)


@sdk("gidgethub", "github", "gidgethub", "It's a Secret to Everybody")
class GidgetHub:
    def verify(body, headers, secret, url):
        from gidgethub.sansio import validate_event
        validate_event(body, signature=headers["x-hub-signature-256"], secret=secret)
        return True


@sdk("gidgethub_sha1", "github_sha1", "gidgethub", "It's a Secret to Everybody")
class GidgetHubSha1:
    def verify(body, headers, secret, url):
        from gidgethub.sansio import validate_event
        validate_event(body, signature=headers["x-hub-signature"], secret=secret)
        return True


@sdk("githubkit", "github", "githubkit", "It's a Secret to Everybody")
class GitHubKit:
    def sign(body, secret, url, at):
        from githubkit.webhooks import sign
        return {"X-Hub-Signature-256": sign(secret, body), "X-GitHub-Event": "ping", "X-GitHub-Delivery": "d1"}

    def verify(body, headers, secret, url):
        from githubkit.webhooks import verify
        return verify(secret, body, headers["x-hub-signature-256"])


@sdk("githubkit_sha1", "github_sha1", "githubkit", "It's a Secret to Everybody")
class GitHubKitSha1:
    def sign(body, secret, url, at):
        from githubkit.webhooks import sign
        return {"X-Hub-Signature": sign(secret, body, "sha1")}

    def verify(body, headers, secret, url):
        from githubkit.webhooks import verify
        return verify(secret, body, headers["x-hub-signature"])


@sdk("twitch", "twitch", "twitchAPI", "s3cre77890ab", note="not an official package: Twitch has none")
class Twitch:
    def verify(body, headers, secret, url):
        from twitchAPI.eventsub.webhook import EventSubWebhook

        class Request:
            async def text(self):
                return text(body)

        class Names(dict):
            def __getitem__(self, name):
                return super().__getitem__(name.lower())

        request = Request()
        request.headers = Names(headers)
        hook = EventSubWebhook.__new__(EventSubWebhook)
        hook.secret = secret
        return asyncio.run(hook._verify_signature(request))


@sdk("whatsapp", "meta", "pywa", "app_secret_1", note="not an official package: Meta's own does not verify")
class WhatsApp:
    def verify(body, headers, secret, url):
        from pywa.utils import webhook_updates_validator
        return webhook_updates_validator(secret, body, headers["x-hub-signature-256"])


def fields(body):
    """The fields of a form: a text, or a list of texts where a name comes twice."""
    import urllib.parse
    found = urllib.parse.parse_qs(text(body), keep_blank_values=True)
    return {name: values if len(values) > 1 else values[0] for name, values in found.items()}


class Many(dict):
    """Fields as Django gives them to Twilio's package."""

    def getlist(self, name):
        value = self[name]
        return value if isinstance(value, list) else [value]


@sdk("twilio", "twilio", "twilio", "8f3b1c0d5e7a", url=URL, bodies=["form"])
class Twilio:
    def sign(body, secret, url, at):
        from twilio.request_validator import RequestValidator
        return {"X-Twilio-Signature": RequestValidator(secret).compute_signature(url, Many(fields(body)))}

    def verify(body, headers, secret, url):
        from twilio.request_validator import RequestValidator
        return RequestValidator(secret).validate(url, Many(fields(body)), headers["x-twilio-signature"])


@sdk("twilio_sha256", "twilio", "twilio", "8f3b1c0d5e7a", url=URL, bodies=["form"], note="signed with a shared key")
class TwilioSha256:
    def sign(body, secret, url, at):
        from twilio.request_validator import HMAC_SHA256, RequestValidator
        return {"X-Twilio-Signature": RequestValidator(secret).compute_signature(url, Many(fields(body)), HMAC_SHA256)}


@sdk("twilio_json", "twilio", "twilio", "8f3b1c0d5e7a", url=URL, note="the SHA-256 of the body is in the signed URL")
class TwilioJson:
    def sign(body, secret, url, at):
        from twilio.request_validator import RequestValidator
        validator = RequestValidator(secret)
        return {"X-Twilio-Signature": validator.compute_signature(
            f"{url}&bodySHA256={validator.compute_hash(text(body))}", {})}


@sdk("plivo", "plivo", "plivo", "8f3b1c0d5e7a", url=URL, bodies=["ascii form"])
class Plivo:
    def sign(body, secret, url, at):
        from plivo.utils.signature_v3 import construct_post_url, get_signature_v3
        signature = get_signature_v3(secret, construct_post_url(url, fields(body)), "12345678901234567890")
        return {"X-Plivo-Signature-V3": text(signature), "X-Plivo-Signature-V3-Nonce": "12345678901234567890"}

    def verify(body, headers, secret, url):
        from plivo.utils.signature_v3 import validate_v3_signature
        return validate_v3_signature("POST", url, headers["x-plivo-signature-v3-nonce"], secret,
                                     headers["x-plivo-signature-v3"], fields(body))


def version(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def answer(order):
    if order["op"] == "list":
        return {"sdks": [{"sdk": name} | {k: v for k, v in entry.items() if k != "it"}
                         | {"version": version(entry["package"])} for name, entry in SDKS.items() if version(entry["package"])]}
    entry = SDKS[order["sdk"]]
    body = base64.b64decode(order["body"])
    secret, url = order.get("secret", entry["secret"]), order.get("url", entry["url"])
    try:
        # discord-interactions prints its errors, but standard output carries the protocol.
        with contextlib.redirect_stdout(io.StringIO()):
            if order["op"] == "sign":
                return {"headers": entry["it"].sign(body, secret, url, order["at"])}
            return {"ok": bool(entry["it"].verify(body, order["headers"], secret, url))}
    except Exception as error:  # most packages raise when they reject
        why = f"{type(error).__name__}: {error}"[:160].replace("\n", " ")
        return {"ok": False, "why": why, "error": why}


def main():
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    out = sys.stdout
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), file=out, flush=True)


if __name__ == "__main__":
    main()
