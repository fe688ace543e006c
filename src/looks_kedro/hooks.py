"""What happens around every run: parameters are checked before it, a manifest and a summary are written after it."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path
from typing import Any, cast

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import AbstractVersionedDataset, DataCatalog
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

log = logging.getLogger("looks_kedro")

RECOVERY = "recovery"
"""Name of the place in the catalog."""


class ParameterHooks:
    """Refuses unknown parameters, and builds the pipelines for the cells that the parameters choose."""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Check the parameters of the run and select its cells."""
        from kedro.validation.type_extractor import TypeExtractor

        from looks_kedro import pipeline_registry
        from looks_kedro.cells import Cells, check_variants, defined_cells, with_backbones
        from looks_kedro.parameters import check_group, check_parameters

        # With the parameters of the run merged in.
        parameters = context.config_loader["parameters"]
        variants = parameters.get("variants") or {}
        check_group("cells", Cells, parameters)
        cells = Cells.model_validate(parameters["cells"])
        check_variants(cells, variants)
        # A network of torchvision that nobody described begins fresh; the run reads that like any other parameter.
        parameters["backbones"] = with_backbones(parameters.get("backbones") or {}, cells)
        context.config_loader["parameters"] = parameters
        pipelines = pipeline_registry.parametrised_pipelines(defined_cells(variants, parameters["backbones"]))
        models = {"cells": Cells, **TypeExtractor(pipelines).extract_types_from_pipelines()}
        check_parameters(parameters, models, given=context._runtime_params or {})
        pipeline_registry.select_cells(cells)


class RunManifestHooks:
    """Writes down what a run was: code, parameters, versions, packages, time and memory of each node."""

    def __init__(self) -> None:
        """Start with nothing recorded."""
        self._catalog: DataCatalog | None = None
        self._nodes: dict[str, dict[str, float]] = {}
        self._loaded: dict[str, str] = {}
        self._saved: dict[str, str] = {}
        self._started = 0.0

    @hook_impl
    def before_pipeline_run(self, catalog: DataCatalog) -> None:
        """Forget the run before."""
        self._catalog, self._nodes, self._loaded, self._saved = catalog, {}, {}, {}

    @hook_impl
    def before_node_run(self) -> None:
        """Start the node's clock."""
        from looks_kedro.manifest import reset_peak_memory

        self._started = time.perf_counter()
        reset_peak_memory()

    @hook_impl
    def after_node_run(self, node: Node) -> None:
        """Stop the node's clock."""
        from looks_kedro.manifest import peak_memory_mb

        self._nodes[node.name] = {
            "seconds": round(time.perf_counter() - self._started, 2),
            "peak_memory_mb": peak_memory_mb(),
        }

    @hook_impl
    def after_dataset_loaded(self, dataset_name: str) -> None:
        """Note the version that was read."""
        self._note(self._loaded, dataset_name, "resolve_load_version")

    @hook_impl
    def after_dataset_saved(self, dataset_name: str) -> None:
        """Note the version that was written."""
        self._note(self._saved, dataset_name, "resolve_save_version")

    @hook_impl
    def after_pipeline_run(self, run_params: dict[str, Any], catalog: DataCatalog) -> None:
        """Save the manifest of a run that ended well."""
        self._save(run_params, catalog, outcome="finished")

    @hook_impl
    def on_pipeline_error(self, error: Exception, run_params: dict[str, Any], catalog: DataCatalog) -> None:
        """Save the manifest of a run that failed, with its error."""
        self._save(run_params, catalog, outcome=f"failed: {type(error).__name__}: {error}")

    def _note(self, versions: dict[str, str], name: str, resolve: str) -> None:
        if name.startswith("params:") or name == "parameters" or self._catalog is None:
            return
        resolver = getattr(self._catalog.get(name), resolve, None)
        version = resolver() if resolver is not None else None
        if version is not None:
            versions[name] = str(version)

    def _save(self, run_params: dict[str, Any], catalog: DataCatalog, outcome: str) -> None:
        from looks_kedro.manifest import run_manifest

        parameters = catalog.load("parameters")
        manifest = run_manifest(
            Path(run_params["project_path"]),
            run={name: run_params[name] for name in ("run_id", "env", "pipeline_names", "tags", "namespaces")},
            parameters=parameters,
            outcome=outcome,
        )
        manifest |= {"datasets_read": self._loaded, "datasets_written": self._saved, "nodes": self._nodes}
        catalog.save("run_manifest", manifest)


class RecoveryHooks:
    """Removes the states of trainings that a run has finished, when all of its results are saved."""

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Clear what this run has used; after an error it stays, for the next run to go on from."""
        if RECOVERY in pipeline.inputs():
            catalog.load(RECOVERY).clear()


class SummaryHooks:
    """Says which node runs, and ends a run with one line a model and where the report lies."""

    def __init__(self) -> None:
        """Start with nothing counted."""
        self._total = self._begun = 0

    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline) -> None:
        """Count the nodes of the run."""
        self._total, self._begun = len(pipeline.nodes), 0

    @hook_impl
    def before_node_run(self, node: Node) -> None:
        """Log the node that begins."""
        self._begun += 1
        log.info("%d/%d %s", self._begun, self._total, node.name)

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Log the summary, if this run made one."""
        from looks_kedro.reporting import summary_lines

        if "summary" in pipeline.all_outputs():
            for line in summary_lines(catalog.load("summary")):
                log.info(line)
        if "report" in pipeline.all_outputs():
            report = cast("AbstractVersionedDataset[str, str]", catalog["report"])
            log.info("The report: %s", os.path.relpath(str(report._get_load_path())))
