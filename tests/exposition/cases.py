"""The cases of Prometheus' own Python tests, found by running them. Used by conformance.rs.

Arguments: the folders `tests` of releases of prometheus_client. Standard output: a line of JSON for each call that a test made
to a parser, a printer or an escaping function, if that test passed:

    {"test": ..., "call": "text" | "openmetrics", "page": ..., "error": null | ...}
    {"test": ..., "call": "metric_name" | "label_name", "name": ..., "scheme": ..., "escaped": ...}

Each page has the verdict of the parser of its format, also where it was printed.
"""

import contextlib
import functools
import io
import json
import pathlib
import sys

import pytest
from prometheus_client import exposition, parser
from prometheus_client.openmetrics import exposition as openmetrics_exposition
from prometheus_client.openmetrics import parser as openmetrics_parser


class Recorder:
    """Keeps what was called during each test, and says it when the test has passed."""

    def __init__(self):
        self.calls = []
        self.said = []

    def parses(self, module, call):
        parse = module.text_string_to_metric_families

        @functools.wraps(parse)
        def recording(page):
            try:
                families = list(parse(page))
            except Exception as error:
                self.calls.append({"call": call, "page": page, "error": f"{type(error).__name__}: {error}"})
                raise
            self.calls.append({"call": call, "page": page, "error": None})
            return iter(families)

        module.text_string_to_metric_families = recording

    def prints(self, module, parser):
        generate = module.generate_latest

        @functools.wraps(generate)
        def recording(*arguments, **options):
            page = generate(*arguments, **options)
            with contextlib.suppress(Exception):
                parser.text_string_to_metric_families(page.decode("utf-8"))
            return page

        module.generate_latest = recording

    def escapes(self, function, call):
        escape = getattr(openmetrics_exposition, function)

        @functools.wraps(escape)
        def recording(name, scheme):
            escaped = escape(name, scheme)
            self.calls.append({"call": call, "name": name, "scheme": scheme, "escaped": escaped})
            return escaped

        setattr(openmetrics_exposition, function, recording)

    def pytest_runtest_setup(self):
        self.calls = []

    def pytest_runtest_logreport(self, report):
        if report.when == "call" and report.passed:
            self.said += [dict(call, test=report.nodeid) for call in self.calls]


recorder = Recorder()
recorder.parses(parser, "text")
recorder.parses(openmetrics_parser, "openmetrics")
recorder.prints(exposition, parser)
recorder.prints(openmetrics_exposition, openmetrics_parser)
recorder.escapes("escape_metric_name", "metric_name")
recorder.escapes("escape_label_name", "label_name")

FILES = ["test_parser.py", "test_exposition.py", "openmetrics/test_parser.py", "openmetrics/test_exposition.py"]
# These talk to servers, and print nothing that others do not.
SKIPPED = "PushGateway or TLS or handler"
OPTIONS = ["-q", "-p", "no:cacheprovider", "--import-mode=importlib", "-k", f"not ({SKIPPED})"]
with contextlib.redirect_stdout(io.StringIO()) as output:
    for directory in map(pathlib.Path, sys.argv[1:]):
        files = [str(directory / file) for file in FILES if (directory / file).exists()]
        pytest.main([*OPTIONS, f"--rootdir={directory}", *files], plugins=[recorder])
sys.stderr.write(output.getvalue())
for call in recorder.said:
    print(json.dumps(call))
