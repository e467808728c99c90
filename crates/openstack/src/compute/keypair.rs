//! Keypairs. A name exists once per user, which makes creating one an atomic "I was first".

use serde::Deserialize;
use serde_json::json;

use super::ComputeApi;
use crate::{
    error::Error,
    session::{Call, Removal, Service},
};

/// A public key under a name. Belongs to the user, not to the project.
#[derive(Debug, Clone, Deserialize)]
pub struct Keypair {
    /// Name, unique per user; it is the id, too.
    pub name: String,
    /// In the format of OpenSSH; the comment can carry who made it.
    #[serde(default)]
    pub public_key: String,
    /// MD5 of the key.
    #[serde(default)]
    pub fingerprint: String,
    /// When it was made (UTC without zone); only in the answer for one.
    #[serde(default)]
    pub created_at: Option<String>,
}

impl ComputeApi<'_> {
    /// Every keypair of the user.
    pub async fn keypairs(self) -> Result<Vec<Keypair>, Error> {
        #[derive(Deserialize)]
        struct Item {
            keypair: Keypair,
        }
        let call = Call::list(Service::Compute, &["os-keypairs"], "keypairs");
        let items: Vec<Item> = self.0.list(call, "keypairs").await?;
        Ok(items.into_iter().map(|item| item.keypair).collect())
    }

    /// One keypair.
    pub async fn keypair(self, name: &str) -> Result<Keypair, Error> {
        let call = Call::read(
            Service::Compute,
            &["os-keypairs", name],
            format!("keypair {name}"),
        );
        self.0.fetch(&call, Some("keypair")).await
    }

    /// Uploads a public key. A name that is taken is [`Kind::Conflict`](crate::Kind::Conflict), whatever its key.
    pub async fn create_keypair(self, name: &str, public_key: &str) -> Result<Keypair, Error> {
        let body = json!({"keypair": {"name": name, "public_key": public_key, "type": "ssh"}});
        let call = Call::create(
            Service::Compute,
            &["os-keypairs"],
            format!("keypair {name}"),
            body,
        );
        self.0.fetch(&call, Some("keypair")).await
    }

    /// Deletes a keypair; servers made with it keep the key.
    pub async fn delete_keypair(self, name: &str) -> Result<Removal, Error> {
        self.0
            .remove(&Call::delete(
                Service::Compute,
                &["os-keypairs", name],
                format!("keypair {name}"),
            ))
            .await
    }
}
