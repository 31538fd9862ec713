"""The checks, by what they are about, and which of them a plugin has to pass."""

from collections.abc import Callable, Iterator

from starlette.routing import Mount, Route

from integrations.contracts import IntegrationPlugin
from integrations.sandbox_kit import SandboxContext
from integrations.testing.bench import TODAY, Bench
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

Check = Callable[[Bench], None]

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
    except Exception:  # noqa: BLE001 -- the bench reports a sandbox that cannot be built
        return False
    control = (item for item in app.routes if isinstance(item, Mount) and item.path == "/_control")
    return any(
        isinstance(route, Route) and route.path == "/page_size"
        for mount in control
        for route in mount.routes or ()
    )
