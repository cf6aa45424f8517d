//! Which jobs a client may see: `clients.jobs`. What it may not see it learns nothing of, not even whether it exists.

use std::collections::HashSet;

use super::client::ClientId;
use super::job::JobId;

/// The jobs of each client, by its place in the configuration; `None`: all.
#[derive(Clone, Debug, Default)]
pub struct Permits(Vec<Option<HashSet<JobId>>>);

// === impl Permits ===

impl Permits {
    /// The jobs of each client, in the order of the configuration.
    #[must_use]
    pub fn new<'a>(clients: impl IntoIterator<Item = Option<&'a [JobId]>>) -> Self {
        let sets = clients.into_iter();
        Self(
            sets.map(|jobs| jobs.map(|jobs| jobs.iter().copied().collect()))
                .collect(),
        )
    }

    /// Whether the client may see the job. Whoever has no list may see all: also whoever asks in open mode.
    #[must_use]
    pub fn may_see(&self, client: ClientId, job: &JobId) -> bool {
        let jobs = client.index().and_then(|index| self.0.get(index)?.as_ref());
        jobs.is_none_or(|jobs| jobs.contains(job))
    }
}

#[cfg(test)]
mod tests {
    use super::Permits;
    use crate::policy::client::ClientId;
    use crate::policy::job::JobId;

    #[test]
    fn a_list_permits_what_is_on_it_to_its_client_alone() {
        let job = |text: &str| JobId::parse(text).unwrap();
        let one = job("901878212b1a49be9c1a1054c272762a");
        let shouted = job("901878212B1A49BE9C1A1054C272762A");
        let other = job("00000000000000000000000000000000");
        let permits = Permits::new([None, Some(&[one, other][..]), Some(&[other])]);
        for (client, allowed) in [
            (ClientId::at(0), [true, true, true]),
            (ClientId::at(1), [true, false, true]),
            (ClientId::at(2), [false, false, true]),
            (ClientId::ANONYMOUS, [true, true, true]),
        ] {
            let found = [one, shouted, other].map(|job| permits.may_see(client, &job));
            assert_eq!(found, allowed, "{client:?}");
        }
    }
}
