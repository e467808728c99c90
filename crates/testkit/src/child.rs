//! Child processes that cannot outlive the test, however it ends.

use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A process that is killed when this is dropped, and also when the test process dies without dropping anything: a
/// shell holds the other end of a pipe and kills its child when the pipe closes.
pub(crate) struct GuardedChild {
    shell: Child,
}

/// Starts the program in the background, waits for the pipe to close or the program to end, then kills what is left.
const GUARD: &str = r#"
"$@" 3<&- & program=$!
( while read -r _; do :; done; kill -9 $program 2> /dev/null ) <&3 3<&- &
exec 3<&-
wait $program
"#;

impl GuardedChild {
    pub(crate) fn start(program: &Path, arguments: &[String], log: &Path) -> std::io::Result<Self> {
        let output = std::fs::File::create(log)?;
        let shell = Command::new("sh")
            .arg("-c")
            .arg(format!("exec 3<&0 < /dev/null\n{GUARD}"))
            .arg("sh")
            .arg(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()?;
        Ok(Self { shell })
    }

    /// Whether it still runs.
    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.shell.try_wait(), Ok(None))
    }
}

impl Drop for GuardedChild {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        // The shell ends as soon as its child does; nothing can be done about a failure here.
        let _ = self.shell.wait();
    }
}
