//! The address the cloud probably sees the caller by, found without asking anybody.

use std::net::IpAddr;
use std::time::Duration;

use capstan_openstack::Session;
use ipnet::IpNet;
use tokio::net::{UdpSocket, lookup_host};

/// A name server that does not answer is not waited for: this is a help, not a need.
const LIMIT: Duration = Duration::from_secs(2);

/// The address this machine sends from when it speaks to the cloud, as a range of one; `None` where that is certainly not
/// what the cloud sees. Nothing is sent: connecting a datagram socket only asks the kernel for its route.
///
/// Wrong where an address is translated on the way; so it is only ever proposed, never used unasked.
pub async fn caller_address(session: &Session) -> Option<IpNet> {
    let url = &session.config().auth_url;
    let port = url.port_or_known_default()?;
    let host = url.host_str()?.trim_matches(['[', ']']);
    let look = async {
        let cloud = lookup_host((host, port)).await.ok()?.next()?;
        let any = if cloud.is_ipv4() {
            "0.0.0.0:0"
        } else {
            "[::]:0"
        };
        let socket = UdpSocket::bind(any).await.ok()?;
        socket.connect(cloud).await.ok()?;
        proposal(socket.local_addr().ok()?.ip(), cloud.ip())
    };
    tokio::time::timeout(LIMIT, look).await.ok()?
}

fn proposal(ours: IpAddr, cloud: IpAddr) -> Option<IpNet> {
    let reaches_only_itself = ours.is_loopback() || ours.is_unspecified() || link_local(ours);
    // A private address does not travel, so a cloud outside sees another one.
    let translated = private(ours) && !private(cloud);
    (!reaches_only_itself && !translated).then(|| ours.into())
}

fn link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

/// RFC 1918, RFC 6598 (carriers' translation) and RFC 4193.
pub(crate) fn private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            address.is_private() || (first == 100 && (64..128).contains(&second))
        }
        IpAddr::V6(address) => address.is_unique_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("198.51.100.7", "203.0.113.1", Some("198.51.100.7/32"))]
    #[case("10.1.2.3", "10.9.0.1", Some("10.1.2.3/32"))]
    #[case("192.168.1.5", "203.0.113.1", None)]
    #[case("100.70.0.1", "203.0.113.1", None)]
    #[case("127.0.0.1", "127.0.0.1", None)]
    #[case("169.254.3.4", "169.254.1.1", None)]
    #[case("2001:db8::7", "2001:db8:1::1", Some("2001:db8::7/128"))]
    #[case("fd00::7", "2001:db8:1::1", None)]
    fn only_what_the_cloud_can_see_is_proposed(
        #[case] ours: IpAddr,
        #[case] cloud: IpAddr,
        #[case] proposed: Option<&str>,
    ) {
        let range = proposal(ours, cloud).map(|range| range.to_string());
        assert_eq!(range.as_deref(), proposed);
    }
}
