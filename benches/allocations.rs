//! Allocations per delivery, a growth counted as one, and the bytes that they came to in all.

mod cases;

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() {
    println!("| case | floor | by hand | layer | bytes: floor | by hand | layer |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    for case in cases::NAMES.map(cases::case) {
        let counted = case.receivers().map(|(_, receive)| {
            let request = case.request.clone();
            let region = Region::new(ALLOCATOR);
            receive(request);
            let change = region.change();
            (
                change.allocations + change.reallocations,
                change.bytes_allocated,
            )
        });
        let [
            (floor, floor_bytes),
            (hand, hand_bytes),
            (layer, layer_bytes),
        ] = counted;
        println!(
            "| {} | {floor} | {hand} | {layer} | {floor_bytes} | {hand_bytes} | {layer_bytes} |",
            case.name
        );
    }
}
