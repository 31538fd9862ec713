"""What can be chosen, and how the processes of a run are told of it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Self

_PREFIX = "ZEBBRA_SCALE_"


@dataclass(frozen=True, slots=True)
class Options:
    """
    What is measured.

    Attributes:
        workspaces: How many there are.
        batch: The most workspaces in a run.
        time_scale: How many times faster the provider's minutes and days pass.
        failing: Per cent of the workspaces that fail.
        today: The day on which the books end and figures are fetched.
    """

    workspaces: int
    batch: int
    time_scale: float
    failing: float
    today: date

    def environment(self) -> dict[str, str]:
        """Return the variables by which a process finds the same options."""
        return {
            f"{_PREFIX}WORKSPACES": str(self.workspaces),
            f"{_PREFIX}BATCH": str(self.batch),
            f"{_PREFIX}TIME": str(self.time_scale),
            f"{_PREFIX}FAILING": str(self.failing),
            f"{_PREFIX}TODAY": self.today.isoformat(),
        }

    @classmethod
    def of(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Return the options that `environment` put into *environ*."""
        return cls(
            workspaces=int(environ[f"{_PREFIX}WORKSPACES"]),
            batch=int(environ[f"{_PREFIX}BATCH"]),
            time_scale=float(environ[f"{_PREFIX}TIME"]),
            failing=float(environ[f"{_PREFIX}FAILING"]),
            today=date.fromisoformat(environ[f"{_PREFIX}TODAY"]),
        )
