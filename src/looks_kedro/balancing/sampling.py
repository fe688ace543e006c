"""Sampling the larger class down to the smaller one: at random, or alike in age, gender and race."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict

import numpy as np
import numpy.typing as npt
import pandas as pd

from looks_kedro.balancing.settings import CLASS_NAMES, Attribute, Balancing
from looks_kedro.errors import BadInputError
from looks_kedro.tables import AGES

log = logging.getLogger(__name__)

Cell = tuple[str, ...]

_OTHER_GENDER, _OTHER_RACE, _UNKNOWN_AGE = 6, 3, 4
"""Distance between cells, in age groups; see :func:`cell_distance`."""


def sample_part(images: pd.DataFrame, part: str, settings: Balancing) -> pd.DataFrame:
    """As many images of each class: of the smaller class all, or as many as asked for.

    Args:
        images: one row an image of the part, sorted by file: ``looks, age, gender, race`` and others.
        part: ``train`` or ``test``.
        settings: sizes, how to sample, seed.

    Returns:
        The chosen rows, sorted by file.
    """
    generator = np.random.default_rng([settings.seed, 2 if part == "train" else 3])
    size = settings.train_per_class if part == "train" else settings.test_per_class
    classes = {looks: images[images["looks"] == looks] for looks in CLASS_NAMES}
    kept = min(len(of_class) for of_class in classes.values())
    kept = min(kept, size) if size is not None else kept
    # The smaller class is drawn first; where both are as large, the celebrities.
    smaller, larger = sorted(classes, key=lambda looks: (len(classes[looks]), -looks))
    drawn = {smaller: classes[smaller].iloc[np.sort(generator.permutation(len(classes[smaller]))[:kept])]}
    if settings.sampling == "matched":
        rows, exact = match(classes[larger], drawn[smaller], settings.match_on, generator)
        log.info(
            "%s part: %s matched to %s on %s, %d of %d images exactly and the others to the nearest",
            part, CLASS_NAMES[larger], CLASS_NAMES[smaller], ", ".join(settings.match_on), exact, kept,
        )  # fmt: skip
    else:
        rows = np.sort(generator.permutation(len(classes[larger]))[:kept])
    drawn[larger] = classes[larger].iloc[rows]
    for looks, name in CLASS_NAMES.items():
        log.info("%s part: %d of %d images of %s", part, kept, len(classes[looks]), name)
    return pd.concat(list(drawn.values())).sort_values("file", kind="stable")


def check_labels(faces: pd.DataFrame, match_on: tuple[Attribute, ...]) -> None:
    """See that the classes can be matched.

    Args:
        faces: one row a photo: ``looks`` and the attributes.
        match_on: the attributes.

    Raises:
        BadInputError: nothing is known of an attribute in a class.
    """
    for name in match_on:
        for looks, class_name in CLASS_NAMES.items():
            values = faces.loc[faces["looks"] == looks, name]
            if (values == "").all():
                raise BadInputError(
                    f"labels: {name} is unknown for all {len(values)} photos of {class_name}, so the classes cannot be "
                    f"matched on it (balancing.sampling: matched). Give labels (people.csv, a labels table, "
                    f"label_corrections.csv or the FairFace network), leave {name} out of balancing.match_on, or set "
                    "balancing.sampling to random."
                )


def match(
    pool: pd.DataFrame, wanted: pd.DataFrame, match_on: tuple[Attribute, ...], generator: np.random.Generator
) -> tuple[npt.NDArray[np.int64], int]:
    """Draw from one class as many images as the other has, as alike as the pool allows.

    A cell is one combination of the attributes; unknown is a value of its own. First each cell gives, at random, as
    many images as are wanted of it, or all it has. What is missing then comes from the nearest cells with images to
    spare: all pairs of a cell that lacks images and one that has some are gone through by :func:`cell_distance`, equal
    ones in alphabetical order.

    Args:
        pool: the images to draw from, at least as many as ``wanted``.
        wanted: the images to be like.
        match_on: the attributes.
        generator: which images of a cell are drawn.

    Returns:
        Places of the drawn rows in ``pool``, sorted, and how many of them have the cell that was wanted.
    """
    spare: dict[Cell, list[int]] = defaultdict(list)
    cells = _cells(pool, match_on)
    for place in generator.permutation(len(pool)):
        spare[cells[place]].append(int(place))
    lacking = Counter(_cells(wanted, match_on))
    drawn: list[int] = []
    for cell in sorted(lacking):
        count = min(lacking[cell], len(spare.get(cell, [])))
        drawn += [spare[cell].pop() for _ in range(count)]
        lacking[cell] -= count
    exact = len(drawn)
    pairs = sorted(
        (cell_distance(cell, other, match_on), cell, other)
        for cell, count in lacking.items()
        for other, places in spare.items()
        if count and places
    )
    for _, cell, other in pairs:
        count = min(lacking[cell], len(spare[other]))
        drawn += [spare[other].pop() for _ in range(count)]
        lacking[cell] -= count
    return np.sort(np.array(drawn, dtype=np.int64)), exact


def cell_distance(cell: Cell, other: Cell, match_on: tuple[Attribute, ...]) -> int:
    """How unlike two cells are: the age groups between them, plus 3 for another race, plus 6 for another gender.

    Unknown is another race or gender than any known one, and 4 age groups from any known age.

    Args:
        cell: values in the order of ``match_on``.
        other: the same of the other cell.
        match_on: the attributes.
    """
    distance = 0
    for name, one, two in zip(match_on, cell, other, strict=True):
        if one == two:
            continue
        if name == "age":
            known = one != "" and two != ""
            distance += abs(AGES.index(one) - AGES.index(two)) if known else _UNKNOWN_AGE
        else:
            distance += _OTHER_GENDER if name == "gender" else _OTHER_RACE
    return distance


def _cells(images: pd.DataFrame, match_on: tuple[Attribute, ...]) -> list[Cell]:
    return list(images[list(match_on)].astype(str).itertuples(index=False, name=None))
