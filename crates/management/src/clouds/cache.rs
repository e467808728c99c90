//! The last look at each cloud, kept on the caller's disk, for checking cluster files where no cloud answers.

use std::path::PathBuf;

use capstan_workload::surroundings::SYSTEM_NAMESPACE;

use super::Look;

/// A directory with the last look at each cloud.
#[derive(Debug, Clone)]
pub struct Cache {
    directory: PathBuf,
}

impl Cache {
    /// That of one management server, by the name it is known by here.
    pub fn of_server(base: &std::path::Path, server: &str) -> Self {
        let plain = |c: char| {
            if c.is_ascii_alphanumeric() || "-_.".contains(c) {
                c
            } else {
                '_'
            }
        };
        let server: String = server.chars().map(plain).collect();
        Self {
            directory: base.join("clouds").join(server),
        }
    }

    fn path(&self, namespace: &str, cloud: &str) -> PathBuf {
        self.directory.join(format!("{namespace}.{cloud}.json"))
    }

    /// Keeps a look. It holds no secret.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn save(&self, look: &Look) -> std::io::Result<()> {
        std::fs::create_dir_all(&self.directory)?;
        let path = self.path(&look.namespace, &look.name);
        let text = serde_json::to_vec(look)?;
        // Whoever reads meanwhile gets the old one or the new one.
        let mut file = tempfile::NamedTempFile::new_in(&self.directory)?;
        std::io::Write::write_all(&mut file, &text)?;
        file.persist(path)?;
        Ok(())
    }

    /// The last look at what clusters of the namespace mean by this name; `None` when none is kept, or one of a Capstan
    /// that kept it otherwise.
    pub fn load(&self, namespace: &str, cloud: &str) -> Option<Look> {
        [namespace, SYSTEM_NAMESPACE].iter().find_map(|home| {
            let text = std::fs::read(self.path(home, cloud)).ok()?;
            serde_json::from_slice(&text).ok()
        })
    }
}
