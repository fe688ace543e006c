"""Tables 11 and 12 of the study, what a training costs by its settings, with our numbers beside the published ones."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import TYPE_CHECKING

import pandas as pd

from looks_kedro.errors import BadInputError
from looks_kedro.learning.settings import Training

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["cost_figure", "cost_table", "published_cost"]

_MEASURED = ("minutes", "train_loss", "train_accuracy_percent", "test_accuracy_percent")


def published_cost() -> pd.DataFrame:
    """Tables 11 and 12 as published: setting, epochs, batch_size, workers, minutes, loss, accuracies in percent."""
    with (files(__package__) / "published_cost.csv").open(encoding="utf-8") as text:
        return pd.read_csv(text)


def cost_table(histories: Mapping[str, pd.DataFrame], trainings: Mapping[str, Training]) -> pd.DataFrame:
    """What a training took and gave, by its settings, in the study's form.

    Args:
        histories: of each setting, seconds of wall clock and accuracies in 0..1.
        trainings: of each setting.

    Returns:
        One row a setting, in the order of the histories: ``setting, epochs, batch_size, workers, minutes, train_loss,
        train_accuracy_percent, test_accuracy_percent``, the last three of the last epoch, ``epochs`` those that were
        trained; then the published values (``published_minutes`` and so on), missing where the study has no setting of
        this name.

    Raises:
        BadInputError: histories and trainings are of different settings, or a history is empty.
    """
    if set(histories) != set(trainings):
        raise BadInputError(
            f"cost table: histories of {', '.join(histories)}, but trainings of {', '.join(trainings)}; "
            "run the hyperparameters pipeline anew"
        )
    rows = []
    for setting, history in histories.items():
        if history.empty:
            raise BadInputError(f"cost table: the history of {setting} has no epoch; run its training anew")
        last = history.iloc[-1]
        rows.append(
            {
                "setting": setting,
                "epochs": len(history),
                "batch_size": trainings[setting].batch_size,
                "workers": trainings[setting].workers,
                "minutes": round(float(history["seconds"].sum()) / 60, 4),
                "train_loss": round(float(last["train_loss"]), 6),
                "train_accuracy_percent": round(100 * float(last["train_accuracy"]), 2),
                "test_accuracy_percent": round(100 * float(last["test_accuracy"]), 2),
            }
        )
    published = published_cost()[["setting", *_MEASURED]].astype(dict.fromkeys(_MEASURED, "float64"))
    published = published.rename(columns={name: f"published_{name}" for name in _MEASURED})
    return pd.DataFrame(rows).merge(published, on="setting", how="left", validate="one_to_one")


def cost_figure(table: pd.DataFrame) -> Figure:
    """Minutes by setting as bars, ours and the study's each on its own scale, with the test accuracy at the bar.

    Other machines and other numbers of images: the lengths within a panel compare, those between panels do not.

    Args:
        table: the cost table.

    Returns:
        The figure.
    """
    from looks_kedro.reporting.figures import new_figure

    panels = [("here", "")]
    if table["published_minutes"].notna().any():
        panels.append(("published", "published_"))
    figure = new_figure(2.0 + 3.6 * len(panels), 0.9 + 0.62 * len(table))
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axis, (title, prefix) in zip(axes, panels, strict=True):
        _bars(axis, table[f"{prefix}minutes"], table[f"{prefix}test_accuracy_percent"])
        axis.set_title(title, fontsize=10)
    rows = table.to_dict("records")
    names = [
        f"{row['setting']}\n{_count(row['epochs'], 'epoch')}, batch {row['batch_size']}, "
        f"{_count(row['workers'], 'worker')}"
        for row in rows
    ]
    axes[0].set_yticks(range(len(rows)), names, fontsize=8)
    axes[0].invert_yaxis()
    return figure


def _bars(axis: Axes, minutes: pd.Series[float], accuracy: pd.Series[float]) -> None:
    """One panel; a setting without a number has no bar."""
    longest = float(minutes.max()) or 1.0
    axis.barh(range(len(minutes)), minutes.fillna(0), height=0.55, color="C0")
    for row, (value, percent) in enumerate(zip(minutes, accuracy, strict=True)):
        if value == value:
            told = f"{value:{'.2f' if value >= 1 else '.2g'}} min, test {percent:g} %"
            # Beside short bars, inside long ones: the words then never leave the panel.
            inside = value > 0.5 * longest
            axis.text(
                value - 0.02 * longest if inside else value + 0.02 * longest,
                row,
                told,
                ha="right" if inside else "left",
                va="center",
                fontsize=8,
                color="white" if inside else "black",
            )
    axis.set_xlim(0, 1.02 * longest)
    axis.set_xlabel("minutes of training and testing", fontsize=8)
    axis.tick_params(axis="x", labelsize=8)
    axis.spines[["top", "right"]].set_visible(False)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
