//! The manual pages, one a command: what clap knows of it, and its guide.

use std::io;

use clap::CommandFactory as _;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::Cli;
use super::guide::{self, Guide};

/// The names of all pages: `keymend`, `keymend-set`, `keymend-vault-add`.
pub fn names() -> impl Iterator<Item = String> {
    guide::ALL.iter().map(|guide| title(guide.command))
}

fn title(command: &str) -> String {
    ["keymend"].into_iter().chain(command.split_whitespace()).collect::<Vec<_>>().join("-")
}

/// The page of a command, which is named as it is typed (`vault add`) or as its page is (`keymend-vault-add`); none if there is
/// no such command.
pub fn page(named: &[String]) -> Option<io::Result<Vec<u8>>> {
    let asked = named.join("-");
    let asked = asked.strip_prefix("keymend-").unwrap_or(if asked == "keymend" { "" } else { &asked });
    let guide = guide::ALL.iter().find(|guide| guide.command.replace(' ', "-") == asked)?;
    let mut root = Cli::command();
    root.build();
    let mut at = &root;
    for word in guide.command.split_whitespace() {
        at = at.find_subcommand(word)?;
    }
    Some(render(at, guide))
}

fn render(command: &clap::Command, guide: &Guide) -> io::Result<Vec<u8>> {
    let version = concat!("keymend ", env!("CARGO_PKG_VERSION"));
    let man = Man::new(command.clone()).title(title(guide.command)).source(version).manual("keymend");
    let mut out = Vec::new();
    man.render_title(&mut out)?;
    man.render_name_section(&mut out)?;
    man.render_synopsis_section(&mut out)?;
    man.render_description_section(&mut out)?;
    let mut roff = Roff::new();
    if !guide.note.is_empty() {
        roff.control("PP", []);
        roff.text([roman(guide.note)]);
    }
    roff.to_writer(&mut out)?;
    man.render_options_section(&mut out)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut out)?;
    }
    let mut roff = Roff::new();
    examples(&mut roff, guide);
    terms(&mut roff, "FILES", guide.files());
    terms(&mut roff, "ENVIRONMENT", guide.variables());
    terms(&mut roff, "EXIT STATUS", crate::exit::CODES);
    roff.control("SH", ["SEE ALSO"]);
    roff.text([roman(format!("{}{}", related(guide), crate::pages::find(guide.page)))]);
    roff.to_writer(&mut out)?;
    Ok(out)
}

/// The pages above and beside.
fn related(guide: &Guide) -> String {
    let above = guide.command.rsplit_once(' ').map_or("", |(above, _)| above);
    if guide.command.is_empty() { String::new() } else { format!("{}(1), ", title(above)) }
}

fn examples(roff: &mut Roff, guide: &Guide) {
    roff.control("SH", ["EXAMPLES"]);
    for (line, does) in guide.examples {
        roff.control("PP", []);
        roff.text([roman(format!("{}:", sentence(does)))]);
        roff.control("PP", []);
        roff.control("RS", ["4"]);
        roff.control("nf", []);
        roff.text([bold(*line)]);
        roff.control("fi", []);
        roff.control("RE", []);
    }
}

fn terms<'a>(roff: &mut Roff, heading: &str, terms: impl IntoIterator<Item = (&'a str, &'a str)>) {
    roff.control("SH", [heading]);
    for (name, what) in terms {
        roff.control("TP", []);
        roff.text([bold(name)]);
        roff.text([roman(what)]);
    }
}

/// With a capital, as a sentence of its own.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_with_all_sections() {
        for name in names() {
            let page = page(std::slice::from_ref(&name)).unwrap().unwrap();
            let page = String::from_utf8(page).unwrap();
            let mut from = 0;
            for section in [
                "NAME",
                "SYNOPSIS",
                "DESCRIPTION",
                "OPTIONS",
                "EXAMPLES",
                "FILES",
                "ENVIRONMENT",
                "EXIT STATUS",
                "SEE ALSO",
            ] {
                let heading = [format!(".SH {section}\n"), format!(".SH \"{section}\"\n")];
                let at = heading.iter().filter_map(|heading| page[from..].find(heading.as_str())).min();
                from += at.unwrap_or_else(|| panic!("{name}: no {section} in its place\n{page}"));
            }
            assert!(page.contains(&format!(".TH {name} 1")), "{name}\n{page}");
        }
        assert!(page(&["nothing".to_owned()]).is_none());
        assert_eq!(
            page(&["vault".into(), "add".into()]).unwrap().unwrap(),
            page(&["keymend-vault-add".into()]).unwrap().unwrap()
        );
    }
}
