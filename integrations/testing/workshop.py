"""`open_workshop`: starts what plugins on the bench need, and ends it."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from integrations.contracts import IntegrationPlugin
from integrations.sandbox_kit import Addresses, SandboxControl, sandbox_app, serve_in_thread
from integrations.testing.bench import TODAY, Bench
from integrations.testing.environment import CLIENT_ID, CLIENT_SECRET, without_ours
from integrations.testing.expectations import BenchError
from integrations.testing.service import ServiceApi, ServiceProcess
from integrations.testing.visibility import python_path


@dataclass(frozen=True)
class Workshop:
    """A running sandbox and a running OAuth service, for one plugin or several."""

    benches: Mapping[str, Bench]

    def bench(self, plugin: IntegrationPlugin) -> Bench:
        """Return the bench of one of the plugins."""
        return self.benches[plugin.slug]


@contextmanager
def open_workshop(plugins: Sequence[IntegrationPlugin], home: Path) -> Iterator[Workshop]:
    """
    Serve the sandboxes of *plugins* and an OAuth service that offers them.

    Args:
        plugins: Installed ones, or such as a module of their own package holds.
        home: Empty folder for the service's store and log.

    Raises:
        BenchError: If a plugin or its sandbox cannot be loaded.
    """
    try:
        builders = {plugin.slug: plugin.load_sandbox() for plugin in plugins}
        app = sandbox_app(builders, today=TODAY)
    except Exception as exc:
        raise BenchError(f"a sandbox cannot be built: {type(exc).__name__}: {exc}") from exc
    with serve_in_thread(app) as sandbox_url:
        addresses = {plugin.slug: Addresses.of(plugin, sandbox_url) for plugin in plugins}
        environ = without_ours(os.environ, plugins)
        environ["PYTHONPATH"] = python_path(plugins, home / "metadata")
        for plugin in plugins:
            environ |= addresses[plugin.slug].settings(CLIENT_ID, CLIENT_SECRET)
        service = ServiceProcess(home, environ)
        service.start()
        api = ServiceApi(service.url)
        try:
            _check_loaded(plugins, api, service)
            yield Workshop(
                {
                    plugin.slug: Bench(
                        plugin=plugin,
                        today=TODAY,
                        control=SandboxControl(addresses[plugin.slug].root),
                        service=service,
                        api=api,
                        addresses=addresses[plugin.slug],
                    )
                    for plugin in plugins
                }
            )
        finally:
            service.stop()


def _check_loaded(
    plugins: Sequence[IntegrationPlugin], api: ServiceApi, service: ServiceProcess
) -> None:
    api.connect_link("bench")
    loaded = api.integrations("bench")
    missing = [plugin.name for plugin in plugins if plugin.name not in loaded]
    if missing:
        said = [
            line
            for line in service.log.read_text(errors="replace").splitlines()
            if "not loaded" in line
        ]
        raise BenchError(
            f"{missing[0]}: the OAuth service has not loaded this plugin; it must be importable "
            f"by name in a process of its own. {' '.join(said)}"
        )
