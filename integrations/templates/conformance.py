"""DemoBooks keeps the promises of every plugin, against its sandbox, and is filled in."""

from pathlib import Path

import pytest

import integrations.templates.accounting as package
from integrations.testing import conformance_tests

TestConformance = conformance_tests(package.PLUGIN)


def test_nothing_is_left_to_fill_in() -> None:
    """A `FILL IN` comment is deleted when its place is filled in."""
    root = Path(package.__file__).parent
    left = [
        f"{path.relative_to(root)}:{number}: {line.strip()}"
        for path in sorted(root.rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if "FILL IN" in line
    ]
    if left:
        pytest.fail("fill in these places, then delete their comments:\n" + "\n".join(left))
