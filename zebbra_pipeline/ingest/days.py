"""The day that a fetch, a plan or a merge counts from."""

from datetime import date, datetime


def day_of_fetch(as_of: str = "") -> date:
    """
    Return *as_of* (YYYY-MM-DD), or for an empty one the day where this machine is.

    Raises:
        ValueError: If *as_of* is something else.
    """
    return date.fromisoformat(as_of) if as_of else datetime.now().astimezone().date()
