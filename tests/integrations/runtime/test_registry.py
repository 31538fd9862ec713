import sys
from importlib.metadata import EntryPoint
from types import ModuleType

import pytest

from integrations.runtime.registry import GROUP, load_registry, registry_of


def an_entry(name: str, value: str) -> EntryPoint:
    return EntryPoint(name=name, value=value, group=GROUP)


def test_the_built_in_integrations_come_through_the_entry_points():
    registry = load_registry()

    assert {"xero", "gusto"} <= set(registry.plugins)
    assert registry.failures == ()
    assert registry.versions["xero"].startswith("zebbra-pipeline ")


def test_a_plugin_that_fails_to_load_is_named_and_the_others_stay():
    broken = ModuleType("broken_plugin_for_test")
    broken.PLUGIN = "not a plugin"
    sys.modules["broken_plugin_for_test"] = broken
    try:
        registry = registry_of(
            [
                an_entry("absent", "no_such_module_at_all:PLUGIN"),
                an_entry("broken", "broken_plugin_for_test:PLUGIN"),
                an_entry("xero", "integrations.xero:PLUGIN"),
                an_entry("xeroagain", "integrations.xero:PLUGIN"),
            ]
        )
    finally:
        del sys.modules["broken_plugin_for_test"]

    assert list(registry.plugins) == ["xero"]
    assert [failure.entry_point for failure in registry.failures] == [
        "absent = no_such_module_at_all:PLUGIN",
        "broken = broken_plugin_for_test:PLUGIN",
        "xeroagain = integrations.xero:PLUGIN",
    ]
    assert "ModuleNotFoundError" in registry.failures[0].reason
    assert "expected an IntegrationPlugin, found str" in registry.failures[1].reason
    assert "already installed" in registry.failures[2].reason


def test_an_unknown_integration_is_answered_with_those_installed():
    with pytest.raises(LookupError, match=r"no integration called 'Zero'; installed: .*Xero"):
        load_registry().get("Zero")
