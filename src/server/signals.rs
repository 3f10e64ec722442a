//! Ctrl-C and SIGTERM.
//!
//! Both have handlers of their own. For process 1 of a container the system's default for SIGTERM is to
//! ignore it.

use std::{
    io,
    task::{Context, Poll},
};

#[cfg(unix)]
pub(super) struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    pub(super) fn install() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Ready once for each signal.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        // `None` means that no more signals can come.
        if let Poll::Ready(Some(())) = self.interrupt.poll_recv(context) {
            return Poll::Ready(());
        }
        if let Poll::Ready(Some(())) = self.terminate.poll_recv(context) {
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

#[cfg(windows)]
pub(super) struct Signals {
    interrupt: tokio::signal::windows::CtrlC,
    terminate: tokio::signal::windows::CtrlShutdown,
}

#[cfg(windows)]
impl Signals {
    pub(super) fn install() -> io::Result<Self> {
        Ok(Self {
            interrupt: tokio::signal::windows::ctrl_c()?,
            terminate: tokio::signal::windows::ctrl_shutdown()?,
        })
    }

    /// Ready once for each signal.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Poll::Ready(Some(())) = self.interrupt.poll_recv(context) {
            return Poll::Ready(());
        }
        if let Poll::Ready(Some(())) = self.terminate.poll_recv(context) {
            return Poll::Ready(());
        }
        Poll::Pending
    }
}
