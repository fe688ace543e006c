"""How much of the accuracy above chance rests on one channel, with intervals that hold for all channels together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from looks_kedro.audit.settings import Rules
from looks_kedro.audit.variation import Measured, measure
from looks_kedro.clusters import People, people_of, simultaneous_error_rate
from looks_kedro.errors import BadInputError, LooksError

__all__ = ["RELIANCE_COLUMNS", "Decisions", "Kind", "UndefinedRelianceError", "reliance", "reliance_table"]

Kind = Literal["face", "surround", "local", "image", "identity"]
"""``local`` are parts of the face; ``surround`` and ``image`` are what is not the face."""

RELIANCE_COLUMNS = (
    "channel",
    "kind",
    "images",
    "identities",
    "balanced_accuracy",
    "same",
    "random",
    "reliance",
    "low",
    "high",
    "pointwise_low",
    "pointwise_high",
    "defined",
    "control",
    "flip_rate",
    "note",
)


class UndefinedRelianceError(LooksError):
    """The edit alone takes so much of the accuracy that nothing can be said of what rests on the channel."""


@dataclass(frozen=True, eq=False)
class Decisions:
    """Which decisions were right when a channel was exchanged.

    Attributes:
        channel: its name, as tables and sentences say it.
        kind: what it is.
        same: bool (N, D) or (models, N, D): right with each of D donors of the image's own class. Several models are
            trainings of one network that differ in the seed.
        balanced: the same for donors drawn evenly from both classes, with the identical edit.
        rows: int64 (N,) which of the test's images these are; none = all, in order.
        same_donors: int64 (N, D) the donors' places among the test's images; none leaves the donors out of account.
        balanced_donors: likewise.
    """

    channel: str
    kind: Kind
    same: npt.NDArray[Any]
    balanced: npt.NDArray[Any]
    rows: npt.NDArray[np.int64] | None = None
    same_donors: npt.NDArray[np.int64] | None = field(default=None, repr=False)
    balanced_donors: npt.NDArray[np.int64] | None = field(default=None, repr=False)


def reliance(same: float, random: float, lowest: float = 0.6) -> float:
    """How much of the balanced accuracy above chance rests on one channel.

    R = (BA_same - BA_random) / (BA_same - 1/2): 0 when unused, 1 when it decides alone. Both accuracies come from the
    same edit, so what the edit itself destroys cancels. Generalises BG-Gap (Xiao et al., 2020, section 3).

    Args:
        same: balanced accuracy with donors of the image's own class, 0..1.
        random: balanced accuracy with donors drawn evenly from both classes, 0..1.
        lowest: the least ``same`` for which the ratio means something.

    Raises:
        UndefinedRelianceError: ``same`` is below ``lowest``.
    """
    if not same >= lowest:
        raise UndefinedRelianceError(
            f"With donors of the same class balanced accuracy is {same:.3f}, and reliance needs at least {lowest:g}: "
            "the edit alone destroys what the model decides by. Soften the edit, or take a better model."
        )
    return (same - random) / (same - 0.5)


def reliance_table(
    decisions: Sequence[Decisions],
    unedited: npt.ArrayLike,
    looks: npt.ArrayLike,
    identities: npt.ArrayLike,
    rules: Rules | None = None,
    controls: Mapping[str, Decisions] | None = None,
) -> pd.DataFrame:
    """Reliance on each channel, with intervals over people.

    People vary in two roles, as those whose images are edited and as donors; both enter where the donors are given
    (two-way clusters, Cameron et al., 2011), because a few donors used often would otherwise make the intervals too
    short. The interval of the ratio is Fieller's. ``low`` and ``high`` hold for all channels together (max-T),
    the pointwise limits for one alone.

    Args:
        decisions: one a channel.
        unedited: bool (M,) or (models, M): right on the test's images as they are.
        looks: 0 or 1 (M,).
        identities: (M,) who is shown.
        rules: thresholds, error rate, draws and seed.
        controls: channel of kind ``local`` to the decisions when random patches of the face, of the same area, are
            exchanged.

    Returns:
        One row a channel, columns ``RELIANCE_COLUMNS``. ``flip_rate`` is the share of decisions that differ between a
        donor of the own class and the balanced donor in its place; as every second of these is of the own class, too,
        it is at most about one half. Where reliance is undefined, it and its limits are
        NaN and ``note`` says why. ``control`` is NaN without a control.

    Raises:
        BadInputError: there are no decisions, shapes do not fit, a class is missing, or a channel is named twice.
    """
    rules = rules or Rules()
    labels, names = np.asarray(looks), np.asarray(identities).astype(str)
    right = np.atleast_2d(np.asarray(unedited, dtype=np.float64))
    _check(decisions, right, labels, names)
    people = people_of(names, labels)
    measured = [_measure(one, labels, people) for one in decisions]
    stated = [one.same >= rules.lowest_accuracy for one in measured]
    rate = _common_rate([one for one, said in zip(measured, stated, strict=True) if said], people, rules)
    rows = []
    for one, found, said in zip(decisions, measured, stated, strict=True):
        inside = _rows(one, len(labels))
        row: dict[str, Any] = {"channel": one.channel, "kind": one.kind, "images": len(inside)}
        row["identities"] = len(np.unique(people.index[inside]))
        row["balanced_accuracy"] = 0.5 * sum(right[:, inside[labels[inside] == part]].mean() for part in (0, 1))
        row |= {"same": found.same, "random": found.random} | _limits(found, said, rate, rules)
        row["control"] = _control((controls or {}).get(one.channel), labels, people, rules)
        row["flip_rate"] = float((np.asarray(one.same, dtype=bool) != np.asarray(one.balanced, dtype=bool)).mean())
        rows.append(row)
    return pd.DataFrame(rows)[list(RELIANCE_COLUMNS)]


def _common_rate(measured: Sequence[Measured], people: People, rules: Rules) -> float:
    if not measured:
        return rules.error_rate
    influence = np.stack([one.influence for one in measured], axis=1)
    return simultaneous_error_rate(influence, people, rules.error_rate, rules.draws, rules.seed)


def _limits(found: Measured, said: bool, rate: float, rules: Rules) -> dict[str, Any]:
    """The ratio, its limits, and the note; NaN where it is undefined."""
    nothing = float("nan")
    row = dict.fromkeys(("reliance", "low", "high", "pointwise_low", "pointwise_high"), nothing)
    if not said:
        note = f"undefined: the edit alone takes balanced accuracy to {found.same:.2f}, below {rules.lowest_accuracy:g}"
        return {**row, "defined": False, "note": note}
    together, alone = found.limits(rate), found.limits(rules.error_rate)
    if not found.lowest_same(rules.error_rate) > 0.5 or not np.isfinite([*together, *alone]).all():
        note = f"undefined: too few people to tell balanced accuracy under the edit, {found.same:.2f}, from chance"
        return {**row, "defined": False, "note": note}
    ratio = reliance(found.same, found.random, rules.lowest_accuracy)
    values = (ratio, *together, *alone)
    return {**dict(zip(row, values, strict=True)), "defined": True, "note": ""}


def _control(control: Decisions | None, labels: npt.NDArray[Any], people: People, rules: Rules) -> float:
    if control is None:
        return float("nan")
    found = _measure(control, labels, people)
    return found.ratio if found.same >= rules.lowest_accuracy else float("nan")


def _measure(one: Decisions, labels: npt.NDArray[Any], people: People) -> Measured:
    same, balanced = (_by_model(part) for part in (one.same, one.balanced))
    donors = (one.same_donors, one.balanced_donors)
    return measure(same, balanced, _rows(one, len(labels)), donors, labels, people)


def _by_model(part: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    values = np.asarray(part, dtype=np.float64)
    return values if values.ndim == 3 else values[None]


def _rows(one: Decisions, count: int) -> npt.NDArray[np.int64]:
    return np.arange(count) if one.rows is None else np.asarray(one.rows, dtype=np.int64)


def _check(
    decisions: Sequence[Decisions], right: npt.NDArray[Any], labels: npt.NDArray[Any], names: npt.NDArray[Any]
) -> None:
    if not decisions:
        raise BadInputError("There are no decisions to measure reliance on; expected those of at least one channel.")
    if not right.shape[1] == len(labels) == len(names):
        raise BadInputError(
            f"expected one decision, class and identity an image; found {right.shape[1]}, {len(labels)}, {len(names)}"
        )
    seen: set[str] = set()
    for one in decisions:
        if one.channel in seen:
            raise BadInputError(f"The channel {one.channel!r} has decisions twice; expected each channel once.")
        seen.add(one.channel)
        rows = _rows(one, len(labels))
        if one.same.shape != one.balanced.shape or one.same.ndim not in (2, 3) or one.same.shape[-2] != len(rows):
            raise BadInputError(
                f"channel {one.channel!r}: expected decisions of shape ({len(rows)}, donors) for both kinds of donors, "
                f"found {one.same.shape} and {one.balanced.shape}"
            )
        if set(np.unique(labels[rows]).tolist()) != {0, 1}:
            raise BadInputError(f"channel {one.channel!r}: expected images of both classes, 0 and 1, among its rows")
