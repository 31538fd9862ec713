"""Small bar charts for Dagster's pages: an SVG inside markdown, which the UI shows as an image."""

from base64 import b64encode
from collections.abc import Sequence
from decimal import Decimal
from html import escape

_BAR, _GAP, _HEIGHT, _LABELS = 14, 4, 72, 14
_ABOVE, _BELOW, _AXIS, _TEXT = "#3f7fbf", "#c2552d", "#8a8f98", "#6b7280"
_MIN_WIDTH = 160
_MOST = 36


def bars(values: Sequence[Decimal | int | None], labels: Sequence[str], *, name: str) -> str:
    """
    Return a bar chart as a markdown image of one to four kilobytes, without any figure as text.

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
    zero = round(float(top) * scale, 1)
    width = max(_MIN_WIDTH, len(values) * (_BAR + _GAP))
    shapes = [
        _bar(place * (_BAR + _GAP), float(value) * scale, zero)
        for place, value in enumerate(values)
        if value is not None
    ]
    baseline = _HEIGHT + _LABELS - 3
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{_HEIGHT + _LABELS}">'
        f"{''.join(shapes)}"
        f'<path d="M0 {zero}H{width}" stroke="{_AXIS}"/>'
        f'<g font-family="sans-serif" font-size="10" fill="{_TEXT}">'
        f'<text y="{baseline}">{escape(labels[0])}</text>'
        f'<text x="{width}" y="{baseline}" text-anchor="end">{escape(labels[-1])}</text></g></svg>'
    )
    return f"![{_alternative(name)}](data:image/svg+xml;base64,{b64encode(svg.encode()).decode()})"


def _bar(left: int, height: float, zero: float) -> str:
    tall = round(max(abs(height), 1.0), 1)
    y, colour = (zero, _BELOW) if height < 0 else (round(zero - tall, 1), _ABOVE)
    return f'<rect x="{left}" y="{y}" width="{_BAR}" height="{tall}" fill="{colour}"/>'


def _alternative(name: str) -> str:
    """Keep a provider's label from ending the image's description."""
    return "".join(" " if char in "[]()\\\n`<>!" else char for char in name)
