//! The wizard, on this machine or on the demo's sample home.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use super::{Desk, Exit, Failure};
use crate::cli;
use crate::demo::Demo;
use crate::host::ending::Ending;
use crate::host::output;
use crate::tui;

/// How often `demo --serve` looks whether it was asked to end.
const LOOK_AFTER_SIGNALS: Duration = Duration::from_millis(100);

/// The wizard on this machine.
pub(super) fn here(desk: Desk) -> Result<Exit, Failure> {
    let home = desk.home;
    run(&tui::Desk {
        world: Arc::new(move || crate::host::RealWorld::new(home.clone())),
        catalogue: Arc::new(desk.catalogue),
        offline: desk.offline,
        clipboard: Arc::new(|_| crate::host::clipboard::read()),
        routes: BTreeMap::new(),
    })
}

/// The wizard on the sample home, or the sample home alone.
pub(super) fn demo(desk: Desk, args: &cli::Demo) -> Result<Exit, Failure> {
    let ending = args.serve.then(Ending::listen).transpose()?;
    let demo = Demo::start(args.keep.as_deref()).map_err(|error| {
        Failure::new(
            format!("cannot build the sample home: {error}"),
            "name an empty folder with --keep, or leave it out",
        )
    })?;
    if let Some(ending) = ending {
        return serve(&demo, &ending);
    }
    let routes = demo.routes();
    let demo = Arc::new(demo);
    let shown = demo.clone();
    let end = run(&tui::Desk {
        world: Arc::new(move || shown.world()),
        catalogue: Arc::new(desk.catalogue),
        offline: false,
        clipboard: Arc::new(|provider| Ok(Demo::paste(provider.unwrap_or_default()))),
        routes,
    });
    demo.close();
    end
}

fn run(desk: &tui::Desk) -> Result<Exit, Failure> {
    tui::run(desk).map_err(|error| {
        Failure::new(
            format!("the wizard cannot open: {error}"),
            "`keymend status`, `keymend check` and `keymend set AGENT/PROVIDER` do the same line by line",
        )
    })
}

/// Prints what a script needs to look at the sample home, and keeps the providers up until standard input closes.
fn serve(demo: &Demo, ending: &Ending) -> Result<Exit, Failure> {
    let mut lines = String::new();
    for (name, value) in demo.env() {
        lines += &format!("{name}={value}\n");
    }
    for (host, url) in demo.routes() {
        lines += &format!("# {host} {url}\n");
    }
    output::sample(&lines)?;
    let (sender, closed) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        let _ = sender.send(());
    });
    // The sample home goes when this returns, whatever it was that ended it.
    while ending.signal().is_none() {
        if closed.recv_timeout(LOOK_AFTER_SIGNALS) != Err(RecvTimeoutError::Timeout) {
            return Ok(Exit::Fine);
        }
    }
    Ok(ending.signal().map_or(Exit::Fine, Exit::Signal))
}
