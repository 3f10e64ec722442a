//! Chromium, with a profile of its own for each test.

use std::{
    env,
    path::PathBuf,
    time::{Duration, Instant},
};

use chromiumoxide::{
    BrowserConfig,
    cdp::browser_protocol::browser::{
        PermissionDescriptor, PermissionSetting, SetDownloadBehaviorBehavior,
        SetDownloadBehaviorParams, SetPermissionParams,
    },
};
use futures_util::StreamExt;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::{PATIENCE, Page};

pub struct Browser {
    browser: chromiumoxide::Browser,
    events: JoinHandle<()>,
    profile: TempDir,
}

impl Browser {
    pub async fn start() -> Self {
        let program = env::var_os("CHROMIUM")
            .map_or_else(|| PathBuf::from("/usr/bin/chromium"), PathBuf::from);
        let profile = tempfile::tempdir().expect("a folder");
        let config = BrowserConfig::builder()
            .chrome_executable(program)
            .no_sandbox()
            .user_data_dir(profile.path().join("profile"))
            .window_size(1280, 800)
            .viewport(None)
            .launch_timeout(PATIENCE)
            .request_timeout(PATIENCE)
            .args([
                "disable-gpu",
                "disable-component-update",
                "no-default-browser-check",
            ])
            .build()
            .expect("a complete configuration");
        let (browser, mut handler) = chromiumoxide::Browser::launch(config)
            .await
            .expect("chromium starts");
        let events = tokio::spawn(async move { while handler.next().await.is_some() {} });
        let downloads = SetDownloadBehaviorParams::builder()
            .behavior(SetDownloadBehaviorBehavior::Allow)
            .download_path(profile.path().join("downloads").display().to_string())
            .build()
            .expect("a behaviour");
        browser.execute(downloads).await.expect("downloads");
        Self {
            browser,
            events,
            profile,
        }
    }

    /// A new tab with nothing in it.
    pub async fn tab(&self) -> Page {
        let page = self.browser.new_page("about:blank").await.expect("a tab");
        Page::new(page).await
    }

    /// A tab with the page of the inspector, connected.
    pub async fn open(&self, link: &str) -> Page {
        let page = self.tab().await;
        page.goto(link).await;
        page.wait(
            "the page is connected",
            "document.querySelector('#link')?.dataset.state === 'live'",
        )
        .await;
        page
    }

    /// Lets a page read the clipboard: the tests look at what was copied.
    pub async fn allow_clipboard(&self) {
        for name in ["clipboard-read", "clipboard-write"] {
            let grant = SetPermissionParams::new(
                PermissionDescriptor::new(name),
                PermissionSetting::Granted,
            );
            self.browser.execute(grant).await.expect("a permission");
        }
    }

    /// The text of a file that the page saved.
    pub async fn saved(&self, name: &str) -> String {
        let path = self.profile.path().join("downloads").join(name);
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            match tokio::fs::read_to_string(&path).await {
                Ok(text) if !text.is_empty() => return text,
                _ => {}
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("no file {name} was saved")
    }

    pub async fn close(mut self) {
        let _ = self.browser.close().await;
        let _ = self.browser.wait().await;
        self.events.abort();
    }
}
