//! The wizard, on this machine or on the demo's sample home.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::Arc;

use super::{Desk, Exit, Failure, print};
use crate::cli;
use crate::demo::Demo;
use crate::tui;

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
    let demo = Demo::start(args.keep.as_deref()).map_err(|error| {
        Failure::new(
            format!("cannot build the sample home: {error}"),
            "name an empty folder with --keep, or leave it out",
        )
    })?;
    if args.serve {
        return serve(&demo);
    }
    let routes = demo.routes();
    let demo = Arc::new(demo);
    run(&tui::Desk {
        world: Arc::new(move || demo.world()),
        catalogue: Arc::new(desk.catalogue),
        offline: false,
        clipboard: Arc::new(|provider| Ok(Demo::paste(provider.unwrap_or_default()))),
        routes,
    })
}

fn run(desk: &tui::Desk) -> Result<Exit, Failure> {
    tui::run(desk).map(|()| Exit::Fine).map_err(|error| {
        Failure::new(
            format!("the wizard cannot open: {error}"),
            "`keymend status` says the same without a terminal",
        )
    })
}

/// Prints what a script needs to look at the sample home, and keeps the providers up until standard input closes.
fn serve(demo: &Demo) -> Result<Exit, Failure> {
    let mut lines = String::new();
    for (name, value) in demo.env() {
        lines += &format!("{name}={value}\n");
    }
    for (host, url) in demo.routes() {
        lines += &format!("# {host} {url}\n");
    }
    print(&lines)?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(Exit::Fine)
}
