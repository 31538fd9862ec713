"""Plain HTTP for the kit itself: what the pipeline and a person's browser send."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from ipaddress import IPv4Address
from itertools import count
from typing import Any
from urllib.parse import urlencode, urljoin
from urllib.request import (
    HTTPCookieProcessor,
    HTTPErrorProcessor,
    OpenerDirector,
    ProxyHandler,
    Request,
    build_opener,
)

_TIMEOUT_S = 90
_REDIRECTS = frozenset({301, 302, 303, 307})
_ADDRESSES = map(IPv4Address, count(int(IPv4Address("198.18.0.1"))))  # RFC 2544: for test benches


@dataclass(frozen=True, slots=True)
class Page:
    """
    An answer of any status.

    Attributes:
        location: Where it redirects to, absolute; empty if nowhere.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    text: str = field(repr=False)
    location: str = ""

    def json(self) -> Any:
        """Return the parsed body; None if it is not JSON."""
        try:
            return json.loads(self.text)
        except ValueError:
            return None

    @property
    def heading(self) -> str:
        """The page's first heading: on an error page, what happened."""
        form = Form()
        form.feed(self.text)
        return " ".join(form.heading.split())


class Browser:
    """
    Keeps cookies and shows every answer, redirects and errors included.

    Each browser says that it is at another address: the service limits how often one address
    may ask, and a bench's many people are at many.
    """

    def __init__(self) -> None:
        self._address = str(next(_ADDRESSES))
        self._opener: OpenerDirector = build_opener(
            ProxyHandler({}), HTTPCookieProcessor(CookieJar()), _EveryAnswer()
        )

    def send(
        self,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        content: Any = None,
        bearer: str | None = None,
    ) -> Page:
        """Send a GET request, or POST a form or JSON."""
        headers = {"X-Forwarded-For": self._address}
        if bearer is not None:
            headers["Authorization"] = f"Bearer {bearer}"
        data = None
        if form is not None:
            data = urlencode(form).encode()
        elif content is not None:
            data = json.dumps(content).encode()
            headers["Content-Type"] = "application/json"
        request = Request(url, data, headers)  # noqa: S310 -- loopback
        with self._opener.open(request, timeout=_TIMEOUT_S) as answer:
            location = answer.headers.get("Location", "")
            return Page(
                url=url,
                status=answer.status,
                headers={name.lower(): value for name, value in answer.headers.items()},
                text=answer.read().decode("utf-8", "replace"),
                location=urljoin(url, location) if answer.status in _REDIRECTS else "",
            )

    def follow(self, url: str) -> Page:
        """Open *url* and go where it redirects to; return the last page."""
        page = self.send(url)
        while page.location:
            page = self.send(page.location)
        return page


class Form(HTMLParser):
    """The first form of a page: its action, hidden fields and choices; and the heading."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.hidden: dict[str, str] = {}
        self.choices: list[tuple[str, str]] = []
        self.heading = ""
        self._in_heading = False
        self._forms = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._forms += 1
            self.action = self.action or given.get("action", "")
        self._in_heading = tag == "h1" and not self.heading
        if tag == "input" and self._forms == 1:
            name, value = given.get("name", ""), given.get("value", "")
            if given.get("type") == "hidden":
                self.hidden[name] = value
            elif given.get("type") in {"radio", "checkbox"}:
                self.choices.append((name, value))

    def handle_endtag(self, tag: str) -> None:
        if tag == "h1":
            self._in_heading = False

    def handle_data(self, data: str) -> None:
        if self._in_heading:
            self.heading += data


class _EveryAnswer(HTTPErrorProcessor):
    """Treats errors and redirects as answers like others."""

    def http_response(self, _request: Request, response: Any) -> Any:
        return response
