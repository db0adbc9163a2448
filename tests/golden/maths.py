"""Prints the sections of departures.toml for ewma, histogram, meter, percentile and timer.

The definitions are written out here a second time, as plainly as possible and knowing nothing of the crate: events sorted
into ticks of five seconds, every tick in turn, percentiles from sorted lists. Run it in this folder.
"""

import json
import math
import sys

TICK = 5_000_000_000
PERIODS = {"m1": 60, "m5": 300, "m15": 900}
SLOT, SLOTS = 10_000_000_000, 6

FIXED = "ticks are every 5 s from the start, whoever reads"
NOTHING = "what no values have is absent"
CLOCK = "clocks are monotonic: no time goes back"
FILES = ["ewma", "histogram", "meter", "percentile", "timer"]


class Unwritable(Exception):
    """The input has no place in our types."""


def number(value):
    return float(value["$float"].replace("Infinity", "inf")) if isinstance(value, dict) else value


def nanoseconds(seconds):
    return round(seconds * 1e9)


def whole(count):
    if count != int(count) or count < 0:
        raise Unwritable("counts of events are whole numbers from zero on")
    return int(count)


def rate(events, now, period):
    """Average rate at a time, of events given as (nanoseconds since the start, count)."""
    ticks = [0] * (now // TICK)
    for at, count in events:
        if at // TICK < len(ticks):
            ticks[at // TICK] += count
    average = None
    for count in ticks:
        instant = count / 5
        average = instant if average is None else average + (1 - math.exp(-5 / period)) * (instant - average)
    # Below the normal range a product is rounded to a neighbour and sticks there.
    return average if average and average > sys.float_info.min else 0.0


def rates(events, now, mean):
    count = sum(count for _, count in events)
    found = {name: rate(events, now, period) for name, period in PERIODS.items()}
    return found | {mean: count / (now / 1e9) if now else 0.0}


def percentile(values, p):
    """The value nearest to position p·(n + 1), a half upwards."""
    position = math.floor(p * (len(values) + 1) + 0.5)
    return sorted(values)[min(max(position, 1), len(values)) - 1]


def moments(values):
    if not values:
        return {}
    mean = math.fsum(values) / len(values)
    variance = math.fsum((v - mean) ** 2 for v in values) / max(len(values) - 1, 1)
    return {"min": min(values), "max": max(values), "mean": mean, "var": variance, "stddev": math.sqrt(variance)}


def percentiles(values, shares):
    return [[p, percentile(values, p)] for p in shares] if values else []


def ewma(given):
    if given["tick_interval"] != 5:
        raise Unwritable("the time between ticks is fixed")
    now, newest, events, reads = 0, 0, [], []
    for operation in given["ops"]:
        if operation[0] == "add":
            events.append((newest, whole(operation[1])))
        elif operation[0] == "advance":
            now += nanoseconds(operation[1])
            newest = max(now, newest)
        elif operation[0] == "read":
            reads.append([given["start"] + now / 1e9, rate(events, newest, 60 * given["period_minutes"])])
    return {"reads": reads}


def meter(given):
    now, events, reads = 0, [], []
    for operation in given["ops"]:
        if operation[0] == "mark":
            events.append((now, whole(operation[1])))
        elif operation[0] == "advance":
            now += forward(operation[1])
        elif operation[0] == "read":
            count = sum(count for _, count in events)
            reads.append({"t": given["start"] + now / 1e9, "count": count} | rates(events, now, "mean"))
    return {"reads": reads}


def forward(seconds):
    if seconds < 0:
        raise Unwritable(CLOCK)
    return nanoseconds(seconds)


def histogram(given, recorded):
    values = [v for v in map(number, given["values"]) if math.isfinite(v)]
    shares = [p for p, _ in recorded["percentiles"]] + [0.5, 0.75, 0.95, 0.99, 0.999]
    totals = {"count": len(values), "sum": math.fsum(values)}
    return totals | moments(values) | {"percentiles": percentiles(values, shares)}


def timer(given):
    now, started, stopped, lengths = 0, {}, [], []
    for verb, *operand in given["ops"]:
        if verb == "start":
            started[operand[0]] = now
        elif verb == "advance":
            now += forward(operand[0])
        elif operand[0] not in started:
            raise Unwritable("a timing is gone once it has been stopped")
        else:
            stopped.append(now)
            lengths.append((now - started.pop(operand[0])) / 1e9)
    recent = [length for at, length in zip(stopped, lengths) if at // SLOT > now // SLOT - SLOTS]
    totals = {"stop_returns": lengths, "count": len(lengths), "sum": math.fsum(lengths), "meter_count": len(lengths)}
    found = rates([(at, 1) for at in stopped], now, "mean_rate")
    return totals | found | moments(recent) | {"percentiles": percentiles(recent, [0.5, 0.99])}


def quantile(given):
    p = number(given["p"])
    if not 0 <= p <= 1:
        return {"error": True}
    return {"value": percentile(given["values"], p)} if given["values"] else {}


def ours(name, case, recorded):
    given = case["input"]
    if name == "histogram":
        return histogram(given, recorded)
    return {"ewma": ewma, "meter": meter, "percentile": quantile, "timer": timer}[name](given)


def listed(recorded):
    """A recorded histogram or timer with its percentiles in one list."""
    named = {"median": 0.5, "p50": 0.5, "p75": 0.75, "p95": 0.95, "p99": 0.99, "p999": 0.999}
    fields = {k: v for k, v in recorded.items() if k not in named and k != "snapshot_size"}
    rest = [[p, recorded[name]] for name, p in named.items() if name in recorded]
    return fields | {"percentiles": recorded.get("percentiles", []) + rest}


def agree(a, b):
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(
            (k == "percentiles" and len(a[k]) == len(b[k])) or k == "error" or agree(a[k], b[k]) for k in a
        )
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(agree, a, b))
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return abs(a - b) <= 1e-9 * max(abs(a), abs(b))
    return a == b


def why(name, case, recorded):
    values = case["input"].get("values")
    if name in ("histogram", "percentile"):
        if not values:
            return NOTHING
        return {
            "mixed sign": "the variance does not restart at a mean of -1",
            "first value -1": "the variance does not restart at a mean of -1",
            "mean passes through -1": "the variance does not restart at a mean of -1",
            "above 2^31": "the least value has no sentinel",
        }.get(case["input"].get("title"), "values that are not finite are refused")
    if name == "timer" and "reference" in case and recorded["count"] == 0:
        return NOTHING
    if "ZeroDivisionError" in json.dumps(recorded):
        return "the mean rate is 0 when no time has passed"
    if case["id"] == "timer-011":
        return FIXED + "; a minute later the window is empty"
    return FIXED


def toml(value):
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {toml(v)}" for k, v in value.items()) + " }" if value else "{}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return repr(value)


def rows(value):
    """A value with one reading a line."""
    if set(value) != {"reads"}:
        return toml(value)
    return "{ reads = [\n" + "".join(f"    {toml(read)},\n" for read in value["reads"]) + "] }"


def section(name):
    cases = json.load(open(f"data/{name}.json"))["cases"]
    for case in cases:
        recorded = case.get("expected", case.get("reference"))
        try:
            value = ours(name, case, recorded)
        except Unwritable as reason:
            yield f'[{case["id"]}]\nclass = "none"\nreason = "{reason}"\n'
            continue
        seen = listed(recorded) if name in ("histogram", "timer") else recorded
        if not (name == "percentile" and "value" in value) and not agree(seen, value):
            reason = why(name, case, recorded)
            yield f'[{case["id"]}]\nclass = "ours"\nreason = "{reason}"\nvalue = {rows(value)}\n'


if __name__ == "__main__":
    print("\n".join(entry for name in FILES for entry in section(name)), end="")
