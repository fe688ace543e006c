"""What balancing did: who is in each part before and after, and what the test part shares with the training part."""

from __future__ import annotations

import logging

import pandas as pd

from looks_kedro.balancing.copies import is_copy
from looks_kedro.balancing.settings import CLASS_NAMES
from looks_kedro.tables import AGES, GENDERS, RACES, columns

log = logging.getLogger(__name__)

UNKNOWN = "unknown"
PARTS = ("train", "test")
UNITS = ("parent", "group", "identity")
"""What must not be in both parts."""

_VALUES = {
    "age": (*AGES, UNKNOWN),
    "gender": (*GENDERS, UNKNOWN),
    "race": (*RACES, UNKNOWN),
    "image": ("photo", "copy"),
}


def balance_table(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Who is in each part, before and after the larger class was sampled down.

    Args:
        before: rows like those of the split table, copies included.
        after: the split table.

    Returns:
        Table ``balance_table``: one row a class, part, attribute (``age, gender, race``, and ``image`` for photos and
        copies) and value that either class has in the part: images ``before`` and ``after``, and their share of the
        class in the part.
    """
    counts = {name: _counts(table) for name, table in (("before", before), ("after", after))}
    rows = [
        {"looks": looks, "part": part, "attribute": attribute, "value": value}
        for part in PARTS
        for attribute, values in _VALUES.items()
        for value in values
        if any((looks, part, attribute, value) in counts["before"].index for looks in CLASS_NAMES)
        for looks in (1, 0)
    ]
    table = pd.DataFrame(rows)
    keys = pd.MultiIndex.from_frame(table)
    for name, count in counts.items():
        table[name] = count.reindex(keys, fill_value=0).to_numpy()
        total = table.groupby(["looks", "part", "attribute"])[name].transform("sum")
        table[f"{name}_share"] = (table[name] / total.where(total > 0, 1)).round(6)
    return table[columns("balance_table")]


def class_differences(table: pd.DataFrame) -> pd.DataFrame:
    """How unlike the classes are in each attribute: half the sum of the differences of the shares, from 0 to 1.

    It is the share of one class that would have to change its value for the classes to be alike (the total variation
    distance).

    Args:
        table: table ``balance_table``.

    Returns:
        Columns ``before`` and ``after``, by part and attribute.
    """
    sign = table["looks"].map({1: 1.0, 0: -1.0})
    signed = pd.DataFrame({when: table[f"{when}_share"] * sign for when in ("before", "after")})
    keys = [table[name] for name in ("part", "attribute", "value")]
    return signed.groupby(keys, sort=False).sum().abs().groupby(["part", "attribute"], sort=False).sum() / 2


def tell_difference(table: pd.DataFrame) -> None:
    """Log, in a line a part, how unlike the classes are before and after."""
    differences = class_differences(table).to_dict("index")
    for part in PARTS:
        told = [
            f"{name} {differences[(part, name)]['before']:.3f} -> {differences[(part, name)]['after']:.3f}"
            for name in ("age", "gender", "race")
        ]
        log.info("%s part: difference of the classes (0 none, 1 all), before -> after: %s", part, ", ".join(told))


def leak_table(split_table: pd.DataFrame) -> pd.DataFrame:
    """How much of the test part is known from the training part.

    Args:
        split_table: table ``split_table``.

    Returns:
        Table ``leak_table``: for each class and unit (``parent``, the photo that an image is made from; ``group``;
        ``identity``) how many of them are ``in_train``, ``in_test`` and ``in_both``; of the ``test_images`` how many
        are ``leaking``, that is, have their unit in the training part of either class; and their ``share``.
    """
    parts = {part: split_table[split_table["part"] == part] for part in PARTS}
    rows = []
    for looks in (1, 0):
        train, test = (parts[part][parts[part]["looks"] == looks] for part in PARTS)
        for unit in UNITS:
            known = set(parts["train"][unit])
            leaking = int(test[unit].isin(known).sum())
            rows.append(
                {
                    "looks": looks,
                    "unit": unit,
                    "in_train": train[unit].nunique(),
                    "in_test": test[unit].nunique(),
                    "in_both": len(set(test[unit]) & known),
                    "test_images": len(test),
                    "leaking": leaking,
                    "share": round(leaking / len(test), 6) if len(test) else 0.0,
                }
            )
    return pd.DataFrame(rows)[columns("leak_table")]


def tell_leak(table: pd.DataFrame) -> None:
    """Log how much of the test part leaks, in a line a class."""
    for looks, rows in table.groupby("looks", sort=False):
        told = ", ".join(f"{row.leaking} by {row.unit} ({row.share:.1%})" for row in rows.itertuples())
        log.warning(
            "The published order leaks: of %d test images of %s the training part knows %s",
            int(rows["test_images"].iloc[0]),
            CLASS_NAMES[int(str(looks))],
            told,
        )


def _counts(images: pd.DataFrame) -> pd.Series[int]:
    said = images[["looks", "part"]].copy()
    for name in ("age", "gender", "race"):
        said[name] = images[name].where(images[name] != "", UNKNOWN).astype(str)
    said["image"] = is_copy(images).map({True: "copy", False: "photo"})
    long = said.melt(id_vars=["looks", "part"], var_name="attribute", value_name="value")
    return long.groupby(["looks", "part", "attribute", "value"]).size()
