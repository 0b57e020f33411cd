//! Every relative link of the pages leads somewhere, and the book has every page.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use super::pages;

/// The targets of a page's links, outside of code.
fn targets(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let blocks = pages::blocks(text);
    let fenced = |at: usize| blocks.iter().any(|block| block.lines.start <= at + 1 && at <= block.lines.end);
    let prose: Vec<&str> = (0..lines.len()).filter(|at| !fenced(*at)).map(|at| lines[at]).collect();
    // What is between backticks is no link.
    let prose: String = prose.join("\n").split('`').step_by(2).collect::<Vec<_>>().join("code");
    prose
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target.to_owned())
        .collect()
}

/// The anchor of a heading, as GitHub and mdBook make it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| anchor(line.trim_start_matches('#'))).collect()
}

/// A path without `..`.
fn normal(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut path, part| {
        if part == Component::ParentDir {
            path.pop();
        } else {
            path.push(part);
        }
        path
    })
}

#[test]
fn every_relative_link_leads_somewhere() {
    let mut all = pages::all();
    all.extend(
        ["ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"]
            .map(|page| pages::root().join(page)),
    );
    let mut wrong = String::new();
    let mut count = 0;
    for path in all {
        let text = std::fs::read_to_string(&path).unwrap();
        let book = pages::root().join("docs");
        for target in targets(&text) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            count += 1;
            let (file, mark) = target.split_once('#').unwrap_or((&target, ""));
            let to = if file.is_empty() { path.clone() } else { normal(&path.parent().unwrap().join(file)) };
            let read = std::fs::read_to_string(&to);
            let outside = path.starts_with(&book) && !to.starts_with(&book);
            let fault = match read {
                Err(_) if !to.exists() => "there is no such file",
                _ if outside => "the book has no files outside of docs/",
                Ok(text) if !mark.is_empty() && !anchors(&text).contains(mark) => "there is no such heading",
                _ => continue,
            };
            wrong += &format!("{}: {target}: {fault}\n", pages::name(&path));
        }
    }
    assert!(wrong.is_empty() && count > 50, "{count} links\n{wrong}");
}

#[test]
fn the_book_has_every_page() {
    let summary = std::fs::read_to_string(pages::root().join("docs/SUMMARY.md")).unwrap();
    let listed: BTreeSet<String> = targets(&summary).into_iter().map(|page| format!("docs/{page}")).collect();
    let there: BTreeSet<String> = pages::all()
        .iter()
        .map(|path| pages::name(path))
        .filter(|name| name.starts_with("docs/") && name != "docs/SUMMARY.md")
        .collect();
    assert_eq!(listed, there, "docs/SUMMARY.md lists another set of pages");
}

#[test]
fn the_readme_is_short() {
    let lines = std::fs::read_to_string(pages::root().join("README.md")).unwrap().lines().count();
    assert!(lines <= 250, "{lines} lines");
}
