"""Line charts as SVG inside the page: they take its colours, its letters and its width."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

__all__ = ["learning_curve", "lowest_accuracy", "reliability_curve"]

Row = Mapping[str, Any]

_WIDTH, _HEIGHT = 260, 170
_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 8, 8, 24
_SQUARE = 180


def lowest_accuracy(epochs: Sequence[Row]) -> int:
    """Where the accuracy axis begins, in percent, so that all curves have room: a multiple of 10, at most 90."""
    values = [row[name] for row in epochs for name in ("train", "test", "published_train", "published_test")]
    known = [value for value in values if value is not None]
    return int(min([*known, 99.9]) // 10 * 10)


def learning_curve(epochs: Sequence[Row], lowest: int, words: str) -> Markup:
    """Accuracy by epoch: test solid, training dashed, the published test dotted.

    Args:
        epochs: rows of ``epoch, train, test, published_test``, accuracies in percent or None.
        lowest: percent at which the axis begins.
        words: what it shows, for those who do not see it.
    """
    last = max([row["epoch"] for row in epochs], default=1)

    def x(epoch: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (epoch - 1) / max(last - 1, 1)

    def y(percent: float) -> float:
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (100 - percent) / max(100 - lowest, 1)

    step = max((100 - lowest) // 4 // 5 * 5, 2)
    parts = [_grid(y(level), f"{level:g}", _WIDTH) for level in range(100, lowest - 1, -step)]
    parts += [_below(x(epoch), str(epoch), _HEIGHT) for epoch in sorted({1, (1 + last) // 2, last})]
    for name, kind in (("published_test", "published"), ("train", "train"), ("test", "test")):
        points = [(x(row["epoch"]), y(row[name])) for row in epochs if row[name] is not None]
        parts.append(_line(points, kind))
        if name == "test":
            parts += [Markup('<circle class="point" cx="{:.1f}" cy="{:.1f}" r="2.6"/>').format(*one) for one in points]
    return _chart(parts, _WIDTH, _HEIGHT, words)


def reliability_curve(bins: Sequence[Row], words: str) -> Markup:
    """Share of celebrities against predicted probability, with intervals over people; dashed is ideal.

    Args:
        bins: rows of table ``calibration``; missing numbers are None.
        words: what it shows.
    """
    inner = _SQUARE - _LEFT - _RIGHT

    def x(value: float) -> float:
        return _LEFT + inner * value

    def y(value: float) -> float:
        return _TOP + inner * (1 - value)

    parts = [_grid(y(level), f"{level:g}", _SQUARE) for level in (0, 0.5, 1)]
    parts += [_below(x(level), f"{level:g}", _TOP + inner + _BOTTOM) for level in (0, 0.5, 1)]
    parts.append(_segment(x(0), y(0), x(1), y(1), "ideal"))
    known = [row for row in bins if row["mean_probability"] is not None and row["celebrity_share"] is not None]
    for row in known:
        at = x(row["mean_probability"])
        if row["share_low"] is not None:
            parts.append(_segment(at, y(row["share_low"]), at, y(row["share_high"]), "reach"))
        parts.append(
            Markup('<circle class="point" cx="{:.1f}" cy="{:.1f}" r="3.4"/>').format(at, y(row["celebrity_share"]))
        )
    return _chart(parts, _SQUARE, _TOP + inner + _BOTTOM, words)


def _chart(parts: Sequence[Markup], width: int, height: int, words: str) -> Markup:
    head = Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(width, height, words)
    return head + Markup("").join(parts) + Markup("</svg>")


def _grid(y: float, label: str, width: int) -> Markup:
    text = Markup('<text x="{}" y="{:.1f}" text-anchor="end">{}</text>').format(_LEFT - 6, y + 4, label)
    return _segment(_LEFT, y, width - _RIGHT, y, "grid") + text


def _below(x: float, label: str, height: float) -> Markup:
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="middle">{}</text>').format(x, height - 6, escape(label))


def _segment(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    return Markup('<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>').format(kind, x1, y1, x2, y2)


def _line(points: Sequence[tuple[float, float]], kind: str) -> Markup:
    if len(points) < 2:
        return Markup("")
    return Markup('<polyline class="{}" points="{}"/>').format(kind, " ".join(f"{x:.1f},{y:.1f}" for x, y in points))
