"""Who may be told to reload: a Prometheus on this machine or in its private network alone."""

import errno
import ipaddress
import socket

import aiohttp
from aiohttp.abc import ResolveResult

from receiver.channels.addresses import GuardedResolver

_NEAR = tuple(
    ipaddress.ip_network(text)
    for text in (
        *("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"),
        *("::1/128", "fc00::/7"),
    )
)


def is_near(host: str) -> bool:
    """Whether an address is this machine's or a private one; a name is looked up later."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return True
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address
    return any(address in network for network in _NEAR if network.version == address.version)


class NearResolver(GuardedResolver):
    """Looks up names, and knows none that leads to the world outside."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the private addresses; raises OSError where there is none."""
        near = [each for each in await super().resolve(host, port, family) if is_near(each["host"])]
        if not near:
            raise OSError(errno.EACCES, "it is neither on this machine nor in a private network")
        return near


def session() -> aiohttp.ClientSession:
    """Make what talks to nobody else."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(resolver=NearResolver()), cookie_jar=aiohttp.DummyCookieJar()
    )
