//! Keeps the last good document for the next start.

use std::{
    fs::{self, File, OpenOptions},
    future::{Future, ready},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use data_encoding::HEXLOWER;
use http::HeaderValue;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::task::spawn_blocking;

use super::{
    document::{Document, Validators},
    schedule::random,
};
use crate::error::BoxError;

/// Where [`Keep`](super::Keep) keeps the last good document. [`FileStore`] is one.
pub trait Store: Send + Sync + 'static {
    /// The document that was saved last, or `None` if there is none.
    ///
    /// # Errors
    ///
    /// If the document cannot be read, or is not what was saved. The value is then downloaded as if nothing was
    /// stored. The same follows if the future does not end before the deadlines of two runs.
    fn load(&self) -> impl Future<Output = Result<Option<Document>, BoxError>> + Send;

    /// Replaces the stored document.
    ///
    /// # Errors
    ///
    /// If the document cannot be stored. The previous one has to stay readable. The save is repeated after the next
    /// run.
    fn save(&self, document: &Document) -> impl Future<Output = Result<(), BoxError>> + Send;
}

/// Stores nothing. It is the default.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoStore;

impl Store for NoStore {
    fn load(&self) -> impl Future<Output = Result<Option<Document>, BoxError>> + Send {
        ready(Ok(None))
    }

    fn save(&self, _: &Document) -> impl Future<Output = Result<(), BoxError>> + Send {
        ready(Ok(()))
    }
}

/// Stores the document in a file: one line of JSON with its SHA-256 and validators, then the bytes.
///
/// The file is written under another name in the same directory, synced, and renamed, so there is always a complete
/// one. A file that was cut or changed does not match its digest and is not loaded. On Unix only the owner can read
/// it. If two processes use one path, the last save wins.
#[derive(Clone, Debug)]
pub struct FileStore {
    path: Arc<PathBuf>,
    saves: Arc<Mutex<Saves>>,
}

#[derive(Debug, Default)]
struct Saves {
    /// The number of the last save that was started.
    started: u64,
    /// The number of the last save that was written.
    written: u64,
}

impl FileStore {
    /// A store in the file at `path`. Its directory has to exist.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: Arc::new(path.into()),
            saves: Arc::default(),
        }
    }

    fn next_save(&self) -> u64 {
        let mut saves = self.saves.lock().unwrap_or_else(PoisonError::into_inner);
        saves.started = saves.started.saturating_add(1);
        saves.started
    }

    /// Writes the document, unless a later save was written before. Two saves may run on two threads, and the earlier
    /// one must not replace the later one.
    fn write(&self, number: u64, document: &Document) -> io::Result<()> {
        let mut saves = self.saves.lock().unwrap_or_else(PoisonError::into_inner);
        if saves.written < number {
            write(&self.path, document)?;
            saves.written = number;
        }
        Ok(())
    }
}

impl Store for FileStore {
    async fn load(&self) -> Result<Option<Document>, BoxError> {
        let path = Arc::clone(&self.path);
        spawn_blocking(move || {
            remove_unfinished(&path);
            match fs::read(&*path) {
                Ok(file) => parse(&file).map(Some),
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
                Err(error) => Err(format!("cannot read {}: {error}", path.display()).into()),
            }
        })
        .await?
    }

    async fn save(&self, document: &Document) -> Result<(), BoxError> {
        let (store, document) = (self.clone(), document.clone());
        let number = self.next_save();
        spawn_blocking(move || {
            store
                .write(number, &document)
                .map_err(|error| format!("cannot write {}: {error}", store.path.display()).into())
        })
        .await?
    }
}

/// The first line of the file.
#[derive(Serialize, Deserialize)]
struct About {
    sha256: String,
    etag: Option<String>,
    last_modified: Option<String>,
}

fn parse(file: &[u8]) -> Result<Document, BoxError> {
    let end = memchr::memchr(b'\n', file).ok_or("the stored file has no first line")?;
    let (about, rest) = file.split_at(end);
    let bytes = rest.get(1..).unwrap_or_default();
    let about: About = serde_json::from_slice(about)?;
    if about.sha256 != HEXLOWER.encode(&Sha256::digest(bytes)) {
        return Err("the stored file is not what was saved: its digest differs".into());
    }
    let header = |text: Option<String>| text.and_then(|text| HeaderValue::try_from(text).ok());
    Ok(Document {
        bytes: bytes.to_vec().into(),
        validators: Validators {
            etag: header(about.etag),
            last_modified: header(about.last_modified),
        },
    })
}

fn write(path: &Path, document: &Document) -> io::Result<()> {
    let text = |value: &Option<HeaderValue>| Some(value.as_ref()?.to_str().ok()?.to_owned());
    let about = About {
        sha256: HEXLOWER.encode(&Sha256::digest(&document.bytes)),
        etag: text(&document.validators.etag),
        last_modified: text(&document.validators.last_modified),
    };
    let unfinished = unfinished_name(path);
    let written = write_and_rename(&unfinished, path, &about, &document.bytes);
    if written.is_err() {
        // The file may not exist. If it does, the next start removes it.
        drop(fs::remove_file(&unfinished));
    }
    written
}

fn write_and_rename(unfinished: &Path, path: &Path, about: &About, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(unfinished)?;
    serde_json::to_writer(&mut file, about)?;
    file.write_all(b"\n")?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(unfinished, path)?;
    // The new name has to be on the disk as well.
    #[cfg(unix)]
    File::open(directory(path))?.sync_all()?;
    Ok(())
}

fn directory(path: &Path) -> &Path {
    path.parent()
        .filter(|directory| !directory.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

const UNFINISHED: &str = ".unfinished";

/// A name that differs between processes and between saves.
fn unfinished_name(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}-{}{UNFINISHED}", std::process::id(), random()));
    directory(path).join(name)
}

/// Whether a file is an unfinished one of the document `name`. In the same directory, the name of another document
/// may begin with `name` and a dot.
fn is_unfinished(file: &str, name: &str) -> bool {
    let rest = file.strip_prefix(name);
    let rest = rest.and_then(|rest| rest.strip_prefix('.')?.strip_suffix(UNFINISHED));
    let Some((process, number)) = rest.and_then(|rest| rest.split_once('-')) else {
        return false;
    };
    process.parse::<u32>().is_ok() && number.parse::<f64>().is_ok()
}

/// Removes the files that a killed process left. If another process writes to the same path at
/// this moment, its save fails and is repeated after its next run.
fn remove_unfinished(path: &Path) {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        return;
    };
    let Ok(entries) = fs::read_dir(directory(path)) else {
        return;
    };
    for entry in entries.flatten() {
        let found = entry.file_name();
        if found
            .to_str()
            .is_some_and(|found| is_unfinished(found, name))
        {
            // A file that cannot be removed only takes space.
            drop(fs::remove_file(entry.path()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_earlier_save_does_not_replace_a_later_one() {
        let directory = std::env::temp_dir().join(format!("sync-store-{}", std::process::id()));
        fs::create_dir_all(&directory).expect("a directory");
        let store = FileStore::new(directory.join("document"));
        let (earlier, later) = (store.next_save(), store.next_save());
        store.write(later, &Document::new("later")).expect("a save");
        store
            .write(earlier, &Document::new("earlier"))
            .expect("a save");
        let file = fs::read(&*store.path).expect("a file");
        assert_eq!(parse(&file).expect("a document").bytes, "later");
        fs::remove_dir_all(&directory).expect("removed");
    }

    #[tokio::test]
    async fn a_file_that_does_not_exist_is_no_document_and_another_error_is_one() {
        let directory = tempfile::tempdir().expect("a directory");
        let missing = FileStore::new(directory.path().join("missing"));
        assert!(missing.load().await.expect("no document").is_none());
        // It is a directory.
        let unreadable = FileStore::new(directory.path());
        let error = unreadable.load().await.expect_err("no file");
        assert!(error.to_string().starts_with("cannot read "), "{error}");
    }

    #[tokio::test]
    async fn a_load_removes_what_a_killed_process_left_and_no_other_file() {
        let directory = tempfile::tempdir().expect("a directory");
        let store = FileStore::new(directory.path().join("document"));
        store.save(&Document::new("saved")).await.expect("a save");
        let unfinished = unfinished_name(&store.path);
        let others = [
            "document.json",
            "document.json.1-0.5.unfinished",
            "another.1-0.5.unfinished",
            "notes",
        ];
        let others = others.map(|name| directory.path().join(name));
        for file in others.iter().chain([&unfinished]) {
            fs::write(file, "text").expect("a file");
        }
        let loaded = store.load().await.expect("a file");
        assert_eq!(loaded.expect("a document").bytes, "saved");
        assert!(!unfinished.exists());
        for file in &others {
            assert!(file.exists(), "{}", file.display());
        }
    }
}
