//! `agents`, `completions`, `man`: what keymend knows, without looking at any key.

use clap::CommandFactory as _;
use clap_complete::Shell;
use serde::Serialize;

use super::{Desk, Exit, Failure, print, print_json};
use crate::agents::{self, Record};
use crate::cli::{self, Cli, manual};
use crate::report::{self, SCHEMA, text};
use crate::session;

#[derive(Serialize)]
struct AgentsJson {
    schema: u32,
    agents: Vec<KnownJson>,
}

#[derive(Serialize)]
struct KnownJson {
    id: &'static str,
    name: &'static str,
    rules_on_record: bool,
    versions: &'static [&'static str],
    looks: Vec<LookJson>,
    present: bool,
    installed_version: Option<String>,
}

#[derive(Serialize)]
struct LookJson {
    place: &'static str,
    note: &'static str,
}

/// `keymend agents`.
pub(super) fn agents(desk: &Desk, args: &cli::List) -> Result<Exit, Failure> {
    if args.markdown {
        print(&text::agents_markdown(agents::ALL))?;
        return Ok(Exit::Fine);
    }
    let scan = session::scan_all(&desk.world(), &desk.catalogue);
    if !args.json {
        print(&text::agents(agents::ALL, &scan))?;
        return Ok(Exit::Fine);
    }
    let known = agents::ALL.iter().map(|agent| {
        let found = scan.agents.iter().find(|scanned| scanned.agent.id == agent.id);
        KnownJson {
            id: agent.id,
            name: agent.name,
            rules_on_record: agent.record == Record::Rules,
            versions: agent.versions,
            looks: agent.looks.iter().map(|look| LookJson { place: look.place, note: look.note }).collect(),
            present: found.is_some(),
            installed_version: found.and_then(|scanned| scanned.findings.version.clone()),
        }
    });
    print_json(&AgentsJson { schema: SCHEMA, agents: known.collect() })?;
    Ok(Exit::Fine)
}

#[derive(Serialize)]
struct ProvidersJson<'a> {
    schema: u32,
    providers: Vec<crate::provider::Listed<'a>>,
    troubles: &'a [String],
}

/// `keymend providers`.
pub(super) fn providers(desk: &Desk, args: &cli::List) -> Result<Exit, Failure> {
    let catalogue = &desk.catalogue;
    if args.markdown {
        print(&catalogue.markdown())?;
    } else if args.json {
        let providers = catalogue.list();
        print_json(&ProvidersJson { schema: SCHEMA, providers, troubles: &catalogue.troubles })?;
    } else {
        print(&catalogue.lines())?;
    }
    Ok(if catalogue.troubles.is_empty() { Exit::Fine } else { Exit::Problems })
}

/// `keymend completions`.
pub(super) fn completions(shell: Shell) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "keymend", &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Fine)
}

/// `keymend man`.
pub(super) fn man(args: &cli::Manual) -> Result<Exit, Failure> {
    if args.list {
        print(&manual::names().map(|name| name + "\n").collect::<String>())?;
        return Ok(Exit::Fine);
    }
    let Some(page) = manual::page(&args.command) else {
        let what = format!("no command is called {}", report::plain(&args.command.join(" ")));
        return Err(Failure::new(what, "`keymend man --list` lists the pages"));
    };
    print(&String::from_utf8_lossy(&page?))?;
    Ok(Exit::Fine)
}
