"""Names of pipelines are known without building them, and a built one is as any other."""

from __future__ import annotations

import pytest
from kedro.pipeline import Node, Pipeline

from looks_kedro import pipeline_registry
from looks_kedro.lazy_pipelines import LazyPipeline


def say(number: int) -> str:
    return str(number)


def count(text: str) -> int:
    return len(text)


def small() -> Pipeline:
    return Pipeline([Node(say, "number", "text", name="say"), Node(count, "text", "length", name="count")])


def test_a_pipeline_is_built_once_at_the_first_look():
    built = []
    lazy = LazyPipeline(lambda: built.append(1) or small())
    assert isinstance(lazy, Pipeline)
    assert not built
    assert [node.name for node in lazy.nodes] == ["say", "count"]
    assert lazy.inputs() == {"number"}
    assert (lazy.only_nodes("count") + small()).outputs() == {"length"}
    assert built == [1]


def test_an_error_while_building_is_told_again_at_the_next_look():
    def fail() -> Pipeline:
        raise ValueError("no such cell")

    lazy = LazyPipeline(fail)
    for _ in range(2):
        with pytest.raises(ValueError, match="no such cell"):
            _ = lazy.nodes


def test_the_names_that_are_listed_are_those_that_are_built():
    assert set(pipeline_registry.register_pipelines()) == set(pipeline_registry.every_pipeline())


def test_each_name_stands_for_the_pipeline_of_that_name():
    lazy, built = pipeline_registry.register_pipelines(), pipeline_registry.every_pipeline()
    for name in ("export", "__default__", "comparison"):
        assert lazy[name].describe() == built[name].describe()
