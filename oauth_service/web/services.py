"""Everything that a route may use, built once for an app."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request
from pydantic import SecretStr

from integrations.runtime.http import HttpSession, RetryPolicy
from integrations.runtime.registry import Registry
from integrations.runtime.settings import Settings
from oauth_service.grants.apps import OperatorApps
from oauth_service.grants.consent import ConsentFlow
from oauth_service.grants.disconnect import Disconnector
from oauth_service.grants.lease import RefreshPolicy
from oauth_service.grants.refresh import Refresher
from oauth_service.ops.metrics import Metrics
from oauth_service.security.keyring import Keyring
from oauth_service.security.sessions import AdminAccess, ConnectLinks, Sessions
from oauth_service.store import Store
from oauth_service.web.health import Readiness
from oauth_service.web.pages import Pages

_A_PERSON_WAITS = RetryPolicy(
    tries=3, throttled_tries=2, longest_retry_after_s=5.0, longest_total_s=15.0
)


@dataclass(frozen=True)
class Services:
    """The parts, wired together. Closed by whoever made it."""

    settings: Settings
    registry: Registry
    service_key: SecretStr
    apps: OperatorApps
    store: Store
    http: HttpSession
    refresher: Refresher
    consent: ConsentFlow
    disconnector: Disconnector
    links: ConnectLinks
    sessions: Sessions
    admin: AdminAccess
    pages: Pages
    metrics: Metrics
    readiness: Readiness
    clock: Callable[[], datetime]

    @property
    def https(self) -> bool:
        """Whether browsers reach the service over https only."""
        return self.settings.oauth_url.startswith("https:")


def build_services(
    settings: Settings,
    registry: Registry,
    *,
    clock: Callable[[], datetime],
    policy: RefreshPolicy,
) -> Services:
    """
    Wire everything; opens the database, sends nothing.

    Raises:
        ConfigurationError: If a setting is missing or malformed, by name.
    """
    service_key = settings.service_key()
    keys = Keyring(settings)
    store = Store(settings.oauth_database, keys)
    apps = OperatorApps(settings, registry)
    http = HttpSession(retry=_A_PERSON_WAITS)
    metrics = Metrics()
    refresher = Refresher(
        store=store, apps=apps, http=http, metrics=metrics, clock=clock, policy=policy
    )
    return Services(
        settings=settings,
        registry=registry,
        service_key=service_key,
        apps=apps,
        store=store,
        http=http,
        refresher=refresher,
        consent=ConsentFlow(store=store, apps=apps, http=http, clock=clock, policy=policy),
        disconnector=Disconnector(
            store=store, apps=apps, http=http, refresher=refresher, clock=clock, policy=policy
        ),
        links=ConnectLinks(keys, settings.oauth_url, clock),
        sessions=Sessions(keys, clock),
        admin=AdminAccess(keys, settings.oauth_url, clock),
        pages=Pages(settings.oauth_url, consent_origins=apps.plain_consent_origins()),
        metrics=metrics,
        readiness=Readiness(
            {"database": store.check, "storage": store.check_writable, "keys": keys.check}
        ),
        clock=clock,
    )


def services_of(request: Request) -> Services:
    """Return the services of the app that handles *request*."""
    services: Services = request.app.state.services
    return services


async def _services(request: Request) -> Services:
    """Return the same; not in a thread, unlike a plain function, which would cost more."""
    return services_of(request)


ServicesOf = Annotated[Services, Depends(_services)]
