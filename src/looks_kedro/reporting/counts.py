"""From images tried to images that the models see: every loss with its reason."""

from __future__ import annotations

import pandas as pd

CLASSES = {"celebrities": 1, "ordinary": 0}


def data_counts(
    acquisition_log: pd.DataFrame,
    rejections: pd.DataFrame,
    labels: pd.DataFrame,
    matte_quality: pd.DataFrame,
    split_table: pd.DataFrame,
) -> pd.DataFrame:
    """Count the images of each class along the way.

    Args:
        acquisition_log: one row an image tried.
        rejections: one row an image refused by preprocessing.
        labels: one row a frontal face.
        matte_quality: one row a matte.
        split_table: one row an image that the models see.

    Returns:
        ``step, celebrities, ordinary``: totals and, with a minus sign, losses by reason; each total is the one before
        it plus the rows between.
    """
    rows: list[tuple[str, pd.Series[int]]] = [("images found", _by_class(acquisition_log))]
    for reason, table in acquisition_log[~acquisition_log["kept"]].groupby("reason"):
        rows.append((f"left out: {reason}", -_by_class(table)))
    rows.append(("raw images", _by_class(acquisition_log[acquisition_log["kept"]])))
    for reason, table in rejections.groupby("reason"):
        rows.append((f"rejected: {reason}", -_by_class(table)))
    rows.append(("frontal faces", _by_class(labels)))
    own = split_table[~split_table["mirrored"]]
    unused = labels[~labels["file"].isin(own["parent"])]
    failed = set(matte_quality.loc[~matte_quality["passed"], "file"])
    rows.append(("badly cut out", -_by_class(unused[unused["file"].isin(failed)])))
    rows.append(("not drawn, to balance the classes", -_by_class(unused[~unused["file"].isin(failed)])))
    rows.append(("mirrored copies", _by_class(split_table[split_table["mirrored"]])))
    rows.append(("images that the models see", _by_class(split_table)))
    for part in ("train", "test"):
        rows.append((f"of them for {part}", _by_class(split_table[split_table["part"] == part])))
    table = pd.DataFrame({"step": [step for step, _ in rows]})
    for name, looks in CLASSES.items():
        table[name] = [int(counts[looks]) for _, counts in rows]
    return table


def _by_class(table: pd.DataFrame) -> pd.Series[int]:
    return table["looks"].value_counts().reindex([0, 1], fill_value=0)
