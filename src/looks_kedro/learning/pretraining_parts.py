"""Which faces the attribute network may learn from, so that no person of the test part is known to it."""

from __future__ import annotations

from typing import Literal

import pandas as pd

from looks_kedro.errors import BadInputError

__all__ = ["ATTRIBUTE_COLUMNS", "LearnFrom", "pretraining_parts"]

LearnFrom = Literal["labelled", "left_out", "training_part"]

# The order of the network's 18 logits.
ATTRIBUTE_COLUMNS = ("race", "gender", "age")


def pretraining_parts(
    labels: pd.DataFrame,
    split_table: pd.DataFrame,
    learn_from: LearnFrom,
    groups: pd.Series[str] | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The faces to learn attributes from, and those to test on.

    Args:
        labels: all faces: ``file, age, gender, race, identity, ...``, empty where unknown.
        split_table: the images that the models see: ``file, parent, part, identity, group, ...``. Copies (whose
            ``file`` is not their ``parent``) are not learnt from, but one in the test part keeps its person out.
        learn_from: ``labelled``: every labelled face of a person who is not in the test part; ``left_out``: those of
            them that the split did not take at all, so that the models that start from the network see no image that
            it has seen; ``training_part``: the faces of the training part.
        groups: of each row of ``labels``, with its index, what must stay together: photos of one person, and those that
            are the same picture. Without it the groups of the split table alone count, which do not tell of a face
            that the split left out.

    Returns:
        Rows of ``labels`` with at least one known attribute: to learn from, and of the test part, each in the order of
        their files. No identity and no group is in both.

    Raises:
        BadInputError: a face of the split has no labels.
    """
    own = split_table[split_table["file"] == split_table["parent"]]
    unknown = sorted(set(own["file"]) - set(labels["file"]))
    if unknown:
        raise BadInputError(
            f"{len(unknown)} faces of the split table have no labels, among them {', '.join(unknown[:3])}; run "
            f"labeling and balancing again."
        )
    known = labels[(labels[list(ATTRIBUTE_COLUMNS)] != "").any(axis=1)].sort_values("file")
    test = known["file"].isin(own.loc[own["part"] == "test", "file"])
    tested = known["identity"].isin(_tested_people(split_table))
    if groups is not None:
        shown = labels["file"].isin(split_table.loc[split_table["part"] == "test", "parent"])
        tested |= groups.loc[known.index].isin(groups[shown])
    chosen = {
        "labelled": ~tested,
        "left_out": ~tested & ~known["file"].isin(own["file"]),
        "training_part": ~tested & known["file"].isin(own.loc[own["part"] == "train", "file"]),
    }[learn_from]
    return known[chosen].reset_index(drop=True), known[test].reset_index(drop=True)


def _tested_people(split_table: pd.DataFrame) -> pd.Series[str]:
    """Everybody of whom an image is in the test part, or who shares a group with one there."""
    shown = split_table["group"].isin(split_table.loc[split_table["part"] == "test", "group"])
    return split_table.loc[shown, "identity"]
