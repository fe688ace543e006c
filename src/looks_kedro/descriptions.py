"""What each node does, in words that Kedro-Viz shows beside it."""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

from kedro.pipeline import Pipeline
from kedro.pipeline.preview_contract import TextPreview
from kedro.utils import KedroExperimentalWarning

_SECTION = re.compile(r"\n(?=[A-Z]\w+:\n)")
"""Before the heading of a section of a Google style docstring."""


def described(pipeline: Pipeline) -> Pipeline:
    """The same pipeline, each of whose nodes can tell Kedro-Viz what it does: its docstring, but for the arguments.

    Args:
        pipeline: any.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", KedroExperimentalWarning)
        return Pipeline([node._copy(preview_fn=partial(_preview, node.func)) for node in pipeline.nodes])


def description(function: Callable[..., Any]) -> str:
    """What a function does and returns, from its docstring; its name where it has none.

    Args:
        function: of a node.
    """
    told, *sections = _SECTION.split(inspect.getdoc(function) or function.__name__)
    returned = [section for section in sections if section.startswith("Returns:")]
    # Kedro-Viz breaks the lines itself.
    return "\n\n".join(" ".join(part.split()) for part in re.split(r"\n\s*\n", "\n\n".join((told, *returned))))


def _preview(function: Callable[..., Any]) -> TextPreview:
    return TextPreview(content=description(function))
