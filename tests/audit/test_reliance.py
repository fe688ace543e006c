"""Reliance where the truth is known: decisions drawn from a model that follows a donor's cue in a known share."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from looks_kedro.audit import Rules
from looks_kedro.audit.reliance import (
    RELIANCE_COLUMNS,
    Decisions,
    UndefinedRelianceError,
    reliance,
    reliance_table,
)
from looks_kedro.errors import BadInputError

FACE, CUE = 0.9, 0.95
"""How often the face and a donor's cue speak for their own class."""


def person_rates(generator: np.random.Generator, mean: float, count: int) -> np.ndarray:
    """A rate a person, correlation 0.2 within a person."""
    return generator.beta(4 * mean, 4 * (1 - mean), count) if 0 < mean < 1 else np.full(count, mean)


class Study:
    """People with photos, and models that decide by the face or, in a share of the photos, by a donor's cue."""

    def __init__(self, seed: int, people: int = 25, photos: int = 8, others: int = 200) -> None:
        self.generator = np.random.default_rng(seed)
        sizes = np.r_[np.ones(others, int), 1 + self.generator.poisson(photos - 1, people)]
        self.who = np.repeat(np.arange(len(sizes)), sizes)
        self.looks = (self.who >= others).astype(int)
        self.face = self.generator.random(len(self.who)) < self.of_person(FACE)

    def of_person(self, mean: float) -> np.ndarray:
        return person_rates(self.generator, mean, int(self.who.max()) + 1)[self.who]

    def donors(self, classes: np.ndarray) -> np.ndarray:
        places = np.empty(classes.shape, dtype=np.int64)
        for one in (0, 1):
            pool = np.flatnonzero(self.looks == one)
            places[classes == one] = self.generator.choice(pool, int((classes == one).sum()))
        return places

    def decisions(self, name: str, share: float, kind: str = "surround") -> Decisions:
        own = np.stack([self.looks, self.looks], axis=1)
        same, balanced = self.donors(own), self.donors(np.stack([self.looks, 1 - self.looks], axis=1))
        cue = self.generator.random(len(self.who)) < self.of_person(CUE)
        followed = self.generator.random(len(self.who)) < self.of_person(share)
        told = [
            np.where(followed[:, None], np.where(cue[d], self.looks[d], 1 - self.looks[d]) == own, self.face[:, None])
            for d in (same, balanced)
        ]
        return Decisions(name, kind, told[0], told[1], None, same, balanced)  # type: ignore[arg-type]

    def table(self, *decisions: Decisions, **more: object) -> pd.DataFrame:
        return reliance_table(decisions, self.face, self.looks, self.who, Rules(draws=300), **more)  # type: ignore[arg-type]


def truth(share: float) -> float:
    same, random = share * CUE + (1 - share) * FACE, share / 2 + (1 - share) * FACE
    return (same - random) / (same - 0.5)


def test_intervals_cover_the_true_reliance_each_and_all_together() -> None:
    shares = (0.1, 0.4, 0.8)
    alone, together = [], []
    for seed in range(160):
        study = Study(seed)
        found = study.table(*(study.decisions(str(share), share) for share in shares))
        true = np.array([truth(share) for share in shares])
        alone.append((found["pointwise_low"] <= true) & (true <= found["pointwise_high"]))
        together.append(((found["low"] <= true) & (true <= found["high"])).all())
    assert np.mean(alone, axis=0) == pytest.approx(0.955, abs=0.03)
    assert 0.925 <= np.mean(together) <= 0.99


def test_reliance_is_the_drop_as_a_share_of_what_is_above_chance() -> None:
    assert reliance(0.9, 0.9) == 0
    assert reliance(0.9, 0.5) == 1
    assert reliance(0.9, 0.65) == pytest.approx(0.625)


def test_reliance_of_an_edit_that_destroys_the_accuracy_is_undefined() -> None:
    with pytest.raises(UndefinedRelianceError, match="edit alone"):
        reliance(0.59, 0.5)
    with pytest.raises(UndefinedRelianceError):
        reliance(float("nan"), 0.5)


def test_the_table_counts_what_can_be_counted_by_hand() -> None:
    looks, who = np.array([0, 0, 1, 1, 1, 1]), np.array(list("aabbcd"))
    same = np.array([[1, 1], [1, 1], [1, 1], [1, 0], [1, 1], [1, 1]], dtype=bool)
    balanced = np.array([[1, 0], [1, 1], [0, 1], [0, 0], [1, 1], [1, 1]], dtype=bool)
    found = reliance_table([Decisions("border", "surround", same, balanced)], looks == 0, looks, who).iloc[0]
    assert (found["images"], found["identities"], found["balanced_accuracy"]) == (6, 4, 0.5)
    assert found["same"] == pytest.approx((1 + 7 / 8) / 2)
    assert found["random"] == pytest.approx((3 / 4 + 5 / 8) / 2)
    assert found["flip_rate"] == pytest.approx(3 / 12)


def test_a_channel_that_changes_nothing_is_small_only_with_enough_people() -> None:
    for people, small in ((6, False), (60, True), (600, True)):
        study = Study(1, people, 1, people)
        study.face[:] = np.arange(len(study.face)) % 10 != 0
        unmoved = np.repeat(study.face[:, None], 2, axis=1)
        row = study.table(Decisions("border", "surround", unmoved, unmoved)).iloc[0]
        assert row["reliance"] == 0
        assert row["flip_rate"] == 0
        assert row["low"] < 0 < row["high"]
        assert (row["high"] < 0.1) == small


def test_the_edit_itself_cancels() -> None:
    study = Study(3)
    spoiled = study.generator.random((len(study.who), 2)) < 0.85
    row = study.table(Decisions("border", "surround", spoiled, spoiled[:, ::-1].copy())).iloc[0]
    assert row["same"] < 0.88
    assert row["reliance"] == pytest.approx(0)


def test_an_edit_that_destroys_the_accuracy_has_a_row_that_says_so() -> None:
    study = Study(4)
    lost = study.generator.random((len(study.who), 2)) < 0.5
    found = study.table(Decisions("border", "surround", lost, lost), study.decisions("surround", 0.5)).set_index(
        "channel"
    )
    assert not found.loc["border", "defined"]
    assert np.isnan(found.loc["border", "reliance"])
    assert "edit alone" in found.loc["border", "note"]
    assert found.loc["surround", "defined"]
    assert tuple(found.reset_index().columns) == RELIANCE_COLUMNS


def test_few_donors_make_the_interval_wider_when_they_are_told() -> None:
    study = Study(5, people=4, photos=30, others=120)
    one = study.decisions("surround", 0.8)
    untold = Decisions("untold", "surround", one.same, one.balanced)
    width = {name: row["pointwise_high"] - row["pointwise_low"]
             for name, row in study.table(one, untold).set_index("channel").iterrows()}  # fmt: skip
    assert width["surround"] > width["untold"]


def test_simultaneous_limits_are_wider_the_more_channels_there_are() -> None:
    study = Study(6)
    first = study.decisions("0", 0.4)
    alone = study.table(first).iloc[0]
    among = study.table(first, *(study.decisions(str(number), 0.3) for number in range(1, 8))).iloc[0]
    assert alone["low"] == pytest.approx(alone["pointwise_low"], abs=0.01)
    assert among["low"] < alone["low"] - 0.01
    assert among["high"] > alone["high"] + 0.01
    assert among["pointwise_low"] == pytest.approx(alone["pointwise_low"])


def test_models_that_disagree_widen_the_interval() -> None:
    study = Study(7)
    one, other = study.decisions("surround", 0.7), study.decisions("surround", 0.1)
    rows = {}
    for name, pair in (("agree", (one, one)), ("disagree", (one, other))):
        arrays = [np.stack([getattr(part, field) for part in pair]) for field in ("same", "balanced")]
        both = Decisions("surround", "surround", *arrays)
        rows[name] = reliance_table([both], np.stack([study.face] * 2), study.looks, study.who).iloc[0]
    widths = {name: row["high"] - row["low"] for name, row in rows.items()}
    assert widths["disagree"] > 3 * widths["agree"]
    assert rows["agree"]["reliance"] == pytest.approx(truth(0.7), abs=0.15)


def test_images_that_the_edit_could_not_take_are_left_out() -> None:
    study = Study(8)
    whole = study.decisions("surround", 0.6)
    rows = np.flatnonzero(study.generator.random(len(study.who)) < 0.5)
    part = Decisions("surround", "surround", whole.same[rows], whole.balanced[rows], rows)
    row = study.table(part).iloc[0]
    shares = [whole.same[rows][study.looks[rows] == one].mean() for one in (0, 1)]
    assert row["same"] == pytest.approx(np.mean(shares))
    assert row["images"] == len(rows)
    assert row["identities"] == len(np.unique(study.who[rows]))


def test_the_control_is_the_reliance_on_random_patches() -> None:
    study = Study(9)
    patches, eyes = study.decisions("patches", 0.2, "local"), study.decisions("eyes", 0.5, "local")
    found = study.table(eyes, study.decisions("surround", 0.1), controls={"eyes": patches}).set_index("channel")
    assert found.loc["eyes", "control"] == pytest.approx(study.table(patches)["reliance"].item())
    assert np.isnan(found.loc["surround", "control"])


def test_decisions_that_do_not_fit_are_refused() -> None:
    study = Study(10)
    one = study.decisions("surround", 0.5)
    with pytest.raises(BadInputError, match="at least one channel"):
        study.table()
    with pytest.raises(BadInputError, match="twice"):
        study.table(one, one)
    with pytest.raises(BadInputError, match=r"channel 'border': expected decisions of shape"):
        study.table(Decisions("border", "surround", one.same, one.balanced[:, :1]))
    stars = np.flatnonzero(study.looks == 1)
    with pytest.raises(BadInputError, match="both classes"):
        study.table(Decisions("border", "surround", one.same[stars], one.balanced[stars], stars))
