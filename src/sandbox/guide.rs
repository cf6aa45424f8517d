//! The sandbox in its own words: what `GET /` answers and the help of `jobgate sandbox` ends with.

use std::fmt::Write as _;

use super::act::{ROWS, Row, SAME};
use super::catalogue::{MISSING_PREFIX, catalogue};
use super::identity::SandboxAccount;
use super::population::PROJECTS;

/// A page of plain text for a person: which ids there are and what each answers. It names no credential.
#[must_use]
pub fn guide() -> String {
    let mut text = format!(
        "A double of CodeArts Build's GET /v1/job/{{job_id}}/info and of its lists of jobs, with their credential checks\n\
         and throttles.\n\
         \n\
         Any id of 32 letters and digits is a job that queues, runs and finishes, again and again.\n\
         An id that begins with \"{MISSING_PREFIX}\" is a job that does not exist.\n\
         GET /v1/job/list lists the jobs demo{:028}, and so on, and those that have been asked for;\n\
         GET /v1/job/{{project_id}}/list those of {},\n\
         {} or {}.\n\
         \n",
        1, PROJECTS[0], PROJECTS[1], PROJECTS[2]
    );
    text += &identities();
    text += "These ids answer as recorded:\n\n";
    for example in catalogue() {
        let (id, status, about) = (example.id, example.status.as_u16(), example.about);
        let _ = writeln!(text, "  {id}  {status}  {about}"); // writing to a String cannot fail
    }
    text += "\nThese ids do something to the answer or the connection. After the name come parameters, then zeros up \
             to 32\ncharacters. A rule of a scenario file can do the same to any job:\n\n";
    for row in ROWS.iter().filter(|row| !row.about.is_empty()) {
        let (id, scenario, about) = (row.id, row.scenario, row.about);
        let _ = match id {
            "" => writeln!(text, "  (in a scenario only)              do = {scenario}"),
            id => writeln!(text, "  {id:0<32}  do = {scenario}"),
        };
        let _ = writeln!(text, "      {about}");
    }
    text += "\nA rule with calls = \"lists\" can do these to a list:\n\n";
    for row in ROWS.iter().filter(|row| row.is_special_to_lists()) {
        let _ = writeln!(text, "  {}\n      {}", row.scenario, row.lists);
    }
    let _ = writeln!(text, "  {}\n      {SAME} as to a call for a job", same());
    text += "\nA rule with calls = \"iam\" or calls = \"metadata\" can do the acts of this last line to calls for \
             tokens and keys.\n";
    text
}

/// Who issues what, and to whom. The password is on the page for users, with the other secrets.
fn identities() -> String {
    let SandboxAccount {
        domain,
        user,
        project,
        ..
    } = SandboxAccount::default();
    format!(
        "POST /v3/auth/tokens gives a token for a password, as IAM does: the user is {user}\n\
         of the account (domain) {domain}, the project {project}. GET /v3/projects tells that project.\n\
         PUT /meta-data/latest/api/token and GET /openstack/latest/securitykey give temporary keys, as a cloud server's\n\
         metadata service does.\n\
         \n"
    )
}

/// The acts that are the same for lists and jobs.
pub(super) fn same() -> String {
    let same = ROWS.iter().filter(|row| row.lists == SAME);
    same.map(Row::name).collect::<Vec<_>>().join(", ")
}
