"""The checks by subject, which of them a plugin has to pass, and the test class of a plugin."""

from collections.abc import Callable, Iterator
from typing import Any

from starlette.routing import Mount, Route

from integrations.contracts import IntegrationPlugin
from integrations.sandbox_kit import SandboxContext
from integrations.testing.checks import (
    authorizing,
    books,
    ending,
    errors,
    figures,
    hosts,
    limits,
    payroll,
    refreshing,
    secrecy,
)
from integrations.testing.harness import TODAY, Harness

Check = Callable[[Harness], None]

_FAMILIES: dict[str, tuple[Check, ...]] = {"accounting": books.CHECKS, "payroll": payroll.CHECKS}


def checks_for(plugin: IntegrationPlugin) -> Iterator[Check]:
    """
    Yield the checks of what *plugin* declares and its sandbox offers, in order.

    PKCE is checked where it is declared, paging where the sandbox has pages, figures by the
    plugin's family.
    """
    yield from authorizing.CHECKS
    if plugin.oauth.pkce:
        yield from authorizing.PKCE_CHECKS
    yield from refreshing.CHECKS
    yield from ending.CHECKS
    yield from figures.CHECKS
    yield from _FAMILIES[plugin.api_type]
    if has_pages(plugin):
        yield from figures.PAGING_CHECKS
    yield from limits.CHECKS
    yield from errors.CHECKS
    yield from hosts.CHECKS
    yield from secrecy.CHECKS


def has_pages(plugin: IntegrationPlugin) -> bool:
    """Return whether the sandbox offers `POST _control/page_size`; see `truth`."""
    try:
        app = plugin.load_sandbox()(SandboxContext(today=TODAY))
    except Exception:  # noqa: BLE001 -- the harness reports a sandbox that cannot be built
        return False
    control = (item for item in app.routes if isinstance(item, Mount) and item.path == "/_control")
    return any(
        isinstance(route, Route) and route.path == "/page_size"
        for mount in control
        for route in mount.routes or ()
    )


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
    def test(self: object, conformance_bench: Harness) -> None:  # noqa: ARG001 -- a method
        check(conformance_bench)

    test.__name__ = test.__qualname__ = name
    test.__doc__ = check.__doc__
    return test
