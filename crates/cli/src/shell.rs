//! Text for `eval` in a POSIX shell. No comments in it: an interactive zsh takes none.

use std::path::Path;

/// `export NAME=value`.
pub(crate) fn export(name: &str, value: &str) -> String {
    format!("export {name}={}", quoted(value))
}

/// A path as one word.
pub(crate) fn word(path: &Path) -> String {
    quoted(&path.display().to_string())
}

/// As one word, quoted only where it has to be.
fn quoted(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@%+=,".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_back_what_was_meant() {
        for value in ["/plain/path-1", "/with space", "it's $HOME \"`\\", ""] {
            let script = format!("{}; printf %s \"$X\"", export("X", value));
            let read = std::process::Command::new("sh")
                .args(["-c", &script])
                .output()
                .unwrap();
            assert_eq!(String::from_utf8(read.stdout).unwrap(), value);
        }
        assert_eq!(export("X", "/plain"), "export X=/plain");
    }
}
