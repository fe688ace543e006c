"""Nodes of the explainability pipeline: maps, and what is measured on them."""

import logging
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from looks_kedro.cam.package import CLASS_BLIND
from looks_kedro.datasets import ImageFolder
from looks_kedro.errors import BadInputError
from looks_kedro.learning.array_store import ArrayStore
from looks_kedro.pipelines.background.nodes import matte_file
from looks_kedro.pipelines.parts import part_rows

from .evidence import control_rows, evidence_of, explained, images_to_explain, prepared
from .groups import landmarks_at
from .parameters import Explainability

log = logging.getLogger("looks_kedro")

Arrays = dict[str, npt.NDArray[Any]]

REGION_SIDE = 112
"""Pixels: regions are of a few percent of the image, and a map has 7 x 7 places."""


def map_test_part(
    model: dict[str, Any], model_input: ImageFolder, explainability: Explainability, image_arrays: ArrayStore
) -> Arrays:
    """Map the evidence of every test image.

    Args:
        model: checkpoint of a trained network.
        model_input: images with their table.
        explainability: method, layer, batch size and device.
        image_arrays: where decoded images are kept.

    Returns:
        ``file`` (N,) text, ``by_class`` float16 (N, 2, h, w) signed evidence for each logit, ``logits`` float32 (N, 2),
        ``alpha_colour`` uint8 (3,) what the network saw behind transparent pixels.
    """
    if explainability.method in CLASS_BLIND:
        log.warning(
            "Maps by %s are the same for both classes, so there is no evidence for one against the other: attention, "
            "its regions, the mirror control and the comparison with random weights cannot be told and stay empty. "
            "Set explainability.method to gradcam to have them.",
            explainability.method,
        )
    images, rows = images_to_explain(model, model_input, image_arrays)
    evidence = explained(model, images, explainability)
    return {
        "file": rows["file"].to_numpy(dtype=str),
        "by_class": evidence.by_class.astype(np.float16),
        "logits": evidence.logits,
        "alpha_colour": np.array(model["metadata"]["alpha_colour"], dtype=np.uint8),
    }


def measure_attention(maps: Arrays, predictions: pd.DataFrame, model_input: ImageFolder) -> pd.DataFrame:
    """Share of the evidence for the predicted class that lies on the face, against the face's share of the area.

    Args:
        maps: evidence of every test image.
        predictions: what the model says of them.
        model_input: images with their table, for the landmarks.

    Returns:
        One row an image.
    """
    from looks_kedro.cam import attention_on
    from looks_kedro.faces import ellipse_mask

    rows = rows_of(maps, model_input)
    if rows["file"].tolist() != predictions["file"].tolist():
        raise BadInputError("maps and predictions are of different images; run training and explainability again.")
    size = side_of(model_input, rows)
    masks = (ellipse_mask(points, size) for points in landmarks_at(rows, size, size))
    measured = attention_on(signed(maps), masks, toward=predictions["predicted"].to_numpy())
    table: pd.DataFrame = pd.concat([predictions[["file", "looks", "identity", "predicted"]], measured], axis=1)
    return table


def measure_regions(
    maps: Arrays, model_input: ImageFolder, mattes: ImageFolder, matte_quality: pd.DataFrame
) -> pd.DataFrame:
    """Share of the evidence for the predicted class on each part of the portrait, against the part's area.

    Args:
        maps: evidence of every test image.
        model_input: images with their table, for the landmarks.
        mattes: one a face.
        matte_quality: which of them are good enough to tell hair and clothes from the ground.

    Returns:
        Table ``region_attention``: a row for each region and class.
    """
    from looks_kedro.cam import attention_by_region, region_table

    rows = rows_of(maps, model_input)
    masks = _region_masks(rows, side_of(model_input, rows), mattes, matte_quality)
    shares = attention_by_region(signed(maps), masks, toward=predicted(maps))
    return region_table(shares, rows["looks"], rows["identity"])


def control_padding(
    model: dict[str, Any],
    maps: Arrays,
    model_input: ImageFolder,
    mean_faces: Arrays,
    explainability: Explainability,
    image_arrays: ArrayStore,
) -> tuple[Any, pd.DataFrame]:
    """Hold maps of mirrored test images against the mirrored maps.

    Args:
        model: checkpoint of a trained network.
        maps: evidence of every test image.
        model_input: images with their table.
        mean_faces: of the variant.
        explainability: how many images, and how they are mapped.
        image_arrays: where decoded images are kept.

    Returns:
        A figure, and table ``padding``: a row a class.
    """
    from looks_kedro.cam import mirror_control, padding_figure, padding_table

    from .groups import class_flags, faces_from_arrays

    images, rows = images_to_explain(model, model_input, image_arrays)
    chosen = control_rows(len(rows), explainability.control_images)
    turned = explained(model, np.ascontiguousarray(images[chosen][:, :, ::-1]), explainability).signed
    own, some = signed(maps)[chosen], rows.iloc[chosen]
    control = mirror_control(own, turned, predicted(maps)[chosen])
    table = padding_table(control, some["looks"], some["identity"])
    averages = {
        name: (own[flags].mean(axis=0), turned[flags].mean(axis=0))
        for name, flags in class_flags(some).items()
        if flags.any()
    }
    whole = table[table["class"] == "all"].iloc[0]
    title = f"correlation {whole['correlation']:.2f}, staying {whole['staying']:+.2f} of the evidence on the right"
    faces = faces_from_arrays(mean_faces)
    return padding_figure(averages, {name: faces.face(name) for name in averages}, title), table


def check_sanity(
    model: dict[str, Any], model_input: ImageFolder, explainability: Explainability, image_arrays: ArrayStore
) -> pd.DataFrame:
    """Compare the maps with those of networks that lose their weights from the top down.

    Args:
        model: checkpoint of a trained network.
        model_input: images with their table.
        explainability: how many images, and how they are mapped.
        image_arrays: where decoded images are kept.

    Returns:
        Table ``sanity``: a row a layer.
    """
    from looks_kedro.cam import sanity_table
    from looks_kedro.intervals import people_of

    images, rows = images_to_explain(model, model_input, image_arrays)
    chosen = control_rows(len(rows), explainability.control_images)
    network, batches = prepared(model, images[chosen], explainability)
    some = rows.iloc[chosen]
    people = people_of(some["identity"].to_numpy(dtype=str), some["looks"].to_numpy())
    return sanity_table(
        network,
        lambda one: evidence_of(one, batches(), explainability).signed,
        people,
        explainability.random_networks,
    )


def signed(maps: Arrays) -> npt.NDArray[np.float32]:
    """Evidence for celebrity against ordinary, float32 (N, h, w)."""
    by_class = maps["by_class"].astype(np.float32)
    difference: npt.NDArray[np.float32] = by_class[:, 1] - by_class[:, 0]
    return difference


def predicted(maps: Arrays) -> npt.NDArray[np.int64]:
    """The class that the network names, int64 (N,)."""
    return (maps["logits"][:, 1] > maps["logits"][:, 0]).astype(np.int64)


def rows_of(maps: Arrays, model_input: ImageFolder) -> pd.DataFrame:
    """Rows of the test part, after a look that the maps are of these images."""
    rows = part_rows(model_input, "test")
    if rows["file"].tolist() != maps["file"].tolist():
        raise BadInputError(
            f"The maps are of other images than the test part of {model_input.root}; run explainability again."
        )
    return rows


def side_of(model_input: ImageFolder, rows: pd.DataFrame) -> int:
    """Side of the images in pixels."""
    return int(model_input.array(rows["file"].iloc[0]).shape[0])


def _region_masks(
    rows: pd.DataFrame, side: int, mattes: ImageFolder, matte_quality: pd.DataFrame
) -> Iterator[dict[str, npt.NDArray[np.bool_]]]:
    """Regions of each image, by its matte where that is good."""
    import cv2

    from looks_kedro.audit.regions import region_masks

    good, known = set(matte_quality.loc[matte_quality["passed"], "file"]), set(mattes.names)
    for parent, points in zip(rows["parent"], landmarks_at(rows, side, REGION_SIDE), strict=True):
        matte = None
        if parent in good and matte_file(parent) in known:
            whole = mattes.array(matte_file(parent))
            matte = cv2.resize(whole, (REGION_SIDE, REGION_SIDE), interpolation=cv2.INTER_AREA)
        yield region_masks(points, REGION_SIDE, matte)
