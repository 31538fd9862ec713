"""`IntegrationPlugin`: the object that a plugin package exports."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal
from urllib.parse import urlsplit

from integrations.contracts.adapter import (
    AccountingFetchAdapter,
    FetchAdapter,
    PayrollFetchAdapter,
)
from integrations.contracts.facts import ApiFacts
from integrations.contracts.naming import IntegrationProvider
from integrations.contracts.oauth import IntegrationOAuth
from integrations.contracts.refusals import RefusalReader

ApiType = Literal["accounting", "payroll"]
_FAMILIES: dict[str, Any] = {
    "accounting": AccountingFetchAdapter,
    "payroll": PayrollFetchAdapter,
}


@dataclass(frozen=True, slots=True)
class IntegrationPlugin:
    """
    A provider: how to connect to it and how to fetch from it.

    A plugin that violates the contract fails when it is imported.

    Attributes:
        name: Registered name, e.g. `IntegrationProvider("Xero")`.
        api_type: Family of its adapter.
        oauth: Facts and steps of the provider's OAuth 2.0.
        adapter: Class of the fetch adapter.
        api: Facts about the data API.
        sandbox: `module:function` that builds its emulator; None if it has none. See
            `sandbox_kit`.
        summary: One line for lists and the connect page.
        docs_url: The provider's developer documentation.

    Raises:
        ValueError: If a name, the family or a URL violates the contract.
        TypeError: If the adapter, `oauth` or `api.refusals` is of the wrong class.
    """

    name: IntegrationProvider
    api_type: ApiType
    oauth: IntegrationOAuth
    adapter: type[FetchAdapter]
    api: ApiFacts
    sandbox: str | None = None
    summary: str = ""
    docs_url: str = ""

    def __post_init__(self) -> None:
        """Check the contract here rather than later, in a run."""
        family = _FAMILIES.get(self.api_type)
        if family is None:
            raise ValueError(f"{self.name}: api_type: expected one of {sorted(_FAMILIES)}")
        if not issubclass(self.adapter, family):
            raise TypeError(f"{self.name}: adapter: expected a subclass of {family.__name__}")
        if getattr(self.adapter, "name", None) != self.name:
            raise ValueError(f"{self.name}: adapter.name: expected {str(self.name)!r}")
        if not isinstance(self.oauth, IntegrationOAuth):
            raise TypeError(f"{self.name}: oauth: expected an instance of IntegrationOAuth")
        if not isinstance(self.api.refusals, RefusalReader):
            raise TypeError(f"{self.name}: api.refusals: expected an instance of RefusalReader")
        for what, url in (
            ("authorize_url", self.oauth.authorize_url),
            ("token_url", self.oauth.token_url),
            ("api.base_url", self.api.base_url),
        ):
            if urlsplit(url).scheme != "https":
                raise ValueError(f"{self.name}: {what}: expected an https URL")

    @property
    def slug(self) -> str:
        """Lower-case name, as in URLs, asset keys and settings."""
        return self.name.slug

    def load_sandbox(self) -> Any:
        """
        Return the function that builds this provider's emulator.

        Raises:
            LookupError: If the plugin has no sandbox.
        """
        if self.sandbox is None:
            raise LookupError(f"{self.name}: this plugin ships no sandbox")
        module, _, attribute = self.sandbox.partition(":")
        return getattr(import_module(module), attribute)
