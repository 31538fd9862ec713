"""Starts the sandboxes and the OAuth service that plugins under test need, with their settings."""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from integrations.contracts import IntegrationPlugin, IntegrationSettings, OAuthApp
from integrations.runtime.registry import GROUP, load_registry
from integrations.sandbox_kit import Addresses, SandboxControl, sandbox_app, serve_in_thread
from integrations.testing.expectations import HarnessError
from integrations.testing.harness import TODAY, Harness
from integrations.testing.service import ServiceApi, ServiceProcess

CLIENT_ID = "conformance-client"
CLIENT_SECRET = "conformance-client-secret-5e8d"  # noqa: S105 -- the sandbox takes any
_PACKAGE = "plugins-under-test"


def app_of(plugin: IntegrationPlugin, addresses: Addresses) -> OAuthApp:
    """Return the operator's app at *addresses*."""
    settings = IntegrationSettings(
        client_id=CLIENT_ID,
        client_secret=SecretStr(CLIENT_SECRET),
        authorize_url=addresses.authorize_url,
        token_url=addresses.token_url,
        revoke_url=addresses.revoke_url,
        api_base_url=addresses.api_base_url,
    )
    return plugin.oauth.register_oauth_app(plugin.slug, settings, api_base_url=plugin.api.base_url)


def without_ours(
    environ: Mapping[str, str], plugins: Iterable[IntegrationPlugin]
) -> dict[str, str]:
    """Return *environ* without settings of this product, which are the operator's real ones."""
    prefixes = ("ZEBBRA_", *(f"{plugin.slug.upper()}_" for plugin in plugins))
    return {name: value for name, value in environ.items() if not name.startswith(prefixes)}


def import_path(plugin: IntegrationPlugin) -> str:
    """
    Return `module:attribute` by which another process can import *plugin*.

    Raises:
        HarnessError: If no module of the plugin's own package holds it.
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
        raise HarnessError(
            f"{plugin.name}: expected a module of the package {package!r} to hold the plugin, "
            "found none; assign it at module level, such as PLUGIN = IntegrationPlugin(...)"
        )
    return min(found, key=lambda path: (not path.endswith(":PLUGIN"), len(path), path))


def python_path(plugins: Iterable[IntegrationPlugin], folder: Path) -> str:
    """
    Return a `PYTHONPATH` on which a new process finds all of *plugins*.

    Plugins that are not installed are registered by package metadata written to *folder*.

    Raises:
        HarnessError: If another plugin of the same name is installed, or one cannot be imported
            by name.
    """
    installed = load_registry().plugins
    announced = []
    for plugin in plugins:
        known = installed.get(plugin.slug)
        if known is plugin:
            continue
        if known is not None:
            raise HarnessError(
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
class Environment:
    """A running sandbox and a running OAuth service, for one plugin or several."""

    harnesses: Mapping[str, Harness]

    def harness(self, plugin: IntegrationPlugin) -> Harness:
        """Return the harness of one of the plugins."""
        return self.harnesses[plugin.slug]


@contextmanager
def running_environment(plugins: Sequence[IntegrationPlugin], home: Path) -> Iterator[Environment]:
    """
    Serve the sandboxes of *plugins* and an OAuth service that offers them.

    Args:
        plugins: Installed plugins, or plugins that a module of their own package defines.
        home: Empty folder for the service's store and log.

    Raises:
        HarnessError: If a plugin or its sandbox cannot be loaded.
    """
    try:
        builders = {plugin.slug: plugin.load_sandbox() for plugin in plugins}
        app = sandbox_app(builders, today=TODAY)
    except Exception as exc:
        raise HarnessError(f"a sandbox cannot be built: {type(exc).__name__}: {exc}") from exc
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
            yield Environment(
                {
                    plugin.slug: Harness(
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
    api.connect_link("harness")
    loaded = api.integrations("harness")
    missing = [plugin.name for plugin in plugins if plugin.name not in loaded]
    if missing:
        said = [
            line
            for line in service.log.read_text(errors="replace").splitlines()
            if "not loaded" in line
        ]
        raise HarnessError(
            f"{missing[0]}: the OAuth service has not loaded this plugin; it must be importable "
            f"by name in a process of its own. {' '.join(said)}"
        )
