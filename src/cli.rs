//! The command line. Its help texts are for someone who has never seen the program.
//!
//! Exit codes: 0 done · 1 it could not be done (the reason is on standard error) · 2 the command line or the
//! configuration is wrong and must be changed first.

mod admin;
mod check;
mod explain;
mod invalidate;
mod key;
mod live;
mod replay;
mod running;
mod sandbox;
mod serve;
mod sheet;
mod stats;
mod terminal;

use std::io::Write as _;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};
use http::Uri;
use jobgate::config::Faults;
use jobgate::policy::job::JobId;
use jobgate::policy::replay::Mode;

/// A caching gateway in front of CodeArts Build job info.
///
/// Tools ask the gateway instead of the cloud. It holds the one real credential, answers from memory whenever it may,
/// and spends the small upstream call quota where it is needed.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Try it without an account:   jobgate serve --sandbox
Exit codes: 0 done, 1 could not be done, 2 the command line or the configuration is wrong.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve clients until SIGINT or SIGTERM, then drain and end.
    ///
    /// Every key of the configuration file outside [[clients]] can be overridden by an environment variable
    /// `JOBGATE_SECTION__KEY`, for example `JOBGATE_SERVER__LISTEN=127.0.0.1:8081`. The log goes to standard output, what is meant for a person to
    /// standard error.
    Serve(ServeArgs),
    /// Check a configuration file, and say everything that is wrong with it at once.
    ///
    /// Without --live it reaches nothing and needs no secrets: a credential or certificate that is missing here and now is a warning.
    /// Environment variables such as `JOBGATE_SERVER__LISTEN` count as they would for `serve`.
    Check(CheckArgs),
    /// Run the upstream double alone: a made-up CodeArts Build for testing clients.
    #[command(term_width = 0, after_long_help = jobgate::sandbox::guide())]
    // its table must not be folded
    Sandbox(SandboxArgs),
    /// Make client keys.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Say how a running gateway fares: requests, calls saved, budget, holds, what is stored.
    Stats(AdminArgs),
    /// Say why the last answer about a job was what it was, and when upstream is asked about it next.
    Explain(ExplainArgs),
    /// Make a running gateway forget what is stored of some jobs, or of all: the next request asks upstream.
    Invalidate(InvalidateArgs),
    /// Say what other settings would have made of a recorded access log: upstream calls, hits, refusals, ages of answers.
    ///
    /// The requests of the log are asked again in virtual time, and answered by the policy that serves them. Without further words the settings of the
    /// configuration are tried, half and twice their budget, and the other mode. The log must be one of `log.format = "json"` and `log.access = "all"`.
    /// The README says what such figures can know.
    Replay(ReplayArgs),
}

#[derive(Args, Debug)]
struct ServeArgs {
    /// Configuration file [default: gateway.toml; with --sandbox none]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Answer from a built-in upstream double: no account is needed. [upstream] of a configuration file is ignored.
    #[arg(long)]
    sandbox: bool,
    /// What the sandbox does to which calls, and when: see docs/sandbox.md
    #[arg(long, value_name = "FILE", requires = "sandbox")]
    scenario: Option<PathBuf>,
}

#[derive(Args, Debug)]
struct CheckArgs {
    /// Configuration file
    #[arg(long, value_name = "FILE", default_value = DEFAULT_CONFIG)]
    config: PathBuf,
    /// A recorded access log (JSON); says whether the budget would do for its requests. May be given several times.
    #[arg(long = "log", value_name = "FILE")]
    logs: Vec<PathBuf>,
    /// Also try upstream, step by step: name, connection, TLS, credential, and at most two calls that count against the quota
    #[arg(long)]
    live: bool,
    /// The job that --live asks for [default: a made-up one, which proves the credential as well]
    #[arg(long, value_name = "JOB_ID", value_parser = job_id, requires = "live")]
    job: Option<JobId>,
}

#[derive(Args, Debug)]
struct ReplayArgs {
    /// Access logs, in any order; `-` is standard input
    #[arg(required = true, value_name = "ACCESS_LOG")]
    logs: Vec<PathBuf>,
    /// Configuration file; its [budget], [cache] and [[clients]] count [default: gateway.toml, if there is one]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Try these budgets: calls in a window
    #[arg(long, value_name = "N,…", value_delimiter = ',', value_parser = calls)]
    requests: Vec<NonZeroU32>,
    /// … in such a window
    #[arg(long, value_name = "TIME", value_parser = positive)]
    window: Option<Duration>,
    /// Try these modes: budget, ttl
    #[arg(long, value_name = "MODE,…", value_delimiter = ',', value_parser = mode())]
    mode: Vec<Mode>,
    /// Try these lifetimes of finished jobs, such as 30s
    #[arg(long, value_name = "TIME,…", value_delimiter = ',', value_parser = positive)]
    ttl: Vec<Duration>,
    /// Try these lifetimes of running jobs
    #[arg(long, value_name = "TIME,…", value_delimiter = ',', value_parser = positive)]
    ttl_running: Vec<Duration>,
    /// Do not count what happens in the first so much time, in which little is stored [default: a tenth of the log]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    warm_up: Option<Duration>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args, Debug)]
struct SandboxArgs {
    /// Address to listen on
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// What is done to which calls, and when: see docs/sandbox.md
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
}

/// Which gateway, and how its answer is shown.
#[derive(Args, Debug)]
struct AdminArgs {
    /// Configuration file of the gateway; its [admin] says where to ask, and where the token is [default: gateway.toml,
    /// if there is one; with --admin none]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to ask, such as `http://127.0.0.1:9090`. The token, if one is asked for, is that of the file named with --config,
    /// else that of the environment variable `JOBGATE_ADMIN_TOKEN`.
    #[arg(long, value_name = "URL")]
    admin: Option<Uri>,
    /// Print what the admin API says, as it is
    #[arg(long)]
    json: bool,
}

#[derive(Args, Debug)]
struct ExplainArgs {
    /// The job: 32 letters and digits
    #[arg(value_parser = job_id)]
    job_id: JobId,
    #[command(flatten)]
    admin: AdminArgs,
}

#[derive(Args, Debug)]
struct InvalidateArgs {
    /// The jobs: 32 letters and digits each
    #[arg(value_name = "JOB_ID", required_unless_present = "all", value_parser = job_id)]
    job_ids: Vec<JobId>,
    /// Forget everything that is stored
    #[arg(long, conflicts_with = "job_ids")]
    all: bool,
    #[command(flatten)]
    admin: AdminArgs,
}

fn job_id(text: &str) -> Result<JobId, jobgate::error::Error> {
    JobId::parse(text)
}

fn calls(text: &str) -> Result<NonZeroU32, &'static str> {
    text.parse()
        .ok()
        .ok_or("must be a whole number of calls, at least 1")
}

/// A time that is no zero.
fn positive(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(time) if time.is_zero() => Err("must be more than nothing".to_owned()),
        Ok(time) => Ok(time),
        Err(error) => Err(error.to_string()),
    }
}

fn mode() -> impl TypedValueParser<Value = Mode> {
    let named = |name: String| match name.as_str() {
        "ttl" => Mode::Ttl,
        _ => Mode::Budget,
    };
    PossibleValuesParser::new(["budget", "ttl"]).map(named)
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Make a key for a client, and the lines for gateway.toml. The key itself is printed once and kept nowhere.
    New {
        /// Client name: 1 to 64 letters, digits, dots, dashes, underscores
        name: String,
        /// Make the secret key of a virtual AK/SK, with which an official SDK signs its requests; the access key is the name
        #[arg(long = "virtual")]
        is_virtual: bool,
    },
}

/// Read when no file is named.
const DEFAULT_CONFIG: &str = "gateway.toml";

/// Why a command ended without having done its work.
#[derive(Debug)]
enum Failed {
    /// It could not be done.
    Undone(anyhow::Error),
    /// What was asked for must be changed first.
    Wrong(String),
}

/// Runs a command to its end.
pub(crate) fn run(cli: Cli) -> ExitCode {
    let done = match cli.command {
        Command::Serve(args) => serve::serve(args),
        Command::Check(args) => check::check(&args),
        Command::Sandbox(args) => sandbox::sandbox(&args),
        Command::Key(KeyCommand::New { name, is_virtual }) => key::new(&name, is_virtual),
        Command::Stats(args) => stats::stats(&args),
        Command::Explain(args) => explain::explain(&args),
        Command::Invalidate(args) => invalidate::invalidate(&args),
        Command::Replay(args) => replay::replay(&args),
    };
    let (text, code) = match done {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failed::Undone(error)) => (format!("{error:#}"), 1),
        Err(Failed::Wrong(text)) => (text, 2),
    };
    say(&format!(
        "jobgate: {}",
        terminal::harmless_lines(text.trim_end())
    ));
    ExitCode::from(code)
}

/// Says something to the person at the terminal. Standard error, because standard output belongs to the log.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}"); // nobody may be listening
}

// === impl Failed ===

impl<E: Into<anyhow::Error>> From<E> for Failed {
    fn from(error: E) -> Self {
        let error = error.into();
        match error.downcast::<Faults>() {
            Ok(faults) => Self::Wrong(format!("the configuration is wrong\n{faults}")),
            Err(error) => Self::Undone(error),
        }
    }
}
