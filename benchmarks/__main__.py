"""``make bench``: candidates, flow and whole plans beside their peers, on the sizes of docs/matching.md.

Each size runs in a process of its own, so that its peak memory is its own. Sizes may be named:
``python -m benchmarks S M``.
"""

import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from rich.console import Console

from benchmarks.compare import Measured, measure
from benchmarks.report import print_report

SIZES = ("S", "M", "Mt", "Mx")


def main() -> None:
    """Measure the sizes named, one after the other, and print the tables."""
    console = Console(width=None if sys.stdout.isatty() else 140)
    measured: list[Measured] = []
    for size in sys.argv[1:] or SIZES:
        console.print(f"measuring {size} …")
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            measured.append(pool.submit(measure, size).result())
    print_report(console, measured)


if __name__ == "__main__":
    main()
