"""What a run was: enough to tell two runs apart, and to repeat one."""

from __future__ import annotations

import csv
import hashlib
import json
import platform
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = (
    "looks_kedro",
    "kedro",
    "kedro-datasets",
    "torch",
    "torchvision",
    "lightning-fabric",
    "numpy",
    "pandas",
    "pillow",
    "opencv-python-headless",
    "facenet-pytorch",
    "rembg",
    "scikit-learn",
    "pandera",
)
"""Packages whose versions can change a result."""

DATA = (
    *("raw_celebrities", "raw_ordinary", "people", "faces", "face_table", "corrections", "labels", "label_corrections"),
    *("mattes", "matte_quality", "split_table", "model_input", "fairface_model", "model"),
)
"""Datasets, or last parts of their names, that tell what the models learned from and what they are."""


def run_manifest(project: Path, run: dict[str, Any], parameters: dict[str, Any], outcome: str) -> dict[str, Any]:
    """Describe a run by its code, parameters and machine.

    Args:
        project: the project's folder.
        run: what was asked for: id, environment, pipelines.
        parameters: the parameters of the run, models included.
        outcome: ``finished``, or the error.

    Returns:
        A mapping that JSON can hold.
    """
    return {
        "run": run,
        "outcome": outcome,
        "code": git_state(project),
        "parameters": plain_parameters(parameters),
        "packages": _versions(),
        "machine": {"python": sys.version.split()[0], "system": platform.platform(), "device": _device()},
    }


def with_nodes(
    earlier: Mapping[str, Any] | None, nodes: Mapping[str, Mapping[str, Any]], run_id: str
) -> dict[str, Any]:
    """The manifest of an earlier run, with the nodes that the present one has done so far in place of its own.

    Args:
        earlier: none where there is none.
        nodes: of the present run: ``seconds`` and ``peak_memory_mb`` by name.
        run_id: of the present run.

    Returns:
        A manifest each of whose nodes says its ``run``.
    """
    told = dict(earlier or {})
    before = told.get("run", {}).get("run_id")
    merged = {name: {**one, "run": one.get("run", before)} for name, one in told.get("nodes", {}).items()}
    return {**told, "nodes": merged | {name: {**one, "run": run_id} for name, one in nodes.items()}}


def plain_parameters(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as JSON can hold them, models of pydantic included."""
    plain: dict[str, Any] = json.loads(json.dumps(parameters, default=_plain))
    return plain


def complete_parameters(parameters: Mapping[str, Any], models: Mapping[str, Any]) -> dict[str, Any]:
    """Every parameter with its default, also of groups that a run did not read and Kedro left as they were written.

    Without that, two runs of different pipelines would seem to differ in what neither of them changed.

    Args:
        parameters: those of the run, some of them models of pydantic already.
        models: model of each group, by dotted name such as ``training`` or ``backbones.custom``.
    """
    whole = plain_parameters(parameters)
    for name, model in models.items():
        group, _, member = name.partition(".")
        given, place, key = parameters.get(group), whole, group
        if member:
            given, place, key = (given or {}).get(member), whole.get(group, {}), member
        # One that Kedro has made a model of is complete; some models take only what was written, not all fields.
        if isinstance(given, Mapping):
            place[key] = model.model_validate(given).model_dump(mode="json")
    return whole


def tells_data(name: str) -> bool:
    """Whether the content of a dataset tells one run's data or models from another's."""
    return name.rpartition(".")[2] in DATA


def content_hash(path: Path) -> str | None:
    """The sha256 of a dataset's content, wherever it lies.

    Args:
        path: a file, or a folder of images with its ``manifest.csv``, of which names and hashes count.

    Returns:
        64 hexadecimal digits, or None where there is nothing to read.
    """
    if path.is_file():
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    listed = path / "manifest.csv"
    if not listed.is_file():
        return None
    with listed.open(encoding="utf-8", newline="") as stream:
        rows = [[row["name"], row["sha256"]] for row in csv.DictReader(stream)]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def git_state(project: Path) -> dict[str, Any]:
    """Commit of the code, and whether files differ from it; both None outside a git repository."""
    commit = _git(project, "rev-parse", "HEAD")
    changes = _git(project, "status", "--porcelain", "--untracked-files=no")
    return {"commit": commit, "clean": None if changes is None else changes == ""}


def code_version() -> str | None:
    """Commit of the code that runs, with ``+changes`` where files differ from it; None outside a git repository."""
    state = git_state(Path(__file__).parent)
    commit = state["commit"]
    return commit if commit is None or state["clean"] else f"{commit}+changes"


def reset_peak_memory() -> None:
    """Start a new peak for ``peak_memory_mb``, where the system can (Linux); elsewhere the peak is the process's."""
    handle = Path("/proc/self/clear_refs")
    if handle.exists():
        try:
            handle.write_text("5")
        except OSError:  # a hardened container forbids it: the peak is then the process's own since its start
            return


def peak_memory_mb() -> float:
    """Largest resident memory of this process since the last reset, in MB; worker processes are not counted."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return round(int(line.split()[1]) / 1024, 1)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1024 * 1024 if sys.platform == "darwin" else 1024), 1)


def _git(project: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(["git", *words], cwd=project, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def _versions() -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    return found


def _device() -> str:
    # A run that trained nothing has no need to wait for torch.
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return str(torch.cuda.get_device_name(0))
    return platform.processor() or platform.machine()


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else str(value)
