//! Reads access logs.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use jobgate::config::Settings;
use jobgate::policy::replay::{Recorder, Trace};

use crate::cli::Failed;

/// Ours are below 2 KiB. What is longer is passed over and not kept.
const MAX_LINE_BYTES: u64 = 64 << 10;
/// Bytes that are read at once.
const BUFFER_BYTES: usize = 256 << 10;

/// Reads logs line by line; `-` is standard input.
pub(in crate::cli) fn read(logs: &[PathBuf], settings: &Settings) -> Result<Trace, Failed> {
    let names = settings.auth.clients.iter();
    let mut recorder = Recorder::new(names.map(|client| client.name.as_str()));
    for log in logs {
        let unreadable = || format!("cannot read {}", log.display());
        let read = if log == Path::new("-") {
            lines(io::stdin().lock(), &mut recorder)
        } else {
            let file = File::open(log).with_context(unreadable)?;
            lines(BufReader::with_capacity(BUFFER_BYTES, file), &mut recorder)
        };
        match read {
            Ok(()) => {}
            Err(Failed::Wrong(text)) => {
                return Err(Failed::Wrong(format!("{}: {text}", log.display())));
            }
            Err(Failed::Undone(error)) => return Err(error.context(unreadable()).into()),
        }
    }
    let nothing = || anyhow!("there is no request for a job in the log").into();
    recorder.finish().ok_or_else(nothing)
}

fn lines(mut log: impl BufRead, recorder: &mut Recorder) -> Result<(), Failed> {
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = log
            .by_ref()
            .take(MAX_LINE_BYTES)
            .read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(());
        }
        let is_whole = line.ends_with(b"\n") || (read as u64) < MAX_LINE_BYTES;
        if is_whole {
            let taken = recorder.line(&line);
            taken.map_err(|fault| Failed::Wrong(fault.to_string()))?;
        } else {
            recorder.skip();
            log.skip_until(b'\n')?;
        }
    }
}
