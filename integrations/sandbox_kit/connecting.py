"""Connects an integration as a customer does: the service's pages, and the sandbox's consent page."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urljoin, urlsplit

from integrations.sandbox_kit.browser import Browser, Field, Page, redirect_of

if TYPE_CHECKING:
    import httpx

_OK, _BAD_REQUEST = 200, 400


class ConsentError(Exception):
    """A page is an error, or does not offer what was to be chosen."""


async def consent_async(
    authorize_url: str,
    *,
    tenant_ids: Sequence[str],
    allow: bool = True,
    user_id: str | None = None,
    timeout_s: float = 10.0,
) -> str:
    """Run `consent` in a thread, without blocking the event loop."""
    return await asyncio.to_thread(
        consent,
        authorize_url,
        tenant_ids=tenant_ids,
        allow=allow,
        user_id=user_id,
        timeout_s=timeout_s,
    )


def consent(
    authorize_url: str,
    *,
    tenant_ids: Sequence[str],
    allow: bool = True,
    user_id: str | None = None,
    timeout_s: float = 10.0,
) -> str:
    """
    Open the authorize page, tick organisations, press a button; return its redirect.

    The redirect is not followed.

    Args:
        authorize_url: Of an emulator, over plain HTTP on this machine.
        tenant_ids: Organisations to tick; several only where the page allows it.
        allow: Whether to press Allow or Deny.
        user_id: The signed-in user; by default the one that the page suggests.
        timeout_s: Seconds for each of the two requests.

    Raises:
        ConsentError: If the page is a refusal, or lacks one of the organisations.
        OSError: If the emulator cannot be reached.
    """
    import httpx

    parts = urlsplit(authorize_url)
    if parts.scheme != "http" or not parts.hostname:
        raise ConsentError("authorize page: expected an http URL of an emulator")
    try:
        return _consent(Browser(timeout_s=timeout_s), authorize_url, tenant_ids, allow, user_id)
    except httpx.TransportError as exc:
        raise OSError(f"authorize page: {type(exc).__name__}: {exc}") from exc


def _consent(
    browser: Browser,
    authorize_url: str,
    tenant_ids: Sequence[str],
    allow: bool,  # noqa: FBT001 -- as `consent` was given it
    user_id: str | None,
) -> str:
    answer = browser.get(authorize_url)
    page = Page(answer.text)
    form = page.form
    if answer.status_code != _OK or form is None:
        raise ConsentError(
            f"authorize page: status {answer.status_code}: {page.heading or 'no form'}"
        )
    offered = form.choices("tenant_id")
    ids = {item.value for item in offered}
    missing = [tenant for tenant in tenant_ids if tenant not in ids]
    if missing:
        raise ConsentError(f"authorize page: does not offer {missing[0]!r}")
    if len(tenant_ids) > 1 and offered[0].kind == "radio":
        raise ConsentError("authorize page: offers one organisation at a time")
    fields = {item.name: item.value for item in form.fields if item.kind in {"hidden", "text"}}
    if user_id is not None:
        fields["user_id"] = user_id
    done = browser.http.post(
        urljoin(authorize_url, form.action),
        data={**fields, "tenant_id": list(tenant_ids), "decision": "allow" if allow else "deny"},
    )
    location: str = done.headers.get("location", "")
    if not done.is_redirect or not location:
        page = Page(done.text)
        raise ConsentError(
            f"authorize page: status {done.status_code}: "
            f"{page.alert or page.heading or 'no redirect'}"
        )
    return location


def begin_login(
    browser: Browser, service_url: str, workspace_id: str, slug: str
) -> "httpx.Response":
    """
    Open the page that asks before leaving, and send its form.

    Args:
        browser: Has opened the workspace's connect link.
        service_url: The OAuth service.
        workspace_id: The workspace to connect.
        slug: The integration to connect.

    Returns:
        The answer to the form, which redirects to the provider; an error page in place of the
        first page is returned as it is.
    """
    query = urlencode({"workspace_id": workspace_id})
    page = browser.get(f"{service_url}/integration/{slug}/login?{query}")
    return browser.submit(page) if page.status_code == _OK else page


def finish_login(
    browser: Browser, redirect: str, is_chosen: Callable[[Field], bool]
) -> "httpx.Response":
    """
    Follow the provider's redirect back to the service; return the last page.

    Args:
        browser: As for `begin_login`.
        redirect: What `consent` returned.
        is_chosen: Whether to choose an organisation, if the service asks which one.
    """
    answer = browser.get(redirect, follow=True)
    form = Page(answer.text).form
    choices = form.choices("tenant_id") if form is not None else []
    chosen = next(filter(is_chosen, choices), None)
    if answer.status_code != _OK or chosen is None:
        return answer
    return browser.submit(answer, {chosen.name: chosen.value}, follow=True)


def connect_integration(
    browser: Browser, service_url: str, workspace_id: str, slug: str, tenant_name: str
) -> None:
    """
    Connect one integration: the login page, the consent page, and back to the service.

    Args:
        browser: Has opened the workspace's connect link.
        service_url: The OAuth service.
        workspace_id: The workspace to connect.
        slug: The integration to connect.
        tenant_name: Organisation to choose, by its name or a part of it.

    Raises:
        ConsentError: If a page is an error, or offers no such organisation.
    """
    authorize_url = redirect_of(_checked(begin_login(browser, service_url, workspace_id, slug)))
    if not authorize_url:
        raise ConsentError(f"{slug}: the login page does not lead to the provider")
    form = Page(_checked(browser.get(authorize_url)).text).form
    offered = form.choices("tenant_id") if form is not None else []
    tenant_id = next((item.value for item in offered if tenant_name in item.label), None)
    if tenant_id is None:
        raise ConsentError(f"the page offers no organisation called {tenant_name!r}")
    redirect = consent(authorize_url, tenant_ids=[tenant_id])
    page = _checked(finish_login(browser, redirect, lambda item: tenant_name in item.label))
    if not page.url.path.endswith("/connect"):
        raise ConsentError(f"the page offers no organisation called {tenant_name!r}")


def disconnect_integration(browser: Browser, service_url: str, slug: str) -> "httpx.Response":
    """Press Disconnect on the connect page; return the last page."""
    page = browser.get(f"{service_url}/connect", follow=True)
    url = f"{service_url}/integration/{slug}/disconnect"
    return browser.post(url, Page(page.text).hidden, follow=True)


def _checked(answer: "httpx.Response") -> "httpx.Response":
    """Return *answer*; an error is raised as `ConsentError`."""
    if answer.status_code >= _BAD_REQUEST:
        raise ConsentError(f"{str(answer.url).partition('?')[0]} answers {answer.status_code}")
    return answer
