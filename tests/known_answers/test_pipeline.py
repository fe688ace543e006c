from pathlib import Path

import pandas as pd
import pytest

from looks_kedro.audit.settings import Rules
from looks_kedro.datasets import TableDataset
from looks_kedro.errors import BadInputError
from looks_kedro.intervals import Interval
from looks_kedro.known_answers import run_cases
from looks_kedro.known_answers.auditing import audited
from looks_kedro.known_answers.cases import cases_of
from looks_kedro.known_answers.judging import Judgement, written
from looks_kedro.known_answers.settings import CaseSizes, KnownAnswers
from looks_kedro.pipelines.known_answers import create_pipeline
from looks_kedro.pipelines.known_answers.nodes import score_cases, try_cases


def test_the_pipeline_goes_from_its_parameters_to_tables_and_a_figure() -> None:
    pipeline = create_pipeline()
    assert pipeline.inputs() == {"params:known_answers", "known_case_files"}
    assert pipeline.outputs() == {
        "known_cases",
        "known_scores",
        "known_confusion",
        "known_wrong",
        "known_answers_figure",
    }


def test_records_of_the_tenth_become_tables_with_one_row_a_case(tmp_path: Path) -> None:
    columns = ["channel", "kind", "reliance", "low", "high", "defined"]
    table = pd.DataFrame(
        [("face", "face", 0.9, 0.8, 1.0, True), ("surround", "surround", 0.0, -0.05, 0.05, True)], columns=columns
    ).assign(note="", control=float("nan"))
    said = Judgement("", (), table, Interval(0.95, 0.9, 0.99)).by_rules(Rules())
    assert said.verdict == "FACE"
    records = [
        {
            "case": case.name,
            "accuracy": 0.95,
            "flips": {name.rpartition("_")[0]: 1.0 for name in case.name.split("-")[1].split("+") if case.plants},
            "judgement": written(said),
            "baselines": {"heatmap": 0.2, "cleanlab": None, "properties": 0.1},
            "seconds": dict.fromkeys(("drawing", "training", "key", "judge", "baselines"), 1.0),
        }
        for case in cases_of("tenth")
    ]
    cases, scores, confusion, wrong, figure = score_cases(records)
    assert cases["case"].tolist() == [record["case"] for record in records]
    audit = scores[scores["method"] == "audit"].set_index("score")
    assert audit.loc["shortcut found", "value"] == 0
    assert confusion["verdict"].unique().tolist() == ["FACE"]
    assert set(wrong["case"]) == set(
        cases[cases["truth"].isin(["SHORTCUT", "NO SIGNAL", "LEAKAGE", "CANNOT TELL"])]["case"]
    )
    assert figure.get_axes()
    saved = {"known_cases": cases, "known_scores": scores, "known_confusion": confusion, "known_cases again": wrong}
    for name, made in saved.items():
        place = str(tmp_path / f"{name}.csv")
        dataset = TableDataset(filepath=place, schema=name.removesuffix(" again"))
        dataset.save(made)
        assert dataset.load()["case" if "cases" in name else made.columns[0]].tolist() == made.iloc[:, 0].tolist()


def test_what_is_done_of_an_unfinished_grid_is_scored_and_nothing_else_is_tried(tmp_path: Path) -> None:
    sizes = CaseSizes(image_size=32, train_people=4, test_people=4, null_people=2, photos=2, epochs=1)
    asked = KnownAnswers(cases="done", sizes=sizes)
    with pytest.raises(BadInputError, match="found none"):
        try_cases(asked, tmp_path)
    (record,) = run_cases(cases_of("handful")[:1], sizes, tmp_path, audited, processes=1)
    assert try_cases(asked, tmp_path) == [record]
    assert [path.name for path in tmp_path.iterdir()] == [f"{record['case']}.json"]
    other = sizes.model_copy(update={"epochs": 2})
    with pytest.raises(BadInputError, match="found none"):
        try_cases(asked.model_copy(update={"sizes": other}), tmp_path)
