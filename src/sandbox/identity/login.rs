//! A request for a token, read: who wants it and for what. Nothing in it is believed yet.
//!
//! Only the method `password` is known, with a user by name. Members that nobody knows are read over.

use serde::Deserialize;

/// Who wants a token.
#[derive(Deserialize)]
pub(super) struct User {
    /// The user's name.
    pub(super) name: String,
    /// What they say their password is.
    pub(super) password: String,
    /// The account.
    pub(super) domain: Domain,
}

/// An account.
#[derive(Deserialize)]
pub(super) struct Domain {
    /// Its name.
    pub(super) name: String,
}

/// A project, by id or name or both.
#[derive(Deserialize)]
pub(super) struct Project {
    /// Its id.
    pub(super) id: Option<String>,
    /// Its name.
    pub(super) name: Option<String>,
}

#[derive(Deserialize)]
struct Request {
    auth: Auth,
}

#[derive(Deserialize)]
struct Auth {
    identity: Identity,
    #[serde(default)]
    scope: Scope,
}

#[derive(Deserialize)]
struct Identity {
    methods: Vec<String>,
    password: Password,
}

#[derive(Deserialize)]
struct Password {
    user: User,
}

#[derive(Default, Deserialize)]
struct Scope {
    project: Option<Project>,
}

/// The user, and the project if the token shall be for one; `None` if this is no request for a token.
pub(super) fn read(body: &[u8]) -> Option<(User, Option<Project>)> {
    let Request { auth } = serde_json::from_slice(body).ok()?;
    let is_named = |project: &Project| project.id.is_some() || project.name.is_some();
    let is_known =
        auth.identity.methods == ["password"] && auth.scope.project.as_ref().is_none_or(is_named);
    is_known.then_some((auth.identity.password.user, auth.scope.project))
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn the_documented_request_is_read() {
        let body = include_bytes!("../../../tests/samples/iam-token-request.json");
        let (user, project) = read(body).unwrap();
        let read = [user.name, user.password, user.domain.name];
        assert_eq!(read, ["IAMUser", "IAMPassword", "IAMDomain"]);
        assert_eq!(project.unwrap().name.unwrap(), "cn-north-4");
    }

    #[test]
    fn a_scope_is_a_project_or_none() {
        for (scope, read_as) in [
            (r#","scope":{"project":{"id":"abc"}}"#, Some(true)),
            (r#","scope":{"project":{"name":"abc"}}"#, Some(true)),
            (r#","scope":{"domain":{"name":"abc"}}"#, Some(false)),
            (r#","scope":{}"#, Some(false)),
            ("", Some(false)),
            (r#","scope":{"project":{}}"#, None),
            (r#","scope":"project""#, None),
        ] {
            let body = request(r#"["password"]"#, r#""password":"x","#, scope);
            let read = read(body.as_bytes());
            assert_eq!(
                read.map(|(_, project)| project.is_some()),
                read_as,
                "{scope}"
            );
        }
    }

    #[test]
    fn anything_else_is_no_request() {
        for body in [
            "".to_owned(),
            "{}".to_owned(),
            "auth".to_owned(),
            request(r#"["token"]"#, r#""password":"x","#, ""),
            request(r#"["password","totp"]"#, r#""password":"x","#, ""),
            request("[]", r#""password":"x","#, ""),
            request(r#"["password"]"#, "", ""),
            request(r#"["password"]"#, r#""password":1,"#, ""),
        ] {
            assert!(read(body.as_bytes()).is_none(), "{body}");
        }
    }

    fn request(methods: &str, password: &str, scope: &str) -> String {
        format!(
            r#"{{"auth":{{"identity":{{"methods":{methods},"password":{{"user":{{{password}"name":"u","domain":{{"name":"d"}}}}}}}}{scope}}}}}"#
        )
    }
}
