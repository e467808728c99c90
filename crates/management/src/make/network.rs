//! Network, subnet, router, security group, floating IP and port.

use capstan_openstack::create_or_find;
use capstan_openstack::network::{
    Direction, EtherType, ExternalGateway, FixedIp, FloatingIp, FloatingIpCreate, Network,
    NetworkCreate, Port, PortCreate, Router, RouterCreate, SecurityGroup, SecurityGroupCreate,
    SecurityGroupRuleCreate, Subnet, SubnetCreate,
};
use ipnet::IpNet;

use super::{Done, Maker, address, done, one};
use crate::progress::Outcome;

impl Maker<'_> {
    pub(crate) async fn network(&self) -> Done {
        let (api, ours) = (self.session.network(), self.ours());
        let filters = ours.each_ref().map(|(key, value)| (*key, value.as_str()));
        let new = NetworkCreate {
            name: self.name(),
            description: self.identity.description(),
            ..NetworkCreate::default()
        };
        let find = || async {
            let mine = |network: &Network| self.identity.owns_description(&network.description);
            Ok(one(
                api.networks(&filters).await?,
                mine,
                |network| !network.subnets.is_empty(),
                |network| network.id.clone(),
            ))
        };
        let network = create_or_find(find, || api.create_network(&new)).await?;
        let (outcome, id) = done(network.clone(), |network| network.id.clone());
        let mut made = self.made();
        made.mtu = network.into_inner().mtu;
        made.network = Some(id.clone());
        Ok((outcome, id))
    }

    pub(crate) async fn subnet(&self) -> Done {
        let (api, ours) = (self.session.network(), self.ours());
        let filters = ours.each_ref().map(|(key, value)| (*key, value.as_str()));
        let network = self.need("the network", |made| &made.network)?;
        let new = SubnetCreate {
            name: self.name(),
            description: self.identity.description(),
            network_id: network.clone(),
            ip_version: if self.choices.network_cidr.addr().is_ipv4() {
                4
            } else {
                6
            },
            cidr: self.choices.network_cidr.to_string(),
            dns_nameservers: self.choices.dns.iter().map(ToString::to_string).collect(),
            ..SubnetCreate::default()
        };
        let find = || async {
            let mine = |subnet: &Subnet| {
                self.identity.owns_description(&subnet.description) && subnet.network_id == network
            };
            Ok(one(
                api.subnets(&filters).await?,
                mine,
                |_| false,
                |subnet| subnet.id.clone(),
            ))
        };
        let (outcome, id) = done(
            create_or_find(find, || api.create_subnet(&new)).await?,
            |subnet| subnet.id.clone(),
        );
        self.made().subnet = Some(id);
        Ok((outcome, new.cidr))
    }

    pub(crate) async fn router(&self) -> Done {
        let (api, ours) = (self.session.network(), self.ours());
        let filters = ours.each_ref().map(|(key, value)| (*key, value.as_str()));
        let new = RouterCreate {
            name: self.name(),
            description: self.identity.description(),
            external_gateway_info: Some(ExternalGateway {
                network_id: self.choices.external_network.id.clone(),
                ..ExternalGateway::default()
            }),
            ..RouterCreate::default()
        };
        let find = || async {
            let mine = |router: &Router| self.identity.owns_description(&router.description);
            let mut routers = api.routers(&filters).await?;
            routers.retain(mine);
            if routers.len() > 1 {
                // Which of two is in use is not in the router itself.
                for router in &routers {
                    if !api.router_interfaces(&router.id).await?.is_empty() {
                        return Ok(Some(router.clone()));
                    }
                }
            }
            Ok(one(
                routers,
                |_| true,
                |_| false,
                |router| router.id.clone(),
            ))
        };
        let (outcome, id) = done(
            create_or_find(find, || api.create_router(&new)).await?,
            |router| router.id.clone(),
        );
        self.made().router = Some(id.clone());
        Ok((outcome, id))
    }

    pub(crate) async fn router_interface(&self) -> Done {
        let router = self.need("the router", |made| &made.router)?;
        let subnet = self.need("the subnet", |made| &made.subnet)?;
        self.session
            .network()
            .add_router_interface(&router, &subnet)
            .await?;
        Ok((Outcome::Reached, String::new()))
    }

    pub(crate) async fn security_group(&self) -> Done {
        let (api, ours) = (self.session.network(), self.ours());
        let filters = ours.each_ref().map(|(key, value)| (*key, value.as_str()));
        let new = SecurityGroupCreate {
            name: self.name(),
            description: self.identity.description(),
        };
        let find = || async {
            let mine = |group: &SecurityGroup| self.identity.owns_description(&group.description);
            // A group that ports use has rules already.
            Ok(one(
                api.security_groups(&filters).await?,
                mine,
                |group| group.rules.len() > 2,
                |group| group.id.clone(),
            ))
        };
        let created = create_or_find(find, || api.create_security_group(&new)).await?;
        let (outcome, id) = done(created.clone(), |group| group.id.clone());
        let wanted = self.rules(&id);
        api.ensure_security_group_rules(&wanted).await?;
        // What an earlier run opened and this one does not want is closed.
        for rule in &created.into_inner().rules {
            if rule.direction == Direction::Ingress && !wanted.iter().any(|wanted| rule.is(wanted))
            {
                api.delete_security_group_rule(&rule.id).await?;
            }
        }
        self.made().group = Some(id.clone());
        Ok((outcome, id))
    }

    /// The API and ping for whom they are opened; ssh only with a key.
    fn rules(&self, group: &str) -> Vec<SecurityGroupRuleCreate> {
        let rule = |range: &IpNet, protocol: &str, port: Option<u16>| SecurityGroupRuleCreate {
            security_group_id: group.to_owned(),
            direction: Direction::Ingress,
            ethertype: if range.addr().is_ipv4() {
                EtherType::IPv4
            } else {
                EtherType::IPv6
            },
            protocol: Some(protocol.to_owned()),
            port_range_min: port,
            port_range_max: port,
            remote_ip_prefix: Some(range.trunc().to_string()),
            description: Some(self.identity.description()),
            ..SecurityGroupRuleCreate::default()
        };
        let mut rules: Vec<_> = Vec::new();
        for range in &self.choices.api_cidr {
            rules.push(rule(range, "tcp", Some(6443)));
            rules.push(rule(
                range,
                if range.addr().is_ipv4() {
                    "icmp"
                } else {
                    "ipv6-icmp"
                },
                None,
            ));
        }
        if self.choices.ssh_key.is_some() {
            rules.extend(
                self.choices
                    .ssh_cidr
                    .iter()
                    .map(|range| rule(range, "tcp", Some(22))),
            );
        }
        rules
    }

    pub(crate) async fn floating_ip(&self) -> Done {
        let (api, ours) = (self.session.network(), self.ours());
        let filters = ours.each_ref().map(|(key, value)| (*key, value.as_str()));
        let new = FloatingIpCreate {
            floating_network_id: self.choices.external_network.id.clone(),
            description: self.identity.description(),
            ..FloatingIpCreate::default()
        };
        let find = || async {
            let mine = |ip: &FloatingIp| self.identity.owns_description(&ip.description);
            Ok(one(
                api.floating_ips(&filters).await?,
                mine,
                |ip| ip.port_id.is_some(),
                |ip| ip.id.clone(),
            ))
        };
        let created = create_or_find(find, || api.create_floating_ip(&new)).await?;
        let (outcome, text) = done(created.clone(), |ip| ip.floating_ip_address.clone());
        self.made().address = Some((created.into_inner().id, address(&text)?));
        Ok((outcome, text))
    }

    pub(crate) async fn port(&self) -> Done {
        let (api, ours) = (self.session.network(), self.ours());
        let filters = ours.each_ref().map(|(key, value)| (*key, value.as_str()));
        let network = self.need("the network", |made| &made.network)?;
        let new = PortCreate {
            name: self.name(),
            description: self.identity.description(),
            network_id: network.clone(),
            fixed_ips: vec![FixedIp {
                subnet_id: self.need("the subnet", |made| &made.subnet)?,
                ..FixedIp::default()
            }],
            security_groups: Some(vec![self.need("the security group", |made| &made.group)?]),
            ..PortCreate::default()
        };
        let find = || async {
            let mine = |port: &Port| {
                self.identity.owns_description(&port.description) && port.network_id == network
            };
            Ok(one(
                api.ports(&filters).await?,
                mine,
                |port| !port.device_id.is_empty(),
                |port| port.id.clone(),
            ))
        };
        let created = create_or_find(find, || api.create_port(&new)).await?;
        let first = |port: &Port| port.fixed_ips.first().map(|ip| ip.ip_address.clone());
        let (outcome, text) = done(created.clone(), |port| first(port).unwrap_or_default());
        self.made().port = Some((created.into_inner().id, address(&text)?));
        Ok((outcome, text))
    }

    pub(crate) async fn association(&self) -> Done {
        let (address, _) = self.need("the floating IP", |made| &made.address)?;
        let (port, _) = self.need("the port", |made| &made.port)?;
        let api = self.session.network();
        if api.floating_ip(&address).await?.port_id.as_deref() == Some(port.as_str()) {
            return Ok((Outcome::Found, String::new()));
        }
        api.associate_floating_ip(&address, Some(&port)).await?;
        Ok((Outcome::Created, String::new()))
    }
}
