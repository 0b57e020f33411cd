//! `clean`, and where the commands take a key from.

use super::{Desk, Exit, Failure, print, print_json, read_stdin, salt};
use crate::cli;
use crate::host::{clipboard, vault};
use crate::hygiene::{self, Accepted, CleanReport, Cleaned};
use crate::report::plain;
use crate::secret::Secret;

/// `keymend clean`.
pub(super) fn clean(desk: &Desk, args: &cli::Clean) -> Result<Exit, Failure> {
    let paste = read_stdin()?;
    let cleaned = hygiene::clean(&paste, &desk.catalogue, args.provider.as_deref());
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
pub(super) fn given(from: &cli::KeyFrom) -> Result<Secret, Failure> {
    paste(from.stdin, from.clipboard, from.vault.as_deref())
}

/// The text that a command was given as its key.
pub(super) fn paste(stdin: bool, from_clipboard: bool, name: Option<&str>) -> Result<Secret, Failure> {
    match (stdin, from_clipboard, name) {
        (true, ..) => Ok(Secret::from_bytes(&read_stdin()?)),
        (_, true, _) => clipboard::read().map_err(|error| Failure::new(error.to_string(), error.hint())),
        (_, _, Some(name)) => {
            vault::get(name).map_err(|error| Failure::new(plain(&error.to_string()), error.hint()))
        }
        _ => Err(Failure::new(
            "no key was given",
            "pipe it in with --stdin, or use --clipboard or --vault NAME",
        )),
    }
}

/// A clean key, or the reason why the paste is none. `talk` says on standard error what was removed.
pub(super) fn cleaned(
    desk: &Desk,
    paste: &Secret,
    provider: Option<&str>,
    talk: bool,
) -> Result<Accepted, Failure> {
    match hygiene::clean_secret(paste, &desk.catalogue, provider) {
        Cleaned::Accepted(found) => {
            if talk {
                use std::io::Write as _;
                write!(std::io::stderr(), "new {}\n{}", desk.catalogue.mask(&found.key), removed(&found))?;
            }
            Ok(found)
        }
        Cleaned::Refused(no) => Err(Failure::new(
            format!("this is not a key: {}", plain(&no.message)),
            "copy the key again, whole and alone",
        )),
    }
}
