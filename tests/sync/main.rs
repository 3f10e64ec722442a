//! What follows a delivery: refreshers, kept values and replicas.
#![cfg(feature = "sync")]

mod fleet;
mod keep;
mod refresh;
mod source;

/// Wall-clock time may jump. Nothing in `sync` may read it.
#[test]
fn no_part_of_sync_reads_the_system_clock() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sync");
    let mut files = 0;
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read_to_string(&path).expect("a source file");
        assert!(!text.contains("SystemTime"), "{}", path.display());
        files += 1;
    }
    assert!(files > 10, "only {files} files were found");
}
