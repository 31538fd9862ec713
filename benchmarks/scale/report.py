"""What was measured: as a table for people, as JSON for machines."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_MB = 1_000_000


@dataclass
class Report:
    """
    Facts in the order in which they are shown, by section.

    Attributes:
        wrong: What should not be, one line each; empty if all is right.
    """

    sections: dict[str, dict[str, Any]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def note(self, section: str, **facts: Any) -> None:
        """Add facts; `_` in a name is shown as a space."""
        self.sections.setdefault(section, {}).update(facts)

    def table(self) -> str:
        """Return one line for each fact, and whatever is wrong."""
        lines = []
        for section, facts in self.sections.items():
            lines.append(f"\n{section}")
            lines += [
                f"  {_title(name):44} {_shown(name, fact):>16}" for name, fact in facts.items()
            ]
        lines.append("")
        if self.wrong:
            lines.append(f"WRONG ({len(self.wrong)}):")
            lines += [f"  {line}" for line in self.wrong]
        else:
            lines.append("everything is as it should be")
        return "\n".join(lines)

    def write(self, path: Path) -> None:
        """Write all of it as JSON; sizes are in bytes, durations in seconds."""
        path.write_text(json.dumps({**self.sections, "wrong": self.wrong}, indent=2) + "\n")


def _title(name: str) -> str:
    return name.removesuffix("_bytes").removesuffix("_s").replace("_", " ")


def _shown(name: str, fact: Any) -> str:
    if name.endswith("_bytes"):
        return f"{fact / _MB:.1f} MB"
    if name.endswith("_s"):
        return f"{fact:.1f} s"
    return f"{fact:,}" if isinstance(fact, int) else str(fact)
