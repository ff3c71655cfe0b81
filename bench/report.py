"""The table on the screen and as docs/benchmarks.md, with the machine it was measured on."""

import datetime
import platform
import sys

import numpy
import pandas
import psycopg2
import sklearn
from threadpoolctl import threadpool_info

HEADINGS = ["what", "custseg", "the other", "ratio", "required", "verdict"]


def cells(row):
    """A row as texts."""
    return [row.what, row.ours, row.theirs, row.ratio, row.required, row.verdict]


def show(title, rows):
    """Print one case's rows."""
    print(f"\n{title}")
    for row in rows:
        what, *figures = cells(row)
        print(f"  {what}\n      " + " | ".join(figure for figure in figures if figure), flush=True)


def first_match(path, key):
    """The value behind the first line of a file that starts with the key."""
    with open(path, encoding="utf-8") as file:
        return next(line.split(":", 1)[1].strip() for line in file if line.startswith(key))


def machine(server, settings):
    """What the figures depend on, one fact an item."""
    memory = int(first_match("/proc/meminfo", "MemTotal").split()[0]) / 1024 ** 2
    blas = next((f"{each['internal_api']} {each['version']}" for each in threadpool_info()
                 if each["user_api"] == "blas"), "BLAS unknown")
    with open("/proc/cpuinfo", encoding="utf-8") as cpuinfo:
        cores = sum(line.startswith("processor") for line in cpuinfo)
    return [
        f"{first_match('/proc/cpuinfo', 'model name')}, {cores} cores, {memory:.0f} GB of memory, "
        f"{platform.system()} {platform.release()}",
        server,
        settings,
        f"Python {platform.python_version()}, scikit-learn {sklearn.__version__}, "
        f"NumPy {numpy.__version__}, {blas}, pandas {pandas.__version__}, "
        f"psycopg2 {psycopg2.__version__.split()[0]}",
    ]


def write(path, sections, facts, command, planned):
    """Write the report; say how many of the planned sections there are while some are to come."""
    today = datetime.datetime.now(datetime.timezone.utc).date()
    lines = ["# Benchmarks", "",
             f"Measured on {today} by `{command}`, which writes this page.  `bench/README.md` says "
             "how to read it.", ""]
    lines += [f"- {fact}" for fact in facts]
    if len(sections) < planned:
        lines += [f"- {len(sections)} of {planned} sections: the run was ended before the others"]
    for title, rows in sections:
        lines += ["", f"## {title}", "", "| " + " | ".join(HEADINGS) + " |", "|---" * len(HEADINGS) + "|"]
        lines += ["| " + " | ".join(cells(row)) + " |" for row in rows]
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def summary(sections):
    """Say how many requirements are met; return False when one is not."""
    judged = [row for _, rows in sections for row in rows if row.passed is not None]
    short = [row for row in judged if not row.passed]
    print(f"\n{len(judged) - len(short)} of {len(judged)} requirements met")
    for row in short:
        print(f"  short: {row.what}: {row.ratio or row.ours} ({row.required})", file=sys.stdout)
    return not short
