//! Makes `assets/providers/*.toml` and `assets/findings.toml` into JSON inside of the program, which is read in a tenth of
//! the time. What the fields mean is said in `src/provider/model.rs` and `src/finding.rs` alone: here is syntax and nothing
//! else.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use toml_edit::{Array, Document, Item, TableLike, Value};

const FOLDER: &str = "assets/providers";
const FINDINGS: &str = "assets/findings.toml";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={FOLDER}");
    println!("cargo::rerun-if-changed={FINDINGS}");
    let mut files: Vec<PathBuf> =
        fs::read_dir(FOLDER)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    files.retain(|file| file.extension().is_some_and(|ending| ending == "toml"));
    files.sort();
    let mut out = String::from("&[\n");
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        writeln!(out, "({name:?}, {:?}),", json(&file)?)?;
    }
    out.push_str("]\n");
    let folder = env::var("OUT_DIR")?;
    fs::write(Path::new(&folder).join("providers.rs"), out)?;
    fs::write(Path::new(&folder).join("findings.json"), json(Path::new(FINDINGS))?)?;
    Ok(())
}

/// The TOML file as one JSON object.
fn json(file: &Path) -> Result<String, Box<dyn std::error::Error>> {
    let text = fs::read_to_string(file)?;
    let document = Document::parse(text.as_str()).map_err(|why| format!("{}: {why}", file.display()))?;
    let mut json = String::new();
    table(document.as_table(), &mut json)?;
    Ok(json)
}

fn table(table: &dyn TableLike, out: &mut String) -> Result<(), String> {
    // By name, as the reader of a person's own files has them.
    let mut entries: Vec<(&str, &Item)> = table.iter().collect();
    entries.sort_by_key(|(name, _)| *name);
    list(out, '{', '}', entries.into_iter(), |(name, item), out| {
        text(name, out);
        out.push(':');
        match item {
            Item::Value(one) => value(one, out),
            Item::Table(one) => self::table(one, out),
            Item::ArrayOfTables(many) => list(out, '[', ']', many.iter(), |one, out| self::table(one, out)),
            Item::None => Err(format!("`{name}` has no value")),
        }
    })
}

fn value(value: &Value, out: &mut String) -> Result<(), String> {
    match value {
        Value::String(one) => text(one.value(), out),
        Value::Integer(one) => out.push_str(&one.value().to_string()),
        Value::Boolean(one) => out.push_str(&one.value().to_string()),
        Value::Array(items) => return array(items, out),
        Value::InlineTable(entries) => return table(entries, out),
        Value::Float(_) | Value::Datetime(_) => return Err("no field is a fraction or a date".to_owned()),
    }
    Ok(())
}

fn array(items: &Array, out: &mut String) -> Result<(), String> {
    list(out, '[', ']', items.iter(), value)
}

fn list<T>(
    out: &mut String,
    open: char,
    close: char,
    items: impl Iterator<Item = T>,
    mut write: impl FnMut(T, &mut String) -> Result<(), String>,
) -> Result<(), String> {
    out.push(open);
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(',');
        }
        write(item, out)?;
    }
    out.push(close);
    Ok(())
}

fn text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}
