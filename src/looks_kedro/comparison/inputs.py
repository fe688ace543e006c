"""What went into each run: parameters, data, code, packages, machine."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from looks_kedro.comparison.runs import Run
from looks_kedro.manifest import tells_data

PARTS = ("parameter", "data", "code", "package", "machine")
"""Parts of the table, in its order."""


def runs_table(runs: Sequence[Run]) -> pd.DataFrame:
    """One row a run: what was asked for, how it ended, how long it took.

    Args:
        runs: in the order of the page.

    Returns:
        Table ``comparison_runs``.
    """
    rows = []
    for run in runs:
        asked, code, nodes = run.manifest["run"], run.manifest.get("code", {}), run.manifest.get("nodes", {})
        scope = [*(asked.get("pipeline_names") or []), *(asked.get("namespaces") or []), *(asked.get("tags") or [])]
        rows.append(
            {
                "run": run.name,
                "folder": str(run.folder),
                "version": run.version,
                "env": str(asked.get("env") or "base"),
                "pipelines": "+".join(map(str, scope)) or "__default__",
                "outcome": str(run.manifest.get("outcome") or "unknown"),
                "commit": str(code.get("commit") or ""),
                "changes": code.get("clean") is False,
                "nodes": len(nodes),
                "seconds": float(sum(one.get("seconds", 0.0) for one in nodes.values())),
            }
        )
    return pd.DataFrame(rows)


def input_table(runs: Sequence[Run]) -> pd.DataFrame:
    """What went into each run, and whether it was the same.

    Data are compared by their content (sha256) where every run that has them wrote that down, else by their version.

    Args:
        runs: two or more.

    Returns:
        Table ``comparison_parameters``: one row a thing and run; ``value`` is empty where a run does not have it.
    """
    facts = [_facts(run) for run in runs]
    names = sorted({key for one in facts for key in one}, key=lambda key: (PARTS.index(key[0]), key[1]))
    rows = []
    for part, name in names:
        values = [one.get((part, name), "") for one in facts]
        changed = len(set(_identities(runs, name) if part == "data" else values)) > 1
        rows += [
            {"part": part, "name": name, "run": run.name, "value": value, "changed": changed}
            for run, value in zip(runs, values, strict=True)
        ]
    return pd.DataFrame(rows, columns=["part", "name", "run", "value", "changed"])


def _facts(run: Run) -> dict[tuple[str, str], str]:
    manifest = run.manifest
    parameters = {name: value for name, value in manifest.get("parameters", {}).items() if name != "comparison"}
    facts = {("parameter", name): value for name, value in flat(parameters)}
    for name in (*run.versions, *manifest.get("contents", {})):
        if tells_data(name):
            content = _content(run, name)
            told = [run.versions.get(name, ""), f"sha256 {content[:12]}" if content else ""]
            facts["data", name] = ", ".join(filter(None, told))
    code = manifest.get("code", {})
    if code.get("commit"):
        facts["code", "commit"] = str(code["commit"])
        facts["code", "changes since the commit"] = {True: "none", False: "yes"}.get(code.get("clean"), "unknown")
    facts |= {("package", name): str(value or "") for name, value in manifest.get("packages", {}).items()}
    facts |= {("machine", name): str(value or "") for name, value in manifest.get("machine", {}).items()}
    return facts


def _identities(runs: Sequence[Run], name: str) -> list[str]:
    """What data are compared by, of the runs that have them: one that had no need to read them does not differ."""
    having = [run for run in runs if _content(run, name) or run.versions.get(name)]
    contents = [_content(run, name) for run in having]
    return contents if all(contents) else [version for run in having if (version := run.versions.get(name))]


def _content(run: Run, name: str) -> str:
    return str(run.manifest.get("contents", {}).get(name) or "")


def flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Dotted name and text of each leaf of nested mappings; lists of plain values are joined by +.

    Args:
        value: what JSON can hold.
        path: name so far.
    """
    if isinstance(value, Mapping) and (value or not path):
        for key, inner in value.items():
            yield from flat(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value and not any(isinstance(item, (list, Mapping)) for item in value):
        yield path, "+".join(_text(item) for item in value)
    else:
        yield path, _text(value)


def _text(value: Any) -> str:
    if isinstance(value, str) and value:
        return value
    # 10 and 10.0 are one number, written in a file and read by a model.
    whole = isinstance(value, float) and value.is_integer() and abs(value) < 1e15
    return json.dumps(int(value) if whole else value, ensure_ascii=False)
