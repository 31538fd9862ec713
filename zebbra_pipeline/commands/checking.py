"""`zebbra doctor`: what is configured, reachable and stale, and what to do about it."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import typer

from integrations.contracts import IntegrationError
from integrations.runtime.registry import load_registry
from integrations.runtime.settings import Settings
from zebbra_pipeline.commands.context import (
    JsonOption,
    ask_service,
    open_warehouse,
    print_json,
    print_table,
    settings_of_command,
    shown,
)
from zebbra_pipeline.commands.dead_runs import dead_runs
from zebbra_pipeline.warehouse import WarehouseError

STALE_AFTER = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Finding:
    """
    One thing that was looked at.

    Attributes:
        state: `ok`, `look` (works, but somebody should act) or `broken`.
        do: What to do about it; empty where nothing is.
    """

    what: str
    state: str
    found: str
    do: str = ""


def doctor(*, as_json: JsonOption = False) -> None:
    """
    Say what is configured, reachable and stale, and what to do. Fails if something is broken.

    Example: zebbra doctor
    """
    settings = settings_of_command()
    findings = [*_integrations(settings), *_service(settings), *_warehouse(settings)]
    findings += [Finding(*row) for row in dead_runs(settings)]
    if as_json:
        print_json([asdict(item) for item in findings])
    else:
        print_table(
            ("what", "state", "found", "what to do"),
            [(item.what, item.state, item.found, item.do) for item in findings],
            empty="nothing to look at",
        )
    if any(item.state == "broken" for item in findings):
        raise typer.Exit(1)


def _integrations(settings: Settings) -> Iterator[Finding]:
    registry = load_registry()
    for plugin in registry:
        if settings.integration(plugin.slug).client_id:
            yield Finding(plugin.name, "ok", "configured")
        else:
            prefix = plugin.slug.upper()
            yield Finding(
                plugin.name,
                "look",
                "not configured",
                f"set {prefix}_CLIENT_ID and {prefix}_CLIENT_SECRET, if you want it",
            )
    for failure in registry.failures:
        yield Finding(
            failure.entry_point, "broken", failure.reason, f"mend or remove {failure.distribution}"
        )


def _service(settings: Settings) -> Iterator[Finding]:
    what = f"OAuth service {settings.oauth_url}"
    try:
        found: list[dict[str, Any]] = ask_service(settings, lambda service: service.connections())[
            "connections"
        ]
    except IntegrationError as exc:
        yield Finding(what, "broken", "cannot be used", str(exc))
        return
    yield Finding(what, "ok", f"answers; {len(found)} connections")
    for item in found:
        if item["state"] == "requires_reconnect":
            yield Finding(
                f"{item['workspace_id']} {item['integration']}",
                "look",
                "requires_reconnect",
                f"send a connect link: zebbra connect {item['workspace_id']}",
            )


def _warehouse(settings: Settings) -> Iterator[Finding]:
    what = f"warehouse {shown(settings.published)}"
    if not settings.published.exists():
        yield Finding(what, "look", "nothing has landed yet", "zebbra refresh <workspace>")
        return
    try:
        with open_warehouse(settings).read() as session:
            summaries = session.workspaces()
    except WarehouseError as exc:
        yield Finding(what, "broken", "cannot be read", str(exc))
        return
    yield Finding(what, "ok", f"{len({item.workspace_id for item in summaries})} workspaces")
    now = datetime.now(UTC)
    for item in summaries:
        age = now - item.fetched_at.astimezone(UTC)
        if age > STALE_AFTER:
            yield Finding(
                f"{item.workspace_id} {item.integration}",
                "look",
                f"last fetched {age.days} days ago",
                f"zebbra refresh {item.workspace_id}",
            )
