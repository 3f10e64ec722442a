//! Receives webhooks of Optimizely and VWO:
//!
//! ```sh
//! OPTIMIZELY_WEBHOOK_SECRET=… VWO_WEBHOOK_KEY=… cargo run -p receiver
//! ```
//!
//! It prints where it listens, a `curl` line that it accepts, and one that it refuses. Without any
//! secret it runs as a demonstration, with the secret that Optimizely's documentation publishes.
//!
//! | variable | meaning | default |
//! |---|---|---|
//! | `HOST` | where to listen | `127.0.0.1` |
//! | `PORT` | where to listen; 0 lets the system choose | `3000` |
//! | `OPTIMIZELY_WEBHOOK_SECRET` | opens `POST /webhooks/optimizely` | |
//! | `VWO_WEBHOOK_KEY` | opens `POST /webhooks/vwo` | |
//! | `MAX_BODY_BYTES` | the largest body | `1048576` |
//! | `BODY_DEADLINE_MS` | how long a body may take, in milliseconds | `30000` |

use std::{
    env,
    error::Error,
    fmt::Display,
    io::{self, Write},
    net::SocketAddr,
    process::ExitCode,
    str::FromStr,
    time::Duration,
};

use axum::{
    Router,
    http::StatusCode,
    middleware,
    response::Response,
    routing::{get, post},
};
use tokio::{net::TcpListener, signal};
use tower_webhook_auth::{
    Provider, Rejection, Secret, Verified, WebhookAuthLayer,
    provider::{self, optimizely, vwo},
    testing::Signer,
};

/// `println!`, which would panic when whoever reads the output has gone.
macro_rules! say {
    ($($line:tt)*) => {{
        let _ = writeln!(io::stdout(), $($line)*);
    }};
}

/// The same for standard error.
macro_rules! complain {
    ($($line:tt)*) => {{
        let _ = writeln!(io::stderr(), $($line)*);
    }};
}

/// Published by the vendor, and so known to everybody.
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
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let host = env::var("HOST").unwrap_or_else(|_| "127.0.0.1".to_owned());
    let port: u16 = setting("PORT", 3000)?;
    let limits = Limits {
        max_body_bytes: setting("MAX_BODY_BYTES", 1024 * 1024)?,
        body_deadline: Duration::from_millis(setting("BODY_DEADLINE_MS", 30_000)?),
    };
    let vwo_key = secret("VWO_WEBHOOK_KEY")?;
    let mut optimizely_secret = secret("OPTIMIZELY_WEBHOOK_SECRET")?;
    let demonstration = optimizely_secret.is_none() && vwo_key.is_none();
    if demonstration {
        optimizely_secret = Some(Secret::new(EXAMPLE_SECRET)?);
    }

    let listener = TcpListener::bind((host.as_str(), port)).await?;
    let address = listener.local_addr()?;
    say!("listening on http://{address}");
    if demonstration {
        say!("*** DEMONSTRATION: no secret is set. ***");
        say!("*** The example secret is in use, and everybody can sign with it. ***");
        say!("*** Set OPTIMIZELY_WEBHOOK_SECRET or VWO_WEBHOOK_KEY. ***");
    }

    let mut app = Router::new().route("/", get(async || "Webhook receiver\n"));
    if let Some(secret) = optimizely_secret {
        let provider = provider::optimizely(secret.clone());
        // A genuine signature holds for ever: none that was made with a real secret is printed.
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
        let route = post(settings_changed).route_layer(limits.around(provider::vwo(key)));
        app = app.route("/webhooks/vwo", route);
    }
    // Outside of the routes' layers, where the reasons of their refusals can be seen.
    let app = app.layer(middleware::map_response(log_refusal));

    axum::serve(listener, app)
        .with_graceful_shutdown(asked_to_stop())
        .await?;
    say!("stopped");
    Ok(())
}

async fn datafile_updated(webhook: Verified<optimizely::Event>) -> StatusCode {
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
    StatusCode::OK
}

async fn settings_changed(webhook: Verified<vwo::Event>) -> StatusCode {
    say!(
        "accepted vwo {:?}, action {:?}",
        webhook.event,
        webhook.action.as_deref().unwrap_or("unknown"),
    );
    StatusCode::OK
}

async fn log_refusal(response: Response) -> Response {
    if let Some(rejection) = response.extensions().get::<Rejection>() {
        complain!(
            "refused {} with {}: {rejection} ({}, {} bytes read)",
            rejection.provider().unwrap_or("unknown"),
            rejection.status().as_u16(),
            rejection.kind().as_str(),
            rejection.body_bytes(),
        );
    }
    response
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
    for (verdict, header) in [
        ("accepts", genuine),
        (
            "refuses",
            "'X-Hub-Signature: sha1=0000000000000000000000000000000000000000'",
        ),
    ] {
        say!("it {verdict}:");
        say!(
            "curl -i http://{address}/webhooks/optimizely -H 'Content-Type: application/json' \
             -H {header} --data-binary '{OPTIMIZELY_EXAMPLE}'"
        );
    }
}

/// The key itself is a secret: the shell puts it in.
fn print_vwo_lines(address: SocketAddr) {
    for (verdict, key) in [("accepts", "$VWO_WEBHOOK_KEY"), ("refuses", "wrong")] {
        say!("it {verdict}:");
        say!(
            "curl -i http://{address}/webhooks/vwo -H 'Content-Type: application/json' \
             -H \"x-vwo-auth: {key}\" --data-binary '{VWO_EXAMPLE}'"
        );
    }
}

/// A secret that is not set closes its route; one that is set has to be one.
fn secret(name: &str) -> Result<Option<Secret>, Box<dyn Error>> {
    match env::var_os(name) {
        None => Ok(None),
        Some(_) => Ok(Some(Secret::from_env(name)?)),
    }
}

fn setting<T>(name: &str, default: T) -> Result<T, Box<dyn Error>>
where
    T: FromStr<Err: Display>,
{
    match env::var(name) {
        Err(env::VarError::NotPresent) => Ok(default),
        Err(error) => Err(format!("{name}: {error}").into()),
        Ok(text) => text
            .trim()
            .parse()
            .map_err(|error| format!("{name}={text:?}: {error}").into()),
    }
}

async fn asked_to_stop() {
    let interrupt = async { signal::ctrl_c().await.ok() };
    #[cfg(unix)]
    let terminate = async {
        match signal::unix::signal(signal::unix::SignalKind::terminate()) {
            Ok(mut terminate) => terminate.recv().await,
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<Option<()>>();
    tokio::select! {
        _ = interrupt => {}
        _ = terminate => {}
    }
}
