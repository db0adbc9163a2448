"""Reads pages with Prometheus' own Python parsers. Used by judges.rs.

Argument: text or openmetrics. Standard input: pages, each after its length as four bytes, big-endian.
Standard output: a line of JSON for each page: its samples as [name, labels, value], or {"error": ...}.
"""

import json
import struct
import sys

from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics

PARSERS = {
    "text": parser.text_string_to_metric_families,
    "openmetrics": openmetrics.text_string_to_metric_families,
}


def pages(stream):
    while head := stream.read(4):
        (length,) = struct.unpack(">I", head)
        yield stream.read(length).decode("utf-8")


def judge(parse, page):
    try:
        samples = [sample for family in parse(page) for sample in family.samples]
        return [[sample.name, sample.labels, repr(float(sample.value))] for sample in samples]
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


for page in pages(sys.stdin.buffer):
    print(json.dumps(judge(PARSERS[sys.argv[1]], page)))
