"""Which runs are meant, and what each of them says of itself."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from looks_kedro.errors import BadInputError, BadParameterError

log = logging.getLogger("looks_kedro")

MANIFESTS = "08_reporting/run_manifest.json"
"""Where a folder of results keeps the manifests, one folder a version."""
WORDS = {"last": -1, "previous": -2}
"""Names for the newest runs that made results of models."""
RESULTS = ("summary", "performance", "reliance", "verdict")
"""A run with one of these has something to compare."""


@dataclass(frozen=True)
class Run:
    """A run, by what it wrote down when it ended.

    Attributes:
        name: its version; with the folder before it where runs of several folders are compared.
        folder: the folder of results that holds it, such as ``data/demo``.
        manifest: what ``looks_kedro.manifest`` wrote.
        gathered: versions of datasets that the run has by way of results that an earlier run gathered.
    """

    name: str
    folder: Path
    manifest: dict[str, Any]
    gathered: Mapping[str, str] = field(default_factory=dict)

    @property
    def version(self) -> str:
        """The time at which it began, which is the version of all that it saved."""
        return str(self.manifest["run"]["run_id"])

    @property
    def versions(self) -> dict[str, str]:
        """Version of each dataset that belongs to the run: what it wrote, and what it read from earlier runs."""
        return {**self.gathered, **_own(self.manifest)}


def _own(manifest: Mapping[str, Any]) -> dict[str, str]:
    return {**manifest.get("datasets_read", {}), **manifest.get("datasets_written", {})}


def _gathered(manifest: Mapping[str, Any], manifests: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """What lies behind the ``{variant}.results`` that a run read: another run gathered them from its own datasets."""
    found: dict[str, str] = {}
    for name, version in _own(manifest).items():
        variant, _, kind = name.rpartition(".")
        if kind == "results" and version != manifest["run"]["run_id"] and version in manifests:
            found |= {key: one for key, one in _own(manifests[version]).items() if key.startswith(f"{variant}.")}
    return found


def find_runs(names: Sequence[str], results: Path) -> list[Run]:
    """Find the runs that are to be compared.

    Args:
        names: of each run: its version or the beginning of one, ``last``, ``previous``, another folder of results
            (its last run), or ``FOLDER@NAME``.
        results: folder of results where names without a folder are looked up.

    Returns:
        The runs in the order of their names.

    Raises:
        BadParameterError: fewer than two runs, one of them twice, or a name that is none.
        BadInputError: a folder without any run.
    """
    if len(names) < 2:
        raise BadParameterError(
            f"Parameter comparison.runs: expected two runs or more joined by +, such as previous+last; "
            f"found {'+'.join(names) or 'nothing'!r}."
        )
    known: dict[Path, dict[str, dict[str, Any]]] = {}
    found = []
    for name in names:
        folder, word = _place(name, results)
        if folder not in known:
            known[folder] = _manifests(folder)
        found.append((folder, _chosen(word, known[folder], folder, name)))
    several = len(known) > 1
    runs = [
        Run(
            f"{_short(folder)}@{version}" if several else version,
            folder,
            known[folder][version],
            _gathered(known[folder][version], known[folder]),
        )
        for folder, version in found
    ]
    for run in runs:
        if sum(other.name == run.name for other in runs) > 1:
            raise BadParameterError(
                f"Parameter comparison.runs: {'+'.join(names)} names the run {run.name} twice; "
                f"{_told(known[run.folder], run.folder)}"
            )
    return runs


def _place(name: str, results: Path) -> tuple[Path, str]:
    """The folder that a name means, and the name of the run in it."""
    folder, at, word = name.rpartition("@")
    if at:
        return Path(folder), word or "last"
    path = Path(name)
    return (path, "last") if path.is_dir() and (path / MANIFESTS).is_dir() else (results, name)


def _manifests(folder: Path) -> dict[str, dict[str, Any]]:
    """Every manifest of a folder by its version, oldest first; comparisons are no runs to compare."""
    manifests = {}
    for path in sorted((folder / MANIFESTS).glob("*/run_manifest.json")):
        try:
            manifest = json.loads(path.read_text(encoding="utf-8"))
            usable = isinstance(manifest["run"]["run_id"], str)
        except (ValueError, KeyError, TypeError, OSError) as error:
            log.warning("%s is no manifest of a run (%s); it is left out.", path, error)
            continue
        if usable and manifest["run"].get("pipeline_names") != ["comparison"]:
            manifests[path.parent.name] = manifest
    if not manifests:
        raise BadInputError(
            f"{folder}: no run has left a manifest there ({MANIFESTS}/VERSION/run_manifest.json). Name a folder of "
            "results as comparison.runs=FOLDER@VERSION+..., or run a pipeline first."
        )
    return manifests


def _chosen(word: str, manifests: dict[str, dict[str, Any]], folder: Path, name: str) -> str:
    """The version that a name means among those of a folder."""
    if word in WORDS:
        complete = [version for version, manifest in manifests.items() if has_results(manifest)]
        if len(complete) < -WORDS[word]:
            raise BadParameterError(
                f"Parameter comparison.runs: {name} asks for the {word} run with results of models, and {folder} has "
                f"{len(complete)}; {_told(manifests, folder)}"
            )
        return complete[WORDS[word]]
    fitting = [version for version in manifests if version.startswith(word)]
    if len(fitting) == 1 or word in fitting:
        return word if word in fitting else fitting[0]
    if fitting:
        raise BadParameterError(
            f"Parameter comparison.runs: {name} is the beginning of {len(fitting)} runs ({', '.join(fitting[:6])}); "
            "write more of it."
        )
    near = get_close_matches(word, [*WORDS, *manifests], n=1)
    advice = f"did you mean {near[0]}? " if near else ""
    raise BadParameterError(
        f"Parameter comparison.runs: there is no run {name!r}; {advice}{_told(manifests, folder)} "
        "A run is named by its version, by last or previous, or by a folder of results."
    )


def has_results(manifest: dict[str, Any]) -> bool:
    """Whether a run ended well and made results of models."""
    kinds = {name.rpartition(".")[2] for name in manifest.get("datasets_written", {})}
    return manifest.get("outcome") == "finished" and not kinds.isdisjoint(RESULTS)


def _told(manifests: dict[str, dict[str, Any]], folder: Path) -> str:
    newest = list(manifests)[-6:]
    more = f" and {len(manifests) - 6} older" if len(manifests) > 6 else ""
    return f"runs of {folder} are {', '.join(newest)}{more}."


def _short(folder: Path) -> str:
    """A folder as a person would write it from here."""
    near = os.path.relpath(folder)
    return near if not near.startswith("..") else str(folder)
