"""Renders the HTML pages."""

from collections.abc import Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from integrations.contracts.display import printable
from oauth_service.web.connect.errors import PersonError
from oauth_service.web.middleware import content_policy

STATIC = Path(__file__).parent / "static"
_TEMPLATES = Path(__file__).parent / "templates"


class Pages:
    """
    Renders templates with everything escaped, control and bidirectional characters too.

    A value that a form sends back must stay as it is: `{{ tenant.id | e }}` escapes HTML alone.

    Args:
        oauth_url: Its path is put before every link, for services behind a path prefix.
        consent_origins: Origins of consent pages that are not reached by https.

    Attributes:
        leaving_policy: Content security policy of pages with a form whose answer leads to a
            provider. Browsers hold each hop of such a redirect against `form-action`, those at
            the provider too (a sign-in page on another host), which nobody can list: so any
            https page is allowed there, and only there.
    """

    def __init__(self, oauth_url: str, *, consent_origins: Sequence[str] = ()) -> None:
        self.leaving_policy = content_policy("https:", *consent_origins)
        self.base_path = urlsplit(oauth_url).path.rstrip("/")
        self._environment = Environment(
            loader=FileSystemLoader(_TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            finalize=_seen,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals["base"] = self.base_path
        self._environment.filters["moment"] = _moment

    def page(
        self,
        template: str,
        *,
        status: HTTPStatus = HTTPStatus.OK,
        leaving: bool = False,
        **values: Any,
    ) -> HTMLResponse:
        """Render *template*; *leaving* pages have a form whose answer leads to a provider."""
        content = self._environment.get_template(template).render(values)
        headers = {"Content-Security-Policy": self.leaving_policy} if leaving else None
        return HTMLResponse(content, status_code=status, headers=headers)

    def error(self, error: PersonError, *, home: str = "/connect") -> HTMLResponse:
        """Say what happened and what to do; *home* is where the way back leads."""
        return self.page("error.html", status=error.status, error=error, home=home)


def _seen(value: Any) -> Any:
    """Return what a template shows of *value*; markup that a template made stays markup."""
    return printable(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def _moment(value: datetime) -> str:
    utc = value.astimezone(UTC)
    return f"{utc.day} {utc:%B %Y, %H:%M} UTC"
