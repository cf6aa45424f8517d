use std::io::{self, Write};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use super::memory::Memory;
use super::{Lines, MAX_BUFFERED_BYTES};

/// Long enough never to be the reason that a test fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// A sink whose first write says that it has begun and then waits to be let go.
struct Stuck {
    begun: Sender<()>,
    go: Receiver<()>,
    memory: Memory,
    released: bool,
}

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.released {
            self.begun.send(()).unwrap();
            self.go.recv().unwrap();
            self.released = true;
        }
        self.memory.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn append(lines: &Lines, text: &str) {
    lines.append(UNIX_EPOCH, |out, _stamp| {
        out.extend_from_slice(text.as_bytes());
        out.push(b'\n');
    });
}

#[test]
fn a_flush_returns_when_every_line_appended_before_it_is_written() {
    let memory = Memory::default();
    let lines = Lines::start(memory.clone()).unwrap();
    append(&lines, "one");
    super::LineWriter(&lines).write_all(b"two\n").unwrap();
    assert!(lines.flush(PATIENCE));
    assert_eq!(memory.text(), "one\ntwo\n");
    assert_eq!(lines.dropped().get(), 0);
}

#[test]
fn lines_of_many_threads_are_never_torn_and_keep_their_order() {
    const LINES: usize = 5_000;
    let memory = Memory::default();
    let lines = Lines::start(memory.clone()).unwrap();
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let lines = lines.clone();
            thread::spawn(move || (0..LINES).for_each(|n| append(&lines, &format!("{thread} {n}"))))
        })
        .collect();
    threads.into_iter().for_each(|t| t.join().unwrap());
    assert!(lines.flush(PATIENCE));
    assert_eq!(lines.dropped().get(), 0);
    let mut next = [0; 4];
    for line in memory.text().lines() {
        let (thread, n) = line.split_once(' ').unwrap();
        let next = &mut next[thread.parse::<usize>().unwrap()];
        assert_eq!(n.parse(), Ok(*next));
        *next += 1;
    }
    assert_eq!(next, [LINES; 4]);
}

#[test]
fn a_stuck_reader_costs_lines_that_are_counted_and_nobody_waits() {
    let (memory, (begun, has_begun), (release, go)) =
        (Memory::default(), mpsc::channel(), mpsc::channel());
    let lines = Lines::start(Stuck {
        begun,
        go,
        memory: memory.clone(),
        released: false,
    })
    .unwrap();
    append(&lines, "first");
    has_begun.recv_timeout(PATIENCE).unwrap();

    let kibibyte = "x".repeat(1023);
    (0..1500).for_each(|_| append(&lines, &kibibyte));
    assert!(!lines.flush(Duration::from_millis(1)), "the sink is stuck");
    assert_eq!(lines.dropped().get(), 1500 - 1024);
    assert!(memory.text().is_empty());

    release.send(()).unwrap();
    assert!(lines.flush(PATIENCE));
    assert_eq!(memory.text().len(), "first\n".len() + MAX_BUFFERED_BYTES);
    append(&lines, "last");
    assert!(lines.flush(PATIENCE));
    assert!(memory.text().ends_with("x\nlast\n"), "lines flow again");
    assert_eq!(lines.dropped().get(), 1500 - 1024);
}

#[test]
fn a_sink_that_fails_has_its_lines_counted_as_dropped() {
    struct Broken;
    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }
    let lines = Lines::start(Broken).unwrap();
    append(&lines, "one");
    append(&lines, "two");
    assert!(lines.flush(PATIENCE));
    assert_eq!(lines.dropped().get(), 2);
}

#[test]
fn what_is_left_is_written_when_the_last_handle_goes() {
    struct TellsWhenDropped(Memory, Sender<()>);
    impl Write for TellsWhenDropped {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    impl Drop for TellsWhenDropped {
        fn drop(&mut self) {
            let _ = self.1.send(());
        }
    }
    let (memory, (ended, has_ended)) = (Memory::default(), mpsc::channel());
    let lines = Lines::start(TellsWhenDropped(memory.clone(), ended)).unwrap();
    append(&lines, "parting words");
    drop(lines);
    has_ended.recv_timeout(PATIENCE).unwrap();
    assert_eq!(memory.text(), "parting words\n");
}
