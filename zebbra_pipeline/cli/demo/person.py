"""Plays the customer in a browser: opens a connect link and connects an integration."""

from collections.abc import Mapping
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin
from urllib.request import (
    HTTPCookieProcessor,
    HTTPRedirectHandler,
    OpenerDirector,
    Request,
    build_opener,
)

from integrations.sandbox_kit import consent
from zebbra_pipeline.cli.processes import ProcessError

_TIMEOUT_S = 60


class Browser:
    """Just enough of a browser: cookies, redirects told apart, forms posted."""

    def __init__(self) -> None:
        self._opener: OpenerDirector = build_opener(
            HTTPCookieProcessor(CookieJar()), _RedirectsStayVisible()
        )

    def open(self, url: str, form: Mapping[str, str] | None = None) -> tuple[str, str]:
        """
        Open *url*; return the page, and the address that it redirects to (or an empty text).

        Raises:
            ProcessError: If the page is an error, with its status.
        """
        data = urlencode(form).encode() if form is not None else None
        try:
            with self._opener.open(Request(url, data), timeout=_TIMEOUT_S) as answer:  # noqa: S310 -- loopback
                return answer.read().decode(), ""
        except HTTPError as exc:
            with exc:
                if exc.code in {301, 302, 303, 307}:
                    return "", urljoin(url, exc.headers.get("Location", ""))
                raise ProcessError(f"{url.split('?', maxsplit=1)[0]} answers {exc.code}") from exc

    def follow(self, url: str) -> tuple[str, str]:
        """Open *url* and follow redirects; return the last page and its address."""
        page, target = self.open(url)
        while target:
            url = target
            page, target = self.open(url)
        return page, url


def connect_integration(
    browser: Browser, service_url: str, workspace_id: str, slug: str, tenant_name: str
) -> None:
    """
    Connect one integration by the full OAuth redirect dance.

    Args:
        browser: Has opened the workspace's connect link.
        service_url: The OAuth service.
        workspace_id: The workspace whose session the browser has.
        slug: The integration.
        tenant_name: Organisation to tick on the provider's consent page, by its name.

    Raises:
        ProcessError: If a page of the dance is an error, or has no such organisation.
    """
    authorize_url = begin_login(browser, service_url, workspace_id, slug)
    if not authorize_url:
        raise ProcessError(f"{slug}: the login page does not lead to the provider")
    consent_page, _ = browser.open(authorize_url)
    (tenant_id,) = _Form.in_page(consent_page).choices_of(tenant_name).values()
    back = consent(authorize_url, tenant_ids=[tenant_id])
    page, address = browser.follow(back)
    if "/connect" not in address:
        form = _Form.in_page(page)
        chosen = form.choices_of(tenant_name)
        _, target = browser.open(urljoin(address, form.action), form.hidden | chosen)
        browser.follow(target)


def begin_login(browser: Browser, service_url: str, workspace_id: str, slug: str) -> str:
    """Confirm that *workspace_id* is to be connected; return the provider's consent page."""
    query = urlencode({"workspace_id": workspace_id})
    url = f"{service_url}/integration/{slug}/login?{query}"
    page, _ = browser.open(url)
    form = _Form.in_page(page)
    _, authorize_url = browser.open(urljoin(url, form.action), form.hidden)
    return authorize_url


class _RedirectsStayVisible(HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """Follow nothing: the caller wants to see where it leads."""


class _Form(HTMLParser):
    """The first form of a page: its action, hidden fields, and labelled choices."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.hidden: dict[str, str] = {}
        self.choices: list[tuple[str, str, str]] = []
        self._open_choice: tuple[str, str] | None = None
        self._text = ""

    @classmethod
    def in_page(cls, page: str) -> "_Form":
        form = cls()
        form.feed(page)
        form._keep_choice()
        return form

    def choices_of(self, label: str) -> dict[str, str]:
        """Return the field to post for the choice whose text holds *label*."""
        for name, value, text in self.choices:
            if label in text:
                return {name: value}
        raise ProcessError(f"the page offers no organisation called {label!r}")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form" and not self.action:
            self.action = given.get("action", "")
        if tag in {"input", "button"} and given.get("name"):
            self._keep_choice()
            if given.get("type") == "hidden":
                self.hidden[given["name"]] = given.get("value", "")
            elif given.get("type") in {"radio", "checkbox"}:
                self._open_choice = (given["name"], given.get("value", ""))

    def handle_data(self, data: str) -> None:
        self._text += data

    def _keep_choice(self) -> None:
        if self._open_choice is not None:
            self.choices.append((*self._open_choice, self._text))
        self._open_choice, self._text = None, ""
