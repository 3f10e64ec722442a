//! One case in one way, once or as often as is said, for a counter or a profiler around it: see
//! `instructions.sh`.

mod cases;

use std::hint::black_box;

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|word| word != "--bench");
    let (Some(name), Some(way)) = (arguments.next(), arguments.next()) else {
        println!("{}", cases::NAMES.join("\n"));
        return;
    };
    // What is done only once, such as finding out what the processor can do, is done in here.
    let known = cases::NAMES.into_iter().find(|known| *known == name);
    let case = cases::case(known.expect("a case's name"));
    let (_, receive) = case
        .receivers()
        .into_iter()
        .find(|(known, _)| *known == way)
        .expect("floor, hand or layer");
    let times = arguments
        .next()
        .map_or(1, |times| times.parse().expect("a number"));
    for _ in 0..times {
        let mut request = Some(case.request.clone());
        measured(&mut || {
            let request = request.take().expect("called once");
            black_box(receive(request));
        });
    }
}

/// The counter is switched on at its entry and off at its return.
#[inline(never)]
fn measured(run: &mut dyn FnMut()) {
    run();
}
