//! `capstan completion`.

use clap::{Args, CommandFactory as _};
use clap_complete::{Shell, generate};

use crate::arguments::Arguments;
use crate::printer::Printer;

/// Write completions for a shell to standard output.
#[derive(Debug, Args)]
pub(crate) struct Completion {
    /// For which
    shell: Shell,
}

impl Completion {
    /// Runs it.
    pub(crate) fn run(&self) {
        let mut text = Vec::new();
        generate(self.shell, &mut Arguments::command(), "capstan", &mut text);
        Printer::write(&String::from_utf8_lossy(&text));
    }
}
