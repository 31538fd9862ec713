"""Which files a new integration gets, and where: built in, or a package of its own."""

import tomllib
from pathlib import Path

import integrations
from integrations.contracts import ApiType
from zebbra_pipeline.cli.generator.naming import GenerateError, Naming
from zebbra_pipeline.cli.generator.project_files import with_plugin, with_settings
from zebbra_pipeline.cli.generator.writing import Plan

_PACKAGES = Path(integrations.__file__).parent
_TEMPLATES = _PACKAGES / "templates"
_PARSERS: dict[ApiType, str] = {"accounting": "reports", "payroll": "employees"}
_AROUND = {"README.md": "external.md", "pyproject.toml": "external.toml"}
"""Templates of what stands around a package of its own."""
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
                _text(project),
                slug=naming.slug,
                modules=("oauth", "adapter", _PARSERS[api_type]),
            ),
            example: with_settings(
                _text(example),
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
                    path: naming.render(_text(_TEMPLATES / template))
                    for path, template in _AROUND.items()
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
        path.relative_to(template).as_posix(): naming.render(_text(path))
        for path in sorted(template.rglob("*.py"))
    }


def _test_files(naming: Naming) -> dict[str, str]:
    text = _text(_TEMPLATES / "conformance.py")
    return {f"test_{naming.slug}_conformance.py": naming.render(text)}


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _check_source_tree(root: Path) -> None:
    try:
        found = tomllib.loads(_text(root / "pyproject.toml"))["project"]["name"]
    except (OSError, KeyError, tomllib.TOMLDecodeError):
        found = None
    if found != _PROJECT or not (root / ".env.example").exists():
        raise GenerateError(
            f"{root} is not the source tree of {_PROJECT}, so no integration can be built in; "
            "give --external for a package of its own"
        )
