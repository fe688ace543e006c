"""What happens around every run: parameters are checked before it, a manifest and a summary are written after it."""

from __future__ import annotations

import logging
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from kedro.framework.hooks import hook_impl

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext
    from kedro.io import AbstractVersionedDataset, DataCatalog
    from kedro.pipeline import Pipeline
    from kedro.pipeline.node import Node

log = logging.getLogger("looks_kedro")

RECOVERY = "recovery"
"""Name of the place in the catalog."""
EARLIER_RUN = "run_manifest_if_any"
"""Name of the newest manifest in the catalog, for the nodes that tell what a run took."""
PAGES = {
    "review": "Kept and rejected images",
    "comparison": "The comparison",
    "report": "The report",
}
"""Pages that a run ends by pointing to, where it made them; the report last."""


class ParameterHooks:
    """Refuses unknown parameters, and builds the pipelines for the cells that the parameters choose."""

    def __init__(self) -> None:
        """Start without knowing any model of parameters."""
        self.models: dict[str, Any] = {}

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Check the parameters of the run and select its cells."""
        from looks_kedro.parameter_groups import check_groups

        environments = {"base", context.env or "local"}
        check_groups(context._runtime_params or {}, Path(context.config_loader.conf_source), environments)
        from kedro.validation.type_extractor import TypeExtractor

        from looks_kedro import pipeline_registry
        from looks_kedro.cells import Cells, check_variants, defined_cells, with_backbones
        from looks_kedro.parameters import check_group, check_parameters
        from looks_kedro.pipelines.prediction.chosen import chosen_model

        # With the parameters of the run merged in. conf/base/parameters_comparison.yml has put `runs` in its place.
        parameters = context.config_loader["parameters"]
        parameters.pop("runs", None)
        variants = parameters.get("variants") or {}
        check_group("cells", Cells, parameters)
        cells = Cells.model_validate(parameters["cells"])
        check_variants(cells, variants)
        # A network of torchvision that nobody described begins fresh; the run reads that like any other parameter.
        parameters["backbones"] = with_backbones(parameters.get("backbones") or {}, cells)
        context.config_loader["parameters"] = parameters
        pipelines = pipeline_registry.parametrised_pipelines(defined_cells(variants, parameters["backbones"]))
        self.models = {"cells": Cells, **TypeExtractor(pipelines).extract_types_from_pipelines()}
        check_parameters(parameters, self.models, given=context._runtime_params or {})
        pipeline_registry.select_cells(cells, chosen_model(parameters))

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog) -> None:
        """See that the model is there that a prediction needs."""
        from looks_kedro.pipelines.prediction.chosen import complete_inputs

        complete_inputs(pipeline, catalog, run_params)


class RunManifestHooks:
    """Writes down what a run was: code, parameters, versions, packages, time and memory of each node."""

    def __init__(self, checked: ParameterHooks) -> None:
        """Start with nothing recorded.

        Args:
            checked: knows the model of each group of parameters, also of those that a run does not read.
        """
        self._checked = checked
        self._catalog: DataCatalog | None = None
        self._nodes: dict[str, dict[str, float]] = {}
        self._loaded: dict[str, str] = {}
        self._saved: dict[str, str] = {}
        self._contents: dict[tuple[str, str | None], str | None] = {}
        self._run_id = ""
        self._started = 0.0

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any], catalog: DataCatalog) -> None:
        """Forget the run before."""
        self._catalog, self._nodes, self._loaded, self._saved, self._contents = catalog, {}, {}, {}, {}
        self._run_id = str(run_params["run_id"])

    @hook_impl
    def before_node_run(self, inputs: dict[str, Any]) -> dict[str, Any] | None:
        """Start the node's clock; a node that tells what runs take is given the nodes of this one, too."""
        from looks_kedro.manifest import reset_peak_memory, with_nodes

        self._started = time.perf_counter()
        reset_peak_memory()
        if EARLIER_RUN not in inputs:
            return None
        return {EARLIER_RUN: with_nodes(inputs[EARLIER_RUN], self._nodes, self._run_id)}

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
        from kedro.io.core import VersionNotFoundError

        from looks_kedro.manifest import content_hash, tells_data

        if name.startswith("params:") or name == "parameters" or self._catalog is None:
            return
        dataset = self._catalog.get(name)
        resolver = getattr(dataset, resolve, None)
        try:
            version = resolver() if resolver is not None else None
        except VersionNotFoundError:  # an optional dataset that has not been made
            version = None
        if version is not None:
            versions[name] = str(version)
        if tells_data(name) and (name, version) not in self._contents:
            self._contents[name, version] = content_hash(_place_of(dataset, version))

    def _save(self, run_params: dict[str, Any], catalog: DataCatalog, outcome: str) -> None:
        from looks_kedro.manifest import complete_parameters, run_manifest

        parameters = complete_parameters(catalog.load("parameters"), self._checked.models)
        manifest = run_manifest(
            Path(run_params["project_path"]),
            run={name: run_params[name] for name in ("run_id", "env", "pipeline_names", "tags", "namespaces")},
            parameters=parameters,
            outcome=outcome,
        )
        contents = {name: digest for (name, _), digest in self._contents.items() if digest is not None}
        manifest |= {"datasets_read": self._loaded, "datasets_written": self._saved, "contents": contents}
        manifest |= {"nodes": self._nodes}
        catalog.save("run_manifest", manifest)


def _place_of(dataset: Any, version: str | None) -> Path:
    return Path(str(dataset._filepath if version is None else dataset._get_versioned_path(version)))


class RecoveryHooks:
    """Removes the states of trainings that a run has finished, when all of its results are saved."""

    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Forget what an earlier run of this process has used: if it was stopped, it will be gone on with."""
        if RECOVERY in pipeline.inputs():
            catalog.load(RECOVERY).forget()

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
        if "photo_predictions" in pipeline.all_outputs():
            self._tell_predictions(catalog)
        if "comparison_parameters" in pipeline.all_outputs():
            from looks_kedro.comparison.page import comparison_lines

            tables = (catalog.load(f"comparison_{name}") for name in ("runs", "parameters", "results"))
            for line in comparison_lines(*tables):
                log.info(line)
        for name, words in PAGES.items():
            if name in pipeline.all_outputs():
                log.info("%s: %s", words, os.path.relpath(_newest(catalog, name)))

    def _tell_predictions(self, catalog: DataCatalog) -> None:
        from looks_kedro.prediction import summary_lines

        table = catalog.load("photo_predictions")
        for line in summary_lines(table):
            log.info(line)
        for name, words in (("photo_predictions", "Table"), ("prediction_pictures", "Pictures")):
            made = cast("AbstractVersionedDataset[Any, Any]", catalog[name])
            log.info("%s: %s", words, os.path.relpath(str(made._get_load_path())))
        if table["warning"].iloc[0]:
            log.warning("%s", table["warning"].iloc[0])


class MlflowHooks:
    """Tells MLflow the results of a run, where kedro-mlflow has opened one."""

    @hook_impl(tryfirst=True)
    def after_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Log the summary and the report before kedro-mlflow closes its run."""
        if "mlflow" not in sys.modules:
            return
        from looks_kedro.tracking import log_results, open_run

        mlflow, made = open_run(), pipeline.all_outputs()
        if mlflow is not None:
            summary = catalog.load("summary") if "summary" in made else None
            pages = [_newest(catalog, name) for name in ("report", "comparison") if name in made]
            log_results(mlflow, run_params["run_id"], _read_parameters(pipeline, catalog), summary, pages)


def _read_parameters(pipeline: Pipeline, catalog: DataCatalog) -> dict[str, Any]:
    """The groups of parameters that a pipeline's nodes read, as the manifest has them."""
    from looks_kedro.manifest import plain_parameters

    groups = {
        name.removeprefix("params:").partition(".")[0] for name in pipeline.inputs() if name.startswith("params:")
    }
    return {name: value for name, value in plain_parameters(catalog.load("parameters")).items() if name in groups}


def _newest(catalog: DataCatalog, name: str) -> Path:
    return Path(str(cast("AbstractVersionedDataset[str, str]", catalog[name])._get_load_path()))
