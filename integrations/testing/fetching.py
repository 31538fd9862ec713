"""Runs an adapter against its sandbox with the real client, without waiting in real time."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

from integrations.contracts import (
    AccountingFetchAdapter,
    Answer,
    DataBatch,
    Employee,
    FetchAdapter,
    IntegrationAccess,
    PayrollCost,
    PayrollFetchAdapter,
    ProviderClient,
    ReconnectRequiredError,
)
from integrations.runtime.http import HttpSession, RetryPolicy, Timing
from integrations.sandbox_kit import SandboxControl

T = TypeVar("T")


class HeldAccess:
    """A token source with one access; it raises once the provider refuses it."""

    def __init__(self, access: IntegrationAccess) -> None:
        self._access = access

    async def access(self, *, rejected: str | None = None) -> IntegrationAccess:
        """Return it; see `TokenSource`."""
        if rejected is not None:
            raise ReconnectRequiredError("the provider refuses this token")
        return self._access


class SkippingTiming(Timing):
    """
    A clock that skips waits: it moves forward instead, and moves the sandbox's clock too.

    Attributes:
        waited_s: Seconds skipped so far.
    """

    def __init__(self, control: SandboxControl) -> None:
        self._control = control
        self.waited_s = 0.0

    def monotonic_s(self) -> float:
        """Real seconds and those that were skipped."""
        return super().monotonic_s() + self.waited_s

    def now(self) -> datetime:
        """Real time and what was skipped."""
        return datetime.now(UTC) + timedelta(seconds=self.waited_s)

    async def sleep(self, seconds: float) -> None:
        """Skip that time, here and in the sandbox."""
        self.waited_s += seconds
        await asyncio.to_thread(self._control.advance_clock, seconds)
        await asyncio.sleep(0)


@dataclass(frozen=True, slots=True)
class Fetched:
    """
    What an adapter returned: the batch, or people and costs.

    Attributes:
        calls: Number of requests that the fetch made.
    """

    batch: DataBatch | None = None
    people: tuple[Employee, ...] = ()
    costs: tuple[PayrollCost, ...] = ()
    calls: int = field(default=0, compare=False)

    @property
    def months(self) -> tuple[date, ...]:
        """The month ends that figures were returned for, in the order returned."""
        if self.batch is not None:
            return self.batch.dates
        return tuple(item.month for item in self.costs)

    @property
    def figures(self) -> Any:
        """Everything that is landed, for comparison."""
        if self.batch is not None:
            return self.batch.model_dump()
        return [item.model_dump() for item in (*self.people, *self.costs)]

    @property
    def text(self) -> str:
        """The same as JSON text."""
        if self.batch is not None:
            return self.batch.model_dump_json()
        return "\n".join(item.model_dump_json() for item in (*self.people, *self.costs))

    def same_lines_as(self, other: "Fetched") -> bool:
        """Whether every figure and person is the same; notes and other metadata may differ."""
        if self.batch is None or other.batch is None:
            return bool(self.figures == other.figures)
        mine, others = self.batch, other.batch
        return (mine.tenant_id, mine.currency, mine.dates, mine.lines) == (
            others.tenant_id,
            others.currency,
            others.dates,
            others.lines,
        )

    @property
    def is_empty(self) -> bool:
        """Whether there is no line and no person in it."""
        return not (self.batch.lines if self.batch is not None else self.people)


async def fetch_all(adapter: FetchAdapter, from_date: date) -> Fetched:
    """Return everything that *adapter* fetches since *from_date*."""
    if isinstance(adapter, AccountingFetchAdapter):
        batch = await adapter.get_data(from_date)
        return Fetched(batch=batch, calls=adapter.client.calls)
    if isinstance(adapter, PayrollFetchAdapter):
        people = tuple(await adapter.get_data(from_date))
        costs = tuple(await adapter.get_payroll_costs(from_date))
        return Fetched(people=people, costs=costs, calls=adapter.client.calls)
    raise TypeError(f"{adapter.name}: expected an accounting or payroll adapter")


class Interrupted:
    """
    A client that calls a function once, after its first answer.

    Args:
        client: The real client.
        after_first: The function to call.
    """

    def __init__(self, client: ProviderClient, after_first: Callable[[], object]) -> None:
        self._client = client
        self._after_first: Callable[[], object] | None = after_first

    @property
    def tenant_id(self) -> str:
        """As the real client's."""
        return self._client.tenant_id

    @property
    def tenant_name(self) -> str:
        """As the real client's."""
        return self._client.tenant_name

    @property
    def calls(self) -> int:
        """As the real client's."""
        return self._client.calls

    async def get(
        self,
        path: str,
        params: Mapping[str, str | int] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        slow_tries: int | None = None,
    ) -> Answer:
        """As the real client's."""
        answer = await self._client.get(path, params, headers=headers, slow_tries=slow_tries)
        after_first, self._after_first = self._after_first, None
        if after_first is not None:
            await asyncio.to_thread(after_first)
        return answer


def run_with_session(
    work: Callable[[HttpSession], Awaitable[T]],
    *,
    timing: Timing | None = None,
    retry: RetryPolicy | None = None,
) -> T:
    """Run a coroutine with an HTTP session of its own, in an event loop of its own."""

    async def run() -> T:
        async with HttpSession(timing=timing, retry=retry) as session:
            return await work(session)

    return asyncio.run(run())
