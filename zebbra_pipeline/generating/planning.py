"""Which files a new integration gets, and where: built in, or a package of its own."""

import tomllib
from pathlib import Path

import integrations
from integrations.contracts import ApiType
from zebbra_pipeline.generating.naming import GenerateError, Naming
from zebbra_pipeline.generating.project_files import with_plugin, with_settings
from zebbra_pipeline.generating.writing import Plan

_PACKAGES = Path(integrations.__file__).parent
_TEMPLATES = _PACKAGES / "templates"
_PARSERS: dict[ApiType, str] = {"accounting": "reports", "payroll": "employees"}
_PROJECT = "zebbra-pipeline"


def plan_builtin(name: str, api_type: ApiType, *, root: Path = _PACKAGES.parent) -> Plan:
    """
    Plan a plugin inside this project: its folder, its test, its entries in project files.

    Args:
        name: A checked name.
        api_type: Family.
        root: The project's source tree.

    Raises:
        GenerateError: If *root* is not the source tree.
    """
    _check_source_tree(root)
    naming = Naming(name, api_type, f"integrations.{name.lower()}")
    project, example = root / "pyproject.toml", root / ".env.example"
    return Plan(
        folders={
            root / "integrations" / naming.slug: _plugin_files(naming),
            root / "tests" / "integrations" / naming.slug: _test_files(naming),
        },
        changed={
            project: with_plugin(
                project.read_text(),
                slug=naming.slug,
                modules=("oauth", "adapter", _PARSERS[api_type]),
            ),
            example: with_settings(
                example.read_text(),
                slug=naming.slug,
                api_base_url=f"https://api.{naming.slug}.example/",
            ),
        },
    )


def plan_external(name: str, api_type: ApiType, *, folder: Path) -> Plan:
    """
    Plan a package of its own in *folder*, which finds its way by its entry point.

    Args:
        name: A checked name.
        api_type: Family.
        folder: Where the package's folder `zebbra-<slug>` goes.
    """
    naming = Naming(name, api_type, f"zebbra_{name.lower()}")
    source = f"src/{naming.package}/"
    return Plan(
        folders={
            folder / f"zebbra-{naming.slug}": {
                **{
                    template.name: naming.render(template.read_text())
                    for template in sorted((_TEMPLATES / "external").iterdir())
                },
                **{source + path: text for path, text in _plugin_files(naming).items()},
                f"{source}py.typed": "",
                **{f"tests/{path}": text for path, text in _test_files(naming).items()},
            }
        }
    )


def _plugin_files(naming: Naming) -> dict[str, str]:
    template = _TEMPLATES / naming.api_type
    return {
        path.relative_to(template).as_posix(): naming.render(path.read_text())
        for path in sorted(template.rglob("*.py"))
    }


def _test_files(naming: Naming) -> dict[str, str]:
    text = (_TEMPLATES / "conformance.py").read_text()
    return {f"test_{naming.slug}_conformance.py": naming.render(text)}


def _check_source_tree(root: Path) -> None:
    try:
        found = tomllib.loads((root / "pyproject.toml").read_text())["project"]["name"]
    except (OSError, KeyError, tomllib.TOMLDecodeError):
        found = None
    if found != _PROJECT or not (root / ".env.example").exists():
        raise GenerateError(
            f"{root} is not the source tree of {_PROJECT}, so no integration can be built in; "
            "give --external for a package of its own"
        )
