//! Conditions on a JSON answer, as the provider files write them: `data[]`, `base_resp.status_code = 0`,
//! `is_available: bool`, `usage{}|limits[]`.

use serde::Deserialize;
use serde_json::Value;

/// Alternatives, one of which must hold.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Condition {
    text: String,
    any: Vec<Test>,
}

#[derive(Clone, Debug)]
struct Test {
    path: Vec<String>,
    expect: Expect,
}

#[derive(Clone, Debug)]
enum Expect {
    Present,
    Array,
    Object,
    Bool,
    Number,
    Text,
    Is(Value),
    AtMost(f64),
    AtLeast(f64),
}

impl TryFrom<String> for Condition {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let any = text.split('|').map(|part| Test::read(part.trim())).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { text, any })
    }
}

impl Condition {
    /// Whether it holds in this answer.
    #[must_use]
    pub fn holds(&self, body: &Value) -> bool {
        self.any.iter().any(|test| test.holds(body))
    }

    /// As it is written in the file.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl Test {
    fn read(text: &str) -> Result<Self, String> {
        let number =
            |raw: &str| raw.trim().parse().map_err(|_| format!("`{text}` does not compare with a number"));
        let (path, expect) = if let Some((path, raw)) = text.split_once("<=") {
            (path, Expect::AtMost(number(raw)?))
        } else if let Some((path, raw)) = text.split_once(">=") {
            (path, Expect::AtLeast(number(raw)?))
        } else if let Some((path, raw)) = text.split_once('=') {
            let raw = raw.trim();
            (path, Expect::Is(serde_json::from_str(raw).unwrap_or_else(|_| Value::String(raw.to_owned()))))
        } else if let Some((path, kind)) = text.split_once(':') {
            (path, Expect::kind(kind.trim()).ok_or_else(|| format!("`{text}` names no known type"))?)
        } else if let Some(path) = text.strip_suffix("[]") {
            (path, Expect::Array)
        } else if let Some(path) = text.strip_suffix("{}") {
            (path, Expect::Object)
        } else {
            (text, Expect::Present)
        };
        let path = path.trim();
        if path.is_empty() {
            return Err(format!("`{text}` names no field"));
        }
        let path = if path == "." {
            Vec::new()
        } else {
            path.split('.').map(|step| step.trim().to_owned()).collect()
        };
        Ok(Self { path, expect })
    }

    fn holds(&self, body: &Value) -> bool {
        let Some(found) = walk(body, &self.path) else { return false };
        match &self.expect {
            Expect::Present => true,
            Expect::Array => found.is_array(),
            Expect::Object => found.is_object(),
            Expect::Bool => found.is_boolean(),
            Expect::Number => as_number(found).is_some(),
            Expect::Text => found.is_string(),
            Expect::Is(value) => found == value || as_number(found).zip(as_number(value)).is_some_and(equal),
            Expect::AtMost(limit) => as_number(found).is_some_and(|number| number <= *limit),
            Expect::AtLeast(limit) => as_number(found).is_some_and(|number| number >= *limit),
        }
    }
}

impl Expect {
    fn kind(name: &str) -> Option<Self> {
        match name {
            "bool" => Some(Self::Bool),
            "number" => Some(Self::Number),
            "text" => Some(Self::Text),
            "list" => Some(Self::Array),
            "object" => Some(Self::Object),
            _ => None,
        }
    }
}

fn equal((a, b): (f64, f64)) -> bool {
    (a - b).abs() < f64::EPSILON
}

/// A number, or a text that is one: balances are sent as both.
#[must_use]
pub fn as_number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// The value at a dotted path; a number steps into a list.
#[must_use]
pub fn at<'a>(body: &'a Value, path: &str) -> Option<&'a Value> {
    if path == "." {
        return Some(body);
    }
    walk(body, &path.split('.').map(str::to_owned).collect::<Vec<_>>())
}

fn walk<'a>(body: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(body, |value, step| match value {
        Value::Object(map) => map.get(step),
        Value::Array(list) => list.get(step.parse::<usize>().ok()?),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn holds(condition: &str, body: &Value) -> bool {
        Condition::try_from(condition.to_owned()).unwrap().holds(body)
    }

    #[test]
    fn conditions_look_at_the_type_and_the_value() {
        let body = json!({"data": [], "base_resp": {"status_code": 0}, "left": "0.00", "n": null, "b": true});
        assert!(holds("data[]", &body));
        assert!(!holds("data{}", &body));
        assert!(holds("base_resp.status_code = 0", &body));
        assert!(holds("left <= 0", &body));
        assert!(!holds("left >= 0.01", &body));
        assert!(holds("n", &body));
        assert!(!holds("missing", &body));
        assert!(holds("b = true", &body));
        assert!(holds("b: bool", &body));
        assert!(holds("missing|data[]", &body));
        assert!(holds(".{}", &body));
        assert!(holds(".[]", &json!([1])));
        assert!(holds("a.0.x = y", &json!({"a": [{"x": "y"}]})));
    }

    #[test]
    fn a_condition_that_makes_no_sense_is_refused() {
        assert!(Condition::try_from("= 3".to_owned()).is_err());
        assert!(Condition::try_from("x <= many".to_owned()).is_err());
        assert!(Condition::try_from("x: apple".to_owned()).is_err());
    }
}
