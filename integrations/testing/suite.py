"""`conformance_tests`: turns the checks of a plugin into a class of tests."""

from typing import Any

from integrations.contracts import IntegrationPlugin
from integrations.testing.bench import Bench
from integrations.testing.checks import Check, checks_for


def conformance_tests(plugin: IntegrationPlugin) -> type:
    """
    Return a test class with one test for each check that *plugin* has to pass.

    Assign it to a name that begins with `Test`. Its tests ask for the fixture
    `conformance_bench`, which the pytest plugin of this package brings.
    """
    tests: dict[str, Any] = {"plugin": plugin, "__doc__": f"What {plugin.name} has to keep."}
    for check in checks_for(plugin):
        name = check.__name__.replace("check_", "test_", 1)
        tests[name] = _test(name, check)
    return type(f"{plugin.name}Conformance", (), tests)


def _test(name: str, check: Check) -> Any:
    def test(self: object, conformance_bench: Bench) -> None:  # noqa: ARG001 -- a method
        check(conformance_bench)

    test.__name__ = test.__qualname__ = name
    test.__doc__ = check.__doc__
    return test
