"""The product as `zebbra dev` runs it, with twenty-one customers at sandbox providers."""

import os
import re
import time
from collections.abc import Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from integrations.gusto import PLUGIN as GUSTO
from integrations.runtime.settings import load_settings
from integrations.runtime.token_service import OAuthService
from integrations.sandbox_kit import SandboxControl, sandbox_app, serve_in_thread
from integrations.sandbox_kit.books import Company, make_company
from integrations.sandbox_kit.browser import Browser
from integrations.sandbox_kit.connecting import connect_integration
from integrations.xero import PLUGIN as XERO
from integrations.xero.sandbox import build_sandbox
from zebbra_pipeline.cli.context import ask_service
from zebbra_pipeline.cli.processes import Children, children
from zebbra_pipeline.cli.sandboxes import sandbox_environment

ROOT = Path(__file__).parents[2]
_CUSTOMERS = (
    *("acme", "alder", "beacon", "birch", "cedar", "copper", "dune", "ember", "fjord", "garnet"),
    *("harbour", "indigo", "juniper", "kestrel", "lumen", "maple", "nimbus", "orchard", "pebble"),
    *("quartz", "rowan"),
)
CUSTOMERS: dict[str, Company] = {
    name: make_company(f"{name.title()} Ltd (sandbox)", scale=60 + 9 * place)
    for place, name in enumerate(_CUSTOMERS)
}
"""Whose books each workspace connects."""

FIRST = "acme"
"""Materialized alone; it has connected payroll too."""
WITHDRAWN, DELETED = "copper", "maple"
"""Of the twenty others: its grant is withdrawn; its organisation is gone."""

_CLIENT_ID = "screenshots"  # a name of its own: beside an app of one's own, no sandbox is started
_START_S = 180.0


@dataclass(frozen=True)
class World:
    """
    What runs.

    Attributes:
        ui_url: Dagster's UI.
        xero: Steers Xero's sandbox.
    """

    ui_url: str
    xero: SandboxControl
    _environ: dict[str, str]

    def connect_everybody(self) -> None:
        """Connect every workspace to its organisation as a person does, on the connect page."""
        settings = load_settings(self._environ)
        for name, company in CUSTOMERS.items():
            link = ask_service(settings, partial(_connect_link, name))
            browser = Browser()
            browser.get(link["url"], follow=True)
            connect_integration(browser, settings.oauth_url, name, XERO.slug, company.name)
            if name == FIRST:
                connect_integration(browser, settings.oauth_url, name, GUSTO.slug, "Acme")

    def let_two_fail(self) -> None:
        """Withdraw a customer's grant and delete another's organisation at the provider."""
        self.xero.revoke_grants(CUSTOMERS[WITHDRAWN].id)
        self.xero.vanish_tenant(CUSTOMERS[DELETED].id)


def _connect_link(name: str, service: OAuthService) -> Coroutine[Any, Any, dict[str, str]]:
    return service.connect_link(name)


@contextmanager
def running(home: Path) -> Iterator[World]:
    """Run `zebbra dev` on *home*, which is to be empty, and sandboxes with the customers' books."""
    builders = {
        XERO.slug: lambda context: build_sandbox(context, companies=list(CUSTOMERS.values())),
        GUSTO.slug: GUSTO.load_sandbox(),
    }
    with ExitStack() as exits:
        sandbox = exits.enter_context(serve_in_thread(sandbox_app(builders)))
        environ = {k: v for k, v in os.environ.items() if not k.startswith(("ZEBBRA_", "DAGSTER_"))}
        environ |= dict(_point_at(sandbox))
        environ |= {"ZEBBRA_HOME": str(home), "COLUMNS": "200", "PYTHONPATH": str(ROOT)}
        group = exits.enter_context(children(home / "logs"))
        group.start("dev", ["-u", "-m", "zebbra_pipeline", "dev"], environ)
        said = _said_when_up(home / "logs" / "dev.log", group)
        environ["ZEBBRA_OAUTH_URL"] = _address(said, "OAuth service")
        yield World(_address(said, "Dagster UI"), SandboxControl(f"{sandbox}/{XERO.slug}"), environ)


def _point_at(sandbox: str) -> Iterator[tuple[str, str]]:
    for name, value in sandbox_environment([XERO, GUSTO], sandbox).items():
        yield name, _CLIENT_ID if name.endswith("_CLIENT_ID") else value


def _said_when_up(log: Path, group: Children) -> str:
    """Return what `zebbra dev` has printed once everything runs."""
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and not group.ended():
        said = log.read_text() if log.exists() else ""
        if "Ctrl-C" in said:
            return said
        time.sleep(0.2)
    raise RuntimeError(f"zebbra dev does not start: {log.read_text() if log.exists() else log}")


def _address(said: str, what: str) -> str:
    found = re.search(rf"^{what}\s+(http\S+)$", said, re.MULTILINE)
    return found[1] if found else ""
