"""Where no message goes: link-local addresses, and the metadata services of clouds."""

import errno
import ipaddress
import socket

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
_NEVER = {ipaddress.ip_address(text) for text in _METADATA}


def check_address(text: str) -> None:
    """Raise ValueError for an address that no message may go to; a name passes."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if address.is_link_local or address in _NEVER:
        raise ValueError(f"{text} is link-local or a metadata service; messages do not go there")


def _refusal(text: str) -> str:
    try:
        check_address(text)
    except ValueError as error:
        return str(error)
    return ""


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
