//! `docs/gateway.schema.json`, by which editors help: it is made here, and takes and refuses what the program does.
//!
//! `UPDATE_SCHEMA=1 cargo test --lib schema` writes it anew.

mod agreement;
mod forms;
mod generate;

use std::fs;
use std::path::Path;

use jsonschema::Validator;

use super::manual::{DOCUMENTED, documented};

const FILE: &str = "docs/gateway.schema.json";

fn validator() -> Validator {
    jsonschema::draft7::new(&generate::schema()).expect("a good schema")
}

/// Whether a file may be so by the schema.
#[track_caller]
fn is_valid(validator: &Validator, text: &str) -> bool {
    let table: toml::Table = text.parse().expect("TOML");
    validator.is_valid(&serde_json::to_value(table).unwrap())
}

#[test]
fn the_file_is_what_the_program_says() {
    let schema = generate::schema();
    assert!(jsonschema::draft7::meta::is_valid(&schema));
    let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap();
    assert!(written == text, "out of date: UPDATE_SCHEMA=1 writes it");
}

#[test]
fn gateway_toml_names_its_schema_and_is_good_by_it() {
    assert_eq!(
        DOCUMENTED.lines().next(),
        Some(format!("#:schema {FILE}").as_str())
    );
    let validator = validator();
    assert!(is_valid(&validator, DOCUMENTED));

    // and so it is with every key that is commented out, but for those that are refused
    let mut file = toml::Table::new();
    for key in documented().iter().filter(|key| !key.is_refused()) {
        write(&mut file, &key.path, key.value.clone());
    }
    assert!(is_valid(&validator, &file.to_string()), "{file}");
    for key in documented().iter().filter(|key| key.is_refused()) {
        let mut file = file.clone();
        write(&mut file, &key.path, key.value.clone());
        assert!(!is_valid(&validator, &file.to_string()), "{}", key.path);
    }
}

/// Sets one key of a file, with its section.
fn write(file: &mut toml::Table, path: &str, value: toml::Value) {
    let (section, key) = path.rsplit_once('.').unwrap();
    let table = || toml::Value::Table(toml::Table::new());
    if section == "clients" {
        let clients = file
            .entry(section)
            .or_insert_with(|| toml::Value::Array(vec![table()]));
        clients[0]
            .as_table_mut()
            .unwrap()
            .insert(key.to_owned(), value);
        return;
    }
    let section = section.split('.').fold(file, |table_of, level| {
        let inner = table_of.entry(level).or_insert_with(table);
        inner.as_table_mut().unwrap()
    });
    section.insert(key.to_owned(), value);
}
