//! The layer's side of the interop matrix. `matrix.py` starts it.
//!
//! `interop serve ROUTES.json` listens on a loopback port that the system chooses, and prints the address. The
//! file maps each route to `{"preset", "secret", "url"}`. An accepted delivery gets 200. A rejected one gets the
//! status of the layer, with the code of the rejection in `x-rejection`.
//!
//! `interop sign` reads one JSON object per line from standard input (`preset`, `secret`, `url`, `body` in base64,
//! `at` in milliseconds, `id`), signs with `testing::Signer`, and prints the headers as one JSON object per line.

use std::{
    collections::BTreeMap,
    env, fs,
    io::{self, BufRead, Write},
    time::{Duration, SystemTime},
};

use axum::{Router, http::StatusCode, middleware, response::Response, routing::post};
use bytes::Bytes;
use data_encoding::BASE64;
use http::Request;
use serde_json::{Map, Value, json};
use tower_webhook_auth::{
    BoxError, Provider, Rejection, Secret, SignedUrl, Verified, WebhookAuthLayer, provider,
    testing::Signer,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", path] => serve(path).await,
        ["sign"] => sign_lines(),
        _ => Err("usage: interop serve ROUTES.json | interop sign".into()),
    }
}

async fn serve(path: &str) -> Result<(), BoxError> {
    let routes: BTreeMap<String, Value> = serde_json::from_slice(&fs::read(path)?)?;
    let mut app = Router::new();
    for (route, entry) in &routes {
        let (provider, _) = preset(entry).map_err(|error| format!("{route}: {error}"))?;
        let handler = post(accepted)
            .route_layer(WebhookAuthLayer::new(provider))
            .layer(middleware::map_response(with_code));
        app = app.route(&format!("/{route}"), handler);
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}

/// The preset that the entry names, and its secret.
fn preset(entry: &Value) -> Result<(Provider<Bytes>, Secret), BoxError> {
    let text = |key: &str| entry.get(key).and_then(Value::as_str);
    let name = text("preset").ok_or("the entry has no \"preset\"")?;
    let secret = Secret::new(text("secret").ok_or("the entry has no \"secret\"")?)?;
    let url = match text("url") {
        None | Some("") => None,
        Some(url) => Some(SignedUrl::exact(url)?),
    };
    Ok((provider::by_name(name, secret.clone(), url)?, secret))
}

async fn accepted(_: Verified<Bytes>) -> StatusCode {
    StatusCode::OK
}

async fn with_code(mut response: Response) -> Response {
    if let Some(rejection) = response.extensions().get::<Rejection>() {
        let code = match rejection.header_name() {
            Some(header) => format!("{} {header}", rejection.kind().as_str()),
            None => rejection.kind().as_str().to_owned(),
        };
        if let Ok(code) = code.parse() {
            response.headers_mut().insert("x-rejection", code);
        }
    }
    response
}

fn sign_lines() -> Result<(), BoxError> {
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let order: Value = serde_json::from_str(&line?)?;
        let answer = match sign(&order) {
            Ok(headers) => json!({ "headers": headers }),
            Err(error) => json!({ "error": error.to_string() }),
        };
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

fn sign(order: &Value) -> Result<Map<String, Value>, BoxError> {
    let (provider, secret) = preset(order)?;
    let mut signer = Signer::new(&provider, &secret)?;
    if let Some(at) = order.get("at").and_then(Value::as_u64) {
        signer = signer.at(SystemTime::UNIX_EPOCH + Duration::from_millis(at));
    }
    if let Some(id) = order.get("id").and_then(Value::as_str) {
        signer = signer.with_id(id);
    }
    let body = order.get("body").and_then(Value::as_str);
    let body = BASE64.decode(body.ok_or("the order has no \"body\"")?.as_bytes())?;
    let signed = signer.try_sign(Request::post("/").body(Bytes::from(body))?)?;
    let mut headers = Map::new();
    for (name, value) in signed.headers() {
        headers.insert(name.as_str().to_owned(), json!(value.to_str()?));
    }
    Ok(headers)
}
