import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from looks_kedro.errors import BadInputError, BadParameterError
from looks_kedro.parallel import ItemError, LostWorkerError, map_images


@dataclass
class Numbered:
    file: str
    number: int


class StubbornError(Exception):
    def __init__(self, one, two):
        super().__init__(one)


def square(item):
    time.sleep(0.002 * (item % 3))  # later items are often ready first
    return item * item


def filtered_noise(item):
    import torch

    generator = torch.Generator().manual_seed(item)
    picture = torch.rand(1, 3, 48, 48, generator=generator)
    kernel = torch.rand(8, 3, 5, 5, generator=generator)
    result = torch.nn.functional.conv2d(picture, kernel).numpy()
    return result.tobytes(), torch.get_num_threads(), os.environ.get("OMP_NUM_THREADS")


def make_state():
    return {"process": os.getpid(), "made": time.perf_counter_ns()}


def tell_state(state, item):
    time.sleep(0.01)
    return state["process"], state["made"], os.getpid(), item


def fail_on_seven(item):
    if item.number == 7:
        raise ValueError("seven is not wanted")
    return item.number


def refuse(item):
    raise BadInputError("the picture is of a cat")


def fail_stubbornly(item):
    raise StubbornError("first", "second")


def die(item):
    if item == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return item


def bad_setup():
    raise BadInputError("weights.pt is missing")


def use_state(state, item):
    return item


def threads(item):
    import torch

    return torch.get_num_threads()


def tell_process_and_wait(folder):
    (folder / str(os.getpid())).touch()
    time.sleep(120)


def interrupt_parent(item):
    if item == 3:
        os.kill(os.getppid(), signal.SIGINT)
        time.sleep(60)
    return item


@pytest.mark.parametrize("processes", [1, 2])
def test_results_come_in_the_order_of_the_items(processes):
    results = map_images(square, range(50), processes=processes, chunk_size=3)
    assert list(results) == [n * n for n in range(50)]


def test_one_and_two_processes_give_the_same_bytes_with_one_thread_each():
    here = list(map_images(filtered_noise, range(6), processes=1))
    there = list(map_images(filtered_noise, range(6), processes=2, chunk_size=2))
    assert [data for data, _, _ in here] == [data for data, _, _ in there]
    assert len({data for data, _, _ in here}) == 6
    assert {count for _, count, _ in here} == {1}
    assert {(count, variable) for _, count, variable in there} == {(1, "1")}


def test_the_state_is_made_once_a_process():
    rows = list(map_images(tell_state, range(24), setup=make_state, processes=2, chunk_size=2))
    assert all(maker == worker for maker, _, worker, _ in rows)
    assert os.getpid() not in {worker for _, _, worker, _ in rows}
    assert len({made for _, made, _, _ in rows}) == len({worker for _, _, worker, _ in rows}) <= 2


def test_in_one_process_the_state_is_made_once_in_the_caller():
    rows = list(map_images(tell_state, range(5), setup=make_state, processes=1))
    assert {worker for _, _, worker, _ in rows} == {os.getpid()}
    assert len({made for _, made, _, _ in rows}) == 1


@pytest.mark.parametrize("processes", [1, 2])
def test_an_exception_names_its_item_and_keeps_its_cause(processes):
    items = [Numbered(f"ada/{n}.jpg", n) for n in range(12)]
    results = map_images(fail_on_seven, items, processes=processes, chunk_size=4)
    assert [next(results) for _ in range(7)] == list(range(7))
    with pytest.raises(ItemError, match=r"ada/7\.jpg: ValueError: seven is not wanted") as caught:
        next(results)
    assert isinstance(caught.value.__cause__, ValueError)


@pytest.mark.parametrize("processes", [1, 2])
def test_a_message_for_the_user_stays_one_and_names_the_item(processes):
    with pytest.raises(BadInputError, match=r"0\.png: the picture is of a cat"):
        list(map_images(refuse, ["0.png", "1.png"], processes=processes, chunk_size=1))


def test_an_exception_that_cannot_be_sent_is_still_told():
    with pytest.raises(ItemError, match="StubbornError: first"):
        list(map_images(fail_stubbornly, range(4), processes=2, chunk_size=1))


def test_a_killed_worker_is_an_error_and_no_hang():
    with pytest.raises(LostWorkerError, match="fewer processes"):
        list(map_images(die, range(20), processes=2, chunk_size=1))


def test_a_failing_setup_is_told_as_it_is():
    with pytest.raises(BadInputError, match=r"weights\.pt is missing"):
        list(map_images(use_state, range(4), setup=bad_setup, processes=2, chunk_size=1))


def test_ctrl_c_ends_the_work_at_once():
    start = time.monotonic()
    # Tests that run in the background of a shell are started with Ctrl-C ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            list(map_images(interrupt_parent, range(20), processes=2, chunk_size=1))
    finally:
        signal.signal(signal.SIGINT, before)
    assert time.monotonic() - start < 30


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="looks at /proc")
def test_workers_end_when_their_parent_is_killed(tmp_path):
    script = tmp_path / "run.py"
    script.write_text(
        "import sys\n"
        "from pathlib import Path\n"
        "from looks_kedro.parallel import map_images\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from test_parallel import tell_process_and_wait\n"
        "if __name__ == '__main__':\n"
        f"    list(map_images(tell_process_and_wait, [Path({str(tmp_path)!r})] * 2, processes=2, chunk_size=1))\n"
    )
    parent = subprocess.Popen([sys.executable, str(script)])
    workers = wait_for(lambda: [int(one.name) for one in tmp_path.iterdir() if one.name.isdigit()], 2)
    parent.kill()
    parent.wait()
    assert wait_for(lambda: [one for one in workers if not is_running(one)], 2) == workers


def wait_for(look, count):
    end = time.monotonic() + 60
    while len(found := look()) < count and time.monotonic() < end:
        time.sleep(0.05)
    return found


def is_running(process):
    try:
        return "State:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except FileNotFoundError:
        return False


def test_only_a_few_chunks_are_taken_ahead():
    taken = []

    def source():
        for n in range(1000):
            taken.append(n)
            yield n

    results = map_images(square, source(), processes=2, chunk_size=5)
    assert next(results) == 0
    time.sleep(0.2)
    assert len(taken) <= 5 * 5
    results.close()


def test_the_callers_number_of_threads_is_restored():
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        results = map_images(threads, range(2), processes=1)
        assert next(results) == 1
        assert torch.get_num_threads() == 2
        assert list(results) == [1]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_no_items_give_no_results():
    assert list(map_images(square, [], processes=2)) == []
    assert list(map_images(square, iter(()), processes=2)) == []


def test_impossible_numbers_are_refused_before_any_work():
    with pytest.raises(BadParameterError, match="processes is 0"):
        map_images(square, [1], processes=0)


def test_a_description_changes_nothing_in_the_results():
    assert list(map_images(square, range(5), processes=1, description="Squaring")) == [0, 1, 4, 9, 16]
