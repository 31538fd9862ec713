"""A Xero sandbox with as many companies as a test likes, of which some can be made to lie."""

import json
from collections.abc import Sequence
from functools import partial
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from integrations.sandbox_kit import BuildSandbox, SandboxContext
from integrations.sandbox_kit.books import Company
from integrations.sandbox_kit.books_chart import make_company
from integrations.xero.sandbox import build_sandbox


def offices(count: int) -> tuple[Company, ...]:
    """Return companies "Office 00", "Office 01", ...: each with its own books and size."""
    return tuple(
        make_company(f"Office {number:02} (sandbox)", scale=40 + 10 * number)
        for number in range(count)
    )


class Liar:
    """
    Serves an emulator; in the reports of some tenants a section's total does not add up.

    Attributes:
        tenants: Ids of those tenants.
    """

    def __init__(self) -> None:
        self.tenants: set[str] = set()

    def build(self, companies: Sequence[Company]) -> BuildSandbox:
        return partial(self._build, companies)

    def _build(self, companies: Sequence[Company], context: SandboxContext) -> Any:
        app = build_sandbox(context, companies=companies)

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            tenant = dict(scope.get("headers", ())).get(b"xero-tenant-id", b"").decode()
            if tenant in self.tenants and "/Reports/" in scope["path"]:
                await _with_a_wrong_total(app, scope, receive, send)
            else:
                await app(scope, receive, send)

        return serve


async def _with_a_wrong_total(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    start: dict[str, Any] = {}
    body = bytearray()

    async def keep(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
        else:
            body.extend(message.get("body", b""))

    await app(scope, receive, keep)
    told = json.loads(body)
    section = next(
        row
        for row in told["Reports"][0]["Rows"]
        if any(inner["RowType"] == "SummaryRow" for inner in row.get("Rows", ()))
    )
    cell = section["Rows"][-1]["Cells"][1]
    cell["Value"] = f"{float(cell['Value'] or 0) + 1:.2f}"
    data = json.dumps(told).encode()
    headers = [(name, value) for name, value in start["headers"] if name != b"content-length"]
    await send({**start, "headers": [*headers, (b"content-length", str(len(data)).encode())]})
    await send({"type": "http.response.body", "body": data})
