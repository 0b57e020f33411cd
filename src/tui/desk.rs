//! What the wizard works on, and what can wake its loop.

use std::sync::Arc;

use crate::exit::Exit;
use crate::host::RealWorld;
use crate::host::clipboard::ClipboardError;
use crate::host::writer::SystemKeyring;
use crate::provider::Catalogue;
use crate::secret::Secret;
use crate::session::test::Routes;
use crate::session::write::Bench;

use super::message::Message;

/// What the wizard works on.
#[derive(Clone)]
pub struct Desk {
    /// Makes a fresh view of the machine.
    pub world: Arc<dyn Fn() -> RealWorld + Send + Sync>,
    /// The providers.
    pub catalogue: Arc<Catalogue>,
    /// Nothing goes over the network.
    pub offline: bool,
    /// The clipboard's text; the demo has another one, which knows the provider.
    pub clipboard: Arc<Clipboard>,
    /// Hosts that are played by another address (host to base URL); the demo's providers.
    pub routes: Routes,
}

/// Reads the clipboard, for a key of this provider.
pub type Clipboard = dyn Fn(Option<&str>) -> Result<Secret, ClipboardError> + Send + Sync;

impl Desk {
    /// What a write needs.
    pub fn bench(&self) -> Bench<'_> {
        Bench { world: &*self.world, catalogue: &self.catalogue, keyring: &SystemKeyring }
    }
}

/// What can wake the loop.
pub enum Wake {
    /// Something happened.
    Message(Box<Message>),
    /// The program goes on after a stop.
    Continued,
    /// The run ends.
    Stop(Exit),
}

impl Wake {
    /// Something happened.
    pub fn of(message: Message) -> Self {
        Self::Message(Box::new(message))
    }
}
