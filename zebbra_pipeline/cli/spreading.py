"""What does not fit a day: told before a refresh starts, and of whom it has put off."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from zebbra_pipeline.ingest.quota import BackfillPlan
from zebbra_pipeline.outcomes import named

if TYPE_CHECKING:  # imports Dagster
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
