//! The map of rooms in `src/lib.rs` is true: no room is missing, and each imports only from rooms below it.

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms of the map, the highest first.
fn rooms() -> Vec<String> {
    let door = fs::read_to_string(source().join("lib.rs")).unwrap();
    let rows = door
        .lines()
        .filter_map(|line| line.strip_prefix("//! | [`"));
    let names = rows.filter_map(|row| row.split_once('`'));
    names.map(|(name, _)| name.to_owned()).collect()
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every source file of a room, tests excepted: they may stand on anything.
fn files(room: &str) -> Vec<PathBuf> {
    let mut files = vec![source().join(room).with_extension("rs")];
    let mut folders = vec![source().join(room)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            let is_test = path.file_stem().is_some_and(|stem| stem == "tests");
            match path.extension() {
                _ if is_test => {}
                None => folders.push(path),
                Some(_) => files.push(path),
            }
        }
    }
    files.retain(|file| file.extension().is_some_and(|extension| extension == "rs"));
    files
}

/// What a file says of the other rooms, without its comments and its tests at the end.
fn imports(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap();
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let lines = code.lines().map(|line| line.split("//").next().unwrap());
    let paths = lines.flat_map(|line| line.split("crate::").skip(1));
    let is_end = |c: char| !c.is_ascii_lowercase() && c != '_';
    let rooms = paths.filter_map(|path| path.split(is_end).next());
    rooms.map(str::to_owned).collect()
}

#[test]
fn the_map_has_every_room() {
    let door = fs::read_to_string(source().join("lib.rs")).unwrap();
    let public = door
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod "));
    let mut public: Vec<_> = public.map(|name| name.trim_end_matches(';')).collect();
    let mut drawn = rooms();
    public.sort_unstable();
    drawn.sort_unstable();
    assert_eq!(drawn, public);
}

#[test]
fn a_room_imports_only_from_rooms_below_it() {
    let rooms = rooms();
    let mut arrows = 0;
    for (place, room) in rooms.iter().enumerate() {
        for file in files(room) {
            for other in imports(&file) {
                let above = rooms.iter().take(place).any(|name| *name == other);
                assert!(!above, "{} imports from {other}", file.display());
                arrows += 1;
            }
        }
    }
    assert!(arrows > 300, "{arrows}: nothing was read");
}
