"""The report: one HTML text that needs nothing beside it."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from looks_kedro.reporting.study import where_it_looks

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ImageArray = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Picture:
    """A small picture with the words that stand for it.

    Attributes:
        source: a ``data:`` address.
        words: what it shows, for those who do not see it.
        caption: a line below it; may be empty.
    """

    source: str
    words: str
    caption: str = ""


@dataclass(frozen=True)
class ModelPart:
    """What the report shows of one model.

    Attributes:
        variant: the images it was trained on.
        backbone: the network.
        epochs: its rows of the study table.
        singles: class to single maps over their images.
        averages: the averaged map of each class, as figures.
        groups: how good it is for each gender, race and age (table ``performance``).
    """

    variant: str
    backbone: str
    epochs: pd.DataFrame
    singles: Mapping[str, Sequence[Picture]]
    averages: Sequence[Picture]
    groups: pd.DataFrame

    @property
    def anchor(self) -> str:
        """Name of its place on the page."""
        return f"{self.variant}-{self.backbone}"


@dataclass(frozen=True)
class Report:
    """Everything on the page.

    Attributes:
        title: heading of the page.
        summary: one row a model (``summary_table``).
        counts: images along the way (``data_counts``).
        examples: variant to class to example images.
        curves: learning curves.
        averages: averaged maps of the models of each variant.
        calibration: reliability of the probabilities of the models of each variant.
        reliance: what the models of each variant rely on, where anything could be exchanged.
        verdicts: of the audit, by variant and backbone: ``verdict``, ``sentence``, ``notes``.
        models: the models' parts.
        style: of the maps, ``published`` or ``difference``.
        notes: sentences about how this run differs from the published study.
    """

    title: str
    summary: pd.DataFrame
    counts: pd.DataFrame
    examples: Mapping[str, Mapping[str, Sequence[Picture]]]
    curves: Picture
    averages: Mapping[str, Picture]
    calibration: Mapping[str, Picture]
    reliance: Mapping[str, Picture]
    verdicts: Mapping[tuple[str, str], Mapping[str, Any]]
    models: Sequence[ModelPart]
    style: str
    notes: Sequence[str] = field(default_factory=tuple)


def render_page(report: Report) -> str:
    """Write the report as HTML.

    Names of files and people are escaped: they come from outside.

    Args:
        report: what is on the page.

    Returns:
        A whole HTML document.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("looks_kedro.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["where_it_looks"] = where_it_looks
    return environment.get_template("report.html.j2").render(report=report)


def image_picture(image: ImageArray, words: str, caption: str = "", side: int = 128) -> Picture:
    """A picture of an image, shrunk to a side in pixels and compressed.

    Args:
        image: uint8 (H, W, 3).
        words: what it shows.
        caption: a line below it.
        side: longest side on the page.

    Returns:
        The picture, as JPEG.
    """
    from PIL import Image

    picture = Image.fromarray(image)
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    stream = BytesIO()
    picture.save(stream, "JPEG", quality=85)
    return Picture(_address(stream.getvalue(), "image/jpeg"), words, caption)


def figure_picture(figure: Figure, words: str, dpi: int = 110) -> Picture:
    """A picture of a figure, as PNG.

    Args:
        figure: a matplotlib figure.
        words: what it shows.
        dpi: dots an inch.

    Returns:
        The picture.
    """
    stream = BytesIO()
    figure.savefig(stream, format="png", dpi=dpi)
    return Picture(_address(stream.getvalue(), "image/png"), words)


def _address(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
