"""Trying the cases, one file a case, so that a killed run goes on where it was."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from looks_kedro.known_answers.album import Album, make_album
from looks_kedro.known_answers.cases import Case, plant_name
from looks_kedro.known_answers.judging import Exhibit, Judge, written
from looks_kedro.known_answers.key import flip_rates
from looks_kedro.known_answers.settings import CaseSizes
from looks_kedro.parallel import map_images

__all__ = ["read_results", "run_cases", "try_case"]

log = logging.getLogger(__name__)

FORMAT = 2
"""Of the case files; files of another format are tried again."""

Record = dict[str, Any]


@dataclass(frozen=True)
class _Batch:
    """Cases that share their drawings, as they travel to a process."""

    cases: tuple[Case, ...]
    sizes: CaseSizes
    folder: Path
    judge: Judge | None


def run_cases(
    cases: Sequence[Case],
    sizes: CaseSizes,
    folder: Path,
    judge: Judge | None,
    processes: int | None = None,
) -> list[Record]:
    """Try cases, those apart that were tried before with the same sizes and the same judge.

    Args:
        cases: in the order of the result.
        sizes: of each case.
        folder: where each case's file is kept.
        judge: the audit; None leaves the verdicts out. It must be importable, because it travels to processes.
        processes: cases tried at a time, one thread each; None takes one for each usable core.

    Returns:
        One record a case.
    """
    folder.mkdir(parents=True, exist_ok=True)
    missing = [case for case in cases if _kept(case, sizes, folder, judge) is None]
    log.info("%d cases, %d of them tried before", len(cases), len(cases) - len(missing))
    batches = [_Batch(tuple(group), sizes, folder, judge) for _, group in groupby(missing, key=_drawings)]
    for _ in map_images(_try_batch, batches, processes=processes, description="known answers", chunk_size=1):
        pass
    return read_results(cases, sizes, folder, judge)


def read_results(cases: Sequence[Case], sizes: CaseSizes, folder: Path, judge: Judge | None) -> list[Record]:
    """The records of those cases that were tried."""
    kept = (_kept(case, sizes, folder, judge) for case in cases)
    return [record for record in kept if record is not None]


def _drawings(case: Case) -> tuple[Any, ...]:
    """What cases must have in common for their pictures to be the same."""
    strengths = [plant.strength for plant in case.plants if plant.channel == "identity"]
    return case.seed, case.structure, tuple(map(plant_name, case.plants)), tuple(strengths)


def _try_batch(batch: _Batch) -> int:
    album = make_album(batch.cases[0], batch.sizes)
    for case in batch.cases:
        record = try_case(case, album, batch.judge)
        path = _path(case, batch.folder)
        staged = path.with_suffix(f".{os.getpid()}.part")
        staged.write_text(json.dumps(record, indent=1, allow_nan=False), encoding="utf-8")
        staged.replace(path)
    return len(batch.cases)


def try_case(case: Case, album: Album, judge: Judge | None) -> Record:
    """Draw, train, ask the generator, and show the network to the judge and the baselines.

    Returns:
        What happened, as JSON knows it: the case, ``accuracy`` (balanced, 0..1), ``flips`` by plant, ``judgement``
        (null without a judge), ``baselines`` by name, and ``seconds`` by what took them.
    """
    # Torch is loaded here so that reading results needs none.
    from looks_kedro.known_answers.baselines import baseline_scores
    from looks_kedro.known_answers.networks import train_network

    seconds: dict[str, float] = {}
    part = album.tested(case)
    with _timed(seconds, "drawing"):
        train, test = (album.faces(one.shots, case.plants) for one in (album.train, part))
    with _timed(seconds, "training"):
        network = train_network(train.images, album.train.looks, case.backbone, album.sizes, case.seed)
    with _timed(seconds, "key"):
        flips = flip_rates(case, album, network.decide)
    exhibit = Exhibit(
        model=network,
        faces=test.images,
        landmarks=detected(test.landmarks, album.sizes.landmark_error, case.seed),
        labels=part.looks,
        identities=part.identities,
        known=np.isin(part.identities, album.train.identities),
        seed=case.seed,
    )
    with _timed(seconds, "judge"):
        judgement = judge(exhibit) if judge is not None else None
    with _timed(seconds, "baselines"):
        baselines = baseline_scores(exhibit, network.evidence, train.images, album.train.looks)
    right = network.decide(test.images) == part.looks
    return {
        "format": FORMAT,
        "sizes": album.sizes.model_dump(),
        "judge": _judge_name(judge),
        "case": case.name,
        "accuracy": float(np.mean([right[part.looks == looks].mean() for looks in (0, 1)])),
        "flips": flips,
        "judgement": None if judgement is None else written(judgement),
        "baselines": {name: value if np.isfinite(value) else None for name, value in baselines.items()},
        "seconds": {name: round(value, 2) for name, value in seconds.items()},
    }


def detected(landmarks: np.typing.NDArray[np.float64], error: float, seed: int) -> np.typing.NDArray[np.float64]:
    """True landmarks as a detector would find them: each coordinate off by a share of the eyes' distance."""
    eyes = np.linalg.norm(landmarks[:, 1] - landmarks[:, 0], axis=1)
    noise = np.random.default_rng([seed, 51]).standard_normal(landmarks.shape)
    found: np.typing.NDArray[np.float64] = landmarks + error * eyes[:, None, None] * noise
    return found


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - began


def _judge_name(judge: Judge | None) -> str:
    return "" if judge is None else f"{judge.__module__}.{getattr(judge, '__qualname__', type(judge).__name__)}"


def _path(case: Case, folder: Path) -> Path:
    return folder / f"{case.name}.json"


def _kept(case: Case, sizes: CaseSizes, folder: Path, judge: Judge | None) -> Record | None:
    """The record of a case, if it was tried with these sizes and this judge."""
    try:
        record: Mapping[str, Any] = json.loads(_path(case, folder).read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    wanted = {"format": FORMAT, "sizes": sizes.model_dump(), "judge": _judge_name(judge), "case": case.name}
    return dict(record) if all(record.get(name) == value for name, value in wanted.items()) else None
