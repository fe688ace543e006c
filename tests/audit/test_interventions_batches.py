"""Edits of many portraits."""

from __future__ import annotations

import numpy as np
import pytest

from looks_kedro.audit.interventions import CHANNELS, PortraitSet, edited, resized
from looks_kedro.errors import BadInputError, BadParameterError
from looks_kedro.portraits import aligned_face, draw_identity

COUNT = 7


@pytest.fixture(scope="module")
def portraits() -> PortraitSet:
    photos = [aligned_face(draw_identity(i), seed=i, looks=i % 2, size=64, masks=True) for i in range(COUNT)]
    good = np.array([True] * 5 + [False] * 2)
    return PortraitSet(
        np.stack([one.image for one in photos]),
        np.stack([one.landmarks for one in photos]),
        np.stack([one.masks["person"].astype(np.uint8) * 255 for one in photos]),
        good,
    )


def test_batches_hold_every_edit_in_order(portraits: PortraitSet) -> None:
    donors = np.roll(np.arange(COUNT), 2)
    batches = list(edited(portraits, donors, "eyes", batch_size=3, size=48))
    assert [batch.shape for batch in batches] == [(3, 48, 48, 3), (3, 48, 48, 3), (1, 48, 48, 3)]
    together = np.concatenate(batches)
    for row, donor in enumerate(donors):
        alone = CHANNELS["eyes"].edit(portraits.portrait(row), portraits.portrait(donor))
        assert np.array_equal(together[row], resized(alone, 48))


def test_the_number_of_processes_changes_nothing(portraits: PortraitSet) -> None:
    donors = np.roll(np.arange(COUNT), 1)
    (one,) = edited(portraits, donors, "resolution", processes=1)
    (two,) = edited(portraits, donors, "resolution", processes=2)
    assert np.array_equal(one, two)


def test_only_the_chosen_recipients_are_edited(portraits: PortraitSet) -> None:
    (found,) = edited(portraits, np.array([0, 1]), CHANNELS["face"], recipients=np.array([3, 4]))
    assert np.array_equal(found[1], CHANNELS["face"].edit(portraits.portrait(4), portraits.portrait(1)))


def test_nothing_to_edit_gives_no_batch(portraits: PortraitSet) -> None:
    none = np.array([], dtype=np.int64)
    assert list(edited(portraits, none, "face", recipients=none)) == []


def test_rows_without_a_good_matte_are_refused_before_any_work(portraits: PortraitSet) -> None:
    with pytest.raises(BadInputError, match="image 5 among the recipients has no good matte"):
        edited(portraits, np.zeros(COUNT, dtype=np.int64), "background")
    first = np.arange(5)
    assert len(next(iter(edited(portraits, np.roll(first, 1), "background", recipients=first)))) == 5


def test_wrong_rows_and_names_are_told(portraits: PortraitSet) -> None:
    with pytest.raises(BadInputError, match=r"donors: expected row numbers from 0 to 6; found -1"):
        edited(portraits, np.full(COUNT, -1), "face")
    with pytest.raises(BadInputError, match="one row number for each"):
        edited(portraits, np.zeros(3, dtype=np.int64), "face")
    with pytest.raises(BadParameterError, match="'hat' is unknown"):
        edited(portraits, np.zeros(COUNT, dtype=np.int64), "hat")


def test_arrays_that_do_not_fit_are_refused(portraits: PortraitSet) -> None:
    faces, points = portraits.faces, portraits.landmarks
    with pytest.raises(BadInputError, match="faces: expected uint8"):
        PortraitSet(faces.astype(float), points)
    with pytest.raises(BadInputError, match=r"landmarks: expected the shape \(7, 5, 2\)"):
        PortraitSet(faces, points[:3])
    lacking = points.copy()
    lacking[4, 1, 0] = np.nan
    with pytest.raises(BadInputError, match="landmarks, row 4"):
        PortraitSet(faces, lacking)
    assert PortraitSet(faces, points).portrait(0).matte is None
    assert portraits.portrait(6).matte is None
    assert portraits.portrait(0).matte is not None
