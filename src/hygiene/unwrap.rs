//! What is around a key: code fences, quotes, brackets, punctuation, headers, assignments, query parameters.

use std::sync::LazyLock;

use regex::Regex;

use super::other::regex;
use super::{No, Work, no};

const PAIRS: [(char, char); 17] = [
    ('"', '"'),
    ('\'', '\''),
    ('`', '`'),
    ('“', '”'),
    ('”', '”'),
    ('”', '“'),
    ('„', '“'),
    ('„', '”'),
    ('‘', '’'),
    ('’', '’'),
    ('‚', '‘'),
    ('«', '»'),
    ('»', '«'),
    ('‹', '›'),
    ('「', '」'),
    ('´', '´'),
    ('′', '′'),
];
const BRACKETS: [(char, char); 6] =
    [('(', ')'), ('[', ']'), ('{', '}'), ('<', '>'), ('【', '】'), ('（', '）')];
const QUOTES: [char; 16] =
    ['"', '\'', '`', '“', '”', '„', '‘', '’', '‚', '«', '»', '‹', '›', '「', '」', '´'];

impl Work<'_> {
    /// Takes one layer off; false when there is none.
    pub(super) fn unwrap_layer(&mut self) -> Result<bool, No> {
        Ok(self.fence()
            || self.quotes()
            || self.escapes()
            || self.header()?
            || self.assignment()
            || self.query()
            || self.punctuation()
            || self.percent()
            || self.doubled())
    }

    /// Replaces the text by a trimmed part of it.
    fn take(&mut self, part: impl AsRef<str>, id: &'static str, what: &'static str) -> bool {
        self.set(part.as_ref().trim_matches(|c: char| c.is_ascii_whitespace()).to_owned());
        self.note(id, what, 1);
        true
    }

    /// A Markdown code fence, with or without a language.
    fn fence(&mut self) -> bool {
        let inner = self.text.strip_prefix("```").and_then(|rest| rest.strip_suffix("```"));
        let Some(inner) = inner else { return false };
        let body = match inner.split_once('\n') {
            Some((language, body)) if language.trim().chars().all(|c| c.is_ascii_alphanumeric()) => body,
            _ => inner,
        };
        let body = body.to_owned();
        self.take(body, "quotes-removed", "code fence")
    }

    fn quotes(&mut self) -> bool {
        let text = self.text.as_str();
        let pair = PAIRS.iter().chain(&BRACKETS).find_map(|(open, close)| {
            text.strip_prefix(*open)?.strip_suffix(*close).filter(|inner| !inner.contains([*open, *close]))
        });
        if let Some(inner) = pair {
            let inner = inner.to_owned();
            return self.take(inner, "quotes-removed", "pair of quotes or brackets");
        }
        // One that lost its partner, as long as no other is inside.
        let lone = text.strip_prefix(QUOTES).or_else(|| text.strip_suffix(QUOTES));
        match lone.filter(|inner| !inner.contains(QUOTES) && !inner.contains(char::is_whitespace)) {
            Some(inner) => {
                let inner = inner.to_owned();
                self.take(inner, "quotes-removed", "single quote mark")
            }
            None => false,
        }
    }

    /// `\n` and the like as two characters, copied from a JSON text.
    fn escapes(&mut self) -> bool {
        let text = self.text.as_str();
        let end = ["\\n", "\\r", "\\t", "\\\"", "\\'"];
        let rest =
            end.iter().find_map(|escape| text.strip_suffix(escape).or_else(|| text.strip_prefix(escape)));
        let Some(rest) = rest.or_else(|| text.strip_suffix('\\')).map(str::to_owned) else { return false };
        self.take(rest, "escape-removed", "escape sequence at the end")
    }

    /// `Authorization: Bearer …`, `x-api-key: …`, `Bearer …`, with or without curl's `-H`.
    fn header(&mut self) -> Result<bool, No> {
        // What every form of a header has. The pattern takes long to make ready, and most texts are a key alone.
        if !self.text.contains(|c: char| c == ':' || c.is_whitespace()) {
            return Ok(false);
        }
        let Some(found) = HEADER.as_ref().and_then(|header| header.captures(&self.text)) else {
            return Ok(false);
        };
        let scheme = found.name("scheme").map_or("", |scheme| scheme.as_str());
        let basic = scheme.eq_ignore_ascii_case("basic");
        let value = found.name("value").map_or("", |value| value.as_str()).to_owned();
        self.take(value, "header-unwrapped", "HTTP header around the key");
        if basic {
            return no(
                "basic-auth",
                "this is a user name and password for HTTP basic authentication, not an API key",
            );
        }
        Ok(true)
    }

    fn assignment(&mut self) -> bool {
        // What every form of an assignment has, likewise.
        let may = self.text.contains(|c: char| matches!(c, '=' | ':' | '<') || c.is_whitespace());
        if !may || self.text.contains('\n') {
            return false;
        }
        let value = ASSIGNMENTS.iter().flatten().find_map(|form| {
            let found = form.captures(&self.text)?;
            let value = found.name("value")?.as_str();
            // `ABSK…==`: the equals signs at the end of a Base64 text are not an assignment.
            let padding = value.trim_matches('=').is_empty() && !is_variable(found.name("name")?.as_str());
            (!padding).then(|| value.to_owned())
        });
        value.is_some_and(|value| self.take(value, "assignment-unwrapped", "assignment around the key"))
    }

    /// `https://…?key=…`.
    fn query(&mut self) -> bool {
        match query_value(&self.text) {
            Some(value) => {
                let value = value.to_owned();
                self.take(value, "query-unwrapped", "address around the key")
            }
            None => false,
        }
    }

    fn punctuation(&mut self) -> bool {
        let text = self.text.as_str();
        let kept = text.trim_end_matches([',', ';', '.', '!', '?', ')', ']', '}', '>']);
        let lead = ["- ", "* ", "> ", "$ ", "# ", "• ", "-> ", "=> ", "→ "];
        let kept = lead.iter().find_map(|mark| kept.strip_prefix(mark)).unwrap_or(kept);
        let kept = kept.trim_start_matches(['(', '[', '{', '<', ',', ';']);
        if kept.len() == text.len() || text.contains(['\n']) {
            return false;
        }
        let kept = kept.to_owned();
        self.take(kept, "punctuation-removed", "punctuation mark at the end")
    }

    /// `%2F` and the like, where nothing but characters of keys comes out.
    fn percent(&mut self) -> bool {
        let Some(decoded) =
            percent_decode(&self.text).filter(|text| text.chars().all(super::judge::is_key_char))
        else {
            return false;
        };
        self.take(decoded, "percent-decoded", "percent-encoded characters decoded");
        self.doubt(
            "percent-decoded",
            "The key was percent-encoded, as in an address; compare the end with the original.",
        );
        true
    }

    /// The same key twice without anything between.
    fn doubled(&mut self) -> bool {
        let (half, odd) = (self.text.len() / 2, self.text.len() % 2);
        if odd == 1
            || half < 20
            || !self.text.is_char_boundary(half)
            || self.text[..half] != self.text[half..]
        {
            return false;
        }
        let first = self.text[..half].to_owned();
        if !self.is_exact(&first) && super::shapes::prefix(self.shapes, &first).is_none() {
            return false;
        }
        self.take(first, "pasted-twice", "second copy of the key")
    }
}

/// Whether an assignment's left side is the name of a variable rather than the beginning of a key.
fn is_variable(name: &str) -> bool {
    name.contains('_') && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// The value of an address's `key` parameter.
pub(super) fn query_value(text: &str) -> Option<&str> {
    // What the pattern needs anyway; it takes long to make ready.
    if !(text.contains("://") && text.contains('?') && text.contains('=')) {
        return None;
    }
    let found = QUERY.as_ref()?.captures(text)?;
    found.name("value").map(|value| value.as_str())
}

fn percent_decode(text: &str) -> Option<String> {
    if !text.contains('%') {
        return None;
    }
    let mut bytes = vec![];
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first == b'%' {
            let hex = std::str::from_utf8(tail.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(hex, 16).ok()?);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}

static HEADER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    regex(concat!(
        r#"(?i)^(?:(?:-H|--header)[ =]?\s*)?["']?"#,
        r"(?:(?:(?:proxy-)?authorization|x-api-key|api-key|apikey|x-goog-api-key|xi-api-key|x-api-token|x-auth-token|x-token|ocp-apim-subscription-key)\s*:\s*(?:(?P<scheme>bearer|basic|token|key|apikey)\s+)?|bearer[ :]\s*)",
        r#"["']?(?P<value>[^\n"']*)["']?$"#
    ))
});

static QUERY: LazyLock<Option<Regex>> = LazyLock::new(|| {
    regex(
        r"(?i)^[a-z][a-z0-9+.-]*://[^\s?]*\?(?:[^\s&]*&)*(?:key|api[_-]?key|access_token|token|auth)=(?P<value>[^\s&#]+)(?:[&#]\S*)?$",
    )
});

/// The forms of an assignment, in the languages that people copy from.
static ASSIGNMENTS: LazyLock<Vec<Option<Regex>>> = LazyLock::new(|| {
    let quoted_name = r#"["'](?P<name>[A-Za-z_][A-Za-z0-9_.-]*)["']"#;
    let name = r"(?P<name>[A-Za-z_][A-Za-z0-9_.-]*)";
    let value = r"(?P<value>.*)$";
    let words = r"(?:(?:export|set|setx|setenv|env|arg|declare|typeset|readonly|local|let|const|var|final|static|public|private|string|-e|--env|-|\$|>)\s+|-e|-[gxUu]{1,3}\s+|--export\s+|--global\s+|--universal\s+)*";
    [
        // setx NAME "value" /M; set -gx NAME value; setenv NAME value; ENV NAME value
        format!(r"(?i)^(?:setx|setenv|env)\s+{name}\s+(?P<value>\S+)(?:\s+/[mM])?$"),
        format!(r"(?i)^set\s+(?:(?:-[gxUu]+|--export|--global|--universal)\s+)+{name}\s+(?P<value>\S+)$"),
        // $env:NAME = "value"; $NAME = 'value'; process.env.NAME = …; os.environ["NAME"] = …
        format!(r"(?i)^\$(?:env:)?{name}\s*=\s*{value}"),
        format!(r#"(?i)^(?:os\.environ|ENV|process\.env|import\.meta\.env)\[["']?{name}["']?\]\s*=\s*{value}"#),
        format!(r#"(?i)^\[(?:System\.)?Environment\]::SetEnvironmentVariable\(["']{name}["'],\s*["'](?P<value>[^"']*)["'](?:,.*)?\)$"#),
        // "name": "value" (JSON), name: value (YAML), name => value
        format!(r"^\{{?\s*{quoted_name}\s*(?::|=>|=)\s*(?P<value>[^,]*?),?\s*\}}?$"),
        // NAME=value and its relatives
        format!(r"(?i)^{words}{name}\s*(?::=|\?=|\+=|=>|=)\s*{value}"),
        format!(r"(?i)^{words}{name}(?::\s+|:$){value}"),
        // A name in lower case with a colon and a quote right behind it: apiKey:"value"
        format!(r#"^{name}:(?P<value>["'].*)$"#),
        // set "NAME=value" of cmd
        r#"(?i)^set\s+"(?P<name>[A-Za-z_]\w*)=(?P<value>.*)"$"#.to_owned(),
        // <string>value</string>
        r"^<(?P<name>[A-Za-z]+)>(?P<value>[^<>]*)</[A-Za-z]+>$".to_owned(),
    ]
    .iter()
    .map(|pattern| regex(pattern))
    .collect()
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_patterns_compile() {
        assert!(HEADER.is_some() && QUERY.is_some());
        assert!(ASSIGNMENTS.iter().all(Option::is_some));
    }
}
