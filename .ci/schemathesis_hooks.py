"""Days at random are rarely days with data: most questions become ones about the month that was just fetched. (A dictionary of
the configuration would say the same, but schemathesis 4.32 stops at one for a parameter whose schema is a reference.)"""

import os
import re
import zlib

import schemathesis

DAYS = {"from": "FIRST_DAY", "to": "LAST_DAY", "day": "LAST_DAY"}


@schemathesis.hook
def map_query(context, query):
    if not query or zlib.crc32(repr(sorted(query.items())).encode()) % 4 == 0:
        return query
    # What is no day stays none: a question that is to be refused must not become a good one.
    is_day = lambda value: isinstance(value, str) and re.fullmatch(r"2[01]\d\d-\d\d-\d\d", value)
    return {name: os.environ[DAYS[name]] if name in DAYS and is_day(value) else value for name, value in query.items()}
