//! Keys of tenants that are loaded when they are needed, and remembered. tokio's clock is paused.
#![cfg(all(feature = "tenant-cache", feature = "testing"))]

mod common;

use std::{
    error::Error as _,
    future::{Future, pending},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use common::Inner;
use futures_util::{FutureExt, future::join_all};
use http::{Request, Response};
use http_body_util::Full;
use tokio::time::{advance, sleep};
use tower::{Layer, ServiceExt, util::BoxCloneService};
use tower_webhook_auth::{
    BoxError, Keys, Rejection, RejectionKind, ResponseBody, Secret, Verified, WebhookAuthLayer,
    provider,
    tenants::{CacheLimits, KeySource, Selection, TenantKeys, TenantKeysHandle, Unverified},
    testing::Signer,
};

type Found = Result<Option<Keys>, BoxError>;
type Answer = Response<ResponseBody<Full<Bytes>>>;

fn secret(tenant: &str) -> Secret {
    Secret::new(format!("the {tenant} secret")).expect("a secret")
}

fn by_path(delivery: Unverified<'_>) -> Selection<String> {
    match delivery.uri().path().strip_prefix("/w/") {
        Some(tenant) => Selection::LookUp(tenant.to_owned()),
        None => Selection::Unknown,
    }
}

fn known(tenant: &str) -> Found {
    let is_known = tenant.starts_with("acme");
    Ok(is_known.then(|| Keys::from(secret(tenant))))
}

struct Receiver {
    service: BoxCloneService<Request<Full<Bytes>>, Answer, std::convert::Infallible>,
    handle: TenantKeysHandle,
    /// The names that were looked up.
    loads: Arc<Mutex<Vec<String>>>,
}

impl Receiver {
    fn new<F>(limits: CacheLimits, load: impl Fn(String) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Found> + Send + 'static,
    {
        let loads: Arc<Mutex<Vec<String>>> = Arc::default();
        let counted = Arc::clone(&loads);
        let keys = TenantKeys::with_limits(limits, by_path, move |tenant: String| {
            counted.lock().expect("no panic").push(tenant.clone());
            load(tenant)
        });
        let handle = keys.handle();
        let layer = WebhookAuthLayer::new(provider::github(secret("the provider")));
        // A timer for each delivery would hide the one of the look-up.
        let layer = layer
            .key_deadline(Duration::from_secs(3600))
            .keys_from(keys);
        Self {
            service: layer.layer(Inner::default()).boxed_clone(),
            handle,
            loads,
        }
    }

    /// Each look-up takes 50 ms.
    fn slow(limits: CacheLimits, find: impl Fn(&str) -> Found + Send + Sync + 'static) -> Self {
        let find = Arc::new(find);
        Self::new(limits, move |tenant| {
            let find = Arc::clone(&find);
            async move {
                sleep(Duration::from_millis(50)).await;
                find(&tenant)
            }
        })
    }

    fn send(&self, tenant: &str) -> impl Future<Output = Answer> + Send + use<> {
        let provider = provider::github(secret("any"));
        let signer = Signer::new(&provider, &secret(tenant)).expect("a signer");
        let path = format!("/w/{tenant}").parse().expect("a path");
        let call = self.service.clone().oneshot(signer.request_to(path, "{}"));
        async move { call.await.expect("an infallible service") }
    }

    async fn status(&self, tenant: &str) -> u16 {
        self.send(tenant).await.status().as_u16()
    }

    fn looked_up(&self) -> usize {
        self.loads.lock().expect("no panic").len()
    }

    async fn statuses(&self, tenant: &str, count: usize) -> Vec<u16> {
        let answers = join_all((0..count).map(|_| self.send(tenant))).await;
        answers
            .iter()
            .map(|answer| answer.status().as_u16())
            .collect()
    }

    fn loads(&self) -> usize {
        self.loads.lock().expect("no panic").len()
    }
}

#[tokio::test(start_paused = true)]
async fn equal_look_ups_are_one_and_an_unknown_tenant_is_remembered() {
    let receiver = Receiver::slow(CacheLimits::default(), known);
    assert_eq!(receiver.statuses("acme", 100).await, [200; 100]);
    assert_eq!(receiver.loads(), 1);
    assert_eq!(receiver.statuses("initech", 100).await, [401; 100]);
    assert_eq!(receiver.statuses("initech", 100).await, [401; 100]);
    assert_eq!(receiver.statuses("acme", 100).await, [200; 100]);
    assert_eq!(receiver.loads(), 2);
    assert_eq!(receiver.handle.remembered(), 2);
}

#[tokio::test(start_paused = true)]
async fn keys_without_a_tenant_belong_to_the_name_that_was_looked_up() {
    let of = |tenant: String| async move {
        let keys = Keys::from(secret(&tenant));
        Ok(Some(if tenant == "acme-1" {
            keys.of_tenant("Acme")
        } else {
            keys
        }))
    };
    let receiver = Receiver::new(CacheLimits::default(), of);
    for (name, tenant) in [("acme-1", "Acme"), ("acme-2", "acme-2")] {
        // Loaded, then remembered.
        for _ in 0..2 {
            let answer = receiver.send(name).await;
            let webhook: &Verified<Bytes> = answer.extensions().get().expect("an event");
            assert_eq!(webhook.tenant(), Some(tenant));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_result_is_used_for_the_time_to_live_from_the_beginning_of_its_look_up() {
    let limits = CacheLimits::default().time_to_live(Duration::from_secs(60));
    let receiver = Receiver::slow(limits, known);
    for tenant in ["acme", "initech"] {
        let before = receiver.loads();
        receiver.status(tenant).await;
        advance(Duration::from_millis(59_949)).await;
        receiver.status(tenant).await;
        assert_eq!(
            receiver.loads() - before,
            1,
            "{tenant}: 1 ms before the end"
        );
        advance(Duration::from_millis(1)).await;
        receiver.status(tenant).await;
        assert_eq!(receiver.loads() - before, 2, "{tenant}: at the end");
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_told_to_all_that_wait_and_is_not_remembered() {
    let down = Arc::new(Mutex::new(true));
    let state = Arc::clone(&down);
    let receiver = Receiver::slow(CacheLimits::default(), move |tenant| {
        if *state.lock().expect("no panic") {
            Err("no route to the database".into())
        } else {
            known(tenant)
        }
    });
    assert_eq!(receiver.statuses("acme", 10).await, [503; 10]);
    assert_eq!(receiver.loads(), 1, "one look-up for all ten");
    let answer = receiver.send("acme").await;
    let rejection: &Rejection = answer.extensions().get().expect("a rejection");
    let source = rejection.source().expect("the error").to_string();
    assert_eq!(source, "no route to the database");
    *down.lock().expect("no panic") = false;
    assert_eq!(receiver.statuses("acme", 10).await, [200; 10]);
    assert_eq!(receiver.loads(), 3);
}

/// The log of the owner can show the whole chain.
#[tokio::test(start_paused = true)]
async fn the_cause_of_an_outage_is_a_source_of_the_rejection() {
    #[derive(Debug)]
    struct Outage(std::io::Error);

    impl std::fmt::Display for Outage {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("the database is not available")
        }
    }

    impl std::error::Error for Outage {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&self.0)
        }
    }

    let receiver = Receiver::slow(CacheLimits::default(), |_| {
        Err(Outage(std::io::Error::other("connection refused")).into())
    });
    let answer = receiver.send("acme").await;
    let rejection: &Rejection = answer.extensions().get().expect("a rejection");
    let outage = rejection.source().expect("the error");
    assert_eq!(outage.to_string(), "the database is not available");
    let cause = outage.source().expect("its cause");
    assert_eq!(cause.to_string(), "connection refused");
}

#[tokio::test(start_paused = true)]
async fn the_time_to_live_and_the_deadline_of_a_look_up_can_be_set() {
    let limits = CacheLimits::default()
        .time_to_live(Duration::from_secs(10))
        .load_deadline(Duration::from_secs(1));
    let receiver = Receiver::slow(limits, known);
    for (after, loads) in [(0, 1), (9, 1), (1, 2), (9, 2), (1, 3)] {
        advance(Duration::from_secs(after)).await;
        assert_eq!(receiver.status("acme").await, 200);
        assert_eq!(receiver.loads(), loads);
    }

    let hangs = Receiver::new(limits, |_| pending());
    let begin = tokio::time::Instant::now();
    assert_eq!(hangs.status("acme").await, 503);
    assert_eq!(begin.elapsed().as_secs(), 1);
}

/// Old keys may have been revoked.
#[tokio::test(start_paused = true)]
async fn an_outage_after_the_time_to_live_does_not_bring_old_keys_back() {
    let down = Arc::new(Mutex::new(false));
    let state = Arc::clone(&down);
    let receiver = Receiver::slow(CacheLimits::default(), move |tenant| {
        if *state.lock().expect("no panic") {
            return Err("down".into());
        }
        known(tenant)
    });
    assert_eq!(receiver.status("acme").await, 200);
    *down.lock().expect("no panic") = true;
    assert_eq!(
        receiver.status("acme").await,
        200,
        "within the time to live"
    );
    advance(Duration::from_secs(60)).await;
    assert_eq!(receiver.status("acme").await, 503);
}

#[tokio::test(start_paused = true)]
async fn the_delivery_that_began_a_look_up_can_be_cancelled() {
    let receiver = Receiver::slow(CacheLimits::default(), known);
    let first = tokio::spawn(receiver.send("acme"));
    sleep(Duration::from_millis(10)).await;
    let second = tokio::spawn(receiver.send("acme"));
    sleep(Duration::from_millis(10)).await;
    first.abort();
    assert_eq!(second.await.expect("no panic").status(), 200);
    assert_eq!(receiver.loads(), 1, "the look-up went on");
}

#[tokio::test(start_paused = true)]
async fn a_look_up_that_no_delivery_waits_for_is_dropped() {
    let alive = Arc::new(());
    let held = Arc::clone(&alive);
    let limits = CacheLimits::default().loads(1);
    let receiver = Receiver::new(limits, move |_| {
        let held = Arc::clone(&held);
        async move {
            let _held = held;
            pending::<Found>().await
        }
    });
    let mut calls = Vec::new();
    for _ in 0..3 {
        let mut call = Box::pin(receiver.send("acme"));
        assert!((&mut call).now_or_never().is_none());
        calls.push(call);
    }
    assert_eq!(Arc::strong_count(&alive), 3);
    drop(calls);
    assert_eq!(Arc::strong_count(&alive), 2);
    // Its place is free for another one.
    assert!(receiver.send("acme-2").now_or_never().is_none());
    assert_eq!(receiver.loads(), 2);
}

/// Without a deadline, each delivery that comes would wait for a look-up that never ends.
#[tokio::test(start_paused = true)]
async fn a_look_up_that_hangs_is_given_up_for_all_that_wait() {
    let limits = CacheLimits::default().load_deadline(Duration::from_secs(5));
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&tries);
    let receiver = Receiver::new(limits, move |tenant| {
        let hangs = counted.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            if hangs {
                pending::<()>().await;
            }
            known(&tenant)
        }
    });
    let early = tokio::spawn(receiver.send("acme"));
    sleep(Duration::from_secs(4)).await;
    let late = tokio::spawn(receiver.send("acme"));
    assert_eq!(early.await.expect("no panic").status(), 503);
    assert_eq!(late.await.expect("no panic").status(), 503);
    assert_eq!(receiver.status("acme").await, 200);
}

#[tokio::test(start_paused = true)]
async fn look_ups_at_the_same_time_are_bounded() {
    let receiver = Receiver::slow(CacheLimits::default().loads(8), known);
    let calls = (0..100).map(|n| receiver.send(&format!("acme-{n}")));
    let answers = join_all(calls).await;
    let rejected = answers.iter().filter(|answer| {
        let rejection: Option<&Rejection> = answer.extensions().get();
        rejection.is_some_and(|rejection| rejection.kind() == RejectionKind::KeysUnavailable)
    });
    assert_eq!(rejected.count(), 92);
    assert_eq!(receiver.loads(), 8);
    // A tenant that is remembered needs no look-up.
    let mut hanging = Vec::new();
    for n in 200..208 {
        let mut call = Box::pin(receiver.send(&format!("acme-{n}")));
        assert!((&mut call).now_or_never().is_none());
        hanging.push(call);
    }
    assert_eq!(receiver.status("acme-0").await, 200);
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_unknown_names_evicts_no_tenant() {
    let limits = CacheLimits::default().capacity(100).loads(1000);
    let receiver = Receiver::slow(limits, known);
    for n in 0..20 {
        assert_eq!(receiver.status(&format!("acme-{n}")).await, 200);
    }
    for wave in 0..10 {
        let calls = (0..500).map(|n| receiver.send(&format!("unknown-{wave}-{n}")));
        join_all(calls).await;
    }
    let before = receiver.loads();
    for n in 0..20 {
        assert_eq!(receiver.status(&format!("acme-{n}")).await, 200);
    }
    assert_eq!(receiver.loads(), before);
    assert!(receiver.handle.remembered() <= 200);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_is_empty_or_too_long_is_not_looked_up() {
    let receiver = Receiver::slow(CacheLimits::default().name_bytes(10), known);
    for tenant in ["", "acme-567890", &"a".repeat(5000)] {
        assert_eq!(receiver.status(tenant).await, 401, "{tenant}");
    }
    assert_eq!(receiver.loads(), 0);
    assert_eq!(receiver.status("acme-56789").await, 200);
}

#[tokio::test(start_paused = true)]
async fn an_invalidated_tenant_is_loaded_again_and_no_other() {
    let key = Arc::new(Mutex::new("acme-old"));
    let current = Arc::clone(&key);
    let receiver = Receiver::slow(CacheLimits::default(), move |tenant| match tenant {
        "acme-old" | "acme-new" => Ok(Some(secret(*current.lock().expect("no panic")).into())),
        tenant => known(tenant),
    });
    assert_eq!(receiver.status("acme-old").await, 200);
    assert_eq!(receiver.status("acme-2").await, 200);
    assert_eq!(receiver.status("initech").await, 401);
    *key.lock().expect("no panic") = "acme-new";
    // Without an invalidation the old key is accepted until the time to live is over.
    assert_eq!(receiver.status("acme-old").await, 200);
    receiver.handle.invalidate("acme-old");
    assert_eq!(receiver.status("acme-old").await, 401);
    assert_eq!(receiver.loads(), 4);
    assert_eq!(receiver.status("acme-2").await, 200);
    assert_eq!(receiver.loads(), 4);
    // An unknown tenant that was created.
    receiver.handle.invalidate("initech");
    assert_eq!(receiver.status("initech").await, 401);
    assert_eq!(receiver.loads(), 5);
    receiver.handle.invalidate_all();
    assert_eq!(receiver.handle.remembered(), 0);
    assert_eq!(receiver.status("acme-2").await, 200);
    assert_eq!(receiver.loads(), 6);
}

/// Its result may be the key that was just revoked.
#[tokio::test(start_paused = true)]
async fn a_look_up_that_ran_during_an_invalidation_is_not_remembered() {
    let revoked = Arc::new(Mutex::new(false));
    let state = Arc::clone(&revoked);
    let receiver = Receiver::new(CacheLimits::default(), move |tenant| {
        // The database is read at the beginning, and answers late.
        let found = if *state.lock().expect("no panic") {
            Ok(None)
        } else {
            known(&tenant)
        };
        async move {
            sleep(Duration::from_millis(50)).await;
            found
        }
    });
    for all in [false, true] {
        *revoked.lock().expect("no panic") = false;
        receiver.handle.invalidate_all();
        let waits = tokio::spawn(receiver.send("acme"));
        sleep(Duration::from_millis(10)).await;
        *revoked.lock().expect("no panic") = true;
        if all {
            receiver.handle.invalidate_all();
        } else {
            receiver.handle.invalidate("acme");
        }
        // A delivery that comes after the invalidation begins a look-up of its own.
        assert_eq!(receiver.status("acme").await, 401);
        assert_eq!(waits.await.expect("no panic").status(), 200);
        assert_eq!(
            receiver.status("acme").await,
            401,
            "the revoked key was remembered"
        );
    }
}

/// The first look-up is invalidated, and ends while the second one runs.
#[tokio::test(start_paused = true)]
async fn the_end_of_an_invalidated_look_up_does_not_end_the_one_that_took_its_place() {
    let receiver = Receiver::slow(CacheLimits::default(), known);
    let first = tokio::spawn(receiver.send("acme"));
    sleep(Duration::from_millis(30)).await;
    receiver.handle.invalidate("acme");
    let second = tokio::spawn(receiver.send("acme"));
    assert_eq!(first.await.expect("no panic").status(), 200);
    // The second look-up takes 30 ms more. This delivery waits for it too, and its result is remembered.
    assert_eq!(receiver.status("acme").await, 200);
    assert_eq!(second.await.expect("no panic").status(), 200);
    assert_eq!(receiver.status("acme").await, 200);
    assert_eq!(receiver.loads(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_look_up_that_panics_gets_503_and_the_next_one_begins_again() {
    let panics = Arc::new(AtomicUsize::new(1));
    let left = Arc::clone(&panics);
    let receiver = Receiver::slow(CacheLimits::default(), move |tenant| {
        assert_eq!(left.swap(0, Ordering::SeqCst), 0, "a panic on purpose");
        known(tenant)
    });
    assert_eq!(receiver.statuses("acme", 3).await, [503; 3]);
    assert_eq!(receiver.status("acme").await, 200);
}

/// A closure that invalidates must not find the cache locked.
#[tokio::test(start_paused = true)]
async fn a_look_up_may_use_the_handle() {
    let handle: Arc<Mutex<Option<TenantKeysHandle>>> = Arc::default();
    let inside = Arc::clone(&handle);
    let receiver = Receiver::new(CacheLimits::default(), move |tenant| {
        let handle = inside.lock().expect("no panic").clone().expect("a handle");
        handle.invalidate("another");
        async move { known(&tenant) }
    });
    *handle.lock().expect("no panic") = Some(receiver.handle.clone());
    assert_eq!(receiver.status("acme").await, 200);
}

#[test]
fn outside_of_a_tokio_runtime_there_is_no_deadline() {
    let receiver = Receiver::new(
        CacheLimits::default(),
        |tenant| async move { known(&tenant) },
    );
    assert_eq!(futures_executor::block_on(receiver.status("acme")), 200);
}

#[tokio::test]
async fn a_delivery_can_select_the_keys_of_the_provider() {
    let whose = |delivery: Unverified<'_>| match delivery.uri().path() {
        "/own" => Selection::Own,
        _ => Selection::LookUp("acme".to_owned()),
    };
    let keys = TenantKeys::new(whose, |tenant: String| async move { known(&tenant) });
    let github = provider::github(secret("the provider"));
    let service = WebhookAuthLayer::new(github.clone())
        .keys_from(keys)
        .layer(Inner::default());
    for (path, signed_by, status) in [
        ("/own", "the provider", 200),
        ("/own", "acme", 401),
        ("/w/acme", "acme", 200),
        ("/w/acme", "the provider", 401),
    ] {
        let signer = Signer::new(&github, &secret(signed_by)).expect("a signer");
        let mut request = signer.request("{}");
        *request.uri_mut() = path.parse().expect("a path");
        let response = service.clone().oneshot(request).await.expect("infallible");
        assert_eq!(response.status(), status, "{path} {signed_by}");
    }
}

#[test]
fn nothing_prints_a_secret() {
    let keys = TenantKeys::new(by_path, |tenant: String| async move { known(&tenant) });
    let printed = format!("{keys:?} {:?}", keys.handle());
    assert!(
        printed.contains("TenantKeysHandle { remembered: 0"),
        "{printed}"
    );
    assert!(printed.contains("capacity: 10000"), "{printed}");
    assert!(!printed.contains(" secret"), "{printed}");

    let printed: Arc<Mutex<String>> = Arc::default();
    let printer = Arc::clone(&printed);
    let printing = move |delivery: Unverified<'_>| {
        let selection = keys.select(delivery);
        *printer.lock().expect("no panic") = format!("{selection:?}");
        selection
    };
    let github = provider::github(secret("the provider"));
    let request = Signer::new(&github, &secret("acme")).expect("a signer");
    let mut request = request.request("{}");
    *request.uri_mut() = "/w/acme".parse().expect("a path");
    let service = WebhookAuthLayer::new(github).keys_from(printing);
    let response = service.layer(Inner::default()).oneshot(request);
    let response = futures_executor::block_on(response).expect("infallible");
    assert_eq!(response.status(), 200);
    let printed = printed.lock().expect("no panic");
    assert_eq!(*printed, "LookUp(TenantLookup { .. })");
}

/// An untrusted client invents names, and each look-up would be a request to another service.
#[tokio::test(start_paused = true)]
async fn look_ups_that_find_nothing_are_bounded_for_each_minute() {
    let limits = CacheLimits::default().unknown_per_minute(3);
    let receiver = Receiver::slow(limits, known);
    assert_eq!(receiver.status("acme").await, 200);
    for name in ["a", "b", "c"] {
        assert_eq!(receiver.status(name).await, 401);
    }
    assert_eq!(receiver.looked_up(), 4);
    // One more gets 503, as does a new name that is known. Both can be sent again.
    for name in ["d", "e", "acme-2"] {
        assert_eq!(receiver.status(name).await, 503, "{name}");
    }
    assert_eq!(receiver.looked_up(), 4);
    // What is remembered is used, and a known name is looked up again.
    assert_eq!(receiver.status("a").await, 401);
    assert_eq!(receiver.status("acme").await, 200);
    receiver.handle.invalidate("a");
    advance(Duration::from_secs(59)).await;
    assert_eq!(receiver.status("d").await, 503);
    advance(Duration::from_secs(1)).await;
    assert_eq!(receiver.status("acme").await, 200, "no longer fresh");
    // A look-up that finds keys does not count.
    for name in ["acme-2", "acme-3", "acme-4", "acme-5", "d", "e", "f"] {
        let expected = if name.starts_with("acme") { 200 } else { 401 };
        assert_eq!(receiver.status(name).await, expected, "{name}");
    }
    assert_eq!(receiver.status("g").await, 503);
    assert_eq!(receiver.status("acme-5").await, 200);
}

/// Look-ups at the same time are counted when they begin.
#[tokio::test(start_paused = true)]
async fn many_unknown_names_at_once_are_bounded() {
    let limits = CacheLimits::default().unknown_per_minute(5);
    let receiver = Receiver::slow(limits, known);
    let names: Vec<String> = (0..50).map(|name| format!("n-{name}")).collect();
    let answers = join_all(names.iter().map(|name| receiver.send(name))).await;
    let unknown = answers
        .iter()
        .filter(|answer| answer.status() == 401)
        .count();
    assert_eq!((unknown, receiver.looked_up()), (5, 5));
}
