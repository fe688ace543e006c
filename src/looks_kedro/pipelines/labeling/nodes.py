"""Nodes of the labeling pipeline."""

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd

from looks_kedro import labels as labelling
from looks_kedro.datasets import ImageFolder
from looks_kedro.errors import BadInputError
from looks_kedro.labels import Labeling

log = logging.getLogger(__name__)

FAIRFACE_FILE = "res34_fair_align_multi_7_20190809.pt"


def label_faces(
    face_table: pd.DataFrame,
    faces: ImageFolder,
    source_labels: pd.DataFrame,
    people: pd.DataFrame,
    label_corrections: pd.DataFrame,
    weights_folder: Path,
    labeling: Labeling,
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
    return labelling.add_predictions(labels, _predicted(faces, missing, weights_folder, labeling))


def _predicted(faces: ImageFolder, files: list[str], weights_folder: Path, labeling: Labeling) -> pd.DataFrame:
    from looks_kedro.learning.attributes import predict_attributes

    path = Path(labeling.weights) if labeling.weights else weights_folder / FAIRFACE_FILE
    if not path.is_file():
        raise BadInputError(
            f"labeling.predict_missing is true, and there are no weights of the FairFace network: {path} is no file. "
            f"Run `kedro run --pipelines weights --params weights.names=fairface`, name a file with "
            f"labeling.weights, or set labeling.predict_missing to false."
        )
    log.info("%d faces lack an age, gender or race; the network %s names them", len(files), path.name)
    predictions = predict_attributes(path, [faces.path(file) for file in files], labeling.batch_size, labeling.device)
    return predictions.assign(file=files)
