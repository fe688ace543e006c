"""How much a test flatters a model when people of the test were also seen in training: the identity leak gap."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from looks_kedro.clusters import People, people_of, spread
from looks_kedro.errors import BadInputError
from looks_kedro.intervals import Interval, balanced_accuracy_interval

__all__ = ["NOT_COMPARED", "LeakGap", "can_be_compared", "feature_leak_gap", "leak_gap", "notes_on_known"]

NOT_COMPARED = "The leak gap could not be measured: it needs two known and two new people of each class in the test."


@dataclass(frozen=True)
class LeakGap:
    """Balanced accuracy of a split at random less that of a split by person.

    Attributes:
        random: balanced accuracy where people may be in both parts.
        disjoint: balanced accuracy where nobody is.
        gap: the difference.
        low: lower limit of the gap's 95 % interval over people; NaN where a class of either split has one person.
        high: upper limit.
        images: decisions that were counted, of both splits.
        identities: people that they show.
    """

    random: float
    disjoint: float
    gap: float
    low: float
    high: float
    images: int
    identities: int


def leak_gap(random: pd.DataFrame, disjoint: pd.DataFrame, error_rate: float = 0.05) -> LeakGap:
    """The gap between two trainings of one network, tested by a split at random and by one that keeps people apart.

    The intervals of the two accuracies are joined by square-and-add (Zou and Donner, 2008), with their correlation
    through people who are in both: few people who all happen to be judged alike do not make the gap certain.

    Args:
        random: decisions on the test part of a split at random; columns ``looks`` (0 or 1), ``identity`` and
            ``correct`` (a flag, or the share of several trainings that were right).
        disjoint: decisions on the test part of a split by person; the same columns. The same person in both tables is
            one person to the interval, the same image may occur in both.
        error_rate: 0.05 for a 95 % interval.

    Returns:
        The gap with its interval over people.

    Raises:
        BadInputError: a table lacks a column or a class.
    """
    influences, accuracies = [], list[Interval]()
    for name, table in (("random", random), ("disjoint", disjoint)):
        missing = {"looks", "identity", "correct"} - set(table.columns)
        if missing or set(table["looks"].unique().tolist()) != {0, 1}:
            found = f"lacks the columns {', '.join(sorted(missing))}" if missing else "has not both classes, 0 and 1"
            raise BadInputError(f"The decisions of the {name} split: the table {found}.")
        right, looks = table["correct"].to_numpy(np.float64), table["looks"].to_numpy()
        shares = {one: float(right[looks == one].mean()) for one in (0, 1)}
        accuracies.append(balanced_accuracy_interval(right, looks, table["identity"].astype(str), error_rate))
        mean, count = (np.where(looks == 1, a, b) for a, b in ((shares[1], shares[0]), _counts(looks)))
        influences.append(0.5 * (right - mean) / count)
    both = pd.concat([random[["looks", "identity"]], disjoint[["looks", "identity"]]], ignore_index=True)
    people = people_of(both["identity"].to_numpy().astype(str), both["looks"].to_numpy())
    first, second = accuracies
    correlation = _correlation(influences[0], influences[1], people)
    gap = first.value - second.value
    low = gap - _joined(first.value - first.low, second.high - second.value, correlation)
    high = gap + _joined(first.high - first.value, second.value - second.low, correlation)
    return LeakGap(first.value, second.value, gap, low, high, len(both), len(people))


def _correlation(first: npt.NDArray[np.float64], second: npt.NDArray[np.float64], people: People) -> float:
    """Of the two accuracies, through people who are in both tables; 0 where nobody is."""
    influence = np.zeros((len(first) + len(second), 2))
    influence[: len(first), 0], influence[len(first) :, 1] = first, second
    covariance, _ = spread(influence, people)
    scale = float(np.sqrt(covariance[0, 0] * covariance[1, 1]))
    return float(np.clip(covariance[0, 1] / scale, -1, 1)) if scale > 0 else 0.0


def _joined(one: float, other: float, correlation: float) -> float:
    """How far the difference of two numbers reaches, from how far they do themselves."""
    return float(np.sqrt(max(one**2 + other**2 - 2 * correlation * one * other, 0.0)))


def can_be_compared(table: pd.DataFrame, known: npt.ArrayLike) -> bool:
    """Whether a test shows two people of each class both among those of the training and among new ones.

    Args:
        table: columns ``looks`` (0 or 1) and ``identity``.
        known: bool (N,), whose images were in the training, too.
    """
    met = np.asarray(known, dtype=bool)
    people = [table[part].groupby("looks")["identity"].nunique() for part in (met, ~met)]
    return all(len(counts) == 2 and counts.min() >= 2 for counts in people)


def notes_on_known(table: pd.DataFrame, known: npt.ArrayLike) -> list[str]:
    """What is to be said of a test that shows people of the training, and whether the gap can be measured on it.

    Args:
        table: columns ``looks`` (0 or 1) and ``identity``.
        known: bool (N,), whose images were in the training, too.

    Returns:
        Sentences; none where nobody is known.
    """
    met = np.asarray(known, dtype=bool)
    if not met.any():
        return []
    told = "of people who are in the training part, too: the accuracy is not that of new people"
    notes = [f"{int(met.sum())} of {len(table)} test images are {told}."]
    return notes if can_be_compared(table, met) else [*notes, NOT_COMPARED]


def _counts(looks: npt.NDArray[Any]) -> tuple[int, int]:
    return int((looks == 1).sum()), int((looks == 0).sum())


def feature_leak_gap(
    features: npt.ArrayLike,
    looks: npt.ArrayLike,
    identities: npt.ArrayLike,
    folds: int = 5,
    seed: int = 0,
    error_rate: float = 0.05,
) -> LeakGap:
    """How much features invite a leak: logistic regression on them, cross-validated at random and by person.

    Needs no training of the network. The features must come from people whom the network did not see in training;
    otherwise they tell how well it remembers. People with one image leak nothing, so the gap is 0 where all are such.

    Args:
        features: (N, F), such as those before the linear head.
        looks: 0 or 1 (N,).
        identities: (N,).
        folds: parts of the cross-validation; fewer where a class has fewer people.
        seed: of the folds.
        error_rate: 0.05 for a 95 % interval.

    Returns:
        The gap between the two cross-validations on the same images.

    Raises:
        BadInputError: a class has fewer than two people, or none outside one of the folds.
    """
    values, labels = np.asarray(features, dtype=np.float64), np.asarray(looks)
    names = np.asarray(identities).astype(str)
    fewest = min(len(np.unique(names[labels == one])) for one in (0, 1))
    if fewest < 2:
        raise BadInputError(
            f"a class has {fewest} people with features; expected at least 2 in each to keep people apart. "
            "Take more people, or leave the leak gap out."
        )
    count = min(folds, fewest)
    tables = []
    for by_person in (False, True):
        correct = np.zeros(len(labels), dtype=bool)
        for train, test in _splits(labels, names, count, seed, by_person):
            if len(np.unique(labels[train])) < 2:
                raise BadInputError(
                    "apart from the people of one fold all images are of one class, because people are in both; "
                    "expected both classes to learn from. Take more people, or leave the leak gap out."
                )
            correct[test] = _fit(values[train], labels[train]).predict(values[test]) == labels[test]
        tables.append(pd.DataFrame({"looks": labels, "identity": names, "correct": correct}))
    return leak_gap(tables[0], tables[1], error_rate)


def _splits(
    labels: npt.NDArray[Any], names: npt.NDArray[Any], folds: int, seed: int, by_person: bool
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    kind = StratifiedGroupKFold if by_person else StratifiedKFold
    yield from kind(folds, shuffle=True, random_state=seed).split(labels, labels, groups=names if by_person else None)


def _fit(features: npt.NDArray[np.float64], labels: npt.NDArray[Any]) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=1000))
    return model.fit(features, labels)
