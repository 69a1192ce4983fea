"""What an audit source may be told in the configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from scanner.config import load_config
from scanner.errors import ConfigError
from scanner.sources import SOURCES

START = "databases:\n  shop:\n    url: sqlite:///x\n    audit:\n      - "


def written(folder: Path, source: str) -> Path:
    path = folder / "vendorwatch.yml"
    path.write_text(START + source, encoding="utf-8")
    return path


def test_a_prefix_goes_to_its_source_as_it_is(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, '{type: postgres_stderr, path: a, log_line_prefix: "%m [%p] %q%u@%d %c "}'))
    (audit,) = config.databases["shop"].audit
    assert audit.options == {"log_line_prefix": "%m [%p] %q%u@%d %c "}
    assert config.databases["shop"].engine == "postgresql"
    SOURCES[audit.type](audit.path, **audit.options)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (
            '{type: postgres_stderr, path: a, log_line_prefix: "%m %Z "}',
            "5: databases.shop.audit[0].log_line_prefix: '%m %Z ' holds %Z",
        ),
        ('{type: postgres_stderr, path: a, log_line_prefix: "%m "}', "does not tell sessions apart — add %c"),
        ('{type: postgres_jsonlog, path: a, log_line_prefix: "%m %c "}', "is of no use to postgres_jsonlog"),
    ],
)
def test_prefixes_are_checked_where_they_stand(tmp_path: Path, source: str, says: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load_config(written(tmp_path, source))
    assert says in f"{raised.value} — {raised.value.hint}"
