"""Makes a plugin that is not installed visible to a process of its own, as if it were."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from integrations.contracts import IntegrationPlugin
from integrations.runtime.registry import GROUP, load_registry
from integrations.testing.expectations import BenchError

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
