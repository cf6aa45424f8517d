//! The schema: sections, keys, types and words from the structs that read the file, meanings, defaults and examples from
//! `gateway.toml`, bounds and what is not available from the program itself, which is asked. Nothing is said twice.
//!
//! Everything is in line, and only keywords of draft 4 decide: editors that read TOML schemas are sure to know no more, and
//! show no description beside a `$ref`.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::super::super::raw::RawFile;
use super::super::manual::{Documented, bounds_of, documented, is_available, sections};
use super::forms;

/// The schema of `gateway.toml`.
pub(super) fn schema() -> Value {
    let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings
        .into_generator()
        .into_root_schema_for::<RawFile>()
        .to_value();
    describe(
        &mut schema,
        "The configuration of jobgate: see gateway.toml, which holds every key with its default.",
    );
    schema["title"] = json!("gateway.toml");
    for (path, meaning) in sections() {
        describe(section(&mut schema, path), meaning);
    }
    for key in documented() {
        finish(&mut schema, &key);
    }
    // no variable can set what belongs to one client
    section(&mut schema, "clients")["required"] = json!(["name"]);
    schema
}

/// Makes what schemars says of a section what the program does with it.
fn describe(section: &mut Value, meaning: &str) {
    let section = section.as_object_mut().unwrap();
    section.insert("type".to_owned(), json!("object")); // TOML has no null
    section.remove("title"); // the name of a Rust type
    section.insert("description".to_owned(), json!(meaning));
    section.insert("additionalProperties".to_owned(), json!(false));
}

/// The section at `path`; of a list, what one of it is.
fn section<'s>(schema: &'s mut Value, path: &str) -> &'s mut Value {
    path.split('.').fold(schema, |schema, name| {
        let inner = &mut schema["properties"][name];
        match inner.get("items") {
            Some(_) => &mut inner["items"],
            None => inner,
        }
    })
}

/// Says of one key what its type does not.
fn finish(schema: &mut Value, key: &Documented) {
    let (path, name) = key.path.rsplit_once('.').unwrap();
    let keys = section(schema, path)["properties"].as_object_mut().unwrap();
    if key.is_refused() {
        keys.shift_remove(name);
        return;
    }
    let schema = keys[name].as_object_mut().unwrap();
    let kind = schema["type"].as_array().expect("schemars adds null");
    schema["type"] = kind[0].clone();
    schema.shift_remove("format"); // of Rust's numbers
    let default = serde_json::to_value(&key.value).unwrap();
    schema.extend(bounds(&key.path, schema));
    if let Some(Value::Object(form)) = forms::of_key(&key.path) {
        schema.extend(form);
    }
    if key.is_fixed() {
        schema.insert("enum".to_owned(), json!([default]));
    } else if let Some(words) = schema.get_mut("enum") {
        let words = words.as_array_mut().unwrap();
        words.retain(|word| !word.is_null() && is_available(&key.path, &word.to_string()));
    }
    schema.insert("description".to_owned(), json!(key.meaning));
    if key.is_default() {
        schema.insert("default".to_owned(), default);
    } else {
        schema.insert("examples".to_owned(), json!([default]));
    }
}

/// The bounds of a number; those of durations and sizes are in the meaning.
fn bounds(path: &str, schema: &Map<String, Value>) -> Map<String, Value> {
    let is_number = schema["type"] == "integer" || schema["type"] == "number";
    let Some((min, max)) = bounds_of(path).filter(|_| is_number) else {
        return Map::new();
    };
    let number = |text: String| Value::Number(text.parse().unwrap());
    Map::from_iter([
        ("minimum".to_owned(), number(min)),
        ("maximum".to_owned(), number(max)),
    ])
}
