"""The files of this repository that people wrote."""

from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FOLDERS = (".ci", "benchmarks", "docs", "examples", "src", "tests")
_NAMES = ("*.cfg", "*.csv", "*.json", "*.md", "*.py", "*.toml", "*.txt", "*.yaml", "*.yml", "*.html", "run")


def sources() -> list[Path]:
    """Return every module of the package, in order of name."""
    return sorted((ROOT / "src").rglob("*.py"))


def written() -> Iterator[Path]:
    """Yield every text file outside of environments and caches, other people's assets left out."""
    yield from (path for path in ROOT.iterdir() if path.is_file())
    for folder in _FOLDERS:
        for pattern in _NAMES:
            for path in (ROOT / folder).rglob(pattern):
                if path.is_file() and not {"__pycache__", "static", "node_modules"} & set(path.parts):
                    yield path


def name(path: Path) -> str:
    """Return how a path reads from the root of the repository."""
    return str(path.relative_to(ROOT))
