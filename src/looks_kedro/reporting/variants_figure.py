"""The picture of docs/backgrounds.md: a few faces in every variant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from looks_kedro.mattes.compositing import Variant, compose, without_alpha

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Image = npt.NDArray[np.uint8]
Cut = tuple[Image, npt.NDArray[np.float64], Image]
"""A face (H, W, 3), its landmarks (5, 2) and its matte (H, W)."""


def variants_figure(
    cuts: Sequence[Cut], variants: Mapping[str, Variant], alpha_colour: Sequence[int] = (0, 0, 0)
) -> Figure:
    """Faces in every variant: a row a face, a column a variant.

    Transparent images stand on a chequered ground, and once more as a network sees them.

    Args:
        cuts: the faces.
        variants: by name.
        alpha_colour: what a network sees behind transparent pixels.

    Returns:
        The figure.
    """
    from looks_kedro.reporting.figures import new_figure

    columns: list[tuple[str, Variant, bool]] = []
    for name, variant in variants.items():
        columns.append((name, variant, False))
        if variant.kind == "transparent":
            columns.append((f"{name},\nas seen", variant, True))
    figure = new_figure(1.35 * len(columns), 1.35 * len(cuts) + 0.45)
    axes = figure.subplots(len(cuts), len(columns), squeeze=False)
    for row, (face, landmarks, matte) in enumerate(cuts):
        for column, (title, variant, seen) in enumerate(columns):
            axis = axes[row, column]
            image = compose(variant, face, landmarks, matte)
            axis.imshow(without_alpha(image, alpha_colour) if seen else on_chequers(image))
            axis.set_axis_off()
            if row == 0:
                axis.set_title(title, fontsize=7)
    return figure


def on_chequers(image: Image, square: int = 12) -> Image:
    """An image with its transparent parts on grey and white squares; one without alpha as it is.

    Args:
        image: (H, W, 3) RGB or (H, W, 4) RGBA.
        square: side of a square, px.

    Returns:
        (H, W, 3) uint8.
    """
    if image.shape[2] == 3:
        return image
    rows, columns = np.indices(image.shape[:2]) // square
    light, dark = (without_alpha(image, (value,) * 3) for value in (255, 205))
    return np.where(((rows + columns) % 2 == 0)[:, :, None], light, dark)
