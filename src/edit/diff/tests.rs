use super::*;
use crate::source::Dialect;

const OLD: &str = "sk-ant-api03-OLDOLDOLDOLDOLDOLDOLDOLD0old";
const NEW: &str = "sk-ant-api03-NEWNEWNEWNEWNEWNEWNEWNEW0new";

/// The lines that a change of `OLD` to `NEW` shows.
fn shown(syntax: Syntax, before: &str) -> Vec<String> {
    let catalogue = Catalogue::embedded();
    let masker = Masker::new(&catalogue, [Secret::new(OLD), Secret::new(NEW)]);
    let lines = masker.diff_as(syntax, before, &before.replace(OLD, NEW));
    lines.into_iter().map(|line| line.text).collect()
}

fn dotenv(neighbour: &str) -> String {
    let text = format!("{neighbour}\nANTHROPIC_API_KEY={OLD}\n");
    shown(Syntax::Lines(Dialect::PythonDotenv), &text)[0].clone()
}

#[test]
fn lines_end_as_they_do_on_any_system() {
    assert_eq!(lines_of("a\nb\r\nc\rd"), ["a\n", "b\r\n", "c\r", "d"]);
    assert_eq!(lines_of(""), Vec::<&str>::new());
    assert_eq!(dotenv("A=hunter2\r"), "A=(7)");
}

#[test]
fn a_neighbours_value_is_masked_whatever_it_is() {
    for (line, expected) in [
        ("SMTP_PASS=\"xUAa47zG\"", "SMTP_PASS=\"(8)\""),
        ("DB_PWD=\"p$9x#Kq,2z\"", "DB_PWD=\"(10)\""),
        ("PIN=\"correct-horse-battery-staple-quux\"", "PIN=\"…quux (33)\""),
        ("X=abcdefghijklmnopqrst", "X=…qrst (20)"),
        ("A=84736251094857362510", "A=…2510 (20)"),
        ("B='*Tr0ub4dor&3zebra'", "B='(17)'"),
        ("C=zz1,right2bBOEYsii", "C=(18)"),
        ("D=qq#tailKZyeTkyp3", "D=(16)"),
        ("export E=hunter2 # and hunter3", "export E=(7) # …"),
        ("# OLD_KEY=hunter2", "# …"),
        ("F=$ecretpassword", "F=(14)"),
        ("G=https://hooks.example/services/T00/B00/aXbYcZdW", "G=…cZdW (47)"),
        ("H=https://me:hunter2@h.example/v1", "H=…e/v1 (31)"),
        ("not an assignment hunter2", "…ter2 (25)"),
    ] {
        assert_eq!(dotenv(line), expected, "{line}");
    }
}

#[test]
fn what_plainly_is_no_secret_is_shown() {
    for line in [
        "A=true",
        "B=4096",
        "C=",
        "D=\"\"",
        "MODEL=claude-sonnet-4-5-20250929",
        "M=openai/gpt-5.5",
        "BASE=https://openrouter.ai/api/v1",
        "L=http://127.0.0.1:11434/v1",
        "P=anthropic",
        "R=${ANTHROPIC_API_KEY}",
        "T=0.7",
        "O=llama3.1:8b",
        "N=ANTHROPIC_API_KEY",
    ] {
        assert_eq!(dotenv(line), line);
    }
}

#[test]
fn values_of_several_lines_are_masked_on_each() {
    let text = format!("A=\"first hunter2\nSECOND=hunter3\nlast hunter4\"\nANTHROPIC_API_KEY={OLD}\n");
    for dialect in
        [Dialect::PythonDotenv, Dialect::NodeDotenv, Dialect::Hermes, Dialect::DockerCli, Dialect::Bash]
    {
        let lines = shown(Syntax::Lines(dialect), &text);
        assert!(
            !lines.concat().contains("hunter") && !lines.concat().contains("SECOND"),
            "{dialect:?} {lines:#?}"
        );
    }
    let yaml = format!("a: |\n  hunter2: x\n  b\nb: >-\n  hunter3\nkey: {OLD}\nc: \"one\n  hunter4\"\n");
    assert_eq!(
        shown(Syntax::Tree(Format::Yaml), &yaml),
        [
            "b: (2)",
            "  (7)",
            "key: sk-ant-api03-…0old (41)",
            "key: sk-ant-api03-…0new (41)",
            "c: (4)",
            "  (8)"
        ]
    );
}

#[test]
fn documents_show_names_and_structure() {
    let json = format!(
        "{{\n  // hunter1\n  webhook: 'xUAa47zG',\n  'X-Custom':\n    'SrYCQW9nO116',\n  \"key\": \"{OLD}\", \"p\": \"hunter2\",\n  order: ['anthropic:manual', 'hunter3'], n: 4096,\n  profiles: {{ 'anthropic:manual': 1 }},\n}}\n"
    );
    assert_eq!(
        shown(Syntax::Tree(Format::Json5), &json),
        [
            "  'X-Custom':",
            "    '(12)',",
            "  \"key\": \"sk-ant-api03-…0old (41)\", \"p\": \"(7)\",",
            "  \"key\": \"sk-ant-api03-…0new (41)\", \"p\": \"(7)\",",
            "  order: ['anthropic:manual', '(7)'], n: 4096,",
            "  profiles: { 'anthropic:manual': 1 },",
        ]
    );
    let toml = format!(
        "[a.b] # hunter1\nx = 'hunter2'\nheaders = {{ Authorization = \"Bearer {OLD}\", y = \"hunter3\" }}\n[[c]]\nz = \"\"\"\n[hunter4]\n\"\"\"\n"
    );
    assert_eq!(
        shown(Syntax::Tree(Format::Toml), &toml),
        [
            "[a.b] # …",
            "x = '(7)'",
            "headers = { Authorization = \"Bearer sk-ant-api03-…0old (41)\", y = \"(7)\" }",
            "headers = { Authorization = \"Bearer sk-ant-api03-…0new (41)\", y = \"(7)\" }",
            "[[c]]",
            "z = (3)",
        ]
    );
    let unit = format!(
        "[Service]\nExecStart=/bin/x --token hunter2 \\\n  Type=hunter3\nEnvironment=\"A=hunter4\" KEY={OLD}\nUser=hunter5\n"
    );
    assert_eq!(
        shown(Syntax::Lines(Dialect::SystemdEnvFile), &unit),
        [
            "ExecStart=…r2 \\ (24)",
            "  (12)",
            "Environment=\"A=(7)\" KEY=sk-ant-api03-…0old (41)",
            "Environment=\"A=(7)\" KEY=sk-ant-api03-…0new (41)",
            "User=(7)",
        ]
    );
    let broken = format!("{{ \"a\": \"hunter2\", \"key\": \"{OLD}\"\n");
    assert!(!shown(Syntax::Tree(Format::Json), &broken).concat().contains("hunter"));
    assert_eq!(shown(Syntax::Whole, &format!("hunter2 \n{OLD}\n"))[0], "(7) ");
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    /// Texts without a key's form: any alphabet, quotes, marks of the formats, several lines, digits alone.
    fn secret() -> impl Strategy<Value = String> {
        prop_oneof![
            "[a-z]{8,30}",
            "[0-9]{11,30}",
            "[a-zA-Z0-9]{8,24}",
            "[a-z]{3,8}( [a-z]{3,8}){2,5}",
            "[*&#!|>@%`$\\[{\\-?:,][a-zA-Z0-9]{8,20}",
            "[a-zA-Z0-9]{4,8}[,}\\]#:'\"\\\\ =$`]{1,2}[a-zA-Z0-9]{6,12}",
            "[a-z0-9äßéжλ中あ]{8,24}",
            "[a-zA-Z0-9]{8,12}\n[A-Z]{2,8}=[a-zA-Z0-9]{8,12}\n[a-z]{3,9}: [a-z0-9]{8,12}",
            "[a-zA-Z0-9]{7,12}\n\\[[a-z]{7,12}\\]\n[a-zA-Z0-9]{8,12}",
        ]
    }

    fn yaml(text: &str, style: u8) -> String {
        let indented = text.replace('\n', "\n    ");
        match style % 4 {
            0 if !text.starts_with(' ') => format!("|-\n    {indented}"),
            1 => format!("'{}'", text.replace('\'', "''").replace('\n', "\n\n  ")),
            2 if text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b' ') => {
                text.replacen(' ', "\n    ", 1)
            }
            _ => serde_json::Value::String(text.to_owned()).to_string(),
        }
    }

    fn toml(text: &str, style: u8) -> String {
        match style % 3 {
            0 if !text.contains(['\'', '\n']) => format!("'{text}'"),
            1 if !text.contains("'''") => format!("'''\n{text}'''"),
            _ => serde_json::Value::String(text.to_owned()).to_string(),
        }
    }

    fn json5(text: &str, style: u8) -> String {
        if style.is_multiple_of(2) && !text.contains(['\'', '\\', '\n']) {
            return format!("'{text}'");
        }
        serde_json::Value::String(text.to_owned()).to_string()
    }

    fn line(text: &str, style: u8) -> String {
        let is_word = text.bytes().all(|b| b.is_ascii_alphanumeric());
        match style % 3 {
            0 if is_word => text.to_owned(),
            1 if !text.contains('\'') => format!("'{text}'"),
            _ => format!(
                "\"{}\"",
                text.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$").replace('`', "\\`")
            ),
        }
    }

    /// A document with the key among neighbours.
    fn documents(secrets: &[(String, u8)]) -> Vec<(Syntax, String)> {
        let mut trees = [String::from("{\n"), String::from("{ "), String::new(), String::new()];
        let (mut lines, mut unit) = (String::new(), String::from("[Service]\n"));
        for (n, (secret, style)) in secrets.iter().enumerate() {
            let json = serde_json::Value::String(secret.clone());
            let gap = if style.is_multiple_of(5) { "\n      " } else { " " };
            trees[0] += &format!("  \"f{n}\":{gap}{json},\n  \"list{n}\": [1, {json}],\n");
            trees[1] += &format!("f{n}:{gap}{}, /* {} */\n", json5(secret, *style), secret.replace("*/", ""));
            trees[2] += &format!(
                "f{n}: {}\nlist{n}:\n  - {}\n",
                yaml(secret, *style),
                yaml(secret, style.wrapping_add(1))
            );
            trees[3] += &format!(
                "f{n} = {}\nl{n} = [ {} ]\n",
                toml(secret, *style),
                toml(secret, style.wrapping_add(1))
            );
            lines += &format!(
                "V{n}={}\nexport W{n}={}\n",
                line(secret, *style),
                line(secret, style.wrapping_add(1))
            );
            unit += &format!(
                "Environment=\"V{n}={}\"\nExecStart=/x {}\n",
                secret.replace('\n', " "),
                secret.replace('\n', " ")
            );
            if n == secrets.len() / 2 {
                trees[0] += &format!("  \"key\": \"{OLD}\",\n");
                trees[1] += &format!("key: '{OLD}',\n");
                trees[2] += &format!("key: {OLD} # {}\n", secret.replace('\n', " "));
                trees[3] += &format!("key = '{OLD}' # {}\n", secret.replace('\n', " "));
                lines += &format!("KEY={OLD} # {}\n", secret.replace('\n', " "));
                unit += &format!("Environment=KEY={OLD}\n");
            }
        }
        trees[0] += "  \"end\": 1\n}\n";
        trees[1] += "end: 1 }\n";
        let formats = [Format::Json, Format::Json5, Format::Yaml, Format::Toml];
        let mut all: Vec<_> = formats.map(Syntax::Tree).into_iter().zip(trees).collect();
        all.extend(Dialect::ALL.map(|dialect| (Syntax::Lines(dialect), lines.clone())));
        all.push((Syntax::Lines(Dialect::SystemdEnvFile), unit));
        all.push((Syntax::Whole, lines));
        all
    }

    fn config() -> ProptestConfig {
        let asked = ProptestConfig::default();
        let cases = if asked.cases == 256 { 48 } else { asked.cases };
        ProptestConfig { cases, failure_persistence: None, ..asked }
    }

    proptest! {
        #![proptest_config(config())]

        #[test]
        fn no_part_of_a_neighbour_is_ever_shown(secrets in prop::collection::vec((secret(), any::<u8>()), 1..5)) {
            let catalogue = Catalogue::embedded();
            let masker = Masker::new(&catalogue, [Secret::new(OLD), Secret::new(NEW)]);
            for (syntax, before) in documents(&secrets) {
                let lines = masker.diff_as(syntax, &before, &before.replace(OLD, NEW));
                prop_assert!(lines.iter().any(|line| line.text.contains("…0new (41)")), "{:?}\n{}", syntax, before);
                for (secret, _) in &secrets {
                    let chars: Vec<char> = secret.chars().collect();
                    for run in chars.windows(6).filter(|run| run.iter().filter(|c| c.is_alphanumeric()).count() >= 4) {
                        let run: String = run.iter().collect();
                        for line in &lines {
                            prop_assert!(!line.text.contains(&run), "{:?} {:?}\n{}\n{:#?}", syntax, run, before, lines);
                        }
                    }
                }
            }
        }
    }
}
