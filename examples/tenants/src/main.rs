//! Receives the webhooks of many Optimizely projects at one URL. Each project has its own keys, in a database.
//!
//! ```sh
//! cd examples/tenants
//! cargo run                                            # serves http://127.0.0.1:3000/webhooks/optimizely
//! SECRET=wJ4mX9 cargo run -- add 11387641093 2026-11   # a project's key, with a name
//! ```
//!
//! Rotate the key of one project, while the server runs and without losing a delivery:
//!
//! ```sh
//! SECRET=kT7pQ2 cargo run -- add 11387641093 2027-05   # both keys are accepted
//! # Now enter the new key at Optimizely.
//! cargo run -- remove 11387641093 2026-11
//! ```
//!
//! A running server sees a change within one second. The secret is read from a variable, because other users
//! of the machine can see the arguments of a program.
//!
//! | variable | meaning | default |
//! |---|---|---|
//! | `DATABASE_URL` | `sqlite:…` or `postgres://…` | `sqlite:tenants.db?mode=rwc` |
//! | `PORT` | the port on 127.0.0.1 | `3000` |
//! | `SECRET` | the secret for `add` | |

use std::{env, error::Error, process::ExitCode, time::Duration};

use tenants::{app, forget_changed, store::Store};
use tokio::{net::TcpListener, time::sleep};
use tower_webhook_auth::{Secret, server, tenants::TenantKeysHandle};

const USAGE: &str = "usage: tenants [add PROJECT NAME | remove PROJECT NAME]";

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let url = env::var("DATABASE_URL").unwrap_or_else(|_| "sqlite:tenants.db?mode=rwc".to_owned());
    let store = Store::open(&url).await?;
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [] => serve(store).await,
        ["add", project, name] => {
            let secret =
                env::var("SECRET").map_err(|_| "set SECRET to the secret of the project")?;
            // It rejects a secret that was copied wrongly, before the database has it.
            Secret::new(secret.as_str())?;
            Ok(store.add(number(project)?, name, &secret).await?)
        }
        ["remove", project, name] => {
            let removed = store.remove(number(project)?, name).await?;
            match removed {
                true => Ok(()),
                false => Err(format!("project {project} has no key with the name {name:?}").into()),
            }
        }
        _ => Err(USAGE.into()),
    }
}

fn number(project: &str) -> Result<i64, String> {
    project
        .parse()
        .map_err(|error| format!("the project {project:?} is not a number: {error}"))
}

async fn serve(store: Store) -> Result<(), Box<dyn Error>> {
    let port = env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    let port: u16 = port
        .parse()
        .map_err(|error| format!("PORT={port:?} is not a port: {error}"))?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let (router, handle) = app(store.clone())?;
    let watching = tokio::spawn(watch(store, handle));
    server::serve(listener, router).await?;
    watching.abort();
    Ok(())
}

async fn watch(store: Store, handle: TenantKeysHandle) {
    let mut seen = 0;
    loop {
        match forget_changed(&store, &handle, seen).await {
            Ok(last) => seen = last,
            Err(error) => eprintln!("changes of keys are not visible: {error}"),
        }
        sleep(Duration::from_secs(1)).await;
    }
}
