"""A customer with a browser: opens a connect link, goes to the provider and comes back."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from itertools import count
from urllib.parse import urlencode, urlsplit, urlunsplit

import httpx

from integrations.sandbox_kit import SandboxTenant, consent
from integrations.sandbox_kit.browser import Browser, Page, query_of, redirect_of
from integrations.sandbox_kit.connecting import begin_login, disconnect_integration, finish_login
from integrations.testing.expectations import ConformanceError
from integrations.testing.service import ServiceApi

_SEE_OTHER = 303
_TIMEOUT_S = 90.0
_ADDRESSES = map(IPv4Address, count(int(IPv4Address("198.18.0.1"))))  # RFC 2544: for test harnesses


@dataclass(frozen=True, slots=True)
class Connected:
    """A workspace that a customer has connected."""

    workspace_id: str
    tenant: SandboxTenant
    callback: Mapping[str, str]
    """Query of the provider's redirect, without code and state."""


class Customer:
    """
    A browser that has opened the connect link of one workspace.

    Args:
        api: Makes the link, and returns the connection's state.
        slug: The integration to connect.
        workspace_id: The workspace.
        codes: Receives the authorization codes that go through the browser.
    """

    def __init__(self, api: ServiceApi, slug: str, workspace_id: str, codes: list[str]) -> None:
        self._api = api
        self._slug = slug
        self._codes = codes
        self.workspace_id = workspace_id
        # The service limits how often one address may ask, so each browser has its own.
        address = {"X-Forwarded-For": str(next(_ADDRESSES))}
        self.browser = Browser(headers=address, timeout_s=_TIMEOUT_S)
        self.browser.get(api.connect_link(workspace_id), follow=True)

    def login(self) -> str:
        """
        Press Connect; return the URL of the provider's consent page.

        Raises:
            ConformanceError: If the service does not redirect to the provider.
        """
        answer = begin_login(self.browser, self._api.url, self.workspace_id, self._slug)
        if answer.status_code != _SEE_OTHER:
            raise ConformanceError(
                expected="the form of the login page to redirect to the provider",
                found=f"status {answer.status_code}: {Page(answer.text).heading}",
                why="no customer can connect this integration",
            )
        return redirect_of(answer)

    def allow(self, authorize_url: str, *tenants: SandboxTenant, scopes: str | None = None) -> str:
        """Allow access at the provider, perhaps to less than asked; return its redirect."""
        if scopes is not None:
            authorize_url = _with_scopes(authorize_url, scopes)
        redirect = consent(
            authorize_url,
            tenant_ids=[tenant.id for tenant in tenants],
            user_id=f"person-of-{self.workspace_id}",
        )
        code = query_of(redirect).get("code")
        if code:
            self._codes.append(code)
        return redirect

    def deliver(self, redirect: str, tenant: SandboxTenant) -> httpx.Response:
        """Follow the provider's redirect, choosing *tenant* if asked; return the last page."""
        return finish_login(self.browser, redirect, lambda choice: choice.value == tenant.id)

    def connect(self, tenant: SandboxTenant, *, scopes: str | None = None) -> Connected:
        """
        Connect the workspace to *tenant* through all pages.

        Raises:
            ConformanceError: If the workspace is not connected afterwards.
        """
        redirect = self.allow(self.login(), tenant, scopes=scopes)
        page = self.deliver(redirect, tenant)
        connected = Connected(
            workspace_id=self.workspace_id,
            tenant=tenant,
            callback={
                name: value
                for name, value in query_of(redirect).items()
                if name not in {"code", "state"}
            },
        )
        state = self._api.state(self.workspace_id, self._slug)
        if state != "connected":
            raise ConformanceError(
                expected="the provider's redirect to lead to a connection",
                found=f"status {page.status_code}: {Page(page.text).heading or 'no heading'}; "
                f"the connection is {state or 'not there'}",
                why="a customer who has granted access sees an error page",
            )
        return connected

    def disconnect(self) -> httpx.Response:
        """Press Disconnect on the connect page; return the last page."""
        return disconnect_integration(self.browser, self._api.url, self._slug)


def _with_scopes(url: str, scopes: str) -> str:
    parts = urlsplit(url)
    query = query_of(url) | {"scope": scopes}
    return urlunsplit(parts._replace(query=urlencode(query)))
