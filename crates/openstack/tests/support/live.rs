//! A Keystone project of its own for a test on a real cloud.

use std::{
    future::Future,
    panic::{AssertUnwindSafe, resume_unwind},
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use capstan_openstack::{
    CloudConfig, Options, Session,
    config::{Auth, Domain, Environment, Project, User, load},
    wait::Wait,
};
use futures::FutureExt;

/// What a test gets: an administrator, and an ordinary member of a project that is the test's own.
#[derive(Clone)]
pub(crate) struct Live {
    pub(crate) admin: Session,
    pub(crate) member: Session,
    /// Part of every name the test makes.
    pub(crate) uid: String,
}

impl Live {
    pub(crate) fn name(&self, what: &str) -> String {
        format!("capstan-test-{}-{what}", self.uid)
    }
}

/// Runs a test in a project that is made before and removed after, also when the test fails.
///
/// Returns at once, with a note, when `CAPSTAN_TEST_CLOUDS` names no clouds.yaml with an `admin` cloud.
pub(crate) async fn with_project<F: Future<Output = ()>>(test: impl FnOnce(Live) -> F) {
    with_project_and(Options::default(), test).await;
}

/// As [`with_project`], with a session that behaves otherwise.
pub(crate) async fn with_project_and<F: Future<Output = ()>>(
    options: Options,
    test: impl FnOnce(Live) -> F,
) {
    let Some(path) = std::env::var_os("CAPSTAN_TEST_CLOUDS") else {
        println!(
            "NOT RUN: CAPSTAN_TEST_CLOUDS is unset; it names the clouds.yaml of a cloud to test on"
        );
        return;
    };
    let config = load(
        &Environment::default(),
        Some(Path::new(&path)),
        Some("admin"),
    )
    .unwrap();
    let admin = Session::connect(config.clone()).await.unwrap();
    let uid = uid();
    let name = format!("capstan-test-{uid}");
    let identity = admin.identity();
    let project = identity.create_project(&name, "default").await.unwrap();
    let user = identity
        .create_user(&name, "default", &"pass-word".into())
        .await
        .unwrap();
    let auth = Auth::Password {
        user: User::Name(name.clone(), Domain::default()),
        password: "pass-word".into(),
        project: Project::Id(project.id.clone()),
    };
    let config = CloudConfig {
        name: "test".into(),
        auth,
        ..config
    };
    let ended = AssertUnwindSafe(async {
        for role in identity.roles().await.unwrap() {
            if matches!(role.name.as_str(), "member" | "load-balancer_member") {
                identity
                    .assign_role(&project.id, &user.id, &role.id)
                    .await
                    .unwrap();
            }
        }
        let member = Session::connect_with(config.clone(), options)
            .await
            .unwrap();
        test(Live {
            admin: admin.clone(),
            member,
            uid,
        })
        .await;
    })
    .catch_unwind()
    .await;
    if ended.is_err() {
        sweep(&admin, &config, &project.id).await;
    }
    // Neutron gives each project a default group at the first look; it goes with the project only if somebody says so.
    let own = [("project_id", project.id.as_str())];
    for group in admin.network().security_groups(&own).await.unwrap() {
        admin
            .network()
            .delete_security_group(&group.id)
            .await
            .unwrap();
    }
    admin.identity().delete_user(&user.id).await.unwrap();
    admin.identity().delete_project(&project.id).await.unwrap();
    if let Err(panic) = ended {
        resume_unwind(panic);
    }
}

/// Removes what a failed test left in its project, in the order the services want.
async fn sweep(admin: &Session, config: &CloudConfig, project_id: &str) {
    let wait = Wait::limit(Duration::from_mins(1));
    let member = Session::connect(config.clone()).await.unwrap();
    let own = [("project_id", project_id)];
    for server in member.compute().servers().await.unwrap() {
        member.compute().delete_server(&server.id).await.unwrap();
        member
            .compute()
            .wait_for_server_gone(&server.id, wait)
            .await
            .unwrap();
    }
    for balancer in member.load_balancer().load_balancers(&own).await.unwrap() {
        let api = member.load_balancer();
        api.wait_for_load_balancer_idle(&balancer.id, wait)
            .await
            .unwrap();
        api.delete_load_balancer(&balancer.id).await.unwrap();
        api.wait_for_load_balancer_gone(&balancer.id, wait)
            .await
            .unwrap();
    }
    let network = admin.network();
    for ip in network.floating_ips(&own).await.unwrap() {
        network.delete_floating_ip(&ip.id).await.unwrap();
    }
    for router in network.routers(&own).await.unwrap() {
        for port in network.router_interfaces(&router.id).await.unwrap() {
            let subnet_id = &port.fixed_ips[0].subnet_id;
            network
                .remove_router_interface(&router.id, subnet_id)
                .await
                .unwrap();
        }
        network.delete_router(&router.id).await.unwrap();
    }
    for port in network.ports(&own).await.unwrap() {
        network.delete_port(&port.id).await.unwrap();
    }
    for one in network.networks(&own).await.unwrap() {
        network.delete_network(&one.id).await.unwrap();
    }
    for group in member.compute().server_groups().await.unwrap() {
        member
            .compute()
            .delete_server_group(&group.id)
            .await
            .unwrap();
    }
    for keypair in member.compute().keypairs().await.unwrap() {
        member
            .compute()
            .delete_keypair(&keypair.name)
            .await
            .unwrap();
    }
    for volume in member.volume().volumes().await.unwrap() {
        member.volume().delete_volume(&volume.id).await.unwrap();
        member
            .volume()
            .wait_for_volume_gone(&volume.id, wait)
            .await
            .unwrap();
    }
}

/// Different for each test of each run.
fn uid() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    format!(
        "{:x}-{:x}-{:x}",
        since.as_millis(),
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    )
}
