"""The code location that Dagster's code server loads."""

import os

from benchmarks.scale.definitions import definitions
from benchmarks.scale.options import Options
from benchmarks.scale.processes import CRON

defs = definitions(Options.of(), os.environ[CRON])
