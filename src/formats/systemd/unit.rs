//! The syntax of unit files, as far as a service's environment goes.

/// One `Key=value` of the `[Service]` section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Directive {
    pub(super) key: String,
    pub(super) value: String,
    /// The one-based line on which it starts.
    pub(super) line: usize,
}

/// The directives of `[Service]`, continued lines joined.
pub(super) fn directives(text: &str) -> Vec<Directive> {
    let mut out = vec![];
    let mut service = false;
    let mut lines = text.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(section) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            service = section == "Service";
            continue;
        }
        let mut whole = line.to_owned();
        while let Some(head) = whole.strip_suffix('\\') {
            whole = format!("{head} ");
            // Comments may be between the pieces.
            let next = lines.by_ref().map(|(_, next)| next.trim()).find(|next| !next.starts_with(['#', ';']));
            match next {
                Some(next) => whole.push_str(next),
                None => break,
            }
        }
        if let Some((key, value)) = whole.split_once('=').filter(|_| service) {
            out.push(Directive { key: key.trim().to_owned(), value: value.trim().to_owned(), line: at + 1 });
        }
    }
    out
}

/// Splits as systemd's `extract_first_word` does with quotes and C escapes; none for an unbalanced quote, which drops
/// the whole line.
pub(super) fn words(text: &str) -> Option<Vec<String>> {
    let mut words = vec![];
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            ('\\', _) => word.get_or_insert_default().push_str(&unescape(&mut chars)),
            (c, None) if c.is_ascii_whitespace() => words.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

/// The character after a backslash; what is no escape stays as it is.
fn unescape(chars: &mut std::str::Chars) -> String {
    let Some(c) = chars.next() else { return "\\".to_owned() };
    let hex = |chars: &mut std::str::Chars, digits: usize| {
        let text: String = chars.clone().take(digits).collect();
        let code = u32::from_str_radix(&text, 16).ok().and_then(char::from_u32);
        if code.is_some() && text.len() == digits {
            chars.by_ref().take(digits).for_each(drop);
        }
        code.map(String::from)
    };
    match c {
        'n' => "\n".to_owned(),
        't' => "\t".to_owned(),
        'r' => "\r".to_owned(),
        's' => " ".to_owned(),
        'x' => hex(chars, 2).unwrap_or_else(|| "\\x".to_owned()),
        '\\' | '"' | '\'' => c.to_string(),
        c => format!("\\{c}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_systemd_does() {
        assert_eq!(words(r#"A=1 "B=2 3" 'C=4' D=\x41"#).unwrap(), ["A=1", "B=2 3", "C=4", "D=A"]);
        assert_eq!(words("A=\"1"), None);
    }

    #[test]
    fn only_the_service_section_counts() {
        let text = "[Unit]\nEnvironment=A=1\n[Service]\n# note\nEnvironment=B=2 \\\n  C=3\nExecStart=x\n";
        let found = directives(text);
        assert_eq!((found[0].value.as_str(), found[0].line), ("B=2  C=3", 5));
        assert_eq!(found.len(), 2);
    }
}
