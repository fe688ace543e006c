from __future__ import annotations

import pytest
from pydantic import ValidationError

from looks_kedro import pipeline_registry
from looks_kedro.cells import BACKBONES, PUBLISHED, VARIANTS, Cells, check_variants, defined_cells, with_backbones
from looks_kedro.errors import BadParameterError


def variants_of(name: str, cells: Cells) -> set[str]:
    nodes = pipeline_registry._pipelines(cells)[name].nodes
    return {node.namespace.split(".")[0] for node in nodes if node.namespace}


def test_a_plain_run_trains_the_published_variants_and_a_full_one_all_five():
    assert PUBLISHED == ("original", "white")
    assert variants_of("__default__", Cells()) == {"original", "white"}
    assert variants_of("full", Cells()) == set(VARIANTS)


def test_a_full_run_adds_to_whatever_variants_are_chosen():
    cells = Cells(variants=("green",), backbones=("resnet18",))
    assert variants_of("__default__", cells) == {"green"}
    assert variants_of("full", cells) == {*VARIANTS, "green"}
    trained = {node.name for node in pipeline_registry._pipelines(cells)["full"].nodes if node.name.endswith(".train")}
    assert trained == {f"{variant}.resnet18.train" for variant in (*VARIANTS, "green")}


def test_every_node_of_a_plain_run_is_in_the_full_one():
    pipelines = pipeline_registry.every_pipeline()
    plain, full = ({node.name for node in pipelines[name].nodes} for name in ("__default__", "full"))
    assert plain < full


def test_a_variant_can_be_run_by_its_name_alone():
    part = pipeline_registry.every_pipeline()["full"].filter(node_namespaces=["transparent"])
    names = {node.name for node in part.nodes}
    assert "transparent.compose" in names
    assert {f"transparent.{backbone}.train" for backbone in BACKBONES} <= names
    assert all(name.startswith("transparent.") for name in names)


def test_cells_come_in_the_order_of_the_studys_tables_with_others_last():
    cells = Cells(variants=("green", "face_only", "original", "green"), backbones=("resnet18", "custom"))
    assert cells.ordered_variants() == ["original", "face_only", "green"]
    assert cells.pairs()[:2] == [("original", "custom"), ("original", "resnet18")]
    assert len(cells.pairs()) == 6


def test_a_variant_that_nobody_defined_is_named_with_a_remedy():
    check_variants(Cells(variants=("green", "white")), ["white", "green"])
    with pytest.raises(BadParameterError, match="no variant whit; did you mean white"):
        check_variants(Cells(variants=("whit",)), VARIANTS)
    with pytest.raises(BadParameterError, match=r"defined are original.*parameters_background\.yml"):
        check_variants(Cells(variants=("zzz",)), ["original"])


@pytest.mark.parametrize("name", ["a.b", "White", "2nd", "", "a b", "_own"])
def test_names_that_cannot_be_folders_and_parts_of_names_are_refused(name):
    with pytest.raises(ValidationError):
        Cells(variants=(name,))
    with pytest.raises(BadParameterError, match="begins with a letter"):
        defined_cells([name])


def test_a_network_of_torchvision_needs_no_description():
    cells = Cells.model_validate({"backbones": "mobilenet_v2+custom"})
    described = with_backbones({"custom": {"start": "fairface"}}, cells)
    assert described == {"custom": {"start": "fairface", "name": "custom"}, "mobilenet_v2": {"name": "mobilenet_v2"}}
    assert cells.ordered_backbones() == ["custom", "mobilenet_v2"]


def test_one_network_may_have_two_names():
    cells = Cells.model_validate({"backbones": "resnet18+pretrained"})
    described = with_backbones({"pretrained": {"name": "resnet18", "start": "imagenet"}}, cells)
    assert described["pretrained"]["name"] == "resnet18"


@pytest.mark.parametrize(
    ("defined", "backbones", "told"),
    [
        ({}, "resnet19", r"cells\.backbones: there is no backbone resnet19; did you mean resnet1"),
        ({"resnt18": {"start": "fresh"}}, "resnet18", r"backbones\.resnt18: no network.*did you mean resnet18"),
        ({"resnet18": 3}, "resnet18", r"backbones\.resnet18: expected a mapping.*found 3"),
    ],
)
def test_a_misspelt_network_is_named_with_a_remedy(defined, backbones, told):
    with pytest.raises(BadParameterError, match=told):
        with_backbones(defined, Cells.model_validate({"backbones": backbones}))
