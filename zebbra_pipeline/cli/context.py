"""What commands share: settings, the OAuth service, output for people and for programs."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from integrations.contracts import Connection, check_workspace_id
from integrations.runtime.http import HttpSession
from integrations.runtime.private_home import UMASK, make_private
from integrations.runtime.settings import Settings, load_settings
from integrations.runtime.token_service import OAuthService
from zebbra_pipeline.cli.output import err, out, print_json, print_table
from zebbra_pipeline.orchestration.landed_history import landed_in_home
from zebbra_pipeline.warehouse import Warehouse

__all__ = [
    "AllOption",
    "JsonOption",
    "UsageError",
    "WorkspacesArgument",
    "ask_service",
    "chosen_workspaces",
    "connections_of",
    "day_option",
    "err",
    "open_warehouse",
    "out",
    "print_json",
    "print_table",
    "settings_of_command",
    "shown",
    "workspace_argument",
]

T = TypeVar("T")

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
WorkspacesArgument = Annotated[list[str] | None, typer.Argument(help="Workspace ids.")]
AllOption = Annotated[
    bool, typer.Option("--all", help="Every workspace that has connected something.")
]


class UsageError(Exception):
    """What was asked for cannot be done; the text says what to do instead."""


def workspace_argument(value: str) -> str:
    """Check a workspace id given on the command line."""
    try:
        return check_workspace_id(value)
    except ValueError as exc:
        raise UsageError(str(exc)) from exc


def chosen_workspaces(given: list[str] | None, *, everything: bool, doing: str) -> list[str]:
    """
    Return the workspaces given on the command line, checked; none where all are meant.

    Args:
        given: Their ids.
        everything: Whether `--all` is given.
        doing: For the error, e.g. `refresh`.

    Raises:
        UsageError: If there are both, or neither, or one is malformed.
    """
    names = [workspace_argument(name) for name in given or []]
    if everything == bool(names):
        raise UsageError(f"name the workspaces to {doing}, or give --all")
    return names


def connections_of(settings: Settings, names: Sequence[str]) -> list[Connection]:
    """
    Return the OAuth service's connections, of all workspaces if *names* is empty.

    Raises:
        UnknownWorkspaceError: If the service does not know one of them.
    """

    async def ask(service: OAuthService) -> list[Connection]:
        for name in names:
            await service.providers(name)  # refuses an unknown workspace
        only = names[0] if len(names) == 1 else None
        listed = await service.connections(workspace_id=only)
        return [item for item in listed.connections if not names or item.workspace_id in names]

    return ask_service(settings, ask)


def day_option(value: str) -> str:
    """Check a day given on the command line; empty stays empty."""
    if value:
        try:
            date.fromisoformat(value)
        except ValueError as exc:
            raise UsageError(f"expected a day such as 2025-02-28, found {value!r}") from exc
    return value


def ask_service(settings: Settings, question: Callable[[OAuthService], Awaitable[T]]) -> T:
    """Ask the OAuth service something and wait for its answer."""

    async def ask() -> T:
        async with HttpSession() as http:
            return await question(OAuthService(http, settings.oauth_url, settings.service_key()))

    return asyncio.run(ask())


def open_warehouse(settings: Settings) -> Warehouse:
    """Return the warehouse of the settings."""
    return Warehouse(
        settings.warehouse,
        published=settings.published,
        landed_before=partial(landed_in_home, settings),
    )


def settings_of_command() -> Settings:
    """
    Read the settings; a malformed one ends the command with its name.

    What the command writes from now on is for its user alone: figures, salaries and tokens are.
    """
    os.umask(UMASK)
    return load_settings()


def own_home(settings: Settings) -> Path:
    """Take the rights of others from `ZEBBRA_HOME` and all that is in it; return it."""
    make_private(settings.home)
    return settings.home


def shown(path: Path) -> str:
    """Return *path* relative to the working directory where that is shorter."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
