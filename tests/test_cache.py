from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from looks_kedro.cache import Cached, ResultCache, fingerprint
from looks_kedro.errors import BadInputError
from looks_kedro.faces import Detection
from looks_kedro.parallel import ItemError, map_batches, map_images


@dataclass(frozen=True)
class Noted:
    """An item that leaves a mark each time it is worked on."""

    number: int
    marks: Path


def tripled(item: Noted) -> dict:
    with (item.marks / f"{item.number}").open("a") as file:
        file.write(f"{os.getpid()}\n")
    return {"number": 3 * item.number, "pair": (item.number, None)}


def tripled_together(items: list[Noted]) -> list[dict]:
    return [tripled(item) for item in items]


def two_results(items: list[Noted]) -> list[int]:
    return [1, 2]


def slowly(item: Noted) -> int:
    time.sleep(0.02)
    return tripled(item)["number"]


def fail_late(item: Noted) -> dict:
    if item.number == 30:
        raise ValueError("thirty")
    return tripled(item)


def cached(folder: Path, print_: str = "a") -> Cached:
    return Cached(ResultCache(folder / "cache" / "results.sqlite"), print_, lambda item: str(item.number))


def items(folder: Path, count: int = 40) -> list[Noted]:
    (folder / "marks").mkdir(exist_ok=True)
    return [Noted(number, folder / "marks") for number in range(count)]


def times_worked(folder: Path) -> dict[int, int]:
    return {int(path.name): len(path.read_text().splitlines()) for path in (folder / "marks").iterdir()}


@pytest.mark.parametrize("go", [partial(map_images, tripled), partial(map_batches, tripled_together, batch_size=7)])
@pytest.mark.parametrize("processes", [1, 2])
def test_known_results_are_not_computed_again_and_keep_their_order(tmp_path, processes, go):
    expected = [{"number": 3 * number, "pair": [number, None]} for number in range(40)]
    some = [item for item in items(tmp_path) if item.number % 3]
    first = list(go(some, processes=processes, cache=cached(tmp_path)))
    assert first == [row for row in expected if row["number"] % 9]
    whole = go(items(tmp_path), processes=processes, cache=cached(tmp_path))
    assert list(whole) == expected
    assert times_worked(tmp_path) == dict.fromkeys(range(40), 1)


def test_a_batch_function_must_give_a_result_for_each_item(tmp_path):
    with pytest.raises(ItemError, match="2 results for 3 items"):
        list(map_batches(two_results, items(tmp_path, 3), batch_size=3, processes=1))


def test_another_fingerprint_computes_anew(tmp_path):
    for print_ in ("a", "b", "a"):
        list(map_images(tripled, items(tmp_path), processes=1, cache=cached(tmp_path, print_)))
    assert set(times_worked(tmp_path).values()) == {2}


def test_no_process_is_started_when_all_is_known(tmp_path):
    list(map_images(tripled, items(tmp_path), processes=1, cache=cached(tmp_path)))
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    results = map_images(tripled, items(tmp_path), processes=2, cache=cached(tmp_path))
    before = children.read_text()
    next(results)
    assert children.read_text() == before
    assert len(list(results)) == 39


def test_what_was_done_before_an_error_is_kept(tmp_path):
    with pytest.raises(ItemError, match="30"):
        list(map_images(fail_late, items(tmp_path), processes=2, cache=cached(tmp_path)))
    list(map_images(tripled, items(tmp_path), processes=2, cache=cached(tmp_path)))
    assert all(times_worked(tmp_path)[number] == 1 for number in range(25))


def test_who_stops_listening_keeps_what_came(tmp_path):
    results = map_images(tripled, items(tmp_path), processes=1, cache=cached(tmp_path))
    for _ in range(10):
        next(results)
    results.close()
    list(map_images(tripled, items(tmp_path), processes=1, cache=cached(tmp_path)))
    assert set(times_worked(tmp_path).values()) == {1}


def test_a_killed_run_goes_on_where_it_was(tmp_path):
    items(tmp_path)
    code = f"""
import importlib.util, sys
from pathlib import Path
spec = importlib.util.spec_from_file_location("killed", {__file__!r})
module = importlib.util.module_from_spec(spec); sys.modules["killed"] = module; spec.loader.exec_module(module)
from looks_kedro.parallel import map_images
folder = Path({str(tmp_path)!r})
if __name__ == "__main__":
    print("begun", flush=True)
    list(map_images(module.slowly, module.items(folder, 150), processes=1, cache=module.cached(folder)))
"""
    moments = random.Random(3)
    for _ in range(3):
        run = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        assert run.stdout is not None
        assert run.stdout.readline() == "begun\n"
        time.sleep(moments.uniform(0.6, 1.2))
        run.send_signal(signal.SIGKILL)
        run.wait()
        run.stdout.close()
    assert 20 < len(times_worked(tmp_path)) < 150
    values = list(map_images(slowly, items(tmp_path, 150), processes=1, cache=cached(tmp_path)))
    assert values == [3 * number for number in range(150)]
    # At most the one that was being worked on is repeated in each kill.
    assert sum(times_worked(tmp_path).values()) <= 150 + 3


def test_a_burst_of_results_survives_a_kill_and_blocks_nobody(tmp_path):
    code = f"""
import time
from looks_kedro.cache import ResultCache
results = ResultCache({str(tmp_path / "results.sqlite")!r})
for number in range(16):
    results.keep(str(number), "there")
print("kept", flush=True)
time.sleep(60)
"""
    run = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None
    assert run.stdout.readline() == "kept\n"
    with ResultCache(tmp_path / "results.sqlite") as other:
        begun = time.monotonic()
        other.keep("other", "there")
        assert time.monotonic() - begun < 10
    run.send_signal(signal.SIGKILL)
    run.wait()
    run.stdout.close()
    assert len(ResultCache(tmp_path / "results.sqlite")) == 17


def test_a_file_that_another_process_does_not_let_go_of_is_told_with_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr("looks_kedro.cache.WAIT_SECONDS", 0.1)
    results = ResultCache(tmp_path / "results.sqlite")
    results.keep("key", "value")
    other = sqlite3.connect(tmp_path / "results.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(BadInputError, match=r"results\.sqlite: .*locked.*Wait for other runs"):
        results.keep("key", "another")
    assert results.known(["key"]) == {"key": "value"}
    other.execute("ROLLBACK")
    other.close()
    results.keep("key", "another")
    assert results.known(["key"]) == {"key": "another"}


def test_known_results_are_read_when_they_are_due_and_not_all_before(tmp_path, monkeypatch):
    known = cached(tmp_path)
    list(map_images(tripled, items(tmp_path, 700), processes=1, cache=known))
    read = []
    look_up = ResultCache.known

    def noted(self, keys):
        read.extend(keys)
        return look_up(self, keys)

    monkeypatch.setattr(ResultCache, "known", noted)
    results = map_images(tripled, items(tmp_path, 701), processes=1, cache=known)
    assert next(results)["number"] == 0
    assert len(read) <= 256
    assert [row["number"] for row in results] == [3 * number for number in range(1, 701)]
    assert len(read) == 700


def test_several_threads_keep_and_find(tmp_path):
    results = ResultCache(tmp_path / "results.sqlite")

    def keep(start: int) -> None:
        for number in range(start, 400, 4):
            results.keep(str(number), str(-number))

    threads = [threading.Thread(target=keep, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results.close()
    assert results.known(map(str, range(1200))) == {str(number): str(-number) for number in range(400)}
    assert len(results) == 400


def test_a_file_that_is_no_cache_is_named_with_what_to_do(tmp_path):
    (tmp_path / "results.sqlite").write_text("not a database, but long enough to be looked at as one " * 30)
    with pytest.raises(BadInputError, match=r"results\.sqlite: .*Delete it"):
        ResultCache(tmp_path / "results.sqlite").known(["a"])


def test_the_file_on_disk_is_plain_sqlite(tmp_path):
    with ResultCache(tmp_path / "results.sqlite") as results:
        results.keep("key", "value")
    rows = sqlite3.connect(tmp_path / "results.sqlite").execute("SELECT * FROM results").fetchall()
    assert rows == [("key", "value")]


def test_a_fingerprint_depends_on_settings_code_packages_and_files(tmp_path):
    weights = tmp_path / "weights"
    weights.write_bytes(b"one")
    prints = {
        fingerprint(Detection()),
        fingerprint(Detection(padding=0.1)),
        fingerprint(Detection(), code=["looks_kedro.faces"]),
        fingerprint(Detection(), code=["looks_kedro.cache"]),
        fingerprint(Detection(), packages=["numpy"]),
        fingerprint(Detection(), files=[weights]),
    }
    assert len(prints) == 6
    weights.write_bytes(b"two")
    os.utime(weights, ns=(1, 1))
    assert fingerprint(Detection(), files=[weights]) not in prints
    assert fingerprint(Detection()) in prints


def test_a_module_that_does_not_exist_is_named():
    with pytest.raises(BadInputError, match=r"looks_kedro\.nothing"):
        fingerprint(code=["looks_kedro.nothing"])
