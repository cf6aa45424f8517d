"""What was tried and how it went."""

import traceback


class Report:
    """Collects results; a case that raises has failed, whatever it raises."""

    def __init__(self):
        self.rows = []  # (section, title, outcome)
        self.failed = 0

    @property
    def passed(self):
        return len(self.rows) - self.failed

    def run(self, section, title, case):
        """Runs a case, which returns what happened in the words of the README."""
        try:
            outcome = case()
            if not isinstance(outcome, str):
                raise TypeError("a case must say what happened")
        except Exception as error:
            self.fail(section, title, error)
            return
        self.rows.append((section, title, outcome))
        print(f"passed  {section}: {title}: {outcome}", flush=True)

    def fail(self, section, title, error):
        """Notes a failure, with the way it came about on standard error."""
        traceback.print_exception(error)
        self.failed += 1
        self.rows.append((section, title, f"**failed**: {type(error).__name__}: {error}"))
        print(f"FAILED  {section}: {title}: {type(error).__name__}: {error}", flush=True)

    def markdown(self, section):
        """The results of a section as a table."""
        lines = ["| asked for | the client got |", "| --- | --- |"]
        lines += [f"| {cell(title)} | {cell(outcome)} |" for of, title, outcome in self.rows if of == section]
        return "\n".join(lines) + "\n"


def cell(text):
    """Text that cannot break out of its cell."""
    return " ".join(text.replace("|", "\\|").split())
