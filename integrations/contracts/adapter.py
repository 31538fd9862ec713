"""`FetchAdapter`: asks one provider for one workspace's figures."""

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
    Base of both families.

    Attributes:
        name: Registered name of the integration, set by the plugin's class.
        workspace_id: Customer whose figures are fetched.
        client: Authorised client bound to that customer's connection.
        today: The day of the fetch. The running month is the one it lies in; adapters
            never read a clock.
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
        Return the fewest requests that a fetch of everything sends; None if nobody can tell.

        Pure: nothing is asked. Retries, further pages and other answers to what the provider
        says come on top.

        Args:
            from_date: Any day of the first month wanted.
            today: The day of the fetch.
        """
        return None

    @abstractmethod
    async def get_data_endpoints(self, from_date: date) -> Sequence[str]:
        """
        Return the endpoint names that a model can refer to, asking the provider.

        Callers who only want to know what is landed ask the pipeline, which costs no call.
        """


class AccountingFetchAdapter(FetchAdapter):
    """Fetches dated monthly figures."""

    @abstractmethod
    async def get_data(
        self, from_date: date, *, statements: frozenset[Statement] = ALL_STATEMENTS
    ) -> DataBatch:
        """
        Return every month from the month of *from_date* to the running one.

        Args:
            from_date: Any day of the first month wanted.
            statements: Statements to fetch; others cost no call.

        Raises:
            IntegrationError: The leaf that says what to do; see `contracts.errors`.
        """

    async def get_data_endpoints(self, from_date: date) -> Sequence[str]:
        """Return the endpoint names of the batch since *from_date*."""
        return (await self.get_data(from_date)).endpoints


class PayrollFetchAdapter(FetchAdapter):
    """Fetches people and what they cost."""

    @abstractmethod
    async def get_data(self, from_date: date) -> list[Employee]:
        """
        Return everybody with a job spell that had not ended before *from_date*'s month.

        All spells of such a person are returned, also earlier ones.

        Raises:
            IntegrationError: The leaf that says what to do; see `contracts.errors`.
        """

    @abstractmethod
    async def get_payroll_costs(self, from_date: date) -> list[PayrollCost]:
        """
        Return the cost of processed payrolls, one entry for every month.

        From the month of *from_date* to the running one, ascending; a month without a
        payroll has zeros.

        Raises:
            IntegrationError: The leaf that says what to do; see `contracts.errors`.
        """

    async def get_data_endpoints(self, from_date: date) -> Sequence[str]:  # noqa: ARG002 -- always the same
        """Return the names of the monthly cost figures; they are the same for everybody."""
        return tuple(PAYROLL_ENDPOINTS)
