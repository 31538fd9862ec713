"""`zebbra serve`, `sandbox`, `dev`: long-running services, ended by Ctrl-C."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from integrations.runtime.registry import load_registry
from integrations.runtime.settings import Settings, read_environment, running_services_file
from zebbra_pipeline.cli.context import (
    UsageError,
    day_option,
    out,
    own_home,
    settings_of_command,
)
from zebbra_pipeline.cli.dead_runs import end_dead_runs_of
from zebbra_pipeline.cli.processes import Children, children, free_port
from zebbra_pipeline.cli.sandboxes import (
    SANDBOX_CLIENT_ID,
    really_configured,
    sandbox_environment,
)

SANDBOX_PORT = 8766
DAGSTER_PORT = 3000
_DEFINITIONS = "zebbra_pipeline.definitions"


def serve() -> None:
    """
    Run the OAuth service where ZEBBRA_OAUTH_URL says (http://localhost:8765 by default).

    Example: ZEBBRA_OAUTH_URL=http://localhost:9000 zebbra serve
    """
    settings_of_command()
    os.execv(sys.executable, [sys.executable, "-m", "oauth_service"])  # noqa: S606 -- our own module


def sandbox(
    port: Annotated[int, typer.Option(help="Port to listen on.")] = SANDBOX_PORT,
    today: Annotated[str, typer.Option(help="Keep the books as of this day (YYYY-MM-DD).")] = "",
) -> None:
    """
    Run the sandbox providers: emulators of Xero, Gusto and others, with invented books.

    Example: zebbra sandbox --port 8766
    """
    import uvicorn

    from integrations.sandbox_kit import sandbox_app

    day = date.fromisoformat(day_option(today)) if today else None
    state = own_home(settings_of_command()) / "sandbox"
    builders = {plugin.slug: plugin.load_sandbox() for plugin in load_registry() if plugin.sandbox}
    app = sandbox_app(builders, today=day, state_dir=state)
    out.print(f"sandbox providers at http://localhost:{port}/ (invented data)")
    for name, value in sandbox_environment(load_registry(), f"http://localhost:{port}").items():
        out.print(f"  {name}={value}")
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


def dev() -> None:
    """
    Run everything on this machine: OAuth service, sandbox providers, Dagster UI.

    The sandbox stands in only while none of your own apps is configured. Ctrl-C ends all of it.

    Example: zebbra dev
    """
    settings = settings_of_command()
    with children(own_home(settings) / "logs") as group:
        environ, oauth_url = start_services(group, sandbox_wanted=None)
        with _told_to_other_terminals(settings.home, environ):
            ended = _run_until_interrupted(group, settings, environ, oauth_url)
    if ended:
        raise UsageError(f"{ended} has ended by itself; see {settings.home / 'logs' / ended}.log")


def _run_until_interrupted(
    group: Children, settings: Settings, environ: dict[str, str], oauth_url: str
) -> str:
    """Start Dagster and wait; return the name of a service that ended by itself, or nothing."""
    from zebbra_pipeline.orchestration.dagster_home import prepare

    port = free_port(DAGSTER_PORT, tell=out.print, what="the Dagster UI")
    environ["DAGSTER_HOME"] = str(prepare(settings.dagster_home))
    end_dead_runs_of(settings.dagster_home)
    command = ["-m", "dagster", "dev", *_code_location(), "-p", str(port)]
    group.start("dagster", command, environ)
    group.wait_until_up("dagster", f"http://127.0.0.1:{port}/server_info")
    out.print()
    out.print(f"Dagster UI      http://localhost:{port}")
    out.print(f"OAuth service   {oauth_url}")
    out.print("Connect page    run in another terminal: zebbra connect acme")
    out.print(f"Logs            {settings.home / 'logs'}")
    out.print()
    out.print("Ctrl-C ends all of it.")
    try:
        return group.wait()
    except KeyboardInterrupt:
        out.print()
        out.print("stopping")
        return ""


def start_services(group: Children, *, sandbox_wanted: bool | None) -> tuple[dict[str, str], str]:
    """
    Start the OAuth service, and the sandbox if it is wanted.

    Args:
        group: Children that the services are added to.
        sandbox_wanted: None: only while no app of the operator's own is configured.

    Returns:
        The environment that points at them, and the OAuth service's URL.
    """
    registry = load_registry()
    environ = read_environment()
    url = urlsplit(settings_of_command().oauth_url)
    if url.hostname not in {"localhost", "127.0.0.1"} or url.scheme != "http":
        raise UsageError(
            f"ZEBBRA_OAUTH_URL is {url.geturl()}; this command starts a service on http://localhost"
        )
    if sandbox_wanted is None:
        sandbox_wanted = not really_configured(registry, environ)
    sandbox_port = free_port(SANDBOX_PORT, tell=out.print, what="the sandbox")
    sandbox_url = f"http://localhost:{sandbox_port}"
    if sandbox_wanted:
        environ |= sandbox_environment([item for item in registry if item.sandbox], sandbox_url)
        command = ["-m", "zebbra_pipeline", "sandbox", "--port", str(sandbox_port)]
        group.start("sandbox", command, environ)
    port = free_port(url.port or 80, tell=out.print, what="the OAuth service", but={sandbox_port})
    oauth_url = f"http://{url.hostname}:{port}"
    environ["ZEBBRA_OAUTH_URL"] = oauth_url
    group.start("oauth", ["-m", "oauth_service"], environ)
    if sandbox_wanted:
        group.wait_until_up("sandbox", f"{sandbox_url}/healthz")
        out.print(f"  sandbox providers up at {sandbox_url}/ (invented data)")
    group.wait_until_up("oauth", f"{oauth_url}/healthz")
    out.print(f"  OAuth service up at {oauth_url}/")
    return environ, oauth_url


@contextmanager
def _told_to_other_terminals(home: Path, environ: Mapping[str, str]) -> Iterator[None]:
    """Keep the addresses of the running services where every command looks."""
    names = {
        name
        for name, value in environ.items()
        if value == SANDBOX_CLIENT_ID and name.endswith("_CLIENT_ID")
    }
    prefixes = ("ZEBBRA_OAUTH_URL", *(name.removesuffix("CLIENT_ID") for name in sorted(names)))
    path = running_services_file(home)
    path.touch(mode=0o600)
    path.write_text(
        "".join(
            f"{name}={value}\n"
            for name, value in sorted(environ.items())
            if name.startswith(prefixes)
        )
    )
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _code_location() -> list[str]:
    """Return the options that load our definitions, by the `workspace.yaml` here if there is one."""
    return ["-w", "workspace.yaml"] if Path("workspace.yaml").exists() else ["-m", _DEFINITIONS]
