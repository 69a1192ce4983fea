"""How many failed log-ins an address may make. In this process only, with bounded memory."""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

_MOST_ADDRESSES = 10_000


@dataclass
class Failures:
    """A bucket of failures per address that drains steadily.

    A limited address is told so instead of being told why its token was wrong. A right token always works: guessing one is
    hopeless anyway, and a vendor's failures behind a shared proxy must not lock the company out.
    """

    most: int = 10  # failures in a row
    drain: float = 6.0  # seconds until one of them is forgotten
    clock: Callable[[], float] = time.monotonic
    _levels: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)  # address -> (level, when)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, address: str) -> int:
        """Count a failure. Returns 0, or the seconds to wait when there were too many."""
        key = network(address)
        with self._lock:
            now = self.clock()
            level, since = self._levels.pop(key, (0.0, now))
            level = max(0.0, level - (now - since) / self.drain)
            limited = level + 1 > self.most
            self._levels[key] = (level if limited else level + 1, now)
            while len(self._levels) > _MOST_ADDRESSES:
                self._levels.popitem(last=False)  # the one that has been quiet longest
            return int((level + 1 - self.most) * self.drain) + 1 if limited else 0


def network(address: str) -> str:
    """What counts as one client: an IPv4 address, or an IPv6 /64, which is what one customer is given."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((int(parsed), 64), strict=False))
    return str(parsed)
