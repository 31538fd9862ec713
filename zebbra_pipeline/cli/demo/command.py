"""`zebbra demo`: connect two workspaces, materialize them through Dagster, show their models."""

import json
import os
import time
from collections.abc import Iterator
from datetime import date
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from integrations.contracts import add_months, month_start
from integrations.runtime.registry import load_registry
from integrations.runtime.settings import Settings, load_settings, read_environment
from integrations.runtime.token_service import OAuthService
from integrations.sandbox_kit.browser import Browser
from integrations.sandbox_kit.connecting import ConsentError, connect_integration
from zebbra_pipeline.cli.context import (
    UsageError,
    ask_service,
    out,
    own_home,
    settings_of_command,
    shown,
)
from zebbra_pipeline.cli.figures import merge_and_store, print_model
from zebbra_pipeline.cli.processes import ProcessError, children
from zebbra_pipeline.cli.refresh import connected_integrations, refresh_connected
from zebbra_pipeline.cli.sandboxes import really_configured
from zebbra_pipeline.cli.serving import start_services
from zebbra_pipeline.ingest.fetch import day_of_fetch
from zebbra_pipeline.merge.starter import starter_model

_ROWS: dict[str, dict[str, tuple[str, ...]]] = {
    "acme": {
        "Revenues": ("Income / Sales", "Sales, Net (UK)", "Café", "Refunds & Discounts"),
        "Cost of goods sold": ("Total Cost of Sales",),
        "Operational costs": ("Rent [HQ]", "Repairs & Maintenance", "Advertising", "Insurance"),
        "Other costs": ("Less Operating Expenses / Interest",),
    },
    "globex": {
        "Revenues": ("Total Income",),
        "Cost of goods sold": ("Total Cost of Sales",),
        # The third is misspelt, so that the demo shows how a row says why it stays empty.
        "Operational costs": ("Rent [HQ]", "Advertising", "Repairs and Maintenance"),
    },
}


def write_demo_models(folder: Path, starting_month: date) -> Iterator[Path]:
    """Write each workspace's `plan.json` where there is none yet; yield those written."""
    for workspace, rows in _ROWS.items():
        path = folder / workspace / "plan.json"
        if path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        document = starter_model(
            f"{workspace.capitalize()} plan", starting_month=starting_month, rows=rows
        )
        path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
        yield path


DEMO_WORKSPACES = {
    "acme": ("Acme Trading Inc", {"xero": "Acme Trading Inc", "gusto": "Acme Trading Inc"}),
    "globex": ("Globex GmbH", {"xero": "Globex GmbH"}),
}
"""By workspace id: its name, and the organisation to choose at each integration."""
_MODEL_MONTHS = 12
_SHOWN_MONTHS = 6


def demo(
    *,
    keep_home: Annotated[
        bool,
        typer.Option(
            "--here/--apart",
            help="Use ZEBBRA_HOME even if you have configured an app of your own.",
        ),
    ] = False,
) -> None:
    """
    Run the main job on invented books: connect, fetch, land, merge, for two workspaces.

    Example: zebbra demo
    """
    started = time.monotonic()
    settings = _settings(keep_home=keep_home)
    out.print(f"everything goes to {shown(settings.home)}")
    out.print()
    with children(own_home(settings) / "logs") as group:
        _title("1", "start the sandbox providers and the OAuth service")
        environ, oauth_url = start_services(group, sandbox_wanted=True)
        os.environ.update(environ)
        settings = load_settings()
        _title("2", "connect the workspaces, as their owners would in a browser")
        _connect(settings, oauth_url)
        _title("3", "fetch, land and merge their figures, through Dagster")
        today = day_of_fetch()
        for path in write_demo_models(settings.models, _start(today)):
            out.print(f"  wrote the model {shown(path)}")
        result = refresh_connected(
            connected_integrations(settings, list(DEMO_WORKSPACES)), settings
        )
        if result.failures:
            raise UsageError("the demo's refresh failed; the reasons are above")
        _title("4", "the merged models")
        for workspace in DEMO_WORKSPACES:
            for model in merge_and_store(settings, workspace):
                out.print()
                print_model(model, months=_SHOWN_MONTHS)
    out.print()
    out.print(f"done in {time.monotonic() - started:.1f} s; nothing is left running.")
    _what_next(settings)


def _settings(*, keep_home: bool) -> Settings:
    """Keep invented books apart from real ones."""
    settings = settings_of_command()
    configured = really_configured(load_registry(), read_environment())
    if configured and not keep_home:
        apart = settings.home.with_name(settings.home.name + "-demo")
        out.print(
            f"{' and '.join(configured)} of your own is configured, so the demo's invented books "
            f"stay apart in {shown(apart)}"
        )
        os.environ["ZEBBRA_HOME"] = str(apart)
        for name in ("WAREHOUSE", "PUBLISHED", "MODELS", "OAUTH_DATABASE"):
            os.environ.pop(f"ZEBBRA_{name}", None)
        settings = load_settings()
    return settings


def _title(number: str, text: str) -> None:
    out.print(f"{number}. {text}", bold=True)


def _connect(settings: Settings, oauth_url: str) -> None:
    for workspace, (name, tenants) in DEMO_WORKSPACES.items():
        link = ask_service(settings, partial(_link, workspace=workspace, name=name))
        browser = Browser()
        browser.get(link["url"], follow=True)
        for slug, tenant in tenants.items():
            try:
                connect_integration(browser, oauth_url, workspace, slug, tenant)
            except ConsentError as exc:
                raise ProcessError(str(exc)) from exc
            out.print(f"  {workspace} has connected {slug}: {tenant}")


async def _link(service: OAuthService, *, workspace: str, name: str) -> dict[str, str]:
    return await service.connect_link(workspace, name)


def _start(today: date) -> date:
    return month_start(add_months(today, 1 - _MODEL_MONTHS))


def _what_next(settings: Settings) -> None:
    published: Path = settings.published
    for line in (
        "",
        "What to try next",
        "  make dev                                the same services, with Dagster's UI and the runs above",
        "  .venv/bin/zebbra connect acme           a link to the connect page (while make dev runs)",
        "  .venv/bin/zebbra endpoints acme         what a model can refer to",
        f"  duckdb -readonly {shown(published)}   the figures, for SQL and BI",
        f"  {shown(settings.models)}/acme/plan.json   the model document that was merged",
    ):
        out.print(line)
