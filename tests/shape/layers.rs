//! Who may use whom. A module uses modules of layers above its own in this table, and of these only what it names;
//! so there is no circle. The picture in ARCHITECTURE.md is made from it:
//! `KEYMEND_UPDATE=1 cargo test --test shape`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::source;

/// A layer: its name, and its modules with what each may use.
type Layer = (&'static str, &'static [(&'static str, &'static str)]);

const LAYERS: &[Layer] = &[
    ("plain data", &[("exit", ""), ("finding", ""), ("pages", ""), ("secret", "")]),
    ("places", &[("printer", "secret"), ("source", "secret")]),
    (
        "what is known",
        &[
            ("destination", "secret source"),
            ("provider", "printer secret"),
            ("resolve", "finding secret source"),
            ("world", "secret source"),
        ],
    ),
    (
        "readers",
        &[
            ("formats", "finding secret source world"),
            ("hygiene", "provider secret"),
            ("probe", "provider resolve secret"),
        ],
    ),
    (
        "rules",
        &[
            ("agents", "destination finding formats provider resolve secret source world"),
            ("edit", "formats printer provider secret source"),
            ("lint", "finding hygiene provider resolve secret world"),
        ],
    ),
    (
        "changes",
        &[
            ("ambient", "finding formats lint secret source world"),
            (
                "plan",
                "agents destination edit finding formats hygiene lint provider resolve secret source world",
            ),
        ],
    ),
    ("ways out", &[("remedy", "agents finding hygiene plan probe provider resolve secret source")]),
    ("machine", &[("host", "edit exit formats plan printer probe provider secret source world")]),
    ("tools", &[("demo", "host secret"), ("prove", "host resolve secret world"), ("settings", "host world")]),
    (
        "what a person can do",
        &[(
            "session",
            "agents ambient destination edit finding formats host hygiene lint plan printer probe prove provider remedy \
             resolve secret settings source world",
        )],
    ),
    ("what an error says", &[("why", "agents hygiene printer probe provider resolve secret session")]),
    (
        "surfaces",
        &[
            ("cli", "exit pages"),
            (
                "report",
                "agents finding pages plan printer probe provider remedy resolve secret session source why world",
            ),
            (
                "tui",
                "agents destination edit exit finding host hygiene plan printer probe provider remedy resolve secret \
                 session settings source world",
            ),
        ],
    ),
    (
        "scripts",
        &[(
            "commands",
            "agents cli demo edit exit finding host hygiene pages plan printer probe prove provider remedy report resolve secret \
             session settings source tui why world",
        )],
    ),
    ("program", &[("main", "cli commands exit host tui")]),
];

fn modules() -> impl Iterator<Item = (&'static str, BTreeSet<&'static str>)> {
    LAYERS
        .iter()
        .flat_map(|(_, modules)| *modules)
        .map(|(name, uses)| (*name, uses.split_whitespace().collect()))
}

#[test]
fn a_layer_uses_those_above_it_alone() {
    let mut above = BTreeSet::new();
    for (layer, modules) in LAYERS {
        for (module, uses) in *modules {
            for used in uses.split_whitespace() {
                assert!(
                    above.contains(used),
                    "{module} ({layer}) may not use {used}: it is not in a layer above"
                );
            }
        }
        above.extend(modules.iter().map(|(module, _)| *module));
    }
}

#[test]
fn a_module_uses_what_the_table_allows() {
    let allowed: BTreeMap<_, _> = modules().collect();
    let mut used: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut wrong = vec![];
    for file in source::all().iter().filter(|file| file.module() != "lib") {
        let module = file.module();
        let Some(may) = allowed.get(module) else {
            wrong.push(format!("{}: the module {module} is in no layer", file.name));
            continue;
        };
        for path in file.imports().iter().filter(|path| path.first().is_some_and(|top| top != module)) {
            let top = path[0].as_str();
            if !may.contains(top) {
                wrong.push(format!("{}: {module} may not use {}", file.name, path.join("::")));
            }
            used.entry(module.to_owned()).or_default().insert(top.to_owned());
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    for (module, may) in allowed {
        let does = used.remove(module).unwrap_or_default();
        let idle: Vec<_> = may.into_iter().filter(|may| !does.contains(*may)).collect();
        assert!(idle.is_empty(), "{module} may use {idle:?}, and does not: take it out of the table");
    }
}

/// The layers, each below what it uses. An arrow that follows from others is left out: what a module uses by way of one
/// that it uses.
fn picture() -> String {
    let uses: BTreeMap<_, _> = modules().collect();
    let mut reach: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut text = "```text\n".to_owned();
    for (layer, modules) in LAYERS {
        let mut name = *layer;
        for (module, _) in *modules {
            let own = &uses[module];
            let further: BTreeSet<_> = own.iter().flat_map(|used| &reach[used]).copied().collect();
            let direct: Vec<_> = own.difference(&further).copied().collect();
            let arrow = if direct.is_empty() { "" } else { "← " };
            let line = format!("{name:22}{module:12}{arrow}{}", direct.join(" "));
            let _ = writeln!(text, "{}", line.trim_end());
            name = "";
            reach.insert(module, own.union(&further).copied().collect());
        }
    }
    text + "```\n"
}

#[test]
fn the_picture_in_the_architecture_is_todays() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/ARCHITECTURE.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (before, rest) = page.split_once("<!-- layers -->\n").unwrap();
    let (old, after) = rest.split_once("<!-- /layers -->\n").unwrap();
    let new = picture();
    if std::env::var_os("KEYMEND_UPDATE").is_some() {
        std::fs::write(path, format!("{before}<!-- layers -->\n{new}<!-- /layers -->\n{after}")).unwrap();
        return;
    }
    assert!(old == new, "the picture of the layers is old: KEYMEND_UPDATE=1 cargo test --test shape");
}

/// Modules whose files still need each other in a circle. A module that is not here stays without one.
const WITH_CIRCLES: [&str; 8] =
    ["agents", "commands", "edit", "formats", "host", "hygiene", "probe", "session"];

#[test]
fn no_other_module_has_files_in_a_circle() {
    let files = source::all();
    let names: BTreeSet<Vec<String>> =
        files.iter().map(|file| file.path().into_iter().map(str::to_owned).collect()).collect();
    let file_of = |path: &[String]| {
        let known = (1..=path.len()).rev().find(|end| names.contains(&path[..*end]));
        known.map(|end| path[..end].to_vec())
    };
    let mut uses: BTreeMap<Vec<String>, BTreeSet<Vec<String>>> = BTreeMap::new();
    for file in &files {
        let own: Vec<String> = file.path().into_iter().map(str::to_owned).collect();
        let named = file.imports().into_iter().chain(file.children());
        let used = named.filter_map(|path| file_of(&path)).filter(|used| *used != own);
        uses.insert(own.clone(), used.collect());
    }
    let circular: BTreeSet<String> =
        uses.keys().filter(|file| reaches(&uses, file)).map(|file| file.join("/")).collect();
    let new: Vec<_> =
        circular.iter().filter(|file| !WITH_CIRCLES.iter().any(|module| top(file) == *module)).collect();
    assert!(new.is_empty(), "these files need each other in a circle: {new:#?}");
}

fn top(file: &str) -> &str {
    file.split('/').next().unwrap_or_default()
}

/// Whether a file comes back to itself by what it uses.
fn reaches(uses: &BTreeMap<Vec<String>, BTreeSet<Vec<String>>>, from: &Vec<String>) -> bool {
    let mut seen = BTreeSet::new();
    let mut open: Vec<&Vec<String>> = uses[from].iter().collect();
    while let Some(file) = open.pop() {
        if file == from {
            return true;
        }
        if seen.insert(file) {
            open.extend(uses.get(file).into_iter().flatten());
        }
    }
    false
}
