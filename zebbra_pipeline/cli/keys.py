"""`zebbra keys rotate`, `keys list`: the encryption keys of the token store."""

import os
import sys

import typer

from zebbra_pipeline.cli.context import JsonOption, settings_of_command

app = typer.Typer(
    help="The encryption keys of the token store.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command()
def rotate() -> None:
    """
    Add a newest encryption key and encrypt all stored tokens under it; services may be running.

    The earlier keys stay in the file, so that backups of the token store stay readable.

    Example: zebbra keys rotate
    """
    _let_the_service_do("rotate-keys")


@app.command(name="list")
def list_(*, as_json: JsonOption = False) -> None:
    """
    List the keys by fingerprint, newest first, and how many connections each encrypts.

    Example: zebbra keys list
    """
    _let_the_service_do("list-keys", *(["--json"] if as_json else []))


def _let_the_service_do(*command: str) -> None:
    settings_of_command()
    os.execv(sys.executable, [sys.executable, "-m", "oauth_service", *command])  # noqa: S606 -- our own module
