"""Runs that are killed again and again end with the bytes of an undisturbed one, whatever the source."""

from __future__ import annotations

import csv
import io
import os
import random
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from bing_server import Bing
from web_server import WebServer
from wikimedia_server import Wikimedia, commons_file, item

from looks_kedro.portraits import PhotoSet, photo_set

pytestmark = pytest.mark.slow

PIPELINES = "acquisition,preprocessing,labeling"
KILLS = 5
LICENCE = {"LicenseShortName": "CC BY 4.0", "LicenseUrl": "https://creativecommons.org/licenses/by/4.0", "Artist": "E"}
PEOPLE = """identity,name,rank_list,birth_date,gender,race
ada,Ada Example,beautiful-2024,1990-05-17,Female,White
bo,Bo Beispiel,handsome-2024,1988-11,Male,
"""

PHOTOS = PhotoSet(seed=5, celebrities=2, photos_per_celebrity=5, ordinary=10, spoilt=True)


@pytest.fixture(scope="module")
def portraits() -> dict[int, list[bytes]]:
    """Drawn photos of each class, spoilt ones among them."""
    return {looks: [photo.content for photo in photo_set(PHOTOS, looks, processes=1)] for looks in (1, 0)}


def from_folders(portraits: dict[int, list[bytes]], folder: Path, server: WebServer) -> list[str]:
    for looks, name in ((1, "celebrities"), (0, "ordinary")):
        for number, content in enumerate(portraits[looks]):
            person = ("ada/" if number % 2 else "bo/") if looks else ""
            path = folder / name / f"{person}{number}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return [
        "celebrities.source=folder",
        f"celebrities.path={folder / 'celebrities'}",
        "ordinary.source=folder",
        f"ordinary.path={folder / 'ordinary'}",
    ]


def from_bing_and_parquet(portraits: dict[int, list[bytes]], folder: Path, server: WebServer) -> list[str]:
    bing = Bing(server)
    for number, content in enumerate(portraits[1]):
        server.routes[f"/photos/{number}.jpg"] = content
        bing.propose("Bo Beispiel" if number % 2 else "Ada Example", f"/photos/{number}.jpg")
    bing.propose("Ada Example", "/gone.jpg", "/page.jpg")
    server.routes["/page.jpg"] = "<html>not a picture</html>"
    rows = [
        {"image": {"bytes": content, "path": None}, "age": 3, "gender": 1, "race": 0, "service_test": True}
        for content in portraits[0]
    ]
    shard = folder / "0.25" / "train-00000-of-00001.parquet"
    shard.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows), shard, row_group_size=4)
    return [
        "celebrities.source=bing",
        f"bing.base_url={server.address('/images/async')}",
        "ordinary.source=huggingface",
        f"huggingface.path={folder}",
    ]


def from_commons_and_zip(portraits: dict[int, list[bytes]], folder: Path, server: WebServer) -> list[str]:
    wiki = Wikimedia(server)
    for person, key, name in (("Ada Example", "Q1", "Ada"), ("Bo Beispiel", "Q2", "Bo")):
        wiki.items[key] = item(person, category=person)
        wiki.categories[person] = [f"{name} {number}.jpg" for number in range(len(portraits[1]) // 2)]
        wiki.files |= {file: commons_file(**LICENCE) for file in wiki.categories[person]}
        for number, file in enumerate(wiki.categories[person]):
            content = portraits[1][2 * number + (name == "Bo")]
            server.routes[f"/upload/thumb/{file.replace(' ', '_')}/1280px-{file.replace(' ', '_')}"] = content
    wiki.files["Ada 0.jpg"] = commons_file()
    folder.mkdir()
    labels = io.StringIO()
    table = csv.writer(labels)
    table.writerow(["file", "age", "gender", "race", "service_test"])
    with zipfile.ZipFile(folder / "fairface-img-margin025-trainval.zip", "w") as archive:
        for number, content in enumerate(portraits[0]):
            archive.writestr(f"train/{number}.jpg", content)
            table.writerow([f"train/{number}.jpg", "03-Sep", "Male", "Black", "True"])
    (folder / "fairface_label_train.csv").write_text(labels.getvalue())
    return [
        "celebrities.source=commons",
        f"commons.wikidata_url={wiki.wikidata_url}",
        f"commons.commons_url={wiki.commons_url}",
        "ordinary.source=folder",
        f"ordinary.path={folder}",
    ]


class Study:
    """A project in a folder, and the command that runs its first three pipelines."""

    def __init__(self, folder: Path, params: list[str]) -> None:
        self.folder = folder
        given = [f"acquisition.{word}" for word in params]
        given += ["acquisition.web.allow_loopback=true", "acquisition.web.delay=0.02", "preprocessing.processes=2"]
        given += ["acquisition.web.contact=test@example.org", "acquisition.web.retries=0"]
        words = ["run", "--env", "test", "--pipelines", PIPELINES, "--params", ",".join(given)]
        self.command = [sys.executable, "-m", "kedro", *words]
        people = folder / "data" / "test" / "01_raw" / "people.csv"
        people.parent.mkdir(parents=True)
        people.write_text(PEOPLE)

    def start(self) -> subprocess.Popen[str]:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
        pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(self.command, cwd=self.folder, env=environment, **pipes)

    def finish(self) -> float:
        began = time.monotonic()
        run = self.start()
        _, told = run.communicate(timeout=400)
        assert run.returncode == 0, told
        return time.monotonic() - began

    def kill_after(self, seconds: float) -> bool:
        """Whether the run was still going, and so was killed."""
        run = self.start()
        try:
            run.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            run.send_signal(signal.SIGKILL)
        assert run.stderr is not None
        run.stderr.close()
        return run.wait() == -signal.SIGKILL

    def results(self) -> dict[str, bytes]:
        """The files of the newest version of each dataset, by their place, without the time of a download."""
        found = {}
        for versions in sorted((self.folder / "data" / "test").glob("0[123]_*/*")):
            whole = sorted(path for path in versions.glob("20*") if path.is_dir()) if versions.is_dir() else []
            for file in sorted(whole[-1].rglob("*")) if whole else []:
                if file.is_file():
                    found[f"{versions.name}/{file.relative_to(whole[-1])}"] = file.read_bytes()
        log = "acquisition_log.csv/acquisition_log.csv"
        rows = list(csv.DictReader(io.StringIO(found[log].decode())))
        found[log] = repr([{name: cell for name, cell in row.items() if name != "time"} for row in rows]).encode()
        return found

    def leftovers(self) -> list[Path]:
        return [
            path
            for path in (self.folder / "data" / "test").rglob("*")
            if ".staging" in path.name or path.suffix == ".part"
        ]


@pytest.mark.parametrize("source", [from_folders, from_bing_and_parquet, from_commons_and_zip])
def test_a_run_killed_five_times_ends_with_the_same_bytes(
    source: Callable[[dict[int, list[bytes]], Path, WebServer], list[str]],
    portraits: dict[int, list[bytes]],
    tmp_path: Path,
    new_project: Callable[[Path], Path],
) -> None:
    with WebServer() as server:
        params = source(portraits, tmp_path / "source", server)
        undisturbed, killed = (Study(new_project(tmp_path / name), params) for name in ("undisturbed", "killed"))
        seconds = undisturbed.finish()
        moments = random.Random(source.__name__)
        kills, pace = 0, seconds
        for _ in range(4 * KILLS):
            began = time.monotonic()
            if killed.kill_after(moments.uniform(0.15, 0.8) * pace):
                kills += 1
            else:  # it had less to do than the first, thanks to what the killed ones had done
                pace = time.monotonic() - began
            if kills == KILLS:
                break
        assert kills == KILLS
        killed.finish()
        expected, found = undisturbed.results(), killed.results()
        assert found.keys() == expected.keys()
        assert [name for name in expected if found[name] != expected[name]] == []
        assert not killed.leftovers()
        # Nothing that was fetched before is fetched again by another run.
        asked = len(server.requests)
        again = killed.finish()
        assert len(server.requests) == asked
        assert killed.results() == expected
        assert again < seconds
    names = {name.split("/")[0] for name in expected}
    assert names == {"raw_celebrities", "raw_ordinary", "acquisition_log.csv", "source_labels.csv", "attributions.csv",
                     "ATTRIBUTIONS.md", "label_rejections.csv", "faces", "face_table.csv", "rejections.csv",
                     "decisions.csv", "review.html", "labels.csv"}  # fmt: skip
    assert any(name.startswith("faces/faces/celebrities") for name in expected)
