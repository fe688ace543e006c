"""Pictures of the interventions."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from looks_kedro.audit.interventions import CHANNELS, Portrait
from looks_kedro.audit.pictures import before_after, channels_sheet, regions_figure
from looks_kedro.portraits import aligned_face, draw_identity


def portrait(person: int, matte: bool = True) -> Portrait:
    photo = aligned_face(draw_identity(person), seed=person, looks=person % 2, size=64, masks=True)
    return Portrait(photo.image, photo.landmarks, photo.masks["person"].astype(np.uint8) * 255 if matte else None)


EXAMPLE = portrait(0), portrait(2), portrait(1)


def drawn(figure: object) -> np.ndarray:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=60, metadata={"Software": None})
    return np.asarray(Image.open(file).convert("RGB"))


def test_before_and_after_shows_recipient_donors_and_both_edits() -> None:
    figure = before_after("colour", [EXAMPLE, EXAMPLE])
    titles = [axis.get_title() for axis in figure.axes[:6]]
    assert titles == ["recipient", "what is exchanged", "donor, same class", "edited", "donor, other class", "edited"]
    shown = [np.asarray(axis.images[0].get_array()) for axis in figure.axes[:6]]
    recipient, same, other = EXAMPLE
    assert np.array_equal(shown[0], recipient.pixels)
    assert np.array_equal(shown[3], CHANNELS["colour"].edit(recipient, same))
    assert np.array_equal(shown[5], CHANNELS["colour"].edit(recipient, other))
    assert len(figure.axes) == 12
    assert "White balance" in figure.get_suptitle()


def test_a_pair_without_a_cut_out_says_so() -> None:
    figure = before_after("background", [(portrait(0, matte=False), EXAMPLE[1], EXAMPLE[2])])
    words = [text.get_text() for axis in figure.axes for text in axis.texts]
    assert words == ["no good\ncut-out"] * 3


def test_the_sheet_has_a_row_for_each_channel_and_is_the_same_each_time() -> None:
    figure = channels_sheet(EXAMPLE)
    named = [text.get_text() for axis in figure.axes for text in axis.texts]
    assert named == list(CHANNELS)
    few = ["face", "border"]
    assert np.array_equal(drawn(channels_sheet(EXAMPLE, few)), drawn(channels_sheet(EXAMPLE, few)))


def test_regions_are_drawn_over_each_portrait() -> None:
    figure = regions_figure(EXAMPLE, "regions")
    assert len(figure.axes) == 3
    assert drawn(figure).std() > 10


def test_figures_leave_pyplot_alone_and_need_an_example() -> None:
    import matplotlib.pyplot as plt

    before_after("face", [EXAMPLE])
    assert plt.get_fignums() == []
    with pytest.raises(ValueError, match="at least one example"):
        before_after("face", [])
