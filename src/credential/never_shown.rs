//! What the compiler keeps: types that hold a secret can be neither printed nor written nor copied.
//!
//! A derive that is added in passing does not compile any more. Deliberately not here: that secrets are wiped, which is the
//! matter of [`SecretString`](secrecy::SecretString) and [`Zeroizing`](zeroize::Zeroizing).

use std::fmt::{Debug, Display};

use serde::Serialize;

use super::file::Watched;
use super::held::{Given, Held};
use super::issue::{Issued, Issuer, Login, Material};
use super::issuing::Issuing;
use super::keys::{KeyPair, KeySet, Keys, KeysFile};
use super::secret::Secret;
use super::source::Source;
use super::verify::Claim;
use super::{AdminToken, ClientSecrets, Credential, Scheme};

/// Two ways to have the same function: which of them is meant is clear only for a type that has not the trait.
macro_rules! never {
    ($($trait:ident)+ : $types:tt) => { $( never!(@ $trait $types); )+ };
    (@ $trait:ident [$($type:ty),+ $(,)?]) => { $(
        const _: fn() = || {
            trait Without<Which> { fn is_so() {} }
            struct With;
            impl<T: ?Sized> Without<()> for T {}
            impl<T: ?Sized + $trait> Without<With> for T {}
            <$type as Without<_>>::is_so();
        };
    )+ };
}

never! {
    Debug Display Serialize Clone: [
        Secret,
        Source,
        Watched<Secret>,
        Material,
        Issued,
        Issuer,
        Issuing,
        Given,
        Held,
        KeyPair,
        KeySet,
        KeysFile,
        Keys<'static>,
        Login<'static>,
        Claim<'static>,
        Scheme,
        Credential,
        ClientSecrets,
        AdminToken,
    ]
}
