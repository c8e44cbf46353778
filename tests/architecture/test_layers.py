"""Arrows only point down, and the two inner layers import what they may and no more."""

import sys

import grimp
import pytest
from importlinter.cli import lint_imports
from tree import ROOT

GRAPH = grimp.build_graph("matcher", include_external_packages=True, cache_dir=None)


def outside(layer: str) -> set[str]:
    """Return the packages outside of matcher that a layer imports itself."""
    layer_modules = {f"matcher.{layer}"} | GRAPH.find_descendants(f"matcher.{layer}")
    imported = set[str]().union(*(GRAPH.find_modules_directly_imported_by(module) for module in layer_modules))
    return {module.partition(".")[0] for module in imported} - {"matcher"}


def test_every_contract_of_the_layers_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    status = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True, no_logo=True)
    assert status == 0, capsys.readouterr().out


def test_the_domain_imports_the_standard_library_alone() -> None:
    assert outside("domain") - sys.stdlib_module_names == set()


def test_matching_imports_numpy_scipy_and_numba_alone() -> None:
    assert outside("matching") - sys.stdlib_module_names <= {"numpy", "scipy", "numba"}
