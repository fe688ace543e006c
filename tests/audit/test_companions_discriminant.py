"""The classifier in closed form, against scikit-learn's and against truth."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.covariance import ledoit_wolf_shrinkage
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import roc_auc_score

from looks_kedro.audit.companions.discriminant import HeldOut, auc, balanced_accuracies, separations
from looks_kedro.audit.companions.permutations import exchanged_labels, units_of


def people(count=60, photos=3, features=5, shift=0.0, share=0.5, seed=0):
    """Features (N, p), labels and names; the first feature of class 1 is shifted."""
    generator = np.random.default_rng(seed)
    labels = np.repeat((np.arange(count) < share * count).astype(int), photos)
    names = np.repeat([f"p{i:03d}" for i in range(count)], photos)
    centres = np.repeat(generator.normal(size=(count, features)), photos, axis=0)
    table = centres + 0.5 * generator.normal(size=centres.shape)
    table[:, 0] += shift * labels
    return table, labels, names


def test_directions_and_order_are_those_of_linear_discriminant_analysis():
    """One photo a person: scikit-learn's LDA with the same shrinkage, fitted on the other folds."""
    table, labels, names = people(photos=1, shift=1.0)
    units = units_of(labels, names)
    held_out = HeldOut(table, units)
    margins = held_out.image_margins()
    for fold in range(5):
        train, test = units.fold[units.index] != fold, units.fold[units.index] == fold
        shown = held_out.features[train]
        centred = shown - shown.mean(axis=0)
        total = centred.T @ centred / train.sum()
        shrinkage = max(ledoit_wolf_shrinkage(shown), 0.02)
        shrunk = (1 - shrinkage) * total + shrinkage * np.trace(total) / 5 * np.eye(5)
        difference = shown[labels[train] == 1].mean(axis=0) - shown[labels[train] == 0].mean(axis=0)
        expected = held_out.features[test] @ np.linalg.solve(shrunk, difference)
        slope, _ = np.polyfit(expected, margins[test], 1)
        assert slope > 0
        assert np.corrcoef(expected, margins[test])[0, 1] == pytest.approx(1, abs=1e-9)
        plain = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage).fit(shown, labels[train])
        assert np.corrcoef(plain.decision_function(held_out.features[test]), margins[test])[0, 1] > 0.99


def test_many_labelings_at_once_are_as_one_by_one():
    table, labels, names = people(shift=0.5)
    units = units_of(labels, names)
    held_out, labelings = HeldOut(table, units), exchanged_labels(units, 6)
    together = held_out.margins(labelings)
    for one in range(7):
        assert np.allclose(together[:, [one]], held_out.margins(labelings[:, [one]]))


def test_margins_of_people_are_the_means_of_those_of_their_images():
    table, labels, names = people(shift=0.5)
    units = units_of(labels, names)
    held_out = HeldOut(table, units)
    assert np.allclose(
        units.means(held_out.image_margins()[:, None])[:, 0], held_out.margins(units.label[:, None])[:, 0]
    )


def test_a_rare_class_is_said_as_often_as_it_should_be():
    """16 people of 60 photos against 400 of one: both classes are right about equally often."""
    generator = np.random.default_rng(4)
    names = np.array([f"a{i:03d}" for i in range(16) for _ in range(60)] + [f"b{i:03d}" for i in range(400)])
    labels = (np.char.startswith(names, "a")).astype(int)
    _, person = np.unique(names, return_inverse=True)
    table = generator.normal(size=(416, 60))[person] + generator.normal(size=(len(names), 60))
    table[:, :6] += 0.9 * labels[:, None]
    right = (HeldOut(table, units_of(labels, names)).image_margins() > 0) == (labels == 1)
    assert abs(right[labels == 1].mean() - right[labels == 0].mean()) < 0.25
    assert min(right[labels == 1].mean(), right[labels == 0].mean()) > 0.6


def test_without_a_signal_held_out_people_are_at_chance_though_the_features_are_many():
    table, labels, names = people(count=40, features=120, seed=2)
    units = units_of(labels, names)
    reached = balanced_accuracies(HeldOut(table, units).margins(exchanged_labels(units, 300)),
                                  exchanged_labels(units, 300))  # fmt: skip
    assert abs(reached.mean() - 0.5) < 0.02


def test_columns_that_do_not_vary_are_left_out():
    table, labels, names = people(shift=2.0)
    padded = np.column_stack([np.full(len(table), 7.0), table])
    units = units_of(labels, names)
    assert np.allclose(HeldOut(padded, units).image_margins(), HeldOut(table, units).image_margins())
    assert (HeldOut(np.ones((len(table), 3)), units).image_margins() == 0).all()


def test_separation_nears_welchs_t_with_many_people():
    from scipy.stats import ttest_ind

    generator = np.random.default_rng(0)
    labels = np.arange(4000) < 500
    margins = generator.normal(size=4000) * np.where(labels, 1, 3) + 0.2 * labels
    expected = ttest_ind(margins[labels], margins[~labels], equal_var=False).statistic
    assert separations(margins[:, None], labels[:, None])[0] == pytest.approx(expected, rel=0.03)


def test_the_area_under_the_curve_is_scikit_learns():
    generator = np.random.default_rng(0)
    labels, scores = generator.random(80) < 0.3, generator.integers(0, 9, 80)
    assert auc(scores, labels) == pytest.approx(roc_auc_score(labels, scores))
    assert np.isnan(auc(scores, np.zeros(80)))


def test_more_features_than_people_are_handled_by_products_between_people_with_the_same_result():
    """Images' margins go by directions in feature space throughout."""
    for features in (12, 90):  # 48 people in a training part: below and above
        table, labels, names = people(features=features, shift=0.8)
        units = units_of(labels, names)
        held_out = HeldOut(table, units)
        assert np.allclose(
            units.means(held_out.image_margins()[:, None])[:, 0], held_out.margins(units.label[:, None])[:, 0]
        )
