"""Who of the test a repair may see, and on whom it is measured."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
import pandas as pd

from looks_kedro.datasets import ImageFolder
from looks_kedro.errors import BadInputError
from looks_kedro.pipelines.audit.nodes import people_in_training
from looks_kedro.pipelines.parts import part_rows

from .parameters import Repair

__all__ = ["Divided", "divided"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Divided:
    """Rows of the test part, by whom they show; nobody is in both.

    Attributes:
        held_out: that a last layer may be fitted on; nobody of them was in the training.
        judged: that repairs are measured on.
        reason: why nobody is held out; "" where somebody is.
    """

    held_out: pd.DataFrame
    judged: pd.DataFrame
    reason: str = ""

    @property
    def fitted(self) -> pd.DataFrame:
        """The rows to fit on.

        Raises:
            BadInputError: there are none of both classes.
        """
        if set(self.held_out["looks"]) != {0, 1}:
            raise BadInputError(self.reason or "the people held out are not of both classes; give more test people.")
        return self.held_out


def divided(repair: Repair, model_input: ImageFolder) -> Divided:
    """Divide the people of the test; where they are too few for that, all of them are measured on.

    Args:
        repair: which share is held out.
        model_input: images with their table.
    """
    from looks_kedro.learning.people_parts import validation_rows

    rows = part_rows(model_input, "test")
    people = rows.groupby("looks")["identity"].nunique()
    if len(people) < 2 or people.min() < 2:
        fewest = int(people.min()) if len(people) == 2 else 0
        reason = f"the test has {fewest} people of a class; expected at least 2, one to fit on and one to measure on."
        return Divided(rows[:0], rows, reason)
    identities = rows["identity"].to_numpy(dtype=str)
    judged, held = validation_rows(identities, rows["looks"].to_numpy(np.int64), repair.held_out, repair.seed)
    new = held[~people_in_training(model_input, rows)[held]]
    reason = "everybody held out is in the training part, too; balancing.protocol: identity keeps people apart."
    return Divided(
        rows.iloc[new].reset_index(drop=True), rows.iloc[judged].reset_index(drop=True), reason if not len(new) else ""
    )
