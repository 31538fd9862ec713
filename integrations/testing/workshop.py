"""`open_workshop`: starts what plugins on the bench need, and ends it."""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from integrations.contracts import IntegrationPlugin
from integrations.runtime.registry import GROUP, load_registry
from integrations.sandbox_kit import Addresses, SandboxControl, sandbox_app, serve_in_thread
from integrations.testing.bench import TODAY, Bench
from integrations.testing.environment import CLIENT_ID, CLIENT_SECRET, without_ours
from integrations.testing.expectations import BenchError
from integrations.testing.service import ServiceApi, ServiceProcess

_PACKAGE = "plugins-on-the-test-bench"


def import_path(plugin: IntegrationPlugin) -> str:
    """
    Return `module:attribute` by which another process can import *plugin*.

    Raises:
        BenchError: If no module of the plugin's own package holds it.
    """
    package = plugin.adapter.__module__.partition(".")[0]
    found = [
        f"{name}:{attribute}"
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] == package
        for attribute, value in list(vars(module).items())
        if value is plugin
    ]
    if not found:
        raise BenchError(
            f"{plugin.name}: expected a module of the package {package!r} to hold the plugin, "
            "found none; assign it at module level, such as PLUGIN = IntegrationPlugin(...)"
        )
    return min(found, key=lambda path: (not path.endswith(":PLUGIN"), len(path), path))


def python_path(plugins: Iterable[IntegrationPlugin], folder: Path) -> str:
    """
    Return a `PYTHONPATH` on which a new process finds all of *plugins*.

    Those that are not installed are announced by the metadata of a package written to
    *folder*.

    Raises:
        BenchError: If another plugin of the same name is installed, or one cannot be imported
            by name.
    """
    installed = load_registry().plugins
    announced = []
    for plugin in plugins:
        known = installed.get(plugin.slug)
        if known is plugin:
            continue
        if known is not None:
            raise BenchError(
                f"{plugin.name}: another plugin of this name is installed; uninstall it, or "
                "test that one"
            )
        announced.append(f"{plugin.slug} = {import_path(plugin)}")
    if announced:
        metadata = folder / f"{_PACKAGE.replace('-', '_')}-0.dist-info"
        metadata.mkdir(parents=True, exist_ok=True)
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {_PACKAGE}\nVersion: 0\n")
        entries = "\n".join(announced)
        (metadata / "entry_points.txt").write_text(f"[{GROUP}]\n{entries}\n")
    return os.pathsep.join([str(folder), *filter(None, sys.path)])


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
