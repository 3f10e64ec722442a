//! Time per delivery. `ratios.sh` runs it several times and makes ratios of it.

mod cases;

fn main() {
    divan::main();
}

/// A module for each case, so that its three figures are taken one after the other.
macro_rules! cases {
    ($($module:ident $name:literal)*) => {$(
        mod $module {
            use divan::Bencher;

            #[divan::bench]
            fn floor(bencher: Bencher<'_, '_>) {
                super::bench(bencher, $name, 0);
            }

            #[divan::bench]
            fn hand(bencher: Bencher<'_, '_>) {
                super::bench(bencher, $name, 1);
            }

            #[divan::bench]
            fn layer(bencher: Bencher<'_, '_>) {
                super::bench(bencher, $name, 2);
            }
        }
    )*};
}

cases! {
    optimizely "optimizely"
    optimizely_4_keys "optimizely, 4 keys"
    rejected_after_the_body "rejected after the body"
    rejected_from_the_head "rejected from the head"
    vwo "vwo"
    vwo_rejected "vwo rejected"
    standard_webhooks "standard webhooks"
    standard_webhooks_16 "standard webhooks, 16"
    stripe "stripe"
    stripe_16 "stripe, 16"
    github_300_b "github 300 B"
    github_20_kb "github 20 kB"
    github_20_kb_in_frames "github 20 kB in frames"
    github_1_mib "github 1 MiB"
    github_1_mib_in_frames "github 1 MiB in frames"
    raw_1_mib_in_frames "raw 1 MiB in frames"
}

fn bench(bencher: divan::Bencher<'_, '_>, name: &'static str, way: usize) {
    let case = cases::case(name);
    let (_, receive) = case.receivers()[way];
    bencher
        .with_inputs(|| case.request.clone())
        .bench_local_values(receive);
}
