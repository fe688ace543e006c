"""Pipelines whose names are known at once, and which are built when something looks into one of them.

Building them imports every node, and with them pandas; listing their names, as ``kedro registry list`` does, need not
wait for that.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from kedro.pipeline import Pipeline


class LazyPipeline(Pipeline):
    """A pipeline that becomes what it stands for at the first look at its nodes.

    Kedro copies the mapping of all pipelines to list their names, so the mapping itself cannot be the lazy one.
    """

    def __init__(self, build: Callable[[], Pipeline]) -> None:
        """Remember how to build; ``Pipeline.__init__`` is left to what is built.

        Args:
            build: gives the pipeline.
        """
        self.__dict__["_build"] = build

    def __getattr__(self, name: str) -> Any:
        # Only called for what is not there: the first of the attributes that Pipeline.__init__ would have set.
        if name.startswith("__") or "_build" not in self.__dict__:
            raise AttributeError(name)
        build = self.__dict__.pop("_build")
        try:
            self.__dict__.update(vars(build()))
        except BaseException:
            self.__dict__["_build"] = build
            raise
        return getattr(self, name)


def folder_names(package: str) -> list[str]:
    """Names of the pipelines below a package: its folders with a ``pipeline.py``.

    Args:
        package: such as ``looks_kedro.pipelines``; it is not imported beyond its own ``__init__``.
    """
    spec = find_spec(package)
    places = spec.submodule_search_locations if spec is not None and spec.submodule_search_locations else []
    return sorted(path.parent.name for place in places for path in Path(place).glob("*/pipeline.py"))
