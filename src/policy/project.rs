//! The one project that an SDK asks for when its program names a region and no project: `GET /v3/projects?name=REGION`, as IAM
//! answers it.
//!
//! It is made up. Its ids are derived from the region's name, so they are the same after a restart and in every replica, and
//! they are nobody's: the central credential's own project stays unknown. No SDK does more with the id than send it
//! back as `X-Project-Id`, which the gateway ignores.

use bytes::Bytes;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::error::Error;

/// Longest project name that IAM knows, in characters.
const MAX_NAME_CHARS: usize = 64;

/// The answer, with the members of IAM's own.
#[derive(Serialize)]
struct Page<'a> {
    links: PageLinks,
    projects: [Project<'a>; 1], // the SDKs fail on any other number
}

#[derive(Serialize)]
struct PageLinks {
    next: Option<String>,
    previous: Option<String>,
    #[serde(rename = "self")]
    itself: String,
}

#[derive(Serialize)]
struct Project<'a> {
    domain_id: &'a str,
    is_domain: bool,
    parent_id: &'a str,
    name: &'a str,
    description: &'a str,
    links: ProjectLinks,
    id: &'a str,
    enabled: bool,
}

#[derive(Serialize)]
struct ProjectLinks {
    #[serde(rename = "self")]
    itself: String,
}

/// The project of the region that the query names, as JSON.
///
/// # Errors
/// [`Error::UnreadableRequest`] unless the query has exactly one `name`, and that could be a region's.
pub fn made_up(query: Option<&str>) -> Result<Bytes, Error> {
    let query = query.unwrap_or_default().as_bytes();
    let mut names = form_urlencoded::parse(query).filter(|(key, _)| key == "name");
    let name = match (names.next(), names.next()) {
        (Some((_, name)), None) if is_like_a_region(&name) => name,
        (Some(_), None) => return refuse("name must be that of a region, such as cn-north-4"),
        (Some(_), Some(_)) => return refuse("the query names more than one region"),
        (None, _) => return refuse("the query must name a region: ?name=cn-north-4"),
    };
    let (id, domain) = (made_up_id("project", &name), made_up_id("domain", &name));
    let page = Page {
        links: PageLinks {
            next: None,
            previous: None,
            itself: format!("/v3/projects?name={name}"),
        },
        projects: [Project {
            domain_id: &domain,
            is_domain: false,
            parent_id: &domain,
            name: &name,
            description: "",
            links: ProjectLinks {
                itself: format!("/v3/projects/{id}"),
            },
            id: &id,
            enabled: true,
        }],
    };
    let json = serde_json::to_vec(&page);
    json.map(Bytes::from)
        .map_err(|fault| Error::Internal(fault.to_string().into()))
}

fn refuse(why: &'static str) -> Result<Bytes, Error> {
    Err(Error::UnreadableRequest(why))
}

/// `cn-north-4`, or a project below a region: `cn-north-4_build`. Which regions there are is not asked: new ones come.
fn is_like_a_region(name: &str) -> bool {
    name.len() <= MAX_NAME_CHARS
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.contains('-')
        && name
            .bytes()
            .all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_')
}

/// 32 hexadecimal digits, as IAM's ids have.
fn made_up_id(kind: &str, name: &str) -> String {
    let digest = Sha256::digest(format!("jobgate {kind} {name}"));
    hex::encode(digest.iter().copied().take(16).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{made_up, made_up_id};
    use crate::error::Error;

    /// The same JSON with every value replaced by the name of its type.
    fn shape(value: &Value) -> Value {
        match value {
            Value::Object(members) => {
                let members = members.iter();
                Value::Object(
                    members
                        .map(|(key, one)| (key.clone(), shape(one)))
                        .collect(),
                )
            }
            Value::Array(items) => items.iter().map(shape).collect(),
            Value::Null => "null".into(),
            Value::Bool(_) => "boolean".into(),
            Value::Number(_) => "number".into(),
            Value::String(_) => "text".into(),
        }
    }

    #[test]
    fn it_has_every_member_of_iams_own_answer_and_nothing_of_it() {
        let sample = include_str!("../../tests/samples/iam-projects-response.json");
        let iam: Value = serde_json::from_str(sample).unwrap();
        let text = made_up(Some("name=cn-north-4")).unwrap();
        let ours: Value = serde_json::from_slice(&text).unwrap();
        assert_eq!(
            shape(&ours).to_string(),
            shape(&iam).to_string(),
            "in this order"
        );
        let (project, real) = (&ours["projects"][0], &iam["projects"][0]);
        assert_eq!(
            (&project["name"], &project["enabled"]),
            (&real["name"], &true.into())
        );
        for id in ["id", "domain_id"] {
            let made_up = project[id].as_str().unwrap();
            assert_eq!(
                (made_up.len(), hex::decode(made_up).is_ok()),
                (32, true),
                "{id}"
            );
            assert_ne!(project[id], real[id]);
        }
        assert_ne!(project["id"], project["domain_id"]);
        let text = String::from_utf8(text.to_vec()).unwrap();
        assert!(!text.contains("http"), "no host: {text}");
    }

    #[test]
    fn the_id_of_a_region_never_changes() {
        assert_eq!(
            made_up_id("project", "cn-north-4"),
            "0eca78f913afaf9329ec330dea0b81b4"
        );
        assert_ne!(
            made_up_id("project", "cn-north-1"),
            made_up_id("project", "cn-north-4")
        );
    }

    #[test]
    fn the_name_is_there_once_and_like_a_regions() {
        for query in [
            "name=cn-north-4",
            "name=ap-southeast-1&enabled=true",
            "domain_id=x&name=my-kualalumpur-1",
            "name=cn%2Dnorth%2d4",
            "name=cn-north-4_Build",
        ] {
            assert!(made_up(Some(query)).is_ok(), "{query}");
        }
        let long = format!("name=cn-north-{}", "4".repeat(60));
        for (query, why) in [
            (None, "must name a region"),
            (Some(""), "must name a region"),
            (Some("Name=cn-north-4"), "must name a region"),
            (Some("name=cn-north-4&name=cn-north-4"), "more than one"),
            (Some("name=&name=cn-north-4"), "more than one"),
            (Some("name"), "must be that of a region"),
            (Some("name="), "must be that of a region"),
            (Some("name=%22-"), "must be that of a region"),
            (Some("name=cn-north-4%00"), "must be that of a region"),
            (Some("name=cn north-4"), "must be that of a region"),
            (Some("name=cn-nörth-4"), "must be that of a region"),
            (Some("name=-cn"), "must be that of a region"),
            (Some("name=region"), "must be that of a region"),
            (Some(&long), "must be that of a region"),
        ] {
            match made_up(query) {
                Err(Error::UnreadableRequest(text)) => assert!(text.contains(why), "{query:?}"),
                other => panic!("{query:?}: {other:?}"),
            }
        }
    }
}
