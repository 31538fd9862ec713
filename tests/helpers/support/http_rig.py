"""A bound client of the made-up provider, talking to a scripted server by a jumping clock."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from support.fake_connection import JumpingTiming, ScriptedTokens, a_plugin
from support.scripted_server import ScriptedServer, scripted_server

from integrations.runtime.http import BoundClient, HttpSession, RetryPolicy

UNJITTERED = RetryPolicy(random=lambda: 0.0)


@dataclass
class Rig:
    server: ScriptedServer
    timing: JumpingTiming
    tokens: ScriptedTokens
    session: HttpSession
    client: BoundClient

    def another(self, tokens=None, **facts) -> BoundClient:
        """Bind one more client of the same session."""
        return self.session.bind(
            a_plugin(**facts), tokens=tokens or ScriptedTokens(), base_url=self.server.url
        )


@asynccontextmanager
async def a_rig(
    *, tokens=None, prefix="", retry=UNJITTERED, user=None, most_bytes=50_000_000, **facts
) -> AsyncIterator[Rig]:
    """Serve, open a session, and bind a client; *facts* are `ApiFacts`."""
    timing = JumpingTiming()
    source = tokens or ScriptedTokens()
    with scripted_server() as server:
        async with HttpSession(retry=retry, timing=timing, most_bytes=most_bytes) as session:
            client = session.bind(
                a_plugin(**facts), tokens=source, base_url=server.url + prefix, user=user
            )
            yield Rig(server, timing, source, session, client)
