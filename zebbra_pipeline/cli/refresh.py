"""`zebbra refresh`: fetches workspaces, and says first what a day has no room for."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from integrations.contracts import Connection
from integrations.runtime.registry import load_registry
from integrations.runtime.settings import Settings
from zebbra_pipeline.cli.context import (
    AllOption,
    UsageError,
    WorkspacesArgument,
    chosen_workspaces,
    connections_of,
    day_option,
    err,
    open_warehouse,
    out,
    own_home,
    settings_of_command,
)
from zebbra_pipeline.cli.plan import days_of, put_off_lines
from zebbra_pipeline.ingest.fetch import day_of_fetch
from zebbra_pipeline.ingest.plans import plan_connections
from zebbra_pipeline.ingest.progress import FETCHING, HELD_UP, WAITING, lines_of
from zebbra_pipeline.orchestration.interrupts import ended_by_signals
from zebbra_pipeline.outcomes import named

if TYPE_CHECKING:  # imports Dagster
    from zebbra_pipeline.orchestration.refresh import RefreshResult

FAILED, PUT_OFF = 1, 75
"""Exit statuses; 75 is EX_TEMPFAIL of sysexits.h: nothing is wrong, try again later."""

Connected = Sequence[Connection]
"""Connections of integrations that are installed, working or not."""


def refresh(
    workspaces: WorkspacesArgument = None,
    *,
    everything: AllOption = False,
    full: Annotated[
        bool, typer.Option("--full", help="Fetch all of ZEBBRA_HISTORY_MONTHS again.")
    ] = False,
    as_of: Annotated[str, typer.Option(help="Fetch as if today were this day (YYYY-MM-DD).")] = "",
) -> None:
    """
    Materialize workspaces through Dagster: every connected integration, then the models.

    Where an organisation's day at the provider is too small for them, it says so first, and who
    is fetched on which day. Who meets the limit is put off until it has reset. A running Dagster
    daemon fetches them then; without one, run the command again that is printed.

    Exit status: 0 if all are refreshed, 75 if some are put off and none has failed, 1 if any
    has failed.

    Example: zebbra refresh acme globex
    """
    settings = settings_of_command()
    names = chosen_workspaces(workspaces, everything=everything, doing="refresh")
    own_home(settings)
    connected = connected_integrations(settings, names)
    with ended_by_signals():
        result = refresh_connected(connected, settings, full=full, as_of=day_option(as_of))
    for line in put_off_lines(
        result.put_off, timezone=settings.timezone, full=full, everybody=everything
    ):
        out.print(line)
    if result.failures:
        raise typer.Exit(FAILED)
    if result.put_off:
        raise typer.Exit(PUT_OFF)


def connected_integrations(settings: Settings, names: Sequence[str]) -> Connected:
    """
    Return what each workspace has connected; of all workspaces if *names* is empty.

    Connections of integrations that are not installed are left out, which is told.

    Raises:
        UnknownWorkspaceError: If the OAuth service does not know one of them.
        UsageError: If one of them has connected nothing, or nothing that is installed.
    """
    rows = [row for row in connections_of(settings, names) if not row.is_disconnected]
    empty = sorted(set(names).difference(row.workspace_id for row in rows))
    if empty:
        raise UsageError(
            f"{', '.join(empty)}: nothing is connected yet; "
            f"make a connect link with: zebbra connect {empty[0]}"
        )
    if not rows:
        raise UsageError("no workspace has connected anything yet; see: zebbra connect --help")
    return _installed(rows, [str(plugin.name) for plugin in load_registry()], names)


def _installed(rows: Connected, installed: Sequence[str], names: Iterable[str]) -> Connected:
    """Return the rows of installed integrations; tell of the others."""
    found = [row for row in rows if row.integration in installed]
    missing: dict[str, list[str]] = {}
    for row in rows:
        if row.integration not in installed:
            missing.setdefault(row.integration, []).append(row.workspace_id)
    left = {row.workspace_id for row in found}
    nothing = sorted(set(names) - left) if left else sorted({row.workspace_id for row in rows})
    if nothing:
        raise UsageError(
            f"{named(nothing)}: nothing to refresh: connected to {', '.join(sorted(missing))}, "
            f"which is not installed here; installed: {', '.join(sorted(installed)) or 'nothing'}"
        )
    for integration, workspaces in sorted(missing.items()):
        err.print(f"left out, {integration} is not installed here: {named(sorted(workspaces))}")
    return found


def refresh_connected(
    connected: Connected, settings: Settings, *, full: bool = False, as_of: str = ""
) -> "RefreshResult":
    """
    Say what a day has no room for, materialize, and show progress and failures.

    Raises:
        WarehouseError: If the warehouse is missing, or what has landed cannot be read.
    """
    open_warehouse(settings).check()
    _tell_what_does_not_fit(connected, settings, full=full, as_of=as_of)
    slugs: dict[str, frozenset[str]] = {}
    for row in connected:
        workspace = row.workspace_id
        slugs[workspace] = slugs.get(workspace, frozenset()) | {row.slug}
    with lines_of(FETCHING, WAITING, HELD_UP, show=lambda line: out.print(f"  {line}")):
        from zebbra_pipeline.orchestration.refresh import refresh as materialize

        result = materialize(
            slugs,
            settings,
            full=full,
            as_of=as_of,
            tell=lambda line: out.print(f"  {line}"),
        )
    groups: dict[str, list[str]] = {}
    for workspace, reasons in sorted(result.failures.items()):
        for reason in reasons:
            groups.setdefault(reason, []).append(workspace)
    for reason, failed in groups.items():
        err.print(f"failed: {named(failed)}: {reason}")
    for workspace, link in sorted(result.links.items()):
        err.print(f"reconnect {workspace} here: {link}")
    waiting = {item.workspace_id for item in result.put_off} - result.failures.keys()
    good = len(slugs) - len(result.failures) - len(waiting)
    put_off = f", {len(waiting)} put off," if waiting else ""
    out.print(
        f"{good} of {len(slugs)} workspaces refreshed{put_off} in {len(result.runs)} Dagster runs"
    )
    return result


def _tell_what_does_not_fit(
    connected: Connected, settings: Settings, *, full: bool, as_of: str
) -> None:
    planned = plan_connections(
        [row for row in connected if row.is_connected],
        load_registry(),
        open_warehouse(settings),
        settings,
        full=full,
        today=day_of_fetch(as_of),
    )
    if not planned.over_the_day:
        return
    for sentence in planned.over_the_day:
        out.print(f"does not fit a day: {sentence}")
    for line in days_of(planned):
        out.print(f"  {line}")
    out.print("  Who meets the limit is put off until it has reset; nothing is lost.")
