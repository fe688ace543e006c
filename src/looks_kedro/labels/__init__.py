"""Age, gender and race of each face: put together from what people, sources, networks and corrections say.

Nothing here reads files or runs networks; tables come in, tables go out.
"""

from __future__ import annotations

from looks_kedro.labels.ages import age_group, age_on_photo, full_years, read_date
from looks_kedro.labels.merging import Labelled, add_predictions, incomplete, label_faces
from looks_kedro.labels.settings import Labeling

__all__ = [
    "Labeling",
    "Labelled",
    "add_predictions",
    "age_group",
    "age_on_photo",
    "full_years",
    "incomplete",
    "label_faces",
    "read_date",
]
