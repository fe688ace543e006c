"""A report of two small models on two variants, with names from outside that would do harm if they could."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from looks_kedro.audit import CHANNELS
from looks_kedro.audit.regions import REGIONS
from looks_kedro.reporting import study_table
from looks_kedro.reporting.page import KnownStanding, Report, records
from looks_kedro.reporting.pictures import shot

HOSTILE = "x\"><script>alert(1)</script> 'y' {{ 7 * 7 }} \u202etxt.gpj"
CELLS = [(variant, backbone) for variant in ("original", "white") for backbone in ("resnet18", "custom")]
THRESHOLDS = {"no_signal": 0.55, "leak": 0.02, "delta": 0.1, "face": 0.5, "lowest_accuracy": 0.6}
HISTORY = pd.DataFrame({"epoch": [1, 2], "train_accuracy": [0.9, 0.95], "test_accuracy": [0.85, 0.9]})
NOW = {
    "code": {"commit": None, "clean": None},
    "packages": {"kedro": "1.7.0", "rembg": None},
    "machine": {"python": "3.11", "system": "Linux", "device": "x86_64"},
    "parameters": {"training": {"seed": 3, "epochs": 2}, "note": HOSTILE},
}

_random = np.random.default_rng(0)


def picture(side: int = 24, **told: Any) -> dict[str, Any]:
    """A picture that no other one equals."""
    plain = np.broadcast_to(_random.integers(0, 255, 3, dtype=np.uint8), (24, side, 3)).copy()
    plain[4:20, :16] = _random.integers(0, 255, (16, 16, 1), dtype=np.uint8)
    return shot(plain, None, **told)


def reliance_rows(**changes: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows of table ``reliance`` for every channel; some may be changed."""
    rows = []
    for number, channel in enumerate(CHANNELS.values()):
        value = {"reliance": 0.01 * number, "low": -0.05, "high": 0.08, "defined": True}
        row = {"channel": channel.name, "kind": channel.kind, "images": 40, "identities": 20, "note": ""}
        row |= {"balanced_accuracy": 0.9, "same": 0.9, "random": 0.89, "flip_rate": 0.02, "control": None}
        row |= {"pointwise_low": -0.03, "pointwise_high": 0.06, **value, **changes.get(channel.name, {})}
        rows.append(row)
    return rows


def verdict_of(finding: str, *channels: str, sentence: str = "A sentence.", **more: Any) -> dict[str, Any]:
    """A verdict as the audit saves it."""
    told = {"verdict": finding, "channels": list(channels), "sentence": sentence, "notes": ["A note."]}
    numbers = {"balanced_accuracy": 0.9, "low": 0.8, "high": 0.95, "images": 40, "identities": 20}
    return {**told, **numbers, "leak": None, "feature_leak": None, "thresholds": THRESHOLDS, **more}


def gathered() -> dict[str, Any]:
    """What is gathered of one variant, as ``collect_results`` gives it."""
    backbones = ("resnet18", "custom")
    relied = {"reliance": 0.9, "low": 0.7, "high": 1.1}
    interval = {"images": 20, "identities": 9, "celebrities": 10, "ordinary": 10}
    for name in ("accuracy", "balanced_accuracy", "auc"):
        interval |= {name: 0.9, f"{name}_low": 0.7, f"{name}_high": 0.97}
    unknown = dict.fromkeys(("accuracy_low", "accuracy_high", "balanced_accuracy", "auc"))
    groups = [
        {"attribute": "all", "value": "all", **interval},
        {"attribute": "race", "value": "Latino_Hispanic", **interval, **unknown},
    ]
    bins = [{"mean_probability": p, "celebrity_share": p, "share_low": None, "share_high": None} for p in (0.1, 0.9)]
    ratio = {"ratio": 1.2, "ratio_low": 1.1, "ratio_high": 1.3}
    regions = [
        {"region": region, "class": name, "share": 0.1, "area": 0.08, **ratio}
        for region in REGIONS
        for name in ("celebrities", "ordinary", "all")
    ]
    padding = {"class": "all", "images": 20, "identities": 9}
    for name in ("correlation", "right_minus_left", "staying"):
        padding |= {name: 0.4, f"{name}_low": 0.2, f"{name}_high": 0.6}
    paddings, errors = [padding], [{"calibration_error": 0.05}]
    sanity = [
        {"layer": layer, "images": 20, "correlation": -0.1, "low": -0.3, "high": 0.1} for layer in ("fc", "conv1")
    ]
    told = {"file": HOSTILE, "identity": HOSTILE}
    sheet = {"wrong": [picture(**told, probability=0.2, correct=False)]}
    sheet |= {"near the average": [picture(**told, probability=0.9, correct=True)]}
    return {
        "performance": dict.fromkeys(backbones, groups),
        "calibration": dict.fromkeys(backbones, bins),
        "calibration_summary": dict.fromkeys(backbones, errors),
        "regions": dict.fromkeys(backbones, regions),
        "padding": dict.fromkeys(backbones, paddings),
        "sanity": dict.fromkeys(backbones, sanity),
        "reliance": {
            "resnet18": reliance_rows(background=relied, surround=relied, eyes={"control": 0.0}),
            "custom": reliance_rows(face={"defined": False, "reliance": None, "low": None, "high": None}),
        },
        "verdicts": {
            "resnet18": verdict_of("SHORTCUT", "background", "surround"),
            "custom": verdict_of("CANNOT TELL", "face"),
        },
        "identified": False,
        "apart": True,
        "known": 0,
        "tested": 40,
        "tables": {"companions": None, "controls": None, "repair": None},
        "examples": {name: [picture(**told)] for name in ("celebrities", "ordinary")},
        "averages": {one: {name: picture(top="0.5") for name in ("celebrities", "ordinary")} for one in backbones},
        "sheets": {one: {"celebrities": {key: list(rows) for key, rows in sheet.items()}} for one in backbones[:1]}
        | {"custom": {}},
        "group_maps": {one: {"gender": picture(600)} for one in backbones},
        "padding_figures": {one: picture(600) for one in backbones},
        "interventions": picture(600),
    }


def small_report(**changes: Any) -> Report:
    """The report, with what is asked for changed."""
    variants = {"original": gathered(), "white": gathered()}
    summary = pd.DataFrame(
        [
            {
                "variant": variant,
                "backbone": backbone,
                "balanced_accuracy": 0.94,
                "balanced_accuracy_low": 0.8,
                "balanced_accuracy_high": 0.98,
                "verdict": variants[variant]["verdicts"][backbone]["verdict"],
                "channels": "+".join(variants[variant]["verdicts"][backbone]["channels"]),
            }
            for variant, backbone in CELLS
        ]
    )
    step = {"celebrities": [9, -2, 7], "ordinary": [8, -1, 7]}
    steps = [("images found", ""), ("preprocessing", HOSTILE), ("images that the models see", "")]
    funnel = pd.DataFrame(
        [
            {"class": name, "step": where, "reason": why, "count": count}
            for name, counts in step.items()
            for (where, why), count in zip(steps, counts, strict=True)
        ]
    )
    split = pd.DataFrame(
        {
            "file": ["a", "b", "c", "d"],
            "parent": ["a", "a", "c", "d"],
            "part": ["train", "train", "test", "test"],
            "looks": [1, 1, 0, 1],
            "identity": ["p", "p", "q", "r"],
            "gender": ["Male", "Male", "Female", ""],
            "race": ["White", "White", "Black", ""],
            "age": ["20-29", "20-29", "more than 70", ""],
        }
    )
    report = Report(
        summary=summary,
        funnel=funnel,
        split_table=split,
        study=study_table(dict.fromkeys(CELLS, HISTORY)),
        variants=variants,
        style="difference",
        channels=list(CHANNELS),
        now=NOW,
        notes=[("note.no_leak", {}), ("note.people", {"celebrities": 2, "ordinary": 1})],
    )
    return replace(report, **changes)


def rich_report(language: str = "en") -> Report:
    """The report with everything that other pipelines may have made."""
    report = small_report(language=language)
    limits = {"low": 0.8, "high": 1.0}
    scores = pd.DataFrame(
        [
            {"method": "audit", "score": score, "hits": 9, "cases": 10, "value": 0.9, **limits, "goal": goal}
            for score, goal in (("shortcut found", 0.96), ("false alarm, visible mark", np.nan))
        ]
    )
    confusion = pd.DataFrame({"truth": ["SHORTCUT", "FACE"], "verdict": ["SHORTCUT", "SHORTCUT"], "cases": [9, 1]})
    cost = pd.DataFrame({"setting": ["none", "all"], "epochs": [2, 1], "batch_size": 32, "workers": 2, "minutes": 1.5})
    cost = cost.assign(train_loss=0.1, train_accuracy_percent=99.0, test_accuracy_percent=98.0)
    for name in ("minutes", "train_loss", "train_accuracy_percent", "test_accuracy_percent"):
        cost[f"published_{name}"] = [32.34, np.nan]
    companion = {"companion": "image properties", "input": "mean colour", "auc": 0.7, "flagged": True}
    companion |= {"note": "A note."}
    controls = pd.DataFrame({"backbone": "resnet18", "control": ["worst group: race", "face only"]})
    controls = controls.assign(images=[0, 26], balanced_accuracy=[np.nan, 0.6])
    repair = [{"backbone": "custom", "repair": "none"}]
    tables = {"companions": [companion], "controls": records(controls), "repair": repair}
    nodes = {"train": {"seconds": 1.25, "peak_memory_mb": 900.0}, "audit": {"seconds": 10.5, "peak_memory_mb": 90.0}}
    return replace(
        report,
        variants={**report.variants, "original": {**report.variants["original"], "tables": tables}},
        known=KnownStanding(scores, confusion, picture(600)),
        cost=cost,
        manifest={"run": {"run_id": "2026-01-01"}, "nodes": nodes},
    )
