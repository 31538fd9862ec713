"""`zebbra plan`: what a backfill costs, before it starts."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from integrations.contracts import Connection, ConnectionState
from integrations.runtime.registry import load_registry
from integrations.runtime.settings import Settings
from zebbra_pipeline.cli.context import (
    AllOption,
    JsonOption,
    UsageError,
    WorkspacesArgument,
    chosen_workspaces,
    connections_of,
    day_option,
    err,
    open_warehouse,
    out,
    print_json,
    print_table,
    settings_of_command,
)
from zebbra_pipeline.ingest.fetch import day_of_fetch
from zebbra_pipeline.ingest.plans import SECONDS_PER_CALL, plan_connections
from zebbra_pipeline.ingest.quota import (
    CONCURRENT_WORKSPACES,
    DAY_S,
    BackfillPlan,
    ProviderPlan,
    TenantPlan,
)
from zebbra_pipeline.outcomes import named

if TYPE_CHECKING:
    from zebbra_pipeline.orchestration.refresh import PutOff

_NAMED = 10


def days_of(planned: BackfillPlan) -> Iterator[str]:
    """Yield lines that say who is fetched when, of the organisations whose day is too small."""
    for provider in planned.providers:
        for tenant in provider.spread:
            if not any(tenant.by_day):  # nobody fits any day, which a sentence of its own says
                continue
            yield f"{provider.integration} {tenant.name}, by day:"
            for day, workspaces in enumerate(tenant.by_day):
                when = f"after {day} reset{'s' if day > 1 else ''}" if day else "today"
                who = named(workspaces, most=_NAMED) or "nobody: too little of the day is left"
                yield f"  {when:<14} {who}"


def put_off_lines(
    put_off: "Sequence[PutOff]", *, timezone: str, full: bool, everybody: bool
) -> Iterator[str]:
    """
    Yield lines that say who is put off until when, and who brings them back.

    Args:
        put_off: See `RefreshResult.put_off`.
        timezone: In which times are told.
        full: Whether the whole history was asked for.
        everybody: Whether all workspaces were asked for.
    """
    by_time: dict[tuple[datetime, str], list[str]] = {}
    for item in put_off:
        by_time.setdefault((item.until, item.slug), []).append(item.workspace_id)
    for (until, slug), workspaces in sorted(by_time.items()):
        local = until.astimezone(ZoneInfo(timezone))
        yield (
            f"put off: {named(sorted(workspaces))}: {slug}: the day's limit is used up "
            f"until {local:%Y-%m-%d %H:%M} ({timezone})"
        )
    if by_time:
        names = sorted({item.workspace_id for item in put_off})
        who = "--all" if everybody or len(names) > _NAMED else " ".join(names)
        last = max(until for until, _ in by_time).astimezone(ZoneInfo(timezone))
        yield (
            "A running Dagster daemon (zebbra dev, or dagster dev on this DAGSTER_HOME) fetches "
            "them then, by its sensor after_day_limits."
        )
        yield (
            f"Without one, run after {last:%Y-%m-%d %H:%M}: "
            f"zebbra refresh {who}{' --full' if full else ''}"
        )


_TENANTS_SHOWN = 10
_HOUR_S, _MINUTE_S = 3600, 60


def plan(
    workspaces: WorkspacesArgument = None,
    *,
    everything: AllOption = False,
    full: Annotated[
        bool, typer.Option("--full", help="As if all of ZEBBRA_HISTORY_MONTHS were fetched again.")
    ] = False,
    seconds_per_call: Annotated[
        float, typer.Option(help="How long a provider takes to answer.", min=0.0)
    ] = SECONDS_PER_CALL,
    as_of: Annotated[str, typer.Option(help="Plan as if today were this day (YYYY-MM-DD).")] = "",
    as_json: JsonOption = False,
) -> None:
    """
    Show the calls that `zebbra refresh` would make, against each provider's limits.

    No provider is asked. Where an organisation's day is too small, it says who is fetched on
    which day: `zebbra refresh` and Dagster put the others off until the limit has reset.

    Counted are the fewest calls, the calls of the last 24 hours, and the provider's limits;
    XERO_CALLS_PER_DAY and the like set what your contract allows, such as 1000 on Xero's
    Starter tier.

    Example: zebbra plan --all --full
    """
    settings = settings_of_command()
    names = chosen_workspaces(workspaces, everything=everything, doing="plan for")
    today = day_of_fetch(day_option(as_of))
    live, waiting = _connections(settings, names)
    planned = plan_connections(
        live,
        load_registry(),
        open_warehouse(settings),
        settings,
        full=full,
        today=today,
        seconds_per_call=seconds_per_call,
    )
    if as_json:
        print_json(_as_json(planned, waiting))
        return
    _show(planned, seconds_per_call)
    if waiting:
        err.print(f"not planned, must be connected again: {named(waiting)}")


def _connections(settings: Settings, names: list[str]) -> tuple[list[Connection], tuple[str, ...]]:
    """Return the connections that work, and the workspaces with one that does not."""
    rows = connections_of(settings, names)
    live = [row for row in rows if row.is_connected]
    waiting = {row.workspace_id for row in rows if row.state is ConnectionState.REQUIRES_RECONNECT}
    if not live and not waiting:
        example = names[0] if names else "<workspace>"
        raise UsageError(
            f"nothing is connected yet; make a connect link with: zebbra connect {example}"
        )
    return live, tuple(sorted(waiting))


def _show(planned: BackfillPlan, seconds_per_call: float) -> None:
    print_table(
        ("provider", "workspaces", "calls", "takes at least"),
        [
            (
                item.integration,
                len({pull.workspace_id for pull in item.pulls}),
                _calls(item),
                _duration(item.seconds),
            )
            for item in planned.providers
        ],
        empty="nothing to fetch",
    )
    for item in planned.providers:
        out.print()
        out.print(f"{item.integration}: {_limits(item)}")
        columns = _columns(item)
        print_table(
            ("organisation", "workspaces", "calls", *columns),
            [
                (
                    tenant.name,
                    named(tenant.workspaces, most=3),
                    tenant.calls,
                    *(cell(tenant) for cell in columns.values()),
                )
                for tenant in item.tenants[:_TENANTS_SHOWN]
            ],
            empty="",
        )
        if len(item.tenants) > _TENANTS_SHOWN:
            out.print(f"and {len(item.tenants) - _TENANTS_SHOWN} more; --json lists all")
    out.print()
    out.print(
        f"At least {planned.calls} calls and {_duration(planned.seconds)}, "
        f"at {seconds_per_call:g} s a call and {CONCURRENT_WORKSPACES} workspaces at once"
    )
    for sentence in planned.obstacles:
        err.print(f"cannot be done in a day: {sentence}")
    for line in days_of(planned):
        out.print(line)


def _calls(item: ProviderPlan) -> str:
    unknown = f" (of {item.unknown} workspaces not known)" if item.unknown else ""
    return f"{item.calls}{unknown}"


def _limits(item: ProviderPlan) -> str:
    limits = item.limits
    whose = {"tenant": "an organisation", "user": "a user"}[limits.per]
    parts = [
        f"{count} calls a {span}"
        for count, span in ((limits.per_minute, "minute"), (limits.per_day, "day"))
        if count
    ]
    shared = f"; {limits.app_per_minute} a minute in all" if limits.app_per_minute else ""
    return f"{', '.join(parts)} for {whose}{shared}" if parts else "no limit is known"


def _columns(item: ProviderPlan) -> dict[str, Callable[[TenantPlan], str]]:
    """Return what is told of each organisation, by its heading; only what there is to tell."""
    found: dict[str, Callable[[TenantPlan], str]] = {}
    if minute := item.limits.per_minute:
        found["of a minute"] = lambda tenant: f"{tenant.calls / minute:.1%}"
    if day := item.limits.per_day:
        found["of a day"] = lambda tenant: f"{tenant.calls / day:.1%}"
        if any(tenant.used for tenant in item.tenants):
            found["used in 24 h"] = lambda tenant: f"{tenant.used / day:.1%}"
    return found


def _duration(seconds: float) -> str:
    if seconds >= 2 * DAY_S:
        return f"{seconds / DAY_S:.1f} days"
    if seconds >= _HOUR_S:
        return f"{seconds / _HOUR_S:.1f} hours"
    if seconds >= _MINUTE_S:
        return f"{seconds / _MINUTE_S:.1f} minutes"
    return f"{seconds:.0f} seconds"


def _as_json(planned: BackfillPlan, waiting: tuple[str, ...]) -> dict[str, Any]:
    return {
        "calls": planned.calls,
        "seconds": round(planned.seconds, 1),
        "fits_a_day": not planned.obstacles,
        "obstacles": planned.obstacles,
        "must_reconnect": waiting,
        "providers": [
            asdict(item)
            | {"limits": {key: getattr(item.limits, key) for key in _LIMIT_KEYS}}
            | {"days": item.days}
            for item in planned.providers
        ],
    }


_LIMIT_KEYS = ("per", "concurrent", "per_minute", "per_day", "app_per_minute")
