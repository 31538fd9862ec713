"""`zebbra endpoints`, `merge`, `publish`: what has landed, merged and shown."""

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from integrations.contracts import NotConnectedError
from integrations.runtime.http import HttpSession
from integrations.runtime.settings import Settings
from integrations.runtime.token_service import OAuthService
from zebbra_pipeline.cli.context import (
    JsonOption,
    UsageError,
    ask_service,
    err,
    open_warehouse,
    out,
    print_json,
    print_table,
    settings_of_command,
    shown,
    workspace_argument,
)
from zebbra_pipeline.cli.output import Column
from zebbra_pipeline.figures import MergedModel
from zebbra_pipeline.ingest.fetch import day_of_fetch
from zebbra_pipeline.outcomes import Merged

_NAME_WIDTH, _STATUS_WIDTH, _MONTH_WIDTH = 34, 20, 13


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
    from zebbra_pipeline.ingest.fetch import open_adapter

    today = day_of_fetch()
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
            err.print(f"wrote {shown(path)}")
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
    from zebbra_pipeline.merge.workspaces import merge_workspaces

    if not model_paths(settings.models, workspace):
        raise UsageError(
            f"{workspace}: no model documents; put them at {shown(settings.models / workspace)}"
            "/<model_id>.json"
        )
    (outcome,) = merge_workspaces(
        [workspace],
        models=settings.models,
        warehouse=open_warehouse(settings),
        today=day_of_fetch(),
    )
    if not isinstance(outcome, Merged):
        raise UsageError(outcome.reason)
    return list(outcome.models)


def print_model(model: MergedModel, *, months: int) -> None:
    """Print rows by months of a merged model, with each row's status and notes."""
    from zebbra_pipeline.merge.show import table_of

    fitting = (out.width - _NAME_WIDTH - _STATUS_WIDTH) // _MONTH_WIDTH
    headers, rows = table_of(model, months=max(1, min(months, fitting)))
    columns = [
        Column(headers[0], fold=False, most=_NAME_WIDTH),
        Column(headers[1], fold=False),
        *(Column(header, fold=False, right=True) for header in headers[2:]),
    ]
    out.table(columns, rows, title=model.name)
    if any("*" in cell for row in rows for cell in row[2:]):
        out.print("  * the month has not ended: provisional")
    for item in model.rows:
        if item.note:
            out.print(f"  {item.row_name}: {item.note}")
    people = model.document["payroll"]["employees"]
    if merged := sum(bool(person.get("from_integration")) for person in people):
        out.print(f"  payroll: {merged} job spells merged before the model's own employees")
    for note in model.notes:
        out.print(f"  {note}")


def publish(
    *,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Replace the copy even if the warehouse is missing, cannot be read in full or "
            "has lost figures that the copy has.",
        ),
    ] = False,
) -> None:
    """
    Rebuild the read-only copy of the warehouse that people and BI tools open.

    The copy is checked before it takes the place of the one before: a warehouse that is missing,
    damaged or has lost figures is an error, and the copy stays. The last three copies are kept
    beside it, with .1, .2 and .3 after their names.

    Example: zebbra publish
    """
    settings = settings_of_command()
    open_warehouse(settings).publish(force=force)
    out.print(f"published {shown(settings.published)}")
