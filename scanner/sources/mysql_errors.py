"""Error numbers of MariaDB and MySQL as SQLSTATE-like codes, so that one rule serves every engine.

Where an error means what a PostgreSQL SQLSTATE means, that is its code; every other is ``MY`` and its number. Numbers:
https://mariadb.com/kb/en/mariadb-error-code-reference/; SQLSTATEs: https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import pyarrow as pa

_MEANINGS = {
    "00000": (0,),
    "28000": (1045, 1698, 1862, 4151, 1820, 3118, 1130, 1129, 1251, 2059),  # who it is was not believed
    "42501": (1044, 1142, 1143, 1227, 1370, 1396, 1410, 1419, 1683, 1873, 1095, 1290),  # no right to do that
    "42601": (1064, 1065, 1149, 1248, 1327, 1331),  # no such statement
    "42P01": (1146, 1051, 1109, 1932),  # no such table
    "42703": (1054, 1072, 1091),  # no such column
    "42702": (1052,),
    "3D000": (1049, 1046),  # no such database, or none chosen
    "42883": (1305, 1128),  # no such routine
    "42P07": (1050,),
    "42P04": (1007,),
    "26000": (1243,),  # no such prepared statement
    "34000": (1326, 1324),
    "23505": (1062, 1586),
    "23502": (1048, 1364),
    "23503": (1451, 1452, 1216, 1217),
    "57014": (1317, 1028, 1969, 3024),  # killed, or took too long: rows may have left before
    "57P01": (1927, 1053),  # the connection was killed, the server goes down
    "08006": (1158, 1159, 1160, 1161, 1152, 1184, 2006, 2013),  # the client did not take it any more
    "21000": (1242,),
    "40P01": (1213,),
    "55P03": (1205,),
    "53300": (1040, 1203, 1226),
    "25006": (1792, 1836),
}
_CODES: Mapping[int, str] = MappingProxyType({number: code for code, numbers in _MEANINGS.items() for number in numbers})


def code_of(number: int) -> str:
    """The code of an error number, ``MY<number>`` when nothing in PostgreSQL means the same."""
    return _CODES.get(number, f"MY{number}")


def codes_of(numbers: pa.Array) -> pa.Array:
    """The same for an array of numbers as text, looked up once a distinct value; null stays null."""
    coded = numbers.dictionary_encode()
    words = [None if text is None else code_of(int(text)) for text in coded.dictionary.to_pylist()]
    return pa.array(words, pa.string()).take(coded.indices)
