import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from looks_kedro.audit.settings import Rules
from looks_kedro.intervals import balanced_accuracy_interval
from looks_kedro.known_answers.cases import Case, cases_of
from looks_kedro.known_answers.figure import known_answers_figure
from looks_kedro.known_answers.judging import Exhibit, Judgement
from looks_kedro.known_answers.running import detected, read_results, run_cases
from looks_kedro.known_answers.scoring import case_table, frozen_thresholds, read_tried, score_table
from looks_kedro.known_answers.settings import CaseSizes
from looks_kedro.portraits import Plant

SMALL = CaseSizes(image_size=32, train_people=4, test_people=4, null_people=2, photos=2, epochs=1)
LEARNT = CaseSizes(image_size=32, train_people=16, test_people=8, null_people=4, photos=4, epochs=6)


def says_no_signal(exhibit: Exhibit) -> Judgement:
    import pandas as pd

    right = exhibit.model(exhibit.faces).argmax(axis=1) == exhibit.labels
    accuracy = balanced_accuracy_interval(right, exhibit.labels, exhibit.identities)
    table = pd.DataFrame(
        [("face", "face", 0.1, 0.0, 0.2, True)], columns=["channel", "kind", "reliance", "low", "high", "defined"]
    )
    return Judgement("NO SIGNAL", (), table, accuracy)


def test_a_network_learns_a_strong_plant_and_the_key_sees_that_it_relies_on_it(tmp_path: Path) -> None:
    cases = [case for case in cases_of("handful") if case.kind == "outside"]
    (record,) = run_cases(cases, LEARNT, tmp_path, None, processes=1)
    assert record["accuracy"] > 0.9
    assert record["flips"]["right_patch"] > 0.8
    assert record["judgement"] is None
    assert set(record["baselines"]) == {"heatmap", "cleanlab", "properties"}


def test_cases_come_out_the_same_in_their_order_and_are_scored(tmp_path: Path) -> None:
    cases = cases_of("handful")[::2]
    records = run_cases(cases, SMALL, tmp_path / "one", says_no_signal, processes=1)
    again = run_cases(cases, SMALL, tmp_path / "two", says_no_signal, processes=1)
    assert [record["case"] for record in records] == [case.name for case in cases]
    for first, second in zip(records, again, strict=True):
        assert {**first, "seconds": 0} == {**second, "seconds": 0}
    tried = read_tried(cases, records)
    scores = score_table(tried, Rules(), frozen_thresholds(tried))
    table = case_table(tried, Rules())
    assert len(table) == len(cases)
    assert known_answers_figure(tried, scores).axes


def test_finished_cases_are_not_tried_again_unless_sizes_or_judge_change(tmp_path: Path) -> None:
    cases = cases_of("handful")[:1]
    run_cases(cases, SMALL, tmp_path, None, processes=1)
    (file,) = tmp_path.glob("*.json")
    marked = json.loads(file.read_text()) | {"accuracy": 0.123}
    file.write_text(json.dumps(marked))
    assert run_cases(cases, SMALL, tmp_path, None, processes=1)[0]["accuracy"] == 0.123
    assert read_results(cases, SMALL, tmp_path, says_no_signal) == []
    assert read_results(cases, LEARNT, tmp_path, None) == []
    file.write_text(file.read_text()[:40])
    assert run_cases(cases, SMALL, tmp_path, None, processes=1)[0]["accuracy"] != 0.123


SCRIPT = """
import sys
from pathlib import Path
from looks_kedro.known_answers import CaseSizes, cases_of, run_cases
sizes = CaseSizes(image_size=32, train_people=4, test_people=4, null_people=2, photos=2, epochs=1)
run_cases(cases_of("handful"), sizes, Path(sys.argv[1]), None, processes=1)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_killed_run_goes_on_with_the_case_that_it_was_killed_in(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(tmp_path)], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 240
    while not list(tmp_path.glob("*.json")) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    done = {file.name: file.stat().st_mtime_ns for file in tmp_path.glob("*.json")}
    assert done
    assert len(run_cases(cases_of("handful"), SMALL, tmp_path, None, processes=1)) == 3
    for name, when in done.items():
        assert (tmp_path / name).stat().st_mtime_ns == when


def test_detected_landmarks_are_off_by_a_share_of_the_eyes_distance() -> None:
    truth = np.tile(np.array([[20.0, 20], [40, 20], [30, 30], [24, 42], [36, 42]]), (400, 1, 1))
    off = detected(truth, 0.03, seed=1) - truth
    assert abs(off.std() - 0.6) < 0.05
    assert abs(off.mean()) < 0.05


def test_a_judge_sees_pictures_labels_identities_and_landmarks_and_no_plant(tmp_path: Path) -> None:
    fields = set(Exhibit.__dataclass_fields__)
    assert fields == {"model", "faces", "landmarks", "labels", "identities", "known", "seed"}
    case = Case("outside", (Plant(channel="border"),), "classes", 0, "compact")
    seen: list[Exhibit] = []

    def looks_closely(exhibit: Exhibit) -> Judgement:
        seen.append(exhibit)
        return says_no_signal(exhibit)

    run_cases([case], SMALL, tmp_path, looks_closely, processes=1)
    told = "".join(seen[0].identities.tolist())
    assert "border" not in told
    assert not seen[0].known.any()
