"""What the parts of the page show, as plain rows: images along the way, groups, epochs, regions, channels, the run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from markupsafe import Markup

from looks_kedro.reporting.counts import CLASSES, SEEN
from looks_kedro.reporting.study import published_accuracy
from looks_kedro.reporting.words import Words
from looks_kedro.tables import AGES, GENDERS, RACES

__all__ = ["balance_rows", "epoch_rows", "funnel_rows", "last_epoch", "matrix_rows", "region_rows", "run_parts"]

Row = Mapping[str, Any]

_VALUES = {"gender": GENDERS, "race": RACES, "age": AGES}
_PLACES = {"background": "surround", "hair": "image", "neck": "surround"}


def funnel_rows(funnel: pd.DataFrame, split_table: pd.DataFrame, words: Words) -> dict[str, Any]:
    """The way of the images, a row a step or reason.

    Args:
        funnel: table ``funnel``.
        split_table: the images that the models see.
        words: of the language.

    Returns:
        ``rows`` of ``words, total, celebrities, ordinary``, ``most`` images at a step, and three counts in words.
    """
    wide = funnel.pivot_table(index=["step", "reason"], columns="class", values="count", sort=False, fill_value=0)
    rows: list[dict[str, Any]] = []
    for (step, reason), counts in zip(wide.index.to_list(), wide[list(CLASSES)].to_numpy(int).tolist(), strict=True):
        total = not reason
        told = words.named("step", str(step)) if total else words.named("reason", str(reason))
        rows.append({"words": told, "total": total, "step": step, **dict(zip(CLASSES, counts, strict=True))})
    tried, seen = (
        sum(row[name] for row in rows if row["total"] and row["step"] == step for name in CLASSES)
        for step in (rows[0]["step"], SEEN)
    )
    for part in ("train", "test"):
        own = split_table.loc[split_table["part"] == part, "looks"]
        inside = {name: int((own == looks).sum()) for name, looks in CLASSES.items()}
        rows.append({"words": words(f"step.of_them_{part}"), "total": True, "step": part, **inside})
    people = int(split_table.groupby("looks")["identity"].nunique().sum())
    most = max((row[name] for row in rows for name in CLASSES), default=1)
    return {"rows": rows, "most": most, "tried": tried, "seen": seen, "people": people}


def balance_rows(split_table: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """Photos of each class (copies aside) by gender, race and age, with their share of the class."""
    photos = split_table[split_table["file"] == split_table["parent"]]
    found: dict[str, list[dict[str, Any]]] = {}
    for attribute, values in _VALUES.items():
        rows = []
        for value in (*values, ""):
            own = photos[photos[attribute] == value]
            counts = {name: int((own["looks"] == looks).sum()) for name, looks in CLASSES.items()}
            if sum(counts.values()):
                shares = {
                    f"{name}_share": counts[name] / max(int((photos["looks"] == looks).sum()), 1)
                    for name, looks in CLASSES.items()
                }
                rows.append({"value": value or "unknown", **counts, **shares})
        found[attribute] = rows
    return found


def epoch_rows(study: pd.DataFrame, variant: str, backbone: str) -> tuple[int | None, list[dict[str, Any]]]:
    """A model's accuracies by epoch in percent, ours and the study's, and the number of the study's table.

    The study's epochs stand there also where ours were fewer; missing numbers are None.
    """
    own = study[(study["variant"] == variant) & (study["backbone"] == backbone)].set_index("epoch")
    theirs = published_accuracy()
    theirs = theirs[(theirs["variant"] == variant) & (theirs["backbone"] == backbone)].set_index("epoch")
    table = int(theirs["table"].iloc[0]) if len(theirs) else None
    rows = [
        {
            "epoch": int(epoch),
            "train": _at(own, epoch, "train_accuracy_percent"),
            "test": _at(own, epoch, "test_accuracy_percent"),
            "published_train": _at(theirs, epoch, "train_accuracy_percent"),
            "published_test": _at(theirs, epoch, "test_accuracy_percent"),
        }
        for epoch in sorted({*own.index, *theirs.index})
    ]
    return table, rows


def last_epoch(epochs: Sequence[Row]) -> dict[str, Any]:
    """The last epoch that was trained, ours beside the study's own last."""
    ours = [row for row in epochs if row["test"] is not None]
    theirs = [row for row in epochs if row["published_test"] is not None]
    return {
        "epochs": len(ours),
        "train": ours[-1]["train"] if ours else None,
        "test": ours[-1]["test"] if ours else None,
        "published_train": theirs[-1]["published_train"] if theirs else None,
        "published_test": theirs[-1]["published_test"] if theirs else None,
    }


def region_rows(regions: Sequence[Row]) -> list[dict[str, Any]]:
    """Rows of table ``region_attention`` for all images, with the ratio of each class beside."""
    ratios = {(row["region"], row["class"]): row["ratio"] for row in regions}
    rows = []
    for row in regions:
        if row["class"] != "all":
            continue
        low, high = row["ratio_low"], row["ratio_high"]
        apart = low is not None and (low > 1 or high < 1)
        place = next((kind for start, kind in _PLACES.items() if row["region"].startswith(start)), "face")
        by_class = {name: ratios.get((row["region"], name)) for name in CLASSES}
        rows.append({**row, **by_class, "apart": apart, "place": place})
    return rows


def marked(row: Row, delta: float) -> dict[str, Any]:
    """A row of table ``reliance`` with what its picture shows: the line that decides, and the control's tick."""
    marks = [{"value": 0.0, "kind": "zero"}, {"value": delta, "kind": "delta"}]
    if row["control"] is not None:
        marks.append({"value": row["control"], "kind": "control"})
    return {**row, "above": bool(row["defined"] and row["low"] > delta), "marks": marks}


def matrix_rows(tables: Mapping[str, Sequence[Row]]) -> dict[str, dict[str, dict[str, Row]]]:
    """Kind of channel to channel to model to its row, in the order of the channels."""
    kinds: dict[str, dict[str, dict[str, Row]]] = {}
    for backbone, rows in tables.items():
        for row in rows:
            kinds.setdefault(row["kind"], {}).setdefault(row["channel"], {})[backbone] = row
    return kinds


def run_parts(manifest: Mapping[str, Any] | None, now: Mapping[str, Any], words: Words) -> list[dict[str, Any]]:
    """Where the page comes from, as tables: code and machine, packages, parameters, and what each node took.

    Args:
        manifest: with the seconds and memory of nodes; a node that does not say its ``run`` is of the manifest's own.
        now: ``code, packages, machine, parameters`` of this run.
        words: of the language.
    """
    commit = now["code"]["commit"] or words("run.no_git")
    clean = {None: words("run.unknown"), True: words("number.yes"), False: words("number.no")}[now["code"]["clean"]]
    about = [
        (words("run.commit"), commit),
        (words("run.clean"), clean),
        *((words.named("machine", name), value) for name, value in now["machine"].items()),
        *((words("run.seed", of=name), value) for name, value in _seeds(now["parameters"])),
    ]
    name, value = words("column.name"), words("column.value")
    parts = [
        _part(words("run.about"), (name, value), about),
        _part(words("run.packages"), (words("column.package"), words("column.version")), now["packages"].items()),
        _part(words("run.parameters"), (name, value), _leaves(now["parameters"])),
    ]
    if manifest and manifest.get("nodes"):
        whole = manifest.get("run", {}).get("run_id") or "?"
        nodes = [
            (name, f"{one['seconds']:.2f}", f"{one['peak_memory_mb']:.0f}", one.get("run") or whole)
            for name, one in manifest["nodes"].items()
        ]
        heads = (words("column.node"), words("column.seconds"), words("column.memory"), words("column.run"))
        part = _part(words("run.nodes"), heads, nodes, numbers=(1, 2))
        parts.append({**part, "note": words("run.nodes_of")})
    else:
        parts.append({**_part(words("run.nodes"), (), ()), "note": words("run.nodes_absent")})
    return parts


def _part(title: Markup, columns: Sequence[Any], rows: Any, numbers: tuple[int, ...] = ()) -> dict[str, Any]:
    shown = [["–" if value is None else value for value in row] for row in rows]
    return {
        "title": title,
        "columns": columns,
        "rows": shown,
        "numbers": numbers,
        "sortable": bool(numbers),
        "note": "",
    }


def _leaves(value: Any, path: str = "") -> list[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        return [leaf for key, inner in value.items() for leaf in _leaves(inner, f"{path}.{key}".lstrip("."))]
    return [(path, json.dumps(value, ensure_ascii=False))]


def _seeds(parameters: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(path, value) for path, value in _leaves(parameters) if path.rpartition(".")[2] == "seed"]


def _at(table: pd.DataFrame, epoch: int, column: str) -> float | None:
    if epoch not in table.index:
        return None
    value = float(table[column].astype(float).loc[epoch])
    return None if value != value else value
