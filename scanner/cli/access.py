"""``token``: access to the API."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scanner.cli import output
from scanner.cli.output import Settings, say
from scanner.config import load_config
from scanner.pipeline import Workspace
from scanner.store.tokens import ROLES, create_token

token_app = typer.Typer(help="Tokens for the API.", no_args_is_help=True)


@token_app.command("create")
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Who or what will use it.")],
    role: Annotated[str, typer.Option(help=f"What it may do: {', '.join(ROLES)}.")] = "analyst",
    days: Annotated[int, typer.Option(min=1, max=3650, help="Days until it expires.")] = 90,
) -> None:
    """Make a token. It is shown once and never again; only its hash is stored."""
    settings: Settings = context.obj
    workspace = Workspace.open(load_config(Path(settings.config) if settings.config else None))
    token = create_token(workspace.state, name, role=role, days=days)
    if settings.as_json:
        output.print_json({"token": token.secret, "id": token.id, "name": name, "role": role, "expires_at": token.expires_at})
    else:
        say(f"token for {name} ({role}), valid until {token.expires_at[:10]}; keep it now, it is not shown again:")
        typer.echo(token.secret)
