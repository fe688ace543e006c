"""Tables 1 to 10 of the study with our numbers beside the published ones, and one line a model."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files

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


def summary_table(predictions: Mapping[str, pd.DataFrame], attention: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """One row a model of one variant: how accurate it is, and where its evidence lies.

    Args:
        predictions: of the test part, by backbone.
        attention: share and area of the face for each test image, by backbone.

    Returns:
        ``backbone, test_images, accuracy, balanced_accuracy, face_share, face_area, face_ratio``: the
        balanced accuracy is the mean over the two classes of the share that is right; ``face_share`` the mean share
        of the evidence for the predicted class that lies on the face, ``face_area`` the face's mean share of the
        image, ``face_ratio`` the first by the second: 1 where the evidence lies as if by chance.
    """
    rows = []
    for backbone, predicted in predictions.items():
        measured = attention[backbone]
        share, area = float(measured["share"].mean()), float(measured["area"].mean())
        rows.append(
            {
                "backbone": backbone,
                "test_images": len(predicted),
                "accuracy": float(predicted["correct"].mean()),
                "balanced_accuracy": float(predicted.groupby("looks")["correct"].mean().mean()),
                "face_share": share,
                "face_area": area,
                "face_ratio": share / area,
            }
        )
    return pd.DataFrame(rows)


def where_it_looks(ratio: float) -> str:
    """The face's share of the evidence by its share of the area, in words.

    A heatmap's share illustrates and does not decide; the words say no more than how the share compares.
    """
    if ratio != ratio:
        return "no evidence for the predicted class anywhere"
    if ratio >= 1.25:
        return "more on the face than its area"
    if ratio <= 0.8:
        return "less on the face than its area"
    return "on the face about as much as its area"


def summary_lines(summary: pd.DataFrame) -> list[str]:
    """The summary as text, one line a model.

    Args:
        summary: the summary table.

    Returns:
        Lines such as ``white.resnet18  accuracy 97.5 %, evidence on the face 0.41 of 0.38 of the area (x 1.08): ...``.
    """
    names = [f"{row['variant']}.{row['backbone']}" for row in summary.to_dict("records")]
    width = max(map(len, names), default=0)
    return [
        f"{name:<{width}}  accuracy {100 * row['accuracy']:5.1f} %, "
        f"{row['face_share']:.2f} of the evidence on the face, {row['face_area']:.2f} of the area "
        f"(x {row['face_ratio']:.2f}): {where_it_looks(row['face_ratio'])}"
        for name, row in zip(names, summary.to_dict("records"), strict=True)
    ]
