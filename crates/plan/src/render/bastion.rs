//! The bastion, and the way from it to the nodes.
//!
//! CAPO makes a security group for a bastion that opens its port 22 to everybody, and cannot be told otherwise; and it adds
//! that group to whatever `spec.securityGroups` says. Only a port that names its groups itself gets those and no other
//! (`openStackMachineSpecToOpenStackServerSpec`, CAPO v0.14.7). Such a port must name its network, too: else CAPO writes one
//! into the very object it was told, which would be applied over, and so on for ever.

use capstan_capi::apply::{
    Bastion, FixedIp, KeyValue, OpenStackMachineSpec, Port, Reference, RootVolume,
    SecurityGroupRule, VolumePlace,
};
use capstan_spec::naming::CLOUD_TAG_KEY;
use capstan_spec::{ClusterName, WorkloadClusterSpec};

use crate::facts::{BastionFacts, Facts};

/// Port of ssh.
const SSH: u16 = 22;
/// Annotation of an `OpenStackCluster`: the networks that may connect to its bastion. They are rules of a security group
/// that is Capstan's, so CAPO is not told them; written down here, a plan tells their change.
pub const ALLOWED_ANNOTATION: &str = "capstan.dev/bastion-allowed-cidrs";

/// The networks that may connect, as an annotation.
pub(super) fn allowed(spec: &WorkloadClusterSpec) -> Option<(String, String)> {
    let allowed = spec.bastion.as_ref()?.allowed();
    let allowed: Vec<_> = allowed.iter().map(ToString::to_string).collect();
    Some((ALLOWED_ANNOTATION.to_owned(), allowed.join(",")))
}

/// What CAPO is told of the bastion: that it shall be, that it goes, or nothing.
pub(super) fn bastion(
    spec: &WorkloadClusterSpec,
    name: &ClusterName,
    facts: &Facts,
) -> Option<Bastion> {
    let (image, root_volume, floating_ip, security_group) = match facts.bastion.as_ref()? {
        BastionFacts::Leaving { floating_ip } => {
            return Some(Bastion {
                enabled: false,
                availability_zone: None,
                floating_ip: floating_ip.clone(),
                spec: None,
            });
        }
        BastionFacts::Wanted {
            image,
            root_volume,
            floating_ip,
            security_group,
        } => (image, root_volume, floating_ip, security_group),
    };
    let wanted = spec.bastion.as_ref()?;
    let existing = facts.existing_network.as_ref();
    let by_name = || Reference::Filter {
        name: name.capo_network(),
    };
    let subnet = existing.and_then(|network| network.subnet.clone());
    Some(Bastion {
        enabled: true,
        availability_zone: wanted.availability_zone.clone(),
        floating_ip: Some(floating_ip.clone()),
        spec: Some(OpenStackMachineSpec {
            flavor: wanted.flavor.clone(),
            image: image.clone(),
            ssh_key_name: spec.bastion_key().map(str::to_owned),
            root_volume: root_volume.map(|size_gib| RootVolume {
                size_gib,
                place: VolumePlace::default(),
            }),
            additional_block_devices: Vec::new(),
            server_group: None,
            security_groups: Vec::new(),
            ports: vec![Port {
                network: Some(existing.map_or_else(by_name, |network| network.network.clone())),
                fixed_ips: subnet
                    .map(|subnet| FixedIp { subnet })
                    .into_iter()
                    .collect(),
                security_groups: vec![security_group.as_str().into()],
                ..Port::default()
            }],
            server_metadata: vec![KeyValue {
                key: CLOUD_TAG_KEY.to_owned(),
                value: name.cluster(),
            }],
        }),
    })
}

/// The way from the bastion to every node. CAPO opens one from its own group, in which nobody is.
pub(super) fn rule(facts: &Facts) -> Option<SecurityGroupRule> {
    let Some(BastionFacts::Wanted { security_group, .. }) = &facts.bastion else {
        return None;
    };
    Some(SecurityGroupRule {
        name: "ssh-from-bastion".to_owned(),
        description: "ssh from the bastion",
        direction: "ingress",
        ether_type: "IPv4",
        protocol: "tcp",
        port_range_min: SSH,
        port_range_max: SSH,
        remote_ip_prefix: None,
        remote_group_id: Some(security_group.clone()),
        remote_managed_groups: Vec::new(),
    })
}
