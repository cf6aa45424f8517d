//! What `gateway.toml` may say: every key of it, with its type, and nothing about whether the value makes sense.
//!
//! The structs mirror the file. Keys whose feature does not exist yet are here too, so that they are refused by name
//! and not as unknown. Unknown keys are found by the caller (`serde_ignored`), which is why nothing here denies them.
//! `docs/gateway.schema.json` is made from these structs in a test, so the program itself carries nothing of it.

use std::net::SocketAddr;

use serde::Deserialize;
use serde_aux::serde_introspection::serde_introspect;

use super::item::{Item, Pace, Rate, Size, SocketOrOff, Time, Value};

/// A key that may be left out.
pub(super) type Key<T> = Option<Item<T>>;

/// A section's path, and how to get the names of its keys.
pub(super) type Section = (&'static str, fn() -> &'static [&'static str]);

/// Each section's path and the names of its keys, taken from the structs below.
pub(super) const SECTIONS: [Section; 13] = [
    ("", serde_introspect::<RawFile>),
    ("server", serde_introspect::<RawServer>),
    ("server.tls", serde_introspect::<RawTls>),
    ("admin", serde_introspect::<RawAdmin>),
    ("upstream", serde_introspect::<RawUpstream>),
    ("upstream.credential", serde_introspect::<RawCredential>),
    ("cache", serde_introspect::<RawCache>),
    ("budget", serde_introspect::<RawBudget>),
    ("budget.sweep", serde_introspect::<RawSweep>),
    ("store", serde_introspect::<RawStore>),
    ("auth", serde_introspect::<RawAuth>),
    ("reload", serde_introspect::<RawReload>),
    ("log", serde_introspect::<RawLog>),
];

/// The one section that is a list: `[[clients]]`.
pub(super) const CLIENTS: Section = ("clients", serde_introspect::<RawClient>);

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct RawFile {
    pub(super) server: RawServer,
    pub(super) admin: RawAdmin,
    pub(super) upstream: RawUpstream,
    pub(super) cache: RawCache,
    pub(super) budget: RawBudget,
    pub(super) store: RawStore,
    pub(super) auth: RawAuth,
    pub(super) clients: Vec<RawClient>,
    pub(super) reload: RawReload,
    pub(super) log: RawLog,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct RawServer {
    pub(super) listen: Key<SocketAddr>,
    pub(super) workers: Key<usize>,
    pub(super) base_path: Key<String>,
    pub(super) max_connections: Key<usize>,
    pub(super) max_waiting: Key<usize>,
    pub(super) max_wait: Key<Time>,
    pub(super) header_timeout: Key<Time>,
    pub(super) max_header_bytes: Key<Size>,
    pub(super) idle_timeout: Key<Time>,
    pub(super) request_timeout: Key<Time>,
    pub(super) drain_delay: Key<Time>,
    pub(super) drain_timeout: Key<Time>,
    pub(super) allowed_hosts: Key<Vec<String>>,
    pub(super) trusted_proxies: Key<Vec<String>>,
    pub(super) tls: Option<RawTls>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct RawTls {
    pub(super) cert_file: Key<String>,
    pub(super) key_file: Key<String>,
    pub(super) client_ca_file: Key<String>,
    pub(super) client_auth: Key<RawClientAuth>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct RawAdmin {
    pub(super) listen: Key<SocketOrOff>,
    pub(super) allowed_hosts: Key<Vec<String>>,
    pub(super) token_env: Key<String>,
    pub(super) token_file: Key<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct RawUpstream {
    pub(super) region: Key<String>,
    pub(super) endpoint: Key<String>,
    pub(super) allow_plaintext: Key<bool>,
    pub(super) connect_timeout: Key<Time>,
    pub(super) timeout: Key<Time>,
    pub(super) max_body: Key<Size>,
    pub(super) max_in_flight: Key<usize>,
    pub(super) ca_file: Key<String>,
    pub(super) proxy: Key<String>,
    pub(super) credential: Option<RawCredential>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct RawCredential {
    pub(super) kind: Key<CredentialKind>,
    pub(super) access_key_env: Key<String>,
    pub(super) secret_key_env: Key<String>,
    pub(super) secret_key_file: Key<String>,
    pub(super) security_token_env: Key<String>,
    pub(super) security_token_file: Key<String>,
    pub(super) keys_file: Key<String>,
    pub(super) project_id: Key<String>,
    pub(super) token_env: Key<String>,
    pub(super) token_file: Key<String>,
    pub(super) iam_endpoint: Key<String>,
    pub(super) domain: Key<String>,
    pub(super) user: Key<String>,
    pub(super) password_env: Key<String>,
    pub(super) password_file: Key<String>,
    pub(super) project: Key<String>,
    pub(super) metadata_endpoint: Key<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct RawCache {
    pub(super) max_memory: Key<Size>,
    pub(super) ttl: Key<Time>,
    pub(super) ttl_running: Key<Time>,
    pub(super) ttl_not_found: Key<Time>,
    pub(super) stale_while_revalidate: Key<Time>,
    pub(super) stale_if_error: Key<Time>,
    pub(super) caller_fields: Key<RawCallerFields>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct RawBudget {
    pub(super) mode: Key<RawBudgetMode>,
    pub(super) requests: Key<u32>,
    pub(super) window: Key<Time>,
    pub(super) learn: Key<bool>,
    pub(super) sweep: RawSweep,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct RawSweep {
    pub(super) mode: Key<RawSweepMode>,
    pub(super) projects: Key<Vec<String>>,
    pub(super) requests: Key<u32>,
    pub(super) shared: Key<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct RawStore {
    pub(super) kind: Key<StoreKind>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct RawAuth {
    pub(super) mode: Key<RawAuthMode>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct RawClient {
    pub(super) name: Key<String>,
    pub(super) key_sha256: Key<Vec<String>>,
    pub(super) secret_env: Key<String>,
    pub(super) secret_file: Key<String>,
    pub(super) rate: Key<Pace>,
    pub(super) refresh: Key<Rate>,
    pub(super) share: Key<f64>,
    pub(super) jobs: Key<Vec<String>>,
    pub(super) max_stale: Key<Time>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct RawReload {
    pub(super) watch: Key<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct RawLog {
    pub(super) format: Key<RawLogFormat>,
    pub(super) level: Key<RawLevel>,
    pub(super) access: Key<RawAccessLog>,
}

/// A closed set of words, spelt in the file as the variants are in kebab case; those after `later` are refused by name and
/// offered to nobody.
macro_rules! words {
    ($($name:ident: $($word:ident)|+ $(, later $($later:ident)|+)?;)+) => {$(
        #[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
        #[serde(rename_all = "kebab-case")]
        #[cfg_attr(test, derive(schemars::JsonSchema))]
        pub(super) enum $name { $($word,)+ $($($later),+)? }

        impl Value for $name {
            fn words() -> &'static [&'static str] {
                let available = [$(stringify!($word)),+].len();
                serde_introspect::<Self>().split_at(available).0
            }
        }
    )+};
}

words! {
    CredentialKind: Aksk | Token | Password | Metadata;
    RawClientAuth: Required | Optional;
    RawCallerFields: Keep | Null;
    RawBudgetMode: Budget | Ttl;
    RawSweepMode: Auto | Recent | Projects | Off;
    StoreKind: Memory, later File | Redis;
    RawAuthMode: Keys | Open | OpenToNetwork;
    RawLogFormat: Json | Text;
    RawLevel: Error | Warn | Info | Debug | Trace;
    RawAccessLog: All | Errors | Off;
}
