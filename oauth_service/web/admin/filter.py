"""The filter of the operator's page, as it stands in the page's address."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from oauth_service.store import ConnectionState, Order, Outcome, Wanted
from oauth_service.web.admin.view import EVENTS, FAILURES, STATES

NEVER_CONNECTED = "never_connected"
_FAILED = "failed"
_LONGEST_TEXT = 100
_AGES_DAYS = (1, 7, 30)

Choice = tuple[str, str]
"""Value and text of one option of a select."""

STATE_CHOICES: tuple[Choice, ...] = (
    ("", "Any state"),
    *((state.value, STATES[state].text) for state in ConnectionState),
    (NEVER_CONNECTED, STATES[None].text),
)
AGE_CHOICES: tuple[Choice, ...] = (
    ("", "Any age"),
    *((str(days), f"Over {days} day{'s' if days > 1 else ''}") for days in _AGES_DAYS),
)
EVENT_CHOICES: tuple[Choice, ...] = (
    ("", "Anything"),
    (_FAILED, "Any failure"),
    *((outcome.value, EVENTS[outcome]) for outcome in Outcome),
)
ORDER_CHOICES: tuple[Choice, ...] = (
    (Order.WORKSPACE.value, "Workspace"),
    (Order.OLDEST_TOKENS.value, "Oldest tokens first"),
)


@dataclass(frozen=True, slots=True)
class Filter:
    """What is chosen; empty is "any"."""

    text: str = ""
    state: str = ""
    integration: str = ""
    age: str = ""
    event: str = ""
    order: str = Order.WORKSPACE.value
    page: int = 1

    def wanted(self, now: datetime) -> Wanted:
        """Return the same in the store's words."""
        never = self.state == NEVER_CONNECTED
        event = frozenset({Outcome(self.event)}) if self.event not in {"", _FAILED} else frozenset()
        return Wanted(
            text=self.text,
            state=ConnectionState(self.state) if self.state and not never else None,
            never_connected=never,
            integration=self.integration or None,
            tokens_before=now - timedelta(days=int(self.age)) if self.age else None,
            outcomes=FAILURES if self.event == _FAILED else event,
            order=Order(self.order),
        )

    def query(self, page: int) -> str:
        """Return the query of the address of another page of the same."""
        fields = {
            "text": self.text,
            "state": self.state,
            "integration": self.integration,
            "age": self.age,
            "event": self.event,
            "order": self.order if self.order != Order.WORKSPACE else "",
            "page": str(page) if page > 1 else "",
        }
        return urlencode({name: value for name, value in fields.items() if value})


def filter_of(query: Mapping[str, str]) -> Filter:
    """Return the filter of an address; what is not understood is as if it were not there."""
    page = query.get("page", "")
    return Filter(
        text=plain_text(query.get("text", ""))[:_LONGEST_TEXT],
        state=_one_of(STATE_CHOICES, query.get("state")),
        integration=_slug(query.get("integration", "")),
        age=_one_of(AGE_CHOICES, query.get("age")),
        event=_one_of(EVENT_CHOICES, query.get("event")),
        order=_one_of(ORDER_CHOICES, query.get("order")),
        page=int(page) if page.isascii() and page.isdigit() and len(page) <= 6 else 1,  # noqa: PLR2004 -- digits
    )


def plain_text(text: str) -> str:
    """Return *text* without control characters, which databases refuse, and outer spaces."""
    return "".join(char for char in text if char.isprintable()).strip()


def _one_of(choices: tuple[Choice, ...], value: str | None) -> str:
    return value if value in {known for known, _ in choices} and value else choices[0][0]


def _slug(value: str) -> str:
    return value if value.isascii() and value.isalnum() else ""
