//! What clients ask for, counted where they are answered from memory.
//!
//! An answer costs a relaxed write to the job's own counter and a read of the client's mark. Only the first ask since the last gathering
//! also sets the mark, or puts the job on a list; so that has each job once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use crate::policy::client::ClientId;
use crate::policy::job::JobId;
use crate::store::Entry;

/// A job that was asked for, and what it was answered with.
pub(super) type Asked = (JobId, Arc<Entry>);

pub(super) struct Demand {
    put: Sender<Asked>,
    taken: Mutex<Receiver<Asked>>,
    /// In the order of [`ClientId::index`]; the last is for those without a name.
    seen: Vec<(ClientId, AtomicBool)>,
}

// === impl Demand ===

impl Demand {
    pub(super) fn new(clients: impl IntoIterator<Item = ClientId>) -> Self {
        let (put, taken) = channel();
        let clients = clients.into_iter().chain([ClientId::ANONYMOUS]);
        Self {
            put,
            taken: Mutex::new(taken),
            seen: clients
                .map(|client| (client, AtomicBool::new(false)))
                .collect(),
        }
    }

    pub(super) fn asked(&self, client: ClientId, job: JobId, entry: &Arc<Entry>) {
        if entry.count_ask() {
            let _ = self.put.send((job, Arc::clone(entry))); // the other end is here as well
        }
        let anonymous = self.seen.len() - 1;
        if let Some((_, seen)) = self.seen.get(client.index().unwrap_or(anonymous))
            && !seen.load(Ordering::Relaxed)
        {
            seen.store(true, Ordering::Relaxed);
        }
    }

    /// Clients that asked since the last time.
    pub(super) fn take_clients(&self) -> Vec<ClientId> {
        let seen = self.seen.iter();
        let seen = seen.filter(|(_, seen)| seen.swap(false, Ordering::Relaxed));
        seen.map(|(client, _)| *client).collect()
    }

    /// At most so many of the jobs that were asked for since the last time.
    pub(super) fn take(&self, most: usize) -> Vec<Asked> {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.try_iter().take(most).collect()
    }
}
