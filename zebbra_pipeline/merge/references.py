"""References to a landed line, as model rows write them in `integration_name`."""

import re
import unicodedata
from dataclasses import dataclass

REFERENCE_FORMS = "Xero[Total Income], Xero[Income / Sales] or Xero[#<account id>]"
"""How references look, for people."""

_REFERENCE = re.compile(r"\s*([A-Za-z0-9]+)\s*\[(.*)\]\s*", re.DOTALL)


class MalformedReferenceError(ValueError):
    """A text is no reference."""


@dataclass(frozen=True, slots=True)
class Reference:
    """
    What a model row asks for: a line by name, or an account by its id.

    Exactly one of `endpoint` and `account_id` is set.

    Attributes:
        integration: As written; upper and lower case do not matter.
        endpoint: Name of the line, normalised.
        account_id: The provider's id, without the `#`.
    """

    integration: str
    endpoint: str | None = None
    account_id: str | None = None

    @property
    def text(self) -> str:
        """What stands between the brackets, normalised."""
        return self.endpoint if self.endpoint is not None else f"#{self.account_id}"


def parse_reference(text: str | None) -> Reference:
    """
    Return what *text* refers to, e.g. `Xero[Sales, Net (UK)]`.

    The outermost brackets count, so that a name may hold brackets itself: `Xero[Rent [HQ]]`.

    Raises:
        MalformedReferenceError: Saying how references look.
    """
    match = _REFERENCE.fullmatch(text or "")
    inner = normalised(match[2]) if match else ""
    if not match or inner in {"", "#"}:
        found = "nothing" if not text else "other text"
        raise MalformedReferenceError(
            f"integration_name: expected a reference such as {REFERENCE_FORMS}, found {found}"
        )
    if inner.startswith("#"):
        return Reference(match[1], account_id=inner[1:].strip())
    return Reference(match[1], endpoint=inner)


def normalised(name: str) -> str:
    """Return *name* in composed Unicode (NFC), trimmed, with single blanks."""
    return " ".join(unicodedata.normalize("NFC", name).split())
