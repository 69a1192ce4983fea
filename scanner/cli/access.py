"""``token``: access to the API."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from scanner.cli import output
from scanner.cli.output import Settings, say
from scanner.config import load_config
from scanner.pipeline import Workspace
from scanner.store.tokens import ROLES, TokenStore

token_app = typer.Typer(help="Tokens for the API.", no_args_is_help=True)


@token_app.command("create")
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Who or what will use it.")],
    role: Annotated[str, typer.Option(help=f"What it may do: {', '.join(ROLES)}.")] = "analyst",
    days: Annotated[int, typer.Option(min=1, max=366, help="Days until it expires.")] = 90,
) -> None:
    """Make a token. It is shown once and never again; only its hash is stored."""
    settings: Settings = context.obj
    workspace = Workspace.open(load_config(Path(settings.config) if settings.config else None))
    made = TokenStore(workspace.state).create(name, [role], lifetime=timedelta(days=days))
    expires = made.token.expires_at.date().isoformat()
    if settings.as_json:
        output.print_json({"token": made.secret, "id": made.token.id, "name": name, "role": role, "expires_at": expires})
    else:
        say(f"token for {name} ({role}), valid until {expires}; keep it now, it is not shown again:")
        typer.echo(made.secret)


@token_app.command("list")
def list_tokens(context: typer.Context) -> None:
    """Tokens that exist, never their secrets."""
    settings: Settings = context.obj
    workspace = Workspace.open(load_config(Path(settings.config) if settings.config else None))
    found = TokenStore(workspace.state).list()
    rows = [
        {
            "id": token.id,
            "name": token.name,
            "begins": token.prefix,
            "expires_at": token.expires_at.date().isoformat(),
            "last_used_at": token.last_used_at.isoformat() if token.last_used_at else None,
            "revoked": token.revoked_at is not None,
        }
        for token in found
    ]
    if settings.as_json:
        output.print_json(rows)
        return
    output.table(
        [("id", "left"), ("name", "left"), ("begins", "left"), ("until", "left"), ("last used", "left"), ("", "left")],
        [
            (r["id"], r["name"], r["begins"], r["expires_at"], r["last_used_at"] or "never", "revoked" if r["revoked"] else "")
            for r in rows
        ],
    )


@token_app.command("revoke")
def revoke(context: typer.Context, token_id: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """End a token at once."""
    settings: Settings = context.obj
    workspace = Workspace.open(load_config(Path(settings.config) if settings.config else None))
    TokenStore(workspace.state).revoke(token_id)
    say(f"token {token_id} is revoked")
