"""The picture of the reliance shows the numbers of its table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from looks_kedro.audit import Rules
from looks_kedro.audit.reliance import RELIANCE_COLUMNS
from looks_kedro.errors import BadInputError
from looks_kedro.reporting.reliance_figure import reliance_figure


def row(channel: str, kind: str, value: float, reach: float = 0.05, **more: Any) -> dict[str, Any]:
    limits = {"low": value - reach, "high": value + reach}
    limits |= {"pointwise_low": value - reach / 2, "pointwise_high": value + reach / 2}
    given = {"channel": channel, "kind": kind, "reliance": value, "defined": True, "note": ""}
    return dict.fromkeys(RELIANCE_COLUMNS, np.nan) | given | limits | more


TABLE = pd.DataFrame(
    [
        row("face", "face", 0.7),
        row("random_patch", "local", 0.03),
        row("eyes", "local", 0.2, control=0.03),
        row("surround", "surround", 0.4),
        row("border", "surround", 0.12),
        row("colour", "image", np.nan, defined=False),
        row("crop_scale", "image", 0.5, 2.0),
    ]
)


def dots(figure: Any) -> dict[tuple[float, str], Any]:
    """Marks by height and kind."""
    lines = figure.axes[0].lines
    return {
        (float(np.ravel(line.get_ydata())[0]), line.get_marker()): line for line in lines if len(line.get_xdata()) == 1
    }


def test_each_channel_has_a_row_with_its_reliance() -> None:
    figure = reliance_figure({"resnet18": TABLE})
    axis = figure.axes[0]
    rows = {
        label.get_text(): float(place) for place, label in zip(axis.get_yticks(), axis.get_yticklabels(), strict=True)
    }
    assert list(rows) == ["face", "eyes", "random patch", "surround", "border", "colour", "crop scale"]
    found = dots(figure)
    for one in TABLE[TABLE["defined"]].to_dict("records"):
        mark = found[rows[one["channel"].replace("_", " ")], "D" if one["channel"] == "random_patch" else "o"]
        assert float(np.ravel(mark.get_xdata())[0]) == pytest.approx(one["reliance"])
        above = one["low"] > 0.1
        assert (mark.get_markerfacecolor() != "white") == (above and one["channel"] != "random_patch")
    told = [text.get_text() for text in axis.texts if text.get_position()[1] == rows["colour"]]
    assert told == ["not measurable"]
    assert {marker for place, marker in found if place == rows["crop scale"]} == {"o", "<", ">"}


def test_models_share_the_rows_and_the_line_is_where_the_rules_say() -> None:
    figure = reliance_figure({"a": TABLE, "b": TABLE.iloc[:3]}, Rules(delta=0.2), "original")
    assert [axis.get_title() for axis in figure.axes] == ["a", "b"]
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()
    for axis in figure.axes:
        assert any(list(line.get_xdata()) == [0.2, 0.2] for line in axis.lines)
    with pytest.raises(BadInputError, match="at least one model"):
        reliance_figure({})
