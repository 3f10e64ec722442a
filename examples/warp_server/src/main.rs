//! A receiver of warp filters, served by hyper-util.
//!
//! ```console
//! $ OPTIMIZELY_WEBHOOK_SECRET=wJ4mX9 cargo run -p warp_server
//! $ body='{"timestamp":1558138293,"project_id":1234,"data":{},"event":"flag.updated"}'
//! $ mac=$(printf %s "$body" | openssl dgst -sha1 -hmac wJ4mX9 -r | cut -d' ' -f1)
//! $ curl -i http://127.0.0.1:3000/webhooks/optimizely -H "x-hub-signature: sha1=$mac" -d "$body"
//! ```

use std::{env, error::Error, time::Duration};

use http::StatusCode;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
    service::TowerToHyperService,
};
use tokio::net::TcpListener;
use tower::Layer;
use tower_webhook_auth::{
    Secret, Verified, WebhookAuthLayer,
    provider::{self, optimizely},
};
use warp::Filter;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let secret = Secret::from_env("OPTIMIZELY_WEBHOOK_SECRET")?;
    let auth = WebhookAuthLayer::new(provider::optimizely(secret));
    let routes = warp::path!("webhooks" / "optimizely")
        .and(warp::post())
        // Without the layer there is no such extension, and warp answers 500.
        .and(warp::ext::get::<Verified<optimizely::Event>>())
        .map(receive);
    let service = TowerToHyperService::new(auth.layer(warp::service(routes)));

    let address = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);

    // warp's own server takes filters only. With a timer hyper gives a head 30 seconds.
    let mut server = auto::Builder::new(TokioExecutor::new());
    server.http1().timer(TokioTimer::new());
    server.http2().timer(TokioTimer::new());
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // There are no more file descriptors, say. That passes.
            tokio::time::sleep(Duration::from_secs(1)).await;
            continue;
        };
        let server = server.clone();
        let service = service.clone();
        tokio::spawn(async move {
            let connection = server.serve_connection(TokioIo::new(stream), service);
            if let Err(error) = connection.await {
                eprintln!("connection: {error}");
            }
        });
    }
}

/// Called for deliveries that were verified, and for no others.
fn receive(webhook: Verified<optimizely::Event>) -> StatusCode {
    println!("project {}: {}", webhook.project_id, webhook.event.as_str());
    StatusCode::NO_CONTENT
}
