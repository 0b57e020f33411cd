//! The README's tables are made from the code. `KEYMEND_UPDATE=1 cargo test --test readme` writes them again.
#![allow(clippy::unwrap_used, missing_docs)]

fn between(readme: &str, mark: &str) -> (usize, usize) {
    let open = format!("<!-- {mark} -->\n");
    let start = readme.find(&open).unwrap() + open.len();
    (start, start + readme[start..].find(&format!("<!-- /{mark} -->")).unwrap())
}

fn check(mark: &str, table: &str) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let mut readme = std::fs::read_to_string(path).unwrap();
    let (start, end) = between(&readme, mark);
    if std::env::var_os("KEYMEND_UPDATE").is_some() {
        readme.replace_range(start..end, table);
        std::fs::write(path, readme).unwrap();
        return;
    }
    assert!(
        &readme[start..end] == table,
        "the README's table of {mark} is old: KEYMEND_UPDATE=1 cargo test --test readme"
    );
}

#[test]
fn the_tables_are_todays() {
    check("agents", &keymend::report::text::agents_markdown(keymend::agents::ALL));
    check("exit codes", &keymend::exit::markdown());
    check("providers", &keymend::provider::Catalogue::embedded().markdown());
}

#[test]
fn the_page_of_findings_is_todays() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/findings.md");
    let page = keymend::finding::markdown();
    if std::env::var_os("KEYMEND_UPDATE").is_some() {
        std::fs::write(path, page).unwrap();
        return;
    }
    let old = std::fs::read_to_string(path).unwrap_or_default();
    assert!(old == page, "docs/findings.md is old: KEYMEND_UPDATE=1 cargo test --test readme");
}
