"""A sheet of small pictures that shows at a glance what an image folder holds."""

from __future__ import annotations

import base64
import io

from PIL import Image, ImageDraw, ImageOps

from looks_kedro.datasets.images import ImageFolder

_PAPER = (255, 255, 255)


def contact_sheet(folder: ImageFolder, columns: int = 6, rows: int = 4, side: int = 96) -> Image.Image:
    """Thumbnails of images taken evenly from first to last.

    Args:
        folder: the images.
        columns: thumbnails a row.
        rows: most rows; fewer when there are fewer images.
        side: size of a thumbnail in pixels; images keep their shape within it.

    Returns:
        An RGB picture; images that cannot be read are crossed out, alpha is shown on a chequered ground.
    """
    count = min(columns * rows, len(folder))
    chosen = [folder.names[(2 * k + 1) * len(folder) // (2 * count)] for k in range(count)]
    columns = min(columns, count)
    gap = max(2, side // 24)
    size = (columns * (side + gap) + gap, -(-count // columns) * (side + gap) + gap)
    sheet = Image.new("RGB", size, _PAPER)
    for k, name in enumerate(chosen):
        corner = (gap + k % columns * (side + gap), gap + k // columns * (side + gap))
        sheet.paste(_thumbnail(folder, name, side), corner)
    return sheet


def as_base64(picture: Image.Image) -> str:
    """A picture as base64 text, which is how Kedro-Viz takes images."""
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=85)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def _thumbnail(folder: ImageFolder, name: str, side: int) -> Image.Image:
    ground = Image.new("RGB", (side, side), _PAPER)
    try:
        with Image.open(folder.path(name)) as picture:
            picture.draft("RGB", (side, side))
            small = ImageOps.contain(picture.convert("RGBA"), (side, side))
    except (OSError, ValueError, Image.DecompressionBombError):
        draw = ImageDraw.Draw(ground)
        draw.line([(0, 0), (side, side)], fill=(200, 60, 60), width=2)
        draw.line([(0, side), (side, 0)], fill=(200, 60, 60), width=2)
        return ground
    corner = ((side - small.width) // 2, (side - small.height) // 2)
    ground.paste(_chequered(small.size), corner)
    ground.paste(small, corner, small)
    return ground


def _chequered(size: tuple[int, int], square: int = 8) -> Image.Image:
    tiles = Image.new("L", (-(-size[0] // square), -(-size[1] // square)), 255)
    tiles.putdata([255 if (k % tiles.width + k // tiles.width) % 2 else 215 for k in range(tiles.width * tiles.height)])
    large = tiles.resize((tiles.width * square, tiles.height * square), Image.Resampling.NEAREST)
    return large.crop((0, 0, *size)).convert("RGB")
