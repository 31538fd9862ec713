"""Plays the person at an emulator's authorize page, for tests and the demo."""

import asyncio
from collections.abc import Sequence
from html.parser import HTMLParser
from http.client import HTTPConnection, HTTPMessage
from typing import NamedTuple
from urllib.parse import urlencode, urljoin, urlsplit


class ConsentError(Exception):
    """The page did not offer what the person was to do."""


async def consent_async(
    authorize_url: str,
    *,
    tenant_ids: Sequence[str],
    allow: bool = True,
    user_id: str | None = None,
    timeout_s: float = 10.0,
) -> str:
    """Do as `consent` in a thread, so that the event loop goes on."""
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
    Open the authorize page, tick organisations, press a button; return where that leads.

    The redirect is not followed.

    Args:
        authorize_url: Of an emulator, over plain HTTP on this machine.
        tenant_ids: Organisations to tick; several only where the page lets us.
        allow: Whether to press Allow or Deny.
        user_id: Who is signed in; by default whom the page suggests.
        timeout_s: Seconds for each of the two requests.

    Raises:
        ConsentError: If the page is a refusal, or lacks one of the organisations.
        OSError: If the emulator cannot be reached.
    """
    answer = _request("GET", authorize_url, timeout_s=timeout_s)
    form = _Form()
    form.feed(answer.text)
    if answer.status != 200 or form.action is None:  # noqa: PLR2004 -- OK
        raise ConsentError(f"authorize page: status {answer.status}: {form.heading or 'no form'}")
    missing = [tenant for tenant in tenant_ids if tenant not in form.options("tenant_id")]
    if missing:
        raise ConsentError(f"authorize page: does not offer {missing[0]!r}")
    if len(tenant_ids) > 1 and form.kind("tenant_id") == "radio":
        raise ConsentError("authorize page: offers one organisation at a time")
    fields = form.prefilled()
    if user_id is not None:
        fields = [(name, value) for name, value in fields if name != "user_id"]
        fields.append(("user_id", user_id))
    fields += [("tenant_id", tenant) for tenant in tenant_ids]
    fields.append(("decision", "allow" if allow else "deny"))
    target = urljoin(authorize_url, form.action)
    done = _request("POST", target, body=urlencode(fields), timeout_s=timeout_s)
    location = done.headers.get("Location")
    if done.status not in {302, 303} or not location:
        page = _Form()
        page.feed(done.text)
        raise ConsentError(
            f"authorize page: status {done.status}: {page.alert or page.heading or 'no redirect'}"
        )
    return location


class _Answer(NamedTuple):
    status: int
    headers: HTTPMessage
    text: str


def _request(method: str, url: str, *, timeout_s: float, body: str | None = None) -> _Answer:
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise ConsentError("authorize page: expected an http URL of an emulator")
    connection = HTTPConnection(parts.hostname, parts.port, timeout=timeout_s)
    headers = {"Content-Type": "application/x-www-form-urlencoded"} if body is not None else {}
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    try:
        connection.request(method, target, body=body, headers=headers)
        response = connection.getresponse()
        text = response.read().decode("utf-8", "replace")
        return _Answer(response.status, response.headers, text)
    finally:
        connection.close()


class _Form(HTMLParser):
    """The inputs of a page's form, its heading and its alert."""

    def __init__(self) -> None:
        super().__init__()
        self.action: str | None = None
        self.heading = ""
        self.alert = ""
        self._inputs: list[dict[str, str]] = []
        self._reading: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = values.get("action", "")
        elif tag == "input" and "name" in values:
            self._inputs.append(values)
        elif tag == "h1":
            self._reading = "heading"
        elif values.get("role") == "alert":
            self._reading = "alert"

    def handle_endtag(self, tag: str) -> None:
        if tag in {"h1", "p"}:
            self._reading = None

    def handle_data(self, data: str) -> None:
        if self._reading == "heading":
            self.heading += data
        elif self._reading == "alert":
            self.alert += data

    def options(self, name: str) -> set[str]:
        return {item.get("value", "") for item in self._inputs if item["name"] == name}

    def kind(self, name: str) -> str:
        return next((item.get("type", "") for item in self._inputs if item["name"] == name), "")

    def prefilled(self) -> list[tuple[str, str]]:
        return [
            (item["name"], item.get("value", ""))
            for item in self._inputs
            if item.get("type") in {"hidden", "text"}
        ]
