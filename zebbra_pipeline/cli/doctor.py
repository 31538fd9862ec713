"""`zebbra doctor`: what is configured, reachable and stale, and what to do about it."""

from collections.abc import Iterator
from dataclasses import asdict

import typer

from integrations.contracts import ConnectionState, IntegrationError
from integrations.runtime.registry import load_registry
from integrations.runtime.settings import Settings
from zebbra_pipeline.cli.context import (
    JsonOption,
    ask_service,
    print_json,
    print_table,
    settings_of_command,
    shown,
)
from zebbra_pipeline.cli.dead_runs import dead_runs
from zebbra_pipeline.cli.storage_findings import (
    Finding,
    disk_findings,
    exposures,
    key_findings,
    published_findings,
    warehouse_findings,
)

_NOT_READY = {
    "database": "see the service's log; its database does not answer",
    "keys": "put back the file of the encryption keys from its backup before the service starts "
    "again: without it every customer must connect again",
    "storage": "make room on the disk of the token store; it takes nothing more",
    "stopping": "the service is about to end; start it again",
}


def doctor(*, as_json: JsonOption = False) -> None:
    """
    Say what is configured, reachable and stale, and what to do. Fails if something is broken.

    Example: zebbra doctor
    """
    settings = settings_of_command()
    findings = [
        *_integrations(settings),
        *_service(settings),
        *key_findings(settings),
        *warehouse_findings(settings),
        *published_findings(settings),
        *disk_findings(settings),
        *_modes(settings),
        *dead_runs(settings),
    ]
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
        found = ask_service(settings, lambda service: service.connections()).connections
    except IntegrationError as exc:
        yield Finding(what, "broken", "cannot be used", str(exc))
        return
    yield Finding(what, "ok", f"answers; {len(found)} connections")
    for name in _not_ready(settings):
        do = _NOT_READY.get(name, "see the service's log")
        yield Finding(f"{what} {name}", "broken", "not ready", do)
    for item in found:
        if item.restored_at:
            yield Finding(
                f"{item.workspace_id} {item.integration}",
                "look",
                "restored from a backup, not checked at its provider yet",
                f"wait: the OAuth service does it, or the next zebbra refresh {item.workspace_id}",
            )
        elif item.state is ConnectionState.REQUIRES_RECONNECT:
            yield Finding(
                f"{item.workspace_id} {item.integration}",
                "look",
                "requires_reconnect",
                f"send a connect link: zebbra connect {item.workspace_id}",
            )


def _modes(settings: Settings) -> Iterator[Finding]:
    for found, do in exposures(settings):
        yield Finding(f"files of {shown(settings.home)}", "look", found, do)


def _not_ready(settings: Settings) -> tuple[str, ...]:
    try:
        return ask_service(settings, lambda service: service.not_ready())
    except IntegrationError:  # it has just answered: an older service, or one that ends
        return ()
