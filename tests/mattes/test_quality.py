import cv2
import numpy as np
import pytest

from looks_kedro.faces import ellipse_mask
from looks_kedro.faces.alignment import TEMPLATE
from looks_kedro.mattes import MatteLimits, matte_quality


def head(blur=0.0):
    matte = np.where(ellipse_mask(TEMPLATE, 300, "head"), 255, 0).astype(np.uint8)
    return cv2.GaussianBlur(matte, (0, 0), blur) if blur else matte


def test_a_clean_head_passes():
    found = matte_quality(head(), TEMPLATE)
    assert list(found) == ["foreground_fraction", "ellipse_overlap", "edge_certainty", "quality", "passed"]
    assert found["passed"] is True
    assert found["ellipse_overlap"] == pytest.approx(1, abs=0.01)
    assert found["edge_certainty"] == 1
    assert found["foreground_fraction"] == pytest.approx(ellipse_mask(TEMPLATE, 300, "head").mean(), abs=1e-4)


@pytest.mark.parametrize("value", [0, 255])
def test_a_matte_of_nothing_or_everything_fails(value):
    found = matte_quality(np.full((300, 300), value, np.uint8), TEMPLATE)
    assert found["passed"] is False
    assert found["quality"] == 0
    assert found["edge_certainty"] == 0


def test_a_matte_beside_the_face_fails():
    found = matte_quality(np.roll(head(), 150, axis=1), TEMPLATE)
    assert found["ellipse_overlap"] < 0.8
    assert not found["passed"]


def test_a_foggy_edge_is_less_certain_and_of_less_quality():
    sharp, soft, foggy = (matte_quality(head(blur), TEMPLATE) for blur in (0, 2, 12))
    assert sharp["edge_certainty"] > soft["edge_certainty"] > foggy["edge_certainty"]
    assert sharp["quality"] > soft["quality"] > foggy["quality"]


def test_the_limits_decide():
    assert not matte_quality(head(), TEMPLATE, MatteLimits(max_foreground=0.3))["passed"]
    assert not matte_quality(head(3), TEMPLATE, MatteLimits(min_quality=0.99))["passed"]


def test_the_mirrored_matte_has_the_same_quality():
    matte = head(1)
    matte[200:, 220:] = 255
    mirrored = TEMPLATE[[1, 0, 2, 4, 3]] * [-1, 1] + [299, 0]
    assert matte_quality(matte[:, ::-1].copy(), mirrored) == pytest.approx(matte_quality(matte, TEMPLATE), abs=1e-3)
