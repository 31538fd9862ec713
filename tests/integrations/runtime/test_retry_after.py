"""How a provider's `Retry-After` is read."""

from datetime import UTC, datetime

import pytest

from integrations.runtime.retry import retry_after_s

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("24", 24.0),
        (" 1.5 ", 1.5),
        ("0", 0.0),
        ("Tue, 10 Mar 2026 12:01:30 GMT", 90.0),
        ("Tue, 10 Mar 2026 11:00:00 GMT", 0.0),
        ("Tue, 10 Mar 2026 12:00:05 -0000", 5.0),
        ("999999999999999", 31 * 86400.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 31 * 86400.0),
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("²", None),
        ("Tue, 40 Mar 2026 12:00:00 GMT", None),
    ],
)
def test_seconds_and_dates_are_understood_and_nonsense_is_ignored(value, seconds):
    assert retry_after_s(value, now=NOW) == seconds
