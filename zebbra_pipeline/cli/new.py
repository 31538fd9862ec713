"""`zebbra new`: the files of a new integration."""

from pathlib import Path
from typing import Annotated

import typer

from integrations.runtime.registry import load_registry
from zebbra_pipeline.cli.context import UsageError, out, shown
from zebbra_pipeline.cli.generator import GenerateError, Plan, plan_builtin, plan_external, write
from zebbra_pipeline.cli.generator.naming import check_api_type, check_name


def new(
    name: Annotated[str, typer.Argument(help="Its name: letters and digits, such as FreeAgent.")],
    api_type: Annotated[str, typer.Option(help="What it fetches: accounting or payroll.")],
    *,
    external: Annotated[
        bool, typer.Option("--external", help="A package of its own, in the working directory.")
    ] = False,
) -> None:
    """
    Write the files of a new integration, with a sandbox and a conformance test.

    It loads at once; what is left to do is marked FILL IN. Nothing is overwritten.

    Example: zebbra new FreeAgent --api-type accounting
    """
    try:
        family = check_api_type(api_type)
        check_name(name, installed=[plugin.name for plugin in load_registry()])
        if external:
            plan = plan_external(name, family, folder=Path.cwd())
        else:
            plan = plan_builtin(name, family)
        write(plan)
    except GenerateError as exc:
        raise UsageError(str(exc)) from exc
    _tell(plan, name, external=external)


def _tell(plan: Plan, name: str, *, external: bool) -> None:
    for path in plan.paths:
        verb = "changed" if path in plan.changed else "wrote"
        out.print(f"{verb} {shown(path)}")
    home, *others = (shown(folder) for folder in plan.folders)
    if external:
        install, test = f"pip install --editable {home}", f"cd {home} && pytest"
    else:
        install, test = "make setup", f"make setup && .venv/bin/pytest {others[0]}"
    for line in (
        "",
        "Next:",
        f"  1. {install}",
        f"     registers it: zebbra integrations and Dagster show {name}, zebbra sandbox runs it",
        f"  2. grep -rn 'FILL IN' {home}",
        "     lists the places to fill in; each says what is needed; delete the comment when done",
        f"  3. {test}",
        "     passes when nothing is left to fill in and the plugin does what all plugins promise",
    ):
        out.print(line)
