"""Single values of the configuration: what a date, a clock time, an address, a schedule or a URL may look like.

Every check says what is wrong through :func:`wrong`, whose ``{value}`` is filled in late with what is *written in the
file*, so that no message repeats a secret that ``${NAME}`` or ``file:`` brought in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from difflib import get_close_matches
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import BeforeValidator, Field, SecretStr, ValidationInfo
from pydantic_core import PydanticCustomError
from sqlalchemy.dialects import registry
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

# To add an audit format: a file in scanner/sources, a line in its registry, and its name and engine here.
SOURCE_TYPES: Mapping[str, str] = {
    "postgres_csvlog": "postgresql",
    "postgres_jsonlog": "postgresql",
    "postgres_stderr": "postgresql",
    "mariadb_server_audit": "mariadb",
    "mysql_audit_json": "mysql",
    "aws_das": "",  # of several engines: the database says which
    "bigquery_audit": "bigquery",
    "mongodb_audit": "mongodb",
    "sqlserver_audit": "mssql",
    "oracle_unified": "oracle",
    "snowflake": "snowflake",
}

SQL_SOURCES = ("sqlserver_audit", "oracle_unified", "snowflake")
"""Types that are read by SQL, at their ``url``, and have no ``path``."""

# SQLAlchemy dialect -> the engine whose SQL and audit log it is.
ENGINES: Mapping[str, str] = {
    "postgresql": "postgresql",
    "mysql": "mysql",
    "mariadb": "mariadb",
    "sqlite": "sqlite",
    "oracle": "oracle",
    "mssql": "mssql",
    "bigquery": "bigquery",
    "mongodb": "mongodb",
    "snowflake": "snowflake",
}

# SQLAlchemy dialect -> what to install for it; the first three are extras of this project.
PACKAGES: Mapping[str, str] = {
    "mssql": "vendorwatch[sqlserver]",
    "oracle": "vendorwatch[oracle]",
    "snowflake": "vendorwatch[snowflake]",
    "altibase": "sqlalchemy-altibase",
    "awsathena": "pyathena",
    "bigquery": "sqlalchemy-bigquery",
    "clickhouse": "clickhouse-sqlalchemy",
    "clickhousedb": "clickhouse-connect",
    "cockroachdb": "sqlalchemy-cockroachdb",
    "crate": "sqlalchemy-cratedb",
    "cubrid": "sqlalchemy-cubrid",
    "databricks": "databricks-sqlalchemy",
    "db2": "ibm-db-sa",
    "duckdb": "duckdb-engine",
    "firebird": "sqlalchemy-firebird",
    "hana": "sqlalchemy-hana",
    "hive": "pyhive",
    "ibm_db_sa": "ibm-db-sa",
    "monetdb": "sqlalchemy-monetdb",
    "presto": "pyhive",
    "redshift": "sqlalchemy-redshift",
    "teradatasql": "teradatasqlalchemy",
    "trino": "trino",
    "vertica": "sqlalchemy-vertica-python",
}

# Where an unqualified table name of a contract may live.
DEFAULT_SCHEMAS: Mapping[str, str] = {"postgresql": "public", "sqlite": "main", "mssql": "dbo", "snowflake": "public"}

LOCAL_SOCKET = "[local]"  # how PostgreSQL logs a client on a Unix socket
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MINUTES_A_DAY = 24 * 60


def wrong(what: str, value: object = "", hint: str = "", key: str = "") -> PydanticCustomError:
    """An error whose ``{value}`` is filled in late, with the text of the file, and whose ``key`` narrows the place."""
    return PydanticCustomError("config", "{what}", {"what": what, "value": str(value), "hint": hint, "key": key})


def closest(word: str, known: Iterable[str]) -> str:
    """``did you mean 'x'?`` or an empty string."""
    folded = {str(name).lower(): str(name) for name in known}
    found = get_close_matches(word.lower(), folded, n=1, cutoff=0.6)
    return f"did you mean {folded[found[0]]!r}?" if found else ""


def _date(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise wrong("{value} is not a date", value, "write year-month-day, as in 2026-12-31")


def _clock(value: object) -> object:
    """``"9:00"`` … ``"24:00"`` as minutes since midnight."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"(\d{1,2}):([0-5]\d)", value)
    minutes = int(match[1]) * 60 + int(match[2]) if match else MINUTES_A_DAY + 1
    if minutes > MINUTES_A_DAY:
        raise wrong("{value} is not a time of day", value, 'write hours and minutes, as in "09:00" or "24:00"')
    return minutes


def _day(value: object) -> object:
    """``mon`` or ``Monday`` as 0 … 6."""
    if not isinstance(value, str):
        return value
    word = value.strip().lower()
    for number, (short, long) in enumerate(zip(DAYS, _DAY_NAMES, strict=True)):
        if word in (short, long):
            return number
    raise wrong("{value} is not a day of the week", value, closest(word, DAYS + _DAY_NAMES) or "write " + ", ".join(DAYS))


def _time_zone(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return ZoneInfo(value).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        hint = closest(value, available_timezones()) or "write a name of the tz database, as in Asia/Seoul or UTC"
        raise wrong("{value} is not a time zone", value, hint) from None


def holiday(value: object) -> object:
    """A country (``KR``), a country's region (``DE-BY``), or a single date."""
    if not isinstance(value, str):
        return value
    if value[:1].isdigit():
        return str(_date(value))
    code = value.strip().upper()
    country, _, region = code.partition("-")
    import holidays  # loaded where holidays are configured

    try:
        holidays.country_holidays(country, subdiv=region or None)
    except NotImplementedError:
        hint = "write an ISO country code, as in KR, with a region after a dash where days differ, as in DE-BY"
        raise wrong("{value} is no country or region with a known holiday calendar", value, hint) from None
    return code


def _network(value: object) -> object:
    if not isinstance(value, str):
        return value
    word = value.strip()
    if word.lower() in ("local", LOCAL_SOCKET):
        return LOCAL_SOCKET
    try:
        return str(ip_network(word))
    except ValueError:
        try:
            hint = f"did you mean {ip_network(word, strict=False)}?"
        except ValueError:
            hint = "write an address or a network, as in 10.20.0.0/16, 192.0.2.7 or 2001:db8::/32, or `local` for a Unix socket"
        raise wrong("{value} is not an address or network", value, hint) from None


_CRON_FIELDS = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")),
    ("day of the week", 0, 7, ("sun", "mon", "tue", "wed", "thu", "fri", "sat")),
)


def _cron(value: object) -> object:
    """Five fields as crontab(5) has them; ``off`` means never."""
    if not isinstance(value, str):
        return value
    if value.strip().lower() == "off":
        return None
    parts = value.split()
    if len(parts) != 5:
        raise wrong(f"{{value}} has {len(parts)} fields where cron has five", value, 'as in "*/5 * * * *", or `off`')
    for part, (name, low, high, words) in zip(parts, _CRON_FIELDS, strict=True):
        for item in part.split(","):
            if not _cron_item(item, low, high, words):
                raise wrong(f"{{value}} is not a schedule: {name} cannot be read", value, f"it goes from {low} to {high}")
    return " ".join(parts)


def _cron_item(item: str, low: int, high: int, words: tuple[str, ...]) -> bool:
    span, slash, step = item.partition("/")
    if slash and not (step.isascii() and step.isdigit() and int(step) > 0):
        return False
    if span == "*":
        return True
    numbers = []
    for end in span.split("-"):
        if end.lower() in words:
            numbers.append(words.index(end.lower()) + low)
        elif end.isascii() and end.isdigit() and low <= int(end) <= high:
            numbers.append(int(end))
        else:
            return False
    return len(numbers) <= 2 and numbers == sorted(numbers)


def as_list(value: object) -> object:
    """A single value where a list is expected counts as a list of one."""
    return [value] if isinstance(value, str) else value


def _path(value: object, info: ValidationInfo) -> object:
    base = (info.context or {}).get("base")
    if base is None or not isinstance(value, str | Path):
        return value
    try:
        return base / Path(value).expanduser()
    except RuntimeError:
        raise wrong("{value} begins with a home folder that is not known", value, "write the whole path") from None


def path_text(value: object, info: ValidationInfo) -> object:
    """A path with globs, from the configuration file's folder; or an address in object storage, without credentials."""
    if isinstance(value, str) and "://" in value:
        if "@" in value.partition("://")[2].partition("/")[0]:
            raise wrong("holds a user or a password", "", "let the storage's driver find its credentials in the environment")
        return value
    return str(_path(value, info)) if isinstance(value, str) else value


def _name_pattern(value: object, dots: int, example: str) -> object:
    if isinstance(value, str):
        parts = value.split(".")
        if len(parts) - 1 < dots or not all(part.strip() for part in parts):
            raise wrong("{value} does not name what it should", value, f"write {example}")
    return value


def installed_dialect(name: str) -> bool:
    """Does an installed package bring a SQLAlchemy dialect of this name?"""
    try:
        registry.load(name)
    except NoSuchModuleError:
        return False
    return True


def _url(value: object, info: ValidationInfo) -> object:
    """Resolves a relative SQLite file and the plain ``postgresql://``; no message repeats any of it."""
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    if not isinstance(text, str):
        return value
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise wrong(
            "is not a database URL", "", "as in postgresql+psycopg://reader@db.example/shop; write special characters as %40"
        ) from None
    dialect = url.get_backend_name()
    known = {**ENGINES, **PACKAGES}
    if dialect not in known and not installed_dialect(dialect):
        hint = (
            closest(dialect, known) or "known are " + ", ".join(ENGINES) + "; any other once its SQLAlchemy dialect is installed"
        )
        raise wrong("begins with an unknown engine, {value}", dialect, hint)
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")  # the driver this project installs
    base = (info.context or {}).get("base")
    if base is not None and dialect == "sqlite" and url.database and url.database != ":memory:" and not url.query:
        url = url.set(database=str(base / Path(url.database).expanduser()))
    return SecretStr(url.render_as_string(hide_password=False))


def hide_secrets(url: URL) -> str:
    """A URL that can be shown: password and secret-looking parameters are ``***``."""
    query = {key: "***" if re.search("pass|pwd|secret|token|key", key, re.I) else value for key, value in url.query.items()}
    return url.set(query=query).render_as_string(hide_password=True)


Date = Annotated[date, BeforeValidator(_date)]
Minutes = Annotated[int, BeforeValidator(_clock), Field(ge=0, le=MINUTES_A_DAY)]
Day = Annotated[int, BeforeValidator(_day), Field(ge=0, le=6)]
TimeZone = Annotated[str, BeforeValidator(_time_zone)]
Cron = Annotated[str | None, BeforeValidator(_cron)]
Address = Annotated[str, BeforeValidator(_network)]
Glob = Annotated[str, Field(min_length=1)]
FilePath = Annotated[Path, BeforeValidator(_path)]
Url = Annotated[SecretStr, BeforeValidator(_url)]
TablePattern = Annotated[str, BeforeValidator(lambda v: _name_pattern(v, 0, "schema.table or table; globs are allowed"))]
ColumnPattern = Annotated[str, BeforeValidator(lambda v: _name_pattern(v, 1, "schema.table.column or table.column"))]
