import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from support.conformance_toys import PLUGIN

from integrations.gusto import PLUGIN as INSTALLED
from integrations.testing.environment import import_path, python_path
from integrations.testing.expectations import HarnessError

_LIST = "from integrations.runtime.registry import load_registry as f; print(*f().plugins)"


def plugins_seen_with(path: str) -> list[str]:
    finished = subprocess.run(
        [sys.executable, "-c", _LIST],
        env={"PYTHONPATH": path, "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return finished.stdout.split()


def test_plugin_that_is_not_installed_is_found_by_a_new_process(tmp_path: Path) -> None:
    seen = plugins_seen_with(python_path([PLUGIN], tmp_path))

    assert "pocketbooks" in seen
    assert "gusto" in seen


def test_installed_plugin_needs_no_announcement(tmp_path: Path) -> None:
    python_path([INSTALLED], tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_plugin_is_named_by_the_module_of_its_own_package() -> None:
    assert import_path(PLUGIN) == "support.conformance_toys:PLUGIN"


def test_plugin_that_no_module_holds_is_refused_with_what_to_do() -> None:
    with pytest.raises(HarnessError, match="assign it at module level, such as PLUGIN ="):
        import_path(replace(PLUGIN, summary="another object"))


def test_another_plugin_of_an_installed_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="Gusto: another plugin of this name is installed"):
        python_path([replace(INSTALLED, summary="another object")], tmp_path)
