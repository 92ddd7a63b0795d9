"""Reads an export with models of FHIR R4B that are not ours: one Observation a line.

The tests write the export of the simulated patient. R4B's Observation is R4's.
"""

import json
import sys
from collections import Counter

from fhir.resources.R4B.observation import Observation


def main(path: str) -> int:
    categories: Counter[str] = Counter()
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                observation = Observation.model_validate_json(line)
                given, read = json.loads(line), json.loads(observation.model_dump_json())
            except ValueError as error:
                print(f"{path}:{number}: {error}")
                return 1
            unread = given.keys() - read.keys()
            if unread:
                print(f"{path}:{number}: {sorted(unread)} are no part of an Observation")
                return 1
            categories[observation.category[0].coding[0].code] += 1
    print(f"{sum(categories.values())} Observations: {dict(categories)}")
    return 0 if categories else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
