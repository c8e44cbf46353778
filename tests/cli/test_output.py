"""Results are whole or not there at all."""

from pathlib import Path
from typing import TextIO

import pytest

from matcher.cli import output


def test_a_result_replaces_the_file_and_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text("old")
    path.chmod(0o640)
    output.write(path, lambda stream: stream.write("new"))
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text("old")

    def fail(stream: TextIO) -> None:
        stream.write("half")
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError):
        output.write(path, fail)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "there.json").write_text("old")
    (tmp_path / "here.json").symlink_to("there.json")
    output.write(tmp_path / "here.json", lambda stream: stream.write("new"))
    assert (tmp_path / "here.json").is_symlink()
    assert (tmp_path / "there.json").read_text() == "new"


def test_a_device_is_written_in_place() -> None:
    output.write(Path("/dev/null"), lambda stream: stream.write("gone"))
    assert Path("/dev/null").is_char_device()


def test_a_dash_is_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    output.write(output.STANDARD, lambda stream: stream.write("中文"))
    assert capsys.readouterr().out == "中文"


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        output.write(tmp_path / "nowhere" / "plan.json", lambda stream: stream.write("new"))
    assert caught.value.filename == str(tmp_path / "nowhere")
