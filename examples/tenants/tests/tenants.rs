//! The example with a database: SQLite in a file, and PostgreSQL if `TEST_POSTGRES_URL` names one.

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    http::{HeaderMap, StatusCode},
};
use tempfile::TempDir;
use tenants::{app, forget_changed, store::Store};
use tower::ServiceExt;
use tower_webhook_auth::{
    Rejection, RejectionKind, Secret, provider, tenants::TenantKeysHandle, testing::Signer,
};

const ACME: i64 = 11387641093;
const GLOBEX: i64 = 11387641094;
const UNKNOWN: i64 = 11387641095;

struct Example {
    store: Store,
    router: Router,
    handle: TenantKeysHandle,
    seen: i64,
    _directory: Option<TempDir>,
}

impl Example {
    async fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("tenants.db");
        let url = format!("sqlite:{}?mode=rwc", file.display());
        Self::with(&url, Some(directory)).await
    }

    async fn with(url: &str, directory: Option<TempDir>) -> Self {
        let store = Store::open(url).await.expect("a database");
        let (router, handle) = app(store.clone()).expect("a router");
        Self {
            store,
            router,
            handle,
            seen: 0,
            _directory: directory,
        }
    }

    /// What a server does each second.
    async fn look_for_changes(&mut self) {
        let seen = forget_changed(&self.store, &self.handle, self.seen).await;
        self.seen = seen.expect("the changes");
    }

    /// A delivery about a project, signed with this secret.
    async fn deliver(&self, project: i64, secret: &str) -> Answer {
        let secret = Secret::new(secret).expect("a secret");
        let signer = Signer::new(&provider::optimizely(secret.clone()), &secret);
        let body = format!(
            r#"{{"project_id": {project}, "timestamp": 1558138293, "event": "project.datafile_updated", "data": {{"revision": 13, "environment": "Production", "origin_url": "https://optimizely.s3.amazonaws.com/datafiles/QMVJcUKEJZFg8pQ2jhAybK.json", "cdn_url": "https://cdn.optimizely.com/datafiles/QMVJcUKEJZFg8pQ2jhAybK.json"}}}}"#
        );
        let uri = "/webhooks/optimizely".parse().expect("a path");
        let request = signer.expect("a signer").request_to(uri, body);
        let response = self.router.clone().oneshot(request.map(Body::new)).await;
        let (head, body) = response.expect("an infallible router").into_parts();
        let rejection: Option<&Rejection> = head.extensions.get();
        Answer {
            kind: rejection.map(Rejection::kind),
            status: head.status,
            headers: head.headers,
            body: to_bytes(body, 1024).await.expect("a body"),
        }
    }

    async fn status(&self, project: i64, secret: &str) -> u16 {
        self.deliver(project, secret).await.status.as_u16()
    }
}

struct Answer {
    kind: Option<RejectionKind>,
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

#[tokio::test]
async fn one_url_serves_many_projects_and_an_unknown_one_looks_like_a_wrong_signature() {
    let example = Example::new().await;
    example
        .store
        .add(ACME, "2026-11", "acme-1")
        .await
        .expect("it is added");
    example
        .store
        .add(GLOBEX, "2026-11", "globex-1")
        .await
        .expect("it is added");
    assert_eq!(example.status(ACME, "acme-1").await, 200);
    assert_eq!(example.status(GLOBEX, "globex-1").await, 200);

    let wrong = example.deliver(ACME, "globex-1").await;
    let unknown = example.deliver(UNKNOWN, "acme-1").await;
    for answer in [&wrong, &unknown] {
        assert_eq!(answer.status, 401);
        assert_eq!(answer.kind, Some(RejectionKind::SignatureMismatch));
    }
    assert_eq!(wrong.headers, unknown.headers);
    assert_eq!(wrong.body, unknown.body);
}

async fn rotate(mut example: Example) {
    let store = example.store.clone();
    store
        .add(ACME, "2026-11", "acme-1")
        .await
        .expect("it is added");
    store
        .add(GLOBEX, "2026-11", "globex-1")
        .await
        .expect("it is added");
    example.look_for_changes().await;
    assert_eq!(example.status(ACME, "acme-1").await, 200);
    assert_eq!(example.status(ACME, "acme-2").await, 401);

    store
        .add(ACME, "2027-05", "acme-2")
        .await
        .expect("it is added");
    example.look_for_changes().await;
    assert_eq!(example.status(ACME, "acme-1").await, 200);
    assert_eq!(example.status(ACME, "acme-2").await, 200);

    assert!(store.remove(ACME, "2026-11").await.expect("it is removed"));
    assert!(
        !store
            .remove(ACME, "2026-11")
            .await
            .expect("it is not there")
    );
    example.look_for_changes().await;
    assert_eq!(example.status(ACME, "acme-1").await, 401);
    assert_eq!(example.status(ACME, "acme-2").await, 200);
    assert_eq!(example.status(GLOBEX, "globex-1").await, 200);
}

#[tokio::test]
async fn a_key_is_rotated_while_the_server_runs() {
    rotate(Example::new().await).await;
}

#[tokio::test]
async fn a_project_that_is_added_later_is_accepted() {
    let mut example = Example::new().await;
    assert_eq!(example.status(ACME, "acme-1").await, 401);
    example
        .store
        .add(ACME, "2026-11", "acme-1")
        .await
        .expect("it is added");
    example.look_for_changes().await;
    assert_eq!(example.status(ACME, "acme-1").await, 200);
}

/// A 401 would tell the sender that its key is wrong, and some senders then stop.
#[tokio::test]
async fn without_the_database_known_projects_are_accepted_and_others_get_503() {
    let example = Example::new().await;
    example
        .store
        .add(ACME, "2026-11", "acme-1")
        .await
        .expect("it is added");
    assert_eq!(example.status(ACME, "acme-1").await, 200);
    example.store.close().await;
    assert_eq!(example.status(ACME, "acme-1").await, 200);
    let answer = example.deliver(GLOBEX, "globex-1").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.kind, Some(RejectionKind::KeysUnavailable));
    assert!(answer.headers.contains_key("retry-after"));
}

/// Run it with `examples/postgres cargo test`, which starts a server.
#[tokio::test]
async fn a_key_is_rotated_in_postgresql() {
    let Ok(url) = std::env::var("TEST_POSTGRES_URL") else {
        eprintln!("left out: TEST_POSTGRES_URL names no empty database");
        return;
    };
    rotate(Example::with(&url, None).await).await;
}
