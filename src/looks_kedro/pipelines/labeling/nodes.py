"""Nodes of the labeling pipeline."""

import logging
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pandas as pd

from looks_kedro import labels as labelling
from looks_kedro.cache import Cached, ResultCache, fingerprint
from looks_kedro.datasets import ImageFolder
from looks_kedro.errors import BadInputError
from looks_kedro.labels import Labeling
from looks_kedro.parallel import map_batches
from looks_kedro.sources.weight_registry import WEIGHT_FILES

log = logging.getLogger(__name__)


def label_faces(
    face_table: pd.DataFrame,
    faces: ImageFolder,
    source_labels: pd.DataFrame,
    people: pd.DataFrame,
    label_corrections: pd.DataFrame,
    weights_folder: Path,
    labeling: Labeling,
    result_cache: ResultCache,
) -> pd.DataFrame:
    """Put age, gender, race and class beside each kept face.

    Args:
        face_table: the faces; those that were not kept are left out.
        faces: their images; opened only to predict what is missing.
        source_labels: what the sources say of their images.
        people: what is known of celebrities; may be empty.
        label_corrections: what the user corrected by hand; may be empty.
        weights_folder: where downloaded weights lie.
        labeling: the reference date, and whether to predict.
        result_cache: what was predicted before.

    Returns:
        One row a face; an unknown age, gender or race is the empty text.

    Raises:
        BadInputError: predictions are asked for and there are no weights.
    """
    # The day where it begins first: a photo taken there this morning is not of the future.
    today = (datetime.now(UTC) + timedelta(hours=14)).date()
    labels = labelling.label_faces(face_table, source_labels, people, label_corrections, labeling, today=today).labels
    missing = labelling.incomplete(labels)
    if not missing or not labeling.predict_missing:
        log.info("%d of %d faces lack an age, gender or race", len(missing), len(labels))
        return labels
    return labelling.add_predictions(labels, _predicted(faces, missing, weights_folder, labeling, result_cache))


def _predicted(
    faces: ImageFolder, files: list[str], weights_folder: Path, labeling: Labeling, results: ResultCache
) -> pd.DataFrame:
    from looks_kedro.learning.attributes import AttributePredictor, FaceFile, name_faces
    from looks_kedro.learning.data import choose_device

    path = Path(labeling.weights) if labeling.weights else weights_folder / WEIGHT_FILES["fairface"].file
    if not path.is_file():
        raise BadInputError(
            f"labeling.predict_missing is true, and there are no weights of the FairFace network: {path} is no file. "
            f"`kedro run --pipelines weights --params weights.names=fairface` fetches them; or name a file with "
            f"labeling.weights, or set labeling.predict_missing to false."
        )
    log.info("%d faces lack an age, gender or race; the network %s names them", len(files), path.name)
    digests = dict(faces.manifest[["name", "sha256"]].to_numpy())
    named = map_batches(
        name_faces,
        [FaceFile(faces.path(file), file, digests[file]) for file in files],
        setup=partial(AttributePredictor, path, labeling.device),
        batch_size=labeling.batch_size,
        processes=lambda: None if choose_device(labeling.device).type == "cpu" else 1,
        description="naming age, gender and race",
        cache=Cached(
            results,
            fingerprint(
                "attributes",
                labeling.device,
                code=["looks_kedro.learning.attributes", "looks_kedro.learning.data"],
                packages=["torch", "torchvision", "pillow", "opencv-python-headless"],
                files=[path],
            ),
            lambda face: face.sha256,
        ),
    )
    return pd.DataFrame(named).assign(file=files)
