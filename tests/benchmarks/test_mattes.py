"""How good and how fast cut-outs are, on drawn portraits whose true matte is known: `make bench`. Figures are logged.

None of these portraits was seen when the score of quality was fitted (identities 110000 to 269999).
"""

from __future__ import annotations

import hashlib
import logging
import time
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from looks_kedro.mattes import FaceToCut, Matter, Mattes, grabcut_matte, make_matte, matte_quality
from looks_kedro.parallel import map_images
from looks_kedro.portraits import aligned_face, draw_identity

log = logging.getLogger("bench")

BASES = (310_000, 320_000, 330_000, 340_000)
PER_BASE = 100
GOOD = 0.8

Mask = npt.NDArray[np.bool_]


def judged(number: int) -> tuple[float, float, float, float]:
    """GrabCut on one drawn face: IoU, boundary error in px, quality; and the quality of the true matte."""
    face = aligned_face(draw_identity(number), seed=3 * number + 1, looks=number % 2, size=300, masks=True)
    truth = face.masks["person"]
    matte = grabcut_matte(face.image, face.landmarks)
    true_matte = cv2.GaussianBlur(truth.astype(np.uint8) * 255, (0, 0), 1.0)
    return (
        overlap(matte > 127, truth),
        boundary_error(matte > 127, truth),
        matte_quality(face.image, matte, face.landmarks)["quality"],
        matte_quality(face.image, true_matte, face.landmarks)["quality"],
    )


def overlap(mask: Mask, truth: Mask) -> float:
    return float((mask & truth).sum() / (mask | truth).sum())


def boundary_error(mask: Mask, truth: Mask) -> float:
    """Mean distance in px from a point of one boundary to the other, both ways; the picture's border is none."""
    edges = [boundary(one) for one in (mask, truth)]
    if not all(edge.any() for edge in edges):
        return float("nan")
    away = [cv2.distanceTransform((~edge).astype(np.uint8), cv2.DIST_L2, 5) for edge in edges]
    return float((away[0][edges[1]].mean() + away[1][edges[0]].mean()) / 2)


def boundary(mask: Mask) -> Mask:
    whole = mask.astype(np.uint8)
    return mask & (cv2.erode(whole, np.ones((3, 3), np.uint8), borderValue=1) == 0)


def area_under_curve(scores: npt.NDArray[np.float64], good: Mask) -> float:
    """Probability that a good matte scores higher than a bad one; ties count half."""
    difference = scores[good][:, None] - scores[~good][None]
    return float(((difference > 0) + 0.5 * (difference == 0)).mean())


@pytest.fixture(scope="module")
def mattes() -> npt.NDArray[np.float64]:
    """One row a portrait, as :func:`judged` gives them."""
    numbers = [base + i for base in BASES for i in range(PER_BASE)]
    return np.array(list(map_images(judged, numbers, processes=2)))


def test_grabcut_against_the_true_mattes(mattes):
    for base, part in zip(BASES, np.split(mattes, len(BASES)), strict=True):
        log.info("GrabCut, identities from %d: IoU median %.3f, tenth %.3f", base, *np.quantile(part[:, 0], [0.5, 0.1]))
    log.info("GrabCut on %d portraits: IoU median %.3f (goal 0.90), lowest tenth %.3f, below 0.8: %.1f %%", len(mattes),
             *np.quantile(mattes[:, 0], [0.5, 0.1]), 100 * (mattes[:, 0] < GOOD).mean())  # fmt: skip
    log.info("boundary error in px of 300: median %.1f, ninth tenth %.1f", *np.nanquantile(mattes[:, 1], [0.5, 0.9]))
    assert np.median(mattes[:, 0]) >= 0.90


def test_the_quality_score_tells_good_mattes_from_bad_ones(mattes):
    good = mattes[:, 0] >= GOOD
    auc = area_under_curve(mattes[:, 2], good)
    log.info("quality of %d good and %d bad mattes: AUC %.3f (goal 0.90)", good.sum(), (~good).sum(), auc)
    rng = np.random.default_rng(0)
    drawn = [rng.integers(0, len(mattes), len(mattes)) for _ in range(2000)]
    interval = np.quantile([area_under_curve(mattes[rows, 2], good[rows]) for rows in drawn], [0.025, 0.975])
    log.info("its 95 %% interval (bootstrap): %.3f to %.3f", *interval)
    for least in (0.3, 0.4, 0.5, 0.6):
        passed = mattes[:, 2] >= least
        shares = [100 * part.mean() for part in (passed[good], passed[~good], mattes[:, 3] >= least)]
        log.info("at %.1f pass %.0f %% of the good, %.0f %% of the bad, %.0f %% of the true mattes", least, *shares)
    assert auc >= 0.9


def test_two_processes_cut_out_faster_than_one(tmp_path: Path):
    items = []
    for i in range(160):
        photo = aligned_face(draw_identity(350_000 + i), seed=i, looks=i % 2, size=300)
        path = tmp_path / f"{i}.jpg"
        path.write_bytes(photo.content)
        points = tuple(float(value) for value in photo.landmarks.ravel())
        items.append(FaceToCut(path, path.name, hashlib.sha256(photo.content).hexdigest(), points))
    setup = partial(Matter, Mattes(method="grabcut"))
    rates: dict[int, list[float]] = {1: [], 2: []}
    for processes in (1, 2, 1, 2):
        results = map_images(make_matte, items, setup=setup, processes=processes, chunk_size=8)
        for _ in range(48):
            next(results)
        began = time.perf_counter()
        rates[processes].append(sum(1 for _ in results) / (time.perf_counter() - began))
    one, two = max(rates[1]), max(rates[2])
    log.info(
        "cut out and judged: %.1f a second in one process, %.1f in two (ratio %.2f, goal 1.7)", one, two, two / one
    )
