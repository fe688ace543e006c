"""What users have today, on the same cases: one number each, more of it speaking for a shortcut.

None of them names a verdict, so a threshold is chosen for each on one half of the grid, in its favour.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd

from looks_kedro.known_answers.judging import Exhibit

__all__ = ["BASELINES", "baseline_scores"]

Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

BASELINES = {
    "heatmap": "share of the heatmap outside the face",
    "cleanlab": "cleanlab's spurious-correlation score of the training images",
    "properties": "how well one image property tells the training classes apart",
}


def baseline_scores(
    exhibit: Exhibit, evidence: Callable[[Images], Floats], faces_train: Images, labels_train: Labels
) -> dict[str, float]:
    """The baselines' scores of a case.

    Args:
        exhibit: the test part and the network.
        evidence: images to signed evidence maps (N, h, w), positive for class 1.
        faces_train: uint8 (M, S, S, 3), what the network was trained on.
        labels_train: 0 or 1 (M,).

    Returns:
        Names of ``BASELINES`` to scores in 0..1; NaN for cleanlab where it is not installed.
    """
    properties = image_properties(faces_train)
    return {
        "heatmap": heat_outside_the_face(exhibit, evidence),
        "cleanlab": cleanlab_score(properties, labels_train),
        "properties": property_score(properties, labels_train),
    }


def heat_outside_the_face(exhibit: Exhibit, evidence: Callable[[Images], Floats]) -> float:
    """Mean share of the evidence for the predicted class that does not lie on the face's ellipse."""
    from looks_kedro.cam import attention_on
    from looks_kedro.faces import ellipse_mask

    predicted = exhibit.model(exhibit.faces).argmax(axis=1)
    masks = (ellipse_mask(points, exhibit.faces.shape[1]) for points in exhibit.landmarks)
    table = attention_on(evidence(exhibit.faces), masks, toward=predicted)
    return float(1 - table["share"].mean())


def image_properties(images: Images) -> pd.DataFrame:
    """One row an image: sharpness, light and colour, and how much there is to see (the entropy of the luminance).

    They stand in for CleanVision's (dark, light, blurry, low information, grayscale; sizes are all one here), which
    cleanlab would compute itself from a Hugging Face data set.
    """
    import cv2

    from looks_kedro.faces.image_quality import image_quality

    rows = []
    for image in images:
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        shares = np.bincount(grey.ravel(), minlength=256) / grey.size
        shares = shares[shares > 0]
        dark, light = np.percentile(grey, (1, 99))
        more = {"entropy": float(-(shares * np.log2(shares)).sum()), "dark": float(dark), "light": float(light)}
        rows.append(image_quality(image) | more)
    return pd.DataFrame(rows)


def cleanlab_score(properties: pd.DataFrame, labels: Labels) -> float:
    """One less the lowest of cleanlab's scores over the properties; cleanlab calls low scores correlated.

    The score of a property is the error of a naive Bayes classifier on it alone, over that of a constant guess.
    """
    try:
        module = importlib.import_module("cleanlab.datalab.internal.spurious_correlation")
    except ImportError:
        return float("nan")
    scores = module.SpuriousCorrelations(properties, labels).calculate_correlations()["score"]
    return float(1 - scores.min())


def property_score(properties: pd.DataFrame, labels: Labels) -> float:
    """Largest ``|2 AUC - 1|`` of a property for the class: 0 tells nothing, 1 separates the classes."""
    from scipy.stats import rankdata

    ones = labels == 1
    best = 0.0
    for name in properties:
        ranks = rankdata(properties[name])
        area = (ranks[ones].sum() - ones.sum() * (ones.sum() + 1) / 2) / (ones.sum() * (~ones).sum())
        best = max(best, abs(2 * float(area) - 1))
    return best
