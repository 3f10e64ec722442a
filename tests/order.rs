//! The house has one way in: a room uses only rooms that a request meets before it.

use std::{fs, path::Path};

/// The rooms of `src/`, in the order in which they may use each other: to the left only.
const ROOMS: [&str; 21] = [
    "error",
    "clock",
    "rejection",
    "secret",
    "budget",
    "deadline",
    "scheme",
    "verified",
    "provider",
    "read",
    "response",
    "observe",
    "settings",
    "future",
    "service",
    "layer",
    "axum",
    "testing",
    "handshake",
    "refresh",
    "guide",
];

#[test]
fn imports_go_one_way() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut upwards = Vec::new();
    let mut seen = 0;
    visit(&source, &mut |path, text| {
        let inside = path.strip_prefix(&source).expect("a file in src");
        let first = inside.iter().next().expect("a name").to_string_lossy();
        let room = first.trim_end_matches(".rs");
        if room == "lib" {
            return;
        }
        let rank = rank(room);
        for used in used_rooms(text) {
            seen += 1;
            if used != room && self::rank(&used) >= rank {
                upwards.push(format!("{}: uses {used}", inside.display()));
            }
        }
    });
    assert!(
        seen > 40,
        "only {seen} imports were found: is the test blind?"
    );
    assert!(
        upwards.is_empty(),
        "staircases going up:\n{}",
        upwards.join("\n")
    );
}

#[test]
fn the_plan_of_the_house_names_the_rooms_in_this_order() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("CONTRIBUTING.md");
    let page = fs::read_to_string(page).expect("a page");
    let (_, plan) = page.split_once("## The plan of the house").expect("a plan");
    let (plan, _) = plan.split_once("The walk of one request").expect("its end");
    let named: Vec<_> = plan
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split(['.', '/', '`']).next())
        .filter(|room| *room != "lib")
        .collect();
    assert_eq!(named, ROOMS);
}

#[test]
fn nested_and_plain_imports_are_both_seen() {
    let text = "use crate::{\n    error::{BoxError, ConfigError},\n    scheme::Check,\n};\n\
                use crate::read::Reader;\npub(crate) fn f(_: crate::layer::WebhookAuthLayer<()>) {}";
    assert_eq!(used_rooms(text), ["error", "scheme", "read", "layer"]);
}

fn rank(room: &str) -> usize {
    ROOMS
        .iter()
        .position(|known| *known == room)
        .unwrap_or_else(|| panic!("the room {room:?} has no place in the order: give it one"))
}

fn visit(folder: &Path, each: &mut dyn FnMut(&Path, &str)) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            visit(&path, each);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            each(&path, &fs::read_to_string(&path).expect("a source file"));
        }
    }
}

/// What stands behind each `crate::`, also in braces; comments do not count.
fn used_rooms(text: &str) -> Vec<String> {
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .map(|line| format!("{line}\n"))
        .collect();
    let mut rooms = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(list) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut item = String::new();
            for character in list.chars() {
                match character {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => rooms.extend(room_of(&std::mem::take(&mut item))),
                    other if depth == 0 => item.push(other),
                    _ => {}
                }
            }
            rooms.extend(room_of(&item));
        } else {
            rooms.extend(room_of(rest));
        }
    }
    rooms
}

/// The module that a path begins with; a type or function at the crate's top is no room.
fn room_of(path: &str) -> Option<String> {
    let name: String = path
        .trim()
        .chars()
        .take_while(|character| character.is_alphanumeric() || *character == '_')
        .collect();
    let module = name.chars().next().is_some_and(char::is_lowercase);
    module.then_some(name)
}
