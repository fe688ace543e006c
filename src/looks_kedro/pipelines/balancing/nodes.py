"""Nodes of the balancing pipeline."""

import logging

import pandas as pd

from looks_kedro.balancing import Balancing, split_parts
from looks_kedro.tables import check_no_leak

log = logging.getLogger(__name__)


def split_faces(labels: pd.DataFrame, matte_quality: pd.DataFrame, balancing: Balancing) -> pd.DataFrame:
    """Make the split table from the faces that have labels and a good matte.

    Args:
        labels: one row a face.
        matte_quality: one row a matte; faces whose matte did not pass are left out **before** balancing, so that
            the classes stay balanced on every variant.
        balancing: fractions, sizes, seed.

    Returns:
        The split table, checked: no parent and no group in both parts.
    """
    passed = set(matte_quality.loc[matte_quality["passed"], "file"])
    usable = labels[labels["file"].isin(passed)] if balancing.reject_mattes else labels
    log.info("%d faces, %d left out for their matte", len(labels), len(labels) - len(usable))
    table = split_parts(usable, balancing)
    check_no_leak(table)
    return table
