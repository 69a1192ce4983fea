"""IP addresses, version 4 and 6."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scanner.catalog.recognizers.base import THINGS_WITH_PLACES, Pattern, Plausibility, Recognizer, TypeKind, tokens, words

_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_V4 = rf"{_OCTET}(?:\.{_OCTET}){{3}}"


def _not_versions(values: Sequence[str]) -> Plausibility:
    """Software versions such as 4.2.0.1 also have four parts: theirs are small."""
    firsts = [v.split(".", 1)[0] for v in values if v.count(".") == 3]
    if not firsts:
        return Plausibility(1.0)
    small = float(np.mean([int(f) < 10 if f.isdigit() else False for f in firsts]))
    return Plausibility(0.1 if small > 0.6 else 1.0, f"first part below 10 in {small:.0%}")


recognizer = Recognizer(
    entity="IP_ADDRESS",
    title="IP address",
    patterns=(
        Pattern(rf"{_V4}(?:/(?:32|128))?(?::[0-9]{{1,5}})?", 7.5),
        Pattern(r"(?:[0-9A-Fa-f]{0,4}:){3,7}[0-9A-Fa-f.]{0,15}(?:/128)?", 7.0),
    ),
    loose=r"[0-9A-Fa-f:.*/]{3,45}",
    search=rf"(?:^|[^0-9A-Za-z./-])({_V4})(?:[^0-9A-Za-z.-]|$)",
    masked=r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9*xX]{1,3}\.[*xX]{1,3}|[0-9]{1,3}\.[*xX]{1,3}\.[0-9*xX]{1,3}\.[0-9]{1,3}",
    words=words(
        strong="""
        ip, ip addr, ip address, ipaddr, ipaddress, client ip, user ip, remote ip, remote addr, login ip, reg ip,
        access ip, conn ip, 아이피, 접속ip, ip주소, 접속아이피
        """,
        weak="client addr, conn addr, addr",
    ),
    negative=tokens("server host subnet mask gateway version whitelist allow allowed block"),
    things=THINGS_WITH_PLACES,
    kinds=frozenset({TypeKind.TEXT, TypeKind.OTHER, TypeKind.INET}),
    lengths=(3, 50),
    plausible=_not_versions,
    sensitivity=1,
)
