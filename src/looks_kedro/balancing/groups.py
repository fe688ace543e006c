"""Which photos must stay together: those of one person, and those that are the same picture."""

from __future__ import annotations

import logging
from collections.abc import Iterable

import pandas as pd

log = logging.getLogger(__name__)


def groups_of(faces: pd.DataFrame, same_picture: Iterable[tuple[str, str]] = ()) -> pd.Series[str]:
    """The group of each photo: photos of one group go to one part.

    A group is a person, or several persons (or photos of nobody in particular, each its own identity) that are joined
    by photos that are the same picture. One name in both classes counts as one person.

    Args:
        faces: one row a photo: ``file, identity, looks``.
        same_picture: pairs of files that are the same or nearly the same picture. A file that is no photo of the table
            still joins those that are paired with it: two copies of a rejected picture are copies of each other.

    Returns:
        For each photo the name of its group, with the index of ``faces``: of the identities in it, the first in
        alphabetical order.
    """
    identity = dict(zip(faces["file"], faces["identity"], strict=True))
    leader: dict[tuple[bool, str], tuple[bool, str]] = {}

    def find(node: tuple[bool, str]) -> tuple[bool, str]:
        path = []
        while (above := leader.get(node, node)) != node:
            path.append(node)
            node = above
        leader.update(dict.fromkeys(path, node))
        return node

    def node_of(file: str) -> tuple[bool, str]:
        # Identities sort before files that are no photos of the table, so a group is led by an identity.
        return (False, identity[file]) if file in identity else (True, file)

    joined = 0
    for file, other in same_picture:
        one, two = sorted((find(node_of(file)), find(node_of(other))))
        if one != two:
            leader[two] = one
            joined += 1
    if joined:
        log.info("%d photo(s) are the same picture as another one; each stays in one part with it", joined)
    both = faces.groupby("identity")["looks"].nunique()
    twice = sorted(both.index[both > 1])
    if twice:
        log.warning(
            "%d identities are in both classes, among them %s; each counts as one person and stays in one part",
            len(twice),
            ", ".join(twice[:3]),
        )
    return faces["identity"].map({name: find((False, name))[1] for name in faces["identity"].unique()})
