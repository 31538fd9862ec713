"""Which workspaces of a run met a day's limit, and when it resets: a tag that a sensor follows."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg

from zebbra_pipeline.outcomes import Failed, Outcome

COME_BACK_TAG = "zebbra/come_back"  # a key with a second slash is one that Dagster warns of
WANTED = "wanted"
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class ComeBack:
    """
    Workspaces whose quota resets at the same minute.

    Attributes:
        slug: The integration.
        at: The first full minute after the reset, in UTC.
        full: Whether the whole history was fetched.
    """

    slug: str
    at: datetime
    workspaces: tuple[str, ...]
    full: bool


def tag_come_back(
    context: dg.AssetExecutionContext, slug: str, outcomes: Sequence[Outcome], *, full: bool
) -> None:
    """
    Tag the run with the workspaces that met a day's limit; with none, not.

    The run is tagged with `zebbra/come_back`, by which it is found, and, for each step, with
    `zebbra/come_back.<slug>`: JSON of the run's id (a rerun takes over the tags of its run),
    `full`, and the workspaces by the time of their reset.
    """
    resets: dict[str, list[str]] = {}
    for outcome in outcomes:
        if isinstance(outcome, Failed) and (reset := outcome.come_back_at):
            at = (reset + _MINUTE).replace(second=0, microsecond=0)
            resets.setdefault(at.isoformat(), []).append(outcome.workspace_id)
    if not resets:
        return
    run_id = context.run.run_id
    value = {"run": run_id, "full": full, "at": {at: sorted(resets[at]) for at in sorted(resets)}}
    tags = {
        COME_BACK_TAG: WANTED,
        f"{COME_BACK_TAG}.{slug}": json.dumps(value, separators=(",", ":")),
    }
    context.instance.add_run_tags(run_id, tags)


def wanted_back(run_id: str, tags: Mapping[str, str]) -> list[ComeBack]:
    """Return what the steps of a run put off; what the run took over from another is not its."""
    found = []
    for name, value in sorted(tags.items()):
        if not name.startswith(f"{COME_BACK_TAG}."):
            continue
        content = json.loads(value)
        if content["run"] != run_id:
            continue
        found += [
            ComeBack(
                slug=name.removeprefix(f"{COME_BACK_TAG}."),
                at=datetime.fromisoformat(at).astimezone(UTC),
                workspaces=tuple(workspaces),
                full=content["full"],
            )
            for at, workspaces in content["at"].items()
        ]
    return found
