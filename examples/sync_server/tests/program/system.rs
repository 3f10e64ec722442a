//! What the system does to the program: signals to process 1, and a wall clock that jumps.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    process::Command,
    thread::sleep,
    time::Duration,
};

use tempfile::tempdir;

use crate::{
    server::{PROGRAM, Server, eventually, optimizely},
    source::{Answer, Source},
};

fn signal(pid: &str, name: &str) {
    let sent = Command::new("kill").args(["-s", name, pid]).status();
    assert!(sent.expect("kill runs").success());
}

#[test]
fn as_process_1_it_stops_in_time_and_at_once_after_a_second_signal() {
    let unshare = || {
        let mut command = Command::new("unshare");
        let options = [
            "--user",
            "--map-root-user",
            "--pid",
            "--fork",
            "--kill-child",
        ];
        command.args(options);
        command
    };
    if !unshare()
        .arg("true")
        .output()
        .is_ok_and(|output| output.status.success())
    {
        println!("left out: unshare cannot make a process namespace here");
        return;
    }
    for (signals, most) in [(1, 4), (2, 1)] {
        let folder = tempdir().expect("a folder");
        let source = Source::start(Answer::Datafile(13));
        let config = optimizely(folder.path(), &source).replace("drain = \"5s\"", "drain = \"2s\"");
        let mut command = unshare();
        command.arg(PROGRAM);
        let server = Server::start_with(folder.path(), &config, command);
        eventually("the first datafile", || server.revision() == Some(13));
        // A download that hangs, a client that is silent, and a connection that is idle.
        source.answer(Answer::Hang);
        server.deliver(14);
        eventually("a hanging request", || source.requests().len() > 1);
        let mut silent = TcpStream::connect(&server.hooks).expect("a connection");
        silent.write_all(b"POST /webhooks").expect("sent");
        let mut idle = TcpStream::connect(&server.api).expect("a connection");
        let head = b"GET / HTTP/1.1\r\nhost: test\r\n\r\n";
        idle.write_all(head).expect("sent");
        assert!(idle.read(&mut [0; 256]).expect("a response") > 0);

        let outer = server.pid();
        let children = format!("/proc/{outer}/task/{outer}/children");
        let children = fs::read_to_string(children).expect("the children of a process");
        let pid = children.split_whitespace().next().expect("the program");
        let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("its status");
        let pids = status.lines().find(|line| line.starts_with("NSpid:"));
        assert!(pids.is_some_and(|pids| pids.ends_with("\t1")), "{pids:?}");
        signal(pid, "TERM");
        if signals == 2 {
            eventually("the first signal is there", || {
                server.log().contains("stopping")
            });
            signal(pid, "TERM");
        }
        // `unshare` returns the exit code of the program.
        let took = server.ended();
        println!("{signals} signals: exit code 0 after {took:?}");
        assert!(took < Duration::from_secs(most), "{took:?}");
    }
}

#[test]
fn a_wall_clock_that_jumps_a_day_changes_nothing() {
    let library = ["x86_64-linux-gnu", "aarch64-linux-gnu"]
        .map(|machine| format!("/usr/lib/{machine}/faketime/libfaketimeMT.so.1"))
        .into_iter()
        .find(|library| Path::new(library).exists());
    let Some(library) = library else {
        println!("left out: libfaketime is not installed");
        return;
    };
    let folder = tempdir().expect("a folder");
    let clock = folder.path().join("clock");
    let jump = |by: &str| fs::write(&clock, by).expect("a file");
    jump("+0");
    let source = Source::start(Answer::Datafile(13));
    let config = optimizely(folder.path(), &source)
        .replace("[sync]", "[sync]\npoll = \"1s\"\nstale_after = \"1h\"");
    let mut command = Command::new(PROGRAM);
    command
        .env("LD_PRELOAD", library)
        .env("FAKETIME_TIMESTAMP_FILE", &clock)
        .env("FAKETIME_NO_CACHE", "1")
        // As with a real jump, only the wall clock changes.
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    let server = Server::start_with(folder.path(), &config, command);
    eventually("the first datafile", || server.revision() == Some(13));
    let mut revision = 13;
    let day = |log: &str| -> Option<String> { log.lines().last()?.get(..10).map(str::to_owned) };
    let mut days = vec![day(&server.log())];
    for by in ["+1d", "-1d"] {
        jump(by);
        let before = source.requests().len();
        sleep(Duration::from_secs(3));
        let polls = source.requests().len() - before;
        assert!((1..=5).contains(&polls), "{by}: {polls} polls in 3 seconds");
        let (_, lines) = server.ready();
        assert!(
            lines.ends_with("optimizely QMVJcUKE Ready\n"),
            "{by}: {lines}"
        );
        revision += 1;
        source.answer(Answer::Datafile(revision));
        assert_eq!(server.deliver(revision), 200);
        eventually("the new datafile", || server.revision() == Some(revision));
        eventually("its line in the log", || {
            server.log().contains(&format!("to=Some({revision})"))
        });
        days.push(day(&server.log()));
    }
    // The clock did jump: the lines of the log have three dates.
    days.sort();
    days.dedup();
    assert_eq!(days.len(), 3, "{days:?}");
}
