//! Output that never waits for its reader.
//!
//! `println!` waits when the reader of a pipe has stopped reading, and panics when the reader has ended.
//! In a handler both would stop the service. Here a thread writes the lines. If 1,024 lines wait for the
//! thread, further lines are left out, and their number is printed later.

use std::{
    fmt,
    io::{self, Write},
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};

const MOST_LINES: usize = 1024;

/// A line for standard output.
#[macro_export]
macro_rules! say {
    ($($line:tt)*) => { $crate::output::write(format_args!($($line)*)) };
}

/// See [`say!`](crate::say).
pub fn write(line: fmt::Arguments<'_>) {
    STDOUT.get_or_init(|| Lines::start(io::stdout())).line(line);
}

/// A line for standard error.
pub fn write_error(line: fmt::Arguments<'_>) {
    stderr().line(line);
}

/// Writes the library's `tracing` events to standard error, from the level `INFO` on.
///
/// The library limits how many events a client can cause.
pub fn log() {
    tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(|| Stderr)
        .init();
}

/// As [`log`], with one JSON object per line.
#[cfg(feature = "json")]
pub fn log_json() {
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_writer(|| Stderr)
        .init();
}

/// Waits until what was written before is out, but at most one second for each stream.
pub fn flush() {
    for lines in [STDOUT.get(), STDERR.get()].into_iter().flatten() {
        lines.flush();
    }
}

static STDOUT: OnceLock<Lines> = OnceLock::new();
static STDERR: OnceLock<Lines> = OnceLock::new();

fn stderr() -> &'static Lines {
    STDERR.get_or_init(|| Lines::start(io::stderr()))
}

struct Lines {
    queue: SyncSender<Message>,
    left_out: &'static AtomicU64,
}

enum Message {
    Line(Vec<u8>),
    Flushed(SyncSender<()>),
}

impl Lines {
    /// Called once for each stream, so the counter lives as long as the program.
    fn start(to: impl Write + Send + 'static) -> Self {
        let (queue, messages) = sync_channel(MOST_LINES);
        let left_out = Box::leak(Box::new(AtomicU64::new(0)));
        thread::spawn(|| copy(messages, left_out, to));
        Self { queue, left_out }
    }

    fn line(&self, line: fmt::Arguments<'_>) {
        self.bytes(format!("{line}\n").into_bytes());
    }

    fn bytes(&self, line: Vec<u8>) {
        if self.queue.try_send(Message::Line(line)).is_err() {
            self.left_out.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn flush(&self) {
        let (flushed, wait) = sync_channel(1);
        if self.queue.try_send(Message::Flushed(flushed)).is_ok() {
            let _ = wait.recv_timeout(Duration::from_secs(1));
        }
    }
}

fn copy(messages: Receiver<Message>, left_out: &AtomicU64, mut to: impl Write) {
    for message in messages {
        // An error means that the reader has ended. The program continues without it.
        match message {
            Message::Line(line) => {
                let _ = to.write_all(&line);
            }
            Message::Flushed(flushed) => {
                let _ = flushed.send(());
            }
        }
        let lines = left_out.swap(0, Ordering::Relaxed);
        if lines > 0 {
            let _ = writeln!(
                to,
                "{lines} lines were left out: the output is read too slowly"
            );
        }
        let _ = to.flush();
    }
}

struct Stderr;

impl Write for Stderr {
    /// The subscriber writes one whole event at a time.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        stderr().bytes(event.to_vec());
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    /// A reader that takes nothing until it is told to.
    struct Stalled {
        go: Receiver<()>,
        went: bool,
        out: std::sync::mpsc::Sender<Vec<u8>>,
    }

    impl Write for Stalled {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if !self.went {
                self.went = true;
                let _ = self.go.recv();
            }
            let _ = self.out.send(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_stalled_reader_stops_no_writer_and_learns_how_many_lines_were_left_out() {
        let ((go, told), (out, written)) = (channel(), channel());
        let lines = Lines::start(Stalled {
            go: told,
            went: false,
            out,
        });
        for number in 0..5000 {
            lines.line(format_args!("line {number}"));
        }
        go.send(()).expect("the thread waits");
        drop(lines);
        let written: Vec<u8> = written.iter().flatten().collect();
        let text = String::from_utf8(written).expect("text");
        let kept = text
            .lines()
            .filter(|line| line.starts_with("line "))
            .count();
        let left_out: usize = text
            .lines()
            .filter_map(|line| line.split_once(" lines were left out"))
            .map(|(count, _)| count.parse::<usize>().expect("a number"))
            .sum();
        assert_eq!(kept + left_out, 5000);
        assert!(
            (MOST_LINES..=MOST_LINES + 1).contains(&kept),
            "{kept} lines"
        );
    }
}
