"""`expect`: a promise that says what it expected, what it found, and why that matters."""


class ConformanceError(AssertionError):
    """
    A check has failed.

    Attributes:
        expected: What should have been, in words.
        found: What was.
        why: What goes wrong for people when it is not so.
    """

    def __init__(self, *, expected: str, found: str, why: str) -> None:
        super().__init__(
            f"expected        {expected}\nfound           {found}\nwhy it matters  {why}"
        )
        self.expected = expected
        self.found = found
        self.why = why


class BenchError(Exception):
    """The plugin cannot be put on the bench at all: it, or its sandbox, cannot be loaded."""


def expect(holds: bool, *, expected: str, found: str, why: str) -> None:  # noqa: FBT001 -- reads like assert
    """
    Do nothing if it *holds*.

    Raises:
        ConformanceError: If it does not.
    """
    if not holds:
        raise ConformanceError(expected=expected, found=found, why=why)


def shown(error: BaseException) -> str:
    """Return an error in one line: its class and its text."""
    return " ".join(f"{type(error).__name__}: {error}".split())
