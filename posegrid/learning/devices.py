"""What a run computes on: this machine's CPU or a GPU, alone or as one of several processes.

Several processes train together by torch's own DistributedDataParallel, over gloo on CPUs and nccl
on GPUs. `torchrun` starts them, on one machine or many, or `--devices` does on this one.
"""

import ctypes
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, distributed, multiprocessing
from torch.multiprocessing.spawn import ProcessExitedException, spawn

from posegrid.errors import PosegridError, SettingsError
from posegrid.learning.training_settings import Accelerator

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3
"""Of glibc's malloc.h."""
Settings = TypeVar("Settings")


@dataclass(frozen=True)
class Devices:
    """This process's device, and its place among the processes that train together."""

    device: torch.device
    rank: int = 0
    count: int = 1
    """Processes on all machines, one device each."""
    local_count: int = 1
    """Processes on this machine."""

    @property
    def machine(self) -> int:
        """Number of this machine, on which processes follow each other."""
        return self.rank // self.local_count

    @property
    def local_rank(self) -> int:
        """This process's place among those of this machine."""
        return self.rank % self.local_count

    @property
    def is_first(self) -> bool:
        """Whether this process writes files and speaks for all."""
        return self.rank == 0

    def autocast(self) -> torch.autocast:
        """Within it a network computes in bfloat16 where that pays."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=bf16_pays(self.device))

    def summed(self, values: Tensor) -> Tensor:
        """The sum of all processes' values, on the CPU."""
        if self.count > 1:
            values = values.to(self.device, copy=True)
            distributed.all_reduce(values)
        return values.cpu()

    def wait(self) -> None:
        """Wait until all processes are here."""
        if self.count > 1:
            distributed.barrier()


def device_of(accelerator: Accelerator, local_rank: int = 0) -> torch.device:
    """The device that the flag `--accelerator` names. SettingsError if there is none."""
    if accelerator == "cpu" or (accelerator == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    found = torch.cuda.device_count()
    if local_rank >= found:
        raise SettingsError(
            f"--accelerator {accelerator}: process {local_rank + 1} of this machine finds {found} "
            "GPUs that torch can use; expected one for each process. Start fewer, or take "
            "--accelerator cpu."
        )
    return torch.device("cuda", local_rank)


def bf16_pays(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 in hardware (on a CPU AMX or AVX512-BF16); elsewhere
    it is slower than float32.
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    able = torch.cpu.get_capabilities()
    return bool(able.get("amx_bf16") or able.get("avx512_bf16"))


@contextmanager
def joined_devices(accelerator: Accelerator, threads: int) -> Iterator[Devices]:
    """This process's devices, set up for training: alone, or one of those that torchrun or
    `run_on_devices` started.

    threads: of torch on the CPU; 0: OMP_NUM_THREADS, or of this process's cores all but one, which
    puts batches together (beside a GPU: one). Threads wait for each other at every layer, so they
    are slow as soon as another program wants a core (docs/scaling.md).
    """
    rank, count, local_rank, local_count = (
        int(os.environ.get(name, usual))
        for name, usual in (
            *(("RANK", 0), ("WORLD_SIZE", 1)),
            *(("LOCAL_RANK", 0), ("LOCAL_WORLD_SIZE", 1)),
        )
    )
    devices = Devices(device_of(accelerator, local_rank), rank, count, local_count)
    if threads or "OMP_NUM_THREADS" not in os.environ:
        usual = 1 if devices.device.type == "cuda" else max(1, usable_cores() - 1)
        torch.set_num_threads(threads or usual)
    keep_freed_memory()
    if devices.device.type == "cuda":
        torch.cuda.set_device(devices.device)
        torch.set_float32_matmul_precision("high")
    if count > 1:
        distributed.init_process_group("nccl" if devices.device.type == "cuda" else "gloo")
    torch.set_flush_denormal(True)  # tiny numbers are slow, and nothing depends on them
    try:
        yield devices
    finally:
        torch.set_flush_denormal(False)
        if count > 1:
            distributed.destroy_process_group()


def run_on_devices(function: Callable[[Settings], None], settings: Settings, count: int) -> None:
    """Call the function in this process, or in `count` new ones of this machine that find each
    other. Raises what the first of them to fail raised, if it is an error of ours.

    One that torchrun started is one of several already, and starts no more.
    """
    if count <= 1 or "WORLD_SIZE" in os.environ:
        function(settings)
        return
    refusals = multiprocessing.get_context("spawn").SimpleQueue()
    arguments = (function, settings, count, _free_port(), refusals)
    started = spawn(_one_of_many, arguments, count, join=False)
    try:
        while started is not None and not started.join():
            pass
    except ProcessExitedException as error:
        if refusals.empty():
            raise
        raise refusals.get() from error


def _one_of_many(
    rank: int,
    function: Callable[[Settings], None],
    settings: Settings,
    count: int,
    port: int,
    refusals: "multiprocessing.SimpleQueue[PosegridError]",
) -> None:
    names = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
    values = (rank, rank, count, count, "127.0.0.1", port)
    os.environ.update(dict(zip(names, map(str, values), strict=True)))
    try:
        function(settings)
    except PosegridError as error:
        refusals.put(error)
        raise SystemExit(1) from error


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def usable_cores() -> int:
    """Cores that this process may use: its share, where several of one machine train together."""
    able = hasattr(os, "sched_getaffinity")
    found = len(os.sched_getaffinity(0)) if able else os.cpu_count() or 1
    return max(1, found // int(os.environ.get("LOCAL_WORLD_SIZE", 1)))


def keep_freed_memory() -> None:
    """Let glibc keep large freed blocks for the next batch; giving them back each time costs a
    quarter of the time.

    The same as the environment's MALLOC_MMAP_THRESHOLD_ and its fellows; where there is no glibc,
    nothing happens.
    """
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return
    for option, size in (
        (M_MMAP_THRESHOLD, 1 << 30),
        (M_TRIM_THRESHOLD, (1 << 31) - 1),
        (M_TOP_PAD, 1 << 28),
    ):
        mallopt(option, size)
