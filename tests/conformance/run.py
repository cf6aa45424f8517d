"""Runs all of it against a release binary; see scripts/conformance, which prepares what this needs.

Exits 1 on any failure. Nothing is ever skipped: what is missing fails.
"""

import pathlib
import sys

import errors
import gateway
import herd
import jobs
import keys
from report import Report

SECTIONS = [("jobs", jobs), ("keys", keys), ("errors", errors), ("herd", herd)]

HEADINGS = {
    "jobs": "Jobs, ids and connections",
    "keys": "Client keys (`auth.mode = \"keys\"`)",
    "errors": "Every recorded answer of upstream",
    "herd": "A herd",
}


def run(report, section, module):
    """A section that breaks off outside its cases, or has none, is a failure of its own."""
    before = len(report.rows)
    try:
        module.run(report, section)
        if len(report.rows) == before:
            raise RuntimeError("no cases")
    except Exception as error:
        report.fail(section, "the section as a whole", error)


def main(results):
    report = Report()
    for section, module in SECTIONS:
        run(report, section, module)
    tables = [f"## {HEADINGS[section]}\n\n{report.markdown(section)}" for section, _ in SECTIONS]
    requirements = (gateway.ROOT / "tests/conformance/requirements.txt").read_text().splitlines()
    versions = ", ".join(line for line in requirements if line.startswith("huaweicloud"))
    results.parent.mkdir(parents=True, exist_ok=True)
    results.write_text(f"# The official Python SDK against jobgate\n\n{versions}, unmodified.\n\n" + "\n".join(tables))
    print(f"results: {results}")
    print(f"{report.passed} passed, {report.failed} failed")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
