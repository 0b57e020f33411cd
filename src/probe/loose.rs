//! Reads what is left of an answer that is not quite JSON: cut off, with single quotes as Python prints it, or with
//! text in front and behind. What it reads is good enough to find an error in, never to believe a success.

use serde_json::{Map, Value};

/// Deeper nesting is dropped: a body of a million brackets must not eat the stack.
const MAX_DEPTH: usize = 64;

/// The first object or list in `text`, as far as it can be read.
#[must_use]
pub fn read(text: &str) -> Option<Value> {
    let start = text.find(['{', '['])?;
    let mut reader = Reader { text: &text[start..], at: 0 };
    let value = reader.value(0)?;
    let found = match &value {
        Value::Object(map) => !map.is_empty(),
        Value::Array(list) => list.iter().any(Value::is_object),
        _ => false,
    };
    found.then_some(value)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn skip(&mut self, wanted: impl Fn(char) -> bool) {
        while self.peek().is_some_and(&wanted) {
            self.next();
        }
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.skip(char::is_whitespace);
        match self.peek()? {
            '{' => Some(self.object(depth)),
            '[' | '(' => Some(self.list(depth)),
            quote @ ('"' | '\'') => Some(Value::String(self.string(quote))),
            _ => self.word(depth),
        }
    }

    fn object(&mut self, depth: usize) -> Value {
        self.next();
        let mut map = Map::new();
        loop {
            self.skip(|c| c.is_whitespace() || c == ',');
            let name = match self.peek() {
                None => break,
                Some('}') => {
                    self.next();
                    break;
                }
                Some(quote @ ('"' | '\'')) => self.string(quote),
                Some(_) => self.bare(),
            };
            self.skip(char::is_whitespace);
            if self.peek() != Some(':') {
                break;
            }
            self.next();
            let Some(value) = self.value(depth + 1) else { break };
            map.insert(name, value);
        }
        Value::Object(map)
    }

    fn list(&mut self, depth: usize) -> Value {
        self.next();
        let mut items = Vec::new();
        loop {
            self.skip(|c| c.is_whitespace() || c == ',');
            match self.peek() {
                None => break,
                Some(']' | ')') => {
                    self.next();
                    break;
                }
                Some(_) => match self.value(depth + 1) {
                    Some(value) => items.push(value),
                    None => break,
                },
            }
        }
        Value::Array(items)
    }

    fn string(&mut self, quote: char) -> String {
        self.next();
        let mut out = String::new();
        while let Some(c) = self.next() {
            match c {
                '\\' => self.escape(&mut out),
                c if c == quote => break,
                c => out.push(c),
            }
        }
        out
    }

    fn escape(&mut self, out: &mut String) {
        match self.next() {
            Some('n' | 'r' | 't') => out.push(' '),
            Some('u') => {
                let digits = self.text[self.at..].get(..4).unwrap_or("");
                if let Ok(number) = u32::from_str_radix(digits, 16) {
                    self.at += 4;
                    out.push(char::from_u32(number).unwrap_or('\u{fffd}'));
                }
            }
            Some(c) => out.push(c),
            None => {}
        }
    }

    fn bare(&mut self) -> String {
        let start = self.at;
        self.skip(|c| {
            !c.is_whitespace() && !matches!(c, ',' | ':' | '}' | ']' | ')' | '{' | '[' | '"' | '\'')
        });
        self.text[start..self.at].to_owned()
    }

    fn word(&mut self, depth: usize) -> Option<Value> {
        let word = self.bare();
        match word.as_str() {
            // Python writes b'…' and u'…'.
            "b" | "u" | "r" if matches!(self.peek(), Some('"' | '\'')) => self.value(depth),
            "" => None,
            "true" | "True" => Some(Value::Bool(true)),
            "false" | "False" => Some(Value::Bool(false)),
            "null" | "None" | "undefined" => Some(Value::Null),
            _ => Some(word.parse::<serde_json::Number>().map_or(Value::String(word), Value::Number)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_python_dict_is_read() {
        let text = "Error code: 401 - {'error': {'message': \"can't\", 'code': None, 'ok': False}}";
        assert_eq!(read(text), Some(json!({"error": {"message": "can't", "code": null, "ok": false}})));
    }

    #[test]
    fn a_cut_off_answer_is_read_as_far_as_it_goes() {
        assert_eq!(
            read(r#"{"error":{"code":"1113","message":"Insufficient bal"#),
            Some(json!({"error": {"code": "1113", "message": "Insufficient bal"}}))
        );
        assert_eq!(read(r#"{"error":{"code":1"#), Some(json!({"error": {"code": 1}})));
    }

    #[test]
    fn text_without_an_object_is_nothing() {
        assert_eq!(read("[]"), None);
        assert_eq!(read("{}"), None);
        assert_eq!(read("plain (401)"), None);
    }

    #[test]
    fn depth_is_bounded() {
        let _ = read(&"[{\"a\":".repeat(200_000));
    }
}
