"""The pipelines of the project, by name."""

from __future__ import annotations

from kedro.framework.project import pipelines
from kedro.pipeline import Pipeline

from looks_kedro.cells import Cells
from looks_kedro.pipelines import (
    acquisition,
    audit,
    background,
    balancing,
    explainability,
    export,
    hyperparameters,
    known_answers,
    labeling,
    preprocessing,
    pretraining,
    reporting,
    training,
    weights,
)

_cells = Cells()


def select_cells(cells: Cells) -> None:
    """Choose the cells that pipelines are built for; the parameter ``cells`` of a run ends here.

    Args:
        cells: variants and backbones.
    """
    global _cells
    if cells != _cells:
        _cells = cells
        pipelines.configure(__name__)


def every_pipeline() -> dict[str, Pipeline]:
    """The pipelines for the published cells, whatever a run has chosen."""
    return _pipelines(Cells())


def parametrised_pipelines(defined: Cells) -> dict[str, Pipeline]:
    """Pipelines that together have every parameter there is.

    Args:
        defined: every variant and every backbone that the parameters define.
    """
    one_variant = defined.model_copy(update={"variants": defined.variants[:1]})
    return {
        **_way(Cells()),
        **_beside(Cells()),
        "variants": background.create_pipeline(defined),
        "backbones": training.create_pipeline(one_variant),
    }


def register_pipelines() -> dict[str, Pipeline]:
    """Build every pipeline; ``__default__`` is the way from acquisition to reporting, ``full`` that on all variants."""
    return _pipelines(_cells)


def _pipelines(cells: Cells) -> dict[str, Pipeline]:
    way, full = _way(cells), _way(cells.with_all_variants())
    return {**way, **_beside(cells), "full": _whole(full, cells), "__default__": _whole(way, cells)}


def _beside(cells: Cells) -> dict[str, Pipeline]:
    return {
        "weights": weights.create_pipeline(),
        "hyperparameters": hyperparameters.create_pipeline(),
        "export": export.create_pipeline(cells),
        "known_answers": known_answers.create_pipeline(),
    }


def _whole(way: dict[str, Pipeline], cells: Cells) -> Pipeline:
    # The FairFace network is there for custom alone.
    needed = [part for name, part in way.items() if name != "pretraining" or "custom" in cells.backbones]
    return Pipeline(needed)


def _way(cells: Cells) -> dict[str, Pipeline]:
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
