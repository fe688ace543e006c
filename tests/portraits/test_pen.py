import numpy as np
import pytest

from looks_kedro.portraits import draw_identity
from looks_kedro.portraits.brush import Canvas
from looks_kedro.portraits.moment import draw_moment
from looks_kedro.portraits.pen import Pen
from looks_kedro.portraits.sitter import Sitter

WIDTH, DARK = 0.02, (20.0, 30.0, 40.0)


@pytest.fixture
def sitter() -> Sitter:
    return Sitter(draw_identity(3), draw_moment(8), 0.0, {}, 8)


def drawn_with(pen_scale: float, canvas_scale: float, sitter: Sitter) -> np.ndarray:
    """A grey picture after a thin line and two thin strokes were collected at one scale and drawn at another."""
    matrix = np.array([[canvas_scale, 0.0, 64.0], [0.0, canvas_scale, 64.0]])
    canvas, pen = Canvas(np.full((3, 128, 128), 128.0, np.float32), matrix), Pen(pen_scale)
    across, down = np.array([[-0.4, 0.0], [0.4, 0.1]]), np.array([[0.0, -0.3], [0.1, 0.3]])
    pen.line(across, DARK, WIDTH)
    pen.strokes([across, down], DARK, WIDTH)
    pen.draw(canvas, sitter.face)
    return canvas.planes


def test_lines_that_are_not_collected_would_not_have_been_drawn(sitter: Sitter) -> None:
    for scale in (5.0, 12.0, 16.0, 17.0, 20.0, 40.0):
        collected_all = drawn_with(1000.0, scale, sitter)
        assert np.array_equal(drawn_with(scale, scale, sitter), collected_all)
        assert (collected_all != 128).any() == (scale >= 17), "the line fades below a third of a pixel"
