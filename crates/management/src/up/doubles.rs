//! What exists twice because an answer was lost and came true after all.

use crate::desk::Desk;
use crate::error::Error;
use crate::identity::Identity;
use crate::progress::{Event, Reporter};
use crate::survey::Survey;

/// What exists twice because an answer came after all: the one that is not in use goes, by its id.
pub(super) async fn remove_doubles(
    desk: &Desk,
    identity: &Identity,
    reporter: &dyn Reporter,
) -> Result<(), Error> {
    let found = Survey::read(&desk.session).await?.of(identity);
    let (network, compute) = (desk.session.network(), desk.session.compute());
    let note = |what: &str, id: &str| {
        reporter.report(Event::Note {
            text: format!("removed a second {what} ({id}) of the same identity"),
        });
    };
    let port = found.ports.iter().find(|port| !port.device_id.is_empty());
    for double in found.ports.iter().filter(|port| port.device_id.is_empty()) {
        network.delete_port(&double.id).await?;
        note("port", &double.id);
    }
    for double in found.floating_ips.iter().filter(|ip| ip.port_id.is_none()) {
        network.delete_floating_ip(&double.id).await?;
        note("floating IP", &double.id);
    }
    let used_network = port.map(|port| port.network_id.as_str());
    let used_subnet = port
        .and_then(|port| port.fixed_ips.first())
        .map(|ip| ip.subnet_id.as_str());
    for double in found
        .subnets
        .iter()
        .filter(|subnet| used_subnet.is_some_and(|used| used != subnet.id))
    {
        network.delete_subnet(&double.id).await?;
        note("subnet", &double.id);
    }
    for double in found
        .networks
        .iter()
        .filter(|item| used_network.is_some_and(|used| used != item.id))
    {
        network.delete_network(&double.id).await?;
        note("network", &double.id);
    }
    if found.routers.len() > 1 {
        for router in &found.routers {
            if network.router_interfaces(&router.id).await?.is_empty() {
                network.delete_router(&router.id).await?;
                note("router", &router.id);
            }
        }
    }
    let used_group = |id: &String| port.is_none_or(|port| port.security_groups.contains(id));
    for double in found
        .security_groups
        .iter()
        .filter(|group| !used_group(&group.id))
    {
        network.delete_security_group(&double.id).await?;
        note("security group", &double.id);
    }
    let server = port.map(|port| port.device_id.as_str());
    for double in found
        .servers
        .iter()
        .filter(|item| server.is_some_and(|used| used != item.id))
    {
        compute.delete_server(&double.id).await?;
        note("server", &double.id);
    }
    if found.server_groups.len() > 1 {
        for double in found
            .server_groups
            .iter()
            .filter(|group| group.members.is_empty())
        {
            compute.delete_server_group(&double.id).await?;
            note("server group", &double.id);
        }
    }
    if found.volumes.len() > 1 {
        for double in found
            .volumes
            .iter()
            .filter(|volume| volume.status != "in-use")
        {
            desk.session.volume().delete_volume(&double.id).await?;
            note("volume", &double.id);
        }
    }
    Ok(())
}
