"""From images tried to images that the models see: every loss and every copy with its reason."""

from __future__ import annotations

import logging

import pandas as pd

log = logging.getLogger(__name__)

CLASSES = {"celebrities": 1, "ordinary": 0}

FOUND, RAW, FACES, WELL_CUT, SEEN = (
    "images found",
    "raw images",
    "frontal faces",
    "faces to balance",
    "images that the models see",
)
"""Steps at which all images are counted, in their order."""

_COPIES = ("mirrored", "rotated", "brightened")

Rows = list[tuple[str, str, "pd.Series[int]"]]


def count_images(
    acquisition_log: pd.DataFrame,
    rejections: pd.DataFrame,
    labels: pd.DataFrame,
    matte_quality: pd.DataFrame,
    split_table: pd.DataFrame,
    *,
    reject_mattes: bool = True,
) -> pd.DataFrame:
    """Count the images of each class along the way, from those found to those that the models see.

    Args:
        acquisition_log: one row an image tried.
        rejections: one row an image refused by preprocessing.
        labels: one row a frontal face.
        matte_quality: one row a matte.
        split_table: one row an image that the models see.
        reject_mattes: whether failed mattes were left out before balancing.

    Returns:
        Table ``funnel``: ``class, step, reason, count``. Rows without a reason are totals, the others are what was
        lost (negative) or added on the way to the next total, which is the one before plus the rows between. Where
        tables of different runs do not fit together, the difference has a row ``unexplained``.
    """
    kept = acquisition_log[acquisition_log["kept"]]
    usable, failed = labels, labels[:0].assign(reason="")
    if reject_mattes:
        bad = matte_quality[~matte_quality["passed"]]
        reasons = bad.set_index("file")["reason"]
        failed = labels[labels["file"].isin(reasons.index)]
        failed = failed.assign(reason=failed["file"].map(reasons))
        usable = labels[~labels["file"].isin(failed["file"])]
    copied = split_table["file"] != split_table["parent"]
    copies, photos = split_table[copied], split_table[~copied]
    undrawn = usable[~usable["file"].isin(photos["file"])]
    rows: Rows = [(FOUND, "", _by_class(acquisition_log))]
    rows += _lost("acquisition", acquisition_log[~acquisition_log["kept"]])
    rows.append((RAW, "", _by_class(kept)))
    rows += _lost("preprocessing", rejections)
    rows.append((FACES, "", _by_class(labels)))
    rows += _lost("badly cut out", failed)
    rows.append((WELL_CUT, "", _by_class(usable)))
    rows.append(("balancing", "not drawn", -_by_class(undrawn)))
    kinds = _kinds(copies)
    rows += [("copies", name, _by_class(copies[kinds == name])) for name in _COPIES if (kinds == name).any()]
    rows.append((SEEN, "", _by_class(split_table)))
    return _funnel(_explained(rows))


def _kinds(copies: pd.DataFrame) -> pd.Series[str]:
    kinds = pd.Series("brightened", index=copies.index)
    return kinds.mask(copies["rotation"] != 0, "rotated").mask(copies["mirrored"], "mirrored")


def _lost(step: str, table: pd.DataFrame) -> Rows:
    reasons = table["reason"].value_counts().index
    return [(step, str(reason) or "unknown", -_by_class(table[table["reason"] == reason])) for reason in reasons]


def _explained(rows: Rows) -> Rows:
    """The rows with one more before each total that is not the sum of what stands before it."""
    explained: Rows = []
    left = rows[0][2] * 0
    for step, reason, counts in rows:
        if reason:
            left = left + counts
        else:
            difference = counts - left
            if explained and (difference != 0).any():
                log.warning("The tables are of different runs: %s are %s too many.", step, difference.to_dict())
                explained.append((step, "unexplained", difference))
            left = counts
        explained.append((step, reason, counts))
    return explained


def _funnel(rows: Rows) -> pd.DataFrame:
    records = [
        {"class": name, "step": step, "reason": reason, "count": int(counts[looks])}
        for name, looks in CLASSES.items()
        for step, reason, counts in rows
    ]
    return pd.DataFrame(records)


def _by_class(table: pd.DataFrame) -> pd.Series[int]:
    return table["looks"].value_counts().reindex([0, 1], fill_value=0)
