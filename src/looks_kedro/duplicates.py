"""Which pictures are copies of one another: the same bytes, or the same picture saved again."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image
from pydantic import BaseModel, Field

from looks_kedro.errors import BadInputError

_GRID = 32
"""Side of the picture that the perceptual hash is taken from."""
_SMALL = 16
"""Side of the picture by which pairs are confirmed."""
_REACH = 2.0
"""Standard deviation, in pixels of the small picture, of the neighbourhood in which light is evened out."""
_GREY_NOISE = 4.0
"""Grey levels below which a neighbourhood counts as even, so that its noise is not blown up."""
_ROWS = 16
"""Pictures compared with all others at a time; so few that the working arrays stay in the processor's cache."""
_AT_ONCE = 20_000
"""Pairs confirmed at a time: 20 MB."""


class Duplicates(BaseModel, extra="forbid", frozen=True):
    """What counts as a copy."""

    near: bool = Field(True, description="also find pictures that were saved again, resized or slightly changed")
    max_distance: int = Field(10, ge=0, le=16, description="most bits of 64 in which the perceptual hashes may differ")
    min_correlation: float = Field(0.90, gt=0, le=1, description="least correlation of the two pictures in small")


def perceptual_hash(image: npt.NDArray[np.uint8]) -> str:
    """The perceptual hash of a picture, equal to ``imagehash.phash``.

    The picture is made grey and 32 x 32 (Lanczos); bit (u, v) says whether the coefficient of its cosine transform
    is above the median of the 8 x 8 lowest ones. Pictures of one scene differ in a few bits, others in about 32.

    Args:
        image: (H, W, 3) uint8, RGB.

    Returns:
        16 hexadecimal digits.
    """
    small = Image.fromarray(image).convert("L").resize((_GRID, _GRID), Image.Resampling.LANCZOS)
    grid = np.asarray(small, dtype=np.float64)
    cosines = _cosines()
    # Rounded, so that coefficients that are zero in exact arithmetic do not turn with the rounding of a machine.
    low = np.round(cosines @ grid @ cosines.T, 6) + 0.0
    return np.packbits(low > np.median(low)).tobytes().hex()


def thumbnail(image: npt.NDArray[np.uint8]) -> str:
    """A small grey picture as text, by which :func:`find_copies` confirms what the hashes propose.

    Args:
        image: (H, W, 3) uint8, RGB.

    Returns:
        The 16 x 16 grey values, row by row, two hexadecimal digits each.
    """
    import cv2

    # Averaged first: on large pictures many times faster than making all of it grey.
    small = cv2.resize(np.ascontiguousarray(image), (_SMALL, _SMALL), interpolation=cv2.INTER_AREA)
    return bytes(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)).hex()


@cache
def _cosines() -> npt.NDArray[np.float64]:
    """The first 8 rows of the cosine transform of 32 values (type II, unscaled)."""
    place, frequency = np.arange(_GRID), np.arange(8)[:, None]
    return np.asarray(2.0 * np.cos(np.pi * (2 * place + 1) * frequency / (2 * _GRID)), dtype=np.float64)


def find_copies(pictures: pd.DataFrame, settings: Duplicates) -> pd.DataFrame:
    """Find the pictures that are copies of another, whoever they are filed under.

    The pictures are gone through from the best to the worst (more pixels, then more bytes, then the first name). One
    that is a copy of a picture kept before it belongs to the best such picture; otherwise it is kept. So all that is
    set aside matches what is kept in its place, and a chain of small changes does not join different pictures.

    Two pictures are copies when their bytes are the same, or when their perceptual hashes differ in at most
    ``max_distance`` bits and their small pictures correlate by at least ``min_correlation``. The correlation is taken
    after light and contrast have been evened out locally: without that the small pictures of different people
    in the same light correlate by up to 0.98, and of copies cropped by 2 % by only 0.95.

    Args:
        pictures: one row a picture: ``file, identity, looks, sha256, perceptual_hash, thumbnail, raw_width,
            raw_height, bytes``. Without hash or thumbnail (unreadable files) only equal bytes are found.
        settings: what counts as a copy.

    Returns:
        One row for each picture that is not kept, by file: ``file``; ``duplicate_of``, the file that is kept;
        ``kind``, ``same_bytes`` or ``same_picture``; ``other_identity``, whether the two are filed under different
        people or classes; ``distance``, the bits in which the hashes differ.

    Raises:
        BadInputError: a column is missing, a file is named twice, or a hash or thumbnail is malformed.
    """
    table = _in_order(pictures)
    leader = _same_bytes(table)
    distance = np.zeros(len(table), dtype=np.int64)
    if settings.near:
        _join_near(table, leader, distance, settings)
    copies = np.flatnonzero(leader != np.arange(len(table)))
    kept = leader[copies]
    found = pd.DataFrame(
        {
            "file": table["file"].to_numpy()[copies],
            "duplicate_of": table["file"].to_numpy()[kept],
            "kind": np.where(_equal(table["sha256"], copies, kept), "same_bytes", "same_picture").astype(object),
            "other_identity": _filed_apart(table, copies, kept),
            "distance": distance[copies],
        }
    )
    return found.sort_values("file", ignore_index=True)


def _in_order(pictures: pd.DataFrame) -> pd.DataFrame:
    """The pictures from the one that is kept in any case to the worst."""
    texts = ["file", "identity", "looks", "sha256", "perceptual_hash", "thumbnail"]
    numbers = ["raw_width", "raw_height", "bytes"]
    missing = [name for name in texts + numbers if name not in pictures.columns]
    if missing:
        raise BadInputError(f"The table of pictures lacks the columns {', '.join(missing)}; copies cannot be found.")
    table = pictures[texts].fillna("").astype(str)
    twice = table["file"][table["file"].duplicated()]
    if len(twice):
        raise BadInputError(f"The table of pictures names {twice.iloc[0]} twice; expected one row a file.")
    sizes = pictures[numbers].apply(pd.to_numeric).fillna(0).astype(np.float64)
    table["pixels"], table["bytes"] = sizes["raw_width"] * sizes["raw_height"], sizes["bytes"]
    return table.sort_values(["pixels", "bytes", "file"], ascending=[False, False, True], ignore_index=True)


def _same_bytes(table: pd.DataFrame) -> npt.NDArray[np.int64]:
    """For each row the first with the same bytes."""
    places = pd.Series(np.arange(len(table)))
    first = places.groupby(table["sha256"]).transform("min")
    return places.where(table["sha256"] == "", first).to_numpy(dtype=np.int64, copy=True)


def _join_near(
    table: pd.DataFrame, leader: npt.NDArray[np.int64], distance: npt.NDArray[np.int64], settings: Duplicates
) -> None:
    """Point each row at the first kept one that it resembles, and write down the distance; in place.

    All pairs are compared, 40,000 pictures in about a second: with hashes of one word an index of their parts is no
    faster, because the hashes of faces are alike in most parts.
    """
    has_both = (table["perceptual_hash"] != "") & (table["thumbnail"] != "")
    rows = np.flatnonzero(has_both.to_numpy() & (leader == np.arange(len(table))))
    hashes = _hashes(table.iloc[rows])
    patterns = _patterns(table.iloc[rows])
    kept = np.empty(len(rows), dtype=np.int64)  # numbers of rows in `rows`; the first `known` are filled
    known = 0
    kept_hashes = np.empty(len(rows), dtype=np.uint64)
    joined = np.arange(len(rows))
    bits = np.zeros(len(rows), dtype=np.int64)
    for start in range(0, len(rows), _ROWS):
        block = np.arange(start, min(start + _ROWS, len(rows)))
        # Rows of the block may be copies of one another: they stand behind those kept so far, in their order.
        others = np.concatenate([kept[:known], block])
        other_hashes = np.concatenate([kept_hashes[:known], hashes[block]])
        apart = np.bitwise_count(hashes[block][:, None] ^ other_hashes)
        one, other = np.nonzero(apart <= settings.max_distance)
        earlier = others[other] < block[one]
        one, other = one[earlier], other[earlier]
        alike = _alike(patterns, block[one], others[other], settings.min_correlation)
        for i, j in zip(one[alike], other[alike], strict=True):  # by rows, the best of the others first
            row, candidate = block[i], others[j]
            if joined[row] == row and joined[candidate] == candidate:
                joined[row], bits[row] = candidate, apart[i, j]
        stay = block[joined[block] == block]
        kept[known : known + len(stay)], kept_hashes[known : known + len(stay)] = stay, hashes[stay]
        known += len(stay)
    place = np.full(len(table), -1, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    for row in np.flatnonzero(place[leader] >= 0):  # those with the same bytes follow
        number = place[leader[row]]
        distance[row] = bits[number]
        leader[row] = rows[joined[number]]


def _alike(
    patterns: npt.NDArray[np.float32], one: npt.NDArray[np.int64], other: npt.NDArray[np.int64], least: float
) -> npt.NDArray[np.bool_]:
    alike = np.zeros(len(one), dtype=np.bool_)
    for start in range(0, len(one), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        # The slack lets a picture match itself at a least correlation of 1.
        alike[part] = np.einsum("ij,ij->i", patterns[one[part]], patterns[other[part]]) >= least - 1e-5
    return alike


def _hashes(table: pd.DataFrame) -> npt.NDArray[np.uint64]:
    data = b"".join(_digits(row.file, "perceptual_hash", row.perceptual_hash, 8) for row in _rows(table))
    return np.frombuffer(data, dtype=">u8").astype(np.uint64)


def _patterns(table: pd.DataFrame) -> npt.NDArray[np.float32]:
    """The small pictures with light and contrast evened out, each of mean 0 and length 1; (N, 256)."""
    data = b"".join(_digits(row.file, "thumbnail", row.thumbnail, _SMALL**2) for row in _rows(table))
    grey = np.frombuffer(data, dtype=np.uint8).reshape(-1, _SMALL, _SMALL).astype(np.float32)
    step = np.subtract.outer(np.arange(_SMALL), np.arange(_SMALL))
    blur = np.exp(-(step**2) / (2 * _REACH**2))
    blur = (blur / blur.sum(axis=1, keepdims=True)).astype(np.float32)
    grey -= blur @ grey @ blur.T
    grey /= np.sqrt(blur @ grey**2 @ blur.T) + _GREY_NOISE
    flat = grey.reshape(-1, _SMALL**2)
    flat -= flat.mean(axis=1, keepdims=True)
    return np.asarray(flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6), dtype=np.float32)


def _rows(table: pd.DataFrame) -> Any:
    return table[["file", "perceptual_hash", "thumbnail"]].itertuples()


def _digits(file: str, column: str, text: str, count: int) -> bytes:
    try:
        data = bytes.fromhex(text)
    except ValueError:
        data = b""
    if len(data) != count:
        raise BadInputError(
            f"{file}: {column} is {text[:40]!r}; expected {2 * count} hexadecimal digits. Run preprocessing again."
        )
    return data


def _equal(column: pd.Series, one: npt.NDArray[np.int64], other: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    values = column.to_numpy()
    return np.asarray(values[one] == values[other], dtype=np.bool_)


def _filed_apart(
    table: pd.DataFrame, one: npt.NDArray[np.int64], other: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Under another class, or another person where both are known."""
    identity = table["identity"].to_numpy()
    named = (identity[one] != "") & (identity[other] != "")
    apart = ~_equal(table["looks"], one, other) | (named & ~_equal(table["identity"], one, other))
    return np.asarray(apart, dtype=np.bool_)
