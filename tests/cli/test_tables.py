"""Tables of requests, volunteers and pairs: what is read, and what is said of what cannot be."""

from pathlib import Path

import pytest

from matcher.api.columns import PAIRS, REQUESTS, VOLUNTEERS
from matcher.cli import tables
from matcher.cli.faults import MOST_SHOWN, BadInputError
from matcher.domain.errors import Fault, Text

INTERVAL = "2026-11-24T09:00:00+08:00/2026-11-24T12:00:00+08:00"


def test_a_row_becomes_the_object_that_the_body_would_hold(tmp_path: Path) -> None:
    path = _write(
        tmp_path / "volunteers.csv",
        "id,latitude,longitude,skills,weekly,extra,max_minutes,paused\n"
        'v1,31.2,121.4,nursing:2,"mon,tue 09:00-18:00",,120,no\n'
        "\n"
        "v2,,,,,,,\n",
    )
    assert tables.read(path, VOLUNTEERS).items == [
        {
            "id": "v1",
            "location": {"latitude": 31.2, "longitude": 121.4},
            "skills": [{"code": "nursing", "level": 2}],
            "availability": {"weekly": [{"days": ["mon", "tue"], "start": "09:00", "end": "18:00"}]},
            "max_minutes": 120,
            "paused": False,
        },
        {"id": "v2"},
    ]


def test_a_byte_order_mark_of_a_spreadsheet_is_no_part_of_the_header(tmp_path: Path) -> None:
    path = _write(tmp_path / "requests.csv", "\ufeffid,urgency\r\nr1,3\r\n")
    assert tables.read(path, REQUESTS).items == [{"id": "r1", "urgency": 3}]


def test_ndjson_holds_the_objects_of_the_body_one_a_line(tmp_path: Path) -> None:
    path = _write(tmp_path / "pairs.ndjson", '{"request_id": "r1", "volunteer_id": "v1", "cost": 5}\r\n\n{"x": 1}')
    rows = tables.read(path, PAIRS)
    assert rows.items == [{"request_id": "r1", "volunteer_id": "v1", "cost": 5}, {"x": 1}]
    assert rows.lines == [1, 3]


@pytest.mark.parametrize(
    ("name", "content", "faults"),
    [
        ("r.csv", "", ["r.csv: line 1: Expected a header such as id,latitude,longitude,crs."]),
        ("r.csv", "id,urgncy\nr1,3\n", ['r.csv: line 1: "urgncy" is no column of requests: did you mean urgency?']),
        ("r.csv", "id,id\nr1,r1\n", ["r.csv: line 1: Column id is there twice."]),
        ("r.csv", "urgency\n3\n", ["r.csv: line 1: Column id is missing: it is required."]),
        ("r.csv", "id,urgency\n,3\n", ["r.csv: line 2, column id: Expected a value: it is required."]),
        ("r.csv", "id,urgency\nr1\n", ["r.csv: line 2: Expected 2 cells, as in the header, found 1."]),
        (
            "r.csv",
            'id,urgency,windows\nr1,"3\n",\n\nr2,high,soon\n',
            [
                "r.csv: line 5, column urgency: Expected a whole number, such as 60.",
                f"r.csv: line 5, column windows: Expected start/end with | between intervals, such as {INTERVAL}.",
            ],
        ),
        ("r.csv", 'id,urgency\nr1,3\nr2,"3"4\n', ["r.csv: line 3: This is not CSV: ',' expected after '\"'."]),
        ("r.csv", 'id,urgency\nr1,"3', ["r.csv: line 2: This is not CSV: unexpected end of data."]),
        (
            "r.ndjson",
            '{"id": "r1"}\n{"id": }\n{"id": "r3", "id": "r4"}\n[NaN]\n',
            [
                "r.ndjson: line 2: Not JSON at column 8: Expecting value.",
                "r.ndjson: line 3, /id: The name is given twice in one object; which value counts would be a guess.",
                "r.ndjson: line 4, /0: This is not a number in JSON. Send a finite number, or leave the field out.",
            ],
        ),
        ("r.txt", "id\nr1\n", ["r.txt: expected a name that ends in .csv, .ndjson or .jsonl"]),
    ],
)
def test_every_fault_of_a_file_is_told_at_once_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: str, faults: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    _write(tmp_path / name, content)
    with pytest.raises(BadInputError) as caught:
        tables.read(Path(name), REQUESTS)
    assert [str(fault) for fault in caught.value.faults] == faults


def test_a_file_that_is_not_utf_8_says_how_a_spreadsheet_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "requests.csv"
    path.write_bytes("id,region\nr1,上海\n".encode("gbk"))
    with pytest.raises(BadInputError, match="line 2: expected UTF-8; a spreadsheet"):
        tables.read(path, REQUESTS)


def test_of_many_faults_the_first_twenty_are_shown_and_the_rest_counted(tmp_path: Path) -> None:
    path = _write(tmp_path / "requests.csv", "id,urgency\n" + "r,x\n" * 25)
    with pytest.raises(BadInputError) as caught:
        tables.read(path, REQUESTS)
    shown = str(caught.value).splitlines()
    assert len(shown) == MOST_SHOWN + 2
    assert shown[0] == "25 faults in the input"
    assert shown[-1] == "… and 5 more"


@pytest.mark.parametrize(
    ("name", "rest", "place"),
    [
        ("v.csv", ("availability", "weekly", "0", "start"), "line 3, column weekly"),
        ("v.csv", ("location", "latitude"), "line 3, column latitude"),
        ("v.csv", (), "line 3"),
        ("v.ndjson", ("skills", "0", "level"), "line 3, /skills/0/level"),
    ],
)
def test_a_fault_of_the_body_is_traced_back_to_its_cell(
    tmp_path: Path, name: str, rest: tuple[str, ...], place: str
) -> None:
    content = "id\nv1\nv2\n" if name.endswith(".csv") else '{"id": "v1"}\n\n{"id": "v2"}\n'
    path = _write(tmp_path / name, content)
    fault = Fault("", "wrong", Text("Expected better.", "应更好。"))
    assert str(tables.read(path, VOLUNTEERS).locate(1, rest, fault)) == f"{path}: {place}: Expected better."


def _write(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8", newline="")
    return path
