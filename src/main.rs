//! Arguments → host → wizard or report → exit code.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser as _;
use keymend::cli::Cli;
use keymend::commands::{self, Failure, arguments};
use keymend::exit::Exit;
use keymend::host::{harden, output, owner};

fn main() -> ExitCode {
    harden::no_core_dumps();
    output::on_panic(|| ());
    #[cfg(unix)]
    if keymend::host::guard::is_asked() {
        keymend::tui::terminal::stand_guard();
        return ExitCode::SUCCESS;
    }
    ExitCode::from(run().code())
}

fn run() -> Exit {
    let given: Vec<OsString> = std::env::args_os().collect();
    if let Err(failure) = arguments::refuse_keys(&given) {
        return failed(&failure, None);
    }
    match Cli::try_parse_from(&given) {
        Ok(cli) => {
            let owner = owner::become_owner(cli.home.as_deref()).map_err(Failure::from);
            // A change of user makes a process dumpable again where the system wants it so (prctl(2), fs.suid_dumpable).
            harden::no_core_dumps();
            let end = owner.and_then(|()| commands::run(cli));
            end.unwrap_or_else(|failure| failed(&failure, arguments::hide_doubtful(&given)))
        }
        Err(error) => not_understood(&error, &given),
    }
}

/// Help and version come this way too.
fn not_understood(error: &clap::Error, given: &[OsString]) -> Exit {
    let text = error.render();
    if !error.use_stderr() {
        let _ = output::help(&text.to_string(), &text.ansi().to_string());
        return Exit::Fine;
    }
    let more = arguments::hide_doubtful(given).map(|more| more + "\n").unwrap_or_default();
    let _ = output::err(&format!("{text}{more}"));
    Exit::Failed
}

/// A run that a signal ended says nothing more.
fn failed(failure: &Failure, more: Option<String>) -> Exit {
    if failure.exit == Exit::Failed {
        let more = more.map(|more| format!("  {more}\n")).unwrap_or_default();
        let _ = output::err(&format!("keymend: {failure}\n  {}\n{more}", failure.hint));
    }
    failure.exit
}
