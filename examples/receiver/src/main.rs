//! Receives webhooks of Optimizely and VWO with axum.
//!
//! ```sh
//! cargo run -p receiver
//! ```
//!
//! It prints where it listens, a `curl` line that it accepts, and one that it rejects. Without a secret it
//! runs as a demonstration, on a loopback address only, with the secret that Optimizely's documentation
//! publishes. With secrets of your own:
//!
//! ```sh
//! OPTIMIZELY_WEBHOOK_SECRET=… VWO_WEBHOOK_KEY=… cargo run -p receiver
//! ```
//!
//! | variable | meaning | default |
//! |---|---|---|
//! | `HOST` | where to listen | `127.0.0.1` |
//! | `PORT` | where to listen; 0 lets the system choose | `3000` |
//! | `OPTIMIZELY_WEBHOOK_SECRET` | enables `POST /webhooks/optimizely` | |
//! | `VWO_WEBHOOK_KEY` | enables `POST /webhooks/vwo` | |
//! | `MAX_BODY_BYTES` | the body limit | `1048576` |
//! | `BODY_DEADLINE_MS` | the time limit for the whole body, in milliseconds | `30000` |
//!
//! The dependencies are in the `Cargo.toml` next to `src`. Accepted deliveries are printed to standard
//! output, the log with the rejections is written to standard error.

use std::{error::Error, net::SocketAddr, process::ExitCode, time::Duration};

use axum::{
    Router,
    http::StatusCode,
    routing::{get, post},
};
use support::{
    output, say,
    settings::{demonstrate_on, listen, reject_unknown, secret, setting},
};
use tower_webhook_auth::{
    EventError, Provider, Secret, Verified, WebhookAuthLayer,
    provider::{self, optimizely, vwo},
    server,
    testing::Signer,
};

/// The vendor's documentation publishes it, so anyone can sign with it.
const EXAMPLE_SECRET: &str = "yIRFMTpsBcAKKRjJPCIykNo6EkNxJn_nq01-_r3S8i4";

const OPTIMIZELY_EXAMPLE: &str = concat!(
    r#"{"timestamp": 1558138293, "project_id": 11387641093, "data": "#,
    r#"{"cdn_url": "https://cdn.optimizely.com/datafiles/QMVJcUKEJZFg8pQ2jhAybK.json", "#,
    r#""environment": "Production", "#,
    r#""origin_url": "https://optimizely.s3.amazonaws.com/datafiles/QMVJcUKEJZFg8pQ2jhAybK.json", "#,
    r#""revision": 13}, "event": "project.datafile_updated"}"#,
);

const VWO_EXAMPLE: &str = concat!(
    r#"{"timestamp": 1606482285, "event": "settings_changed", "#,
    r#""action": "campaign_settings_changed", "triggered_by": "vwo"}"#,
);

#[tokio::main]
async fn main() -> ExitCode {
    output::log();
    support::exit(run().await)
}

async fn run() -> Result<(), Box<dyn Error>> {
    let known = ["OPTIMIZELY_WEBHOOK_SECRET", "VWO_WEBHOOK_KEY"];
    reject_unknown(&["OPTIMIZELY_", "VWO_"], &known)?;
    let limits = Limits {
        max_body_bytes: setting("MAX_BODY_BYTES", 1024 * 1024)?,
        body_deadline: Duration::from_millis(setting("BODY_DEADLINE_MS", 30_000)?),
    };
    let vwo_key = secret("VWO_WEBHOOK_KEY")?;
    let mut optimizely_secret = secret("OPTIMIZELY_WEBHOOK_SECRET")?;
    let demonstration = optimizely_secret.is_none() && vwo_key.is_none();

    let listener = listen().await?;
    let address = listener.local_addr()?;
    if demonstration {
        demonstrate_on(address, "OPTIMIZELY_WEBHOOK_SECRET or VWO_WEBHOOK_KEY")?;
        optimizely_secret = Some(Secret::new(EXAMPLE_SECRET)?);
    }
    say!("listening on http://{address}");
    if demonstration {
        say!("*** DEMONSTRATION: no secret is set. ***");
        say!("*** It uses the example secret, and anyone can sign with that. ***");
        say!("*** Set OPTIMIZELY_WEBHOOK_SECRET or VWO_WEBHOOK_KEY. ***");
    }

    let mut app = Router::new().route("/", get(async || "Webhook receiver\n"));
    if let Some(secret) = optimizely_secret {
        let provider = provider::optimizely(secret.clone());
        // A genuine signature is valid without a time limit, so none that a real secret makes is printed.
        let header = match demonstration {
            true => example_header(&Signer::new(&provider, &secret)?),
            false => format!(
                "\"X-Hub-Signature: sha1=$(printf %s '{OPTIMIZELY_EXAMPLE}' | openssl dgst -sha1 \
                 -hmac \"$OPTIMIZELY_WEBHOOK_SECRET\" -r | cut -d' ' -f1)\""
            ),
        };
        print_optimizely_lines(address, &header);
        let route = post(datafile_updated).route_layer(limits.around(provider));
        app = app.route("/webhooks/optimizely", route);
    }
    if let Some(key) = vwo_key {
        print_vwo_lines(address);
        // VWO repeats a delivery for an hour until the response is 200, so an authentic body that is not
        // a known event gets 200, too. Without `fallible` the layer rejects it with 422.
        let provider = provider::vwo(key).fallible();
        let route = post(settings_changed).route_layer(limits.around(provider));
        app = app.route("/webhooks/vwo", route);
    }

    let stopped = server::serve(listener, app).await?;
    match stopped.dropped_requests() {
        0 => say!("stopped"),
        requests => say!("stopped, {requests} requests in progress were dropped"),
    }
    Ok(())
}

/// If the client disconnects, this function is dropped at its `.await`. The task that it has started continues
/// and finishes the work. (A stop of the whole program does not wait for such a task.)
async fn datafile_updated(webhook: Verified<optimizely::Event>) -> StatusCode {
    match tokio::spawn(handle(webhook)).await {
        Ok(()) => StatusCode::OK,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The place for work that takes time. Text from a delivery is printed escaped, by `{:?}`.
async fn handle(webhook: Verified<optimizely::Event>) {
    let event = webhook.event.as_str();
    let project = webhook.project_id;
    match webhook.datafile() {
        Some(datafile) => say!(
            "accepted optimizely {event:?} of project {project}, environment {:?}, revision {}",
            datafile.environment.as_deref().unwrap_or("unknown"),
            datafile.revision,
        ),
        None => say!("accepted optimizely {event:?} of project {project}"),
    }
}

async fn settings_changed(webhook: Verified<Result<vwo::Event, EventError>>) -> StatusCode {
    match webhook.event() {
        Ok(event) => say!(
            "accepted vwo {:?}, action {:?}",
            event.event,
            event.action.as_deref().unwrap_or("unknown"),
        ),
        Err(error) => say!(
            "accepted vwo, but the event is not known: {:?}",
            error.to_string()
        ),
    }
    StatusCode::OK
}

struct Limits {
    max_body_bytes: usize,
    body_deadline: Duration,
}

impl Limits {
    fn around<E>(&self, provider: Provider<E>) -> WebhookAuthLayer<E> {
        WebhookAuthLayer::new(provider)
            .max_body_bytes(self.max_body_bytes)
            .body_deadline(self.body_deadline)
    }
}

fn example_header(signer: &Signer) -> String {
    let request = signer.request(OPTIMIZELY_EXAMPLE);
    let signature = request.headers().get("x-hub-signature");
    let signature = signature.and_then(|value| value.to_str().ok());
    format!("'X-Hub-Signature: {}'", signature.unwrap_or_default())
}

fn print_optimizely_lines(address: SocketAddr, genuine: &str) {
    let forged = "'X-Hub-Signature: sha1=0000000000000000000000000000000000000000'";
    for (verdict, header) in [("accepts", genuine), ("rejects", forged)] {
        say!("it {verdict}:");
        say!(
            "curl -i http://{address}/webhooks/optimizely -H 'Content-Type: application/json' \
             -H {header} --data-binary '{OPTIMIZELY_EXAMPLE}'"
        );
    }
}

/// The key itself is a secret: the shell inserts it.
fn print_vwo_lines(address: SocketAddr) {
    for (verdict, key) in [("accepts", "$VWO_WEBHOOK_KEY"), ("rejects", "wrong")] {
        say!("it {verdict}:");
        say!(
            "curl -i http://{address}/webhooks/vwo -H 'Content-Type: application/json' \
             -H \"x-vwo-auth: {key}\" --data-binary '{VWO_EXAMPLE}'"
        );
    }
}
