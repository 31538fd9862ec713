"""`zebbra refresh`, `endpoints`, `merge`, `publish`: figures in, figures out."""

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from integrations.contracts import NotConnectedError
from integrations.runtime.http import HttpSession
from integrations.runtime.settings import Settings
from zebbra_pipeline.commands.context import (
    JsonOption,
    UsageError,
    ask_service,
    day_option,
    err,
    open_warehouse,
    out,
    print_json,
    print_table,
    settings_of_command,
    shown,
    workspace_argument,
)
from zebbra_pipeline.figures import MergedModel
from zebbra_pipeline.oauth_api import OAuthService
from zebbra_pipeline.outcomes import Failed, named

_NAME_WIDTH, _STATUS_WIDTH, _MONTH_WIDTH = 34, 20, 13
LIVE_STATES = frozenset({"connected", "requires_reconnect"})


def refresh(
    workspaces: Annotated[list[str] | None, typer.Argument(help="Workspace ids.")] = None,
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Every workspace that has connected something.")
    ] = False,
    full: Annotated[
        bool, typer.Option("--full", help="Fetch all of ZEBBRA_HISTORY_MONTHS again.")
    ] = False,
    as_of: Annotated[str, typer.Option(help="Fetch as if today were this day (YYYY-MM-DD).")] = "",
) -> None:
    """
    Materialize workspaces through Dagster: every connected integration, then the models.

    Example: zebbra refresh acme globex
    """
    settings = settings_of_command()
    names = [workspace_argument(name) for name in workspaces or []]
    if everything == bool(names):
        raise UsageError("name the workspaces to refresh, or give --all")
    connected = connected_integrations(settings, names)
    failures = refresh_connected(connected, settings, full=full, as_of=day_option(as_of))
    if failures:
        raise typer.Exit(1)


def connected_integrations(settings: Settings, names: list[str]) -> dict[str, frozenset[str]]:
    """
    Return the slugs that each workspace has connected; of all workspaces if *names* is empty.

    Raises:
        UnknownWorkspaceError: If the OAuth service does not know one of them.
        UsageError: If one of them has connected nothing.
    """

    async def ask(service: OAuthService) -> dict[str, frozenset[str]]:
        found: dict[str, set[str]] = {name: set() for name in names}
        for name in names:
            await service.providers(name)  # refuses an unknown workspace
        for item in (await service.connections())["connections"]:
            if item["state"] in LIVE_STATES and (not names or item["workspace_id"] in found):
                found.setdefault(item["workspace_id"], set()).add(item["integration"].lower())
        return {name: frozenset(slugs) for name, slugs in found.items()}

    connected = ask_service(settings, ask)
    empty = sorted(name for name, slugs in connected.items() if not slugs)
    if empty:
        raise UsageError(
            f"{', '.join(empty)}: nothing is connected yet; "
            f"make a connect link with: zebbra connect {empty[0]}"
        )
    if not connected:
        raise UsageError("no workspace has connected anything yet; see: zebbra connect --help")
    return connected


def refresh_connected(
    connected: dict[str, frozenset[str]], settings: Settings, *, full: bool = False, as_of: str = ""
) -> dict[str, list[str]]:
    """Materialize, showing progress and failures; return the failures by workspace."""
    with _progress_of(
        "zebbra_pipeline.fetching", lambda line: out.print(f"  {line}", markup=False)
    ):
        from zebbra_pipeline.refreshing import refresh as materialize

        result = materialize(
            connected,
            settings,
            full=full,
            as_of=as_of,
            tell=lambda line: out.print(f"  {line}", markup=False),
        )
    groups: dict[str, list[str]] = {}
    for workspace, reasons in sorted(result.failures.items()):
        for reason in reasons:
            groups.setdefault(reason, []).append(workspace)
    for reason, failed in groups.items():
        err.print(f"failed: {named(failed)}: {reason}", markup=False)
    for workspace, link in sorted(result.links.items()):
        err.print(f"reconnect {workspace} here: {link}", markup=False)
    good = len(connected) - len(result.failures)
    out.print(f"{good} of {len(connected)} workspaces refreshed in {len(result.runs)} Dagster runs")
    return result.failures


def endpoints(
    workspace: Annotated[str, typer.Argument(help="Workspace id.")],
    *,
    ask: Annotated[
        bool, typer.Option(help="Ask the providers where nothing has landed yet.")
    ] = True,
    as_json: JsonOption = False,
) -> None:
    """
    List what a model of this workspace can refer to, such as Xero[Total Income].

    Answered from what has landed, without a call; the providers are asked only when nothing has.

    Example: zebbra endpoints acme
    """
    workspace = workspace_argument(workspace)
    settings = settings_of_command()
    with open_warehouse(settings).read() as session:
        rows = [asdict(row) for row in session.endpoints(workspace)]
    if not rows:
        ask_service(settings, lambda service: service.providers(workspace))
        rows = asyncio.run(_ask_providers(settings, workspace)) if ask else []
    if as_json:
        print_json(rows)
        return
    print_table(
        ("reference", "statement", "kind", "first month", "last month"),
        [
            (
                f"{row['integration']}[{row['endpoint']}]",
                row.get("statement"),
                row.get("kind"),
                row.get("first_month"),
                row.get("last_month"),
            )
            for row in rows
        ],
        empty=f"{workspace}: nothing has landed and nothing is connected; "
        f"see: zebbra connect {workspace}",
    )


async def _ask_providers(settings: Settings, workspace: str) -> list[dict[str, object]]:
    from integrations.contracts import months_back
    from integrations.runtime.registry import load_registry
    from zebbra_pipeline.pulling import open_adapter

    today = datetime.now().astimezone().date()
    rows: list[dict[str, object]] = []
    async with HttpSession() as http:
        service = OAuthService(http, settings.oauth_url, settings.service_key())
        for plugin in load_registry():
            try:
                adapter, _ = await open_adapter(
                    plugin, workspace, http=http, service=service, settings=settings, today=today
                )
            except NotConnectedError:
                continue
            since = months_back(today, settings.refresh_months)
            names = await adapter.get_data_endpoints(since)
            rows += [{"integration": plugin.name, "endpoint": name} for name in names]
    return rows


def merge(
    workspace: Annotated[str, typer.Argument(help="Workspace id.")],
    *,
    output: Annotated[
        Path | None, typer.Option(help="Folder to write the merged documents to.")
    ] = None,
    months: Annotated[int, typer.Option(help="Months to show.", min=1, max=24)] = 6,
    as_json: JsonOption = False,
) -> None:
    """
    Merge what has landed into the workspace's models, and show every row with its status.

    The documents in ZEBBRA_MODELS are never written.

    Example: zebbra merge acme --output merged/
    """
    workspace = workspace_argument(workspace)
    settings = settings_of_command()
    merged = merge_and_store(settings, workspace)
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
        for model in merged:
            path = output / f"{model.model_id}.json"
            path.write_text(json.dumps(model.document, indent=2, ensure_ascii=False) + "\n")
            err.print(f"wrote {shown(path)}", markup=False)
    if as_json:
        print_json([model.document for model in merged])
        return
    for model in merged:
        print_model(model, months=months)


def merge_and_store(settings: Settings, workspace: str) -> list[MergedModel]:
    """
    Merge a workspace's models and store them.

    Raises:
        UsageError: If it has no model documents, or one of them is broken.
    """
    from zebbra_pipeline.merge import model_paths
    from zebbra_pipeline.merging import merge_workspaces

    if not model_paths(settings.models, workspace):
        raise UsageError(
            f"{workspace}: no model documents; put them at {shown(settings.models / workspace)}"
            "/<model_id>.json"
        )
    outcomes, merged = merge_workspaces(
        [workspace],
        models=settings.models,
        warehouse=open_warehouse(settings),
        today=datetime.now().astimezone().date(),
    )
    failed = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
    if failed:
        raise UsageError(failed[0].reason)
    return merged[workspace]


def print_model(model: MergedModel, *, months: int) -> None:
    """Print rows by months of a merged model, with each row's status and notes."""
    from zebbra_pipeline.merge.show import table_of

    fitting = (out.width - _NAME_WIDTH - _STATUS_WIDTH) // _MONTH_WIDTH
    headers, rows = table_of(model, months=max(1, min(months, fitting)))
    table = Table(title=model.name, title_justify="left", box=None, pad_edge=False)
    table.add_column(headers[0], no_wrap=True, max_width=_NAME_WIDTH)
    table.add_column(headers[1], no_wrap=True)
    for header in headers[2:]:
        table.add_column(header, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    out.print(table)
    if any("*" in cell for row in rows for cell in row[2:]):
        out.print("  * the month has not ended: provisional")
    for item in model.rows:
        if item.note:
            out.print(f"  {item.row_name}: {item.note}", markup=False)
    people = model.document["payroll"]["employees"]
    if merged := sum(bool(person.get("from_integration")) for person in people):
        out.print(f"  payroll: {merged} job spells merged before the model's own employees")
    for note in model.notes:
        out.print(f"  {note}", markup=False)


def publish() -> None:
    """
    Rebuild the read-only copy of the warehouse that people and BI tools open.

    Example: zebbra publish
    """
    settings = settings_of_command()
    open_warehouse(settings).publish()
    out.print(f"published {shown(settings.published)}", markup=False)


class _progress_of:  # noqa: N801 -- reads as a with-statement's verb
    """Passes the INFO lines of one logger to a function while its block runs."""

    def __init__(self, logger: str, show: Callable[[str], None]) -> None:
        self._logger = logging.getLogger(logger)
        self._handler = _Handler(show)

    def __enter__(self) -> None:
        self._logger.addHandler(self._handler)
        self._logger.setLevel(logging.INFO)

    def __exit__(self, *_: object) -> None:
        self._logger.removeHandler(self._handler)


class _Handler(logging.Handler):
    def __init__(self, show: Callable[[str], None]) -> None:
        super().__init__()
        self._show = show

    def emit(self, record: logging.LogRecord) -> None:
        self._show(record.getMessage())
