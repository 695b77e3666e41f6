"""What numbers hang on besides the code: device, driver, versions, commit, and the two rates that bound everything."""

import platform
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median

import torch

from kernels.bench.timing import event

_TREE = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Machine:
    """The key of a report."""

    device: str
    driver: str
    torch: str
    triton: str
    peft: str
    python: str
    commit: str

    def key(self) -> str:
        """For the name of a file."""
        told = f"{self.device}-torch{self.torch}-triton{self.triton}-{self.commit}"
        return "".join(letter if letter.isalnum() or letter in ".+-" else "-" for letter in told).lower()

    def facts(self) -> dict[str, str]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Rates:
    """Measured here: bfloat16 products with float32 sums, and copies, read and written bytes together."""

    flops_per_s: float
    bytes_per_s: float

    def told(self) -> str:
        """For a heading."""
        return f"bf16 products {self.flops_per_s / 1e12:,.0f} TFLOP/s, copies {self.bytes_per_s / 1e12:.2f} TB/s"


def machine(device: torch.device) -> Machine:
    """Facts of this machine; what can't be found out is "unknown"."""
    gpu = device.type == "cuda"
    return Machine(
        device=torch.cuda.get_device_name(device) if gpu else f"CPU ({platform.machine()})",
        driver=_said("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader") if gpu else "none",
        torch=torch.__version__,
        triton=_version("triton"),
        peft=_version("peft"),
        python=platform.python_version(),
        commit=_commit(),
    )


def measured_rates(device: torch.device, size: int = 8192, copied: int = 2**32) -> Rates:
    """A product of `size`³ on random numbers (zeros run faster), and a copy of `copied` bytes; medians of ten."""
    a, b = (torch.randn(size, size, device=device, dtype=torch.bfloat16) for _ in range(2))
    products = median(_seconds(lambda: a @ b) for _ in range(10))
    source = torch.randint(0, 255, (copied // 8,), device=device)
    target = torch.empty_like(source)
    copies = median(_seconds(lambda: target.copy_(source)) for _ in range(10))
    return Rates(2 * size**3 / products, 2 * copied / copies)


def _seconds(run: Callable[[], object]) -> float:
    """Of the third of three runs, by the device's clock."""
    run()
    run()
    began, ended = event(), event()
    began.record()
    run()
    ended.record()
    torch.cuda.synchronize()
    return float(began.elapsed_time(ended)) / 1e3


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def _commit() -> str:
    """The commit, `+dirty` with uncommitted changes; "unknown" outside a checkout."""
    head = _said("git", "-C", str(_TREE), "rev-parse", "--short=12", "HEAD")
    if head == "unknown":
        return head
    changed = _said("git", "-C", str(_TREE), "status", "--porcelain", "--untracked-files=no", empty="")
    return head + ("+dirty" if changed else "")


def _said(program: str, *arguments: str, empty: str = "unknown") -> str:
    """The first line a program answers with."""
    found = shutil.which(program)
    if found is None:
        return "unknown"
    done = subprocess.run([found, *arguments], capture_output=True, text=True, check=False)  # noqa: S603 - our own arguments
    lines = done.stdout.strip().splitlines() if done.returncode == 0 else []
    return lines[0].strip() if lines else (empty if done.returncode == 0 else "unknown")
