"""The migrations make exactly the tables the code uses."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

import scanner.store.migrations
from scanner.errors import StoreError
from scanner.store.migrations import HEAD
from scanner.store.state import open_state
from scanner.store.tables import metadata


def test_head_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(scanner.store.migrations.__file__).parent))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_migrations_and_tables_agree(tmp_path: Path) -> None:
    engine = open_state(f"sqlite:///{tmp_path}/state.sqlite")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_a_state_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/state.sqlite"
    with open_state(url).begin() as connection:
        connection.execute(text("update alembic_version set version_num = 'from-the-future'"))
    with pytest.raises(StoreError, match="newer vendorwatch"):
        open_state(url)
