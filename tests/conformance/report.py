"""What was tried and how it went."""

import time
import traceback


class Report:
    """Collects results; a case that raises has failed, whatever it raises."""

    def __init__(self):
        self.rows = {}  # section → title → column → outcome
        self.passed = self.failed = 0

    def run(self, section, title, case, sdks=()):
        """Runs a case with each SDK, or without any. A case returns what the client got, in the words of the documentation."""
        for sdk in sdks or [None]:
            self._run(section, title, case, sdk)

    def _run(self, section, title, case, sdk):
        column = sdk.language if sdk else "the client"
        began = time.monotonic()
        try:
            outcome = case(sdk) if sdk else case()
            if not isinstance(outcome, str):
                raise TypeError("a case must say what happened")
        except Exception as error:
            self.fail(section, title, column, error)
            return
        self._note(section, title, column, outcome)
        self.passed += 1
        print(f"passed  {section}: {title}: {column}: {outcome} ({time.monotonic() - began:.1f} s)", flush=True)

    def fail(self, section, title, column, error):
        """Notes a failure, with the way it came about on standard error."""
        traceback.print_exception(error)
        self._note(section, title, column, f"**failed**: {type(error).__name__}: {error}")
        self.failed += 1
        print(f"FAILED  {section}: {title}: {column}: {type(error).__name__}: {error}", flush=True)

    def _note(self, section, title, column, outcome):
        self.rows.setdefault(section, {}).setdefault(title, {})[column] = outcome

    def markdown(self, section):
        """The results of a section as a table, case × SDK."""
        rows = self.rows.get(section, {})
        columns = list(dict.fromkeys(column for outcomes in rows.values() for column in outcomes))
        table = [["asked for", *columns], ["---"] * (len(columns) + 1)]
        table += [[title, *(outcomes.get(column, "") for column in columns)] for title, outcomes in rows.items()]
        return "".join("| " + " | ".join(map(cell, row)) + " |\n" for row in table)


def cell(text):
    """Text that cannot break out of its cell."""
    return " ".join(text.replace("|", "\\|").split())
