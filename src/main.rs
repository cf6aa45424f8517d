//! The `jobgate` command: reads the command line, then hands over to one file a command.

mod cli;

use std::process::ExitCode;

use clap::Parser as _;

/// The hit path allocates a handful of small things per request, most of them freed on the same thread.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::run(cli::Cli::parse())
}
