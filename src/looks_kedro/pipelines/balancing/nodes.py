"""Nodes of the balancing pipeline."""

import logging

import pandas as pd

from looks_kedro.balancing import CLASS_NAMES, Balancing, balance, leak_table, tell_leak
from looks_kedro.errors import BadInputError
from looks_kedro.pipelines.background.parameters import Background
from looks_kedro.tables import check_no_leak

log = logging.getLogger(__name__)


def split_faces(
    labels: pd.DataFrame,
    decisions: pd.DataFrame,
    matte_quality: pd.DataFrame,
    balancing: Balancing,
    background: Background,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Make the split table from the faces that have labels and a good matte.

    Args:
        labels: one row a face.
        decisions: what preprocessing found of each raw image; duplicates that a correction kept share a group with
            the picture that they are duplicates of.
        matte_quality: one row a matte; faces whose matte did not pass are left out **before** balancing, so that
            the classes stay balanced on every variant. ``background.reject: never`` keeps them.
        balancing: protocol, fractions, sizes, seed.
        background: whether mattes are rejected.

    Returns:
        The split table, and the balance table: who is in each part before and after sampling down.

    Raises:
        BadInputError: faces without a matte; or the labels cannot be split (see ``looks_kedro.balancing.balance``).
    """
    usable = labels if background.reject == "never" else _well_cut_out(labels, matte_quality)
    found = decisions[decisions["file"].isin(usable["file"]) & (decisions["duplicate_of"] != "")]
    made = balance(usable, balancing, zip(found["file"], found["duplicate_of"], strict=True))
    if balancing.protocol == "identity":
        check_no_leak(made.split_table)
    return made.split_table, made.balance_table


def check_split(split_table: pd.DataFrame, balancing: Balancing) -> pd.DataFrame:
    """See, on the split table as it was saved, that nothing is in both parts; count what is.

    Args:
        split_table: the saved table.
        balancing: the protocol; ``published`` leaks on purpose, and is counted and told.

    Returns:
        Table ``leak_table``.

    Raises:
        BadInputError: with ``protocol: identity`` a parent, group or identity is in both parts.
    """
    if balancing.protocol == "identity":
        check_no_leak(split_table)
        log.info("No photo, group or identity is in both parts")
    table = leak_table(split_table)
    if balancing.protocol == "published":
        tell_leak(table)
    return table


def _well_cut_out(labels: pd.DataFrame, matte_quality: pd.DataFrame) -> pd.DataFrame:
    unjudged = labels.loc[~labels["file"].isin(matte_quality["file"]), "file"]
    if len(unjudged):
        raise BadInputError(
            f"matte_quality: {len(unjudged)} of {len(labels)} faces have no row, among them "
            f"{', '.join(unjudged.head(3))}. The mattes are of other faces than the labels: run "
            "`kedro run --pipelines labeling,background,balancing`, or set background.reject to never."
        )
    passed = labels["file"].isin(matte_quality.loc[matte_quality["passed"], "file"])
    for looks, name in CLASS_NAMES.items():
        of_class = passed[labels["looks"] == looks]
        log.info("%s: %d faces, %d left out for their matte", name, len(of_class), int((~of_class).sum()))
    return labels[passed]
