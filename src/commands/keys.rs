//! `clean`, and where the commands take a key from.

use super::{Desk, Exit, Failure, print, print_json, read_stdin, salt, testing};
use crate::cli;
use crate::host::console::{self, Hidden};
use crate::host::{clipboard, output, vault};
use crate::hygiene::{self, Accepted, CleanReport, Cleaned};
use crate::printer;
use crate::report::plain;
use crate::secret::Secret;

/// `keymend clean`.
pub(super) fn clean(desk: &Desk, args: &cli::Clean) -> Result<Exit, Failure> {
    let provider = match args.provider.as_deref() {
        Some(name) => Some(testing::provider(desk, name)?.id.as_str()),
        None => None,
    };
    let cleaned = if console::is_attended() {
        hygiene::clean_secret(&prompted(desk, provider)?, &desk.catalogue, provider)
    } else {
        hygiene::clean(&read_stdin()?, &desk.catalogue, provider)
    };
    let accepted = matches!(cleaned, Cleaned::Accepted(_));
    let fit = match (&cleaned, args.provider.as_deref()) {
        (Cleaned::Accepted(found), Some(provider)) => hygiene::fits(provider, &found.key, &desk.catalogue),
        _ => hygiene::Fit::Unknown,
    };
    let report = CleanReport::new(&cleaned, |key| desk.catalogue.mask(key), &salt(args.salt.as_ref()));
    let report = report.with_fit(&fit);
    if args.json {
        print_json(&report)?;
    } else {
        print(&words(desk, &cleaned, &fit))?;
    }
    Ok(if accepted { Exit::Fine } else { Exit::Problems })
}

fn words(desk: &Desk, cleaned: &Cleaned, fit: &hygiene::Fit) -> String {
    match cleaned {
        Cleaned::Accepted(found) => {
            let kind = match (&found.provider, &found.kind) {
                (Some(provider), Some(kind)) => format!("  {provider} {kind}"),
                _ => "  of no known form".to_owned(),
            };
            let mut out = format!("{}{kind}\n", desk.catalogue.mask(&found.key));
            out += &removed(found);
            for doubt in &found.doubts {
                out += &format!("please check: {}\n", plain(&doubt.message));
            }
            if let hygiene::Fit::WrongProvider { message, .. } | hygiene::Fit::WrongKind { message, .. } = fit
            {
                out += &format!("please check: {}\n", plain(message));
            }
            out
        }
        Cleaned::Refused(no) => format!("not a key: {}\n", plain(&no.message)),
    }
}

fn removed(found: &Accepted) -> String {
    found
        .removed
        .iter()
        .map(|step| {
            format!(
                "removed: {}{}\n",
                plain(step.what),
                if step.count > 1 { format!(" ×{}", step.count) } else { String::new() }
            )
        })
        .collect()
}

/// The text that a write was given as its key.
pub(super) fn given(desk: &Desk, from: &cli::KeyFrom, provider: Option<&str>) -> Result<Secret, Failure> {
    paste(desk, (from.stdin, from.clipboard, from.vault.as_deref()), provider)
}

/// The text that a command was given as its key: from standard input, the clipboard or the vault. A person at the
/// terminal is asked for it, and nothing of it is shown.
pub(super) fn paste(
    desk: &Desk,
    from: (bool, bool, Option<&str>),
    provider: Option<&str>,
) -> Result<Secret, Failure> {
    let paste = pasted(desk, from, provider)?;
    printer::know([&paste]);
    Ok(paste)
}

fn pasted(
    desk: &Desk,
    (stdin, from_clipboard, name): (bool, bool, Option<&str>),
    provider: Option<&str>,
) -> Result<Secret, Failure> {
    match (stdin, from_clipboard, name) {
        (_, true, _) => clipboard::read().map_err(|error| Failure::new(error.to_string(), error.hint())),
        (_, _, Some(name)) => {
            vault::get(name).map_err(|error| Failure::new(plain(&error.to_string()), error.hint()))
        }
        _ if console::is_attended() => prompted(desk, provider),
        (true, ..) => Ok(Secret::from_bytes(&read_stdin()?)),
        _ => Err(no_key()),
    }
}

fn no_key() -> Failure {
    Failure::new("no key was given", "pipe it in with --stdin, or use --clipboard or --vault NAME")
}

/// A key that is typed or pasted at the terminal.
fn prompted(desk: &Desk, provider: Option<&str>) -> Result<Secret, Failure> {
    let name = provider.and_then(|id| desk.catalogue.get(id)).map(|provider| provider.name.as_str());
    let prompt = format!("Key{}, hidden:", name.map(|name| format!(" for {name}")).unwrap_or_default());
    let form = |text: &Secret| match hygiene::clean_secret(text, &desk.catalogue, provider) {
        Cleaned::Accepted(found) => {
            let kind = [found.provider.as_deref(), found.kind.as_deref()];
            let kind = kind.into_iter().flatten().collect::<Vec<_>>().join(" ");
            format!("({}) {kind}", found.key.len())
        }
        Cleaned::Refused(_) => format!("({})", text.len()),
    };
    match console::hidden(&prompt, &form) {
        Ok(Hidden::Text(key)) => Ok(key),
        Ok(Hidden::Nothing) => Err(no_key()),
        Ok(Hidden::Ended(signal)) => Err(Failure::ended(signal)),
        Err(error) => Err(Failure::new(
            format!("the terminal cannot be asked for the key: {error}"),
            "pipe it in with --stdin, or use --clipboard or --vault NAME",
        )),
    }
}

/// A clean key, or the reason why the paste is none. `talk` says on standard error what was removed.
pub(super) fn cleaned(
    desk: &Desk,
    paste: &Secret,
    provider: Option<&str>,
    any_form: bool,
    talk: bool,
) -> Result<Accepted, Failure> {
    match hygiene::clean_for(paste, &desk.catalogue, provider, any_form) {
        Cleaned::Accepted(found) => {
            printer::know([&found.key]);
            if talk {
                output::err(&format!("new {}\n{}", desk.catalogue.mask(&found.key), removed(&found)))?;
            }
            Ok(found)
        }
        Cleaned::Refused(no) => Err(Failure::new(
            format!("this is not a key: {}", plain(&no.message)),
            "copy the key again, whole and alone",
        )),
    }
}
