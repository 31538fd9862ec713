"""`expect` and the errors of checks: what was expected, what was found, and why it matters."""


class ConformanceError(AssertionError):
    """
    A check has failed.

    Attributes:
        expected: The expected behaviour, in words.
        found: The observed behaviour.
        why: The consequence for users.
    """

    def __init__(self, *, expected: str, found: str, why: str) -> None:
        super().__init__(
            f"expected        {expected}\nfound           {found}\nwhy it matters  {why}"
        )
        self.expected = expected
        self.found = found
        self.why = why


class HarnessError(Exception):
    """The checks cannot run: the plugin, its sandbox or the OAuth service cannot be loaded."""


def expect(condition: bool, *, expected: str, found: str, why: str) -> None:  # noqa: FBT001 -- reads like assert
    """
    Check that *condition* is true.

    Raises:
        ConformanceError: If it is false.
    """
    if not condition:
        raise ConformanceError(expected=expected, found=found, why=why)


def shown(error: BaseException) -> str:
    """Return an error in one line: its class and its text."""
    return " ".join(f"{type(error).__name__}: {error}".split())
