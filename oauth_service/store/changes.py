"""The number of the latest change: what a sensor's cursor counts."""

from sqlalchemy import Connection, select, update

from oauth_service.store.schema import numbers


def next_change(transaction: Connection) -> int:
    """
    Return the next change number.

    The row stays locked until the transaction ends, so numbers become visible in order and
    a cursor never passes one that is still to come.
    """
    statement = (
        update(numbers)
        .where(numbers.c.name == "change")
        .values(value=numbers.c.value + 1)
        .returning(numbers.c.value)
    )
    return int(transaction.execute(statement).scalar_one())


def latest_change(transaction: Connection) -> int:
    """Return the number of the latest change that is committed."""
    query = select(numbers.c.value).where(numbers.c.name == "change")
    return int(transaction.execute(query).scalar_one())
