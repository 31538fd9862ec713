"""`Harness`: one plugin, connected to its running sandbox through a running OAuth service."""

import io
import logging
import traceback
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from datetime import date
from itertools import count
from typing import Any

from integrations.contracts import (
    FetchAdapter,
    IntegrationAccess,
    IntegrationPlugin,
    ProviderClient,
    months_back,
)
from integrations.runtime.http import BoundClient, HttpSession, RetryPolicy
from integrations.runtime.token_service import ServiceTokens
from integrations.sandbox_kit import Addresses, SandboxControl, SandboxTenant
from integrations.testing.customer import Connected, Customer
from integrations.testing.expectations import ConformanceError, HarnessError, shown
from integrations.testing.fetching import (
    Fetched,
    SkippingTiming,
    T,
    fetch_all,
    run_with_session,
)
from integrations.testing.service import ServiceApi, ServiceProcess

_FORMAT = logging.Formatter("%(levelname)s %(name)s: %(message)s")


class Recorder(logging.Handler):
    """Collects the records of all loggers, from DEBUG on, and the errors passed to it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(_FORMAT)
        self._texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a log record, its arguments and traceback included."""
        self._texts.append(self.format(record))
        self._texts.append(repr(record.args))

    def note(self, text: str) -> None:
        """Keep a text that a log would show."""
        self._texts.append(text)

    def note_error(self, error: BaseException) -> None:
        """Keep an error with the chain of its causes."""
        self._texts.append("".join(traceback.format_exception(error)))
        self._texts.append(repr(error))

    @property
    def text(self) -> str:
        """Everything so far."""
        return "\n".join(self._texts)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Record all logging and printing of this process."""
        root = logging.getLogger()
        level = root.level
        printed = io.StringIO()
        root.addHandler(self)
        root.setLevel(logging.DEBUG)
        try:
            with redirect_stdout(printed), redirect_stderr(printed):
                yield
        finally:
            root.setLevel(level)
            root.removeHandler(self)
            self._texts.append(printed.getvalue())


TODAY = date(2026, 3, 17)
"""Day of the sandboxes' books. Not the real day, so that checks catch adapters that read a clock."""
MONTHS = 14
"""Months of an ordinary fetch: more than one report call of any provider covers."""

Wrap = Callable[[ProviderClient], ProviderClient]


@dataclass
class Harness:
    """
    The argument of every check.

    Attributes:
        plugin: The plugin under test.
        today: Day of the sandbox's books.
        control: Client of the sandbox's control API.
        service: The OAuth service's process.
        api: Client of its API.
        addresses: URLs of the sandbox.
        recorder: Everything logged or raised so far.
        codes: Authorization codes seen so far: secrets that must not be logged.
    """

    plugin: IntegrationPlugin
    today: date
    control: SandboxControl
    service: ServiceProcess
    api: ServiceApi
    addresses: Addresses
    recorder: Recorder = field(default_factory=Recorder)
    # pytest shows a fixture's fields with each failure.
    codes: list[str] = field(default_factory=list, repr=False)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _reference: dict[str, Fetched] = field(default_factory=dict)
    _secrets: dict[str, None] = field(default_factory=dict, repr=False)

    @property
    def from_date(self) -> date:
        """First day of an ordinary fetch."""
        return months_back(self.today, MONTHS).replace(day=1)

    def fresh(self) -> None:
        """Reset the sandbox: grants, faults, calls and the moved clock."""
        self.secrets()
        self.control.reset()

    def tenants(self) -> Sequence[SandboxTenant]:
        """Return the organisations that the sandbox offers."""
        found = self.control.tenants()
        if not found:
            raise HarnessError(f"{self.plugin.name}: the sandbox offers no organisation to connect")
        return found

    def secrets(self) -> list[str]:
        """Return all tokens and codes that the sandbox has issued."""
        self._secrets |= dict.fromkeys((*self.control.issued(), *self.codes))
        return list(self._secrets)

    # -- a customer connects

    def customer(self) -> Customer:
        """Return a new browser that has opened the connect link of a new workspace."""
        workspace_id = f"{self.plugin.slug}-{next(self._numbers)}"
        return Customer(self.api, self.plugin.slug, workspace_id, self.codes)

    def connect(self, tenant: SandboxTenant | None = None) -> Connected:
        """
        Connect a new workspace to a tenant, by default the sandbox's first.

        Raises:
            ConformanceError: If the pages do not lead to a connection.
        """
        return self.customer().connect(tenant or self.tenants()[0])

    def access(self, connected: Connected) -> IntegrationAccess:
        """Return the access that the token API returns."""
        return self.api.access(connected.workspace_id, self.plugin.slug)

    def state(self, connected: Connected) -> str:
        """Return the state of the connection."""
        return self.api.state(connected.workspace_id, self.plugin.slug)

    def token_calls(self) -> int:
        """Return the number of token requests since the calls were last cleared."""
        return len(self.control.calls(self.addresses.token_path))

    # -- a run fetches

    def fetch(
        self,
        connected: Connected,
        from_date: date | None = None,
        *,
        today: date | None = None,
        wrap: Wrap = lambda client: client,
    ) -> Fetched:
        """
        Fetch everything with a new adapter; waiting costs no time.

        Raises:
            IntegrationError: As the adapter does.
            Exception: Any other error of the adapter; a conforming one raises none.
        """

        async def work(session: HttpSession) -> Fetched:
            client = await self.client(session, connected).open()
            adapter = self.adapter(connected, wrap(client), today=today)
            return await fetch_all(adapter, from_date or self.from_date)

        return self.run(work)

    def attempt(self, connected: Connected, **details: Any) -> Fetched | Exception:
        """Return the result of a fetch, or the error that it raises."""
        try:
            return self.fetch(connected, **details)
        except Exception as exc:  # noqa: BLE001 -- a check judges it
            return exc

    def reference(self, tenant: SandboxTenant | None = None) -> Fetched:
        """
        Return the result of an ordinary fetch of a tenant without faults; fetched once.

        Raises:
            ConformanceError: If it ends with an error.
        """
        tenant = tenant or self.tenants()[0]
        if tenant.id not in self._reference:
            found = self.attempt(self.connect(tenant))
            if isinstance(found, Exception):
                raise ConformanceError(
                    expected="an undisturbed fetch of the sandbox to succeed",
                    found=shown(found),
                    why="no other check of the figures is possible without it",
                ) from found
            self._reference[tenant.id] = found
        return self._reference[tenant.id]

    def client(
        self, session: HttpSession, connected: Connected, plugin: IntegrationPlugin | None = None
    ) -> BoundClient:
        """Return the client that the adapter gets."""
        service = self.api.client(session)
        tokens = ServiceTokens(service, connected.workspace_id, self.plugin.slug)
        return session.bind(
            plugin or self.plugin, tokens=tokens, base_url=self.addresses.api_base_url
        )

    def adapter(
        self, connected: Connected, client: ProviderClient, *, today: date | None = None
    ) -> FetchAdapter:
        """Return a new adapter."""
        return self.plugin.adapter(connected.workspace_id, client, today=today or self.today)

    def run(
        self, work: Callable[[HttpSession], Awaitable[T]], *, retry: RetryPolicy | None = None
    ) -> T:
        """Run a coroutine with a session that skips waits; logs and errors are recorded."""
        with self.recorder.listening():
            try:
                return run_with_session(work, timing=SkippingTiming(self.control), retry=retry)
            except Exception as exc:
                self.recorder.note_error(exc)
                raise
