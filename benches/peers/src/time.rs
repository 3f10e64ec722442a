//! Time per delivery: all receivers of a row take turns in one process, and ratios are made within a round.

use std::time::Instant;

use crate::rows::Row;

/// How many rounds a row has. Each gives one figure per receiver; the table shows medians.
const ROUNDS: usize = 41;
/// How long one receiver is measured in one round, in nanoseconds.
const TURN_NANOSECONDS: u128 = 4_000_000;

pub fn table(rows: &[Row]) {
    println!("| row | receiver | median ns | ÷ floor | ÷ ours |");
    println!("| --- | --- | ---: | ---: | ---: |");
    for row in rows {
        let turns = turns(row);
        let mut figures = vec![Vec::with_capacity(ROUNDS); row.receivers.len()];
        for round in 0..ROUNDS {
            // The order changes, so that no receiver is always the first after another.
            for offset in 0..row.receivers.len() {
                let index = (round + offset) % row.receivers.len();
                figures[index].push(measure(row, index, turns[index]));
            }
        }
        let column = |name: &str| {
            row.receivers
                .iter()
                .position(|(receiver, _)| *receiver == name)
        };
        let ratio = |index: usize, base: Option<usize>| match base {
            None => "–".to_owned(),
            Some(base) => {
                let ratios = figures[index].iter().zip(&figures[base]);
                format!(
                    "{:.2}",
                    median(ratios.map(|(one, other)| one / other).collect())
                )
            }
        };
        for (index, (receiver, _)) in row.receivers.iter().enumerate() {
            println!(
                "| {} | {receiver} | {:.0} | {} | {} |",
                row.name,
                median(figures[index].clone()),
                ratio(index, column("floor")),
                ratio(index, column("ours")),
            );
        }
    }
}

/// How many deliveries make one turn of each receiver.
fn turns(row: &Row) -> Vec<u32> {
    (0..row.receivers.len())
        .map(|index| {
            let once = measure(row, index, 3).max(1.0);
            ((TURN_NANOSECONDS as f64 / once) as u32).clamp(1, 20_000)
        })
        .collect()
}

/// Nanoseconds per delivery. The requests are made before the clock starts.
fn measure(row: &Row, index: usize, deliveries: u32) -> f64 {
    let (_, receive) = &row.receivers[index];
    let requests: Vec<_> = (0..deliveries).map(|_| row.request.clone()).collect();
    let start = Instant::now();
    for request in requests {
        std::hint::black_box(receive(request));
    }
    start.elapsed().as_nanos() as f64 / f64::from(deliveries)
}

pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
