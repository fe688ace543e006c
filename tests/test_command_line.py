"""What a user sees who gives the wrong thing: one message with a remedy, and nothing half-written."""

from __future__ import annotations

from pathlib import Path

import pytest

from looks_kedro.portraits import draw_identity, take_photo


def message(done) -> str:
    assert done.returncode != 0
    assert "Traceback" not in done.stdout + done.stderr
    told = " ".join(done.stderr.split("Error:", 1)[1].split())
    assert told
    return told


def new_versions(project: Path) -> list[Path]:
    """Datasets that a failed run left behind; its manifest is meant to stay."""
    files = [path for path in (project / "data").rglob("*") if path.is_file() and path.name != ".gitkeep"]
    return [path for path in files if path.name != "run_manifest.json"]


def test_a_plain_run_without_data_says_what_can_be_done(project, kedro):
    told = message(kedro(project, "run"))
    for way in ("--env demo", "--env folders", "acquisition.celebrities.path"):
        assert way in told
    assert not new_versions(project)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--params", "training.epoch=3"], "training.epoch is unknown; did you mean training.epochs?"),
        (["--params", "trainin.epochs=3"], "trainin is unknown; did you mean training?"),
        (["--params", "training.epochs=0"], "training.epochs: input should be greater than or equal to 1; found 0"),
        (["--params", "cells.backbones=resnet19"], "there is no backbone resnet19; did you mean resnet1"),
        (
            ["--params", "backbones.resnt18.start=imagenet"],
            "backbones.resnt18: no network of torchvision",
        ),
        (["--params", "backbones.resnet18.start=imagnet"], "backbones.resnet18.start: input should be 'fresh'"),
        (["--params", "training.early_stop=2"], "or early_stop to null."),
        (["--env", "dmo"], "Environments of this project: base, demo, folders, hyper, local, test"),
        (["--pipelines", "trainin"], "Did you mean one of these instead? training"),
        (["--params", "celebrities=x"], "celebrities means nothing in this environment; `--env folders`"),
        (["--pipelines", "labeling"], "There is no version of"),
    ],
)
def test_each_mistake_is_named_with_a_remedy(project, kedro, words, expected):
    assert expected in message(kedro(project, "run", *words))
    assert not new_versions(project)


@pytest.fixture(scope="module")
def portraits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two folders of drawn portraits: three celebrities of three photos, nine ordinary people."""
    root = tmp_path_factory.mktemp("portraits")
    for i in range(9):
        for folder, looks, identity in ((f"celebrities/p{i % 3}", 1, i % 3), ("ordinary", 0, 100 + i)):
            (root / folder).mkdir(parents=True, exist_ok=True)
            photo = take_photo(draw_identity(identity), seed=1000 * looks + i, looks=looks)
            (root / folder / f"{i}.jpg").write_bytes(photo.jpeg())
    (root / "empty").mkdir()
    (root / "no face").mkdir()
    (root / "no face" / "grey.jpg").write_bytes(_grey())
    (root / "no race.csv").write_text("file,age,gender\n0.jpg,20-29,Male\n")
    (root / "wrong age.csv").write_text("file,age,gender,race\n0.jpg,20-29,Male,White\n1.jpg,twenty,Male,White\n")
    return root


def _grey() -> bytes:
    from io import BytesIO

    from PIL import Image

    stream = BytesIO()
    Image.new("RGB", (400, 400), (128, 128, 128)).save(stream, "JPEG")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("celebrities", "labels", "expected"),
    [
        ("missing", None, ["missing", "no such folder"]),
        ("empty", None, ["empty"]),
        ("celebrities", "no race.csv", ["no race.csv", "race"]),
        ("celebrities", "wrong age.csv", ["wrong age.csv", "none of its 2 rows names an image"]),
    ],
)
def test_bad_folders_and_labels_are_named(project, kedro, portraits, celebrities, labels, expected):
    params = f"celebrities={portraits / celebrities},ordinary={portraits / 'ordinary'}"
    params += f",labels={portraits / labels}" if labels else ""
    told = message(kedro(project, "run", "--env", "folders", "--params", params))
    for words in expected:
        assert words in told
    assert not new_versions(project)


def test_a_cell_that_means_nothing_is_set_aside_by_row_and_column(project, kedro, portraits):
    params = f"celebrities={portraits / 'celebrities'},ordinary={portraits / 'ordinary'}"
    params += f",acquisition.ordinary.labels={portraits / 'wrong age.csv'}"
    done = kedro(project, "run", "--env", "folders", "--pipelines", "acquisition", "--params", params)
    assert done.returncode == 0, done.stderr
    (table,) = (project / "data/folders/01_raw/label_rejections.csv").glob("*/*.csv")
    rows = table.read_text().splitlines()
    assert len(rows) == 2
    assert rows[1].startswith("wrong age.csv,3,age,1.jpg,twenty,")


def test_a_folder_without_a_face_is_named_and_leaves_no_faces(project, kedro, portraits):
    params = f"celebrities={portraits / 'no face'},ordinary={portraits / 'ordinary'},preprocessing.processes=1"
    told = message(kedro(project, "run", "--env", "folders", "--params", params))
    assert "No face is left of celebrities" in told
    assert "no_face 1" in told
    assert not list((project / "data").rglob("02_intermediate/*/*/*"))


@pytest.mark.slow
def test_two_folders_run_to_a_report_in_a_study_of_their_own(project, kedro, portraits):
    params = (
        f"celebrities={portraits / 'celebrities'},ordinary={portraits / 'ordinary'},study=mine,"
        "cells.backbones=resnet18,"
        "cells.variants=original,training.epochs=1,training.image_size=64,training.batch_size=4,"
        "preprocessing.processes=1,background.processes=1,background.reject=never,background.method=grabcut,"
        "preprocessing.pose.max_yaw=80"
    )
    done = kedro(project, "run", "--env", "folders", "--params", params)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "original.resnet18  balanced accuracy" in done.stdout + done.stderr
    reports = list((project / "data/mine/08_reporting/report.html").glob("*/report.html"))
    assert len(reports) == 1
