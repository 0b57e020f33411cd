//! Values of an `env` block as the text that Claude Code makes of them: JavaScript's `String`.

use serde_json::{Number, Value as Json};

/// The text of a value.
pub fn text_of(value: &Json) -> String {
    match value {
        Json::Null => "null".to_owned(),
        Json::Bool(flag) => flag.to_string(),
        Json::Number(number) => number_text(number),
        Json::String(text) => text.clone(),
        Json::Array(items) => {
            let item = |item: &Json| if item.is_null() { String::new() } else { text_of(item) };
            items.iter().map(item).collect::<Vec<_>>().join(",")
        }
        Json::Object(_) => "[object Object]".to_owned(),
    }
}

/// Numbers are 64-bit floats, written in the shortest form, with an exponent where they are very large or small.
fn number_text(number: &Number) -> String {
    let Some(number) = number.as_f64() else { return number.to_string() };
    if number == 0.0 {
        return "0".to_owned();
    }
    let shortest = format!("{:e}", number.abs());
    let (digits, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let sign = if number < 0.0 { "-" } else { "" };
    let point: i32 = exponent.parse().unwrap_or(0);
    if !(-6..21).contains(&point) {
        return format!("{sign}{digits}e{}{point}", if point < 0 { "" } else { "+" });
    }
    format!("{sign}{}", number.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_becomes_the_text_that_javascript_makes_of_it() {
        for (json, text) in [
            ("null", "null"),
            ("true", "true"),
            ("1.50", "1.5"),
            ("1.0", "1"),
            ("-0.0", "0"),
            ("123456", "123456"),
            ("1e21", "1e+21"),
            ("12345678901234567890", "12345678901234567000"),
            ("0.0000001", "1e-7"),
            ("0.000001", "0.000001"),
            (r#"["x","y"]"#, "x,y"),
            (r#"[1,[2,null],{"a":1}]"#, "1,2,,[object Object]"),
            (r#"{"a":1}"#, "[object Object]"),
        ] {
            assert_eq!(text_of(&serde_json::from_str(json).expect("JSON")), text, "{json}");
        }
    }
}
