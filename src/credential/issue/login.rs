//! The body of the question for a token, the only place where the password stands outside its [`Secret`]
//! (`{"auth":{"identity":{"methods":["password"],"password":{"user":{…}}},"scope":{"project":{"name":"…"}}}}`).
//!
//! [`Secret`]: crate::credential::secret::Secret

use bytes::Bytes;
use serde::Serialize;
use zeroize::Zeroizing;

/// Bytes of a body without its four words, rounded up.
const FRAME_BYTES: usize = 256;

/// The most that JSON makes of one byte: `\u001f`.
const MAX_BYTES_OF_ONE: usize = 6;

/// Who asks for a token, and for what.
pub(in crate::credential) struct Login<'a> {
    pub(super) domain: &'a str,
    pub(super) user: &'a str,
    pub(super) password: &'a str,
    /// Its name.
    pub(super) project: &'a str,
}

// === impl Login ===

impl Login<'_> {
    /// Wiped once the last who holds it lets go: the HTTP library, when it is sent or given up. There are no other copies:
    /// the vector never grows, and what goes over TCP goes out from it without a buffer between.
    pub(super) fn body(&self) -> Bytes {
        let words = [self.domain, self.user, self.password, self.project];
        let longest: usize = words.iter().map(|word| word.len() * MAX_BYTES_OF_ONE).sum();
        let mut body = Zeroizing::new(Vec::with_capacity(FRAME_BYTES + longest));
        serde_json::to_writer(&mut *body, &self.whole())
            .expect("texts are JSON, and memory takes them");
        Bytes::from_owner(body)
    }

    fn whole(&self) -> Whole<'_> {
        let user = User {
            name: self.user,
            password: self.password,
            domain: Named { name: self.domain },
        };
        let identity = Identity {
            methods: ["password"],
            password: ByPassword { user },
        };
        let project = Named { name: self.project };
        let scope = Scope { project };
        Whole {
            auth: Auth { identity, scope },
        }
    }
}

#[derive(Serialize)]
struct Whole<'a> {
    auth: Auth<'a>,
}

#[derive(Serialize)]
struct Auth<'a> {
    identity: Identity<'a>,
    scope: Scope<'a>,
}

#[derive(Serialize)]
struct Identity<'a> {
    methods: [&'a str; 1],
    password: ByPassword<'a>,
}

#[derive(Serialize)]
struct ByPassword<'a> {
    user: User<'a>,
}

#[derive(Serialize)]
struct User<'a> {
    name: &'a str,
    password: &'a str,
    domain: Named<'a>,
}

#[derive(Serialize)]
struct Scope<'a> {
    project: Named<'a>,
}

#[derive(Serialize)]
struct Named<'a> {
    name: &'a str,
}

#[cfg(test)]
mod tests {
    use super::{FRAME_BYTES, Login};

    #[test]
    fn the_frame_fits_so_that_no_body_grows_and_leaves_a_copy_behind() {
        let nobody = Login {
            domain: "",
            user: "",
            password: "",
            project: "",
        };
        let bytes = nobody.body().len();
        assert!(bytes <= FRAME_BYTES, "{bytes}");
    }
}
