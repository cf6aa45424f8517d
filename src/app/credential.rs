//! Wires the keeper of the central credential, in every mode.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use super::parts::Parts;
use crate::credential::{Credential, Keeper, Resting};
use crate::layers::fetch::gate::Gate;

// === impl Parts ===

impl Parts {
    /// The keeper, not yet at work.
    pub(super) fn keeper(&self, credential: &Arc<Credential>) -> Keeper {
        let (gate, clock) = (self.gate.clone(), self.clock.clone());
        let seed = RandomState::new().hash_one(());
        Keeper::new(Arc::clone(credential), gate, clock, seed)
    }
}

impl Resting for Gate {
    fn is_resting(&self) -> bool {
        self.status().credential_hold.is_some()
    }

    fn wake(&self) {
        self.renewed();
    }
}
