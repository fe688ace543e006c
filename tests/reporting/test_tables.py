from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from looks_kedro.learning import calibration_summary, performance
from looks_kedro.reporting import study_table, summary_lines, summary_table
from looks_kedro.reporting.study import published_accuracy


def history(*test_accuracy: float) -> pd.DataFrame:
    epochs = range(1, len(test_accuracy) + 1)
    return pd.DataFrame({"epoch": epochs, "train_accuracy": 0.5, "test_accuracy": test_accuracy})


def test_published_tables_are_the_studys():
    table = published_accuracy()
    assert table.groupby("table").size().tolist() == [10] * 10
    row = table[(table["table"] == 7) & (table["epoch"] == 7)].iloc[0]
    assert (row["variant"], row["backbone"], row["test_accuracy_percent"]) == ("white", "efficientnet_b0", 99.21)


def test_published_numbers_stand_beside_ours_where_the_study_has_them():
    table = study_table({("white", "resnet18"): history(0.75, 0.8123456), ("blue", "resnet18"): history(0.7)})
    white = table[table["variant"] == "white"]
    assert white["test_accuracy_percent"].tolist() == [75.0, 81.23]
    assert white["published_test_accuracy_percent"].tolist() == [98.45, 99.39]
    assert white["published_table"].tolist() == [8, 8]
    assert table[table["variant"] == "blue"]["published_test_accuracy_percent"].isna().all()


def test_a_line_tells_the_balanced_accuracy_with_its_interval_and_the_ratio_is_share_by_area():
    attention = pd.DataFrame({"share": [0.6, 0.2, np.nan], "area": [0.4, 0.4, 0.4]})
    looks = [0] * 4 + [1] * 2
    predictions = pd.DataFrame(
        {
            "file": [f"{i}.jpg" for i in range(6)],
            "looks": looks,
            "identity": list("abcdef"),
            "logit_ordinary": 0.0,
            "logit_celebrity": [-1.0, -2.0, -3.0, -0.5, -1.5, -2.5],
            "probability": 0.3,
            "predicted": 0,
            "correct": [looks == 0 for looks in looks],
        }
    )
    labels = pd.DataFrame({"file": predictions["file"], "gender": "", "race": "", "age": ""})
    summary = summary_table(
        {"resnet18": performance(predictions, labels)},
        {"resnet18": calibration_summary(predictions)},
        {"resnet18": attention},
        {"resnet18": {"verdict": "SHORTCUT", "channels": ["background", "border"], "sentence": "It is the wall."}},
    )
    (row,) = summary.to_dict("records")
    assert row["accuracy"] == pytest.approx(4 / 6)
    assert row["balanced_accuracy"] == 0.5
    assert row["balanced_accuracy_low"] < 0.5 < row["balanced_accuracy_high"]
    assert row["face_ratio"] == pytest.approx(0.4 / 0.4)
    (line,) = summary_lines(pd.DataFrame([{"variant": "white", **row}]))
    assert line.startswith("white.resnet18  balanced accuracy  50.0 % (")
    assert line.endswith("SHORTCUT (background, border): It is the wall.")
