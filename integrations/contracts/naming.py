"""Validation of the names of integrations and workspaces."""

import re
from typing import Any, Self

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

INTEGRATION_NAME_PATTERN = "^[A-Za-z0-9]+$"
WORKSPACE_ID_PATTERN = "^[A-Za-z0-9_-]{1,64}$"

_INTEGRATION_NAME = re.compile(INTEGRATION_NAME_PATTERN)
_LONGEST_SHOWN = 80
_WORKSPACE_ID = re.compile(WORKSPACE_ID_PATTERN)


class IntegrationProvider(str):
    """
    Registered name of an integration, such as `Xero`: letters and digits only.

    `slug` is its lower-case form, used in URLs, asset keys and settings.
    """

    __slots__ = ()

    def __new__(cls, name: str) -> Self:
        """Raise `ValueError` for a name that cannot be used in URLs and setting names."""
        if not _INTEGRATION_NAME.fullmatch(name):
            raise ValueError(
                f"integration name {name!r}: expected letters and digits only, such as 'Xero'"
            )
        return super().__new__(cls, name)

    @property
    def slug(self) -> str:
        """Lower-case form, as in `/integration/xero/login`; settings use it in upper case."""
        return self.lower()

    @classmethod
    def __get_pydantic_core_schema__(
        cls, _source: object, _handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Make pydantic validate a string and keep this type."""
        return core_schema.no_info_after_validator_function(
            cls, core_schema.str_schema(), serialization=core_schema.to_string_ser_schema()
        )


def check_workspace_id(workspace_id: Any) -> str:
    """
    Return *workspace_id* if it is valid.

    Raises:
        ValueError: If it does not match `WORKSPACE_ID_PATTERN`. The message has an example.
    """
    if not isinstance(workspace_id, str) or not _WORKSPACE_ID.fullmatch(workspace_id):
        shown = repr(workspace_id)
        shown = shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}..."
        raise ValueError(
            f"workspace id {shown}: expected 1 to 64 letters, digits, '_' or '-', such as 'acme'"
        )
    return workspace_id
