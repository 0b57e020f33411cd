//! The pages of errors (`docs/errors/`): one whose title is a text says what `keymend why` says, and each is reached from the
//! list.

use keymend::provider::Catalogue;
use keymend::session::Scan;
use keymend::why;

use super::pages;

/// The pages, each with its name below `docs/`.
fn all() -> Vec<(String, String)> {
    let errors = pages::root().join("docs/errors");
    let own = pages::all().into_iter().filter(|path| path.starts_with(&errors));
    own.map(|path| {
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        (format!("errors/{file}"), std::fs::read_to_string(&path).unwrap())
    })
    .collect()
}

/// The text that is a page's title, if it is one, and the line below it.
fn title(page: &str) -> Option<(&str, &str)> {
    let mut lines = page.lines().filter(|line| !line.is_empty());
    let title = lines.next()?.strip_prefix("# ")?;
    title.starts_with('`').then_some((title.trim_matches('`'), lines.next()?))
}

#[test]
fn a_page_says_what_the_program_says() {
    let (catalogue, scan) = (Catalogue::embedded(), Scan::default());
    let pages = all();
    let titles: Vec<_> = pages.iter().filter_map(|(name, page)| Some((name, title(page)?))).collect();
    assert!(titles.len() >= 10, "{}", titles.len());
    for (name, (text, told)) in titles {
        let explained = why::explain(text, &catalogue, &scan);
        let own = explained.page.map(|page| format!("{page}.md"));
        assert_eq!(own.as_ref(), Some(name), "`why` names another page for {text}");
        let found = explained.main;
        let (verdict, who) = told.split_once(" · ").unwrap_or_else(|| panic!("{name}: {told}"));
        assert_eq!(verdict, format!("`{}`", found.meaning.id()), "{name}: {text}");
        assert!(found.speaker.words().contains(who), "{name}: {} is not {who}", found.speaker.words());
    }
}

#[test]
fn each_page_has_the_same_parts_and_is_reached_from_the_list() {
    let list = std::fs::read_to_string(pages::root().join("docs/errors.md")).unwrap();
    for (name, page) in all() {
        assert!(list.contains(&format!("({name})")), "docs/errors.md has no way to {name}");
        for part in ["## How keymend shows it", "## By hand", "```console"] {
            assert!(page.contains(part), "{name} has no {part}");
        }
    }
}

#[test]
fn every_page_that_the_program_names_is_there() {
    let texts = include_str!("../why/sentences.txt").split("\n\n").filter_map(|block| block.split_once('\n'));
    let (catalogue, scan) = (Catalogue::embedded(), Scan::default());
    let of_errors =
        texts.filter_map(|(_, text)| why::explain(text, &catalogue, &scan).page.map(str::to_owned));
    let of_findings = keymend::finding::all().map(keymend::finding::Kind::page);
    let mut count = 0;
    for page in of_errors.chain(of_findings) {
        let file = format!("docs/{}.md", page.split('#').next().unwrap());
        assert!(pages::root().join(&file).is_file(), "there is no {file}");
        count += 1;
    }
    assert!(count > 100, "{count}");
}
