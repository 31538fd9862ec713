"""`zebbra connect`, `admin`, `workspaces`, `connections`, `integrations`: who is connected to what."""

from datetime import datetime
from typing import Annotated, Any

import typer

from integrations.contracts import Connection
from integrations.runtime.registry import load_registry
from integrations.runtime.settings import Settings
from zebbra_pipeline.cli.context import (
    JsonOption,
    UsageError,
    ask_service,
    connections_of,
    err,
    out,
    print_json,
    print_table,
    settings_of_command,
    workspace_argument,
)


def connect(
    workspace: Annotated[str, typer.Argument(help="Workspace id, such as 'acme'.")],
    name: Annotated[str, typer.Option(help="Name to show on the connect page.")] = "",
    *,
    as_json: JsonOption = False,
) -> None:
    """
    Print a link to the connect page of a workspace. It works for 30 minutes.

    Example: zebbra connect acme --name "Acme Trading Ltd"
    """
    workspace = workspace_argument(workspace)
    if not _is_unicode(name):
        raise UsageError("--name: expected text in the terminal's encoding, found other bytes")
    link = ask_service(
        settings_of_command(), lambda service: service.connect_link(workspace, name or None)
    )
    if as_json:
        print_json(link)
        return
    out.print(link["url"])
    err.print(f"valid until {link['expires_at']}; open it in a browser, or send it to the customer")


def admin(*, as_json: JsonOption = False) -> None:
    """
    Print a link to the operator's page: all workspaces and connections. It works for 30 minutes.

    There you filter them, make connect links, refresh and disconnect. Whoever has the link can do
    so too: keep it to yourself.

    Example: zebbra admin
    """
    link = ask_service(settings_of_command(), lambda service: service.admin_link())
    if as_json:
        print_json(link)
        return
    out.print(link["url"])
    err.print(f"valid until {link['expires_at']}; open it in a browser, and do not pass it on")


def workspaces(*, as_json: JsonOption = False) -> None:
    """
    List the workspaces and what they have connected.

    Example: zebbra workspaces
    """
    settings = settings_of_command()
    known = ask_service(settings, lambda service: service.workspaces())
    connected = ask_service(settings, lambda service: service.connections()).connections
    rows: list[dict[str, Any]] = [
        {
            "workspace_id": item["workspace_id"],
            "workspace_name": item.get("workspace_name"),
            "connections": {
                each.integration: each.state.value
                for each in connected
                if each.workspace_id == item["workspace_id"]
            },
        }
        for item in known
    ]
    if as_json:
        print_json(rows)
        return
    print_table(
        ("workspace", "name", "connections"),
        [
            (
                row["workspace_id"],
                row["workspace_name"],
                ", ".join(f"{name}: {state}" for name, state in row["connections"].items())
                or "none",
            )
            for row in rows
        ],
        empty="no workspaces yet; make a connect link with: zebbra connect <workspace>",
    )


def connections(
    workspace: Annotated[str, typer.Argument(help="Only this workspace's; all by default.")] = "",
    *,
    as_json: JsonOption = False,
) -> None:
    """
    List connections: their state, organisation and last change.

    For one workspace, also what happened to each: when, with what outcome, the provider's trace
    id, and the fingerprint of the refresh token.

    Example: zebbra connections acme
    """
    settings = settings_of_command()
    if workspace:
        workspace = workspace_argument(workspace)
    found = connections_of(settings, [workspace] if workspace else [])
    histories = [_history(settings, item) for item in found] if workspace else []
    if as_json:
        rows = [item.model_dump(mode="json") for item in found]
        for row, history in zip(rows, histories, strict=False):
            row["history"] = history
        print_json(rows)
        return
    print_table(
        ("workspace", "integration", "state", "organisation", "connected", "changed"),
        [
            [
                item.workspace_id,
                item.integration,
                item.state.value,
                item.tenant_name,
                _to_the_second(item.connected_at),
                _to_the_second(item.changed_at),
            ]
            for item in found
        ],
        empty="no connections yet; make a connect link with: zebbra connect <workspace>",
    )
    for item in found:
        if item.reason:
            out.print(f"{item.workspace_id}, {item.integration}: {item.reason}")
    for item, history in zip(found, histories, strict=False):
        _print_history(item, history)


def _history(settings: Settings, connection: Connection) -> list[dict[str, Any]]:
    """Return what happened to a connection; empty if its integration is not installed."""
    if connection.slug not in load_registry().plugins:
        return []
    return ask_service(
        settings, lambda service: service.history(connection.workspace_id, connection.slug)
    )


def _print_history(connection: Connection, history: list[dict[str, Any]]) -> None:
    columns = ("outcome", "detail", "trace_id", "token_fingerprint")
    out.print()
    out.print(f"{connection.integration}: what happened, latest last")
    print_table(
        ("time", "outcome", "detail", "provider's trace id", "token fingerprint"),
        [
            [
                _to_the_second(datetime.fromisoformat(item["at"])),
                *(item[column] for column in columns),
            ]
            for item in history
        ],
        empty="nothing is remembered",
    )


def _is_unicode(text: str) -> bool:
    """Whether *text* can be sent; Python marks bytes that it cannot decode by lone surrogates."""
    return not any("\ud800" <= char <= "\udfff" for char in text)


def _to_the_second(time: datetime) -> str:
    """Shorten a time of the service, so that the trace id next to it is not folded."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def integrations(*, as_json: JsonOption = False) -> None:
    """
    List the installed integrations, and entry points that failed to load.

    Example: zebbra integrations
    """
    registry, settings = load_registry(), settings_of_command()
    rows = [
        {
            "name": plugin.name,
            "api_type": plugin.api_type,
            "package": registry.versions[plugin.slug],
            "state": "configured"
            if settings.integration(plugin.slug).client_id
            else f"not configured; set {plugin.slug.upper()}_CLIENT_ID and _CLIENT_SECRET",
            "sandbox": plugin.sandbox is not None,
        }
        for plugin in registry
    ]
    if as_json:
        failures = [
            {"entry_point": item.entry_point, "package": item.distribution, "reason": item.reason}
            for item in registry.failures
        ]
        print_json({"integrations": rows, "failures": failures})
    else:
        print_table(
            ("integration", "kind", "from", "state"),
            [(row["name"], row["api_type"], row["package"], row["state"]) for row in rows],
            empty="no integrations installed",
        )
        for item in registry.failures:
            err.print(f"failed to load: {item.entry_point} from {item.distribution}: {item.reason}")
    if registry.failures:
        raise typer.Exit(1)
