"""Writing a problem in the wire form of ``POST /v1/match``, one request or volunteer a line."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, TextIO

__all__ = ["Body", "write"]

Body = dict[str, Any]


def write(head: Mapping[str, Any], lists: Mapping[str, Iterable[Body]], file: TextIO) -> None:
    """Write one JSON object: the members of ``head``, then each list, item by item as it comes."""
    file.write(json.dumps(head)[:-1])
    for name, items in lists.items():
        file.write(f',\n"{name}": [')
        separator = "\n"
        for item in items:
            file.write(f"{separator}{json.dumps(item)}")
            separator = ",\n"
        file.write("\n]")
    file.write("}\n")
