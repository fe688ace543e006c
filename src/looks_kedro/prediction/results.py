"""What is said of one photo, and the table of many."""

from __future__ import annotations

import base64
import html
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from looks_kedro.prediction.photos import shown_name
from looks_kedro.prediction.verdicts import AuditNote, audit_note

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["GROUPS", "Prediction", "Regions", "percent", "prediction_rows", "refusal_words"]

GROUPS: Mapping[str, tuple[str, ...]] = {
    "eyes and brows": ("eyes", "brows"),
    "nose": ("nose",),
    "mouth": ("mouth",),
    "rest of the face": ("forehead", "cheeks", "jaw"),
    "hair": ("hair",),
    "neck and clothes": ("neck_and_clothes",),
    "background": ("background_left", "background_right", "background_top"),
}
"""Regions as people are told them; each region is in one group."""

_FACE = ("eyes and brows", "nose", "mouth", "rest of the face")


@dataclass(frozen=True)
class Regions:
    """Evidence on each region of the portrait.

    Attributes:
        share: name of a region to its share of the evidence for the class that is named, 0..1; NaN where no place of
            the portrait speaks for that class.
        area: name to its share of the portrait, 0..1.
    """

    share: Mapping[str, float]
    area: Mapping[str, float]

    def grouped(self) -> dict[str, tuple[float, float]]:
        """Share and area of each of ``GROUPS``."""
        return {
            group: (sum(self.share[one] for one in names), sum(self.area[one] for one in names))
            for group, names in GROUPS.items()
        }


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a model says of one photo, where its evidence lies, and what is known of the model.

    Attributes:
        file: the photo.
        reason: why it was refused, in one word; "" where it was predicted.
        detail: the numbers behind the reason.
        model: such as ``resnet18 on original images``.
        audit: the verdict on the model.
        classes: names of the two logits, in order.
        logits: of the two classes; none where refused.
        temperature: of the calibration; none where there is none.
        evidence: float32 (h, w), positive for the second class; its sum is the difference of the logits less that of
            the biases.
        regions: evidence by region.
        shown: the face as the network sees it, or the refused photo, as an image file; empty where unreadable.
        alpha_colour: RGB behind transparent pixels of ``shown``.
    """

    file: str
    reason: str = ""
    detail: str = ""
    model: str = ""
    audit: AuditNote = field(default_factory=lambda: audit_note(None))
    classes: tuple[str, str] = ("ordinary", "celebrity")
    logits: tuple[float, float] | None = None
    temperature: float | None = None
    evidence: npt.NDArray[np.float32] | None = None
    regions: Regions | None = None
    shown: bytes = b""
    alpha_colour: tuple[int, int, int] = (0, 0, 0)

    @property
    def kept(self) -> bool:
        """Whether the photo was predicted."""
        return not self.reason

    @property
    def predicted(self) -> str:
        """The class of the larger logit; "" where refused."""
        return self.classes[int(self.logits[1] > self.logits[0])] if self.logits else ""

    @property
    def probability(self) -> float:
        """Of the second class (celebrity), by softmax, as in the study's tables; NaN where refused."""
        return _sigmoid(self.logits[1] - self.logits[0]) if self.logits else math.nan

    @property
    def calibrated_probability(self) -> float:
        """The same with the temperature of the calibration; NaN where refused or not calibrated."""
        if not self.logits or self.temperature is None:
            return math.nan
        return _sigmoid((self.logits[1] - self.logits[0]) / self.temperature)

    @property
    def certainty(self) -> float:
        """Probability of the class that is named, calibrated where there is a calibration; NaN where refused."""
        value = self.probability if self.temperature is None else self.calibrated_probability
        return max(value, 1 - value) if self.kept else math.nan

    def words(self) -> str:
        """The answer in one line."""
        name = shown_name(self.file)
        if not self.kept:
            return f"{name}: refused, {refusal_words(self.reason, self.detail)}"
        raw = max(self.probability, 1 - self.probability)
        how = "not calibrated" if self.temperature is None else f"calibrated; {percent(raw)} before"
        return f"{name}: {self.predicted}, {percent(self.certainty)} ({how}). {self.evidence_words()}"

    def evidence_words(self) -> str:
        """Where the evidence for the named class lies, against how large the parts are."""
        if self.regions is None or not math.isfinite(next(iter(self.regions.share.values()))):
            return "No place of the portrait speaks for it."
        groups = self.regions.grouped()
        face = tuple(sum(groups[name][which] for name in _FACE) for which in (0, 1))
        parts = {"face": face} | {name: groups[name] for name in groups if name not in _FACE}
        told = ", ".join(f"{name} {percent(share)} ({percent(area)})" for name, (share, area) in parts.items())
        return f"Evidence (area): {told}."

    def picture(self) -> Image.Image:
        """The face, the map over it, and the words; see :func:`looks_kedro.prediction.draw_prediction`."""
        from looks_kedro.prediction.picture import draw_prediction

        return draw_prediction(self)

    def row(self) -> dict[str, Any]:
        """A row of table ``photo_predictions``, without ``variant``, ``backbone`` and ``picture``."""
        logits = self.logits or (math.nan, math.nan)
        row: dict[str, Any] = {"file": self.file, "status": "kept" if self.kept else "refused"}
        row |= {"reason": self.reason, "detail": self.detail, "predicted": self.predicted}
        row |= {"probability": self.probability, "calibrated_probability": self.calibrated_probability}
        row |= {"logit_ordinary": logits[0], "logit_celebrity": logits[1]}
        for kind in ("share", "area"):
            for name in (one for names in GROUPS.values() for one in names):
                row[f"{name}_{kind}"] = getattr(self.regions, kind)[name] if self.regions else math.nan
        return row | {"verdict": self.audit.verdict, "warning": self.audit.warning}

    def __str__(self) -> str:
        return f"{self.words()}\n{'Caution: ' if self.audit.warning else ''}{self.audit.told}"

    def _repr_html_(self) -> str:
        """For notebooks: the picture, and the words for those who cannot see it."""
        import io

        stream = io.BytesIO()
        self.picture().save(stream, "PNG")
        words = html.escape(str(self), quote=True)
        data = base64.b64encode(stream.getvalue()).decode("ascii")
        return f'<img style="max-width:100%" alt="{words}" src="data:image/png;base64,{data}">'


def prediction_rows(predictions: Iterable[Prediction]) -> pd.DataFrame:
    """Rows of table ``photo_predictions``, without ``variant``, ``backbone`` and ``picture``.

    Args:
        predictions: any number, at least one; none is kept.
    """
    return pd.DataFrame([one.row() for one in predictions])


def refusal_words(reason: str, detail: str) -> str:
    """A refusal for people: ``no face (nothing found)``."""
    told = {"bad_cutout": "the person could not be cut out"}.get(reason, reason.replace("_", " "))
    return f"{told} ({shown_name(detail, 120)})" if detail else told


def _sigmoid(difference: float) -> float:
    return float(np.exp(-np.logaddexp(0.0, -difference)))


def percent(value: float) -> str:
    """In percent; never 100 or 0 where it is not."""
    rounded = round(100 * value)
    if rounded == 100 and value < 1:
        return "over 99 %"
    return "under 1 %" if rounded == 0 and value > 0 else f"{rounded} %"
