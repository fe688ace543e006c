"""Properties of the picture that have nothing to do with who is on it, and how well they alone tell the classes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from looks_kedro.audit.companions.discriminant import HeldOut, auc
from looks_kedro.audit.companions.permutations import Floats, Units
from looks_kedro.errors import BadInputError
from looks_kedro.faces.geometry import face_ellipse
from looks_kedro.faces.image_quality import image_quality, jpeg_quality

__all__ = [
    "IMPORTANCE_COLUMNS",
    "design",
    "importances",
    "known_properties",
    "measure_properties",
    "measured",
    "opened",
]

IMPORTANCE_COLUMNS = ("property", "alone", "drop", "drop_low", "drop_high")

_FROM_TABLE = (
    "jpeg_quality",
    "sharpness",
    "brightness",
    "contrast",
    "saturation",
    "red",
    "green",
    "blue",
    "raw_width",
    "raw_height",
    "crop_scale",
)
_BOX = ("box_left", "box_top", "box_right", "box_bottom")
_REPEATS = 20


def measure_properties(
    faces: Iterable[npt.NDArray[np.uint8] | str | Path], landmarks: npt.ArrayLike | None = None
) -> pd.DataFrame:
    """Measure the pictures themselves.

    Args:
        faces: (H, W, 3) uint8 RGB each, or the paths of image files.
        landmarks: (N, 5, 2) in pixels of the pictures.

    Returns:
        A row a picture: ``sharpness, brightness, contrast, saturation, red, green, blue`` (see ``image_quality``);
        ``blockiness``, how much larger the steps between pixels are at every eighth row and column, as JPEG leaves
        them; with landmarks ``face_size, face_across, face_down``, in sides of the picture, and ``face_tilt`` in
        degrees. Of files also ``jpeg_quality`` (NaN where a file is none), ``raw_width`` and ``raw_height`` in
        pixels, and ``bytes_per_pixel``.
    """
    points = None if landmarks is None else np.asarray(landmarks, dtype=np.float64)
    rows = []
    for number, face in enumerate(faces):
        image, told = opened(face)
        rows.append(told | measured(image, None if points is None else points[number]))
    return pd.DataFrame(rows).astype(np.float64)


def measured(image: npt.NDArray[np.uint8], landmarks: Floats | None = None) -> dict[str, float]:
    """What :func:`measure_properties` says of one picture in memory."""
    row = image_quality(image) | {"blockiness": _blockiness(image)}
    return row if landmarks is None else row | _framing(landmarks, image.shape)


def opened(face: npt.NDArray[np.uint8] | str | Path) -> tuple[npt.NDArray[np.uint8], dict[str, float]]:
    """An image, and what its file tells.

    Raises:
        BadInputError: the file cannot be read, or the array is no uint8 colour picture.
    """
    if not isinstance(face, str | Path):
        image = np.asarray(face)
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise BadInputError(f"faces: expected uint8 (H, W, 3), found {image.dtype} of shape {image.shape}.")
        return image, {}
    import cv2

    content = Path(face).read_bytes()
    decoded = cv2.imdecode(np.frombuffer(content, dtype=np.uint8), cv2.IMREAD_COLOR)
    if decoded is None:
        raise BadInputError(f"{face}: not an image that can be read; remove it from the list.")
    height, width = decoded.shape[:2]
    quality = jpeg_quality(content)
    told = {
        "jpeg_quality": np.nan if quality is None else quality,
        "raw_width": float(width),
        "raw_height": float(height),
        "bytes_per_pixel": len(content) / (width * height),
    }
    return np.ascontiguousarray(decoded[:, :, ::-1]), told


def known_properties(table: pd.DataFrame) -> pd.DataFrame:
    """The image properties among the columns of a face table.

    Args:
        table: any of ``jpeg_quality, sharpness, brightness, contrast, saturation, red, green, blue, raw_width,
            raw_height, crop_scale`` and the face's box; other columns are left alone, for they may tell who it is.

    Returns:
        Those columns as numbers, and ``box_width, box_height`` of the box.

    Raises:
        BadInputError: the table holds none of them, or a text that is no number.
    """
    result = pd.DataFrame(index=pd.RangeIndex(len(table)))
    try:
        for name in _FROM_TABLE:
            if name in table.columns:
                result[name] = pd.to_numeric(table[name]).to_numpy(dtype=np.float64)
        if set(_BOX) <= set(table.columns):
            left, top, right, bottom = (pd.to_numeric(table[name]).to_numpy(dtype=np.float64) for name in _BOX)
            result["box_width"], result["box_height"] = right - left, bottom - top
    except (ValueError, TypeError) as error:
        raise BadInputError(f"The table of image properties holds a text where a number belongs: {error}.") from error
    if result.shape[1] == 0:
        raise BadInputError(
            f"The table of image properties has the columns {', '.join(map(str, table.columns))}; expected at least "
            f"one of {', '.join(_FROM_TABLE)} or the box."
        )
    return result


def design(properties: pd.DataFrame) -> tuple[Floats, list[list[int]]]:
    """Columns for the classifier: the normal score of each property, its square, and whether it is missing.

    Scores, because sizes and sharpness range over orders of magnitude; squares, because a class may lie between two
    kinds of the other.

    Returns:
        (N, p), and the columns of each property.
    """
    from scipy.special import ndtri
    from scipy.stats import rankdata

    columns: list[Floats] = []
    groups = []
    for name in properties.columns:
        values = properties[name].to_numpy(dtype=np.float64)
        known = np.isfinite(values)
        score = np.zeros(len(values))
        if known.any():
            score[known] = ndtri((rankdata(values[known]) - 0.5) / known.sum())
        groups.append(list(range(len(columns), len(columns) + 3)))
        columns += [score, score**2, 1.0 - known]
    return np.column_stack(columns), groups


def importances(properties: pd.DataFrame, units: Units, seed: int = 0) -> pd.DataFrame:
    """Which properties carry the classification.

    Each property is exchanged between whole people, in all that the classifier, already fitted, is tried on: every
    image gets the property of an image of one other person. By how much the classes' mean margins then lie closer
    together is its importance. (The area under the ROC curve would not do: where several properties tell the classes
    completely, it loses nothing by any.) Properties that say the same share theirs; ``alone`` shows each by itself.

    Args:
        properties: (N, K).
        units: whom the images show, with their classes.
        seed: of the exchanges.

    Returns:
        A row a property, the most important first: ``property``; ``alone``, the AUC of a classifier that has only
        this one; ``drop``, the separation lost, in standard deviations of the margin, with the range of the middle
        95 % of 20 exchanges.
    """
    table, groups = design(properties)
    labels = units.label[units.index]
    whole = HeldOut(table, units)
    weights = (1 / units.sizes)[units.index]  # every person counts the same
    reached = _gap(whole.image_margins(), labels, weights)
    generator = np.random.default_rng([seed, 11])
    donors = [_other_people(units, generator) for _ in range(_REPEATS)]
    rows = []
    for name, group in zip(properties.columns, groups, strict=True):
        drops = []
        for donor in donors:
            exchanged = table.copy()
            exchanged[:, group] = table[donor][:, group]
            drops.append(reached - _gap(whole.image_margins(whole.scaled(exchanged)), labels, weights))
        alone = auc(HeldOut(table[:, group], units).image_margins(), labels)
        low, high = np.quantile(drops, (0.025, 0.975))
        rows.append((str(name), alone, float(np.mean(drops)), float(low), float(high)))
    result = pd.DataFrame(rows, columns=list(IMPORTANCE_COLUMNS))
    return result.sort_values("drop", ascending=False, kind="stable", ignore_index=True)


def _gap(margins: Floats, labels: npt.NDArray[np.bool_], weights: Floats) -> float:
    return float(
        np.average(margins[labels], weights=weights[labels]) - np.average(margins[~labels], weights=weights[~labels])
    )


def _other_people(units: Units, generator: np.random.Generator) -> npt.NDArray[np.int64]:
    """For each image one of another person: people change places, and photos are drawn among theirs."""
    count = int(units.person.max()) + 1
    order = generator.permutation(count)
    partner = np.empty(count, dtype=np.int64)
    partner[order] = np.roll(order, 1)  # a cycle: nobody keeps their own
    person = units.person[units.index]
    by_person = np.argsort(person, kind="stable")
    sizes = np.bincount(person, minlength=count)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    chosen = partner[person]
    images: npt.NDArray[np.int64] = by_person[
        starts[chosen] + (generator.random(len(person)) * sizes[chosen]).astype(np.int64)
    ]
    return images


def _blockiness(image: npt.NDArray[np.uint8]) -> float:
    luma = image.astype(np.float32) @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    ratios = []
    for plane in (luma, luma.T):
        steps = np.abs(np.diff(plane, axis=1)).mean(axis=0)
        at_blocks = np.arange(len(steps)) % 8 == 7
        if at_blocks.any() and not at_blocks.all():
            ratios.append(float(steps[at_blocks].mean() / (steps[~at_blocks].mean() + 0.1)))
    return float(np.mean(ratios)) if ratios else 1.0


def _framing(landmarks: Floats, shape: Sequence[int]) -> dict[str, float]:
    (x, y), (across, _), angle = face_ellipse(landmarks)
    height, width = shape[:2]
    return {"face_size": 2 * across / width, "face_across": x / width, "face_down": y / height, "face_tilt": angle}
