//! A receiver on bare hyper, for HTTP/1 and HTTP/2.
//!
//! ```console
//! $ OPTIMIZELY_WEBHOOK_SECRET=wJ4mX9 cargo run -p hyper_server
//! $ body='{"timestamp":1558138293,"project_id":1234,"data":{},"event":"flag.updated"}'
//! $ mac=$(printf %s "$body" | openssl dgst -sha1 -hmac wJ4mX9 -r | cut -d' ' -f1)
//! $ curl -i http://127.0.0.1:3000/ -H "x-hub-signature: sha1=$mac" -d "$body"
//! ```

use std::{convert::Infallible, env, error::Error, time::Duration};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
    service::TowerToHyperService,
};
use tokio::net::TcpListener;
use tower::{Layer, service_fn};
use tower_webhook_auth::{
    Secret, Verified, WebhookAuthLayer,
    provider::{self, optimizely},
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let secret = Secret::from_env("OPTIMIZELY_WEBHOOK_SECRET")?;
    let auth = WebhookAuthLayer::new(provider::optimizely(secret));
    let service = TowerToHyperService::new(auth.layer(service_fn(receive)));

    let address = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);

    // With a timer hyper gives a head 30 seconds, as the layer gives a body.
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
async fn receive(request: Request<Full<Bytes>>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::default();
    match request.extensions().get::<Verified<optimizely::Event>>() {
        Some(webhook) => {
            println!("project {}: {}", webhook.project_id, webhook.event.as_str());
            *response.status_mut() = StatusCode::NO_CONTENT;
        }
        // The layer is not around this service.
        None => *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR,
    }
    Ok(response)
}
