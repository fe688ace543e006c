"""Nodes of the labeling pipeline."""

import logging

import pandas as pd

from looks_kedro.tables import columns

log = logging.getLogger(__name__)

ATTRIBUTES = ["age", "gender", "race"]


def label_faces(face_table: pd.DataFrame, source_labels: pd.DataFrame) -> pd.DataFrame:
    """Put age, gender, race and class beside each frontal face.

    Args:
        face_table: the faces; side views are left out.
        source_labels: what the sources say of their images; an image without a row stays unlabelled.

    Returns:
        One row a face; an unknown age, gender or race is the empty text.
    """
    faces = face_table[face_table["frontal"]]
    said = source_labels.rename(columns={"file": "raw_file"})
    labels = faces.merge(said, on=["raw_file", "looks"], how="left", validate="one_to_one")
    labels[[*ATTRIBUTES, "label_source"]] = labels[[*ATTRIBUTES, "label_source"]].fillna("")
    known = (labels[ATTRIBUTES] != "").all(axis=1)
    log.info("%d faces, %d with age, gender and race", len(labels), int(known.sum()))
    return labels[columns("labels")]
