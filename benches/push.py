"""Reports of Python's apptuit: push.py ENDPOINT POINTS RUNS. Prints seconds of time and of CPU, a line a report."""

import sys
import time

from apptuit.pyformance import ApptuitReporter
from apptuit.timeseries import encode_metric
from pyformance import MetricsRegistry

endpoint, points, runs = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
registry = MetricsRegistry()
for n in range(points):
    tags = {"route": "/route-%d" % (n % 5), "user": "user-%06d" % (n // 5)}
    registry.counter(encode_metric("requests", tags)).inc(n * 7919 % 1000003)
# retry_count is the time limit of a request in this release.
reporter = ApptuitReporter(registry=registry, token="any", api_endpoint=endpoint, retry_count=60)
reporter.report_now()
for _ in range(runs):
    began, cpu = time.perf_counter(), time.process_time()
    reporter.report_now()
    print(time.perf_counter() - began, time.process_time() - cpu, flush=True)
