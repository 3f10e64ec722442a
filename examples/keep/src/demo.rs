//! The demonstration on one machine: a server in place of the CDN, the service, and a delivery.

use std::{future::pending, time::Duration};

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use support::{
    download, say,
    stand_in::{SDK_KEY, SECRET, StandIn, delivery},
};
use tokio::{net::TcpListener, time::timeout};
use tower::ServiceExt;
use tower_webhook_auth::{
    BoxError, Secret, provider,
    server::{self, Server},
    testing::Signer,
};

/// Serves on `listener`, changes the datafile of a flag, prints the decisions, and continues until
/// Ctrl-C.
pub async fn run(listener: TcpListener) -> Result<(), BoxError> {
    let address = listener.local_addr()?;
    let cdn = TcpListener::bind(("127.0.0.1", 0)).await?;
    let uri = format!("http://{}/datafiles/{SDK_KEY}.json", cdn.local_addr()?).parse()?;
    let stand_in = StandIn::default();
    stand_in.publish(12, false);
    tokio::spawn(Server::new().serve_until(cdn, stand_in.clone().router(), pending()));

    let secret = Secret::new(SECRET)?;
    let flags = super::flags(download::http(), uri, SDK_KEY.into());
    let app = super::app(secret.clone(), flags.clone());
    let server = tokio::spawn(server::serve(listener, app));
    let decide = async || {
        let uri = format!("http://{address}/decide?user=alice&flag=new_checkout");
        send(Request::get(uri).body(Full::default())?).await
    };

    timeout(Duration::from_secs(10), flags.reached(&12)).await?;
    say!("before   {}", decide().await?.1);

    // A colleague turns the flag on: there is a new datafile, and Optimizely sends a delivery.
    stand_in.publish(13, true);
    let request = Request::post(format!("http://{address}/webhooks/optimizely"))
        .body(Bytes::from(delivery(SDK_KEY, 13)))?;
    let signer = Signer::new(&provider::optimizely(secret.clone()), &secret)?;
    say!(
        "delivery {}",
        send(signer.sign(request).map(Full::new)).await?.0
    );

    timeout(Duration::from_secs(10), flags.reached(&13)).await?;
    say!("after    {}", decide().await?.1);
    say!("try      curl 'http://{address}/decide?user=bob&flag=new_checkout'");
    server.await??;
    flags.stop().await;
    Ok(())
}

/// The status of the response, and its body.
async fn send(request: Request<Full<Bytes>>) -> Result<(StatusCode, String), BoxError> {
    let response = download::http().oneshot(request).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    Ok((status, str::from_utf8(&body)?.to_owned()))
}
