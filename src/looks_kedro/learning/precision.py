"""What the processor can do, and Lightning Fabric set up for it: device, precision, memory format, compiler."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Literal

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments.lightning import LightningEnvironment

from looks_kedro.errors import BadParameterError, LooksError
from looks_kedro.learning.data import choose_device
from looks_kedro.learning.settings import Training

__all__ = ["CompilerError", "choose_precision", "has_bf16", "make_fabric", "memory_format", "require_compiler"]

# Fabric announces seeds, devices and ranks in every process; nobody who trains a network needs them.
logging.getLogger("lightning_fabric").setLevel(logging.WARNING)

CPU_FLAGS = Path("/proc/cpuinfo")
BF16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
"""x86's vector and matrix instructions, and ARM's."""

BF16_CAPABILITY = (8, 0)
"""Ampere, the first GPUs with bf16."""

Precision = Literal["32-true", "bf16-mixed"]


class CompilerError(LooksError):
    """torch.compile cannot work here."""


@cache
def cpu_has_bf16(flags: Path = CPU_FLAGS) -> bool:
    """Whether the CPU multiplies in bf16: by the flags that Linux lists, else by what torch finds."""
    if flags.is_file():
        for line in flags.read_text(errors="replace").splitlines():
            key, _, words = line.partition(":")
            if key.strip() in {"flags", "Features"}:
                return not BF16_FLAGS.isdisjoint(words.split())
    queries = (getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))
    return any(bool(query()) for query in queries if query is not None)


def has_bf16(device: torch.device) -> bool:
    """Whether a device has instructions for bf16; without them it is slower than float32."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= BF16_CAPABILITY
    return device.type == "cpu" and cpu_has_bf16()


def choose_precision(settings: Training, device: torch.device) -> Precision:
    """Fabric's name of the precision: ``auto`` takes bf16 where the device has instructions for it.

    bf16-mixed means that weights and their optimiser stay in float32, and that convolutions and matrix products are
    computed in bf16 (autocast), as is what lies between them where that is safe.
    """
    if settings.precision == "auto":
        return "bf16-mixed" if has_bf16(device) else "32-true"
    return "bf16-mixed" if settings.precision == "bf16" else "32-true"


def memory_format(settings: Training) -> torch.memory_format:
    """Order of the numbers of images and weights: ``auto`` is channels-last, which convolutions are fastest in."""
    return torch.contiguous_format if settings.memory_format == "contiguous" else torch.channels_last


def make_fabric(settings: Training) -> Fabric:
    """Lightning Fabric for the device, the number of devices and the precision of the settings.

    Several devices are several processes that Fabric starts anew (``ddp_spawn``): with GPUs over NCCL, on the CPU over
    gloo.

    Raises:
        BadParameterError: there are fewer GPUs than ``settings.devices``, or no GPU where one is asked for.
    """
    device = choose_device(settings.device)
    if device.type == "cuda" and settings.devices > torch.cuda.device_count():
        raise BadParameterError(
            f"training.devices is {settings.devices}, but this machine has {torch.cuda.device_count()} GPU(s); "
            f"lower training.devices"
        )
    return Fabric(
        accelerator=device.type,
        devices=settings.devices,
        strategy="auto" if settings.devices == 1 else "ddp_spawn",
        precision=choose_precision(settings, device),
        # Our processes are our own: what a cluster's scheduler has set around us does not count.
        plugins=[LightningEnvironment()],
    )


@contextlib.contextmanager
def unchanged_environment() -> Iterator[None]:
    """Take back the variables (address and port of the processes) that Fabric leaves behind."""
    before = dict(os.environ)
    try:
        yield
    finally:
        for name in set(os.environ) - set(before):
            del os.environ[name]


def require_compiler(device: torch.device) -> None:
    """Refuse early what torch.compile would fail at in the first step.

    Raises:
        CompilerError: no C++ compiler for the CPU, or no Triton for the GPU.
    """
    remedy = "or set training.compile to false"
    if device.type == "cuda":
        from torch.utils._triton import has_triton

        if not has_triton():
            raise CompilerError(f"training.compile is true, but the package triton is missing; install it, {remedy}")
        return
    from torch._inductor.cpp_builder import get_cpp_compiler
    from torch._inductor.exc import InvalidCxxCompiler

    try:
        get_cpp_compiler()
    except InvalidCxxCompiler as error:
        raise CompilerError(
            f"training.compile is true, but no C++ compiler was found; install one (package g++ or clang), "
            f"name it in the variable CXX, {remedy}"
        ) from error
