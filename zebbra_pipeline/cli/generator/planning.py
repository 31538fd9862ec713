"""Which files a new integration gets, and where: built in, or a package of its own."""

import re
import tomllib
from pathlib import Path

import integrations
from integrations.contracts import ApiType
from integrations.runtime.registry import GROUP
from zebbra_pipeline.cli.generator.naming import GenerateError, Naming
from zebbra_pipeline.cli.generator.writing import Plan

_ENTRY_POINTS = f'[project.entry-points."{GROUP}"]'
_LINTER = "[tool.importlinter]"
_ARRAY = re.compile(r"^\w+ = \[(?P<body>.*?)\]", re.MULTILINE | re.DOTALL)
_TEXT = re.compile(r'"([^"\n]*)"')
_LAYER = " | "
_SETTINGS = (
    "CLIENT_ID",
    "CLIENT_SECRET",
    "SCOPES",
    "AUTHORIZE_URL",
    "TOKEN_URL",
    "REVOKE_URL",
    "API_BASE_URL",
)


def with_plugin(text: str, *, slug: str, modules: tuple[str, ...]) -> str:
    """
    Return `pyproject.toml` with a built-in plugin's entry point and linted layers.

    Args:
        text: The file as it is.
        slug: The new plugin's.
        modules: Its files, e.g. `oauth`, that need neither Dagster nor FastAPI nor DuckDB.

    Raises:
        GenerateError: If the file has no entry points of plugins, or does not come out well.
    """
    known = _entry_points(text)
    if not known:
        raise GenerateError(f"pyproject.toml: expected plugins under {_ENTRY_POINTS}, found none")
    head, found, tail = text.partition(_LINTER)
    tail = _ARRAY.sub(lambda array: _with_neighbour(array, known, slug, modules), tail)
    entry = f'{slug} = "integrations.{slug}:PLUGIN"'
    changed = _after_last_line(head, _ENTRY_POINTS, entry) + found + tail
    if _entry_points(changed) != {**known, slug: f"integrations.{slug}:PLUGIN"}:
        raise GenerateError(f"pyproject.toml: cannot add an entry point under {_ENTRY_POINTS}")
    return changed


def with_settings(text: str, *, slug: str, api_base_url: str) -> str:
    """Return `.env.example` with the settings of a new plugin."""
    prefix = slug.upper()
    lines = [f"#{prefix}_{name}=" for name in _SETTINGS]
    lines[-1] += api_base_url
    return f"{text.rstrip()}\n\n" + "\n".join(lines) + "\n"


def _entry_points(text: str) -> dict[str, str]:
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise GenerateError(f"pyproject.toml: expected TOML, found an error: {exc}") from exc
    found = content.get("project", {}).get("entry-points", {}).get(GROUP, {})
    return dict(found)


def _after_last_line(text: str, section: str, line: str) -> str:
    """Insert *line* after the last line of *section* that holds something."""
    lines = text.split("\n")
    start = lines.index(section) + 1
    ends = [number for number in range(start, len(lines)) if lines[number].startswith("[")]
    end = ends[0] if ends else len(lines)
    while not lines[end - 1].strip():
        end -= 1
    return "\n".join([*lines[:end], line, *lines[end:]])


def _with_neighbour(
    array: re.Match[str], known: dict[str, str], slug: str, modules: tuple[str, ...]
) -> str:
    whole, body = array.group(), array.group("body")
    texts = _TEXT.findall(body)
    for layer in texts:
        if set(layer.split(_LAYER)) & set(known):
            return whole.replace(f'"{layer}"', f'"{layer}{_LAYER}{slug}"')
    new: list[str] = []
    if any(f"integrations.{other}" in texts for other in known):
        new.append(f"integrations.{slug}")
    if any(f"integrations.{other}.oauth" in texts for other in known):
        new += [f"integrations.{slug}.{module}" for module in modules]
    if not new:
        return whole
    last = list(_TEXT.finditer(body))[-1]
    rest = body[last.end() :].removeprefix(",")
    between = "\n    " if "\n" in body else " "
    added = ",".join(f'{between}"{text}"' for text in new)
    comma = "," if "\n" in body else ""
    return whole.replace(body, f"{body[: last.end()]},{added}{comma}{rest}")


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
