"""Logits of many images, and the table of predictions."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import nn

from looks_kedro.errors import BadInputError
from looks_kedro.learning.data import choose_device, portrait_batches
from looks_kedro.learning.portrait_arrays import Portraits
from looks_kedro.learning.reproducibility import thread_count
from looks_kedro.learning.settings import Training

__all__ = ["PREDICTION_COLUMNS", "predict", "prediction_table"]

PREDICTION_COLUMNS = (
    "file",
    "looks",
    "identity",
    "logit_ordinary",
    "logit_celebrity",
    "probability",
    "predicted",
    "correct",
)


def predict(model: nn.Module, images: Portraits, settings: Training | None = None) -> npt.NDArray[np.float32]:
    """Logits of images, in evaluation mode; the model's mode and place are put back.

    Computed in float32 whatever precision the network was trained in, so that predictions of differently trained
    networks compare. Memory does not grow with the images, only with their logits.

    Args:
        model: normalised images to logits.
        images: uint8 (N, S, S, 3), in memory, on the disk, decoded on the fly, or on the device.
        settings: batch size, device, workers and threads; the published ones when none.

    Returns:
        float32 (N, classes).
    """
    settings = settings or Training()
    device = choose_device(settings.device)
    was_training = model.training
    place = next(model.parameters()).device
    model.to(device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
    try:
        with torch.inference_mode(), thread_count(settings.threads):
            batches = portrait_batches(images, settings.batch_size, device, workers=settings.workers)
            logits = torch.cat([model(batch).float() for batch in batches]).cpu()
    finally:
        model.to(place).train(was_training)
    result: npt.NDArray[np.float32] = logits.numpy()
    return result


def prediction_table(rows: pd.DataFrame, logits: npt.NDArray[np.float32]) -> pd.DataFrame:
    """One row an image: what it is, what the network says.

    Args:
        rows: columns ``file``, ``looks`` (1 = celebrity), ``identity``.
        logits: (N, 2), ordinary then celebrity.

    Returns:
        Columns ``PREDICTION_COLUMNS``: ``probability`` of celebrity by softmax in 0..1, ``predicted`` the larger
        logit's class (0 or 1), ``correct`` whether it equals ``looks``.

    Raises:
        BadInputError: the numbers of rows differ or there are not two logits.
    """
    if logits.shape != (len(rows), 2):
        raise BadInputError(f"expected logits of shape ({len(rows)}, 2), one row an image; found {logits.shape}")
    difference = logits[:, 1].astype(np.float64) - logits[:, 0]
    table = rows.loc[:, ["file", "looks", "identity"]].reset_index(drop=True)
    table["logit_ordinary"] = logits[:, 0]
    table["logit_celebrity"] = logits[:, 1]
    table["probability"] = np.exp(-np.logaddexp(0.0, -difference))
    table["predicted"] = (difference > 0).astype(np.int64)
    table["correct"] = table["predicted"] == table["looks"]
    return table.loc[:, list(PREDICTION_COLUMNS)]
