"""The whole product on loopback: sandbox providers, OAuth service, warehouse, Dagster's home."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from integrations.runtime.registry import load_registry
from integrations.runtime.settings import Settings, load_settings
from integrations.sandbox_kit import BuildSandbox, SandboxControl, sandbox_app, serve_in_thread
from integrations.sandbox_kit.books import COMPANIES, Books
from integrations.sandbox_kit.browser import Browser
from integrations.sandbox_kit.connecting import connect_integration, disconnect_integration
from oauth_service import create_app
from oauth_service.grants.lease import RefreshPolicy
from oauth_service.web.limits import RequestLimits
from zebbra_pipeline.cli.context import ask_service
from zebbra_pipeline.cli.sandboxes import sandbox_environment
from zebbra_pipeline.orchestration.refresh import RefreshResult, refresh

SERVICE_KEY = "service-key-of-the-stack-on-loopback"


class Stack:
    """
    Running services, and what a test does with them.

    Attributes:
        today: The sandbox's day; refreshes run as of it.
        environ: Settings that point at all of it.
    """

    def __init__(self, home: Path, sandbox_url: str, today: date) -> None:
        self.home = home
        self.today = today
        self.sandbox_url = sandbox_url
        self.oauth_url = ""
        self.environ = sandbox_environment(load_registry(), sandbox_url) | {
            "ZEBBRA_HOME": str(home),
            "ZEBBRA_SERVICE_KEY": SERVICE_KEY,
        }

    def control(self, slug: str = "xero") -> SandboxControl:
        return SandboxControl(f"{self.sandbox_url}/{slug}")

    @property
    def settings(self) -> Settings:
        return load_settings()

    def connect(self, workspace: str, **tenants: str) -> None:
        """Connect integrations as a person in a browser: `connect("acme", xero="Globex GmbH")`."""
        link = ask_service(self.settings, lambda service: service.connect_link(workspace))
        browser = Browser()
        browser.get(link["url"], follow=True)
        for slug, tenant in tenants.items():
            connect_integration(browser, self.oauth_url, workspace, slug, tenant)

    def disconnect(self, workspace: str, slug: str) -> None:
        """Press Disconnect on the connect page."""
        link = ask_service(self.settings, lambda service: service.connect_link(workspace))
        browser = Browser()
        browser.get(link["url"], follow=True)
        disconnect_integration(browser, self.oauth_url, slug).raise_for_status()

    def refresh(self, *, full: bool = False, **connected: str) -> RefreshResult:
        """Refresh workspaces: `refresh(acme="xero gusto")`."""
        return refresh(
            {workspace: frozenset(slugs.split()) for workspace, slugs in connected.items()},
            self.settings,
            full=full,
            as_of=self.today.isoformat(),
            tell=lambda _line: None,
        )

    def query(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Ask the published copy."""
        with duckdb.connect(str(self.settings.published), read_only=True) as connection:
            return connection.execute(sql, parameters).fetchall()

    def zebbra(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run the command as a person would, from its own process."""
        return subprocess.run(
            [sys.executable, "-m", "zebbra_pipeline", *arguments],
            env=os.environ | {"COLUMNS": "200", "PYTHONDONTWRITEBYTECODE": ""} | environ,
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


def books_of(tenant_name: str, today: date) -> Books:
    """Return the books of a sandbox company by (a part of) its name."""
    (company,) = [item for item in COMPANIES if tenant_name in item.name]
    return Books(company, today=today)


@contextmanager
def running_stack(
    home: Path,
    *,
    today: date,
    history_months: int = 24,
    settings: Mapping[str, str] | None = None,
    sandboxes: Mapping[str, BuildSandbox] | None = None,
) -> Iterator[Stack]:
    """
    Start the sandbox and the OAuth service in threads, and point the settings at them.

    *sandboxes* stand in for the plugins' own, by slug.
    """
    with ExitStack() as exits:
        builders = {plugin.slug: plugin.load_sandbox() for plugin in load_registry()}
        builders.update(sandboxes or {})
        sandbox_url = exits.enter_context(serve_in_thread(sandbox_app(builders, today=today)))
        stack = Stack(home, sandbox_url, today)
        patch = exits.enter_context(pytest.MonkeyPatch.context())
        for name, value in (
            stack.environ | {"ZEBBRA_HISTORY_MONTHS": str(history_months)} | dict(settings or {})
        ).items():
            patch.setenv(name, value)
        port = _free_port()
        stack.oauth_url = f"http://localhost:{port}"
        patch.setenv("ZEBBRA_OAUTH_URL", stack.oauth_url)
        policy = RefreshPolicy(backoff_s=0.01)
        limits = RequestLimits(burst=100_000)  # all of a test's people share one address
        app = create_app(load_settings(), load_registry(), policy=policy, limits=limits)
        exits.enter_context(serve_in_thread(app, port=port))
        yield stack


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def money(value: Decimal | None) -> Decimal | None:
    """Return a warehouse amount with two decimals, exactly."""
    return None if value is None else value.quantize(Decimal("0.01"))
