//! The files of the page. They are in the program, so it works in every directory.

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Path of the URL, content type, text. None of them holds anything of a delivery, so they need no token.
pub(crate) const FILES: &[(&str, &str, &str)] = &[
    ("/", HTML, include_str!("../page/page.html")),
    (
        "/icon.svg",
        "image/svg+xml",
        include_str!("../page/icon.svg"),
    ),
    (
        "/js/announce.js",
        SCRIPT,
        include_str!("../page/js/announce.js"),
    ),
    ("/js/api.js", SCRIPT, include_str!("../page/js/api.js")),
    ("/js/body.js", SCRIPT, include_str!("../page/js/body.js")),
    (
        "/js/compare.js",
        SCRIPT,
        include_str!("../page/js/compare.js"),
    ),
    (
        "/js/delivery.js",
        SCRIPT,
        include_str!("../page/js/delivery.js"),
    ),
    (
        "/js/dialogs.js",
        SCRIPT,
        include_str!("../page/js/dialogs.js"),
    ),
    (
        "/js/element.js",
        SCRIPT,
        include_str!("../page/js/element.js"),
    ),
    ("/js/empty.js", SCRIPT, include_str!("../page/js/empty.js")),
    ("/js/event.js", SCRIPT, include_str!("../page/js/event.js")),
    (
        "/js/export.js",
        SCRIPT,
        include_str!("../page/js/export.js"),
    ),
    (
        "/js/fields.js",
        SCRIPT,
        include_str!("../page/js/fields.js"),
    ),
    (
        "/js/format.js",
        SCRIPT,
        include_str!("../page/js/format.js"),
    ),
    (
        "/js/forward.js",
        SCRIPT,
        include_str!("../page/js/forward.js"),
    ),
    (
        "/js/headers.js",
        SCRIPT,
        include_str!("../page/js/headers.js"),
    ),
    ("/js/hex.js", SCRIPT, include_str!("../page/js/hex.js")),
    ("/js/json.js", SCRIPT, include_str!("../page/js/json.js")),
    ("/js/list.js", SCRIPT, include_str!("../page/js/list.js")),
    ("/js/match.js", SCRIPT, include_str!("../page/js/match.js")),
    (
        "/js/secrets.js",
        SCRIPT,
        include_str!("../page/js/secrets.js"),
    ),
    (
        "/js/senders.js",
        SCRIPT,
        include_str!("../page/js/senders.js"),
    ),
    (
        "/js/settings.js",
        SCRIPT,
        include_str!("../page/js/settings.js"),
    ),
    ("/js/store.js", SCRIPT, include_str!("../page/js/store.js")),
    ("/js/test.js", SCRIPT, include_str!("../page/js/test.js")),
    ("/js/tree.js", SCRIPT, include_str!("../page/js/tree.js")),
    (
        "/js/verdict.js",
        SCRIPT,
        include_str!("../page/js/verdict.js"),
    ),
    (
        "/page.css",
        "text/css; charset=utf-8",
        include_str!("../page/page.css"),
    ),
    ("/page.js", SCRIPT, include_str!("../page/page.js")),
];

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::FILES;

    #[test]
    fn every_file_of_the_page_is_served() {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("page");
        let in_the_folder: BTreeSet<String> = [page.clone(), page.join("js")]
            .iter()
            .flat_map(|folder| fs::read_dir(folder).expect("a folder"))
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.is_file())
            .map(|path| {
                format!(
                    "/{}",
                    path.strip_prefix(&page)
                        .expect("a file of the page")
                        .display()
                )
            })
            .collect();
        let served: BTreeSet<String> = FILES
            .iter()
            .map(|(path, ..)| if *path == "/" { "/page.html" } else { path })
            .map(str::to_owned)
            .collect();
        assert_eq!(in_the_folder, served);
    }

    #[test]
    fn the_page_has_no_inline_script_or_style_and_no_address_of_another_host() {
        for (path, _, text) in FILES {
            for forbidden in [
                "style=\"",
                "onclick=\"",
                "<script>",
                "<style",
                "javascript:",
                "innerHTML",
                "https://",
                "eval(",
            ] {
                assert!(!text.contains(forbidden), "{path} contains {forbidden}");
            }
        }
    }
}
