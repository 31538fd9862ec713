"""`FetchAdapter`: fetches the figures of one workspace from one provider."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import date
from typing import ClassVar

from integrations.contracts.client import ProviderClient
from integrations.contracts.naming import IntegrationProvider, check_workspace_id
from integrations.contracts.payroll import PAYROLL_ENDPOINTS, Employee, PayrollCost
from integrations.contracts.statements import ALL_STATEMENTS, DataBatch, Statement


class FetchAdapter(ABC):
    """
    Base class of accounting and payroll adapters.

    Attributes:
        name: Registered name of the integration, set by the plugin's class.
        workspace_id: The customer to fetch for.
        client: Authorised client bound to that customer's connection.
        today: The day of the fetch; its month is the current month. Adapters never read a clock.

    Raises:
        ValueError: If the workspace id does not match `WORKSPACE_ID_PATTERN`.
    """

    name: ClassVar[str]

    def __init__(self, workspace_id: str, client: ProviderClient, *, today: date) -> None:
        self.workspace_id = check_workspace_id(workspace_id)
        self.client = client
        self.today = today

    @property
    def integration(self) -> IntegrationProvider:
        """Registered name of the integration."""
        return IntegrationProvider(self.name)

    @classmethod
    def planned_calls(cls, from_date: date, today: date) -> int | None:  # noqa: ARG003 -- for overrides
        """
        Return the minimum number of requests of a full fetch; None if it is unknown.

        No request is sent. Retries, further pages and requests that depend on an answer are
        not included.

        Args:
            from_date: Any day of the first month to fetch.
            today: The day of the fetch.
        """
        return None

    @abstractmethod
    async def get_data_endpoints(self, from_date: date) -> Sequence[str]:
        """
        Return the endpoint names that a model can refer to, read from the provider.

        The names of data that has already landed are in the warehouse, which costs no request.

        Args:
            from_date: Any day of the first month to fetch.

        Raises:
            IntegrationError: A subclass that says what to do; see `contracts.errors`.
        """


class AccountingFetchAdapter(FetchAdapter):
    """Fetches dated monthly figures."""

    @abstractmethod
    async def get_data(
        self, from_date: date, *, statements: frozenset[Statement] = ALL_STATEMENTS
    ) -> DataBatch:
        """
        Return every month from the month of *from_date* to the current one.

        Args:
            from_date: Any day of the first month to fetch.
            statements: Statements to fetch; no request is sent for the others.

        Raises:
            IntegrationError: A subclass that says what to do; see `contracts.errors`.
        """

    async def get_data_endpoints(self, from_date: date) -> Sequence[str]:
        """Fetch the figures since *from_date* and return their endpoint names."""
        return (await self.get_data(from_date)).endpoints


class PayrollFetchAdapter(FetchAdapter):
    """Fetches employees and the monthly payroll cost."""

    @abstractmethod
    async def get_data(self, from_date: date) -> list[Employee]:
        """
        Return the employees with a job spell in or after the month of *from_date*.

        Each comes with all of their spells, including those that ended earlier.

        Args:
            from_date: Any day of the first month to fetch.

        Raises:
            IntegrationError: A subclass that says what to do; see `contracts.errors`.
        """

    @abstractmethod
    async def get_payroll_costs(self, from_date: date) -> list[PayrollCost]:
        """
        Return the cost of processed payrolls, one entry for each month, ascending.

        The months run from the month of *from_date* to the current one; a month without a
        payroll has zeros.

        Args:
            from_date: Any day of the first month to fetch.

        Raises:
            IntegrationError: A subclass that says what to do; see `contracts.errors`.
        """

    async def get_data_endpoints(self, from_date: date) -> Sequence[str]:  # noqa: ARG002 -- always the same
        """Return the names of the monthly cost figures, which are the same for every workspace."""
        return tuple(PAYROLL_ENDPOINTS)
