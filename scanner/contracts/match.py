"""What the names, addresses and columns of a contract cover. Each question is asked once per distinct value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from scanner.config import LOCAL_SOCKET, Config, Contract

Address = IPv4Address | IPv6Address | str  # see parse_address


class AccountMatcher:
    """Whose account it is. The most specific pattern wins: a literal, else the glob with the most fixed characters."""

    def __init__(self, accounts: Mapping[str, Iterable[str]]) -> None:
        """``accounts``: vendor → globs on the account's name (``*``, ``?``, ``[…]``; case-sensitive)."""
        pairs = [(pattern, vendor) for vendor, patterns in accounts.items() for pattern in patterns]
        self._literal = {pattern: vendor for pattern, vendor in pairs if not _is_glob(pattern)}
        self._globs = sorted(((p, v) for p, v in pairs if _is_glob(p)), key=lambda pair: _vagueness(pair[0]))

    def vendor(self, account: str | None) -> str | None:
        """The vendor's key, or None for the company's own account."""
        if account is None:
            return None
        if account in self._literal:
            return self._literal[account]
        return next((vendor for pattern, vendor in self._globs if fnmatchcase(account, pattern)), None)


def unlisted(accounts: Iterable[str], config: Config) -> list[str]:
    """Those of ``accounts`` that are on no vendor's list, sorted."""
    matcher = AccountMatcher({name: vendor.accounts for name, vendor in config.vendors.items()})
    return sorted(account for account in set(accounts) if matcher.vendor(account) is None)


def _is_glob(pattern: str) -> bool:
    return any(character in pattern for character in "*?[")


def _vagueness(pattern: str) -> tuple[int, int, str]:
    """Sort key: fewer fixed characters come later; then more stars; then the text, so that the order is always the same."""
    fixed, position = 0, 0
    while position < len(pattern):
        end = pattern.find("]", position + 2) if pattern[position] == "[" else -1
        if end > 0:
            position = end  # one character of a set
        elif pattern[position] not in "*?":
            fixed += 1
        position += 1
    return -fixed, pattern.count("*"), pattern


class AddressMatcher:
    """Whether a client address lies in the networks a vendor may come from."""

    def __init__(self, addresses: Iterable[str]) -> None:
        """``addresses``: networks, or ``[local]`` for clients on a Unix socket."""
        words = tuple(addresses)
        self._local = LOCAL_SOCKET in words
        self._networks = [_plain_network(word) for word in words if word != LOCAL_SOCKET]

    def allows(self, address: Address) -> bool:
        """True inside, and for an address the log does not give; what is no address at all is outside."""
        if isinstance(address, str):
            return address == "" or (address == LOCAL_SOCKET and self._local)
        return any(address.version == network.version and address in network for network in self._networks)


def parse_address(text: str | None) -> Address:
    """An address as logged: parsed, ``[local]`` for a socket, "" for none, or the text when it is no address.

    An IPv4 address written as IPv6 (``::ffff:192.0.2.7``) becomes IPv4.
    """
    if text in (LOCAL_SOCKET, "localhost"):  # MySQL and MariaDB say localhost for their socket
        return LOCAL_SOCKET
    try:
        address = ip_address(text or "")
    except ValueError:
        return text or ""
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def _plain_network(text: str) -> IPv4Network | IPv6Network:
    network = ip_network(text)
    if isinstance(network, IPv6Network) and network.prefixlen >= 96 and network.network_address.ipv4_mapped:
        return ip_network(f"{network.network_address.ipv4_mapped}/{network.prefixlen - 96}")
    return network


class Verdict:
    """Bits of what a personal column is outside of."""

    TABLE = 1  # == the breach bits of the same names
    COLUMN = 2

    @staticmethod
    def outside_export(number: int) -> int:
        return 1 << (8 + number)


class ColumnMatcher:
    """What a contract says about a column. Names are case-sensitive, as the engine folded them; globs stay within one part."""

    def __init__(self, contract: Contract, default_schemas: tuple[str, ...]) -> None:
        """``default_schemas``: where a name without a schema may live; "" for names logged without one."""
        self._tables = None if contract.tables is None else _expand(contract.tables, 2, default_schemas)
        self._columns = None if contract.columns is None else _expand(contract.columns, 3, default_schemas)
        self._exports = [_expand(export.columns, 3, default_schemas) for export in contract.exports]

    def verdict(self, column: str) -> int:
        """Bits of :class:`Verdict` for ``schema.table.column`` (or ``table.column``)."""
        parts = tuple(column.split("."))
        bits = self._ordinary(parts)
        for number, patterns in enumerate(self._exports):
            if not any(_covers(pattern, parts) for pattern in patterns):
                bits |= Verdict.outside_export(number)
        return bits

    def _ordinary(self, parts: tuple[str, ...]) -> int:
        table = parts[:-1]
        if self._columns is not None and any(_covers(pattern[:-1], table) for pattern in self._columns):
            return 0 if any(_covers(pattern, parts) for pattern in self._columns) else Verdict.COLUMN
        if self._tables is None:
            return 0 if self._columns is None else Verdict.TABLE
        return 0 if any(_covers(pattern, table) for pattern in self._tables) else Verdict.TABLE


def _expand(patterns: Iterable[str], depth: int, default_schemas: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Patterns by their parts; one without a schema stands for each default schema. ``*`` alone stands for everything."""
    result = []
    for pattern in patterns:
        parts = tuple(pattern.split("."))
        if pattern == "*":
            result += [("*",) * length for length in range(1, depth + 1)]
        elif len(parts) < depth:
            result += [(schema, *parts) if schema else parts for schema in default_schemas]
        else:
            result.append(parts)
    return result


def _covers(pattern: tuple[str, ...], name: tuple[str, ...]) -> bool:
    return len(pattern) == len(name) and all(fnmatchcase(part, wanted) for part, wanted in zip(name, pattern, strict=True))
