"""Build ``problem.json`` out of ``requests.csv`` and ``offers.csv``; run it after a change to either."""

import csv
from pathlib import Path

from matcher.simulation import zhengzhou

HERE = Path(__file__).parent


def main() -> None:
    """Write ``problem.json`` beside this file."""
    with (HERE / "requests.csv").open(newline="") as requests, (HERE / "offers.csv").open(newline="") as offers:
        body = zhengzhou.to_body(csv.DictReader(requests), csv.DictReader(offers))
    with (HERE / "problem.json").open("w", encoding="utf-8") as file:
        zhengzhou.write_body(body, file)
    print(f"problem.json: {len(body['requests'])} requests, {len(body['volunteers'])} volunteers")


if __name__ == "__main__":
    main()
