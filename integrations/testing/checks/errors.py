"""Checks that each kind of trouble becomes the error that says what to do."""

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
from integrations.testing.bench import Bench
from integrations.testing.expectations import expect, shown
from integrations.testing.fetching import Fetched

_OK = 200


@dataclass(frozen=True, slots=True)
class Trouble:
    """
    What the provider answers, and what has to come of it.

    Attributes:
        name: Of the check, after `check_`.
        fault: What the sandbox is told.
        classes: The errors that are right; a subclass that says something else is not.
        passes: Whether a fetch succeeds all the same if it happens only once.
        may_do_without: Whether an adapter may go on without what was refused, as long as no
            figure is missing (a lock date, a name).
    """

    name: str
    fault: Mapping[str, Any]
    classes: tuple[type[IntegrationError], ...]
    why: str
    passes: bool = False
    may_do_without: bool = False


_AGAIN = "an outage of minutes would fail the run, or a refusal for good would be retried for ever"
TROUBLES = (
    Trouble(
        "status_401_that_stays_means_reconnect",
        {"kind": "status", "status": 401},
        (ReconnectRequiredError,),
        "nothing but a person can mend a token that is refused although it is fresh",
    ),
    Trouble(
        "status_403_means_a_missing_permission",
        {"kind": "status", "status": 403},
        (AccessDeniedError, ReconnectRequiredError),
        "somebody has to be told which permission to give; trying again will not help",
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
        "a run that waits for hours holds a place that others need; one that goes on asking is "
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
        "half of an answer would be landed as the whole",
        passes=True,
    ),
)


def _expect_right_error(bench: Bench, trouble: Trouble) -> None:
    bench.fresh()
    whole = bench.reference()
    classes = _classes(trouble, bench.plugin.api.limits)
    connected = bench.connect()
    bench.control.clear_calls()
    bench.attempt(connected)
    for path in _data_paths(bench):
        what = f"when {path} answers {_described(trouble)}"
        bench.control.fault(**trouble.fault, path=path, times=None)
        found = bench.attempt(connected)
        bench.control.clear_faults()
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
            str(bench.plugin.name) in str(found),
            expected=f"an error that names {bench.plugin.name} {what}",
            found=shown(found) if isinstance(found, Exception) else "",
            why="whoever reads it among those of other providers must know whom it is about",
        )
        if trouble.passes:
            bench.control.fault(**trouble.fault, path=path, times=1)
            again = bench.attempt(connected)
            expect(
                isinstance(again, Fetched) and again.figures == whole.figures,
                expected=f"the same figures {what} once, and then as ever",
                found=shown(again) if isinstance(again, Exception) else "other figures",
                why=trouble.why,
            )
            bench.control.clear_faults()
        # What the provider has told us to wait for is over.
        bench.control.advance_clock(61)


def _classes(trouble: Trouble, limits: RateLimits) -> tuple[type[IntegrationError], ...]:
    """Return the right errors; of a provider without a long quota no other 429 is known."""
    if DayLimitError in trouble.classes and not (limits.per_day or limits.day_problem):
        return (*trouble.classes, ProviderUnavailableError)
    return trouble.classes


def _data_paths(bench: Bench) -> list[str]:
    """Return a path of each kind that a fetch has just asked, by its last word."""
    found: dict[str, str] = {}
    for call in bench.control.calls():
        if call["status"] == _OK and call["path"] != bench.addresses.token_path:
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


def _check(trouble: Trouble) -> Callable[[Bench], None]:
    def check(bench: Bench) -> None:
        _expect_right_error(bench, trouble)

    names = " or ".join(item.__name__ for item in trouble.classes)
    check.__name__ = check.__qualname__ = f"check_{trouble.name}"
    check.__doc__ = f"{names}, whichever request of a fetch meets it."
    return check


CHECKS = tuple(_check(trouble) for trouble in TROUBLES)
