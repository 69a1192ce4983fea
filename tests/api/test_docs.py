"""The description of the API: complete, true, and served without the world."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest


def document(client: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/api/v1/openapi.json").json()
    return found


def operations(client: httpx.Client) -> list[tuple[str, dict[str, Any]]]:
    return [(path, operation) for path, methods in document(client)["paths"].items() for operation in methods.values()]


def test_the_document_is_openapi_and_its_references_lead_somewhere(anyone: httpx.Client) -> None:
    found = document(anyone)
    assert found["openapi"].startswith("3.1")
    assert {"title", "version", "description"} <= set(found["info"])
    text = json.dumps(found)
    for name in set(text.split('"#/components/schemas/')[1:]):
        assert name.partition('"')[0] in found["components"]["schemas"]


def test_every_operation_is_described(anyone: httpx.Client) -> None:
    named = [operation["operationId"] for _, operation in operations(anyone)]
    assert len(set(named)) == len(named)
    for path, operation in operations(anyone):
        assert len(operation["description"]) > 20, path
        assert operation["tags"], path
        assert "200" in operation["responses"], path
        assert operation["responses"]["200"]["content"]["application/json"]["schema"], path
        for parameter in operation.get("parameters", []):
            assert parameter.get("description"), (path, parameter["name"])


def test_errors_are_described_as_problem_details(anyone: httpx.Client) -> None:
    for path, operation in operations(anyone):
        for status, answer in operation["responses"].items():
            if int(status) >= 400:
                assert list(answer["content"]) == ["application/problem+json"], (path, status)
                assert answer["content"]["application/problem+json"]["schema"]["$ref"].endswith("/ProblemDetails")


class Page(HTMLParser):
    """What a page loads and holds."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.tags: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.inline += [name for name, _ in attrs if name == "style" or name.startswith("on")]
        self.loads += [value or "" for name, value in attrs if name in ("src", "href") and not (value or "").startswith("#")]


def test_the_page_loads_nothing_but_its_own_style(anyone: httpx.Client) -> None:
    answer = anyone.get("/api/docs")
    assert answer.headers["content-type"].startswith("text/html")
    assert "script-src" not in answer.headers["content-security-policy"]
    page = Page()
    page.feed(answer.text)
    assert not {"script", "style", "iframe", "object"} & set(page.tags)
    assert page.inline == []
    assert sorted(page.loads) == ["/api/docs/style.css", "/api/v1/openapi.json"]
    for path in page.loads:
        assert anyone.get(path).status_code == 200
    for path, _ in operations(anyone):
        assert f"<code>{path}</code>" in answer.text


@pytest.mark.parametrize("path", ["/", "/api", "/api/v1", "/api/v1/"])
def test_people_are_led_to_the_page(anyone: httpx.Client, path: str) -> None:
    answer = anyone.get(path, headers={"Host": "evil.example"})
    assert (answer.status_code, answer.headers["location"]) == (307, "/api/docs")


def test_the_guide_names_every_operation_with_its_scope(anyone: httpx.Client) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "guide" / "api.md").read_text(encoding="utf-8")
    for path, operation in operations(anyone):
        scopes = operation.get("security", [{"token": []}])[0]["token"]
        line = next(line for line in guide.splitlines() if line.startswith(f"| `{scopes[0]}`" if scopes else "| none needed"))
        short = re.sub(r"\{\w+_id\}", "{id}", path.removeprefix("/api/v1"))
        assert f"`{short}`" in line, (path, scopes)
