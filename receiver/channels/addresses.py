"""Where no message goes: link-local addresses, and the metadata services of clouds."""

import asyncio
import errno
import ipaddress
import socket
from contextlib import ExitStack

from aiohttp import ThreadedResolver
from aiohttp.abc import ResolveResult

# Those that are not link-local, as most are. A machine's credentials can be read there.
_METADATA = {
    "fd00:ec2::254",  # AWS: EC2 user guide, "Instance metadata"
    "fd00:ec2::23",  # AWS: EKS user guide, "EKS Pod Identity"
    "fd20:ce::254",  # Google: Compute Engine, "View and query VM metadata"
    "100.100.100.200",  # Alibaba: ECS user guide, "Instance metadata"
    "168.63.129.16",  # Azure: Virtual Network, "What is IP address 168.63.129.16?"
}
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052
_NEVER = {ipaddress.ip_address(text) for text in _METADATA}


def check_address(text: str) -> None:
    """Raise ValueError for an address that no message may go to; a name passes."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return
    if isinstance(address, ipaddress.IPv6Address):
        address = _within(address) or address
    if address.is_link_local or address in _NEVER:
        raise ValueError(f"{text} is link-local or a metadata service; messages do not go there")


def _within(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that a mapped, a 6to4 or a NAT64 address leads to."""
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def _refusal(text: str) -> str:
    try:
        check_address(text)
    except ValueError as error:
        return str(error)
    return ""


async def reach(host: str, port: int) -> socket.socket:
    """Connect to the first allowed address that answers; raises OSError."""
    failure: OSError = OSError(errno.EHOSTUNREACH, "no address")
    for each in await GuardedResolver().resolve(host, port, socket.AF_UNSPEC):
        with ExitStack() as stack:
            sock = stack.enter_context(socket.socket(each["family"], socket.SOCK_STREAM))
            sock.setblocking(False)
            try:
                await asyncio.get_running_loop().sock_connect(sock, (each["host"], port))
            except OSError as error:
                failure = error
            else:
                stack.pop_all()
                return sock
    raise failure


class GuardedResolver(ThreadedResolver):
    """Looks up names, and leaves out the addresses that a name may not lead to."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the allowed addresses; raises OSError where there is none."""
        found = await super().resolve(host, port, family)
        refusals = [_refusal(each["host"]) for each in found]
        allowed = [each for each, refusal in zip(found, refusals, strict=True) if not refusal]
        if refusals and not allowed:
            raise OSError(errno.EACCES, refusals[0])
        return allowed
