"""Tables 1 to 10 of the study with our numbers beside the published ones, and one line a model."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from importlib.resources import files
from typing import Any

import pandas as pd

Cell = tuple[str, str]
"""Variant and backbone."""


def published_accuracy() -> pd.DataFrame:
    """Tables 1 to 10 as published: table, variant, backbone, epoch, and accuracies in percent."""
    with (files(__package__) / "published_accuracy.csv").open(encoding="utf-8") as text:
        return pd.read_csv(text)


def study_table(histories: Mapping[Cell, pd.DataFrame]) -> pd.DataFrame:
    """Accuracy of each model by epoch, in the study's form.

    Args:
        histories: history of each cell, accuracies in 0..1.

    Returns:
        One row a cell and epoch: ``variant, backbone, epoch, train_accuracy_percent, test_accuracy_percent,
        published_table, published_train_accuracy_percent, published_test_accuracy_percent``; the published columns
        are missing where the study has no such epoch or variant.
    """
    rows = pd.concat(
        [
            pd.DataFrame(
                {
                    "variant": variant,
                    "backbone": backbone,
                    "epoch": history["epoch"],
                    "train_accuracy_percent": 100 * history["train_accuracy"],
                    "test_accuracy_percent": 100 * history["test_accuracy"],
                }
            )
            for (variant, backbone), history in histories.items()
        ],
        ignore_index=True,
    )
    published = published_accuracy().rename(
        columns={name: f"published_{name}" for name in ("table", "train_accuracy_percent", "test_accuracy_percent")}
    )
    merged = rows.merge(published, on=["variant", "backbone", "epoch"], how="left", validate="one_to_one")
    numbers = [name for name in merged.columns if name.endswith("_percent")]
    merged[numbers] = merged[numbers].round(2)
    merged["published_table"] = merged["published_table"].astype("float64")
    columns = ["variant", "backbone", "epoch", *numbers[:2], "published_table", *numbers[2:]]
    return merged[columns]


def summary_table(
    performance: Mapping[str, pd.DataFrame],
    calibration: Mapping[str, pd.DataFrame],
    attention: Mapping[str, pd.DataFrame],
    verdicts: Mapping[str, Mapping[str, Any]],
) -> pd.DataFrame:
    """One row a model of one variant: how good it is, and where its evidence lies.

    Args:
        performance: accuracies with intervals over people, by backbone; the row ``all`` counts.
        calibration: ``calibration_summary``, by backbone.
        attention: share and area of the face for each test image, by backbone.
        verdicts: of the audit, by backbone.

    Returns:
        ``backbone, test_images, test_identities, accuracy, balanced_accuracy`` with ``_low`` and ``_high``, ``auc,
        calibration_error, face_share, face_area, face_ratio``: ``face_share`` is the mean share of the evidence for the
        predicted class that lies on the face, ``face_area`` the face's mean share of the image, ``face_ratio`` the
        first by the second: 1 where the evidence lies as if by chance. Then the audit's ``verdict``, the ``channels``
        that it names (joined by +), and its ``sentence``.
    """
    rows = []
    for backbone, groups in performance.items():
        whole = groups[groups["attribute"] == "all"].iloc[0]
        measured = attention[backbone]
        share, area = float(measured["share"].mean()), float(measured["area"].mean())
        names = ("accuracy", "balanced_accuracy", "balanced_accuracy_low", "balanced_accuracy_high", "auc")
        rows.append(
            {"backbone": backbone, "test_images": int(whole["images"]), "test_identities": int(whole["identities"])}
            | {name: float(whole[name]) for name in names}
            | {"calibration_error": float(calibration[backbone]["calibration_error"].iloc[0])}
            | {"face_share": share, "face_area": area, "face_ratio": share / area}
            | {"verdict": verdicts[backbone]["verdict"], "channels": "+".join(verdicts[backbone]["channels"])}
            | {"sentence": verdicts[backbone]["sentence"]}
        )
    return pd.DataFrame(rows)


def _limits(row: Mapping[Hashable, float]) -> str:
    low, high = 100 * row["balanced_accuracy_low"], 100 * row["balanced_accuracy_high"]
    return f"{low:.0f}-{high:.0f}" if low == low else "too few people for an interval"


def summary_lines(summary: pd.DataFrame) -> list[str]:
    """The summary as text, one line a model.

    Args:
        summary: the summary table.

    Returns:
        Lines such as ``white.resnet18  balanced accuracy 97.5 % (95-99), SHORTCUT (background): This model's ...``.
    """
    names = [f"{row['variant']}.{row['backbone']}" for row in summary.to_dict("records")]
    width = max(map(len, names), default=0)
    return [
        f"{name:<{width}}  balanced accuracy {100 * row['balanced_accuracy']:5.1f} % ({_limits(row)}), "
        f"{row['verdict']}{_named(row['channels'])}: {row['sentence']}"
        for name, row in zip(names, summary.to_dict("records"), strict=True)
    ]


def _named(channels: str) -> str:
    return f" ({channels.replace('+', ', ').replace('_', ' ')})" if channels else ""
