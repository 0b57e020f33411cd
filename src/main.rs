//! Arguments → host → wizard or report → exit code.

use std::process::ExitCode;

use clap::Parser as _;
use keymend::cli::Cli;
use keymend::commands::{self, Failure};
use keymend::exit::Exit;
use keymend::host::{charset, harden, owner};

fn main() -> ExitCode {
    harden::no_core_dumps();
    #[cfg(unix)]
    if keymend::host::guard::is_asked() {
        keymend::tui::terminal::stand_guard();
        return ExitCode::SUCCESS;
    }
    ExitCode::from(run().code())
}

fn run() -> Exit {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come this way too; clap prints each to the right stream.
            let _ = error.print();
            return if error.use_stderr() { Exit::Failed } else { Exit::Fine };
        }
    };
    let owner = owner::become_owner(cli.home.as_deref()).map_err(Failure::from);
    // A change of user makes a process dumpable again where the system wants it so (prctl(2), fs.suid_dumpable).
    harden::no_core_dumps();
    owner.and_then(|()| commands::run(cli)).unwrap_or_else(|failure| {
        use std::io::Write as _;
        if failure.exit == Exit::Failed {
            let text = format!("keymend: {failure}\n  {}\n", failure.hint);
            let _ = std::io::stderr().write_all(charset::shown(&text).as_bytes());
        }
        failure.exit
    })
}
