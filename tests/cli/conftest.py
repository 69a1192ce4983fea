"""A fresh shop for every test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.shop import Shop, copy_of, template


@pytest.fixture(scope="session")
def shop_template(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return template(tmp_path_factory.mktemp("shop") / "template")


@pytest.fixture
def shop(shop_template: Shop, tmp_path: Path) -> Shop:
    return copy_of(shop_template, tmp_path / "shop")
