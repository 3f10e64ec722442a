//! Imports go one way: a module uses only modules that come before it in the order below.

use std::{fs, path::Path};

/// The modules of `src/`. Each may use only those before it.
const MODULES: [&str; 23] = [
    "error",
    "base64",
    "text",
    "event",
    "clock",
    "identity",
    "secret",
    "rejection",
    "response",
    "server",
    "sync",
    "scheme",
    "verified",
    "provider",
    "delivery",
    "diagnosis",
    "tenants",
    "auth",
    "replay",
    "axum",
    "testing",
    "handshake",
    "guide",
];

#[test]
fn imports_go_one_way() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong_way = Vec::new();
    let mut seen = 0;
    visit(&source, &mut |path, text| {
        let inside = path.strip_prefix(&source).expect("a file in src");
        let first = inside.iter().next().expect("a name").to_string_lossy();
        let module = first.trim_end_matches(".rs");
        if module == "lib" {
            return;
        }
        let rank = rank(module);
        for used in used_modules(text) {
            seen += 1;
            if used != module && self::rank(&used) >= rank {
                wrong_way.push(format!("{}: uses {used}", inside.display()));
            }
        }
    });
    assert!(
        seen > 40,
        "only {seen} imports were found: is the test blind?"
    );
    assert!(
        wrong_way.is_empty(),
        "imports that go the wrong way:\n{}",
        wrong_way.join("\n")
    );
}

#[test]
fn contributing_lists_the_modules_in_this_order() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("CONTRIBUTING.md");
    let page = fs::read_to_string(page).expect("a page");
    let (_, list) = page.split_once("## Modules").expect("the list of modules");
    let (list, _) = list.split_once("The path of one request").expect("its end");
    let named: Vec<_> = list
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split(['.', '/', '`']).next())
        .filter(|module| *module != "lib")
        .collect();
    assert_eq!(named, MODULES);
}

#[test]
fn nested_and_plain_imports_are_both_seen() {
    let text = "use crate::{\n    error::{BoxError, ConfigError},\n    scheme::Check,\n};\n\
                use crate::read::Reader;\npub(crate) fn f(_: crate::layer::WebhookAuthLayer<()>) {}";
    assert_eq!(used_modules(text), ["error", "scheme", "read", "layer"]);
}

fn rank(module: &str) -> usize {
    MODULES
        .iter()
        .position(|known| *known == module)
        .unwrap_or_else(|| {
            panic!("the module {module:?} has no place in the order: add it to MODULES")
        })
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

/// The modules named after each `crate::`, also in braces. Comments do not count.
fn used_modules(text: &str) -> Vec<String> {
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .map(|line| format!("{line}\n"))
        .collect();
    let mut modules = Vec::new();
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
                    ',' if depth == 0 => modules.extend(module_of(&std::mem::take(&mut item))),
                    other if depth == 0 => item.push(other),
                    _ => {}
                }
            }
            modules.extend(module_of(&item));
        } else {
            modules.extend(module_of(rest));
        }
    }
    modules
}

/// The module that a path begins with. A type or function at the top of the crate is not a module.
fn module_of(path: &str) -> Option<String> {
    let name: String = path
        .trim()
        .chars()
        .take_while(|character| character.is_alphanumeric() || *character == '_')
        .collect();
    let module = name.chars().next().is_some_and(char::is_lowercase);
    module.then_some(name)
}
