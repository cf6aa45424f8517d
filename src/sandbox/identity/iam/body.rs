//! What IAM tells of a token and of projects, in the form of the documents.

use std::time::SystemTime;

use serde_json::{Value, json};

use crate::sandbox::SandboxAccount;
use crate::sandbox::identity::Grant;
use crate::sandbox::identity::answer::told;

/// Made-up ids of the account and the user.
const DOMAIN_ID: &str = "jobgatesandboxdomain000000000000";
const USER_ID: &str = "jobgatesandboxuser00000000000000";

/// Where the made-up services of the catalogue are: a name that never resolves (RFC 6761 §6.4).
const ELSEWHERE: &str = "sandbox.invalid";

/// Services in the catalogue. The real one has more than a hundred, and is tens of KB.
const SERVICES: [&str; 12] = [
    "codeartsbuild",
    "codeartsrepo",
    "codeartspipeline",
    "ecs",
    "evs",
    "iam",
    "ims",
    "obs",
    "rds",
    "smn",
    "vpc",
    "cts",
];

/// What is told of a token; a short answer leaves out the catalogue.
pub(super) fn about_token(
    account: &SandboxAccount,
    grant: Grant,
    [issued_at, expires_at]: [SystemTime; 2],
    is_short: bool,
) -> Value {
    let domain = json!({"id": DOMAIN_ID, "name": account.domain});
    let mut token = json!({
        "catalog": if is_short { Vec::new() } else { catalogue(account) },
        "expires_at": told(expires_at),
        "issued_at": told(issued_at),
        "methods": ["password"],
        "roles": [{"id": "0", "name": "te_admin"}],
        "user": {
            "domain": domain,
            "id": USER_ID,
            "name": account.user,
            "password_expires_at": "",
        },
    });
    match grant {
        Grant::Project => {
            let (id, name) = (&account.project_id, &account.project);
            token["project"] = json!({"domain": domain, "id": id, "name": name});
        }
        Grant::Domain | Grant::Session => token["domain"] = domain,
    }
    json!({"token": token})
}

/// What is told to who asks for projects: the one there is, or none.
pub(super) fn about_projects(account: &SandboxAccount, is_asked_for: bool) -> Value {
    let projects: Vec<_> = is_asked_for.then(|| project(account)).into_iter().collect();
    let links = json!({"next": null, "previous": null, "self": url("/v3/projects")});
    json!({"links": links, "projects": projects})
}

fn catalogue(account: &SandboxAccount) -> Vec<Value> {
    let (region, project) = (&account.project, &account.project_id);
    let services = SERVICES.into_iter().map(|service| {
        let endpoint = json!({
            "id": project,
            "interface": "public",
            "region": region,
            "region_id": region,
            "url": format!("https://{service}.{region}.{ELSEWHERE}/v1/{project}"),
        });
        json!({"endpoints": [endpoint], "id": project, "name": service, "type": service})
    });
    services.collect()
}

fn project(account: &SandboxAccount) -> Value {
    let id = &account.project_id;
    json!({
        "domain_id": DOMAIN_ID,
        "is_domain": false,
        "parent_id": DOMAIN_ID,
        "name": account.project,
        "description": "",
        "links": {"self": url(&format!("/v3/projects/{id}"))},
        "id": id,
        "enabled": true,
    })
}

fn url(path: &str) -> String {
    format!("https://iam.{ELSEWHERE}{path}")
}
