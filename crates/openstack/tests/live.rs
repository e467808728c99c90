//! The real services. `CAPSTAN_TEST_CLOUDS` names a clouds.yaml with an `admin` cloud; each test makes a project of its
//! own and leaves nothing.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]
#![allow(clippy::large_futures, clippy::too_many_lines)] // a test is one story // the helpers of tests are tests, too

#[path = "support/live.rs"]
mod live;

use std::time::Duration;

use capstan_openstack::{
    Choice, Created, Kind, Optional, Options, Removal, Resource, ResourceKind, Service, Session,
    compute::{GroupPolicy, RebootKind, ServerAction, ServerCreate, ServerNetwork},
    config::{ApplicationCredentialRef, Auth},
    create_or_find,
    identity::{AccessRule, ApplicationCredentialCreate},
    load_balancer::{ListenerCreate, LoadBalancerCreate, MemberCreate, PoolCreate},
    network::{
        ExternalGateway, FloatingIpCreate, NetworkCreate, PortCreate, RouterCreate,
        SecurityGroupCreate, SecurityGroupRuleCreate, SubnetCreate, Taggable,
    },
    volume::VolumeCreate,
    wait::Wait,
};
use live::{Live, with_project, with_project_and};

const PATIENCE: Duration = Duration::from_mins(2);

fn wait() -> Wait {
    Wait {
        first: Duration::from_millis(200),
        ..Wait::limit(PATIENCE)
    }
}

/// A network with a subnet.
async fn subnet(live: &Live) -> (String, String) {
    let api = live.member.network();
    let network = api
        .create_network(&NetworkCreate {
            name: live.name("network"),
            description: live.uid.clone(),
            ..NetworkCreate::default()
        })
        .await
        .unwrap();
    let subnet = api
        .create_subnet(&SubnetCreate {
            name: live.name("subnet"),
            description: live.uid.clone(),
            network_id: network.id.clone(),
            ip_version: 4,
            cidr: "10.77.0.0/24".into(),
            dns_nameservers: vec!["198.18.0.2".into()],
            ..SubnetCreate::default()
        })
        .await
        .unwrap();
    (network.id, subnet.id)
}

#[tokio::test]
async fn live_network_from_nothing_and_back() {
    with_project(|live| async move {
        let before = live.member.snapshot().await.unwrap();
        let api = live.member.network();
        let (network_id, subnet_id) = subnet(&live).await;
        let found = api.networks(&[("description", &live.uid)]).await.unwrap();
        assert_eq!(
            found.iter().map(|network| &network.id).collect::<Vec<_>>(),
            [&network_id]
        );
        assert!(found[0].mtu.is_some_and(|mtu| mtu > 1000));

        let inventory = live.member.inventory().await.unwrap();
        let Choice::One(public) = inventory.external_networks() else {
            panic!("not one external network")
        };
        let router = api
            .create_router(&RouterCreate {
                name: live.name("router"),
                description: live.uid.clone(),
                external_gateway_info: Some(ExternalGateway {
                    network_id: public.id.clone(),
                    ..ExternalGateway::default()
                }),
                ..RouterCreate::default()
            })
            .await
            .unwrap();
        assert_eq!(
            router
                .external_gateway_info
                .as_ref()
                .unwrap()
                .external_fixed_ips
                .len(),
            1
        );
        api.add_router_interface(&router.id, &subnet_id)
            .await
            .unwrap();
        api.add_router_interface(&router.id, &subnet_id)
            .await
            .unwrap();
        assert_eq!(api.router_interfaces(&router.id).await.unwrap().len(), 1);

        let group = api
            .create_security_group(&SecurityGroupCreate {
                name: live.name("group"),
                description: live.uid.clone(),
            })
            .await
            .unwrap();
        let rule = |port: u16, from: &str| SecurityGroupRuleCreate {
            security_group_id: group.id.clone(),
            protocol: Some("tcp".into()),
            port_range_min: Some(port),
            port_range_max: Some(port),
            remote_ip_prefix: Some(from.into()),
            ..SecurityGroupRuleCreate::default()
        };
        let rules = [rule(6443, "198.18.0.0/24"), rule(22, "0.0.0.0/0")];
        assert_eq!(
            api.ensure_security_group_rules(&rules[..1])
                .await
                .unwrap()
                .len(),
            1
        );
        assert_eq!(
            api.ensure_security_group_rules(&rules).await.unwrap().len(),
            1,
            "only the missing one"
        );
        assert_eq!(
            api.ensure_security_group_rules(&rules).await.unwrap().len(),
            0
        );

        let port = api
            .create_port(&PortCreate {
                name: live.name("port"),
                description: live.uid.clone(),
                network_id: network_id.clone(),
                security_groups: Some(vec![group.id.clone()]),
                ..PortCreate::default()
            })
            .await
            .unwrap();
        let address = FloatingIpCreate {
            floating_network_id: public.id.clone(),
            description: live.uid.clone(),
            ..FloatingIpCreate::default()
        };
        let find = || async {
            Ok(api
                .floating_ips(&[("description", &live.uid)])
                .await?
                .into_iter()
                .next())
        };
        let made = create_or_find(find, || api.create_floating_ip(&address))
            .await
            .unwrap();
        assert!(!made.was_there());
        let again = create_or_find(find, || api.create_floating_ip(&address))
            .await
            .unwrap();
        assert!(matches!(&again, Created::Found(ip) if ip.port_id.is_none()));
        let ip = api
            .associate_floating_ip(&again.into_inner().id, Some(&port.id))
            .await
            .unwrap();
        assert_eq!(
            ip.fixed_ip_address.as_ref(),
            Some(&port.fixed_ips[0].ip_address)
        );
        api.set_tags(Taggable::Network, &network_id, &["capstan"])
            .await
            .unwrap();
        assert_eq!(api.network(&network_id).await.unwrap().tags, ["capstan"]);

        let added = before
            .difference(&live.member.snapshot().await.unwrap())
            .added;
        for kind in [
            ResourceKind::Network,
            ResourceKind::Subnet,
            ResourceKind::Router,
            ResourceKind::SecurityGroup,
            ResourceKind::SecurityGroupRule,
            ResourceKind::Port,
            ResourceKind::FloatingIp,
        ] {
            assert!(added.iter().any(|entry| entry.kind == kind), "{kind}");
        }
        let quota = live.member.quota().await.unwrap();
        assert_eq!(quota.get(Resource::FloatingIps).unwrap().used, 1);
        assert_eq!(quota.get(Resource::Routers).unwrap().used, 1);

        let error = api.delete_network(&network_id).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Conflict, "{error:?}");
        let error = api.delete_security_group(&group.id).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Conflict, "{error:?}");

        api.delete_floating_ip(&ip.id).await.unwrap();
        api.delete_port(&port.id).await.unwrap();
        assert_eq!(
            api.delete_port(&port.id).await.unwrap(),
            Removal::AlreadyGone
        );
        api.delete_security_group(&group.id).await.unwrap();
        assert_eq!(
            api.remove_router_interface(&router.id, &subnet_id)
                .await
                .unwrap(),
            Removal::Accepted
        );
        assert_eq!(
            api.remove_router_interface(&router.id, &subnet_id)
                .await
                .unwrap(),
            Removal::AlreadyGone
        );
        let router = api.set_router_gateway(&router.id, None).await.unwrap();
        assert_eq!(router.external_gateway_info, None);
        api.delete_router(&router.id).await.unwrap();
        api.delete_subnet(&subnet_id).await.unwrap();
        api.delete_network(&network_id).await.unwrap();
        assert!(api.network(&network_id).await.optional().unwrap().is_none());
        let difference = before.difference(&live.member.snapshot().await.unwrap());
        assert!(difference.is_empty(), "{difference}");
    })
    .await;
}

#[tokio::test]
async fn live_lists_are_complete_over_pages_of_one() {
    let options = Options {
        page_size: Some(1),
        ..Options::default()
    };
    with_project_and(options, |live| async move {
        let session = &live.member;
        let (network_id, subnet_id) = subnet(&live).await;
        for index in 0..3 {
            session
                .compute()
                .create_server_group(&live.name("group"), GroupPolicy::SoftAntiAffinity)
                .await
                .unwrap();
            let key =
                "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGpeTSFd9eqd+FPWTBqwtfbmRXeExwPRFHArYxlDbPTM";
            session
                .compute()
                .create_keypair(&live.name(&index.to_string()), key)
                .await
                .unwrap();
        }
        let groups = session.compute().server_groups().await.unwrap();
        assert_eq!(groups.len(), 3);
        assert_eq!(session.compute().keypairs().await.unwrap().len(), 3);
        let all = Session::connect(session.config().clone()).await.unwrap();
        assert_eq!(
            session.compute().flavors().await.unwrap().len(),
            all.compute().flavors().await.unwrap().len()
        );
        assert_eq!(
            session.network().networks(&[]).await.unwrap().len(),
            all.network().networks(&[]).await.unwrap().len()
        );
        assert_eq!(
            session.snapshot().await.unwrap(),
            all.snapshot().await.unwrap()
        );
        session.inventory().await.unwrap();
        for group in groups {
            session
                .compute()
                .delete_server_group(&group.id)
                .await
                .unwrap();
        }
        for key in session.compute().keypairs().await.unwrap() {
            session.compute().delete_keypair(&key.name).await.unwrap();
        }
        session.network().delete_subnet(&subnet_id).await.unwrap();
        session.network().delete_network(&network_id).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn live_server_with_everything() {
    with_project(|live| async move {
        let before = live.member.snapshot().await.unwrap();
        let (network_id, subnet_id) = subnet(&live).await;
        let compute = live.member.compute();
        let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGpeTSFd9eqd+FPWTBqwtfbmRXeExwPRFHArYxlDbPTM holder";
        let name = live.name("server");
        let made = compute.create_keypair(&name, key).await.unwrap();
        assert!(made.public_key.ends_with(" holder"));
        let taken = compute.create_keypair(&name, key).await.unwrap_err();
        assert_eq!(taken.kind(), Kind::Conflict, "{taken:?}");
        assert!(compute.keypair(&name).await.unwrap().created_at.is_some());

        let group = compute.create_server_group(&name, GroupPolicy::SoftAntiAffinity).await.unwrap();
        let port = live
            .member
            .network()
            .create_port(&PortCreate {
                name: name.clone(),
                description: live.uid.clone(),
                network_id: network_id.clone(),
                ..PortCreate::default()
            })
            .await
            .unwrap();
        let inventory = live.member.inventory().await.unwrap();
        let new = ServerCreate {
            name: name.clone(),
            flavor_id: inventory.flavors[0].id.clone(),
            image_id: Some(inventory.images[0].id.clone()),
            key_name: Some(name.clone()),
            user_data: Some("#cloud-config\n{}\n".into()),
            metadata: [("capstan.dev:uid".to_owned(), live.uid.clone())].into(),
            networks: vec![ServerNetwork::Port(port.id.clone())],
            server_group: Some(group.id.clone()),
            tags: vec!["capstan".into()],
            ..ServerCreate::default()
        };
        let identity = [("capstan.dev:uid", live.uid.as_str())];
        let id = compute.create_server(&new).await.unwrap();
        assert_eq!(compute.servers_with_metadata(&identity).await.unwrap()[0].id, id);
        assert!(compute.servers_with_metadata(&[("capstan.dev:uid", "other")]).await.unwrap().is_empty());
        let server = compute.wait_for_server(&id, wait()).await.unwrap();
        assert_eq!(server.key_name.as_deref(), Some(name.as_str()));
        assert_eq!(server.image.as_ref(), Some(&inventory.images[0].id));
        assert_eq!(server.flavor.name, inventory.flavors[0].name);
        assert_eq!(server.server_groups, [group.id.as_str()]);
        assert_eq!(server.addresses.values().next().unwrap()[0].addr, port.fixed_ips[0].ip_address);
        assert_eq!(compute.server_group(&group.id).await.unwrap().members, [id.as_str()]);
        compute.console_log(&id, Some(10)).await.unwrap();
        compute.server_action(&id, ServerAction::Reboot(RebootKind::Hard)).await.unwrap();
        compute.wait_for_server(&id, wait()).await.unwrap();
        let quota = live.member.quota().await.unwrap();
        assert_eq!(quota.get(Resource::Instances).unwrap().used, 1);
        assert_eq!(quota.get(Resource::ServerGroups).unwrap().used, 1);
        assert_eq!(quota.get(Resource::ServerGroupMembers).unwrap().used, 1);
        assert_eq!(quota.get(Resource::Keypairs).unwrap().used, 1);

        compute.delete_server(&id).await.unwrap();
        compute.wait_for_server_gone(&id, wait()).await.unwrap();
        assert_eq!(compute.delete_server(&id).await.unwrap(), Removal::AlreadyGone);
        live.member.network().delete_port(&port.id).await.unwrap();
        compute.delete_server_group(&group.id).await.unwrap();
        compute.delete_keypair(&name).await.unwrap();
        assert_eq!(compute.delete_keypair(&name).await.unwrap(), Removal::AlreadyGone);
        live.member.network().delete_subnet(&subnet_id).await.unwrap();
        live.member.network().delete_network(&network_id).await.unwrap();
        let difference = before.difference(&live.member.snapshot().await.unwrap());
        assert!(difference.is_empty(), "{difference}");
    })
    .await;
}

#[tokio::test]
async fn live_too_long_user_data_is_refused_before_anything_is_sent() {
    with_project(|live| async move {
        let new = ServerCreate {
            name: live.name("server"),
            user_data: Some("x".repeat(50_000).into()),
            ..ServerCreate::default()
        };
        let error = live.member.compute().create_server(&new).await.unwrap_err();
        assert_eq!(error.kind(), Kind::BadRequest);
        assert!(error.call().is_none());
    })
    .await;
}

#[tokio::test]
async fn live_quota_of_every_service_is_told_apart_from_a_permission() {
    with_project(|live| async move {
        let nothing = [
            (Resource::Networks, Some(1)),
            (Resource::Keypairs, Some(0)),
            (Resource::ServerGroups, Some(0)),
            (Resource::Instances, Some(0)),
            (Resource::Volumes, Some(0)),
            (Resource::LoadBalancers, Some(0)),
        ];
        let project = live.member.project_id();
        let refused = live.member.set_quota(project, &nothing).await.unwrap_err();
        assert_eq!(refused.kind(), Kind::Forbidden, "{refused:?}");
        let inventory = live.member.inventory().await.unwrap();
        let (network_id, subnet_id) = subnet(&live).await;
        live.admin.set_quota(project, &nothing).await.unwrap();

        let quota = live.member.quota().await.unwrap();
        let short = quota.shortages(nothing.map(|(resource, _)| (resource, 1)));
        assert_eq!(short.len(), nothing.len(), "{short:?}");
        let (compute, network) = (live.member.compute(), live.member.network());
        let key =
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGpeTSFd9eqd+FPWTBqwtfbmRXeExwPRFHArYxlDbPTM";
        let server = ServerCreate {
            name: live.name("server"),
            flavor_id: inventory.flavors[0].id.clone(),
            image_id: Some(inventory.images[0].id.clone()),
            networks: vec![ServerNetwork::Network(network_id.clone())],
            ..ServerCreate::default()
        };
        let volume = VolumeCreate {
            name: live.name("volume"),
            size: 1,
            ..VolumeCreate::default()
        };
        let balancer = LoadBalancerCreate {
            name: live.name("balancer"),
            vip_subnet_id: subnet_id.clone(),
            ..LoadBalancerCreate::default()
        };
        let another = NetworkCreate {
            name: live.name("another"),
            ..NetworkCreate::default()
        };
        let errors = [
            network.create_network(&another).await.unwrap_err(),
            compute
                .create_keypair(&live.name("key"), key)
                .await
                .unwrap_err(),
            compute
                .create_server_group(&live.name("group"), GroupPolicy::AntiAffinity)
                .await
                .unwrap_err(),
            compute.create_server(&server).await.unwrap_err(),
            live.member
                .volume()
                .create_volume(&volume)
                .await
                .unwrap_err(),
            live.member
                .load_balancer()
                .create_load_balancer(&balancer)
                .await
                .unwrap_err(),
        ];
        for error in &errors {
            assert_eq!(error.kind(), Kind::QuotaExceeded, "{error:?}");
            assert!(error.call().unwrap().request_id.is_some(), "{error:?}");
        }
        network.delete_subnet(&subnet_id).await.unwrap();
        network.delete_network(&network_id).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn live_every_service_says_not_found() {
    with_project(|live| async move {
        let session = &live.member;
        let id = "00000000-0000-4000-8000-000000000000";
        let errors = [
            session.network().network(id).await.unwrap_err(),
            session.compute().server(id).await.unwrap_err(),
            session.compute().keypair("no such").await.unwrap_err(),
            session.image().image(id).await.unwrap_err(),
            session.volume().volume(id).await.unwrap_err(),
            session.load_balancer().load_balancer(id).await.unwrap_err(),
            session
                .identity()
                .application_credential(id)
                .await
                .unwrap_err(),
        ];
        for error in &errors {
            assert_eq!(error.kind(), Kind::NotFound, "{error:?}");
            assert!(
                !error.message().is_empty() && !error.message().contains(['{', '<']),
                "{error:?}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn live_volume() {
    with_project(|live| async move {
        let before = live.member.snapshot().await.unwrap();
        let api = live.member.volume();
        let new = VolumeCreate {
            name: live.name("volume"),
            size: 1,
            metadata: [("capstan.dev:uid".to_owned(), live.uid.clone())].into(),
            ..VolumeCreate::default()
        };
        let volume = api.create_volume(&new).await.unwrap();
        let identity = [("capstan.dev:uid", live.uid.as_str())];
        assert_eq!(
            api.volumes_with_metadata(&identity).await.unwrap()[0].id,
            volume.id
        );
        let ended = api.wait_for_volume(&volume.id, wait()).await;
        api.delete_volume(&volume.id).await.unwrap();
        api.wait_for_volume_gone(&volume.id, wait()).await.unwrap();
        ended.unwrap();
        let difference = before.difference(&live.member.snapshot().await.unwrap());
        assert!(difference.is_empty(), "{difference}");
    })
    .await;
}

#[tokio::test]
async fn live_load_balancer_with_children() {
    with_project(|live| async move {
        let before = live.member.snapshot().await.unwrap();
        let (network_id, subnet_id) = subnet(&live).await;
        let api = live.member.load_balancer();
        let balancer = api
            .create_load_balancer(&LoadBalancerCreate {
                name: live.name("balancer"),
                vip_subnet_id: subnet_id.clone(),
                tags: vec![live.uid.clone()],
                ..LoadBalancerCreate::default()
            })
            .await
            .unwrap();
        let id = &balancer.id;
        assert_eq!(
            api.load_balancers(&[("tags", &live.uid)])
                .await
                .unwrap()
                .len(),
            1
        );
        api.wait_for_load_balancer(id, wait()).await.unwrap();
        let pool = api
            .create_pool(&PoolCreate {
                name: live.name("pool"),
                loadbalancer_id: id.clone(),
                protocol: "TCP".into(),
                lb_algorithm: "ROUND_ROBIN".into(),
                ..PoolCreate::default()
            })
            .await
            .unwrap();
        api.wait_for_load_balancer(id, wait()).await.unwrap();
        let listener = api
            .create_listener(&ListenerCreate {
                name: live.name("listener"),
                loadbalancer_id: id.clone(),
                protocol: "TCP".into(),
                protocol_port: 6443,
                default_pool_id: Some(pool.id.clone()),
                allowed_cidrs: vec!["198.18.0.0/24".into()],
                ..ListenerCreate::default()
            })
            .await
            .unwrap();
        assert_eq!(listener.load_balancer_id(), Some(id.as_str()));
        api.wait_for_load_balancer(id, wait()).await.unwrap();
        let member = api
            .create_member(
                &pool.id,
                &MemberCreate {
                    name: live.name("member"),
                    address: "10.77.0.50".into(),
                    protocol_port: 6443,
                    subnet_id: Some(subnet_id.clone()),
                },
            )
            .await
            .unwrap();
        api.wait_for_load_balancer(id, wait()).await.unwrap();
        let tree = api.status_tree(id).await.unwrap();
        assert_eq!(tree.listeners[0].pools[0].members[0].id, member.id);
        let added = before
            .difference(&live.member.snapshot().await.unwrap())
            .added;
        for kind in [
            ResourceKind::LoadBalancer,
            ResourceKind::Listener,
            ResourceKind::Pool,
            ResourceKind::Member,
        ] {
            assert!(added.iter().any(|entry| entry.kind == kind), "{kind}");
        }
        let quota = live.member.quota().await.unwrap();
        for resource in [
            Resource::LoadBalancers,
            Resource::Listeners,
            Resource::Pools,
            Resource::Members,
        ] {
            assert_eq!(quota.get(resource).unwrap().used, 1, "{resource}");
        }
        api.delete_load_balancer(id).await.unwrap();
        api.wait_for_load_balancer_gone(id, wait()).await.unwrap();
        assert_eq!(
            api.delete_load_balancer(id).await.unwrap(),
            Removal::AlreadyGone
        );
        live.member
            .network()
            .delete_subnet(&subnet_id)
            .await
            .unwrap();
        live.member
            .network()
            .delete_network(&network_id)
            .await
            .unwrap();
        let difference = before.difference(&live.member.snapshot().await.unwrap());
        assert!(difference.is_empty(), "{difference}");
    })
    .await;
}

/// A session of an application credential.
async fn as_credential(
    live: &Live,
    id: &str,
    secret: &str,
) -> Result<Session, capstan_openstack::Error> {
    let auth = Auth::ApplicationCredential {
        credential: ApplicationCredentialRef::Id(id.to_owned()),
        secret: secret.to_owned().into(),
    };
    let config = live.member.config().clone();
    Session::connect(capstan_openstack::CloudConfig { auth, ..config }).await
}

#[tokio::test]
async fn live_application_credentials() {
    with_project(|live| async move {
        let identity = live.member.identity();
        assert!(live.member.may_mint_credentials());
        let new = |name: &str, unrestricted: bool| ApplicationCredentialCreate {
            name: live.name(name),
            description: Some(live.uid.clone()),
            secret: Some("our own".into()),
            roles: vec!["member".into()],
            unrestricted,
            expires_at: Some(jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1)),
            ..ApplicationCredentialCreate::default()
        };
        let open = identity
            .create_application_credential(&new("open", true))
            .await
            .unwrap();
        let taken = identity
            .create_application_credential(&new("open", true))
            .await
            .unwrap_err();
        assert_eq!(taken.kind(), Kind::Conflict, "{taken:?}");
        let open = as_credential(&live, &open.id, "our own").await.unwrap();
        assert!(open.may_mint_credentials());
        assert_eq!(open.whoami().roles, ["member", "reader"]);

        let closed = open
            .identity()
            .create_application_credential(&new("closed", false))
            .await
            .unwrap();
        let listed = identity
            .application_credential_named(&live.name("closed"))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(listed.id, closed.id);
        assert!(listed.secret.is_none() && !listed.unrestricted && listed.expires_at.is_some());
        let closed_session = as_credential(&live, &closed.id, "our own").await.unwrap();
        assert!(!closed_session.may_mint_credentials());
        let refused = closed_session
            .identity()
            .create_application_credential(&new("third", false))
            .await
            .unwrap_err();
        assert_eq!(refused.kind(), Kind::Forbidden, "{refused:?}");
        let refused = closed_session
            .identity()
            .delete_application_credential(&closed.id)
            .await
            .unwrap_err();
        assert_eq!(refused.kind(), Kind::Forbidden, "{refused:?}");
        let wrong = as_credential(&live, &closed.id, "wrong").await.unwrap_err();
        assert_eq!(wrong.kind(), Kind::Unauthorized, "{wrong:?}");

        let narrow = ApplicationCredentialCreate {
            access_rules: vec![AccessRule {
                service: "network".into(),
                method: "GET".into(),
                path: "/v2.0/networks".into(),
            }],
            ..new("narrow", false)
        };
        let narrow = identity
            .create_application_credential(&narrow)
            .await
            .unwrap();
        let snapshot = live.member.snapshot().await.unwrap();
        let credentials = snapshot
            .entries
            .iter()
            .filter(|entry| entry.kind == ResourceKind::ApplicationCredential)
            .count();
        assert_eq!(credentials, 3);
        for id in [&narrow.id, &closed.id] {
            assert_eq!(
                identity.delete_application_credential(id).await.unwrap(),
                Removal::Accepted
            );
        }
        assert_eq!(
            identity
                .delete_application_credential(&closed.id)
                .await
                .unwrap(),
            Removal::AlreadyGone
        );
        let gone = closed_session.network().networks(&[]).await.unwrap_err();
        assert_eq!(gone.kind(), Kind::Unauthorized, "{gone:?}");
    })
    .await;
}

#[tokio::test]
async fn live_inventory() {
    with_project(|live| async move {
        let inventory = live.member.inventory().await.unwrap();
        assert_eq!(inventory.services.len(), Service::ALL.len());
        assert!(
            inventory
                .flavors
                .windows(2)
                .all(|pair| pair[0].vcpus <= pair[1].vcpus)
        );
        assert!(inventory.has_extension("router"));
        assert!(!inventory.load_balancer_providers.is_empty());
        assert!(!inventory.zones.compute.is_empty());
        let flavor = &inventory.flavors[0];
        assert_eq!(inventory.flavor(&flavor.name).unwrap().id, flavor.id);
        let unknown = inventory.flavor(&format!("{}x", flavor.name)).unwrap_err();
        assert_eq!(unknown.close.as_deref(), Some(flavor.name.as_str()));
        assert!(
            inventory
                .external_network("publik")
                .unwrap_err()
                .to_string()
                .ends_with("did you mean \"public\"?")
        );
        assert!(inventory.quota.lines().count() >= 19);
    })
    .await;
}
