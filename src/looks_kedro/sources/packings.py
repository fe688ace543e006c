"""What FairFace's two packings, Parquet shards and zips, have in common: photos of people whom nobody names."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from looks_kedro.errors import BadParameterError
from looks_kedro.sources.listing import Content, Listing, table

Padding = Literal["0.25", "1.25"]
"""Border around the face in shares of its box: 0.25 is FairFace's tight crop, 1.25 the loose one."""

LICENCE = "CC BY 4.0"
"""Of FairFace; Kärkkäinen and Joo, WACV 2021."""


@dataclass(frozen=True, slots=True)
class Photo:
    """One photo that was kept.

    Attributes:
        file: name in the raw folder.
        origin: where it came from.
        sha256: of its bytes.
        bytes: how many.
        type: media type by its first bytes, "" where they are none of an image.
        labels: ``age``, ``gender``, ``race`` as FairFace has them, "" where unknown; empty where there is no row.
        label_source: where the labels stand.
        identity: the person; "" for the photo itself, since FairFace names nobody.
    """

    file: str
    origin: str
    sha256: str
    bytes: int
    type: str
    labels: Mapping[str, str]
    label_source: str
    identity: str = ""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that should have been a photo: its name, where it is, and why it was left out."""

    file: str
    origin: str
    reason: str
    bytes: int = 0


def make_listing(
    source: str,
    looks: int,
    items: Iterable[tuple[str, Content, str]],
    photos: Sequence[Photo],
    left_out: Sequence[LeftOut],
    label_rejections: Sequence[Mapping[str, Any]],
) -> Listing:
    """The listing of one packing; the photos are in the order of the items."""
    shared = {"looks": looks, "source": source}
    rows: list[dict[str, Any]] = [
        {"file": photo.file, "origin": photo.origin, "identity": photo.identity or photo.file, "licence": LICENCE,
         "type": photo.type, "sha256": photo.sha256, "bytes": photo.bytes, "kept": True}
        for photo in photos
    ]  # fmt: skip
    rows += [
        {"file": left.file, "origin": left.origin, "bytes": left.bytes, "kept": False, "reason": left.reason}
        for left in left_out
    ]
    labels = [
        {"file": photo.file, "looks": looks, **photo.labels, "label_source": photo.label_source} for photo in photos
    ]
    return Listing(
        items=items,
        log=table("acquisition_log", [shared | row for row in rows]),
        labels=table("source_labels", labels),
        label_rejections=table("label_rejections", label_rejections),
    )


def spread(total: int, limit: int | None, of_what: str) -> Sequence[int]:
    """Which of ``total`` things to take so that at most ``limit`` are spread evenly; None takes all.

    Raises:
        BadParameterError: the limit is below 1.
    """
    if limit is not None and limit < 1:
        raise BadParameterError(f"The limit of images for {of_what} is {limit}; expected at least 1, or none.")
    if limit is None or limit >= total:
        return range(total)
    return [math.floor((k + 0.5) * total / limit) for k in range(limit)]
