"""Posting to a web address that an operator configured, without being led anywhere else.

The name is resolved once, every address it may mean is checked, and the connection goes to an address that was checked; the
certificate is verified against the name. Redirects are not followed. Loopback, private, link-local (where clouds keep their
metadata), mapped and other special ranges are refused unless the channel allows them.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from scanner import __version__
from scanner.errors import NotifyError

_MOST_ANSWER = 64 * 1024
_NAT64 = ip_network("64:ff9b::/96")


def post(url: str, body: bytes, headers: Mapping[str, str], *, allow: Sequence[str], timeout: float) -> None:
    """POST ``body``. Raises :class:`NotifyError` unless the answer is 2xx; messages do not repeat the address's path."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    where = f"{parts.scheme}://{host}:{port}"
    address = _checked(host, port, allow)
    connection = _Pinned(host, port, address, secure=parts.scheme == "https", timeout=timeout)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("POST", target, body, {"User-Agent": f"vendorwatch/{__version__}", **headers})
        answer = connection.getresponse()
        answer.read(_MOST_ANSWER)
        status = answer.status
    except (OSError, http.client.HTTPException) as error:
        reason = "took too long" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
        raise NotifyError(f"{where}: {reason}", "see whether it is up and reachable from here") from None
    finally:
        connection.close()
    if 300 <= status < 400:
        raise NotifyError(f"{where} answered {status}, a redirect, which is not followed", "configure the final address")
    if not 200 <= status < 300:
        raise NotifyError(f"{where} answered {status}", "see its log")


def _checked(host: str, port: int, allow: Sequence[str]) -> str:
    """The first address of ``host`` that may be used. All of them must be allowed: a name may not mean two worlds."""
    addresses = _resolved(host, port)
    networks = [ip_network(text) for text in allow]
    for text in addresses:
        address = _plain(text)
        permitted = any(address.version == network.version and address in network for network in networks)
        if not permitted and not _public(address):
            raise NotifyError(
                f"{host} is {text}, an address that is not public",
                f"if that is meant, add `allow: [{text}/{address.max_prefixlen}]`",
            )
    return addresses[0]


def _resolved(host: str, port: int) -> list[str]:
    try:
        return [str(ip_address(host))]
    except ValueError:
        pass
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise NotifyError(f"{host} cannot be resolved: {error.strerror or error}", "check the name") from None
    return list(dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found))


def _plain(text: str) -> IPv4Address | IPv6Address:
    """An address as what it reaches: IPv4 inside IPv6 (mapped, NAT64, 6to4) counts as the IPv4 address."""
    address = ip_address(text)
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
        if address.sixtofour is not None:
            return address.sixtofour
    return address


def _public(address: IPv4Address | IPv6Address) -> bool:
    return address.is_global and not address.is_multicast and not address.is_reserved


class _Pinned(http.client.HTTPConnection):
    """A connection to one checked address, under the host's name."""

    def __init__(self, host: str, port: int, address: str, *, secure: bool, timeout: float) -> None:
        super().__init__(host, port, timeout=timeout)
        self._address = address
        self._context = ssl.create_default_context() if secure else None

    def connect(self) -> None:
        plain = socket.create_connection((self._address, self.port), self.timeout)
        try:
            self.sock = self._context.wrap_socket(plain, server_hostname=self.host) if self._context else plain
        except BaseException:
            plain.close()
            raise
