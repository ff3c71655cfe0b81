"""The server: sessions that measure, and the memory of a backend with its parallel workers."""

import json
import os
import threading
import time

import psycopg2


class Session:
    """One connection; every statement is a transaction of its own."""

    def __init__(self):
        self.connection = psycopg2.connect("")
        self.connection.autocommit = True
        self.cursor = self.connection.cursor()
        self.pid = self.connection.get_backend_pid()

    def run(self, sql, values=None):
        """Run a statement; return its rows, if it has any."""
        self.cursor.execute(sql, values)
        return self.cursor.fetchall() if self.cursor.description else None

    def value(self, sql, values=None):
        """Return the one value of a query."""
        return self.run(sql, values)[0][0]

    def seconds(self, sql, values=None):
        """Run a statement; return the wall-clock time it took, as seen from here."""
        start = time.perf_counter()
        self.run(sql, values)
        return time.perf_counter() - start

    def workers(self, count):
        """Let train use that many parallel workers beside the leader."""
        self.run(f"SET max_parallel_maintenance_workers = {count}")

    def train(self, source, features, k, options=None, model="bench", algorithm="kmeans"):
        """Train a model of this name anew; return its measures, times in seconds."""
        if self.value("SELECT count(*) FROM custseg.model WHERE name = %s", [model]):
            self.run("SELECT custseg.drop_model(%s, whole => true)", [model])
        start = time.perf_counter()
        self.run("SELECT custseg.train(%s, %s, features => %s, k => %s, algorithm => %s, options => %s)",
                 [model, source, features, k, algorithm, json.dumps(options or {})])
        wall = time.perf_counter() - start
        metrics, iterations = self.run(
            "SELECT metrics, iterations FROM custseg.model_version WHERE model = %s", [model])[0]
        return {"wall": wall, "fit": metrics["fit_milliseconds"] / 1000,
                "iterations": iterations, "inertia": metrics["inertia"], "metrics": metrics}


class MemoryWatch:
    """
    Most memory that a backend and its parallel workers held together while the block ran, beyond
    what the backend held before: the sum of their proportional set sizes, sampled.
    """

    def __init__(self, pid):
        self.pid = pid
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            self.postmaster = stat.read().rsplit(")", 1)[1].split()[1]

    def __enter__(self):
        self.before = self._size(self.pid)
        self.peak = self.before
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._sample)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()
        self.bytes = self.peak - self.before

    def _sample(self):
        while not self.done.wait(0.01):
            sizes = [self._size(pid) for pid in [self.pid, *self._workers()]]
            self.peak = max(self.peak, sum(sizes))

    def _workers(self):
        path = f"/proc/{self.postmaster}/task/{self.postmaster}/children"
        with open(path, encoding="ascii") as children:
            pids = children.read().split()
        return [pid for pid in pids if f"parallel worker for PID {self.pid} " in self._title(pid)]

    @staticmethod
    def _title(pid):
        try:
            with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as title:
                return title.read() + " "
        except OSError:             # it has ended
            return ""

    @staticmethod
    def _size(pid):
        try:
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:
                return next(int(line.split()[1]) * 1024 for line in rollup if line.startswith("Pss:"))
        except OSError:             # it has ended
            return 0


def server_description(session):
    """Say which server and extension answered, and how it was configured."""
    names = ["shared_buffers", "maintenance_work_mem", "work_mem", "max_wal_size", "fsync",
             "autovacuum", "jit"]
    settings = ", ".join(f"{name} {session.value(f'SHOW {name}')}" for name in names)
    extension = session.value("SELECT extversion FROM pg_extension WHERE extname = 'custseg'")
    return f"PostgreSQL {session.value('SHOW server_version')}, custseg {extension}", settings


def work_file(name):
    """A file in the folder of this run."""
    return os.path.join(os.environ["BENCH_WORK"], name)
