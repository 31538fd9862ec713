"""The name of a new integration: what it may be, and what it replaces in the templates."""

import keyword
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import get_args

from integrations.contracts import ApiType

API_TYPES: tuple[ApiType, ...] = get_args(ApiType)
LONGEST = 24
"""Letters of a name: with more, lines of the templates would grow beyond 100 columns."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_RESERVED = {
    "contracts": "the folder integrations/contracts",
    "healthz": "the sandbox's own address /healthz",
    "pipeline": "the package zebbra-pipeline",
    "runtime": "the folder integrations/runtime",
    "templates": "the folder integrations/templates",
    "testing": "the folder integrations/testing",
    "zebbra": "the settings that begin with ZEBBRA_",
}
_IN_TEMPLATES = re.compile(
    r"integrations\.templates\.(?:accounting|payroll)"
    r"|DemoBooks|DemoPay|demobooks|demopay|DEMOBOOKS|DEMOPAY"
)


class GenerateError(Exception):
    """No integration can be written as asked; nothing was written. The text says why."""


@dataclass(frozen=True, slots=True)
class Naming:
    """
    The names of a new integration.

    Attributes:
        name: As registered, e.g. `FreeAgent`.
        api_type: Family.
        package: Import name of its package, e.g. `integrations.freeagent`.
    """

    name: str
    api_type: ApiType
    package: str

    @property
    def slug(self) -> str:
        """Lower-case name, as in folders, URLs and asset keys."""
        return self.name.lower()

    def render(self, text: str) -> str:
        """Return a template's text with these names in it."""
        return _with_sorted_imports(_IN_TEMPLATES.sub(self._replacement, text))

    def _replacement(self, found: re.Match[str]) -> str:
        text = found.group()
        if "." in text:
            return self.package
        if text.islower():
            return self.slug
        return self.slug.upper() if text.isupper() else self.name


def check_name(name: str, *, installed: Iterable[str]) -> str:
    """
    Return the name of a new integration.

    Args:
        name: As a person typed it.
        installed: Names of the integrations that exist.

    Raises:
        GenerateError: If it cannot be the name of a new one.
    """
    if not _NAME.fullmatch(name):
        raise GenerateError(
            f"integration name {name!r}: expected letters and digits only, a letter first, "
            "such as 'FreeAgent'"
        )
    if len(name) > LONGEST:
        raise GenerateError(
            f"integration name {name!r}: expected at most {LONGEST} letters, found {len(name)}"
        )
    slug = name.lower()
    if slug in _RESERVED:
        raise GenerateError(f"integration name {name!r} is reserved: it means {_RESERVED[slug]}")
    if keyword.iskeyword(slug):
        raise GenerateError(
            f"integration name {name!r} is reserved: {slug!r} is a word of Python's, "
            "which no module can be called"
        )
    for other in installed:
        if other.lower() == slug:
            raise GenerateError(f"an integration called {other} already exists")
    return name


def check_api_type(api_type: str) -> ApiType:
    """
    Return the family of a new integration.

    Raises:
        GenerateError: If there is none of that name.
    """
    for known in API_TYPES:
        if api_type == known:
            return known
    raise GenerateError(f"API type {api_type!r}: expected {' or '.join(API_TYPES)}")


def _with_sorted_imports(text: str) -> str:
    """
    Sort each run of `from ...` statements by module.

    The templates' are sorted, but a new name may belong elsewhere in the order.
    """
    return _IMPORT_RUN.sub(lambda run: "".join(sorted(_split(run.group()), key=_module)), text)


_IMPORT = r"from [\w.]+ import (?:\([^)]*\)|[^\n(]+)\n"
_IMPORT_RUN = re.compile(rf"^(?:{_IMPORT})+", re.MULTILINE)


def _split(run: str) -> list[str]:
    return re.findall(_IMPORT, run)


def _module(statement: str) -> str:
    return statement.split(maxsplit=2)[1].lower()
