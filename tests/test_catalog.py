"""Every dataset of every pipeline stands in the catalog, with a layer that Kedro-Viz shows."""

from __future__ import annotations

import pytest
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from looks_kedro.pipeline_registry import every_pipeline

LAYERS = {"raw", "intermediate", "primary", "model_input", "models", "model_output", "reporting"}


def data_names() -> list[str]:
    names = set().union(*(pipeline.datasets() for pipeline in every_pipeline().values()))
    return sorted(name for name in names if not name.startswith("params:"))


@pytest.mark.parametrize("env", ["base", "demo", "folders", "hyper", "test"])
def test_no_dataset_is_in_memory_by_accident(project, env):
    bootstrap_project(project)
    with KedroSession.create(project, env=env) as session:
        catalog = session.load_context().catalog
        kinds = {name: type(catalog.get(name)).__name__ for name in data_names()}
        layers = {name: (catalog.get(name).metadata or {}).get("kedro-viz", {}).get("layer") for name in kinds}
    assert len(kinds) > 80
    assert not [name for name, kind in kinds.items() if kind == "MemoryDataset"]
    assert set(layers.values()) == LAYERS


@pytest.mark.parametrize(("env", "images", "models"), [
    ("base", "data", "data"),
    ("demo", "data/demo", "data/demo"),
    ("folders", "data/folders", "data/folders"),
    ("hyper", "data", "data/hyper"),
    ("test", "data/test", "data/test"),
])  # fmt: skip
def test_environments_do_not_read_each_others_data(project, env, images, models):
    bootstrap_project(project)
    with KedroSession.create(project, env=env) as session:
        catalog = session.load_context().catalog
        for name, root in (("faces", images), ("white.custom.model", models), ("report", models)):
            folder = str(catalog.get(name)._filepath).partition("/0")[0]
            assert folder == (project / root).as_posix()


def test_a_study_of_its_own_name_has_a_folder_of_its_own(project):
    bootstrap_project(project)
    with KedroSession.create(project, env="folders", runtime_params={"study": "mine"}) as session:
        catalog = session.load_context().catalog
        for name in ("raw_celebrities", "faces", "white.custom.model", "report"):
            assert str(catalog.get(name)._filepath).startswith((project / "data/mine/0").as_posix())


# Tables that the user writes, and places that keep what is fetched or computed once.
YOURS = {"people", "corrections", "label_corrections"}
CASES = {"known_case_files", "results_folder"}
PLACES = {"downloads", "result_cache", "weights_folder", "image_arrays", "recovery"}
# Results of pipelines beside the way, which the report shows where there are any.
_BESIDE = ("known_scores", "known_confusion", "known_answers_figure", "cost_table", "run_manifest_if_any")
_OF_VARIANTS = [
    f"{variant}.{kind}" for variant in ("original", "white") for kind in ("companions", "controls", "repair")
]
SHOWN_IF_ANY = {*_BESIDE, *_OF_VARIANTS}


def test_every_dataset_that_a_run_makes_is_versioned(project):
    bootstrap_project(project)
    with KedroSession.create(project, env="base") as session:
        catalog = session.load_context().catalog
        made = [name for name in data_names() if name not in YOURS | PLACES | CASES]
        unversioned = [name for name in made if catalog.get(name)._version is None]
    # Weights are as their makers published them, and are checked by their hashes.
    assert unversioned == ["weights_table"]


def test_what_the_user_writes_may_be_left_out(project):
    bootstrap_project(project)
    with KedroSession.create(project, env="base") as session:
        catalog = session.load_context().catalog
        assert all(catalog.load(name).empty for name in YOURS)
        assert {name for name in PLACES if not catalog.exists(name)} == set()


def test_pipelines_are_connected_from_acquisition_to_the_report():
    whole = every_pipeline()["__default__"]
    assert {name for name in whole.inputs() if not name.startswith("params:")} == YOURS | PLACES | SHOWN_IF_ANY
    assert "report" in whole.outputs()
    assert {node.namespace.split(".")[0] for node in whole.nodes if node.namespace} == {"original", "white"}
