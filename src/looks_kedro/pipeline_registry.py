"""The pipelines of the project, by name."""

from __future__ import annotations

from kedro.framework.project import pipelines
from kedro.pipeline import Pipeline

from looks_kedro.cells import Cells
from looks_kedro.pipelines import (
    acquisition,
    background,
    balancing,
    explainability,
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
    """The pipelines for all cells, whatever a run has chosen: what parameters can be known from them."""
    return _pipelines(Cells())


def register_pipelines() -> dict[str, Pipeline]:
    """Build every pipeline; ``__default__`` is the whole way from acquisition to reporting."""
    return _pipelines(_cells)


def _pipelines(cells: Cells) -> dict[str, Pipeline]:
    way = {
        "acquisition": acquisition.create_pipeline(),
        "preprocessing": preprocessing.create_pipeline(),
        "labeling": labeling.create_pipeline(),
        "balancing": balancing.create_pipeline(),
        "background": background.create_pipeline(cells),
        "pretraining": pretraining.create_pipeline(),
        "training": training.create_pipeline(cells),
        "explainability": explainability.create_pipeline(cells),
        "reporting": reporting.create_pipeline(cells),
    }
    # The FairFace network is there for custom alone.
    needed = [part for name, part in way.items() if name != "pretraining" or "custom" in cells.backbones]
    beside = {"weights": weights.create_pipeline()}
    return {**way, **beside, "__default__": sum(needed, Pipeline([]))}
