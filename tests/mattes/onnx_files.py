"""The smallest networks of U-2-Net's input and output, written byte by byte (there is no need for the package onnx)."""

from __future__ import annotations

import struct
from collections.abc import Sequence

SIDE = 320
"""Side of the input of U-2-Net, px."""


def network(weights: Sequence[float], bias: float = 0.0) -> bytes:
    """An ONNX file: a convolution of 1 x 1 from three channels to one, and a sigmoid.

    Args:
        weights: of red, green and blue, which rembg normalises as ImageNet's.
        bias: added.
    """
    nodes = [_node("Conv", ["image", "weights", "bias"], "sum"), _node("Sigmoid", ["sum"], "mask")]
    tensors = [_tensor("weights", (1, 3, 1, 1), weights), _tensor("bias", (1,), [bias])]
    graph = b"".join(_field(1, node) for node in nodes) + _field(2, b"tiny")
    graph += b"".join(_field(5, tensor) for tensor in tensors)
    graph += _field(11, _value("image", (1, 3, SIDE, SIDE))) + _field(12, _value("mask", (1, 1, SIDE, SIDE)))
    return _number(1, 8) + _field(7, graph) + _field(8, _number(2, 13))


def _varint(value: int) -> bytes:
    parts = []
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _field(field: int, data: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _node(kind: str, inputs: Sequence[str], output: str) -> bytes:
    return b"".join(_field(1, name.encode()) for name in inputs) + _field(2, output.encode()) + _field(4, kind.encode())


def _tensor(name: str, shape: Sequence[int], values: Sequence[float]) -> bytes:
    sizes = b"".join(_number(1, size) for size in shape)
    return sizes + _number(2, 1) + _field(8, name.encode()) + _field(9, struct.pack(f"<{len(values)}f", *values))


def _value(name: str, shape: Sequence[int]) -> bytes:
    sizes = _field(2, b"".join(_field(1, _number(1, size)) for size in shape))
    return _field(1, name.encode()) + _field(2, _field(1, _number(1, 1) + sizes))
