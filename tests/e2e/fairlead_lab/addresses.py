"""Every address of the lab, in one place (documentation prefixes, the same in every lab)."""

# Outside: the link between the client and the director.
CLIENT = "192.0.2.10"
CLIENT6 = "2001:db8:1::10"
DIRECTOR_OUTSIDE = "192.0.2.1"
DIRECTOR_OUTSIDE6 = "2001:db8:1::1"

# Inside: the bridge with the director, the real servers and the client's second leg, which carries only the
# direct replies of DR and TUN. The client itself reaches the inside network through the director.
DIRECTOR_INSIDE = "10.0.0.1"
DIRECTOR_INSIDE6 = "fd00:10::1"
CLIENT_LEG = "10.0.0.254"
CLIENT_LEG6 = "fd00:10::254"

# Service addresses. The real servers hold the direct ones silently on `lo`; their replies from those addresses
# take the client's second leg, all other replies go back through the director.
VIP = "192.0.2.80"
VIP2 = "192.0.2.81"
VIP6 = "2001:db8:1::80"
VIP_DR = "192.0.2.180"
VIP_DR6 = "2001:db8:1::180"
VIP_TUN = "192.0.2.190"
VIP_TUN6 = "2001:db8:1::190"
DIRECT_VIPS = [VIP_DR, VIP_TUN, "192.0.2.181", "192.0.2.191"]
DIRECT_VIPS6 = [VIP_DR6, VIP_TUN6]

# Networks that live on the client's `lo`: any address in them can be a client's.
CLIENT_NETWORKS = ["198.51.100.0/24", "203.0.113.0/24", "100.64.0.0/10", "172.16.0.0/12", "198.18.0.0/15"]
CLIENT_NETWORK6 = "2001:db8:2::/64"

# What the director speaks to real servers from with FULLNAT: free addresses of the inside network.
LOCAL_ADDRESSES = ["10.0.0.128/28", "fd00:10::f0/124"]

# Ports on which every real server answers HTTP with its name, and UDP with its name and the request.
HTTP_PORTS = [21, 23, 80, 443, 2323, 5000, 8080]
UDP_PORT = 5353
# On this one nginx wants a PROXY header in front of all, and answers /whoami with what stands there.
PROXY_PORT = 8180
# The origin real server answers but is in no pool of weights: fallback tests use it.
MTU = 1500


def director_outside(number: int) -> str:
    """Address of director `number`, counted from 1, where clients are."""
    return f"192.0.2.{number}"


def director_outside6(number: int) -> str:
    return f"2001:db8:1::{number}"


def director_inside(number: int) -> str:
    return f"10.0.0.{number}"


def director_inside6(number: int) -> str:
    return f"fd00:10::{number}"


def director_sync(number: int) -> str:
    """On the link between two directors."""
    return f"10.255.0.{number}"


def real_address(index: int) -> str:
    """Address of real server `index`, counted from 1."""
    return f"10.0.0.{10 + index}"


def real_address6(index: int) -> str:
    return f"fd00:10::{10 + index}"


def real_name(index: int) -> str:
    return f"real{index}"
