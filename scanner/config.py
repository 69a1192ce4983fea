"""The configuration: one YAML file, checked whole, every mistake named with its file, line and key.

>>> config = load_config(Path("vendorwatch.yml"))
>>> config.databases["shop"].safe_url
'postgresql+psycopg://reader:***@db.example/shop'

All values are immutable and pickle. Secrets (``url``, ``state_url``, ``password``) are ``SecretStr``: they show in no
``repr``, message or log; ask for them with ``.get_secret_value()``.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from datetime import date
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import holidays
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    SecretStr,
    Tag,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from scanner.config_yaml import Document, Key, Problem, read_yaml
from scanner.errors import ConfigError

DEFAULT_FILE = "vendorwatch.yml"
FILE_VARIABLE = "VENDORWATCH_CONFIG"

# To add an audit format: a file in scanner/sources, a line in its registry, and its name and engine here.
SOURCE_TYPES: Mapping[str, str] = {"postgres_csvlog": "postgresql"}

# SQLAlchemy dialect -> the engine whose SQL and audit log it is.
ENGINES: Mapping[str, str] = {"postgresql": "postgresql", "mysql": "mysql", "mariadb": "mariadb", "sqlite": "sqlite"}

# Where an unqualified table name of a contract may live.
_DEFAULT_SCHEMAS: Mapping[str, tuple[str, ...]] = {"postgresql": ("public",), "sqlite": ("main",)}

LOCAL_SOCKET = "[local]"  # how PostgreSQL logs a client on a Unix socket
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MINUTES_A_DAY = 24 * 60

Network = IPv4Network | IPv6Network


# ---------------------------------------------------------------------------------------------------------------
# Small values. Each check names what is wrong without repeating the value where it could be a secret: ``{value}``
# in a message becomes what is written in the file.
# ---------------------------------------------------------------------------------------------------------------


def _wrong(what: str, value: object = "", hint: str = "", key: str = "") -> PydanticCustomError:
    """An error whose ``{value}`` is filled in late, with the text of the file, and whose ``key`` narrows the place."""
    return PydanticCustomError("config", "{what}", {"what": what, "value": str(value), "hint": hint, "key": key})


def _closest(word: str, known: Any) -> str:
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
    raise _wrong("{value} is not a date", value, "write year-month-day, as in 2026-12-31")


def _clock(value: object) -> object:
    """``"9:00"`` … ``"24:00"`` as minutes since midnight."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"(\d{1,2}):([0-5]\d)", value)
    minutes = int(match[1]) * 60 + int(match[2]) if match else MINUTES_A_DAY + 1
    if minutes > MINUTES_A_DAY:
        raise _wrong("{value} is not a time of day", value, 'write hours and minutes, as in "09:00" or "24:00"')
    return minutes


def _day(value: object) -> object:
    """``mon`` or ``Monday`` as 0 … 6."""
    if not isinstance(value, str):
        return value
    word = value.strip().lower()
    for number, (short, long) in enumerate(zip(DAYS, _DAY_NAMES, strict=True)):
        if word in (short, long):
            return number
    raise _wrong("{value} is not a day of the week", value, _closest(word, DAYS + _DAY_NAMES) or "write " + ", ".join(DAYS))


def _time_zone(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return ZoneInfo(value).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        hint = _closest(value, available_timezones()) or "write a name of the tz database, as in Asia/Seoul or UTC"
        raise _wrong("{value} is not a time zone", value, hint) from None


def _holiday(value: object) -> object:
    """A country (``KR``), a country's region (``DE-BY``), or a single date."""
    if not isinstance(value, str):
        return value
    if value[:1].isdigit():
        return str(_date(value))
    code = value.strip().upper()
    country, _, region = code.partition("-")
    try:
        holidays.country_holidays(country, subdiv=region or None)
    except NotImplementedError:
        hint = "write an ISO country code, as in KR, with a region after a dash where days differ, as in DE-BY"
        raise _wrong("{value} is no country or region with a known holiday calendar", value, hint) from None
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
        raise _wrong("{value} is not an address or network", value, hint) from None


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
        raise _wrong(f"{{value}} has {len(parts)} fields where cron has five", value, 'as in "*/5 * * * *", or `off`')
    for part, (name, low, high, words) in zip(parts, _CRON_FIELDS, strict=True):
        for item in part.split(","):
            if not _cron_item(item, low, high, words):
                raise _wrong(f"{{value}} is not a schedule: {name} cannot be read", value, f"it goes from {low} to {high}")
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


def _list(value: object) -> object:
    """A single value where a list is expected counts as a list of one."""
    return [value] if isinstance(value, str) else value


def _path(value: object, info: ValidationInfo) -> object:
    base = (info.context or {}).get("base")
    return (base / Path(value).expanduser()) if base is not None and isinstance(value, str) else value


def _path_text(value: object, info: ValidationInfo) -> object:
    """A path with globs, from the configuration file's folder."""
    return str(_path(value, info)) if isinstance(value, str) else value


def _name_pattern(value: object, dots: int, example: str) -> object:
    if isinstance(value, str):
        parts = value.split(".")
        if len(parts) - 1 < dots or not all(part.strip() for part in parts):
            raise _wrong("{value} does not name what it should", value, f"write {example}")
    return value


def _url(value: object, info: ValidationInfo) -> object:
    """Resolves a relative SQLite file and the plain ``postgresql://``; no message repeats any of it."""
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    if not isinstance(text, str):
        return value
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise _wrong(
            "is not a database URL", "", "as in postgresql+psycopg://reader@db.example/shop; write special characters as %40"
        ) from None
    dialect = url.drivername.partition("+")[0]
    if dialect not in ENGINES:
        hint = _closest(dialect, ENGINES) or "known are " + ", ".join(ENGINES)
        raise _wrong(f"begins with an unknown engine, {dialect!r}", "", hint)
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")  # the driver this project installs
    base = (info.context or {}).get("base")
    if base is not None and dialect == "sqlite" and url.database and url.database != ":memory:" and not url.query:
        url = url.set(database=str(base / Path(url.database).expanduser()))
    return SecretStr(url.render_as_string(hide_password=False))


def _hide(url: URL) -> str:
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


class _Model(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, hide_input_in_errors=True, coerce_numbers_to_str=True
    )


# ---------------------------------------------------------------------------------------------------------------
# The models, in the order of the file.
# ---------------------------------------------------------------------------------------------------------------


class Hours(_Model):
    """A weekly window ``[from, to)`` in local time. ``from`` after ``to`` runs overnight and belongs to the day it begins on."""

    days: Annotated[tuple[Day, ...], BeforeValidator(_list), Field(min_length=1)] = (0, 1, 2, 3, 4, 5, 6)
    from_: Minutes = Field(default=0, alias="from")  # minutes since midnight
    to: Minutes = MINUTES_A_DAY
    holidays: Annotated[tuple[Annotated[str, BeforeValidator(_holiday)], ...], BeforeValidator(_list)] = ()

    @model_validator(mode="after")
    def _not_empty(self) -> Hours:
        if self.from_ == self.to:
            raise _wrong(
                "is the same as `from`, so the window is empty", hint='for the whole day write "00:00" to "24:00"', key="to"
            )
        return self

    def __str__(self) -> str:
        days = "every day" if len(set(self.days)) == 7 else ", ".join(DAYS[day] for day in sorted(set(self.days)))
        start, end = (f"{minutes // 60:02d}:{minutes % 60:02d}" for minutes in (self.from_, self.to))
        return f"{days} {start}–{end}" + (f", except holidays ({', '.join(self.holidays)})" if self.holidays else "")


class BusinessHours(Hours):
    """Working hours; from Monday to Friday, 09:00 to 18:00, when nothing else is said."""

    days: Annotated[tuple[Day, ...], BeforeValidator(_list), Field(min_length=1)] = (0, 1, 2, 3, 4)
    from_: Minutes = Field(default=9 * 60, alias="from")
    to: Minutes = 18 * 60


def _hours_kind(value: object) -> str:
    return "window" if isinstance(value, Mapping | Hours) else "word"


def _hours_word(value: object) -> object:
    if value not in ("business", "any"):
        raise _wrong("{value} is not a kind of hours", value, "write business, any, or {days: …, from: …, to: …}")
    return value


HoursChoice = Annotated[
    Annotated[Literal["business", "any"], BeforeValidator(_hours_word), Tag("word")] | Annotated[Hours, Tag("window")],
    Discriminator(_hours_kind),
]


class AuditSource(_Model):
    """Where one audit log is. ``path`` is a glob; ``time_zone`` is that of times logged without one."""

    type: str
    path: Annotated[str, BeforeValidator(_path_text), Field(min_length=1)]
    time_zone: TimeZone | None = None

    @field_validator("type")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in SOURCE_TYPES:
            hint = _closest(value, SOURCE_TYPES) or "known are " + ", ".join(SOURCE_TYPES)
            raise _wrong("{value} is not an audit source this version reads", value, hint)
        return value


class Schedule(_Model):
    """When to scan and to look at the catalogue again: cron expressions in the configuration's time zone, or None for never."""

    scan: Cron = "*/5 * * * *"
    catalog: Cron = "0 3 * * *"


class Database(_Model):
    """One customer database: how to look at its catalogue, and where its audit logs are."""

    url: Url
    password: SecretStr | None = None  # put into ``url``; may hold any character
    engine: str = ""  # whose SQL and log it is; inferred from ``audit`` and ``url``
    default_schema: str | None = None  # where unqualified names live; by engine when left out
    audit: Annotated[tuple[AuditSource, ...], BeforeValidator(lambda v: [v] if isinstance(v, Mapping) else v)] = ()
    schedule: Schedule = Schedule()

    @field_validator("engine")
    @classmethod
    def _known_engine(cls, value: str) -> str:
        if value not in ENGINES.values():
            known = sorted(set(ENGINES.values()))
            raise _wrong(
                "{value} is not an engine this version knows", value, _closest(value, known) or "known are " + ", ".join(known)
            )
        return value

    @model_validator(mode="after")
    def _complete(self) -> Database:
        url = make_url(self.url.get_secret_value())
        logged = {SOURCE_TYPES[source.type]: source.type for source in self.audit}
        # a SQLite copy may stand in for a server's catalogue, so the log says better than the URL what the engine is
        engine = self.engine or next(iter(logged), "") or ENGINES[url.drivername.partition("+")[0]]
        for other, source in logged.items():
            if other != engine:
                raise _wrong(
                    f"holds a {source}, which is not written by {engine}", hint="set `engine` or correct `type`", key="audit"
                )
        object.__setattr__(self, "engine", engine)
        if self.password is not None:
            url = url.set(password=self.password.get_secret_value())
            object.__setattr__(self, "url", SecretStr(url.render_as_string(hide_password=False)))
        return self

    @property
    def safe_url(self) -> str:
        """The URL without its secrets, for people to read."""
        return _hide(make_url(self.url.get_secret_value()))

    @property
    def default_schemas(self) -> tuple[str, ...]:
        """Schemas an unqualified table name may mean; always with "", for relations logged without a schema."""
        if self.default_schema:
            return (self.default_schema, "")
        if self.engine in ("mysql", "mariadb"):
            return (make_url(self.url.get_secret_value()).database or "", "")
        return (*_DEFAULT_SCHEMAS.get(self.engine, ()), "")


class Export(_Model):
    """A bulk export agreed beforehand: which columns, how many rows a local day, and when."""

    columns: Annotated[tuple[ColumnPattern, ...], BeforeValidator(_list), Field(min_length=1)]
    max_rows_per_day: int = Field(gt=0)
    hours: HoursChoice = "any"


class Contract(_Model):
    """What a vendor may do, and from when until when (local dates, both included)."""

    from_: Date | None = Field(default=None, alias="from")
    until: Date | None = None
    purpose: str = ""
    tables: Annotated[tuple[TablePattern, ...] | None, BeforeValidator(_list)] = None
    columns: Annotated[tuple[ColumnPattern, ...] | None, BeforeValidator(_list)] = None
    hours: HoursChoice = "any"
    max_persons_per_day: int | None = Field(default=None, gt=0)
    exports: Annotated[tuple[Export, ...], BeforeValidator(lambda v: [v] if isinstance(v, Mapping) else v)] = ()

    @model_validator(mode="after")
    def _in_order(self) -> Contract:
        if self.from_ and self.until and self.until < self.from_:
            raise _wrong(f"is before `from` ({self.from_})", hint="a contract ends on or after the day it begins", key="until")
        return self

    @property
    def version(self) -> str:
        """Twelve hex digits that change whenever anything agreed changes."""
        content = self.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:12]


class Vendor(_Model):
    """An outside company: which accounts are its own, where it works from, and what was agreed."""

    name: str = ""
    accounts: Annotated[tuple[Glob, ...], BeforeValidator(_list), Field(min_length=1)]
    addresses: Annotated[tuple[Address, ...] | None, BeforeValidator(_list)] = None
    contact: str = ""
    time_zone: TimeZone | None = None  # where it works; the company's when left out
    business_hours: BusinessHours | None = None  # the company's when left out
    contract: Contract | None = None


class Config(_Model):
    """Everything a run needs to know. See :func:`load_config`."""

    data_dir: FilePath = Field(default=Path("data"), validate_default=True)
    state_url: Url = Field(
        default_factory=lambda data: SecretStr(f"sqlite:///{data.get('data_dir', Path('data')) / 'state.sqlite'}"),
    )
    time_zone: TimeZone = "UTC"
    business_hours: BusinessHours = BusinessHours()
    databases: dict[str, Database] = Field(default_factory=dict)
    vendors: dict[str, Vendor] = Field(default_factory=dict)
    rules: Annotated[tuple[FilePath, ...], BeforeValidator(_list)] = ()  # folders of rules beside the shipped ones

    @property
    def safe_state_url(self) -> str:
        """The state database's URL without its secrets."""
        return _hide(make_url(self.state_url.get_secret_value()))

    def zone(self, vendor: str | None = None) -> ZoneInfo:
        """The time zone a vendor's (or the company's) local times are in."""
        own = self.vendors[vendor].time_zone if vendor is not None else None
        return ZoneInfo(own or self.time_zone)

    def hours(self, vendor: str | None = None) -> BusinessHours:
        """A vendor's (or the company's) business hours."""
        own = self.vendors[vendor].business_hours if vendor is not None else None
        return own or self.business_hours


# ---------------------------------------------------------------------------------------------------------------
# Loading.
# ---------------------------------------------------------------------------------------------------------------


def config_path(path: Path | None = None) -> Path:
    """The file to read: the argument, else ``VENDORWATCH_CONFIG``, else ``vendorwatch.yml`` in the working folder."""
    return path or Path(os.environ.get(FILE_VARIABLE) or DEFAULT_FILE)


def load_config(path: Path | None = None) -> Config:
    """Read and check the configuration. Relative paths in it start at the file's own folder.

    Raises :class:`ConfigError` that lists *every* problem as ``file:line: key: what — hint``.
    """
    path = config_path(path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file", "run `vendorwatch init`, or name one with --config") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is not UTF-8 text", "save it as UTF-8") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}", "check the path and its permissions") from None
    base = path.resolve().parent
    document = read_yaml(text, base)
    config = _validate(document, base)
    if config is None or document.problems:
        raise _error(str(path), document.problems)
    return config


def _error(path: str, problems: list[Problem]) -> ConfigError:
    lines = sorted(set(problems))
    if len(lines) == 1:
        return ConfigError(lines[0].text(path).removesuffix(f" — {lines[0].hint}"), lines[0].hint)
    return ConfigError("\n".join([f"{path}: {len(lines)} problems", *(f"  {problem.text(path)}" for problem in lines)]))


def _validate(document: Document, base: Path) -> Config | None:
    if document.value is None:
        return None
    _check_whole(document, document.value)
    try:
        return Config.model_validate(document.value, context={"base": base})
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_input=False):
            _report(document, detail)
    return None


def _check_whole(document: Document, value: dict[str, Any]) -> None:
    """Checks that look at several places at once, made on the plain values so that no other mistake hides them."""
    if "databases" not in value or value["databases"] == {}:
        document.complain(("databases",), "no database is named", "add one, as in `databases: {shop: {url: …, audit: […]}}`")
    for section in ("databases", "vendors"):
        entries = value.get(section)
        for name in entries if isinstance(entries, dict) else ():
            if not re.fullmatch(r"\w[\w.-]{0,63}", name):
                document.complain((section, name), "is not a usable name", "letters, digits, dots, dashes and underscores only")
    owners: dict[str, str] = {}
    vendors = value.get("vendors")
    for name, vendor in vendors.items() if isinstance(vendors, dict) else ():
        accounts = vendor.get("accounts") if isinstance(vendor, dict) else None
        for index, account in enumerate([accounts] if isinstance(accounts, str) else accounts or ()):
            if isinstance(account, str) and owners.setdefault(account, name) != name:
                key = ("vendors", name, "accounts") + ((index,) if isinstance(accounts, list) else ())
                document.complain(key, f"{account!r} already belongs to {owners[account]}", "an account has one vendor")


def _model_at(key: Key) -> type[_Model] | None:
    """The model whose keys stand at a place of the file, to say which key was meant."""
    pattern = tuple("*" if isinstance(part, int) or (index == 1 and key[0] in ("databases", "vendors")) else part
                    for index, part in enumerate(key))  # fmt: skip
    contract = ("vendors", "*", "contract")
    known: dict[tuple[str, ...], type[_Model]] = {
        (): Config,
        ("business_hours",): BusinessHours,
        ("databases", "*"): Database,
        ("databases", "*", "audit", "*"): AuditSource,
        ("databases", "*", "audit"): AuditSource,
        ("databases", "*", "schedule"): Schedule,
        ("vendors", "*"): Vendor,
        ("vendors", "*", "business_hours"): BusinessHours,
        contract: Contract,
        (*contract, "hours"): Hours,
        (*contract, "exports", "*"): Export,
        (*contract, "exports"): Export,
        (*contract, "exports", "*", "hours"): Hours,
    }
    return known.get(pattern)


_PLAIN_WORDS = {
    "missing": "is missing",
    "int_parsing": "{value} is not a whole number",
    "tuple_type": "is not a list",
    "dict_type": "is not a mapping of names to values",
    "model_type": "is not a mapping of keys to values",
    "string_type": "is not a single value",
    "too_short": "is empty",
    "string_too_short": "is empty",
}


def _report(document: Document, detail: Mapping[str, Any]) -> None:
    """One pydantic error as a problem with a line, in our words."""
    context = detail.get("ctx") or {}
    key: Key = ()
    for part in detail["loc"]:  # tags of unions are in the path of pydantic's errors, but not in the file
        if (*key, part) in document.lines:
            key = (*key, part)
    kind = detail["type"]
    missing = detail["loc"][-1] if kind == "missing" else context.get("key", "")
    if missing:
        key = (*key, missing)
    if key in document.broken:
        return
    written = document.written.get(key)
    value = repr(written or context.get("value") or _at(document.value, key))
    hint = "" if written else str(context.get("hint", ""))
    what = str(context["what"]) if kind == "config" else _PLAIN_WORDS.get(kind, str(detail["msg"]).lower())
    if _at(document.value, key) is None and kind != "missing" and not context.get("key"):
        what, hint = "has no value", "give it one, or remove the line"
    if kind == "extra_forbidden":
        model = _model_at(key[:-1])
        names = [field.alias or name for name, field in model.model_fields.items()] if model else []
        what, hint = "is not a key that is known here", _closest(str(key[-1]), names) or "known are " + ", ".join(names)
    if kind == "missing":
        hint = f"add `{missing}: …`"
    document.complain(key, what.replace("{value}", value), hint)


def _at(value: Any, key: Key) -> Any:
    for part in key:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def config_template() -> str:
    """The commented file that ``vendorwatch init`` writes."""
    return Path(__file__).with_name("config_template.yml").read_text(encoding="utf-8")
