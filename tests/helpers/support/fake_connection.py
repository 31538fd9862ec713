"""A clock that jumps instead of sleeping, a scripted token source, and a plugin of made-up facts."""

from datetime import UTC, datetime, timedelta

from pydantic import SecretStr

from integrations.contracts import (
    AccountingFetchAdapter,
    ApiFacts,
    IntegrationAccess,
    IntegrationOAuth,
    IntegrationPlugin,
    IntegrationProvider,
)
from integrations.runtime.timing import Timing

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


class JumpingTiming(Timing):
    """Sleeping takes no time, is written down, and moves both clocks."""

    def __init__(self, start: datetime = NOON) -> None:
        self.slept: list[float] = []
        self.passed_s = 0.0
        self._start = start

    def monotonic_s(self) -> float:
        return 1000.0 + self.passed_s

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.passed_s)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 6))
        self.passed_s += seconds


class ScriptedTokens:
    """Hands out `token-1`, `token-2`, ...: the next one whenever a token was rejected."""

    def __init__(
        self,
        *,
        tenant_ids: tuple[str, ...] = ("tenant-1",),
        expires_at: tuple[datetime, ...] = (NOON + timedelta(minutes=30),),
    ) -> None:
        self.asked: list[str | None] = []
        self._tenant_ids = tenant_ids
        self._expires_at = expires_at

    async def access(self, *, rejected: str | None = None) -> IntegrationAccess:
        self.asked.append(rejected)
        turn = len(self.asked)
        return IntegrationAccess(
            access_token=SecretStr(f"token-{turn}"),
            token_type="Bearer",
            expires_at=self._expires_at[min(turn, len(self._expires_at)) - 1],
            tenant_id=self._tenant_ids[min(turn, len(self._tenant_ids)) - 1],
            tenant_name="Harbour Café Ltd",
        )


class _OAuth(IntegrationOAuth):
    authorize_url = "https://login.ledgerly.example/authorize"
    token_url = "https://login.ledgerly.example/token"

    async def find_tenants(self, client, grant):
        return ()


class _Adapter(AccountingFetchAdapter):
    name = "Ledgerly"

    async def get_data(self, from_date, *, statements=frozenset()):
        raise NotImplementedError


def a_plugin(**facts) -> IntegrationPlugin:
    """Return a plugin of a made-up provider with these `ApiFacts`."""
    return IntegrationPlugin(
        name=IntegrationProvider("Ledgerly"),
        api_type="accounting",
        oauth=_OAuth(),
        adapter=_Adapter,
        api=ApiFacts(**{"base_url": "https://api.ledgerly.example/", **facts}),
    )
