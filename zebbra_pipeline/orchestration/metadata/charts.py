"""Small bar charts for Dagster's pages: an SVG inside markdown, which the UI shows as an image."""

from collections.abc import Sequence
from decimal import Decimal
from html import escape
from urllib.parse import quote

from zebbra_pipeline.orchestration.metadata.markdown import escaped

_BAR, _PITCH, _HEIGHT, _LABELS = 10, 14, 60, 16
_ABOVE, _BELOW = "#3f7fbf", "#c2552d"
_LINES = "#7b818c"  # to be read on white and on Dagster's dark theme
_MIN_WIDTH = 160
_MOST = 36
_AS_THEY_ARE = "/:=',-;"
"""What an SVG is full of, and neither a URL nor markdown minds."""


def bars(values: Sequence[Decimal | int | None], labels: Sequence[str], *, name: str) -> str:
    """
    Return a bar chart as a markdown image of less than 900 characters, no figure among them.

    Dagster shows markdown of less than 1,000 at once, and anything longer behind a click.

    Args:
        values: One for each bar, the latest last; None leaves its place empty. The latest 36
            are drawn.
        labels: One for each bar; the first and the last are written below it.
        name: What the bars show; read out where the image cannot be seen.
    """
    values, labels = list(values)[-_MOST:], list(labels)[-_MOST:]
    known = [Decimal(value) for value in values if value is not None]
    if not known:
        return ""
    top, bottom = max(*known, Decimal(0)), min(*known, Decimal(0))
    scale = _HEIGHT / float(top - bottom or 1)
    zero = round(float(top) * scale)
    width = max(_MIN_WIDTH, len(values) * _PITCH)
    up, down = "", ""
    for place, value in enumerate(values):
        if value is None:
            continue
        bar = f"M{place * _PITCH + _BAR // 2},{zero}v"
        tall = max(round(abs(float(value)) * scale), 1)
        if value < 0:
            down += f"{bar}{tall}"
        else:
            up += f"{bar}-{tall}"
    svg = (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{_HEIGHT + _LABELS}'>"
        f"{_path(_ABOVE, up, _BAR)}{_path(_BELOW, down, _BAR)}{_path(_LINES, f'M0,{zero}h{width}', 1)}"
        f"<g fill='{_LINES}' font-family='Arial' font-size='10'>"
        f"<text y='{_HEIGHT + 12}'>{escape(labels[0])}</text>"
        f"<text x='{width}' y='{_HEIGHT + 12}' text-anchor='end'>{escape(labels[-1])}</text>"
        "</g></svg>"
    )
    return f"![{escaped(name)}](data:image/svg+xml,{quote(svg, safe=_AS_THEY_ARE)})"


def _path(colour: str, drawn: str, width: int) -> str:
    """All bars of a colour are one path, each a stroke: a tenth of what rectangles take."""
    return f"<path stroke='{colour}' stroke-width='{width}' d='{drawn}'/>" if drawn else ""
