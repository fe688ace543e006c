"""The audit of one model from end to end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from looks_kedro.audit.classifier import IMAGENET_MEAN, IMAGENET_STD, Classifier, as_classifier
from looks_kedro.audit.donors import can_be_exchanged
from looks_kedro.audit.evaluation import chosen_channels, chosen_rows, evaluate_channels, evaluate_unedited
from looks_kedro.audit.folds import checked_folds, joined_decisions, joined_flags, some_portraits
from looks_kedro.audit.intake import FindLandmarks, Given, take_in
from looks_kedro.audit.leak import LeakGap, can_be_compared, leak_gap, notes_on_known
from looks_kedro.audit.reliance import Decisions
from looks_kedro.audit.report import Report, report_of
from looks_kedro.audit.settings import Rules
from looks_kedro.errors import BadInputError, BadParameterError

__all__ = ["audit"]

Labels = npt.NDArray[np.int64]
Names = npt.NDArray[np.str_]


def audit(
    model: Any,
    faces: Any,
    labels: npt.ArrayLike,
    identities: npt.ArrayLike,
    *,
    landmarks: npt.ArrayLike | None = None,
    mattes: Any = None,
    good_mattes: npt.ArrayLike | None = None,
    known: npt.ArrayLike | None = None,
    folds: npt.ArrayLike | None = None,
    leak: LeakGap | None = None,
    one_source: bool = False,
    cross_source_passed: bool | None = None,
    channels: Sequence[str] | None = None,
    draws: int = 2,
    images: int | None = None,
    rules: Rules | None = None,
    seed: int = 0,
    image_size: int | None = None,
    mean: Sequence[float] = IMAGENET_MEAN,
    std: Sequence[float] = IMAGENET_STD,
    device: str | None = None,
    batch_size: int = 64,
    processes: int | None = 1,
    find_landmarks: FindLandmarks | None = None,
    companions: bool = False,
    controls: bool = False,
) -> Report:
    """Find out what a classifier's decisions rest on.

    Args:
        model: a torch module, or a callable on uint8 images (see ``as_classifier``); or a list of trainings of one
            network that differ in the seed, which are then judged together.
        faces: images that the model was not trained on, uint8 (N, S, S, 3) RGB; or a list of such images or of files.
        labels: 0 or 1 (N,).
        identities: (N,) who is shown. Intervals are over people: a name for each image is right only if nobody is
            shown twice. An image without a name (an empty text, None or NaN) counts as a person of its own.
        landmarks: (N, 5, 2) in pixels of the faces; None has them found by MTCNN.
        mattes: uint8 (N, S, S), 255 where the person is; without them the background is not tried apart from clothes.
        good_mattes: (N,) which of them may be used.
        known: bool (N,) whether the person was in the training part too; the leak gap is measured between known
            people and new ones, where there are two of each class among either.
        folds: (N,) for a cross-validation: which of the models, from 0, has not seen the image's person; each image is
            shown to that model alone, and the way of training is judged instead of one network.
        leak: the leak gap, where it was measured otherwise, of the split that these images are the test of.
        one_source: whether both classes come from the same sources.
        cross_source_passed: whether the model was shown to work across sources.
        channels: names of ``interventions.CHANNELS``; None tries all that can be tried.
        draws: donors of each class for an image.
        images: edit at most so many images (of each fold), spread over classes and people; None edits all.
        rules: the thresholds.
        seed: of the donors and of the images chosen.
        image_size: side of the images that the model was trained on, px; None shows them as large as they are.
        mean: subtracted before a module, of red, green and blue in 0..1.
        std: by which is divided then.
        device: where a module runs; None leaves it where it is.
        batch_size: images that the model is shown at a time.
        processes: that make the edits; None takes one a core (a script then needs ``if __name__ == "__main__":``).
        find_landmarks: an image to its landmarks, in place of MTCNN.
        companions: whether to look at the images alone, too (minutes).
        controls: whether to try the model on face, background and mixed backgrounds, too; of one network only.

    Returns:
        The report; ``print(report)`` says the verdict, a notebook shows all of it.

    Raises:
        BadInputError: inputs do not fit each other, or a class is missing.
        BadParameterError: parameters do not fit each other.
    """
    trainings = model if isinstance(model, (list, tuple)) else [model]
    if not trainings:
        raise BadParameterError("model: expected a network, or a list of trainings of one; found an empty list.")
    if controls and folds is not None:
        raise BadParameterError("controls: expected no folds, because one model would see people of its training.")
    if controls and len(trainings) > 1:
        raise BadParameterError(
            f"controls: expected one network; found {len(trainings)} trainings. "
            "Try each with looks_kedro.audit.controls.model_controls."
        )
    models = {
        str(number): as_classifier(one, image_size, mean, std, device, batch_size)
        for number, one in enumerate(trainings)
    }
    given = take_in(faces, landmarks, mattes, good_mattes, find_landmarks)
    classes, names, notes = _checked(labels, identities, given)
    met = None if known is None else _of(given, known, "known").astype(np.bool_)
    rows = [np.arange(len(classes))]
    if folds is not None:
        rows = checked_folds(_of(given, folds, "folds"), len(models), names, classes)
    edited = [chosen[chosen_rows(classes[chosen], names[chosen], images, seed)] for chosen in rows]
    if channels is None:
        channels, untried = _that_can_be_tried(given, classes, names, rows, edited)
        notes += untried
    answers: list[list[list[Decisions]]] = []
    flags: list[list[npt.NDArray[np.bool_]]] = []
    for fold, chosen in enumerate(rows):
        shown_to = models if folds is None else {str(fold): models[str(fold)]}
        portraits = given.portraits if folds is None else some_portraits(given.portraits, chosen)
        flags.append(list(evaluate_unedited(shown_to, portraits, classes[chosen], batch_size).values()))
        found = evaluate_channels(
            shown_to,
            portraits,
            classes[chosen],
            names[chosen],
            channels=channels,
            recipients=np.searchsorted(chosen, edited[fold]),
            draws=draws,
            seed=seed,
            batch_size=batch_size,
            processes=processes,
        )
        answers.append(list(found.values()))
    right = [joined_flags(one, rows) for one in zip(*flags, strict=True)]
    if met is not None and leak is None:
        leak, told = _leak(np.mean(right, axis=0), classes, names, met, (rules or Rules()).error_rate)
        notes += told
    report = report_of(
        [joined_decisions(one, rows) for one in zip(*answers, strict=True)],
        right,
        classes,
        names,
        rules=rules,
        leak=leak,
        apart=met is not None and not met.any(),
        one_source=one_source,
        cross_source_passed=cross_source_passed,
        notes=notes,
    )
    return replace(
        report,
        companions=_companions(given, classes, names, seed) if companions else None,
        controls=_controls(models["0"], given, classes, names, seed, batch_size) if controls else None,
    )


def _checked(labels: npt.ArrayLike, identities: npt.ArrayLike, given: Given) -> tuple[Labels, Names, list[str]]:
    """Labels and identities of the images that are audited, and what is to be said of images."""
    classes = _of(given, labels, "labels")
    names, notes = _named(_of(given, identities, "identities"))
    if not set(np.unique(classes).tolist()) <= {0, 1}:
        found = ", ".join(map(repr, np.unique(classes)[:4].tolist()))
        raise BadInputError(f"labels: expected the numbers 0 and 1; found {found}. Number the two classes.")
    for one in (0, 1):
        people = len(np.unique(names[classes == one]))
        if people < 2:
            raise BadInputError(
                f"labels: class {one} has {people} people among the images with landmarks; expected at least 2, so "
                "that each image can be given something of somebody else. Give more people."
            )
    return classes.astype(np.int64), names, [*given.notes, *notes]


def _named(identities: npt.NDArray[Any]) -> tuple[Names, list[str]]:
    """A name for each image: those without one are a person each."""
    unnamed = pd.isna(identities) | (identities.astype(str) == "")
    if not unnamed.any():
        return identities.astype(str), []
    mark = "unnamed "
    while any(str(one).startswith(mark) for one in identities[~unnamed]):
        mark = f"'{mark}"
    names = np.array([f"{mark}{row}" if unnamed[row] else str(one) for row, one in enumerate(identities)])
    told = "have no identity and count as a person each: right only if nobody of them is shown twice"
    return names, [f"{int(unnamed.sum())} of {len(names)} images {told}."]


def _that_can_be_tried(
    given: Given, labels: Labels, identities: Names, rows: list[Labels], edited: list[Labels]
) -> tuple[list[str], list[str]]:
    """All channels that every fold has images for, and a word on those that were left out."""
    good = given.portraits.with_matte
    behind = all(
        can_be_exchanged(labels[fold], identities[fold], good[fold] & np.isin(fold, some))
        for fold, some in zip(rows, edited, strict=True)
    )
    left = good.any() and not behind
    told = "The background apart from clothes was not tried: too few people were cut out well."
    return chosen_channels(None, mattes=behind), [told] if left else []


def _of(given: Given, values: npt.ArrayLike, name: str) -> npt.NDArray[Any]:
    array = np.asarray(values)
    if array.shape != (given.count,):
        raise BadInputError(f"{name}: expected one for each of {given.count} images; found {array.shape}.")
    return array[given.rows]


def _leak(
    right: npt.NDArray[np.float64], labels: Labels, identities: Names, known: npt.NDArray[np.bool_], error_rate: float
) -> tuple[LeakGap | None, list[str]]:
    """The gap between people of the training and new ones, where there are enough of both, and what is to be said."""
    table = pd.DataFrame({"looks": labels, "identity": identities, "correct": right})
    gap = leak_gap(table[known], table[~known], error_rate) if can_be_compared(table, known) else None
    return gap, notes_on_known(table, known)


def _companions(given: Given, labels: Labels, identities: Names, seed: int) -> Any:
    from looks_kedro.audit.companions import find_companions

    faces, mattes = _in_memory(given)
    return find_companions(faces, labels, identities, given.portraits.landmarks, mattes, seed=seed)


def _controls(
    model: Classifier, given: Given, labels: Labels, identities: Names, seed: int, batch_size: int
) -> pd.DataFrame:
    from looks_kedro.audit.controls import model_controls

    faces, mattes = _in_memory(given)
    points = given.portraits.landmarks
    return model_controls(model, faces, labels, identities, points, mattes, seed=seed, batch_size=batch_size)


def _in_memory(given: Given) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8] | None]:
    """All faces, and all mattes where every one of them is good."""
    portraits = given.portraits
    faces = np.stack([np.asarray(portraits.faces[row]) for row in range(len(portraits))])
    if portraits.mattes is None or not portraits.with_matte.all():
        return faces, None
    return faces, np.stack([np.asarray(portraits.mattes[row]) for row in range(len(portraits))])
