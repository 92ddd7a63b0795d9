"""Unpacks the series of records as the integration guide says, with the code that it shows, and compares.

The tests write the items of the table with the metrics that they stand for.
"""

import base64
import json
import re
import sys


def main(guide: str, path: str) -> int:
    shown: dict = {}
    exec(re.search(r"```python\n(.*?)```", open(guide, encoding="utf-8").read(), re.DOTALL)[1], shown)
    packed = 0
    for line in open(path, encoding="utf-8"):
        item, metrics = (json.loads(line)[name] for name in ("item", "metrics"))
        if "series" in item:
            item["series"] = base64.b64decode(item["series"])
            packed += 1
        if shown["with_series"](item) != metrics:
            print(f"{item['sk']}: the series differ")
            return 1
    print(f"{packed} records with packed series")
    return 0 if packed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
