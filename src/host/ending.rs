//! A request to end, as a flag: a command that has something to clean up looks at it where it waits.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Whether a signal asked this process to end. A second one ends it at once, so that nothing can hang.
#[derive(Clone, Debug, Default)]
pub struct Ending(Arc<AtomicUsize>);

impl Ending {
    /// Listens to Ctrl-C, a closed terminal and a plain `kill` from now on.
    #[cfg(unix)]
    pub fn listen() -> io::Result<Self> {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
        use signal_hook::flag;
        let (seen, again) =
            (Arc::new(AtomicUsize::new(0)), Arc::new(std::sync::atomic::AtomicBool::new(false)));
        for signal in [SIGHUP, SIGINT, SIGTERM] {
            // In this order: the first one only sets the flags.
            flag::register_conditional_default(signal, again.clone())?;
            flag::register(signal, again.clone())?;
            flag::register_usize(signal, seen.clone(), usize::try_from(signal).unwrap_or_default())?;
        }
        Ok(Self(seen))
    }

    /// The same; the system's own way of ending remains.
    #[cfg(not(unix))]
    pub fn listen() -> io::Result<Self> {
        Ok(Self::default())
    }

    /// The signal that came.
    #[must_use]
    pub fn signal(&self) -> Option<i32> {
        i32::try_from(self.0.load(Ordering::Relaxed)).ok().filter(|signal| *signal != 0)
    }
}
