"""
The warm path: a token that is fresh is handed out before anything else is set in motion.

Nearly all requests of a pipeline are of this kind. Whatever is unusual about one, it goes on to
the route in `routes/api.py`, which alone knows refreshes and errors.
"""

import re
from collections.abc import Callable
from hmac import compare_digest

from pydantic import SecretStr
from starlette.types import ASGIApp, Receive, Scope, Send

from integrations.contracts import TokenSet
from oauth_service.ops.metrics import Metrics
from oauth_service.ops.request_context import about
from oauth_service.store.direct import DirectReads
from oauth_service.web.api.answers import token_body

_PATH = re.compile(r"/api/workspaces/([A-Za-z0-9_-]{1,64})/integrations/([a-z0-9]+)/token")


class WarmTokens:
    """
    Answers `GET /api/workspaces/<id>/integrations/<slug>/token` while the token is fresh.

    Every request reads the connection's row, so that another replica's refresh or somebody's
    disconnecting counts at once; no token is kept in memory.

    Args:
        app: Gets every other request.
        reads: Where grants are read.
        service_key: What the request must show.
        slugs: Integrations that are installed.
        is_fresh: Whether a token lives long enough to be handed out.
        metrics: Counts what is handed out.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        reads: DirectReads,
        service_key: SecretStr,
        slugs: frozenset[str],
        is_fresh: Callable[[TokenSet], bool],
        metrics: Metrics,
    ) -> None:
        self._app = app
        self._reads = reads
        self._bearer = f"Bearer {service_key.get_secret_value()}".encode()
        self._slugs = slugs
        self._is_fresh = is_fresh
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        body = self._answer(scope) if scope["type"] == "http" else None
        if body is None:
            await self._app(scope, receive, send)
            return
        headers = [
            (b"content-length", str(len(body)).encode()),
            (b"content-type", b"application/json"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _answer(self, scope: Scope) -> bytes | None:
        if scope["method"] != "GET" or scope["query_string"]:
            return None
        found = _PATH.fullmatch(scope["path"])
        if found is None or not self._shows_the_key(scope):
            return None
        workspace_id, slug = found.groups()
        if slug not in self._slugs:
            return None
        grant = self._reads.grant(workspace_id, slug)
        if grant is None or not self._is_fresh(grant.tokens):
            return None
        about(workspace_id, slug)
        self._metrics.token_request(slug, "ok")
        return token_body(grant.tokens, grant.tenant_id, grant.tenant_name)

    def _shows_the_key(self, scope: Scope) -> bool:
        shown = [value for name, value in scope["headers"] if name == b"authorization"]
        return len(shown) == 1 and compare_digest(shown[0], self._bearer)
