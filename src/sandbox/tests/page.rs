//! The page for users says what the program does: its tables are made here and compared.
//!
//! `UPDATE_SANDBOX=1 cargo test --lib sandbox::tests::page` writes them anew.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use secrecy::ExposeSecret;

use crate::sandbox::act::{ROWS, SAME};
use crate::sandbox::guide::same;
use crate::sandbox::life::ITEM_FIELDS;
use crate::sandbox::{PROJECTS, SandboxAccount, SandboxCredential, Scenario, catalogue, guide};

/// The tests of this file write to one file.
static PAGE: Mutex<()> = Mutex::new(());

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn page() -> String {
    fs::read_to_string(file("docs/sandbox.md")).unwrap()
}

/// Compares what stands between `<!-- name -->` and `<!-- /name -->`, or writes it.
#[track_caller]
fn assert_block(name: &str, expected: &str) {
    let _alone = PAGE.lock().unwrap_or_else(PoisonError::into_inner);
    let page = page();
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let (before, rest) = page.split_once(&begin).unwrap();
    let (written, after) = rest.split_once(&end).unwrap();
    if std::env::var_os("UPDATE_SANDBOX").is_some() {
        let updated = format!("{before}{begin}{expected}{end}{after}");
        fs::write(file("docs/sandbox.md"), updated).unwrap();
    } else {
        assert_eq!(written, expected, "docs/sandbox.md: {name} are out of date");
    }
}

#[test]
fn its_examples_are_the_recorded_answers() {
    let mut table = "| job id | status | what it is |\n|---|---|---|\n".to_owned();
    for example in catalogue() {
        let (id, status, about) = (example.id, example.status.as_u16(), example.about);
        let _ = writeln!(table, "| `{id}` | {status} | {about} |");
    }
    assert_block("examples", &table);
}

#[test]
fn its_faults_are_the_acts() {
    let mut table = "| `do =` | job id | what happens |\n|---|---|---|\n".to_owned();
    for row in ROWS.iter().filter(|row| !row.about.is_empty()) {
        let (scenario, about) = (row.scenario, row.about);
        let id = match row.id {
            "" => String::new(),
            id => format!("`{id}`"),
        };
        let _ = writeln!(table, "| `{scenario}` | {id} | {about} |");
    }
    assert_block("faults", &table);
}

#[test]
fn its_faults_of_lists_are_the_acts_that_lists_meet() {
    let mut table = "| `do =` | what happens to a list |\n|---|---|\n".to_owned();
    for row in ROWS.iter().filter(|row| row.is_special_to_lists()) {
        let _ = writeln!(table, "| `{}` | {} |", row.scenario, row.lists);
    }
    let same = same().replace(", ", "`, `");
    let _ = writeln!(table, "| `{same}` | {SAME} as to a call for a job |");
    assert_block("lists", &table);
}

#[test]
fn it_names_every_project_and_every_field_of_a_list() {
    let page = page();
    for name in PROJECTS.iter().chain(&ITEM_FIELDS) {
        assert!(page.contains(&format!("`{name}`")), "{name}");
    }
}

#[test]
fn every_scenario_on_the_page_is_one() {
    let page = page();
    let scenarios: Vec<_> = page
        .split("```toml\n")
        .skip(1)
        .map(|rest| rest.split_once("```").unwrap().0)
        .filter(|text| !text.contains("[upstream")) // a gateway's configuration
        .collect();
    assert!(scenarios.len() >= 4, "{}", scenarios.len());
    for text in scenarios {
        let scenario = text.parse::<Scenario>();
        assert!(scenario.is_ok(), "{text}\n{}", scenario.unwrap_err());
    }
}

#[test]
fn it_names_the_default_credential_and_the_guide_does_not() {
    let (page, guide) = (page(), guide());
    let credential = SandboxCredential::default();
    let account = SandboxAccount::default();
    for named in [
        credential.access_key.as_str(),
        credential.secret_key.expose_secret(),
        credential.token.expose_secret(),
        account.password.expose_secret(),
    ] {
        assert!(page.contains(named) && !guide.contains(named));
    }
}

#[test]
fn it_and_the_guide_name_the_account() {
    let (page, guide) = (page(), guide());
    let account = SandboxAccount::default();
    for named in [account.domain, account.user, account.project] {
        assert!(page.contains(&named) && guide.contains(&named), "{named}");
    }
    assert!(page.contains(&account.project_id));
}
