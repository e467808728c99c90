//! What `clouds.yaml` may look like, and which file is read.

use std::{fs, path::PathBuf};

use rstest::rstest;
use secrecy::ExposeSecret;
use tempfile::TempDir;

use super::super::{
    Auth, ConfigError, Domain, Environment, Interface, Project, User, clouds_yaml, load,
};

const DEMO: &str = "
clouds:
  demo: &demo
    auth:
      auth_url: https://keystone.example:5000/v3
      username: demo
      password: secret-word
      project_name: shop
      user_domain_name: Users
      project_domain_id: projects
    region_name: RegionOne
  other:
    <<: *demo
    interface: internal
";

struct Place {
    directory: TempDir,
    env: Environment,
}

impl Place {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let env = Environment {
            directories: ["cwd", "user", "etc"]
                .map(|name| directory.path().join(name))
                .to_vec(),
            home: Some(directory.path().join("home")),
            ..Environment::default()
        };
        Self { directory, env }
    }

    fn with(self, name: &str, text: &str) -> Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

fn entry(lines: &str) -> String {
    format!(
        "clouds:\n  demo:\n    {}\n",
        lines.trim().replace('\n', "\n    ")
    )
}

fn problem(lines: &str) -> String {
    let place = Place::new().with("cwd/clouds.yaml", &entry(lines));
    match load(&place.env, None, None).unwrap_err() {
        ConfigError::Field {
            problem, line: 3, ..
        } => problem,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_password_cloud() {
    let place = Place::new().with("cwd/clouds.yaml", DEMO);
    let config = load(&place.env, None, Some("demo")).unwrap();
    assert_eq!(config.auth_url.as_str(), "https://keystone.example:5000/v3");
    assert_eq!(config.region.as_deref(), Some("RegionOne"));
    assert_eq!(config.interface, Interface::Public);
    assert!(config.verify);
    let Auth::Password {
        user,
        password,
        project,
    } = config.auth
    else {
        panic!("not a password")
    };
    assert_eq!(
        user,
        User::Name("demo".into(), Domain::Name("Users".into()))
    );
    assert_eq!(
        project,
        Project::Name("shop".into(), Domain::Id("projects".into()))
    );
    assert_eq!(password.expose_secret(), "secret-word");
    let other = load(&place.env, None, Some("other")).unwrap();
    assert_eq!(other.interface, Interface::Internal);
}

#[test]
fn the_first_file_is_read_and_no_other() {
    let other = DEMO.replace("shop", "elsewhere");
    let place = Place::new()
        .with("user/clouds.yaml", DEMO)
        .with("etc/clouds.yaml", &other);
    assert_eq!(
        load(&place.env, None, Some("demo")).unwrap().file,
        Some(place.path("user/clouds.yaml"))
    );
    let place = place.with("cwd/clouds.yml", &other);
    assert_eq!(
        load(&place.env, None, Some("demo")).unwrap().file,
        Some(place.path("cwd/clouds.yml"))
    );
    let mut place = place.with("own.yaml", DEMO);
    place.env.client_config_file = Some(place.path("own.yaml"));
    assert_eq!(
        load(&place.env, None, Some("demo")).unwrap().file,
        Some(place.path("own.yaml"))
    );
    let named = place.path("etc/clouds.yaml");
    assert_eq!(
        load(&place.env, Some(&named), Some("demo")).unwrap().file,
        Some(named)
    );
}

#[test]
fn no_file_says_where_it_looked() {
    let place = Place::new();
    let error = load(&place.env, None, None).unwrap_err();
    assert!(matches!(&error, ConfigError::NoFile { looked_at } if looked_at.len() == 9));
    assert!(error.to_string().contains("user/clouds.yaml"), "{error}");
    assert!(matches!(
        load(&place.env, Some(&place.path("no")), None),
        Err(ConfigError::Read { .. })
    ));
}

#[test]
fn secrets_win_and_may_stand_alone() {
    let place = Place::new()
        .with(
            "cwd/clouds.yaml",
            &DEMO.replace("      password: secret-word\n", ""),
        )
        .with(
            "etc/secure.yaml",
            "clouds:\n  demo:\n    auth:\n      password: 4711\n",
        );
    let config = load(&place.env, None, Some("demo")).unwrap();
    let Auth::Password {
        password, project, ..
    } = config.auth
    else {
        panic!("not a password")
    };
    assert_eq!(password.expose_secret(), "4711");
    assert_eq!(
        project,
        Project::Name("shop".into(), Domain::Id("projects".into()))
    );
}

#[test]
fn a_profile_gives_what_the_cloud_does_not() {
    let place = Place::new()
        .with(
            "etc/clouds-public.yaml",
            "public-clouds:\n  big:\n    auth: {auth_url: \"https://big.example\"}\n    region_name: west\n",
        )
        .with(
            "cwd/clouds.yaml",
            &entry("profile: big\nregion_name: east\nauth: {username: u, password: p, project_id: x}"),
        );
    let config = load(&place.env, None, None).unwrap();
    assert_eq!(config.auth_url.as_str(), "https://big.example/v3");
    assert_eq!(config.region.as_deref(), Some("east"));
    assert_eq!(
        problem("profile: small\nauth: {username: u}"),
        "profile \"small\" is in no clouds-public.yaml"
    );
}

#[test]
fn which_cloud() {
    let mut place = Place::new().with("cwd/clouds.yaml", DEMO);
    let error = load(&place.env, None, Some("demi")).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("it has demo, other; did you mean \"demo\"?"),
        "{error}"
    );
    let error = load(&place.env, None, None).unwrap_err();
    assert!(matches!(&error, ConfigError::Ambiguous { known, .. } if known == &["demo", "other"]));
    assert!(error.hint().is_some());
    place.env.cloud = Some("other".into());
    assert_eq!(load(&place.env, None, None).unwrap().name, "other");
    assert_eq!(load(&place.env, None, Some("demo")).unwrap().name, "demo");
}

#[test]
fn a_syntax_error_has_line_and_column() {
    let place = Place::new().with(
        "cwd/clouds.yaml",
        "clouds:\n  demo:\n    auth: {a: 1\n  x: [\n",
    );
    let error = load(&place.env, None, None).unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("line"), "{source}");
    let place = Place::new().with("cwd/clouds.yaml", "clouds:\n  demo: 7\n");
    let error = load(&place.env, None, None).unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(source, "line 2, column 9: cloud \"demo\" is not a mapping");
}

#[rstest]
#[case("https://k.example", "https://k.example/v3")]
#[case("https://k.example/identity/", "https://k.example/identity/v3")]
#[case("http://k.example:5000/v2.0/", "http://k.example:5000/v3")]
#[case("http://k.example:5000/v3/", "http://k.example:5000/v3")]
fn auth_urls(#[case] written: &str, #[case] meant: &str) {
    assert_eq!(super::auth_url(written).unwrap().as_str(), meant);
}

#[rstest]
#[case(
    "auth: {username: u, password: p, project_id: x}",
    "`auth.auth_url` is missing"
)]
#[case(
    "auth: {auth_url: \"keystone:5000\", username: u, password: p, project_id: x}",
    "`auth.auth_url: keystone:5000` is not an http or https URL"
)]
#[case(
    "auth: {auth_url: \"http://k\", password: p, project_id: x}",
    "`auth.username` is missing"
)]
#[case(
    "auth: {auth_url: \"http://k\", username: u, project_id: x}",
    "`auth.password` is missing"
)]
#[case(
    "auth: {auth_url: \"http://k\", username: u, password: p}",
    "`auth.project_name` or `auth.project_id` is missing"
)]
#[case(
    "auth_type: v3applicationcredential\nauth: {auth_url: \"http://k\"}",
    "`auth.application_credential_id` is missing"
)]
#[case(
    "auth: {auth_url: \"http://k\", application_credential_id: i}",
    "`auth.application_credential_secret` is missing"
)]
#[case(
    "auth_type: v3oidcpassword\nauth: {auth_url: \"http://k\"}",
    "`auth_type: v3oidcpassword` is not supported; use password, v3applicationcredential or token"
)]
#[case(
    "interface: sideways\nauth: {auth_url: \"http://k\", token: t}",
    "`interface: sideways` is none of public, internal, admin"
)]
#[case(
    "verify: maybe\nauth: {auth_url: \"http://k\", token: t}",
    "`verify` is neither true nor false: \"maybe\""
)]
#[case(
    "regions: [a, b]\nauth: {auth_url: \"http://k\", token: t}",
    "`regions` has several entries; name one in `region_name`"
)]
fn what_is_wrong_is_said(#[case] lines: &str, #[case] told: &str) {
    assert_eq!(problem(lines), told);
}

#[test]
fn other_spellings() {
    let place = Place::new().with(
        "cwd/clouds.yaml",
        &entry(
            "auth: {auth-url: \"http://k\", username: u, password: p, tenant_name: t, domain_name: D}\n\
             endpoint_type: internalURL\nregions:\n- name: only\ninsecure: true\n\
             load_balancer_endpoint_override: http://lb:9876",
        ),
    );
    let config = load(&place.env, None, None).unwrap();
    let Auth::Password { user, project, .. } = &config.auth else {
        panic!("not a password")
    };
    assert_eq!(user, &User::Name("u".into(), Domain::Name("D".into())));
    assert_eq!(
        project,
        &Project::Name("t".into(), Domain::Name("D".into()))
    );
    assert_eq!(config.interface, Interface::Internal);
    assert_eq!(config.region.as_deref(), Some("only"));
    assert!(!config.verify);
    assert_eq!(
        config.endpoint_overrides["load-balancer"].as_str(),
        "http://lb:9876/"
    );
}

#[test]
fn authorities_are_read_with_home_expanded() {
    let cloud = entry("cacert: ~/ca.pem\nauth: {auth_url: \"http://k\", token: t}");
    let place = Place::new().with("cwd/clouds.yaml", &cloud);
    assert!(matches!(
        load(&place.env, None, None),
        Err(ConfigError::Read { .. })
    ));
    let place = place.with("home/ca.pem", "PEM");
    let ca = load(&place.env, None, None).unwrap().ca.unwrap();
    assert_eq!(ca.pem, "PEM");
    assert_eq!(ca.path, Some(place.path("home/ca.pem")));
}

#[test]
fn what_we_write_we_read() {
    let place = Place::new().with("cwd/clouds.yaml", DEMO);
    let config = load(&place.env, None, Some("other")).unwrap();
    let text = clouds_yaml(
        &config,
        "openstack",
        "the-id",
        &"s: \"e\n#c".into(),
        None,
        None,
    );
    let place = Place::new().with("cwd/clouds.yaml", text.expose_secret());
    let read = load(&place.env, None, None).unwrap();
    assert_eq!(
        (read.name.as_str(), read.auth_url, read.region),
        ("openstack", config.auth_url, config.region)
    );
    assert_eq!(read.interface, Interface::Internal);
    let Auth::ApplicationCredential { secret, .. } = read.auth else {
        panic!("not a credential")
    };
    assert_eq!(secret.expose_secret(), "s: \"e\n#c");
}

#[test]
fn secrets_are_not_shown() {
    let place = Place::new().with("cwd/clouds.yaml", DEMO);
    let config = load(&place.env, None, Some("demo")).unwrap();
    assert!(!format!("{config:?}").contains("secret-word"));
}
