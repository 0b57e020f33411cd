//! Where a page of the documentation is: at the address that the package names as its home page, else in the source.

/// The book's address, once there is one (`homepage` in Cargo.toml).
const BOOK: &str = env!("CARGO_PKG_HOMEPAGE");

/// Where a person finds a page: `errors/docker`, `findings#two-keys`.
#[must_use]
pub fn find(page: &str) -> String {
    at(BOOK, page)
}

fn at(book: &str, page: &str) -> String {
    let (file, mark) =
        page.split_once('#').map_or((page, String::new()), |(file, mark)| (file, format!("#{mark}")));
    match book.trim_end_matches('/') {
        "" => format!("docs/{file}.md{mark}"),
        book => format!("{book}/{file}.html{mark}"),
    }
}

#[cfg(test)]
mod tests {
    use super::at;

    #[test]
    fn a_page_is_in_the_book_or_in_the_source() {
        assert_eq!(at("", "errors/docker"), "docs/errors/docker.md");
        assert_eq!(at("", "findings#two-keys"), "docs/findings.md#two-keys");
        assert_eq!(
            at("https://keymend.example/book/", "json#verdicts"),
            "https://keymend.example/book/json.html#verdicts"
        );
    }
}
