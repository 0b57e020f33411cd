//! What is made from the code: the tables, the page of findings, one page for each agent, the page of commands.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use keymend::agents::{self, Agent, Record};

use super::pages;

#[test]
fn the_tables_are_todays() {
    let _turn = pages::turn();
    pages::hold_part("README.md", "exit codes", &keymend::exit::markdown());
    pages::hold_part("docs/agents.md", "agents", &table_of_agents());
    pages::hold_part("docs/providers.md", "providers", &keymend::provider::Catalogue::embedded().markdown());
}

/// The README names them in its text.
#[test]
fn the_numbers_in_the_readme_are_right() {
    let readme = std::fs::read_to_string(pages::root().join("README.md")).unwrap();
    let (known, found): (Vec<&Agent>, Vec<&Agent>) =
        agents::ALL.iter().partition(|agent| agent.record == Record::Rules);
    let names = |agents: &[&Agent]| agents.iter().map(|agent| agent.name).collect::<Vec<_>>().join(", ");
    let text = readme.replace('\n', " ");
    assert!(text.contains(&format!("{} agents have rules: {}.", known.len(), names(&known))));
    assert!(text.contains(&format!("found and named only: {}.", names(&found))));
    let providers = keymend::provider::Catalogue::embedded().all().len();
    assert!(text.contains(&format!("[{providers} providers]")), "{providers}");
}

#[test]
fn the_page_of_findings_is_todays() {
    let _turn = pages::turn();
    pages::hold("docs/findings.md", &keymend::finding::markdown());
}

/// The program's own table, with a way to the page of each agent.
fn table_of_agents() -> String {
    let table = keymend::report::text::agents_markdown(agents::ALL);
    agents::ALL.iter().fold(table, |table, agent| {
        table.replace(
            &format!("| {} | `", agent.name),
            &format!("| [{}](agents/{}.md) | `", agent.name, agent.id),
        )
    })
}

/// How many recordings there are of an agent.
fn recordings(agent: &Agent) -> usize {
    let folder = pages::root().join("tests/recordings").join(agent.id);
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}

/// The number that a page names.
fn told(page: &str) -> Option<usize> {
    let words = page.split("at least ").nth(1)?;
    words.split(' ').next()?.parse().ok()
}

/// The recordings that are not predicted, by `tool/id`.
fn misses() -> BTreeMap<&'static str, &'static str> {
    let lines = include_str!("../known_misses.txt").lines();
    lines.filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(": ")).collect()
}

fn page(agent: &Agent, count: usize) -> String {
    let mut out = String::new();
    let _ = match agent.record {
        Record::FoundOnly => writeln!(
            out,
            "keymend finds {} and names it. Its rules are unknown: no recording shows what it sends, so keymend does not say.",
            agent.name
        ),
        Record::Rules if count == 0 => writeln!(
            out,
            "The rules are made from the source of {}. There are no recordings of the real program yet.",
            agent.versions.join(" and ")
        ),
        Record::Rules => writeln!(
            out,
            "The rules are held against at least {count} recordings of the real program, {} {}: what was in the home and the \
             environment, and what it then sent to a server on loopback.",
            if agent.versions.len() == 1 { "version" } else { "versions" },
            agent.versions.join(" and ")
        ),
    };
    let missed: Vec<_> =
        misses().into_iter().filter(|(id, _)| id.starts_with(&format!("{}/", agent.id))).collect();
    if !missed.is_empty() {
        let _ = writeln!(out, "\nWhere keymend says \"not known\":\n");
        for (_, reason) in missed {
            let _ = writeln!(out, "* {reason}");
        }
    }
    let _ = writeln!(out, "\n## Where it looks, strongest first\n");
    for (n, look) in (1..).zip(agent.looks) {
        let note = if look.note.is_empty() { String::new() } else { format!(": {}", look.note) };
        let _ = writeln!(out, "{n}. `{}`{note}", look.place);
    }
    let _ = writeln!(
        out,
        "\nThis is the usual order. What decides in your home, with its settings and its version, is what the program says:\n\n\
         ```sh\nkeymend status {id}            # what it sends, and from where",
        id = agent.id
    );
    if agent.record == Record::Rules {
        let _ = writeln!(
            out,
            "keymend check {id}             # what is wrong, with a live test of each key",
            id = agent.id
        );
    }
    if keymend::prove::knows(agent.id) {
        let _ = writeln!(
            out,
            "keymend prove {id}             # runs your own {name} once against loopback, and compares",
            id = agent.id,
            name = agent.name
        );
    }
    let names: Vec<_> = agent.aliases.iter().map(|name| format!("`{name}`")).collect();
    let _ = writeln!(
        out,
        "```\n\nIts id is `{}`{}.",
        agent.id,
        match names.as_slice() {
            [] => String::new(),
            names => format!("; {} means the same", names.join(" or ")),
        }
    );
    out
}

#[test]
fn each_agent_has_its_page() {
    let _turn = pages::turn();
    for agent in agents::ALL {
        let name = format!("docs/agents/{}.md", agent.id);
        let old = std::fs::read_to_string(pages::root().join(&name)).unwrap_or_default();
        let count = recordings(agent);
        // More recordings than a page names keep it true.
        let named = told(&old).filter(|named| *named <= count && !pages::updates()).unwrap_or(count);
        let text = page(agent, named);
        let text = pages::with_part(&old, "agent", &text)
            .unwrap_or_else(|| format!("# {}\n\n<!-- agent -->\n{text}<!-- /agent -->\n", agent.name));
        pages::hold(&name, &text);
    }
}

#[test]
fn the_page_of_commands_is_todays() {
    let _turn = pages::turn();
    let mut root = <keymend::cli::Cli as clap::CommandFactory>::command();
    root.build();
    let mut out = String::from(
        "# Commands\n\nWhat the help of each command prints. `keymend man set` is the same as a manual page, with its files and variables;\n\
         `keymend completions bash` prints the completions of a shell.\n",
    );
    command(&root, &mut out);
    pages::hold("docs/commands.md", &out);
}

/// The help of a command and of those below it.
fn command(of: &clap::Command, out: &mut String) {
    let name = of.get_bin_name().unwrap_or("keymend");
    let help = of.clone().render_help().to_string();
    let lines: Vec<&str> = help.trim_end().lines().map(str::trim_end).collect();
    let _ = writeln!(out, "\n## {name}\n\n```text\n{}\n```", lines.join("\n"));
    for below in of.get_subcommands().filter(|below| below.get_name() != "help") {
        command(below, out);
    }
}
