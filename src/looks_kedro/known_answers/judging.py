"""Judges: what looks at a trained network from outside and says what it relies on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from looks_kedro.audit.leak import LeakGap
from looks_kedro.audit.settings import Rules
from looks_kedro.audit.verdict import decide
from looks_kedro.intervals import Interval

__all__ = ["Exhibit", "Judge", "Judgement", "read_judgement", "written"]

Images = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]

CHANNEL_COLUMNS = ("channel", "kind", "reliance", "low", "high", "defined", "flip_rate")


@dataclass(frozen=True, eq=False)
class Exhibit:
    """All that a judge may see of a case: what a user of the audit has, and nothing of what was planted.

    Attributes:
        model: uint8 images (n, S, S, 3) to logits (n, 2).
        faces: the test's images, uint8 (N, S, S, 3).
        landmarks: as a detector would give them, (N, 5, 2) in pixels.
        labels: 0 or 1 (N,).
        identities: who is shown, (N,).
        known: bool (N,), whether the person was in the training part too.
        seed: of whatever the judge draws at random.
    """

    model: Callable[[Images], Floats]
    faces: Images
    landmarks: npt.NDArray[np.float64]
    labels: Labels
    identities: npt.NDArray[np.str_]
    known: npt.NDArray[np.bool_]
    seed: int


@dataclass(frozen=True, eq=False)
class Judgement:
    """What a judge said, and what it measured.

    Attributes:
        verdict: NO SIGNAL, LEAKAGE, SHORTCUT, FACE or CANNOT TELL.
        channels: those named, the strongest first.
        reliance: one row a channel, columns ``CHANNEL_COLUMNS``; a judge need not say ``flip_rate``.
        balanced_accuracy: on the test's images as they are.
        leak: the leak gap; none where people were kept apart.
    """

    verdict: str
    channels: tuple[str, ...]
    reliance: pd.DataFrame
    balanced_accuracy: Interval
    leak: LeakGap | None = None

    def by_rules(self, rules: Rules) -> Judgement:
        """The same measurements judged by other thresholds."""
        again = decide(self.reliance, self.balanced_accuracy, self.leak, rules)
        return Judgement(str(again.verdict), again.channels, self.reliance, self.balanced_accuracy, self.leak)


Judge = Callable[[Exhibit], Judgement]


def written(judgement: Judgement) -> dict[str, Any]:
    """A judgement as what JSON knows; numbers that are not finite become null."""
    table = judgement.reliance.reindex(columns=list(CHANNEL_COLUMNS)).astype(object)
    rows = table.where(pd.notna(table), None).to_dict("records")
    return {
        "verdict": judgement.verdict,
        "channels": list(judgement.channels),
        "reliance": [{name: _plain(value) for name, value in row.items()} for row in rows],
        "balanced_accuracy": {name: _plain(value) for name, value in asdict(judgement.balanced_accuracy).items()},
        "leak": judgement.leak and {name: _plain(value) for name, value in asdict(judgement.leak).items()},
    }


def read_judgement(record: dict[str, Any]) -> Judgement:
    """The inverse of :func:`written`."""
    table = pd.DataFrame(record["reliance"], columns=list(CHANNEL_COLUMNS))
    numbers = ["reliance", "low", "high", "flip_rate"]
    table[numbers] = table[numbers].astype(np.float64)
    table["defined"] = table["defined"].astype(bool)
    table["note"] = ""
    table["control"] = float("nan")
    leak = record["leak"]
    return Judgement(
        record["verdict"],
        tuple(record["channels"]),
        table,
        Interval(**_numbers(record["balanced_accuracy"])),
        LeakGap(**_numbers(leak)) if leak else None,
    )


def _plain(value: Any) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _numbers(record: dict[str, Any]) -> dict[str, Any]:
    return {name: float("nan") if value is None else value for name, value in record.items()}
