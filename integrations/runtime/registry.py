"""Finds the installed plugins through the entry-point group `zebbra.integrations`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from integrations.contracts import IntegrationPlugin

GROUP = "zebbra.integrations"


@dataclass(frozen=True, slots=True)
class PluginFailure:
    """
    An entry point that gave no usable plugin; the others work all the same.

    Attributes:
        entry_point: Its name and value, e.g. `xero = integrations.xero:PLUGIN`.
        distribution: Package that brought it.
        reason: What went wrong, in one line.
    """

    entry_point: str
    distribution: str
    reason: str


@dataclass(frozen=True)
class Registry:
    """
    The plugins that were found.

    Attributes:
        plugins: By slug, in alphabetical order.
        versions: Package and version that brought each plugin, by slug.
        failures: Entry points that could not be loaded.
    """

    plugins: Mapping[str, IntegrationPlugin]
    versions: Mapping[str, str]
    failures: tuple[PluginFailure, ...] = ()

    def __iter__(self) -> Iterator[IntegrationPlugin]:
        return iter(self.plugins.values())

    def get(self, name: str) -> IntegrationPlugin:
        """
        Return the plugin of that name or slug.

        Raises:
            LookupError: If there is none, listing those installed.
        """
        plugin = self.plugins.get(name.lower())
        if plugin is None:
            installed = ", ".join(item.name for item in self) or "none"
            raise LookupError(f"no integration called {name!r}; installed: {installed}")
        return plugin


@cache
def load_registry() -> Registry:
    """Return all installed plugins; one that fails to load is reported, not raised."""
    return registry_of(sorted(entry_points(group=GROUP), key=lambda entry: entry.name))


def setup_integrations() -> Registry:
    """
    Return all installed plugins: `load_registry` by the name that it had in the predecessor.

    There it was a function that each new integration was added to. Here installing a package
    is enough, and nothing has to call this first.
    """
    return load_registry()


def registry_of(entries: list[EntryPoint]) -> Registry:
    """Return the plugins behind *entries*."""
    plugins: dict[str, IntegrationPlugin] = {}
    versions: dict[str, str] = {}
    failures: list[PluginFailure] = []
    for entry in entries:
        package = f"{entry.dist.name} {entry.dist.version}" if entry.dist else "unknown package"
        try:
            plugin = _load(entry, plugins)
        except Exception as exc:  # noqa: BLE001 -- whatever a foreign module raises when imported
            reason = " ".join(f"{type(exc).__name__}: {exc}".split())
            failures.append(PluginFailure(f"{entry.name} = {entry.value}", package, reason))
            continue
        plugins[plugin.slug] = plugin
        versions[plugin.slug] = package
    return Registry(dict(sorted(plugins.items())), versions, tuple(failures))


def _load(entry: EntryPoint, known: Mapping[str, IntegrationPlugin]) -> IntegrationPlugin:
    plugin = entry.load()
    if not isinstance(plugin, IntegrationPlugin):
        raise TypeError(f"expected an IntegrationPlugin, found {type(plugin).__name__}")
    if plugin.slug in known:
        raise ValueError(f"an integration called {plugin.name} is already installed")
    return plugin
