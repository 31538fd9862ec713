"""What the checks find of one asset of one workspace. Pure: no clock, no I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from integrations.contracts import Connection
from zebbra_pipeline.orchestration.metadata import keys, markdown
from zebbra_pipeline.warehouse import EMPLOYEES, PAYROLL_COSTS

if TYPE_CHECKING:
    from zebbra_pipeline.warehouse import Integrity

FRESH, COMPLETE, PROVEN, CONNECTION = "fresh", "complete", "proven", "connection"
"""Names of the checks that each workspace of each asset is held to."""

_SHOWN = 12
_SOON = 4
"""A connection is warned of when less than this part of the idle limit is left."""


@dataclass(frozen=True, slots=True)
class Finding:
    """
    What one check says of one workspace.

    Attributes:
        grave: Whether a failure is an error; otherwise it is a warning.
        facts: Metadata to show with the result.
    """

    check: str
    workspace_id: str
    passed: bool
    text: str
    grave: bool = True
    facts: Mapping[str, Any] = field(default_factory=dict)


def fresh(sound: "Integrity", *, today: date, days: int, live: bool | None) -> Finding:
    """
    Say whether it has landed within *days* days.

    Args:
        sound: What has landed.
        today: The day to count from.
        days: The most days that a workspace may go without a landing.
        live: Whether the connection stands; None if nobody can tell.
    """
    landed = sound.fetched_at.astimezone().date()
    age = (today - landed).days
    if live is False:
        text = f"disconnected; its figures of {landed} are kept and not renewed"
    elif age > days:
        text = (
            f"nothing has landed for {age} days, since {landed}; see on the asset's page why, "
            f"then run: zebbra refresh {sound.workspace_id}"
        )
    else:
        text = f"landed on {landed}"
    facts = {keys.FETCHED_AT: sound.fetched_at.isoformat(), keys.AGE_DAYS: age}
    stale = age > days and live is not False
    return Finding(FRESH, sound.workspace_id, not stale, text, grave=False, facts=facts)


def complete(sound: "Integrity") -> Finding:
    """Say whether a month, or a row of one, is missing among those covered."""
    who = sound.workspace_id
    again = f"fetch the whole history: zebbra refresh {who} --full"
    if sound.mixed:
        text = f"people of an older pull are left beside those of the newest one; {again}"
        return Finding(COMPLETE, who, False, text)
    if sound.missing:
        months = [f"{month:%Y-%m}" for month in sound.missing]
        text = f"{len(months)} months are missing: {_listed(months)}; {again}"
        return Finding(COMPLETE, who, False, text, facts={keys.MISSING_MONTHS: months})
    if sound.lacking:
        months = [f"{month:%Y-%m}" for month in sound.lacking]
        text = f"{len(months)} months have lost rows: {_listed(months)}; {again}"
        return Finding(COMPLETE, who, False, text, facts={keys.LACKING_MONTHS: months})
    if sound.first_month is None or sound.last_month is None:
        return Finding(COMPLETE, who, True, "everybody is from the newest pull")
    if sound.asset == PAYROLL_COSTS:
        rows = "each has its row"
    elif sound.lines:
        rows = f"each has a row of all {sound.lines} accounts and section totals"
    else:
        rows = "the statement has no accounts"
    text = f"no month is missing from {sound.first_month:%Y-%m} to {sound.last_month:%Y-%m}; {rows}"
    return Finding(COMPLETE, who, True, text)


def proven(sound: "Integrity") -> Finding:
    """Say whether the newest batch adds up as it has landed, and what was compared for it."""
    who = sound.workspace_id
    if not sound.unproven:
        facts = {keys.COMPARED: sound.compared}
        return Finding(PROVEN, who, True, _proof(sound.asset, sound.compared), facts=facts)
    text = (
        f"{len(sound.unproven)} totals do not add up: {_listed(sound.unproven)}; "
        f"fetch them again: zebbra refresh {who} --full"
    )
    return Finding(PROVEN, who, False, text, facts={keys.UNPROVEN: list(sound.unproven)})


def _proof(asset: str, compared: int) -> str:
    if asset == EMPLOYEES:
        return f"none of {compared} jobs ends before it starts"
    if asset == PAYROLL_COSTS:
        return f"the parts of payroll cost add up to its total in {compared} months"
    others = "computed totals, such as a profit, are not compared"
    if not compared:
        return f"the newest pull has no section total to compare with its accounts; {others}"
    return (
        f"{compared} amounts of section totals in the newest pull equal the sums of their "
        f"accounts; {others}"
    )


def refused(workspace_id: str, reason: str) -> Finding:
    """Say that the latest pull was refused; what had landed before stays as it is."""
    text = f"the latest pull did not land: {reason}; the integration needs a correction"
    return Finding(PROVEN, workspace_id, False, text)


def connection(row: Connection, *, name: str, now: datetime, link: str | None = None) -> Finding:
    """
    Say whether the connection works and how long the provider still waits for its next use.

    Args:
        row: The connection.
        name: Of the integration.
        now: Timezone-aware.
        link: Connect link of the workspace, if one was made.
    """
    who = row.workspace_id
    age = None if row.last_refresh is None else now - row.last_refresh
    facts: dict[str, Any]
    facts = {} if age is None else {keys.TOKEN_AGE_DAYS: round(age / timedelta(days=1), 1)}
    if row.is_disconnected:
        return Finding(CONNECTION, who, True, f"{name} is disconnected", facts=facts)
    if row.restored_at:
        text = (
            f"restored from a backup; {name} has not been asked yet whether it still works: the "
            f"OAuth service does so, or zebbra refresh {who}"
        )
        return Finding(CONNECTION, who, False, text, grave=False, facts=facts)
    if not row.is_connected:
        reason = row.reason or "the provider refused the grant"
        text = f"a person must connect {name} again: {reason}; make a link: zebbra connect {who}"
        if link:
            page = markdown.link(f"{who}: open the connect page", link)
            facts[keys.CONNECT] = markdown.value(f"{page} (30 minutes)")
        return Finding(CONNECTION, who, False, text, facts=facts)
    if row.idle_expires_at is None or row.idle_limit_s is None:
        text = f"connected; {name} ends no grant for being unused"
        return Finding(CONNECTION, who, True, text, facts=facts)
    left = row.idle_expires_at - now
    of_all = (
        f"{max(left.days, 0)} of {row.idle_limit_s // 86400} days left until {name} ends it unused"
    )
    facts[keys.IDLE_DAYS_LEFT] = max(left.days, 0)
    if left < timedelta(seconds=row.idle_limit_s) / _SOON:
        text = f"{of_all}; use it: zebbra refresh {who}"
        return Finding(CONNECTION, who, False, text, grave=False, facts=facts)
    return Finding(CONNECTION, who, True, f"connected; {of_all}", facts=facts)


def _listed(names: "list[str] | tuple[str, ...]") -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
