"""Arrows only point down, and the two inner layers import what they may and no more."""

import subprocess
import sys
from pathlib import Path

import grimp
from tree import ROOT

GRAPH = grimp.build_graph("matcher", include_external_packages=True, cache_dir=None)


def outside(layer: str) -> set[str]:
    """Return the packages outside of matcher that a layer imports itself."""
    layer_modules = {f"matcher.{layer}"} | GRAPH.find_descendants(f"matcher.{layer}")
    imported = set[str]().union(*(GRAPH.find_modules_directly_imported_by(module) for module in layer_modules))
    return {module.partition(".")[0] for module in imported} - {"matcher"}


def test_every_contract_of_the_layers_is_kept() -> None:
    # A process of its own: it silences every logger that exists already.
    program = Path(sys.executable).with_name("lint-imports")
    linted = subprocess.run([program, "--no-cache", "--no-logo"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert linted.returncode == 0, linted.stdout


def test_the_domain_imports_the_standard_library_alone() -> None:
    assert outside("domain") - sys.stdlib_module_names == set()


def test_matching_imports_numpy_scipy_and_numba_alone() -> None:
    assert outside("matching") - sys.stdlib_module_names <= {"numpy", "scipy", "numba"}
