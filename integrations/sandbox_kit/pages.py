"""Renders the HTML pages: consent, refusal, index."""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

_HEADERS = {
    "Cache-Control": "no-store",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
}


def page(template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """Return a rendered template as an HTML answer."""
    html = _environment().get_template(template).render(**values)
    return HTMLResponse(html, status_code=status, headers=_HEADERS)


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("integrations.sandbox_kit"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
