//! tower-webhook-auth next to the other tower layers that verify webhooks, in one process.
//!
//! ```sh
//! cargo run --release --manifest-path benches/peers/Cargo.toml             # time, loopback
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- time
//! cargo run --release --manifest-path benches/peers/Cargo.toml --bin memory
//! benches/peers/instructions.sh                                            # needs valgrind
//! ```
//!
//! Every receiver wraps the same service, gets the same request, and hands on the body as bytes. A row has only the
//! receivers that can do its work.

mod frames;
mod loopback;
mod receivers;
mod rows;
mod time;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {
            time::table(&rows::all());
            println!();
            loopback::table();
        }
        ["time"] => time::table(&rows::all()),
        ["time", part] => {
            let mut rows = rows::all();
            rows.retain(|row| row.name.contains(part));
            time::table(&rows);
        }
        ["loopback"] => loopback::table(),
        ["list"] => {
            for row in rows::all() {
                for (receiver, _) in &row.receivers {
                    println!("{}\t{receiver}", row.name);
                }
            }
        }
        ["once", name, receiver] => once(name, receiver),
        _ => eprintln!("usage: peers [time [PART OF A ROW] | loopback | list | once ROW RECEIVER]"),
    }
}

/// One delivery, for a counter or a profiler around `measured`.
fn once(name: &str, receiver: &str) {
    let rows = rows::all();
    let row = rows
        .iter()
        .find(|row| row.name == name)
        .expect("a row of this name");
    let (_, receive) = row
        .receivers
        .iter()
        .find(|(known, _)| *known == receiver)
        .expect("a receiver of this name");
    let request = row.request.clone();
    measured(&mut Some((receive, request)));
}

/// The counter is switched on at its entry and off at its return.
#[inline(never)]
fn measured(delivery: &mut Option<(&receivers::Receiver, http::Request<frames::Frames>)>) {
    if let Some((receive, request)) = delivery.take() {
        std::hint::black_box(receive(request));
    }
}
