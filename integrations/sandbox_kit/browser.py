"""A browser without a screen, for tests, the conformance kit and the demo: pages, forms, cookies."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urljoin, urlsplit

if TYPE_CHECKING:  # imported where a browser opens: the command starts without it
    import httpx

_TIMEOUT_S = 60.0


@dataclass
class Field:
    """
    An input of a form.

    Attributes:
        kind: Its `type`, e.g. `hidden` or `radio`; empty if the page gives none.
        label: The text between this input and the next one.
    """

    name: str
    value: str
    kind: str
    label: str = ""


@dataclass
class Form:
    """
    A form of a page.

    Attributes:
        action: Where it is sent, as the page gives it; may be relative.
    """

    action: str
    fields: list[Field] = field(default_factory=list)

    @property
    def hidden(self) -> dict[str, str]:
        """The hidden fields: name to value."""
        return {item.name: item.value for item in self.fields if item.kind == "hidden"}

    def choices(self, name: str) -> list[Field]:
        """Return the radio buttons or checkboxes called *name*."""
        kinds = {"radio", "checkbox"}
        return [item for item in self.fields if item.name == name and item.kind in kinds]


class Page(HTMLParser):
    """
    What an HTML page says and offers.

    Attributes:
        heading: Text of its first `h1`; on an error page, what happened.
        alert: Text of its first element of the role `alert`.
        forms: Its forms, in order.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._texts: dict[str, str] = {}
        self._reading: tuple[str, str] | None = None
        self._form: Form | None = None
        self.feed(html)
        self.close()
        self.heading = " ".join(self._texts.get("heading", "").split())
        self.alert = " ".join(self._texts.get("alert", "").split())

    @property
    def form(self) -> Form | None:
        """The first form; None if there is none."""
        return next(iter(self.forms), None)

    @property
    def hidden(self) -> dict[str, str]:
        """The hidden fields of all forms: name to value."""
        return {name: value for form in self.forms for name, value in form.hidden.items()}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a form, an input, or the start of a text that is kept."""
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._form = Form(given.get("action", ""))
            self.forms.append(self._form)
        elif tag == "input" and self._form is not None:
            self._form.fields.append(
                Field(given.get("name", ""), given.get("value", ""), given.get("type", ""))
            )
        elif tag == "h1":
            self._read("heading", tag)
        elif given.get("role") == "alert":
            self._read("alert", tag)

    def handle_endtag(self, tag: str) -> None:
        """Note the end of a form, or of a text that is kept."""
        if tag == "form":
            self._form = None
        if self._reading is not None and self._reading[1] == tag:
            self._reading = None

    def handle_data(self, data: str) -> None:
        """Keep a text that belongs to the heading, the alert or an input."""
        if self._reading is not None:
            self._texts[self._reading[0]] += data
        if self._form is not None and self._form.fields:
            self._form.fields[-1].label += data

    def _read(self, name: str, tag: str) -> None:
        if name not in self._texts:
            self._texts[name] = ""
            self._reading = (name, tag)


class Browser:
    """
    Keeps cookies, and returns every answer, redirects and errors included.

    No connection is kept, so there is nothing to close. Proxies of the environment are not used.

    Attributes:
        http: The client that sends the requests.
    """

    def __init__(
        self,
        base_url: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = _TIMEOUT_S,
    ) -> None:
        """
        Open a browser without cookies.

        Args:
            base_url: What relative addresses are relative to.
            headers: Sent with each request.
            timeout_s: Seconds to wait for the connection, and for each part of an answer.
        """
        import httpx

        self.http = httpx.Client(
            base_url=base_url,
            headers=headers,
            timeout=timeout_s,
            verify=_certificates(),
            trust_env=False,
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    def get(self, url: str, *, follow: bool = False) -> "httpx.Response":
        """Open *url*; with *follow*, return the page to which its redirects lead."""
        return self.http.get(url, follow_redirects=follow)

    def post(
        self, url: str, fields: Mapping[str, str], *, follow: bool = False
    ) -> "httpx.Response":
        """Send *fields* as a form does."""
        return self.http.post(url, data=dict(fields), follow_redirects=follow)

    def submit(
        self,
        answer: "httpx.Response",
        fields: Mapping[str, str] | None = None,
        *,
        follow: bool = False,
    ) -> "httpx.Response":
        """Send the first form of a page: its hidden fields, and *fields* chosen or filled in."""
        form = Page(answer.text).form or Form("")
        target = urljoin(str(answer.url), form.action)
        return self.post(target, form.hidden | dict(fields or {}), follow=follow)


def redirect_of(answer: "httpx.Response") -> str:
    """Return the absolute address to which *answer* redirects; empty if it does not."""
    location = answer.headers.get("location", "")
    return urljoin(str(answer.url), location) if answer.is_redirect and location else ""


def query_of(url: str) -> dict[str, str]:
    """Return the query parameters of *url*, empty ones included."""
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))


@cache
def _certificates() -> ssl.SSLContext:
    """Return the certificates that are trusted; reading them takes 25 ms, so once a process."""
    import httpx

    return httpx.create_ssl_context()
