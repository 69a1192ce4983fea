"""The configuration: what is read, and that every mistake is named with its line."""

from __future__ import annotations

import pickle
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.config import Config, Contract, config_template, load_config
from scanner.config_yaml import read_yaml
from scanner.errors import ConfigError

DATABASES = "databases: {shop: {url: postgresql://reader@db/shop}}\n"


@pytest.fixture
def load(tmp_path: Path) -> Any:
    def load(text: str | bytes) -> Config:
        file = tmp_path / "vendorwatch.yml"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_config(file)

    return load


@pytest.fixture
def problems(load: Any, tmp_path: Path) -> Any:
    def problems(text: str | bytes) -> list[str]:
        with pytest.raises(ConfigError) as raised:
            load(text)
        lines = str(raised.value).replace(f"{tmp_path}/vendorwatch.yml:", "").splitlines()
        return [line.strip() for line in lines if not line.endswith(" problems")]

    return problems


class TestWhatIsRead:
    def test_the_template(self, load: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("SHOP_READER_PASSWORD", "p@ss/w:rd#%")
        config = load(config_template())
        shop = config.databases["shop"]
        assert shop.url.get_secret_value() == "postgresql+psycopg://reader:p%40ss%2Fw%3Ard%23%25@db.example/shop"
        assert shop.safe_url == "postgresql+psycopg://reader:***@db.example/shop"
        assert (shop.engine, shop.audit[0].type, shop.default_schemas) == ("postgresql", "postgres_csvlog", ("public", ""))
        assert (shop.schedule.scan, shop.schedule.catalog) == ("*/5 * * * *", "0 3 * * *")
        assert config.data_dir == tmp_path / "data"
        assert config.state_url.get_secret_value() == f"sqlite:///{tmp_path}/data/state.sqlite"
        assert str(config.business_hours) == "mon, tue, wed, thu, fri 09:00–18:00, except holidays (KR)"
        contract = config.vendors["delivery_co"].contract
        assert contract is not None
        assert (contract.from_, contract.until) == (date(2026, 1, 1), date(2026, 12, 31))
        assert contract.tables == ("ship.dlv", "crm.ord")
        assert (contract.hours, contract.max_persons_per_day) == ("business", 500)
        assert str(contract.exports[0].hours) == "every day 14:00–16:00"
        assert pickle.loads(pickle.dumps(config)) == config

    def test_what_is_left_out(self, load: Any, tmp_path: Path) -> None:
        config = load(DATABASES)
        assert config.data_dir == tmp_path / "data"
        assert (config.time_zone, config.vendors, config.rules) == ("UTC", {}, ())
        assert (config.business_hours.days, config.business_hours.from_, config.business_hours.to) == ((0, 1, 2, 3, 4), 540, 1080)

    def test_yaml_words_that_are_not_what_they_seem(self, load: Any) -> None:
        config = load(
            DATABASES + "business_hours: {days: [MON, Friday], from: 9:00, to: 18:30, holidays: NO}\n"
            "vendors:\n"
            "  on: {accounts: 123, contract: {from: 2026-01-01, until: '2026-12-31', max_persons_per_day: 1_000,"
            " hours: {from: 22:00, to: 6:00}}}\n"
            "  no: {accounts: yes}\n"
            "  2026: {name: 0o17, accounts: [1e3]}\n"
        )
        assert list(config.vendors) == ["on", "no", "2026"]
        assert config.vendors["on"].accounts == ("123",)
        assert config.vendors["no"].accounts == ("yes",)
        assert (config.vendors["2026"].name, config.vendors["2026"].accounts) == ("0o17", ("1e3",))
        hours = config.business_hours
        assert (hours.days, hours.from_, hours.to, hours.holidays) == ((0, 4), 540, 1110, ("NO",))
        assert config.vendors["on"].contract.until == date(2026, 12, 31)
        assert config.vendors["on"].contract.max_persons_per_day == 1000
        assert (config.vendors["on"].contract.hours.from_, config.vendors["on"].contract.hours.to) == (1320, 360)

    def test_anchors_and_merges(self, load: Any) -> None:
        config = load(
            DATABASES + "vendors:\n  a: &a {accounts: [a_*], contact: x@a.example, contract: &c {tables: [ship.dlv]}}\n"
            "  b: {accounts: [b_*], <<: *a, contract: {<<: *c, hours: any}}\n"
        )
        assert config.vendors["b"].accounts == ("b_*",)
        assert config.vendors["b"].contact == "x@a.example"
        assert config.vendors["b"].contract.tables == ("ship.dlv",)

    @pytest.mark.parametrize(
        ("url", "audit", "engine", "resolved"),
        [
            ("postgresql://r@h/d", "", "postgresql", "postgresql+psycopg://r@h/d"),
            ("mysql+pymysql://r@h/d", "", "mysql", "mysql+pymysql://r@h/d"),
            ("sqlite:///copy.db", "", "sqlite", "sqlite:///{base}/copy.db"),
            ("sqlite:////abs/copy.db", "", "sqlite", "sqlite:////abs/copy.db"),
            ("sqlite://", "", "sqlite", "sqlite://"),
            # a SQLite copy standing in for the catalogue of a PostgreSQL server
            ("sqlite:///copy.db", ", audit: {type: postgres_csvlog, path: x}", "postgresql", "sqlite:///{base}/copy.db"),
        ],
    )
    def test_urls_and_engines(self, load: Any, tmp_path: Path, url: str, audit: str, engine: str, resolved: str) -> None:
        shop = load(f'databases: {{shop: {{url: "{url}"{audit}}}}}').databases["shop"]
        assert shop.engine == engine
        assert shop.url.get_secret_value() == resolved.format(base=tmp_path)

    def test_paths_start_at_the_file(self, load: Any, tmp_path: Path) -> None:
        config = load(
            "data_dir: ../store\nstate_url: sqlite:///s/state.db\nrules: [rules, /etc/rules]\n"
            "databases: {shop: {url: 'sqlite://',"
            " audit: [{type: postgres_csvlog, path: 'log/*.csv*'}, {type: postgres_csvlog, path: /l/x}]}}"
        )
        assert config.data_dir == tmp_path / "../store"
        assert config.state_url.get_secret_value() == f"sqlite:///{tmp_path}/s/state.db"
        assert config.rules == (tmp_path / "rules", Path("/etc/rules"))
        assert [source.path for source in config.databases["shop"].audit] == [f"{tmp_path}/log/*.csv*", "/l/x"]

    def test_time_and_hours_of_a_vendor(self, load: Any) -> None:
        config = load(
            DATABASES + "time_zone: Asia/Seoul\nvendors: {a: {accounts: a}, b: {accounts: b, time_zone: Europe/Berlin,"
            " business_hours: {from: '08:00', to: '16:00', holidays: [DE-BY, 2026-05-15]}}}"
        )
        assert (config.zone(), config.zone("a"), config.zone("b")) == (
            ZoneInfo("Asia/Seoul"),
            ZoneInfo("Asia/Seoul"),
            ZoneInfo("Europe/Berlin"),
        )
        assert config.hours("a") == config.business_hours
        assert config.hours("b").holidays == ("DE-BY", "2026-05-15")

    def test_where_the_file_is_looked_for(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.delenv("VENDORWATCH_CONFIG", raising=False)
        with pytest.raises(ConfigError, match=r"vendorwatch\.yml: there is no such file — run `vendorwatch init`"):
            load_config()
        (tmp_path / "vendorwatch.yml").write_text(DATABASES + "time_zone: Asia/Seoul")
        (tmp_path / "other.yml").write_text(DATABASES + "time_zone: Europe/Berlin")
        assert load_config().time_zone == "Asia/Seoul"
        monkeypatch.setenv("VENDORWATCH_CONFIG", "other.yml")
        assert load_config().time_zone == "Europe/Berlin"
        assert load_config(tmp_path / "vendorwatch.yml").time_zone == "Asia/Seoul"


class TestSecrets:
    def test_environment_and_files(self, load: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOST", "db.example")
        monkeypatch.delenv("PORT", raising=False)
        (tmp_path / "state").write_text("postgresql+psycopg://me:s3cret@h/state\n")
        config = load(
            "databases: {shop: {url: 'postgresql://r@${HOST}:${PORT:-5433}/d'}}\nstate_url: file:state\n"
            "vendors: {a: {accounts: '$${x}_$$'}}"
        )
        assert config.vendors["a"].accounts == ("${x}_$$",)
        assert config.databases["shop"].url.get_secret_value() == "postgresql+psycopg://r@db.example:5433/d"
        assert config.state_url.get_secret_value() == "postgresql+psycopg://me:s3cret@h/state"
        assert config.safe_state_url == "postgresql+psycopg://me:***@h/state"

    def test_never_shown(self, load: Any) -> None:
        config = load(
            "state_url: 'postgresql://u:hunter2@h/d?sslpassword=hunter2'\ndatabases: {shop: {url: 'mysql://u:hunter2@h/d'}}"
        )
        shown = repr(config) + str(config) + config.safe_state_url + config.databases["shop"].safe_url + config.model_dump_json()
        assert "hunter2" not in shown

    @pytest.mark.parametrize(
        "text",
        [
            "databases: {shop: {url: '${SECRET}'}}",
            "databases: {shop: {url: 'http://u:hunter2@h/d'}}",
            "databases: {shop: {url: 'hunter2'}}",
            "databases: {shop: {url: '${SECRET}://x'}}",
            "databases: {shop: {url: 'sqlite://', password: [hunter2]}}",
            DATABASES + "time_zone: ${SECRET}",
            DATABASES + "business_hours: {from: '${SECRET}', days: ['${SECRET}'], holidays: '${SECRET}'}",
            DATABASES + "vendors: {a: {accounts: a, addresses: ['${SECRET}'], contract: {hours: '${SECRET}', from: '${SECRET}',"
            " max_persons_per_day: '${SECRET}', columns: '${SECRET}'}}}",
            "databases: {shop: {url: 'sqlite://', engine: '${SECRET}', schedule: {scan: '${SECRET}'},"
            " audit: {type: '${SECRET}', path: x}}}",
            "databases: {shop: {url: 'sqlite://', password: *hunter2 }}",
            DATABASES + "vendors: {a: {accounts: ['${SECRET}']}, b: {accounts: ['${SECRET}']}}",
        ],
    )
    def test_never_in_an_error(self, problems: Any, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
        monkeypatch.setenv("SECRET", "hunter2")
        found = problems(text)
        assert found
        assert "hunter2" not in "\n".join(found)

    def test_missing(self, problems: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.delenv("NOPE", raising=False)
        monkeypatch.setenv("EMPTY", "")
        (tmp_path / "empty").write_text("\n")
        found = problems(
            "databases:\n  a: {url: '${NOPE}'}\n  b: {url: '${EMPTY}'}\n  c: {url: 'file:gone'}\n  d: {url: 'file:empty'}"
        )
        assert [line.split(" — ")[0] for line in found] == [
            "2: databases.a.url: the environment variable NOPE is not set",
            "3: databases.b.url: the environment variable EMPTY is empty",
            "4: databases.c.url: cannot read the secret in 'gone': No such file or directory",
            "5: databases.d.url: the file 'empty' holds no secret (empty, too long or not text)",
        ]


VENDOR = DATABASES + "vendors: {a: {accounts: x, "
CONTRACT = VENDOR + "contract: {"
MISTAKES = [
    ("", "1: the file is empty"),
    ("# nothing\n", "1: the file is empty"),
    ("- a\n", "1: the file is not a mapping"),
    ("just words", "1: the file is not a mapping"),
    ("data_dir: x\n\tdatabases: {}\n", "2: a tab stands where YAML wants spaces — indent with spaces"),
    ("data_dir: 'x\n", "check quotes, brackets and indentation"),
    ("accounts: [*_ro]\n", "1: found undefined alias"),
    ("a: 1\n---\nb: 2\n", "2: a second document begins here"),
    (b"data_dir: \xff\n", "is not UTF-8"),
    ("data_dir: x\n", "1: databases: no database is named"),
    ("databases: {}\n", "1: databases: no database is named"),
    ("databases:\n", "1: databases: has no value"),
    ("databases: [shop]\n", "1: databases: is not a mapping of names to values"),
    ("databases: {'a/b': {url: 'sqlite://'}}\n", "1: databases.a/b: is not a usable name"),
    ("databases: {shop: {engine: postgresql}}\n", "1: databases.shop.url: is missing — add `url: …`"),
    ("databases: {shop: {url: 'postgres://h/d'}}\n", "begins with an unknown engine, 'postgres' — did you mean 'postgresql'?"),
    ("databases: {shop: {url: 'sqlite://', engine: postgres}}\n", "'postgres' is not an engine this version knows — did you"),
    (
        "databases: {shop: {url: 'mysql://h/d', engine: mysql, audit: {type: postgres_csvlog, path: x}}}\n",
        "databases.shop.audit: holds a postgres_csvlog, which is not written by mysql",
    ),
    ("databases: {shop: {url: 'sqlite://', audit: {type: postgres_csv, path: x}}}\n", "did you mean 'postgres_csvlog'?"),
    ("databases: {shop: {url: 'sqlite://', schedule: {scan: '* * * *'}}}\n", "has 4 fields where cron has five"),
    ("databases: {shop: {url: 'sqlite://', schedule: {scan: '60 * * * *'}}}\n", "minute cannot be read — it goes from 0 to 59"),
    ("databases: {shop: {url: 'sqlite://', schedule: {scan: '* * 5-1 * *'}}}\n", "day of the month cannot be read"),
    (DATABASES + "time_zon: UTC\n", "2: time_zon: is not a key that is known here — did you mean 'time_zone'?"),
    (DATABASES + "time_zone: Asia/Soul\n", "2: time_zone: 'Asia/Soul' is not a time zone — did you mean 'Asia/Seoul'?"),
    (DATABASES + "data_dir: a\ndata_dir: b\n", "3: data_dir: is given twice (first in line 2)"),
    (DATABASES + "business_hours: {days: [mun]}\n", "2: business_hours.days[0]: 'mun' is not a day of the week — did you mean"),
    (DATABASES + "business_hours: {days: []}\n", "2: business_hours.days: is empty"),
    (DATABASES + "business_hours: {from: 9}\n", "'9' is not a time of day"),
    (DATABASES + "business_hours: {from: '09:00', to: '09:00'}\n", "business_hours.to: is the same as `from`"),
    (DATABASES + "business_hours: {holidays: Korea}\n", "'Korea' is no country or region with a known holiday calendar"),
    (DATABASES + "business_hours: {holidays: DE-XX}\n", "'DE-XX' is no country or region"),
    (DATABASES + "vendors: {a: {}}\n", "vendors.a.accounts: is missing"),
    (DATABASES + "vendors: {a: {accounts: []}}\n", "vendors.a.accounts: is empty"),
    (DATABASES + "vendors: {a: {accounts: x, addresses: [10.0.0.1/8]}}\n", "did you mean 10.0.0.0/8?"),
    (DATABASES + "vendors: {a: {accounts: x, addresses: [10.0.0.300]}}\n", "'10.0.0.300' is not an address or network"),
    (DATABASES + "vendors:\n  a: {accounts: [x_*]}\n  b: {accounts: [y, x_*]}\n", "4: vendors.b.accounts[1]: 'x_*' already"),
    (DATABASES + "vendors:\n  a:\n    accounts: x\n    contract:\n      from: 2026-02-01\n      until: 2026-01-31\n",
     "7: vendors.a.contract.until: is before `from` (2026-02-01)"),
    (CONTRACT + "until: 2026-02-30}}}\n", "'2026-02-30' is not a date"),
    (CONTRACT + "until: 20261231}}}\n", "'20261231' is not a date"),
    (CONTRACT + "tables:}}}\n", "vendors.a.contract.tables: has no value"),
    (DATABASES + "vendors: {a: {accounts: x, contract:}}\n", "vendors.a.contract: has no value"),
    (CONTRACT + "columns: [tel]}}}\n", "write schema.table.column or table.column"),
    (CONTRACT + "tables: [crm.]}}}\n", "'crm.' does not name what it should"),
    (CONTRACT + "max_persons_per_day: 40,000}}}\n", "contract.000: has no value"),
    (CONTRACT + "max_persons_per_day: '40,000'}}}\n", "'40,000' is not a whole number"),
    (CONTRACT + "max_persons_per_day: 0}}}\n", "greater than 0"),
    (CONTRACT + "hours: office}}}\n", "'office' is not a kind of hours — write business, any"),
    (CONTRACT + "exports: [{columns: a.b}]}}}\n", "exports[0].max_rows_per_day: is missing"),
    (CONTRACT + "exports: [{columns: a.b, max_rows_per_day: 1, hour: any}]}}}\n", "did you mean 'hours'?"),
    (DATABASES + "vendors: {a: !!python/object:os.system {accounts: x}}\n", "has a tag"),
    (DATABASES + "vendors: &v {a: *v}\n", "nested too deeply, or refers to itself"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), MISTAKES)
def test_a_mistake_is_named(problems: Any, text: str | bytes, expected: str) -> None:
    assert any(expected in line for line in problems(text)), problems(text)


def test_all_mistakes_at_once(problems: Any) -> None:
    found = problems(
        "time_zone: Nowhere\n"
        "databases:\n"
        "  shop: {url: 'sqlite://', schedule: {scan: never}}\n"
        "vendors:\n"
        "  a: {accounts: x, adresses: []}\n"
        "  a: {accounts: y}\n"
        "  b: {accounts: x, contract: {from: tomorrow}}\n"
    )
    assert [line.split(":")[0] for line in found] == ["1", "3", "5", "6", "7", "7"]


def test_an_alias_bomb_is_refused(problems: Any) -> None:
    text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    text += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9))
    assert any("too large" in line for line in problems(text))


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet=st.sampled_from("abc:-[]{}#&*!|>'\"%@`,? \n\t0159.$~é\x00"), max_size=80))
def test_any_text_is_read_or_explained(text: str) -> None:
    document = read_yaml(text, Path("nowhere"), {})
    assert document.value is not None or document.problems


class TestContractVersion:
    def test_changes_with_what_is_agreed_and_only_then(self) -> None:
        first = Contract.model_validate({"from": "2026-01-01", "tables": ["a.b"]})
        assert first.version == Contract.model_validate({"tables": ["a.b"], "from": "2026-01-01", "hours": "any"}).version
        others = [
            {"from": "2026-01-02", "tables": ["a.b"]},
            {"from": "2026-01-01", "tables": ["a.c"]},
            {"from": "2026-01-01", "columns": ["a.b"]},
            {"from": "2026-01-01", "tables": ["a.b"], "max_persons_per_day": 1},
            {"from": "2026-01-01", "tables": ["a.b"], "exports": [{"columns": ["a.b.c"], "max_rows_per_day": 1}]},
        ]
        versions = {first.version, *(Contract.model_validate(other).version for other in others)}
        assert len(versions) == 1 + len(others)
        assert all(len(version) == 12 for version in versions)
