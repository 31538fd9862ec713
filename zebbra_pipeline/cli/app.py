"""The `zebbra` command: what it offers, and how errors reach a person."""

import sys
from typing import Any

import typer

from integrations.contracts import IntegrationError
from integrations.contracts.display import printable
from integrations.runtime.token_service import UnknownWorkspaceError
from zebbra_pipeline.backup.manifest import BackupError
from zebbra_pipeline.cli import backup as backing_up
from zebbra_pipeline.cli import connections as connecting
from zebbra_pipeline.cli import doctor as checking
from zebbra_pipeline.cli import figures, keys, serving
from zebbra_pipeline.cli import new as generating
from zebbra_pipeline.cli import plan as planning
from zebbra_pipeline.cli import refresh as refreshing
from zebbra_pipeline.cli.context import UsageError, err
from zebbra_pipeline.cli.demo.command import demo
from zebbra_pipeline.cli.output import print_traceback, print_whatever_the_encoding
from zebbra_pipeline.cli.processes import ProcessError
from zebbra_pipeline.ingest.progress import OPEN_ELSEWHERE, lines_of
from zebbra_pipeline.merge import ModelDocumentError
from zebbra_pipeline.warehouse import WarehouseError

_EXPECTED = (
    BackupError,
    IntegrationError,
    ModelDocumentError,
    ProcessError,
    UnknownWorkspaceError,
    UsageError,
    WarehouseError,
)
_INTERRUPTED = 130
# What a wrong option or argument raises: click's, or Typer's own copy of it since Typer 0.26.
_WRONG_USE: Any = next(
    kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException"
)

app = typer.Typer(
    name="zebbra",
    help="Brings the books of your customers into their financial models, workspace by workspace.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for _command in (
    demo,
    serving.dev,
    serving.serve,
    serving.sandbox,
    connecting.connect,
    connecting.admin,
    connecting.workspaces,
    connecting.connections,
    connecting.integrations,
    refreshing.refresh,
    planning.plan,
    figures.endpoints,
    figures.merge,
    figures.publish,
    backing_up.backup,
    backing_up.restore,
    checking.doctor,
    generating.new,
):
    app.command()(_command)
app.add_typer(keys.app, name="keys")


def main() -> None:
    """Run the command line; what a person can mend is one sentence and a non-zero exit."""
    sys.excepthook = print_traceback
    print_whatever_the_encoding()
    try:
        with lines_of(OPEN_ELSEWHERE, show=err.print):
            status = app(standalone_mode=False)
    except _WRONG_USE as exc:
        exc.message = printable(exc.message)
        exc.show()
        sys.exit(exc.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        sys.exit(_INTERRUPTED)
    except _EXPECTED as exc:
        err.print(f"zebbra: {exc}")
        sys.exit(1)
    sys.exit(status if isinstance(status, int) else 0)
