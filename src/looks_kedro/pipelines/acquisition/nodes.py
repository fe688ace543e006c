"""Nodes of the acquisition pipeline."""

import logging
from pathlib import Path

import pandas as pd

from looks_kedro.datasets import Images
from looks_kedro.errors import BadParameterError

from .parameters import Acquisition

log = logging.getLogger(__name__)

# Images of a class, their rows of the log, their rows of the labels.
Acquired = tuple[Images, pd.DataFrame, pd.DataFrame]

NO_SOURCE = """There are no portraits of {name} to work on: acquisition.{name}.path is not set. What can be done:
  kedro run --env demo                                                     the whole study on drawn portraits
  kedro run --env folders --params celebrities=FOLDER,ordinary=FOLDER      your own two folders
  kedro run --params acquisition.celebrities.path=FOLDER,acquisition.ordinary.path=FOLDER
                                                                           the study at its published size
Later runs need no source: `kedro run --pipelines preprocessing,...` starts from the images acquired last."""


def acquire(acquisition: Acquisition) -> tuple[Images, Images, pd.DataFrame, pd.DataFrame]:
    """Get the raw images of both classes from their sources.

    Args:
        acquisition: the sources.

    Returns:
        Raw images of celebrities and of ordinary people; the log, one row an image tried; the labels that the
        sources have.

    Raises:
        BadParameterError: a class has no source.
        BadInputError: a folder is missing, empty or without an image, or its labels cannot be read.
    """
    celebrities, celebrities_log, celebrities_labels = _acquire_class(acquisition, "celebrities", looks=1)
    ordinary, ordinary_log, ordinary_labels = _acquire_class(acquisition, "ordinary", looks=0)
    return (
        celebrities,
        ordinary,
        pd.concat([celebrities_log, ordinary_log], ignore_index=True),
        pd.concat([celebrities_labels, ordinary_labels], ignore_index=True),
    )


def _acquire_class(acquisition: Acquisition, name: str, looks: int) -> Acquired:
    source = acquisition.celebrities if looks else acquisition.ordinary
    if source.source == "synthetic":
        acquired = _draw(acquisition, looks)
    elif source.path:
        acquired = _scan(source.path, source.labels, source.limit, looks)
    else:
        raise BadParameterError(NO_SOURCE.format(name=name))
    kept = acquired[1]["kept"]
    log.info("%s: %d images, %d left out", name, int(kept.sum()), int((~kept).sum()))
    return acquired


def _scan(path: str, labels: str | None, limit: int | None, looks: int) -> Acquired:
    from looks_kedro.sources import scan_folder

    listing = scan_folder(Path(path), looks, labels=labels, limit=limit)
    return Images(listing.items()), listing.log, listing.labels


def _draw(acquisition: Acquisition, looks: int) -> Acquired:
    import hashlib

    from looks_kedro.portraits import photo_set
    from looks_kedro.tables import columns

    photos = photo_set(acquisition.synthetic, looks, processes=acquisition.processes)
    rows = [
        {
            "file": photo.file,
            "looks": looks,
            "source": "synthetic",
            "origin": photo.origin,
            "query": "",
            "identity": photo.identity or photo.file,
            "licence": "",
            "sha256": hashlib.sha256(photo.content).hexdigest(),
            "bytes": len(photo.content),
            "time": "",
            "kept": True,
            "reason": "",
            "age": photo.age,
            "gender": photo.gender,
            "race": photo.race,
            "label_source": "synthetic",
        }
        for photo in photos
    ]
    table = pd.DataFrame(rows)
    images = Images([(photo.file, photo.content, photo.origin) for photo in photos])
    return images, table[columns("acquisition_log")], table[columns("source_labels")]
