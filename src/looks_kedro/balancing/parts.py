"""Which part each photo goes to: by group, by fold, by FairFace's own parts, or at random as published."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from looks_kedro.balancing.settings import CLASS_NAMES, Balancing
from looks_kedro.errors import BadInputError

log = logging.getLogger(__name__)

_OWN_PARTS = {"train": "train", "val": "test"}
_BUNDLES = 2000
"""At most so many bundles of groups of one photo are dealt out to the folds."""
_WHY = "look in rejections.csv and matte_quality.csv for why faces are missing"


def parts_by_group(faces: pd.DataFrame, settings: Balancing) -> npt.NDArray[np.str_]:
    """The part of each photo, the same for all photos of a group.

    Args:
        faces: one row a photo, sorted by file: ``file, looks, identity, group``.
        settings: folds, fractions, seed.

    Returns:
        ``train`` or ``test`` for each row.

    Raises:
        BadInputError: a class has fewer groups than parts or folds, or all its groups are bound to one part.
    """
    for looks in CLASS_NAMES:
        _check_enough(faces[faces["looks"] == looks], looks, settings.folds)
    if settings.folds:
        if settings.own_parts == "respect" and _own_part(faces).nunique() == 2:
            log.info("FairFace's own parts are not used with folds, because everybody is tested once")
        in_test = folds_by_group(faces, settings.folds, settings.seed) == settings.fold
    else:
        decided = own_parts(faces) if settings.own_parts == "respect" else {}
        generator = np.random.default_rng([settings.seed, 1])
        people = faces.groupby("looks")["group"].nunique()
        # The class with the fewest groups first: a group with photos of both classes is decided by it.
        for looks in sorted(CLASS_NAMES, key=lambda looks: (people[looks], -looks)):
            of_class = faces[faces["looks"] == looks]
            chosen = choose_test_identities(of_class, looks, settings.test_fraction, generator, decided)
            decided |= {group: "test" if group in chosen else "train" for group in of_class["group"]}
        in_test = (faces["group"].map(decided) == "test").to_numpy()
    parts = np.where(in_test, "test", "train")
    for looks, name in CLASS_NAMES.items():
        missing = {"train", "test"} - set(parts[faces["looks"] == looks])
        if missing:
            raise BadInputError(
                f"labels: no photo of {name} can go to the {missing.pop()} part, because all their photos are bound to "
                "the other part by duplicates in the other class or by FairFace's own parts. Reject the duplicates in "
                "corrections.csv, or set balancing.own_parts to ignore."
            )
    return parts


def parts_by_image(images: pd.DataFrame, settings: Balancing) -> npt.NDArray[np.str_]:
    """The part of each image, drawn at random whoever it shows: the published way, which leaks.

    Args:
        images: one row an image, copies included, sorted by file: ``looks``.
        settings: folds, fraction, seed.

    Returns:
        ``train`` or ``test`` for each row.

    Raises:
        BadInputError: a class has fewer images than parts or folds.
    """
    looks = images["looks"].to_numpy()
    generator = np.random.default_rng([settings.seed, 1])
    in_test = np.zeros(len(images), dtype=np.bool_)
    for number, name in CLASS_NAMES.items():
        rows = np.flatnonzero(looks == number)
        needed = max(2, settings.folds)
        if len(rows) < needed:
            raise BadInputError(
                f"labels: {len(rows)} images of {name}; at least {needed} are needed, one for each part or fold. "
                f"Add photos, or {_WHY}."
            )
        size = min(max(round(settings.test_fraction * len(rows)), 1), len(rows) - 1)
        in_test[generator.permutation(rows)[:size]] = True
    if settings.folds:
        from sklearn.model_selection import StratifiedKFold

        splitter = StratifiedKFold(settings.folds, shuffle=True, random_state=settings.seed)
        _, rows = list(splitter.split(looks, looks))[settings.fold]
        in_test = np.isin(np.arange(len(images)), rows)
    return np.where(in_test, "test", "train")


def folds_by_group(faces: pd.DataFrame, folds: int, seed: int) -> npt.NDArray[np.int64]:
    """The fold of each photo: each group in exactly one fold, each class spread evenly over the folds.

    By scikit-learn's ``StratifiedGroupKFold``. Where there are thousands of groups of one photo each, they are dealt
    out in random bundles of one class, or dealing would take minutes.

    Args:
        faces: one row a photo, sorted by file: ``looks, group``.
        folds: how many, at least 2.
        seed: of the order in which groups are dealt out.

    Returns:
        Numbers from 0 to ``folds - 1``.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    dealt = faces["group"].factorize(sort=True)[0]
    single = np.bincount(dealt)[dealt] == 1
    generator = np.random.default_rng([seed, 4])
    for looks in CLASS_NAMES:
        alone = generator.permutation(np.flatnonzero(single & (faces["looks"] == looks).to_numpy()))
        # Bundles of one are the groups themselves.
        for bundle in np.array_split(alone, min(len(alone), _BUNDLES) or 1):
            dealt[bundle] = dealt[bundle[:1]]
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    fold = np.zeros(len(faces), dtype=np.int64)
    for number, (_, rows) in enumerate(splitter.split(dealt, faces["looks"].to_numpy(), dealt)):
        fold[rows] = number
    return fold


def own_parts(faces: pd.DataFrame) -> dict[str, str]:
    """FairFace's own parts, by group: ``ordinary/train/...`` to train, ``ordinary/val/...`` to test.

    Only where photos of both are there; with one of them alone the photos are split like others. A group with photos
    of both goes to train: the attribute network that ``custom`` starts from may have learned from them.

    Args:
        faces: one row a photo: ``file, looks, identity, group``.
    """
    parts = _own_part(faces)
    if parts.nunique() < 2:
        return {}
    in_test, in_train = (faces["group"][(parts == part).to_numpy()] for part in ("test", "train"))
    decided = dict.fromkeys(in_test, "test") | dict.fromkeys(in_train, "train")
    log.info(
        "FairFace's own parts: %d photos for training, %d for testing; %d validation photo(s) go to training, because "
        "they are copies of training photos",
        len(in_train),
        len(in_test),
        int(in_test.isin(set(in_train)).sum()),
    )
    return decided


def _own_part(faces: pd.DataFrame) -> pd.Series[str]:
    # A folder named train or val may be a person's; then the person is called so, and not "train/1.jpg".
    folder = faces["file"].str.extract(r"^ordinary/(train|val)/")[0]
    return folder.map(_OWN_PARTS).where((faces["looks"] == 0) & ~faces["identity"].isin(list(_OWN_PARTS)))


def choose_test_identities(
    faces: pd.DataFrame,
    looks: int,
    fraction: float,
    generator: np.random.Generator,
    decided: Mapping[str, str] | None = None,
) -> set[str]:
    """Choose the persons of the test part, as close to the fraction of photos as whole persons allow.

    Persons are taken in random order, each one if that brings the test part nearer to its size.

    Args:
        faces: the faces of one class, by ``group`` where there is this column, else by ``identity``.
        looks: the class, for the messages.
        fraction: wanted share of photos in the test part.
        generator: source of the order.
        decided: ``train`` or ``test`` for those that are not to be drawn.

    Returns:
        Those of the test part; at least one and never all, except where ``decided`` leaves no choice.

    Raises:
        BadInputError: fewer than two.
    """
    _check_enough(faces, looks, 0)
    decided = decided or {}
    counts = _people(faces).value_counts().sort_index()
    photos = {str(name): int(count) for name, count in counts.items()}
    chosen = {name for name in photos if decided.get(name) == "test"}
    free = [name for name in photos if name not in decided]
    order = [free[index] for index in generator.permutation(len(free))]
    if len(free) + len(chosen) == len(photos):
        order = order[:-1]  # nobody is bound to training: one person is left for it
    wanted = fraction * len(faces)
    taken = sum(photos[name] for name in chosen)
    for name in order:
        if abs(taken + photos[name] - wanted) <= abs(taken - wanted):
            chosen.add(name)
            taken += photos[name]
    return chosen or set(sorted(free, key=lambda name: (photos[name], name))[:1])


def _people(faces: pd.DataFrame) -> pd.Series[str]:
    return faces["group"] if "group" in faces else faces["identity"]


def _check_enough(faces: pd.DataFrame, looks: int, folds: int) -> None:
    name, people = CLASS_NAMES[looks], _people(faces).nunique()
    if faces.empty:
        raise BadInputError(f"labels: there is no photo of {name}, and two classes are needed. Add photos, or {_WHY}.")
    if people < 2:
        raise BadInputError(
            f"labels: {name} have {len(faces)} faces of {people} persons; at least 2 persons are needed, one for "
            f"training and one for testing (copies of a picture count as one). Add people, or {_WHY}."
        )
    if people < folds:
        raise BadInputError(
            f"labels: {name} have {len(faces)} faces of {people} persons; balancing.folds is {folds}, and each fold "
            f"needs a person of its own. Set balancing.folds to at most {people}, or add people."
        )
