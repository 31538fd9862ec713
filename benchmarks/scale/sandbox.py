"""Serves Xero's sandbox with the world's companies: `python -m benchmarks.scale.sandbox <port>`."""

import signal
import sys

from starlette.applications import Starlette

from benchmarks.scale.clocks import FastClock
from benchmarks.scale.options import Options
from benchmarks.scale.world import build_world
from integrations.sandbox_kit import SandboxContext, sandbox_app, serve_in_thread
from integrations.xero.sandbox import build_sandbox


def emulator(options: Options, context: SandboxContext) -> Starlette:
    """Return the emulator; its limits are Xero's, by a clock of their own."""
    app = build_sandbox(context, companies=build_world(options).companies)
    app.state.parts.limiter.clock = FastClock(options.time_scale)
    return app


def main() -> None:
    options = Options.of()
    app = sandbox_app({"xero": lambda context: emulator(options, context)}, today=options.today)
    with serve_in_thread(app, port=int(sys.argv[1])):
        signal.pause()


if __name__ == "__main__":
    main()
