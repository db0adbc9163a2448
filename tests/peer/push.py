"""Pushes what a plan says, as Python's apptuit does it: push.py ENDPOINT, the plan as JSON on stdin.

The clock stands still between the steps of the plan, so that meters and timers give the same on every machine.
"""

import json
import sys

from apptuit import Apptuit, DataPoint, TimeSeries
from apptuit.pyformance import ApptuitReporter
from apptuit.timeseries import encode_metric
from pyformance import MetricsRegistry


class Clock:
    now = 0.0

    def time(self):
        return self.now


def name_of(step):
    return encode_metric(step["name"], step["tags"]) if step["tags"] else step["name"]


def act(registry, clock, step):
    kind = step["do"]
    if kind == "make":
        getattr(registry, step["kind"])(name_of(step))
    elif kind in ("inc", "level"):
        registry.counter(name_of(step)).inc(step["by"])
    elif kind == "set":
        registry.gauge(name_of(step)).set_value(step["to"])
    elif kind == "mark":
        registry.meter(name_of(step)).mark(step["by"])
    elif kind == "record":
        registry.histogram(name_of(step)).add(step["value"])
    elif kind == "time":
        timing = registry.timer(name_of(step)).time()
        clock.now += step["seconds"]
        timing.stop()
    elif kind == "advance":
        clock.now += step["seconds"]
    else:
        raise ValueError(kind)


def reports(plan, endpoint):
    clock = Clock()
    clock.now = plan["start"]
    registry = MetricsRegistry(clock=clock)
    # retry_count is the time limit of a request in this release.
    reporter = ApptuitReporter(
        registry=registry, token=plan["token"], api_endpoint=endpoint, prefix=plan["prefix"], tags=plan["tags"],
        disable_host_tag=True, sanitize_mode=plan["sanitize"], retry_count=60)
    for step in plan["steps"]:
        if step["do"] == "report":
            reporter.report_now(timestamp=int(clock.now))
        else:
            act(registry, clock, step)


def points(plan, endpoint):
    client = Apptuit(token=plan["token"], api_endpoint=endpoint, global_tags=plan["tags"],
                     sanitize_mode=plan["sanitize"])
    client.send([DataPoint(p["metric"], p["tags"], p["timestamp"], p["value"]) for p in plan["points"]])
    series = plan["series"]
    made = TimeSeries(series["metric"], series["tags"])
    for timestamp, value in series["points"]:
        made.add_point(timestamp, value)
    client.send_timeseries([made])


if __name__ == "__main__":
    plan = json.load(sys.stdin)
    points(plan["direct"], sys.argv[1])
    reports(plan["reported"], sys.argv[1])
