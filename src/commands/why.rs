//! `why`: what an error text says. No network.

use super::arguments::exposed;
use super::{Desk, Exit, Failure, print, print_json, read_stdin, salt};
use crate::cli;
use crate::host::{console, output};
use crate::printer;
use crate::report::why as report;
use crate::session;
use crate::why::{self, Meaning};

/// `keymend why`.
pub(super) fn why(desk: &Desk, args: &cli::Why) -> Result<Exit, Failure> {
    let text = text(args)?;
    let world = desk.world();
    let scan = session::scan_all(&world, &desk.catalogue);
    let explained = why::explain(&text, &desk.catalogue, &scan);
    if explained.has_key && !args.text.is_empty() {
        output::err(&format!("note: {}\n", exposed("the key in this text")))?;
    }
    printer::know(&explained.doubtful);
    if args.json {
        print_json(&report::json(&explained, &scan))?;
    } else {
        print(&report::text(&explained, &scan, desk.style(&world, &salt(None))))?;
    }
    Ok(if explained.main.meaning == Meaning::Unknown { Exit::Problems } else { Exit::Fine })
}

fn text(args: &cli::Why) -> Result<String, Failure> {
    let piped = args.text.is_empty() && !console::is_attended();
    let text = if args.stdin || piped {
        if console::is_attended() {
            output::err("Paste the error, then press Ctrl-D on its own line:\n")?;
        }
        String::from_utf8_lossy(&read_stdin()?).into_owned()
    } else {
        args.text.join(" ")
    };
    if text.trim().is_empty() {
        return Err(Failure::new("there is no text", "give the error in quotes, or pipe it in with --stdin"));
    }
    Ok(text)
}
