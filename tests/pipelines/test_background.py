from __future__ import annotations

from looks_kedro.pipelines.background.nodes import matte_file


def test_faces_that_differ_by_their_suffix_alone_have_mattes_of_their_own():
    files = ["celebrities/ada/1.jpg", "celebrities/ada/1.jpeg", "celebrities/ada/1.png.jpg"]
    assert len({matte_file(file) for file in files}) == 3
    assert all(matte_file(file).endswith(".png") for file in files)
