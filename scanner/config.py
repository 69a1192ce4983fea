"""The configuration: one YAML file, checked whole, every mistake named with its file, line and key.

>>> config = load_config(Path("vendorwatch.yml"))
>>> config.databases["shop"].safe_url
'postgresql+psycopg://reader:***@db.example/shop'

All values are immutable and pickle. Secrets (``url``, ``state_url``, ``password``) are ``SecretStr``: they show in no
``repr``, message or log; ask for them with ``.get_secret_value()``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import (
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from sqlalchemy.engine import make_url

from scanner.config_catalog import Catalog, PiiClass
from scanner.config_contracts import BusinessHours, Contract, Export, Hours, Maintenance, Vendor, Windows
from scanner.config_notify import Channel, Escalation, Notify, QuietHours, Route
from scanner.config_sources import AuditSource, Canary, Model
from scanner.config_values import (
    DAYS,
    DEFAULT_SCHEMAS,
    ENGINES,
    LOCAL_SOCKET,
    MINUTES_A_DAY,
    SOURCE_TYPES,
    Cron,
    FilePath,
    TimeZone,
    Url,
    as_list,
    closest,
    hide_secrets,
    wrong,
)
from scanner.config_yaml import Document, Key, Problem, read_yaml
from scanner.errors import ConfigError

DEFAULT_FILE = "vendorwatch.yml"
FILE_VARIABLE = "VENDORWATCH_CONFIG"

__all__ = [
    "DAYS",
    "DEFAULT_FILE",
    "ENGINES",
    "FILE_VARIABLE",
    "LOCAL_SOCKET",
    "MINUTES_A_DAY",
    "SOURCE_TYPES",
    "AuditSource",
    "BusinessHours",
    "Canary",
    "Catalog",
    "Config",
    "Contract",
    "Database",
    "Export",
    "Hours",
    "Maintenance",
    "Schedule",
    "Vendor",
    "config_path",
    "config_template",
    "load_config",
]


# ---------------------------------------------------------------------------------------------------------------
# The models, in the order of the file.
# ---------------------------------------------------------------------------------------------------------------


class Schedule(Model):
    """When to scan and to look at the catalogue again: cron expressions in the configuration's time zone, or None for never."""

    scan: Cron = "*/5 * * * *"
    catalog: Cron = "0 3 * * *"


class Database(Model):
    """One customer database: how to look at its catalogue, and where its audit logs are."""

    url: Url
    password: SecretStr | None = None  # put into ``url``; may hold any character
    engine: str = ""  # whose SQL and log it is; inferred from ``audit`` and ``url``
    default_schema: str | None = None  # where unqualified names live; by engine when left out
    audit: Annotated[tuple[AuditSource, ...], BeforeValidator(lambda v: [v] if isinstance(v, Mapping) else v)] = ()
    schedule: Schedule = Schedule()
    canaries: Annotated[tuple[Canary, ...], BeforeValidator(lambda v: [v] if isinstance(v, Mapping) else v)] = ()

    @field_validator("engine")
    @classmethod
    def _known_engine(cls, value: str) -> str:
        if value not in ENGINES.values():
            known = sorted(set(ENGINES.values()))
            raise wrong(
                "{value} is not an engine this version knows", value, closest(value, known) or "known are " + ", ".join(known)
            )
        return value

    @model_validator(mode="after")
    def _complete(self) -> Database:
        url = make_url(self.url.get_secret_value())
        logged = {SOURCE_TYPES[source.type]: source.type for source in self.audit if SOURCE_TYPES[source.type]}
        # a SQLite copy may stand in for a server's catalogue, so the log says better than the URL what the engine is
        dialect = url.get_backend_name()
        engine = self.engine or next(iter(logged), "") or ENGINES.get(dialect, dialect)
        for other, source in logged.items():
            if other != engine:
                raise wrong(
                    f"holds a {source}, which is not written by {engine}", hint="set `engine` or correct `type`", key="audit"
                )
        object.__setattr__(self, "engine", engine)
        if self.password is not None:
            url = url.set(password=self.password.get_secret_value())
            object.__setattr__(self, "url", SecretStr(url.render_as_string(hide_password=False)))
        audit = tuple(s.model_copy(update={"url": self.url}) if s.asks_sql and s.url is None else s for s in self.audit)
        object.__setattr__(self, "audit", audit)
        return self

    @property
    def safe_url(self) -> str:
        """The URL without its secrets, for people to read."""
        return hide_secrets(make_url(self.url.get_secret_value()))

    @property
    def default_schemas(self) -> tuple[str, ...]:
        """Schemas an unqualified table name may mean; always with "", for relations logged without a schema."""
        if self.default_schema:
            return (self.default_schema, "")
        url = make_url(self.url.get_secret_value())
        if self.engine in ("mysql", "mariadb"):
            return (url.database, "") if url.database else ("",)
        known = (DEFAULT_SCHEMAS.get(self.engine), DEFAULT_SCHEMAS.get(url.get_backend_name()), "")
        return tuple(dict.fromkeys(schema for schema in known if schema is not None))


class Config(Model):
    """Everything a run needs to know. See :func:`load_config`."""

    data_dir: FilePath = Field(default=Path("data"), validate_default=True)
    state_url: Url = Field(
        default_factory=lambda data: SecretStr(f"sqlite:///{data.get('data_dir', Path('data')) / 'state.sqlite'}"),
    )
    time_zone: TimeZone = "UTC"
    business_hours: BusinessHours = BusinessHours()
    databases: dict[str, Database] = Field(default_factory=dict)
    vendors: dict[str, Vendor] = Field(default_factory=dict)
    notify: Notify = Notify()
    catalog: Catalog = Catalog()
    maintenance: Windows = ()  # of the databases, for everybody; in the company's time zone
    rules: Annotated[tuple[FilePath, ...], BeforeValidator(as_list)] = ()  # folders of rules beside the shipped ones

    @property
    def safe_state_url(self) -> str:
        """The state database's URL without its secrets."""
        return hide_secrets(make_url(self.state_url.get_secret_value()))

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
    base = path.absolute().parent  # not of what a link points to: mounted configurations are links
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
                shown = document.written.get(key, account)
                document.complain(key, f"{shown!r} already belongs to {owners[account]}", "an account has one vendor")
        parent = vendor.get("part_of") if isinstance(vendor, dict) else None
        if isinstance(parent, str) and isinstance(vendors, dict):
            above = vendors.get(parent)
            if parent == name or not isinstance(above, dict):
                hint = closest(parent, [key for key in vendors if key != name]) or "name another entry of `vendors`"
                document.complain(("vendors", name, "part_of"), f"{parent!r} is no other vendor", hint)
            elif "part_of" in above:
                document.complain(
                    ("vendors", name, "part_of"), f"{parent!r} is itself part of another vendor", "name the first of them"
                )


def _model_at(key: Key) -> type[Model] | None:
    """The model whose keys stand at a place of the file, to say which key was meant."""
    named = 2 if key[:2] == ("notify", "channels") else 1 if key[:1] in (("databases",), ("vendors",)) else -1
    pattern = tuple("*" if isinstance(part, int) or index == named else part for index, part in enumerate(key))
    if key[:1] == ("vendors",) and key[2:3] == ("contracts",):
        pattern = ("vendors", "*", "contract", *pattern[4:])  # each of several is as the one
    contract = ("vendors", "*", "contract")
    known: dict[tuple[str, ...], type[Model]] = {
        (): Config,
        ("business_hours",): BusinessHours,
        ("databases", "*"): Database,
        ("databases", "*", "audit", "*"): AuditSource,
        ("databases", "*", "audit"): AuditSource,
        ("databases", "*", "schedule"): Schedule,
        ("databases", "*", "canaries"): Canary,
        ("databases", "*", "canaries", "*"): Canary,
        ("maintenance", "*"): Maintenance,
        ("vendors", "*"): Vendor,
        ("notify",): Notify,
        ("catalog",): Catalog,
        ("catalog", "classes", "*"): PiiClass,
        ("notify", "channels", "*"): Channel,
        ("notify", "routes", "*"): Route,
        ("notify", "routes"): Route,
        ("notify", "escalation"): Escalation,
        ("notify", "quiet_hours"): QuietHours,
        ("vendors", "*", "business_hours"): BusinessHours,
        contract: Contract,
        (*contract, "hours"): Hours,
        (*contract, "maintenance"): Maintenance,
        (*contract, "maintenance", "*"): Maintenance,
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
    "too_long": "has too many entries",
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
    if kind == "extra_forbidden":
        model = _model_at(key[:-1])
        names = [field.alias or name for name, field in model.model_fields.items()] if model else []
        what, hint = "is not a key that is known here", closest(str(key[-1]), names) or "known are " + ", ".join(names)
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
