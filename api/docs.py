"""The API described for people: one page made on the server from the OpenAPI document, without script and without a CDN."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, RedirectResponse, Response

_HERE = Path(__file__).parent
CSP = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

router = APIRouter(include_in_schema=False)


@router.get("/")
@router.get("/api")
@router.get("/api/v1")
@router.get("/api/v1/")
def entrance(request: Request) -> Response:
    """For people who try the address they were given."""
    return RedirectResponse(f"{request.scope.get('root_path', '')}/api/docs", 307)


@router.get("/api/docs")
def page(request: Request) -> Response:
    """What the API offers."""
    pages: dict[str, str] = request.app.state.pages  # made once for each place the application is mounted at
    root = request.scope.get("root_path", "")
    if root not in pages:
        pages[root] = _render(request.app, root)
    return HTMLResponse(pages[root], headers={"content-security-policy": CSP, "cache-control": "no-cache"})


@router.get("/api/docs/style.css")
def style() -> Response:
    """The page's only other file."""
    text = (_HERE / "static" / "docs.css").read_text(encoding="utf-8")
    return Response(text, media_type="text/css", headers={"cache-control": "max-age=3600"})


def _render(app: FastAPI, root: str) -> str:
    environment = Environment(loader=FileSystemLoader(_HERE / "templates"), autoescape=True, undefined=StrictUndefined)
    document = app.openapi()
    schemas = document["components"]["schemas"]
    groups: dict[str, list[dict[str, Any]]] = {}
    for operation in _operations(document):
        groups.setdefault(operation["tag"], []).append(operation)
    models = [
        {"name": name, "about": schema.get("description", ""), "fields": list(_fields(schema))}
        for name, schema in schemas.items()
        if "properties" in schema
    ]
    return environment.get_template("docs.html").render(info=document["info"], groups=groups, models=models, root=root)


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            parameters = [
                {
                    "name": p["name"],
                    "in": p["in"],
                    "required": p["required"],
                    "type": _type(p["schema"]),
                    "about": p.get("description") or p["schema"].get("description", ""),
                    "default": p["schema"].get("default"),
                }
                for p in operation.get("parameters", [])
            ]
            answers = []
            for status, answer in operation["responses"].items():
                media: dict[str, Any] = next(iter(answer.get("content", {}).values()), {})
                answers.append({"status": status, "about": answer["description"], "type": _type(media.get("schema", {}))})
            yield {
                "id": operation["operationId"],
                "method": method.upper(),
                "path": path,
                "tag": operation["tags"][0],
                "about": operation["description"],
                "scopes": [scope for entry in operation.get("security", []) for scope in entry["token"]],
                "parameters": parameters,
                "answers": sorted(answers, key=lambda answer: answer["status"]),
            }


def _fields(schema: dict[str, Any]) -> Iterator[dict[str, str]]:
    for name, field in schema["properties"].items():
        yield {"name": name, "type": _type(field), "about": field.get("description", "")}


def _type(schema: dict[str, Any]) -> str:
    """A schema in a few words: ``list of Finding``, ``text or null``, ``low | high``."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return " or ".join(_type(part) for part in schema[key])
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"])
    if "const" in schema:
        return str(schema["const"])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    words = {"string": "text", "integer": "whole number", "boolean": "true | false", "object": "object", "number": "number"}
    if schema.get("format") in ("date-time", "date"):
        return {"date-time": "time", "date": "day"}[schema["format"]]
    return words.get(schema.get("type", ""), str(schema.get("type", "")))
