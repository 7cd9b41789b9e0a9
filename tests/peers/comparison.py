"""What is printed: rows of figures, each beside NetWolf's own with as many sessions."""

import json

from processes import machine

# Below this share of the polls that were asked for, a client did not keep up.
KEPT_UP = 0.99
# A heading without a name stands over the ratio to NetWolf's figure.
HEADINGS = ("client", "sessions", "polls/s", "of asked", "CPU us/poll", "", "KiB/session", "", "CPU ms/login", "")
HEADINGS += ("p99 ms", "others")


class Comparison:
    """Rows of figures, each beside NetWolf at the same number of sessions."""

    def __init__(self, run, split):
        self.run, self.split = run, split
        self.rows, self.failures, self._netwolf = [], [], {}

    def add(self, figures):
        """Adds a row. A peer's comes after NetWolf's own with as many sessions."""
        asked = figures["sessions"] / self.run.interval
        figures["asked_per_second"] = asked
        figures["kept_up"] = figures["polls_per_second"] >= KEPT_UP * asked
        if figures["client"] == "NetWolf":
            self._netwolf[figures["sessions"]] = figures
        self.rows.append(figures)

    def knows(self, sessions):
        """Whether NetWolf has been measured with so many sessions."""
        return sessions in self._netwolf

    def ratio(self, figures, key):
        """How many times NetWolf's figure that is."""
        base = self._netwolf.get(figures["sessions"], {}).get(key)
        return figures[key] / base if base and figures.get(key) else None

    def json(self):
        """One object."""
        for row in self.rows:
            for key in ("cpu_us_per_poll", "rss_bytes_per_session", "login_cpu_ms"):
                row[f"{key}_ratio"] = self.ratio(row, key)
        told = {"machine": machine(), "split": self.split, "gcm": self.run.gcm}
        told |= {"interval_seconds": self.run.interval, "seconds": self.run.seconds}
        return json.dumps({**told, "clients": self.rows, "failures": self.failures})

    def table(self):
        """Lines for people."""
        cells = [HEADINGS, *(self._cells(row) for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*cells)]
        lines = [
            f"{machine()}; it is shared: compare the ratios of one run, (in brackets) times NetWolf's figure",
            f"each device polled every {self.run.interval_text}, its echo and output {self.split} apart;"
            f" measured for {self.run.seconds} s",
            "others: cores that something else kept busy while the client was there; above 0.1, measure again",
            "",
        ]
        for row in cells:
            first = row[0].ljust(widths[0])
            lines.append("  ".join([first, *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))]).rstrip())
        return "\n".join([*lines, "", *self._notes()]).rstrip()

    def _cells(self, row):
        def pair(key, scale, digits):
            value, ratio = row.get(key), self.ratio(row, key)
            return f"{value / scale:,.{digits}f}" if value else "-", f"({ratio:.2f})" if ratio else ""

        mark = "" if row["kept_up"] else " *"
        return (
            row["client"] + mark,
            f"{row['sessions']:,}",
            f"{row['polls_per_second']:,.0f}",
            f"{row['polls_per_second'] / row['asked_per_second']:.1%}",
            *pair("cpu_us_per_poll", 1, 1),
            *pair("rss_bytes_per_session", 1024, 1),
            *pair("login_cpu_ms", 1, 2),
            f"{row['p99_ms']:,.1f}" if row.get("p99_ms") is not None else "-",
            f"{row['others_cores']:.2f}",
        )

    def _notes(self):
        if not all(row["kept_up"] for row in self.rows):
            yield "* did not keep up; at a lower rate a poll costs more CPU, so the ratio is not like for like"
        for row in self.rows:
            if row.get("errors"):
                yield f"{row['client']}: {row['errors']} sessions were lost, the first one by {row['first_error']}"
            # Polls that are under way when the window begins and ends make a small difference.
            polls, values = row["polls_per_second"] * row.get("seconds", 0), row.get("values")
            if values is not None and abs(polls - values) > 0.02 * polls:
                yield f"{row['client']}: of {polls:.0f} polls it made {values} values; the rest waits in its queues"
        if any(row["sessions"] != self.run.sessions for row in self.rows):
            yield "fewer sessions are a lower rate: such a row is compared with NetWolf's of as many"
        yield from (f"failed: {failure}" for failure in self.failures)
