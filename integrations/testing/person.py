"""A person in a browser: opens a connect link, goes to the provider and comes back."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

from integrations.sandbox_kit import SandboxTenant, consent
from integrations.testing.expectations import ConformanceError
from integrations.testing.service import ServiceApi
from integrations.testing.web import Browser, Form, Page

_OK, _SEE_OTHER = 200, 303


@dataclass(frozen=True, slots=True)
class Connected:
    """A workspace whose person has gone all the way through the pages."""

    workspace_id: str
    tenant: SandboxTenant
    callback: Mapping[str, str]
    """Query of the provider's redirect, without code and state."""


class Person:
    """
    Somebody in a browser who has opened the connect link of one workspace.

    Args:
        api: Makes the link, and tells the connection's state.
        slug: The integration to connect.
        workspace_id: The workspace.
        codes: Authorization codes that go through the browser are added to it.
    """

    def __init__(self, api: ServiceApi, slug: str, workspace_id: str, codes: list[str]) -> None:
        self._api = api
        self._slug = slug
        self._codes = codes
        self.workspace_id = workspace_id
        self.browser = Browser()
        self.browser.follow(api.connect_link(workspace_id))

    def login(self) -> str:
        """
        Press Connect; return the provider's consent page.

        Raises:
            ConformanceError: If it does not lead there.
        """
        query = urlencode({"workspace_id": self.workspace_id})
        url = f"{self._api.url}/integration/{self._slug}/login?{query}"
        page = self.browser.send(url)
        if page.status == _OK:
            form = Form()
            form.feed(page.text)
            page = self.browser.send(urljoin(url, form.action), form=form.hidden)
        if page.status != _SEE_OTHER:
            raise ConformanceError(
                expected="the form of the login page to redirect to the provider",
                found=f"status {page.status}: {page.heading}",
                why="nobody can connect this integration",
            )
        return page.location

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

    def deliver(self, redirect: str, tenant: SandboxTenant) -> Page:
        """Follow the provider's redirect, choosing *tenant* if asked; return the last page."""
        page = self.browser.follow(redirect)
        form = Form()
        form.feed(page.text)
        choices = dict(item for item in form.choices if item == ("tenant_id", tenant.id))
        if page.status == _OK and choices:
            target = urljoin(page.url, form.action)
            page = self.browser.send(target, form={**form.hidden, **choices})
            page = self.browser.follow(page.location) if page.location else page
        return page

    def connect(self, tenant: SandboxTenant, *, scopes: str | None = None) -> Connected:
        """
        Go all the way.

        Raises:
            ConformanceError: If that does not lead to a connection.
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
                found=f"status {page.status}: {page.heading or 'no heading'}; "
                f"the connection is {state or 'not there'}",
                why="a person who has granted access is told that it did not work",
            )
        return connected

    def disconnect(self) -> Page:
        """Press Disconnect on the connect page; return the last page."""
        page = self.browser.follow(f"{self._api.url}/connect")
        form = Form()
        form.feed(page.text)
        target = f"{self._api.url}/integration/{self._slug}/disconnect"
        page = self.browser.send(target, form=form.hidden)
        return self.browser.follow(page.location) if page.location else page


def query_of(url: str) -> dict[str, str]:
    """Return the query parameters of *url*."""
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))


def _with_scopes(url: str, scopes: str) -> str:
    parts = urlsplit(url)
    query = query_of(url) | {"scope": scopes}
    return urlunsplit(parts._replace(query=urlencode(query)))
