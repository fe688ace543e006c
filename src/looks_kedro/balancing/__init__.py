"""The parts that models learn from and are tested on: who goes where, which copies are made, whom sampling leaves out.

Here are tables in and tables out, and how one copy is made from its parent; no image is read or written.
"""

from looks_kedro.balancing.accounts import balance_table, class_differences, leak_table, tell_leak
from looks_kedro.balancing.balance import SPLIT_COLUMNS, Balanced, balance, split_parts
from looks_kedro.balancing.copies import (
    copied_image,
    copied_landmarks,
    is_copy,
    mirrored_name,
    with_copies,
)
from looks_kedro.balancing.groups import groups_of
from looks_kedro.balancing.parts import choose_test_identities, folds_by_group, own_parts
from looks_kedro.balancing.sampling import cell_distance, match
from looks_kedro.balancing.settings import CLASS_NAMES, Balancing

__all__ = [
    "CLASS_NAMES",
    "SPLIT_COLUMNS",
    "Balanced",
    "Balancing",
    "balance",
    "balance_table",
    "cell_distance",
    "choose_test_identities",
    "class_differences",
    "copied_image",
    "copied_landmarks",
    "folds_by_group",
    "groups_of",
    "is_copy",
    "leak_table",
    "match",
    "mirrored_name",
    "own_parts",
    "split_parts",
    "tell_leak",
    "with_copies",
]
