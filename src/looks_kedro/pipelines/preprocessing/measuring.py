"""What is computed of each raw image, several processes wide and never twice."""

import base64
import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from looks_kedro.cache import Cached, ResultCache, fingerprint
from looks_kedro.datasets import ImageFolder
from looks_kedro.faces import Inspector, Portrait, inspect_portraits
from looks_kedro.faces.detection import device_named
from looks_kedro.parallel import map_batches

from .parameters import Preprocessing

log = logging.getLogger(__name__)

_CODE = ("looks_kedro.faces", "looks_kedro.duplicates")
_PACKAGES = ("facenet-pytorch", "numpy", "opencv-python-headless", "pillow", "torch", "torchvision")


def measure(
    portraits: pd.DataFrame,
    folders: dict[int, ImageFolder],
    settings: Preprocessing,
    results: ResultCache,
    weights: Path,
) -> list[dict[str, Any]]:
    """Decode each raw image and find its face; see :func:`looks_kedro.faces.inspect_portraits`.

    Args:
        portraits: columns ``file, raw_file, looks, sha256``.
        folders: raw images of each class.
        settings: how faces are found.
        results: what was measured before.
        weights: folder of weights, where HopeNet's may lie.

    Returns:
        One mapping a portrait, in their order.
    """
    pose_weights = settings.pose.weights_file(weights)
    if pose_weights is None:
        log.info("Head poses come from the landmarks; with HopeNet's weights in %s they come from it.", weights)
    else:
        log.info("Head poses come from HopeNet, %s", pose_weights.name)
    setup = partial(Inspector, settings.detection, settings.alignment, settings.pose, pose_weights, settings.max_pixels)
    cached = Cached(
        results,
        fingerprint(
            "inspection",
            # The limits of the pose are applied to what is measured, and change none of it.
            settings.detection,
            settings.alignment,
            settings.max_pixels,
            code=_CODE,
            packages=_PACKAGES,
            files=[] if pose_weights is None else [pose_weights],
        ),
        lambda portrait: portrait.sha256,
    )
    items = [
        Portrait(folders[row["looks"]].path(row["raw_file"]), row["file"], row["sha256"])
        for row in portraits.to_dict("records")
    ]
    return list(
        map_batches(
            inspect_portraits,
            items,
            setup=setup,
            processes=partial(_processes, settings),
            batch_size=settings.detection.batch_size,
            description="finding faces",
            cache=cached,
        )
    )


def strangers(
    faces: pd.DataFrame,
    folders: dict[int, ImageFolder],
    settings: Preprocessing,
    results: ResultCache,
    weights: Path,
) -> tuple[dict[str, str], dict[str, float]]:
    """Find faces of celebrities that are not the person that they are filed under.

    Args:
        faces: rows of table ``face_table`` of one class that are still kept, with ``sha256``.
        folders: raw images of each class.
        settings: the rule.
        results: embeddings that were computed before.
        weights: folder of weights, where the embedding's may lie.

    Returns:
        Detail of each file that shows somebody else, and the distance of each file that was judged.
    """
    file = settings.same_person.weights_file(weights)
    if file is None:
        if settings.same_person.enabled:
            log.warning(
                "Nobody checks whether the celebrities' photos show the person that they are filed under: there are no "
                "weights of a face embedding in %s. `kedro run --pipelines weights --params weights.names=facenet` "
                "fetches them; preprocessing.same_person.enabled=false silences this.",
                weights,
            )
        return {}, {}
    photos = faces.groupby("identity")["file"].transform("size")
    faces = faces[photos >= settings.same_person.least_photos]
    if faces.empty:
        log.info("No celebrity has %d photos: nobody is compared.", settings.same_person.least_photos)
        return {}, {}
    from looks_kedro.faces.embedding import FaceInPhoto, embed_faces, embeddings_of
    from looks_kedro.faces.same_person import other_people

    def box_of(row: dict[Any, Any]) -> tuple[float, ...]:
        return tuple(float(row[f"box_{side}"]) for side in ("left", "top", "right", "bottom"))

    items = [
        FaceInPhoto(folders[row["looks"]].path(row["raw_file"]), row["file"], row["sha256"], box_of(row))
        for row in faces.to_dict("records")
    ]
    cached = Cached(
        results,
        fingerprint(
            "embedding",
            settings.detection.device,
            settings.max_pixels,
            code=_CODE,
            packages=_PACKAGES,
            files=[file],
        ),
        lambda item: f"{item.sha256} {item.box}",
    )
    embedded = map_batches(
        embed_faces,
        items,
        setup=partial(_embedder, file, settings),
        processes=partial(_processes, settings),
        batch_size=settings.detection.batch_size,
        description="comparing people",
        cache=cached,
    )
    judged = other_people(embeddings_of(embedded), list(faces["identity"]), settings.same_person)
    rows = list(zip(faces["file"], judged.others, judged.details, judged.distances, strict=True))
    return (
        {name: detail for name, other, detail, _ in rows if other},
        {name: float(distance) for name, _, _, distance in rows},
    )


def thumbnails(
    portraits: Sequence[dict[Any, Any]], folders: dict[int, ImageFolder], settings: Preprocessing, results: ResultCache
) -> dict[str, bytes]:
    """Small pictures for the review page, as JPEG, by file; those that cannot be read are left out.

    Args:
        portraits: rows with ``file, raw_file, looks``.
        folders: raw images of each class.
        settings: size of the page.
        results: thumbnails that were made before.
    """
    from looks_kedro.reporting.review import Thumbnails, ThumbnailSource, make_thumbnails

    side = settings.review.side
    digests = {looks: dict(folder.manifest[["name", "sha256"]].to_numpy()) for looks, folder in folders.items()}
    cached = Cached(
        results,
        fingerprint(
            "thumbnail",
            side,
            settings.max_pixels,
            code=["looks_kedro.reporting.review", "looks_kedro.faces.decode"],
            packages=["pillow"],
        ),
        lambda item: item.sha256,
    )
    items = [
        ThumbnailSource(
            row["file"], folders[row["looks"]].path(row["raw_file"]), digests[row["looks"]][row["raw_file"]]
        )
        for row in portraits
    ]
    made = map_batches(
        make_thumbnails,
        items,
        setup=partial(Thumbnails, side, settings.max_pixels),
        processes=settings.processes,
        batch_size=16,
        description="small pictures",
        cache=cached,
    )
    return {item.file: base64.b64decode(text) for item, text in zip(items, made, strict=True) if text}


def _embedder(weights: Path, settings: Preprocessing) -> Any:
    from looks_kedro.faces.embedding import Embedder

    return Embedder(weights, device_named(settings.detection.device), settings.max_pixels)


def _processes(settings: Preprocessing) -> int | None:
    """One process where the networks run on a GPU, which they would only crowd."""
    return 1 if device_named(settings.detection.device) != "cpu" else settings.processes
