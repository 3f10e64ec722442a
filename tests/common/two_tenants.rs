//! Two tenants of one sender may use the same ids. The identity of a delivery includes the tenant.

use std::{
    convert::Infallible,
    future::ready,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower::{Layer, ServiceExt, service_fn};
use tower_webhook_auth::{
    Keys, Secret, Verified, WebhookAuthLayer, provider,
    replay::{Duplicate, ReplayGuardLayer, ReplayStore},
    tenants::{Selection, Unverified},
    testing::Signer,
};

fn secret(tenant: &str) -> Secret {
    let key = data_encoding::BASE64.encode(format!("the key of {tenant}: 24 bytes").as_bytes());
    Secret::new(format!("whsec_{key}")).expect("a secret")
}

/// Sends `msg_1` of two tenants, twice. It asserts that each tenant's delivery is handled once.
pub(crate) async fn each_is_handled_once<St: ReplayStore>(store: St) {
    let by_path = |delivery: Unverified<'_>| {
        let tenant = delivery.uri().path().trim_start_matches('/');
        Selection::LookUp(ready(Ok(Some(
            Keys::from(secret(tenant)).of_tenant(tenant),
        ))))
    };
    let standard = provider::standard_webhooks(secret("none")).expect("a provider");
    let guard = ReplayGuardLayer::new(&standard, store).expect("a guard");
    let handled: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&handled);
    let handler = service_fn(move |request: Request<Full<Bytes>>| {
        let webhook: &Verified<Bytes> = request.extensions().get().expect("a verified delivery");
        let tenant = webhook.tenant().expect("a tenant").to_owned();
        seen.lock().expect("no panic").push(tenant);
        ready(Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())))
    });
    let layer = WebhookAuthLayer::new(standard.clone()).keys_from(by_path);
    let service = (layer, guard).layer(handler);
    for (tenant, is_copy) in [
        ("acme", false),
        ("globex", false),
        ("acme", true),
        ("globex", true),
    ] {
        let signer = Signer::new(&standard, &secret(tenant)).expect("a signer");
        let path = format!("/{tenant}").parse().expect("a path");
        let request = signer.with_id("msg_1").request_to(path, "{}");
        let response = service.clone().oneshot(request).await.expect("infallible");
        assert_eq!(response.status(), 200, "{tenant}");
        let duplicate = response.extensions().get::<Duplicate>();
        assert_eq!(duplicate.is_some(), is_copy, "{tenant}");
    }
    assert_eq!(*handled.lock().expect("no panic"), ["acme", "globex"]);
}
