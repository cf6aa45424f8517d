"""Runs all of it against a release binary; see scripts/conformance, which prepares what this needs.

Exits 1 on any failure. Nothing is ever skipped: what is missing fails.
"""

import pathlib
import re
import sys

import budget
import errors
import gateway
import herd
import jobs
import keys
from report import Report

SECTIONS = [("jobs", jobs), ("keys", keys), ("budget", budget), ("errors", errors), ("herd", herd)]

HEADINGS = {
    "jobs": "Jobs, ids and connections",
    "keys": "Client keys (`auth.mode = \"keys\"`)",
    "budget": "Budget mode",
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


def short(table):
    """A table without the texts behind the codes: what docs/sdks.md carries."""
    return re.sub(r"(`\w+` \d{3} `[^`]+`): .*?(?=; while the gateway| \(`| \|)", r"\1", table)


def as_documented(tables):
    """docs/sdks.md carries the results of all sections but the herd, whose time is another each time, and no other rows."""
    page = (gateway.ROOT / "docs/sdks.md").read_text().splitlines()
    seen = [row for table in tables for row in short(table).splitlines()]
    missing = [row for row in seen if row not in page]
    outlived = [row for row in page if row.startswith("|") and row not in seen]
    if missing or outlived:
        raise AssertionError("docs/sdks.md lacks, then has too many:\n" + "\n".join([*missing, "", *outlived]))
    return "the same"


def main(results):
    report = Report()
    for section, module in SECTIONS:
        run(report, section, module)
    tables = [f"## {HEADINGS[section]}\n\n{report.markdown(section)}" for section, _ in SECTIONS]
    shown = [report.markdown(section) for section, _ in SECTIONS if section != "herd"]
    report.run("documentation", "the tables in docs/sdks.md", lambda: as_documented(shown))
    results.parent.mkdir(parents=True, exist_ok=True)
    results.with_name("sdks.md").write_text("\n".join(short(table) for table in shown))
    requirements = (gateway.ROOT / "tests/conformance/requirements.txt").read_text().splitlines()
    versions = ", ".join(line for line in requirements if line.startswith("huaweicloud"))
    results.write_text(f"# The official Python SDK against jobgate\n\n{versions}, unmodified.\n\n" + "\n".join(tables))
    print(f"results: {results}")
    print(f"{report.passed} passed, {report.failed} failed")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
