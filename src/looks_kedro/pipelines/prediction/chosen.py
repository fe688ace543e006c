"""Which model a run predicts with, and what is done where it, its calibration or its verdict is not there."""

import logging
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Pipeline

from looks_kedro.errors import BadInputError, BadParameterError

from .parameters import Predicting

if TYPE_CHECKING:
    from kedro.io import AbstractVersionedDataset

log = logging.getLogger(__name__)


def chosen_model(parameters: Mapping[str, Any]) -> tuple[str, str]:
    """Variant and backbone of the model that predicts.

    Args:
        parameters: all parameters of the run.

    Raises:
        BadParameterError: a parameter of the prediction is wrong, or the variant is not defined.
    """
    from looks_kedro.parameters import check_group

    check_group("prediction", Predicting, parameters)
    chosen = Predicting.model_validate(parameters["prediction"])
    known = sorted(parameters.get("variants") or {})
    if chosen.variant not in known:
        near = get_close_matches(chosen.variant, known, n=1)
        advice = f"did you mean {near[0]}?" if near else f"defined are {', '.join(known)}."
        raise BadParameterError(f"Parameter prediction.variant: there is no variant {chosen.variant}; {advice}")
    return chosen.variant, chosen.backbone


def complete_inputs(pipeline: Pipeline, catalog: DataCatalog, run_params: Mapping[str, Any]) -> None:
    """See that the chosen model is there before anything is loaded; without calibration and verdict it still answers.

    Args:
        pipeline: of the run; without a prediction nothing is done.
        catalog: of the run; a calibration or a verdict that is not there becomes an empty one in memory.
        run_params: of the run, for the command that is advised.

    Raises:
        BadInputError: there is no such model; the message names those that there are.
    """
    if "photo_predictions" not in pipeline.all_outputs():
        return
    needed = {name.rpartition(".")[2]: name for name in pipeline.inputs() if not name.startswith("params:")}
    wanted = run_params.get("load_versions") or {}

    def missing(kind: str) -> bool:
        # A version that is named and not there is told by its dataset.
        return kind in needed and needed[kind] not in wanted and not catalog.exists(needed[kind])

    env = f" --env {run_params['env']}" if run_params.get("env") else ""
    if missing("model"):
        raise _no_model(needed["model"], catalog, env)
    if missing("calibration_summary"):
        from looks_kedro.tables import empty_table

        _replace(catalog, needed["calibration_summary"], empty_table("calibration_summary"))
        log.warning("This model was never calibrated: probabilities are those that the network gives.")
    if missing("verdict"):
        _replace(catalog, needed["verdict"], {})
        variant, backbone, _ = needed["verdict"].split(".")
        log.warning(
            "This model has not been audited; `kedro run%s --pipelines audit --params "
            "cells.variants=%s,cells.backbones=%s` tells what it decides by.", env, variant, backbone,
        )  # fmt: skip


def _replace(catalog: DataCatalog, name: str, value: Any) -> None:
    kedro = logging.getLogger("kedro.io.data_catalog")
    level = kedro.level
    kedro.setLevel(logging.ERROR)  # it warns that a dataset is replaced, which is meant
    try:
        catalog[name] = MemoryDataset(value)
    finally:
        kedro.setLevel(level)


def _no_model(name: str, catalog: DataCatalog, env: str) -> BadInputError:
    variant, backbone, _ = name.split(".")
    place = Path(str(cast("AbstractVersionedDataset[Any, Any]", catalog[name])._filepath))
    there = sorted({f"{path.parts[-3]}.{path.parts[-2]}" for path in place.parents[2].glob(f"*/*/{place.name}")})
    others = f"choose one that there is: {', '.join(there)}." if there else "no model has been trained here yet."
    return BadInputError(
        f"There is no trained model of {backbone} on {variant} images: {place} does not exist. Train it with "
        f"`kedro run{env} --pipelines training --params cells.variants={variant},cells.backbones={backbone}`, or, by "
        f"prediction.variant and prediction.backbone, {others}"
    )
