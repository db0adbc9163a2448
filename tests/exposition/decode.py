"""Decodes pages in Prometheus' protobuf format by the published schema. Used by protobuf.rs.

Standard input: pages, each after its length as four bytes, big-endian.
Standard output: a line of JSON for each page: [name, labels, value] of every sample that Prometheus makes of it, and, with a
name behind a slash, of what has no sample: /type, /help, /unit, /created, /exemplar, whose labels have a # in front, and
the parts of native buckets.
"""

import json
import struct
import sys

from google.protobuf.internal.decoder import _DecodeVarint32 as varint
from metrics_pb2 import MetricFamily, MetricType


def families(page):
    at = 0
    while at < len(page):
        length, at = varint(page, at)
        if at + length > len(page):
            raise ValueError("the page is cut short")
        yield MetricFamily.FromString(page[at : at + length])
        at += length


def number(value):
    return repr(float(value))


def created(message, name, labels):
    if message.HasField("created_timestamp"):
        time = message.created_timestamp
        yield name + "/created", labels, number(time.seconds * 10**9 + time.nanos)


def exemplar(message, name, labels):
    own = {"#" + pair.name: pair.value for pair in message.label}
    if len(own) != len(message.label):
        raise ValueError(f"{name} has an exemplar with a label twice")
    if not message.HasField("timestamp"):
        raise ValueError(f"{name} has an exemplar without its time")
    time = message.timestamp.seconds + message.timestamp.nanos / 10**9
    yield name + "/exemplar", labels | own | {"time": number(time)}, number(message.value)


def simple(kind):
    def of(name, labels, metric):
        message = getattr(metric, kind)
        yield name, labels, number(message.value)
        if kind == "counter":
            yield from created(message, name, labels)
            if message.HasField("exemplar"):
                yield from exemplar(message.exemplar, name, labels)

    return of


def summary(name, labels, metric):
    message = metric.summary
    for quantile in message.quantile:
        yield name, labels | {"quantile": number(quantile.quantile)}, number(quantile.value)
    yield name + "_sum", labels, number(message.sample_sum)
    yield name + "_count", labels, number(message.sample_count)
    yield from created(message, name, labels)


def histogram(name, labels, metric):
    message = metric.histogram
    is_native = message.HasField("schema")
    if message.bucket or not is_native:
        for bucket in message.bucket:
            own = labels | {"le": number(bucket.upper_bound)}
            if bucket.upper_bound != float("inf"):
                yield name + "_bucket", own, number(bucket.cumulative_count)
            elif bucket.cumulative_count != message.sample_count:
                raise ValueError(f"{name} has two counts")
            if bucket.HasField("exemplar"):
                yield from exemplar(bucket.exemplar, name + "_bucket", own)
    yield name + "_bucket", labels | {"le": "inf"}, number(message.sample_count)
    yield name + "_sum", labels, number(message.sample_sum)
    yield name + "_count", labels, number(message.sample_count)
    yield from created(message, name, labels)
    if is_native:
        for one in message.exemplars:
            yield from exemplar(one, name, labels)
        yield name + "/schema", labels, number(message.schema)
        yield name + "/threshold", labels, number(message.zero_threshold)
        yield name + "/zero", labels, number(message.zero_count)
        for side in "negative", "positive":
            spans, deltas = getattr(message, side + "_span"), getattr(message, side + "_delta")
            for index, count in buckets(spans, deltas):
                yield name + "/" + side, labels | {"index": str(index)}, number(count)
        if not (message.zero_threshold or message.zero_count or message.negative_span or message.positive_span):
            raise ValueError(f"{name} would be taken for a classic histogram")


def buckets(spans, deltas):
    """Index and count of the buckets that are not empty."""
    if sum(span.length for span in spans) != len(deltas):
        raise ValueError("spans and deltas do not agree")
    deltas, index, count = iter(deltas), 0, 0
    for at, span in enumerate(spans):
        if at > 0 and span.offset < 0:
            raise ValueError("spans overlap")
        index += span.offset
        for _ in range(span.length):
            count += next(deltas)
            if count:
                yield index, count
            index += 1


MAKERS = {
    MetricType.COUNTER: simple("counter"),
    MetricType.GAUGE: simple("gauge"),
    MetricType.SUMMARY: summary,
    MetricType.HISTOGRAM: histogram,
    MetricType.GAUGE_HISTOGRAM: histogram,
    MetricType.UNTYPED: simple("untyped"),
}


def samples(family):
    yield family.name + "/type", {MetricType.Name(family.type).lower(): ""}, "1.0"
    if family.help:
        yield family.name + "/help", {"text": family.help}, "1.0"
    if family.unit:
        stem = family.name.removesuffix("_total") if family.type == MetricType.COUNTER else family.name
        if not stem.endswith("_" + family.unit):
            raise ValueError(f"{family.unit} is no suffix of {family.name}")
    for metric in family.metric:
        labels = {pair.name: pair.value for pair in metric.label}
        if len(labels) != len(metric.label):
            raise ValueError(f"{family.name} has a label twice: {metric.label}")
        yield from MAKERS[family.type](family.name, labels, metric)


def pages(stream):
    while head := stream.read(4):
        (length,) = struct.unpack(">I", head)
        yield stream.read(length)


def judge(page):
    try:
        found = list(families(page))
        if len({family.name for family in found}) != len(found):
            raise ValueError("a family comes twice")
        return [sample for family in found for sample in samples(family)]
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


for page in pages(sys.stdin.buffer):
    print(json.dumps(judge(page)))
