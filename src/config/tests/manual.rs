//! `gateway.toml` read as the manual that it is, key by key; and what the program says when it is asked of a key.

use regex::Regex;

use super::{REQUIRED, checked};

/// The file in the repository.
pub(super) const DOCUMENTED: &str = include_str!("../../../gateway.toml");

/// The kinds of credential that there are.
const KINDS: [&str; 4] = ["aksk", "token", "password", "metadata"];

/// What `gateway.toml` says of a key.
#[derive(Debug)]
pub(super) struct Documented {
    /// `server.listen`, `clients.name`
    pub(super) path: String,
    /// The default, or an example if it is commented out.
    pub(super) value: toml::Value,
    pub(super) meaning: String,
    /// Not commented out.
    is_set: bool,
}

// === impl Documented ===

impl Documented {
    /// No value of it is taken.
    pub(super) fn is_refused(&self) -> bool {
        self.meaning.ends_with("(not yet)") && !self.meaning.contains(" · ")
    }

    /// The value is what holds if the key is left out: not so for what must be set.
    pub(super) fn is_default(&self) -> bool {
        self.is_set
            && self.path != "upstream.region"
            && !self.path.starts_with("upstream.credential.")
    }

    /// One value of it is taken, the default.
    pub(super) fn is_fixed(&self) -> bool {
        self.meaning.contains("(only ")
    }
}

/// Every section of the file and what it says of it.
pub(super) fn sections() -> impl Iterator<Item = (&'static str, &'static str)> {
    DOCUMENTED.lines().filter_map(|line| {
        let (name, rest) = section_of(line)?;
        let (_, meaning) = rest.split_once("# ").expect("a comment says what it is");
        Some((name, meaning))
    })
}

/// The name of the section that a line begins, and what follows on the line.
fn section_of(line: &str) -> Option<(&str, &str)> {
    let (name, rest) = line
        .trim_start_matches("# ")
        .strip_prefix('[')?
        .split_once(']')?;
    Some((name.trim_start_matches('['), rest))
}

/// Every key of the file, in its order.
pub(super) fn documented() -> Vec<Documented> {
    let mut section = "";
    let mut keys = Vec::new();
    for line in DOCUMENTED.lines() {
        let bare = line.trim_start_matches("# ");
        if let Some((name, _)) = section_of(line) {
            section = name;
        }
        let Some((key, rest)) = bare.split_once(" = ").filter(|(key, _)| !key.contains(' ')) else {
            continue;
        };
        let (value, meaning) = rest.split_once('#').expect("a comment says what it means");
        let table: toml::Table = format!("value = {value}").parse().unwrap();
        keys.push(Documented {
            path: format!("{section}.{key}"),
            value: table["value"].clone(),
            meaning: meaning.trim().to_owned(),
            is_set: bare == line,
        });
    }
    keys
}

/// The bounds of a key, as the program names them to whoever writes something that is no value at all.
pub(super) fn bounds_of(path: &str) -> Option<(String, String)> {
    let named = Regex::new(r"(\d\S*) to (\d\S*)(?: times|$)").unwrap();
    let faults = faults_of(path, "[[1]]");
    let bounds = faults.iter().find_map(|fault| named.captures(fault))?;
    Some((bounds[1].to_owned(), bounds[2].to_owned()))
}

/// Whether the program takes the value, or could if it were of the right form.
pub(super) fn is_available(path: &str, value: &str) -> bool {
    let faults = faults_of(path, value);
    let unavailable = |fault: &String| fault.contains("not available in this version");
    let of_another_kind = |fault: &&String| fault.contains("does not belong to kind");
    !faults.iter().any(unavailable) && faults.iter().filter(of_another_kind).count() < KINDS.len()
}

/// What the program says of this value, under each kind of credential.
pub(super) fn faults_of(path: &str, value: &str) -> Vec<String> {
    let lines = REQUIRED.lines();
    let others = lines.filter(|line| !line.starts_with(&format!("{path} = ")));
    let others = others.collect::<Vec<_>>().join("\n");
    let (written, name) = match path.split_once("clients.") {
        Some((_, key)) => (
            format!("[[clients]]\n{key} = {value}"),
            format!("clients[0].{key}"),
        ),
        None => (format!("{path} = {value}"), path.to_owned()),
    };
    let named = Regex::new(&format!(": {}( = |: )", regex::escape(&name))).unwrap();
    let mut faults = Vec::new();
    for kind in KINDS {
        let others = others.replace("aksk", kind);
        if let Err(all) = checked(&format!("{others}\n{written}"), &[]) {
            let all = all.iter().map(ToString::to_string);
            faults.extend(all.filter(|fault| named.is_match(fault)));
        }
    }
    faults
}
