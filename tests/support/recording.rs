//! The text form of a recording (`tests/recordings/README.md`), read into the fields that the suites use.
//! `tests/recorder/recording.py` reads and writes the same form.

use serde_json::{Map, Value as Json, json};

/// The fields of the recording `id` of `tool`.
///
/// # Panics
/// On a text that is not a recording; the message names the recording and the line.
pub fn read(tool: &str, id: &str, text: &str) -> Json {
    let mut recording = Map::from_iter([
        ("id".to_owned(), json!(id)),
        ("tool".to_owned(), json!(tool)),
        ("ask".to_owned(), json!(true)),
        ("env".to_owned(), json!({})),
        ("files".to_owned(), json!({})),
    ]);
    for (name, lines) in sections(text) {
        let result = match name {
            "" => fields(&lines).map(|fields| recording.extend(fields)),
            "expect" => fields(&lines).map(|fields| drop(recording.insert("expect".into(), fields.into()))),
            "env" => environment(&lines).map(|env| drop(recording.insert("env".into(), env.into()))),
            "links" => links(&lines).map(|links| drop(recording.insert("symlinks".into(), links.into()))),
            _ if name.starts_with("sqlite ") => {
                row(name, &lines).map(|row| push(&mut recording, "sqlite", row))
            }
            _ => file(&mut recording, name, &lines),
        };
        assert!(result.is_ok(), "{tool}/{id}: section {name:?}: {}", result.unwrap_err());
    }
    assert!(recording.contains_key("expect"), "{tool}/{id}: no section \"expect\"");
    recording.into()
}

type Fields = Map<String, Json>;

/// The sections with their lines; the fields at the head have no name. A blank line before a section's mark is not
/// part of the section above.
fn sections(text: &str) -> Vec<(&str, Vec<&str>)> {
    let mut sections = vec![("", Vec::new())];
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        let name = line.strip_prefix("-- ").and_then(|rest| rest.strip_suffix(" --"));
        let (_, lines) = sections.last_mut().unwrap();
        match name {
            Some(name) => {
                if lines.last() == Some(&"") {
                    lines.pop();
                }
                sections.push((name, Vec::new()));
            }
            None => lines.push(line),
        }
    }
    sections
}

fn fields(lines: &[&str]) -> Result<Fields, String> {
    let named = lines.iter().filter(|line| !line.trim().is_empty());
    named
        .map(|line| {
            let (name, text) = line.split_once(':').ok_or_else(|| format!("no field: {line}"))?;
            Ok((name.to_owned(), value(text.trim())?))
        })
        .collect()
}

/// Text, or what is JSON beyond doubt: an object, a list, a quoted text, a number, true, false, null.
fn value(text: &str) -> Result<Json, String> {
    let json = text.starts_with(['{', '[', '"'])
        || ["true", "false", "null"].contains(&text)
        || text.parse::<f64>().is_ok()
            && text.trim_start_matches('-').starts_with(|c: char| c.is_ascii_digit());
    if json {
        serde_json::from_str(text).map_err(|error| format!("{text}: {error}"))
    } else {
        Ok(json!(text))
    }
}

fn environment(lines: &[&str]) -> Result<Fields, String> {
    lines
        .iter()
        .map(|line| {
            let (name, text) = line.split_once('=').ok_or_else(|| format!("no variable: {line}"))?;
            let value = match text {
                "\"\" unset" => Json::Null,
                text if text.starts_with('"') => {
                    serde_json::from_str(text).map_err(|error| error.to_string())?
                }
                text => json!(text),
            };
            Ok((name.to_owned(), value))
        })
        .collect()
}

fn links(lines: &[&str]) -> Result<Fields, String> {
    let link = |line: &&str| {
        let (from, to) = line.split_once(" -> ").ok_or_else(|| format!("no link: {line}"))?;
        Ok((from.to_owned(), json!(to)))
    };
    lines.iter().map(link).collect()
}

fn row(name: &str, lines: &[&str]) -> Result<Json, String> {
    let mut words = name.splitn(3, ' ').skip(1);
    let mut row: Fields = serde_json::from_str(&lines.join("\n")).map_err(|error| error.to_string())?;
    row.insert("db".into(), json!(words.next()));
    row.insert("path".into(), json!(words.next()));
    Ok(row.into())
}

fn push(recording: &mut Fields, name: &str, item: Json) {
    let list = recording.entry(name).or_insert_with(|| json!([]));
    list.as_array_mut().unwrap().push(item);
}

/// A file of the home (`home/`), the working directory (`cwd/`) or the managed directory (`etc/`).
fn file(recording: &mut Fields, name: &str, lines: &[&str]) -> Result<(), String> {
    let (flags, path): (Vec<&str>, Vec<&str>) = name.split(' ').partition(|word| {
        ["base64", "json", "no-newline", "empty"].contains(word) || word.starts_with("mode=")
    });
    let path = path.join(" ");
    let (folder, rest) = path.split_once('/').ok_or("a file is below home/, cwd/ or etc/")?;
    let path = match folder {
        "home" => rest.to_owned(),
        "cwd" => format!("CWD/{rest}"),
        "etc" => format!("ETC/{rest}"),
        _ => return Err("a file is below home/, cwd/ or etc/".into()),
    };
    let body = lines.join("\n");
    let has = |flag: &str| flags.contains(&flag);
    let content = match () {
        () if has("base64") => format!("b64:{body}"),
        () if has("json") => serde_json::from_str(&body).map_err(|error| error.to_string())?,
        () if has("empty") => String::new(),
        () if has("no-newline") => body,
        () => format!("{body}\n"),
    };
    recording["files"][&path] = json!(content);
    if let Some(mode) = flags.iter().find_map(|flag| flag.strip_prefix("mode=")) {
        recording.entry("modes").or_insert_with(|| json!({}))[&path] = json!(mode);
    }
    Ok(())
}
