"""The names of the groups of parameters, read from the configuration's files as they stand.

Which parameters there are within a group is known from the pipelines; that a whole group does not exist is seen without
building them, so that a slip of the pen is told at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from looks_kedro.errors import BadParameterError

SHORT_FORMS = ("celebrities", "labels", "ordinary", "runs", "study")
"""Given on the command line alone; the configuration puts them where they belong."""


def check_groups(given: Mapping[str, Any], conf: Path, environments: Iterable[str]) -> None:
    """Refuse parameters of a run when none of them belongs to any group.

    Where some of them do, the full check tells what is wrong with all of them at once.

    Args:
        given: parameters of the run.
        conf: folder of the configuration.
        environments: folders in it that the run reads.

    Raises:
        BadParameterError: names each.
    """
    known = {*SHORT_FORMS, *group_names(conf, environments)}
    if given and known.isdisjoint(given):
        raise BadParameterError("\n".join(unknown_message(str(name), known) for name in sorted(given)))


def group_names(conf: Path, environments: Iterable[str]) -> set[str]:
    """Top-level names of all ``parameters*.yml``.

    Args:
        conf: folder of the configuration.
        environments: folders in it.
    """
    files = [path for name in environments for path in (conf / name).glob("**/parameters*.yml")]
    return {name for path in files for name in re.findall(r"^([A-Za-z]\w*):", path.read_text("utf-8"), re.MULTILINE)}


def unknown_message(path: str, known: Iterable[str]) -> str:
    """What is said of a parameter that does not exist.

    Args:
        path: its dotted name.
        known: names that would have been right.
    """
    candidates = sorted(known)
    near = get_close_matches(path, candidates, n=1)
    advice = f"did you mean {near[0]}?" if near else f"known are {', '.join(candidates)}."
    return f"Parameter {path} is unknown; {advice}"
