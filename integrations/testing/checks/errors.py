"""Checks that each kind of failure becomes the error class that says what to do."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from integrations.contracts import (
    AccessDeniedError,
    ConfigurationError,
    DayLimitError,
    IntegrationError,
    PayloadError,
    ProviderUnavailableError,
    RateLimits,
    ReconnectRequiredError,
    RequestRefusedError,
)
from integrations.testing.expectations import expect, shown
from integrations.testing.fetching import Fetched
from integrations.testing.harness import Harness

_OK = 200


@dataclass(frozen=True, slots=True)
class Trouble:
    """
    A failure at the provider, and the errors that a fetch may raise for it.

    Attributes:
        name: Of the check, after `check_`.
        fault: The fault that the sandbox injects.
        classes: The expected errors; a subclass with another meaning fails the check.
        passes: Whether a fetch still succeeds if the failure happens only once.
        may_do_without: Whether an adapter may continue without what was refused, as long as no
            figure is missing (a lock date, a name).
    """

    name: str
    fault: Mapping[str, Any]
    classes: tuple[type[IntegrationError], ...]
    why: str
    passes: bool = False
    may_do_without: bool = False


_AGAIN = "a short outage would fail the run, or a permanent refusal would be retried without end"
TROUBLES = (
    Trouble(
        "status_401_that_stays_means_reconnect",
        {"kind": "status", "status": 401},
        (ReconnectRequiredError,),
        "only the customer can replace a token that is refused although it is fresh",
    ),
    Trouble(
        "status_403_means_a_missing_permission",
        {"kind": "status", "status": 403},
        (AccessDeniedError, ReconnectRequiredError),
        "the customer needs to know which permission to grant; a retry does not help",
        may_do_without=True,
    ),
    Trouble(
        "status_404_means_a_refused_request",
        {"kind": "status", "status": 404},
        (RequestRefusedError, AccessDeniedError, ReconnectRequiredError),
        "what is not found is neither empty nor an outage",
        may_do_without=True,
    ),
    Trouble(
        "status_406_means_an_outdated_version",
        {"kind": "status", "status": 406},
        (ConfigurationError,),
        "the operator has to update the integration; customers can do nothing",
    ),
    Trouble(
        "status_422_means_a_refused_request",
        {"kind": "status", "status": 422},
        (RequestRefusedError,),
        "our request is wrong; trying again will not help",
        may_do_without=True,
    ),
    Trouble(
        "status_429_of_the_minute_means_wait_and_go_on",
        {"kind": "minute_limit", "retry_after": 2},
        (ProviderUnavailableError,),
        "a limit of seconds is part of the day's work",
        passes=True,
    ),
    Trouble(
        "status_429_of_the_day_means_come_back_later",
        {"kind": "day_limit", "retry_after": 6 * 3600},
        (DayLimitError,),
        "a run that waits for hours blocks a slot that others need; one that keeps retrying is "
        "refused all day",
    ),
    Trouble(
        "status_500_means_try_again",
        {"kind": "status", "status": 500},
        (ProviderUnavailableError,),
        _AGAIN,
        passes=True,
    ),
    Trouble(
        "status_503_means_try_again",
        {"kind": "status", "status": 503},
        (ProviderUnavailableError,),
        _AGAIN,
        passes=True,
    ),
    Trouble(
        "html_instead_of_json_is_not_read_as_data",
        {"kind": "html"},
        (PayloadError,),
        "providers' front ends answer pages with status 200 during outages",
        passes=True,
    ),
    Trouble(
        "truncated_json_is_not_read_as_data",
        {"kind": "truncated"},
        (PayloadError,),
        "a truncated answer would be landed as a complete one",
        passes=True,
    ),
)


def _expect_right_error(harness: Harness, trouble: Trouble) -> None:
    harness.fresh()
    whole = harness.reference()
    classes = _classes(trouble, harness.plugin.api.limits)
    connected = harness.connect()
    harness.control.clear_calls()
    harness.attempt(connected)
    for path in _data_paths(harness):
        what = f"when {path} answers {_described(trouble)}"
        harness.control.fault(**trouble.fault, path=path, times=None)
        found = harness.attempt(connected)
        harness.control.clear_faults()
        if trouble.may_do_without and isinstance(found, Fetched) and found.same_lines_as(whole):
            continue
        names = " or ".join(item.__name__ for item in classes)
        expect(
            type(found) in classes,
            expected=f"{names} {what}",
            found=shown(found) if isinstance(found, Exception) else _as_if_nothing(found, whole),
            why=trouble.why,
        )
        expect(
            str(harness.plugin.name) in str(found),
            expected=f"an error that names {harness.plugin.name} {what}",
            found=shown(found) if isinstance(found, Exception) else "",
            why="a log holds errors of many providers, so each has to name its own",
        )
        if trouble.passes:
            harness.control.fault(**trouble.fault, path=path, times=1)
            again = harness.attempt(connected)
            expect(
                isinstance(again, Fetched) and again.figures == whole.figures,
                expected=f"the same figures {what} once, and then as ever",
                found=shown(again) if isinstance(again, Exception) else "other figures",
                why=trouble.why,
            )
            harness.control.clear_faults()
        # The wait that the provider asked for is over.
        harness.control.advance_clock(61)


def _classes(trouble: Trouble, limits: RateLimits) -> tuple[type[IntegrationError], ...]:
    """Return the expected errors; without a long quota every 429 counts as the minute's."""
    if DayLimitError in trouble.classes and not (limits.per_day or limits.day_problem):
        return (*trouble.classes, ProviderUnavailableError)
    return trouble.classes


def _data_paths(harness: Harness) -> list[str]:
    """Return a path of each kind that a fetch has just asked, by its last word."""
    found: dict[str, str] = {}
    for call in harness.control.calls():
        if call["status"] == _OK and call["path"] != harness.addresses.token_path:
            found.setdefault(call["path"].rpartition("/")[2], call["path"])
    return list(found.values())


def _described(trouble: Trouble) -> str:
    kind = trouble.fault["kind"]
    return {
        "status": f"{trouble.fault.get('status')}",
        "minute_limit": "429 for some seconds",
        "day_limit": "429 for the rest of the day",
        "html": "a page instead of data",
        "truncated": "with half of its body",
    }[kind]


def _as_if_nothing(found: Fetched | Exception, whole: Fetched) -> str:
    same = isinstance(found, Fetched) and found.figures == whole.figures
    return "the usual figures" if same else "figures without what could not be read"


def _check(trouble: Trouble) -> Callable[[Harness], None]:
    def check(harness: Harness) -> None:
        _expect_right_error(harness, trouble)

    names = " or ".join(item.__name__ for item in trouble.classes)
    check.__name__ = check.__qualname__ = f"check_{trouble.name}"
    check.__doc__ = f"{names}, whichever request of a fetch meets it."
    return check


CHECKS = tuple(_check(trouble) for trouble in TROUBLES)
