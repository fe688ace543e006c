"""Calibration of networks whose probabilities are right, too sure, or all the same."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import brier_score_loss

from looks_kedro.errors import BadInputError
from looks_kedro.learning.calibration import (
    calibration_summary,
    calibration_table,
    fit_temperature,
    reliability_figure,
)


def predictions(sharpness: float = 1.0, count: int = 4000, seed: int = 0) -> pd.DataFrame:
    """Images whose class is drawn with the probability of their logit, told ``sharpness`` times too surely."""
    generator = np.random.default_rng(seed)
    true = generator.normal(0, 2, count)
    looks = (generator.random(count) < 1 / (1 + np.exp(-true))).astype(int)
    table = pd.DataFrame({"looks": looks, "logit_ordinary": 0.0, "logit_celebrity": sharpness * true})
    table["identity"] = [f"{'c' if one else 'o'}{number // 5}" for number, one in enumerate(looks)]
    table["probability"] = 1 / (1 + np.exp(-sharpness * true))
    return table


def test_a_network_that_is_three_times_too_sure_is_mended_by_a_temperature_of_three() -> None:
    row = calibration_summary(predictions(3.0)).iloc[0]
    assert row["temperature"] == pytest.approx(3, rel=0.08)
    assert row["calibration_error"] > 0.08
    assert row["calibrated_error"] < 0.025


def test_right_probabilities_fall_on_the_diagonal() -> None:
    table = calibration_table(predictions())
    inside = (table["share_low"] <= table["mean_probability"]) & (table["mean_probability"] <= table["share_high"])
    assert inside.sum() >= 9
    assert calibration_summary(predictions()).loc[0, "calibration_error_low"] == 0
    assert calibration_summary(predictions(3.0)).loc[0, "calibration_error_low"] > 0.08


def test_bins_hold_equally_many_images_and_leave_none_out() -> None:
    data = predictions()
    table = calibration_table(data)
    assert table["bin"].tolist() == list(range(1, 11))
    assert table["images"].tolist() == [400] * 10
    assert (table["low"].to_numpy()[1:] >= table["high"].to_numpy()[:-1]).all()
    assert (table["images"] * table["celebrity_share"]).sum() == pytest.approx(data["looks"].sum())


def test_images_of_one_probability_stay_in_one_bin() -> None:
    data = predictions(count=100).assign(probability=[0.0] * 60 + [1.0] * 40)
    table = calibration_table(data)
    assert table[["low", "high", "images"]].to_numpy().tolist() == [[0, 0, 60], [1, 1, 40]]


def test_the_brier_score_is_scikit_learns_and_the_error_that_of_the_table() -> None:
    data = predictions(2.0, count=700)
    row, table = calibration_summary(data).iloc[0], calibration_table(data)
    assert row["brier"] == pytest.approx(brier_score_loss(data["looks"], data["probability"]))
    gaps = (table["mean_probability"] - table["celebrity_share"]).abs()
    assert row["calibration_error"] == pytest.approx((gaps * table["images"]).sum() / len(data))
    for name in ("brier", "calibration_error"):
        assert row[f"{name}_low"] <= row[name] <= row[f"{name}_high"]


def test_a_temperature_is_never_fitted_on_the_person_that_it_scales() -> None:
    data = predictions(count=400)
    first = data["identity"] == data.loc[0, "identity"]
    odd = data.assign(logit_celebrity=data["logit_celebrity"].where(~first, -1e6 * (2 * data["looks"] - 1)))
    # Were the person's own images used, their huge wrong logits would send the temperature to its bound.
    from looks_kedro.intervals import people_of
    from looks_kedro.learning.calibration import _cross_fitted

    looks = odd["looks"].to_numpy()
    people = people_of(odd["identity"].to_numpy().astype(str), looks)
    folds = [_cross_fitted(t["logit_celebrity"].to_numpy(), looks, people, 5, 0) for t in (data, odd)]
    mates = np.isclose(folds[0], folds[1])
    assert 60 <= mates.sum() <= 100, "the fold of that person keeps its temperature, the four others do not"
    assert not mates[first.to_numpy()].any()


def test_a_temperature_of_a_perfect_network_stays_within_bounds() -> None:
    assert fit_temperature([3.0, -3.0], [1, 0]) == pytest.approx(0.05, rel=0.01)
    assert fit_temperature([3.0, -3.0], [0, 1]) == pytest.approx(20, rel=0.01)


def test_one_person_a_class_leaves_what_needs_others_undefined() -> None:
    data = predictions(count=50)
    data["identity"] = np.where(data["looks"] == 1, "c", "o")
    row = calibration_summary(data).iloc[0]
    assert np.isfinite(row["brier"])
    assert np.isnan([row["brier_low"], row["calibration_error_low"], row["calibrated_error"]]).all()


def test_a_panel_a_model_is_drawn() -> None:
    figure = reliability_figure({name: calibration_table(predictions(2.0)) for name in "abcd"})
    shown = [axis for axis in figure.axes if axis.get_visible()]
    assert [axis.get_title() for axis in shown] == list("abcd")


def test_no_predictions_are_refused() -> None:
    with pytest.raises(BadInputError, match="no predictions"):
        calibration_table(predictions()[:0])
