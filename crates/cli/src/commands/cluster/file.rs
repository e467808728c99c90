//! Cluster files on disk.

use std::path::Path;

use capstan_catalog::Catalogue;
use capstan_spec::file::Ground;
use capstan_spec::{Finding, WorkloadClusterSpec, file};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

/// Reads a cluster file and its base, if it names one; the base is looked for from where the file is.
pub(super) fn read(path: &Path, printer: &Printer) -> Result<WorkloadClusterSpec, Failure> {
    read_on(path, None, printer)
}

/// The template that a cluster file names.
pub(super) fn template(path: &Path) -> Result<Option<String>, Failure> {
    Ok(file::named_template(&text(path)?, |name| base(path, name)))
}

/// Reads a cluster file on the defaults of a template.
pub(super) fn read_on(
    path: &Path,
    ground: Option<&Ground<'_>>,
    printer: &Printer,
) -> Result<WorkloadClusterSpec, Failure> {
    understood(&text(path)?, path, ground, printer)
}

/// The same of what was said otherwise than by a file, which has no base; `origin` is what findings name.
pub(super) fn understood(
    text: &str,
    origin: &Path,
    ground: Option<&Ground<'_>>,
    printer: &Printer,
) -> Result<WorkloadClusterSpec, Failure> {
    let path = origin;
    let load = |name: &str| base(path, name);
    let at = |finding: &Finding| format!("{}:{finding}", path.display());
    let newest = |wish| {
        let catalogue = Catalogue::bundled().map_err(|error| error.to_string())?;
        let version = catalogue.meant(Some(wish), false);
        version.map_err(|error| match error.hint() {
            Some(hint) => format!("{error}; {hint}"),
            None => error.to_string(),
        })
    };
    let document = file::read_on(text, ground, load, newest).map_err(|error| {
        let findings = error.findings.iter().map(at).collect();
        refused(
            format!("failed to read the cluster file {}", path.display()),
            findings,
        )
    })?;
    for warning in &document.warnings {
        printer.note(&at(warning));
    }
    Ok(document.spec)
}

fn text(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| {
        Failure::new(
            Exit::Input,
            format!("failed to read {}: {error}", path.display()),
        )
    })
}

fn base(path: &Path, name: &str) -> Result<String, String> {
    let base = path.parent().unwrap_or_else(|| Path::new("")).join(name);
    std::fs::read_to_string(&base)
        .map_err(|error| format!("failed to read {}: {error}", base.display()))
}

/// Writes a cluster file that is not there yet.
pub(super) fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    let written = std::fs::File::create_new(path)
        .and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()));
    written.map_err(|error| {
        let exit = match error.kind() {
            std::io::ErrorKind::AlreadyExists => Exit::Conflict,
            _ => Exit::Failed,
        };
        Failure::new(exit, format!("failed to write {}: {error}", path.display()))
    })
}

/// What is told of a wish that breaks rules.
pub(super) fn refused(message: String, causes: Vec<String>) -> Failure {
    Failure {
        exit: Exit::Input,
        message,
        causes,
        hint: None,
    }
}
