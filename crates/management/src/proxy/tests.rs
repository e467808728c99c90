use super::*;

fn settings(text: &str) -> Settings {
    Settings::parse(text, "test").unwrap()
}

fn proxy(text: &str) -> ServerProxy {
    let ranges =
        ["10.0.0.0/24", "10.244.0.0/16", "10.96.0.0/12"].map(|range| range.parse().unwrap());
    let address = Some(IpAddr::from([198, 51, 100, 7]));
    ServerProxy::chosen(&settings(text), &ranges, address)
        .unwrap()
        .unwrap()
}

const SECRETIVE: &str = "proxy: 'http://ops:hidden@proxy:3128'\nnoProxy: [.example.org]\n";

#[test]
fn what_is_the_servers_own_is_reached_without_it() {
    insta::assert_snapshot!(proxy(SECRETIVE).no_proxy.join(" "), @"localhost 127.0.0.1 169.254.169.254 .svc .cluster.local 10.0.0.0/24 10.244.0.0/16 10.96.0.0/12 ::1 198.51.100.7 .example.org");
    let none = ServerProxy::chosen(&Settings::default(), &[], None);
    assert_eq!(none.unwrap(), None);
}

#[test]
fn a_password_is_in_the_record_and_shown_by_nothing() {
    let (settings, proxy) = (settings(SECRETIVE), proxy(SECRETIVE));
    let plan = serde_json::to_string(&proxy).unwrap();
    for shown in [format!("{settings:?} {proxy:?} {}", proxy.url), plan] {
        assert!(
            !shown.contains("hidden") && shown.contains("proxy:3128"),
            "{shown}"
        );
    }
    let record = serde_json::to_string(&settings).unwrap();
    assert_eq!(serde_json::from_str::<Settings>(&record).unwrap(), settings);
    // Neither does a mistake beside it.
    let error = Settings::parse(&format!("{SECRETIVE}flavour: x\n"), "test").unwrap_err();
    assert!(!error.to_string().contains("hidden"), "{error}");
}

#[test]
fn what_no_program_would_understand_is_refused_and_not_quoted() {
    for text in [
        "proxy: 'proxy:hidden'",
        "proxy: 'ops:hidden@proxy:3128'",
        "proxy: 'socks5://ops:hidden@proxy:1080'",
        "proxy: 'http://'",
        "proxy: 'http://ops:hidden@pro xy'",
        "proxy: 'http://proxy:3128/hidden'",
        "proxy: \"http://ops:hid'den@proxy\"",
        "noProxy: [a]",
        "{proxy: 'http://proxy', noProxy: ['a,b']}",
        "{proxy: 'http://proxy', noProxy: ['a$(b)']}",
    ] {
        let error = ServerProxy::chosen(&settings(text), &[], None).unwrap_err();
        assert!(
            matches!(&error, Error::Invalid { problem, .. } if !problem.contains("hidden")),
            "{text}: {error}"
        );
    }
}

#[test]
fn a_shell_reads_the_environment_as_it_is_meant() {
    let proxy = proxy("proxy: 'http://ops:a$HOME%40`id`@proxy:3128'");
    let script = format!("{}printf %s \"$http_proxy\"", proxy.environment());
    let output = std::process::Command::new("sh")
        .args(["-c", &script])
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        proxy.url.0.expose_secret()
    );
}

#[test]
fn deployments_get_it_from_a_secret_of_their_namespace() {
    let deployment = |env: Value| {
        let value = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a", "namespace": "n"},
            "spec": {"template": {"metadata": {}, "spec": {"containers": [{"name": "c", "env": env}, {"name": "d"}]}}}});
        serde_json::from_value::<DynamicObject>(value).unwrap()
    };
    let mut objects = vec![deployment(json!([{"name": "X", "value": "x"}]))];
    proxy(SECRETIVE).give(&mut objects).unwrap();
    let changed = |objects: &[DynamicObject]| {
        objects[0].data["spec"]["template"]["metadata"]["annotations"][CHANGED].clone()
    };
    let text = serde_json::to_value(&objects[0]).unwrap();
    let env =
        |container: usize| text["spec"]["template"]["spec"]["containers"][container]["env"].clone();
    assert_eq!(env(0)[0]["name"], "X");
    assert_eq!(
        env(0)[1]["valueFrom"]["secretKeyRef"]["name"],
        objects[1].metadata.name.clone().unwrap()
    );
    assert_eq!(env(1)[1]["name"], "HTTPS_PROXY");
    assert!(
        env(1)[2]["value"]
            .as_str()
            .unwrap()
            .ends_with(".example.org,$(KUBERNETES_SERVICE_HOST)")
    );
    assert!(!text.to_string().contains("hidden"));
    assert_eq!(objects[1].metadata.namespace.as_deref(), Some("n"));

    let mut other = vec![deployment(json!([]))];
    proxy(&SECRETIVE.replace("hidden", "changed"))
        .give(&mut other)
        .unwrap();
    assert_ne!(changed(&objects), changed(&other), "pods are made anew");
}
