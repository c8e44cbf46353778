"""A kernel is one text: compiled or read as plain Python, it does the same."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import make
from matcher.domain.geo import Point
from matcher.matching import candidates
from matcher.matching.arrays import Edges
from matcher.matching.kernels import compilation, joins
from matcher.matching.problem import compile_problem
from matcher.simulation import city, city_problem


def search(**environment: str) -> Any:
    """Run the search of ``search_run`` in a process of its own."""
    run = subprocess.run(
        [sys.executable, "-W", "error", Path(__file__).with_name("search_run.py")],
        env={**os.environ, **environment},
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(run.stdout)


def assert_same(one: Edges, other: Edges) -> None:
    """Compare edges, column by column."""
    for name in Edges._fields:
        assert np.array_equal(getattr(one, name), getattr(other, name)), name


def test_plain_python_walks_the_same_way_as_the_compiled_search() -> None:
    compiled, plain = search(), search(NUMBA_DISABLE_JIT="1")
    assert compiled.pop("compiled")
    assert not plain.pop("compiled")
    assert compiled == plain


@pytest.mark.parametrize("size", ["S", "St", "Sx"])
def test_both_joins_find_the_same_edges_in_a_city(size: str) -> None:
    instance = compile_problem(city_problem.to_problem(city.generate(size, 1))).instance
    assert_same(candidates.candidates(instance, compiled=True), candidates.candidates(instance, compiled=False))


def test_the_join_does_not_depend_on_the_number_of_threads() -> None:
    instance = compile_problem(city_problem.to_problem(city.generate("St", 2))).instance
    assert_same(candidates.candidates(instance, threads=1), candidates.candidates(instance, threads=7))


@pytest.mark.parametrize("longitudes", [(179.99, -179.99), (-179.99, 179.99), (0.01, -0.01), (90.0, 90.02)])
@pytest.mark.parametrize("latitude", [0.0, -17.8, 66.0])
def test_neighbours_across_any_meridian_are_found(latitude: float, longitudes: tuple[float, float]) -> None:
    here, there = (Point(latitude, longitude) for longitude in longitudes)
    problem = make.problem(
        requests=[make.request(point=here)], volunteers=[make.volunteer(point=there, max_distance_m=3_000)]
    )
    edges = candidates.candidates(compile_problem(problem).instance, compiled=True)
    assert edges.volunteer.tolist() == [0]


def test_bits_are_counted_right() -> None:
    words = np.random.default_rng(1).integers(0, 2**64, 200, dtype=np.uint64)
    assert [joins.popcount(word) for word in words] == np.bitwise_count(words).tolist()


def test_the_machine_code_is_kept_under_the_name_of_the_text() -> None:
    first = compilation.cache_folder("")
    assert first == compilation.cache_folder("")
    assert first.name.startswith("numba-")
    assert first.is_dir()


def test_a_new_folder_starts_with_what_was_compiled_beside_the_kernels(tmp_path: Path) -> None:
    compiled, folder = tmp_path / "compiled", tmp_path / "folder"
    (compiled / "kernels").mkdir(parents=True)
    (compiled / "kernels" / "search.nbc").write_bytes(b"machine code")
    compilation._fill(folder, compiled)
    assert (folder / "kernels" / "search.nbc").read_bytes() == b"machine code"
    assert {*tmp_path.iterdir()} == {compiled, folder}


def test_a_folder_that_is_in_use_is_not_filled_again(tmp_path: Path) -> None:
    compiled, folder = tmp_path / "compiled", tmp_path / "folder"
    for each in (compiled, folder):
        each.mkdir()
    (compiled / "search.nbc").write_bytes(b"machine code")
    compilation._fill(folder, compiled)
    assert list(folder.iterdir()) == []
