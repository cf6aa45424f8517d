//! `jobgate check`: is the configuration good? It needs no secrets and reaches nothing, so it can run where they are
//! not; what it finds missing here and now is a warning. With `--live` upstream is tried as well, see [`live`].

use std::io::Write as _;

use jobgate::clock::Clock;
use jobgate::config::{
    self, AuthMode, BudgetMode, BudgetSettings, ClientSettings, CredentialSettings, SecretSource,
    Settings, SweepMode, UpstreamFrom,
};
use jobgate::credential::{AdminToken, ClientSecrets, Credential, CredentialFault};
use jobgate::policy::forecast::{Forecast, Verdict};
use jobgate::server::Tls;

use super::replay::{read, rules};
use super::{CheckArgs, Failed, live};

pub(super) fn check(args: &CheckArgs) -> Result<(), Failed> {
    let checked = config::load(
        Some(&args.config),
        UpstreamFrom::Configuration,
        std::env::vars_os(),
    )?;
    let settings = &checked.settings;
    let forecast = forecast(args, settings)?;
    let mut out = std::io::stdout().lock();
    for warning in checked
        .warnings
        .iter()
        .cloned()
        .chain(missing_here(settings))
        .chain(forecast.as_ref().and_then(exceeded))
    {
        writeln!(out, "warning: {warning}")?;
    }
    writeln!(out, "{} is good", args.config.display())?;
    writeln!(out, "{}", summary(settings))?;
    if let Some(forecast) = forecast {
        writeln!(out, "  forecast    {forecast}")?;
    }
    drop(out);
    if args.live {
        live::prove(settings, args.job)?;
    }
    Ok(())
}

/// What the recorded demand needs, if a log is given.
fn forecast(args: &CheckArgs, settings: &Settings) -> Result<Option<Forecast>, Failed> {
    if args.logs.is_empty() {
        return Ok(None);
    }
    let trace = read(&args.logs, settings)?;
    Ok(Some(trace.forecast(&rules(settings))))
}

fn exceeded(forecast: &Forecast) -> Option<String> {
    let is_exceeded = forecast.verdict() == Verdict::Exceeded;
    is_exceeded.then(|| {
        "the recorded log has more first asks than budget.requests allows calls: clients would be refused".to_owned()
    })
}

/// Who serves whom, in a few lines.
pub(super) fn summary(settings: &Settings) -> String {
    let scheme = if settings.server.tls.is_some() {
        "https"
    } else {
        "http"
    };
    let credential = match settings.upstream.credential {
        CredentialSettings::AkSk { .. } => "aksk (requests are signed)",
        CredentialSettings::KeysFile { .. } => "aksk from a file (requests are signed)",
        CredentialSettings::Token(_) => "token",
        CredentialSettings::Password(_) => "password (tokens from IAM)",
        CredentialSettings::Metadata { .. } => "metadata (temporary keys of the cloud server)",
    };
    let who = match settings.auth.mode {
        AuthMode::Open => "anybody who can connect (auth.mode asks for no key)".to_owned(),
        AuthMode::Keys => {
            let names: Vec<_> = settings
                .auth
                .clients
                .iter()
                .map(|client| client.name.as_str())
                .collect();
            format!("clients with a key: {}", names.join(", "))
        }
    };
    let admin = settings
        .admin
        .listen
        .map_or("off".to_owned(), |addr| format!("http://{addr}"));
    format!(
        "  clients     {scheme}://{}{}\n  admin       {admin}\n  upstream    {}\n  credential  {credential}\n  budget      {}\n  who may ask {who}",
        settings.server.listen,
        settings.server.base_path,
        settings.upstream.endpoint,
        budget(&settings.budget),
    )
}

/// How many calls, and what decides where they go.
fn budget(settings: &BudgetSettings) -> String {
    let BudgetSettings {
        requests, window, ..
    } = settings;
    let mode = match settings.mode {
        BudgetMode::Budget => "budget",
        BudgetMode::Ttl => "ttl",
    };
    let sweep = match settings.sweep.mode {
        SweepMode::Auto => "auto",
        SweepMode::Recent => "recent",
        SweepMode::Projects => "projects",
        SweepMode::Off => return format!("{requests} calls in {window:?}, mode {mode}"),
    };
    let lists = settings.sweep.requests;
    format!(
        "{requests} calls in {window:?}, mode {mode}; sweep {sweep}, at most {lists} lists in {window:?}"
    )
}

fn missing_here(settings: &Settings) -> Vec<String> {
    let env = |name: &str| std::env::var(name).ok();
    let credential = Credential::open(&settings.upstream, &env, &Clock::system());
    let credential = credential
        .err()
        .map(|fault| format!("upstream.credential: {:#}", anyhow::Error::new(fault)));
    let tls = settings
        .server
        .tls
        .as_ref()
        .and_then(|tls| Tls::load(tls).err());
    let tls = tls.map(|fault| format!("server.tls: {:#}", anyhow::Error::new(fault)));
    let token = settings.admin.listen.and(settings.admin.token.as_ref());
    let token = token.and_then(|source| {
        let fault = AdminToken::open(source, &|name| std::env::var(name).ok()).err()?;
        Some(format!("{:#}", of_token(source, fault)))
    });
    let secrets = settings.auth.clients.iter().filter_map(client_secret);
    let missing = credential.into_iter().chain(tls).chain(token);
    missing.chain(secrets).collect()
}

/// What is wrong with the secrets of a client, in the words of a start.
fn client_secret(client: &ClientSettings) -> Option<String> {
    let env = |name: &str| std::env::var(name).ok();
    let fault = ClientSecrets::open(std::slice::from_ref(client), &env).err()?;
    Some(format!("{:#}", anyhow::Error::new(fault)))
}

/// What is wrong with the admin token, by the key that says where it is.
pub(super) fn of_token(source: &SecretSource, fault: CredentialFault) -> anyhow::Error {
    anyhow::Error::new(fault).context(source.key("admin.token"))
}
