"""The pipelines of the project, by name.

Everything heavy is imported when a pipeline is first asked for, so that listing their names takes no time.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from kedro.framework.project import pipelines
from kedro.pipeline import Pipeline

from looks_kedro.lazy_pipelines import LazyPipeline, folder_names

if TYPE_CHECKING:
    from looks_kedro.cells import Cells

_cells: Cells | None = None
"""Those that a run has chosen; None before it has."""
PREDICTED = ("original", "custom")
_predicted = PREDICTED


def select_cells(cells: Cells, predicted: tuple[str, str] = PREDICTED) -> None:
    """Choose the cells that pipelines are built for; the parameter ``cells`` of a run ends here.

    Args:
        cells: variants and backbones.
        predicted: variant and backbone of the model that predicts new photos.
    """
    global _cells, _predicted
    if (cells, predicted) != (_cells, _predicted):
        _cells, _predicted = cells, predicted
        pipelines.configure(__name__)


def every_pipeline() -> dict[str, Pipeline]:
    """The pipelines for the published cells, whatever a run has chosen."""
    from looks_kedro.cells import Cells

    return _pipelines(Cells())


def parametrised_pipelines(defined: Cells) -> dict[str, Pipeline]:
    """Pipelines that together have every parameter there is.

    Args:
        defined: every variant and every backbone that the parameters define.
    """
    from looks_kedro.cells import Cells
    from looks_kedro.pipelines import background, training

    one_variant = defined.model_copy(update={"variants": defined.variants[:1]})
    return {
        **_way(Cells()),
        **_beside(Cells()),
        "variants": background.create_pipeline(defined),
        "backbones": training.create_pipeline(one_variant),
    }


def register_pipelines() -> dict[str, Pipeline]:
    """Name every pipeline; ``__default__`` is the way from acquisition to reporting, ``full`` that on all variants."""
    names = ["__default__", "full", *folder_names("looks_kedro.pipelines")]
    built: dict[str, Pipeline] = {}

    def build(name: str) -> Pipeline:
        if not built:
            built.update(_chosen_pipelines())
        return built[name]

    return {name: LazyPipeline(partial(build, name)) for name in names}


def _chosen_pipelines() -> dict[str, Pipeline]:
    from looks_kedro.cells import Cells

    return _pipelines(Cells() if _cells is None else _cells, _predicted)


def _pipelines(cells: Cells, predicted: tuple[str, str] = PREDICTED) -> dict[str, Pipeline]:
    from looks_kedro.descriptions import described

    way, full = _way(cells), _way(cells.with_all_variants())
    named = {**way, **_beside(cells, predicted), "full": _whole(full, cells), "__default__": _whole(way, cells)}
    return {name: described(pipeline) for name, pipeline in named.items()}


def _beside(cells: Cells, predicted: tuple[str, str] = PREDICTED) -> dict[str, Pipeline]:
    from looks_kedro.pipelines import (
        companions,
        comparison,
        controls,
        export,
        hyperparameters,
        known_answers,
        prediction,
        repair,
        weights,
    )

    return {
        "weights": weights.create_pipeline(),
        "hyperparameters": hyperparameters.create_pipeline(),
        "export": export.create_pipeline(cells),
        "companions": companions.create_pipeline(cells),
        "controls": controls.create_pipeline(cells),
        "repair": repair.create_pipeline(cells),
        "prediction": prediction.create_pipeline(*predicted),
        "known_answers": known_answers.create_pipeline(),
        "comparison": comparison.create_pipeline(),
    }


def _whole(way: dict[str, Pipeline], cells: Cells) -> Pipeline:
    # The FairFace network is there for custom alone.
    needed = [part for name, part in way.items() if name != "pretraining" or "custom" in cells.backbones]
    return Pipeline(needed)


def _way(cells: Cells) -> dict[str, Pipeline]:
    from looks_kedro.pipelines import (
        acquisition,
        audit,
        background,
        balancing,
        explainability,
        labeling,
        preprocessing,
        pretraining,
        reporting,
        training,
    )

    return {
        "acquisition": acquisition.create_pipeline(),
        "preprocessing": preprocessing.create_pipeline(),
        "labeling": labeling.create_pipeline(),
        "balancing": balancing.create_pipeline(),
        "background": background.create_pipeline(cells),
        "pretraining": pretraining.create_pipeline(),
        "training": training.create_pipeline(cells),
        "explainability": explainability.create_pipeline(cells),
        "audit": audit.create_pipeline(cells),
        "reporting": reporting.create_pipeline(cells),
    }
