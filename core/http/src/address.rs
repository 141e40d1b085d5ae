//! Which addresses may be connected to, whatever a name resolves to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How far a client may reach.
///
/// Never reached, because no git host lives there: unspecified, link-local (cloud metadata), multicast and
/// broadcast addresses, in whatever form they are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// Private networks and this machine too: the operator names the hosts.
    #[default]
    Private,
    /// Public addresses only: somebody else names the hosts.
    PublicOnly,
}

impl Reach {
    /// Why this address is out of reach, if it is.
    pub(crate) fn flaw(self, address: IpAddr) -> Option<&'static str> {
        let address = plain(address);
        match address {
            _ if is_nowhere(address) => Some("it is an address that no git host has"),
            _ if self == Reach::PublicOnly && is_private(address) => Some("it is a private address"),
            _ => None,
        }
    }
}

/// IPv4 that is wrapped in IPv6 (mapped, NAT64, 6to4), unwrapped.
fn plain(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let s = v6.segments();
    let join = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match s {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => join(high, low).into(),
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => join(high, low).into(),
        [0x2002, high, low, ..] => join(high, low).into(),
        _ => address,
    }
}

fn is_nowhere(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.octets()[0] == 0 || v4.is_link_local() || v4.is_multicast() || v4.is_broadcast(),
        IpAddr::V6(v6) => v6.is_unspecified() || v6.is_multicast() || v6.segments()[0] & 0xffc0 == 0xfe80,
    }
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_loopback()
                || v4.is_private()
                || (a == 100 && b & 0xc0 == 64)
                || (a == 192 && b == 0)
                || (a == 198 && b & 0xfe == 18)
                || a >= 240
        }
        IpAddr::V6(v6) => v6 == Ipv6Addr::LOCALHOST || v6.segments()[0] & 0xfe00 == 0xfc00,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flaw(reach: Reach, text: &str) -> bool {
        reach.flaw(text.parse().unwrap()).is_some()
    }

    #[test]
    fn metadata_and_nowhere_are_never_reached() {
        for bad in [
            "0.0.0.0",
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "fe80::1",
            "::",
            "224.0.0.1",
            "64:ff9b::a9fe:a9fe",
        ] {
            assert!(flaw(Reach::Private, bad), "{bad}");
        }
    }

    #[test]
    fn the_operators_own_network_is_reached_only_where_the_operator_asks() {
        for inside in [
            "127.0.0.1",
            "::1",
            "::ffff:127.0.0.1",
            "10.1.2.3",
            "100.64.0.1",
            "192.168.1.1",
            "fd00::1",
            "2002:7f00:1::",
        ] {
            assert!(!flaw(Reach::Private, inside), "{inside}");
            assert!(flaw(Reach::PublicOnly, inside), "{inside}");
        }
        for public in ["140.82.112.3", "2606:50c0::1"] {
            assert!(!flaw(Reach::PublicOnly, public), "{public}");
        }
    }
}
