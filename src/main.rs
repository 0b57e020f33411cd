//! Arguments → host → wizard or report → exit code.

use std::process::ExitCode;

use clap::Parser as _;
use keymend::cli::Cli;
use keymend::commands::{self, Exit};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come this way too; clap prints each to the right stream.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match commands::run(cli) {
        Ok(Exit::Fine) => ExitCode::SUCCESS,
        Ok(Exit::Problems) => ExitCode::from(1),
        Err(failure) => {
            use std::io::Write as _;
            let _ = writeln!(std::io::stderr(), "keymend: {failure}\n  {}", failure.hint);
            ExitCode::from(2)
        }
    }
}
