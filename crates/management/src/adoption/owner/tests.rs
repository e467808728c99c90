use rstest::rstest;

use super::*;
use crate::error::Category;
use crate::survey::Found;

fn who(name: &str, uid: &str) -> Identity {
    Identity {
        name: name.into(),
        uid: uid.parse().unwrap(),
    }
}

fn survey(identity: Identity, with_server: bool) -> Survey {
    let mut found = Found::default();
    if with_server {
        found.servers.push(
            serde_json::from_value(serde_json::json!({
                "id": "s", "name": "s", "status": "ACTIVE", "metadata": identity.metadata(),
            }))
            .unwrap(),
        );
    }
    Survey {
        servers: [(identity, found)].into(),
    }
}

#[test]
fn a_free_cluster_gets_an_identity_of_its_own() {
    let nothing = Survey::default();
    assert_eq!(
        identity("team", None, &Claim::Free, &nothing).unwrap(),
        None
    );
    let taken = identity(
        "team",
        None,
        &Claim::Free,
        &survey(who("team", "x7k2p"), true),
    );
    assert!(matches!(
        taken.unwrap_err(),
        Error::Adoption(AdoptionError::NameTaken(_))
    ));
}

#[test]
fn a_server_that_up_made_is_not_adopted() {
    let claim = Claim::Held(who("made", "x7k2p"));
    for name in ["made", "team"] {
        let refused = identity(name, None, &claim, &survey(who("made", "x7k2p"), true));
        let error = refused.unwrap_err();
        assert!(error.to_string().contains("made (uid x7k2p)"), "{error}");
        assert_eq!(error.category(), Category::Conflict);
    }
}

#[test]
fn what_was_adopted_is_found_again_without_local_state_and_nobody_elses() {
    let (ours, claim) = (who("team", "x7k2p"), Claim::Held(who("team", "x7k2p")));
    let there = survey(ours.clone(), false);
    assert_eq!(identity("team", None, &claim, &there).unwrap(), Some(ours));
    for (name, survey) in [("other", there), ("team", Survey::default())] {
        let error = identity(name, None, &claim, &survey).unwrap_err();
        assert!(error.to_string().contains("team (uid x7k2p)"), "{error}");
        assert_eq!(error.category(), Category::Conflict);
    }
}

#[rstest]
#[case(Claim::Free, None)]
#[case(Claim::Held(who("team", "x7k2p")), None)]
#[case(Claim::Held(who("team", "zzzzz")), Some("zzzzz"))]
#[case(Claim::Unnamed, Some("does not say"))]
#[case(Claim::Foreign(vec!["helm".into()]), Some("helm"))]
fn the_cluster_says_whose_it_is(#[case] claim: Claim, #[case] refused: Option<&str>) {
    let told = holder_is(&claim, &who("team", "x7k2p")).map_err(|error| error.to_string());
    match refused {
        None => assert_eq!(told, Ok(())),
        Some(part) => assert!(told.as_ref().unwrap_err().contains(part), "{told:?}"),
    }
}
