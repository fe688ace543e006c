"""Metrics against scikit-learn, and the table of groups."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from looks_kedro.errors import BadInputError
from looks_kedro.learning.metrics import PERFORMANCE_COLUMNS, auc, balanced_accuracy, performance


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(-4, 4)), min_size=2, max_size=60))
def test_measures_agree_with_scikit_learn(rows: list[tuple[int, int]]) -> None:
    classes, scores = (np.array(part) for part in zip(*rows, strict=True))
    predicted = (scores > 0).astype(int)
    if len(set(classes.tolist())) < 2:
        assert np.isnan(auc(scores, classes))
        assert np.isnan(balanced_accuracy(predicted == classes, classes))
        return
    assert auc(scores, classes) == pytest.approx(roc_auc_score(classes, scores))
    assert balanced_accuracy(predicted == classes, classes) == pytest.approx(
        balanced_accuracy_score(classes, predicted)
    )


def tables() -> tuple[pd.DataFrame, pd.DataFrame]:
    generator = np.random.default_rng(2)
    count = 240
    looks = np.arange(count) % 2
    logits = generator.normal(size=(count, 2))
    logits[:, 1] += 1.5 * (looks - 0.5)
    files = [f"{number}.jpg" for number in range(count)]
    predictions = pd.DataFrame({"file": files, "looks": looks})
    predictions["identity"] = [f"{'star' if one else 'man'} {number // 8}" for number, one in enumerate(looks)]
    predictions["logit_ordinary"], predictions["logit_celebrity"] = logits.T
    predictions["correct"] = (logits[:, 1] > logits[:, 0]) == looks
    labels = pd.DataFrame({"file": files, "gender": "", "race": "White", "age": "20-29"})
    labels.loc[labels.index % 3 == 0, "gender"] = "Female"
    labels.loc[labels.index % 3 == 1, "gender"] = "Male"
    labels.loc[looks == 0, "age"] = "30-39"
    return predictions, labels.sample(frac=1, random_state=1)


def test_each_group_is_measured_on_its_own_images() -> None:
    predictions, labels = tables()
    table = performance(predictions, labels)
    assert tuple(table.columns) == PERFORMANCE_COLUMNS
    assert list(zip(table["attribute"], table["value"], strict=True)) == [
        ("all", "all"),
        ("gender", "Female"),
        ("gender", "Male"),
        ("race", "White"),
        ("age", "20-29"),
        ("age", "30-39"),
    ]
    women = predictions[predictions.index % 3 == 0]
    row = table.iloc[1]
    assert (row["images"], row["celebrities"], row["ordinary"]) == (80, 40, 40)
    assert row["identities"] == women["identity"].nunique()
    assert row["accuracy"] == pytest.approx(women["correct"].mean())
    score = women["logit_celebrity"] - women["logit_ordinary"]
    assert row["auc"] == pytest.approx(roc_auc_score(women["looks"], score))
    assert row["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(women["looks"], score > 0))


def test_unknown_groups_count_in_the_row_of_all_images_only() -> None:
    predictions, labels = tables()
    table = performance(predictions, labels[labels["file"] != "0.jpg"]).set_index(["attribute", "value"])
    assert table.loc[("all", "all"), "images"] == 240
    assert table.loc["gender"]["images"].sum() == 159
    assert table.loc["race"]["images"].sum() == 239


def test_a_group_of_one_class_has_accuracy_alone() -> None:
    row = performance(*tables()).set_index("value").loc["30-39"]
    assert row["celebrities"] == 0
    assert row["accuracy_low"] < row["accuracy"] < row["accuracy_high"]
    assert np.isnan([row[name] for name in ("balanced_accuracy", "balanced_accuracy_low", "auc", "auc_high")]).all()


def test_estimates_lie_within_their_intervals_and_people_count_not_photos() -> None:
    predictions, labels = tables()
    table = performance(predictions, labels).iloc[0]
    copies = [predictions.assign(file=predictions["file"] + str(k)) for k in range(9)]
    wide = performance(pd.concat(copies), labels).iloc[0]
    for name in ("accuracy", "balanced_accuracy", "auc"):
        assert table[f"{name}_low"] < table[name] < table[f"{name}_high"]
        width, again = (row[f"{name}_high"] - row[f"{name}_low"] for row in (table, wide))
        assert again > 0.6 * width, "nine copies of each photo are not nine times as many people"


def test_tables_that_cannot_be_measured_are_refused() -> None:
    predictions, labels = tables()
    with pytest.raises(BadInputError, match="no predictions"):
        performance(predictions[:0], labels)
    with pytest.raises(BadInputError, match="twice"):
        performance(predictions, pd.concat([labels, labels[:1]]))
