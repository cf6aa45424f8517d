"""Every case with every SDK, against a release binary; see scripts/conformance, which prepares what this needs.

Exits 1 on any failure. Nothing is ever skipped: what is missing fails.
"""

import contextlib
import pathlib
import re
import sys

import budget
import errors
import gateway
import jobs
import keys
import plain
import sdk
import ways
from report import Report

# name → (heading, module); the results of all but the last are the same each time, and stand in docs/sdks.md
SECTIONS = {
    "ways": ("Ways to the gateway", ways),
    "keys": ("Who is calling", keys),
    "jobs": ("Jobs, ids and connections", jobs),
    "budget": ("Budget mode", budget),
    "errors": ("Recorded answers of upstream", errors),
    "plain": ("Without an SDK", plain),
}
IN_THE_PAGE = list(SECTIONS)[:-1]
IN_THE_README = ["ways"]


def run(report, section, sdks):
    """A section that breaks off outside its cases, or has none, is a failure of its own."""
    before = report.passed + report.failed
    try:
        SECTIONS[section][1].run(report, section, sdks)
        if report.passed + report.failed == before:
            raise RuntimeError("no cases")
    except Exception as error:
        report.fail(section, "the section as a whole", "all", error)


def documented(name, tables, others_allowed):
    """A page carries these tables; unless others are allowed, no other row."""
    page = (gateway.ROOT / name).read_text().splitlines()
    seen = [row for table in tables for row in table.splitlines()]
    missing = [row for row in seen if row not in page]
    outlived = [row for row in page if row.startswith("|") and row not in seen] if not others_allowed else []
    if missing or outlived:
        raise AssertionError(f"{name} lacks, then has too many:\n" + "\n".join([*missing, "", *outlived]))
    return "the same"


def pinned():
    """The page names the versions that are tried."""
    requirements, pom, module = [
        (gateway.ROOT / "tests/sdk" / name).read_text() for name in ["python/requirements.txt", "java/pom.xml", "go/go.mod"]
    ]
    versions = re.findall(r"^(huaweicloudsdkcodeartsbuild)==(\S+)", requirements, re.MULTILINE)
    versions += re.findall(r"<artifactId>(huaweicloud-sdk-\w+)</artifactId>\s*<version>(\S+)</version>", pom)
    versions += re.findall(r"/(huaweicloud-sdk-go-v3) v(\S+)", module)
    page = (gateway.ROOT / "docs/sdks.md").read_text()
    missing = [(name, version) for name, version in versions if f"`{name}` {version}" not in page]
    if missing or len(versions) != 4:
        raise AssertionError(f"docs/sdks.md does not name {missing} of {versions}")
    return "named"


def main(workplace):
    report = Report()
    with contextlib.ExitStack() as running:
        sdks = [running.enter_context(sdk.Sdk(language, workplace)) for language in sdk.LANGUAGES]
        for section in SECTIONS:
            run(report, section, sdks)
    tables = {section: report.markdown(section) for section in SECTIONS}
    for name, sections, others_allowed in [("docs/sdks.md", IN_THE_PAGE, False), ("README.md", IN_THE_README, True)]:
        carried = [tables[section] for section in sections]
        report.run("documentation", name, lambda: documented(name, carried, others_allowed))
    report.run("documentation", "the versions in docs/sdks.md", pinned)
    results = workplace / "results.md"
    results.write_text("\n".join(f"## {heading}\n\n{tables[section]}" for section, (heading, _) in SECTIONS.items()))
    print(f"results: {results}")
    print(f"{report.passed} passed, {report.failed} failed")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
