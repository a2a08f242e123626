"""A group of processes whose memory the kernel limits: cgroup v2, or the memory controller of v1."""
import os
import pathlib
import signal


class MemoryGroup:
    """Made with a limit in bytes; OSError where this process may not make one. Processes `enter` it; `remove` ends it."""

    def __init__(self, limit, name="test"):
        own = {parts[1]: parts[2] for parts in (line.split(":", 2) for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines())}
        if "memory" in own:
            parent, file = pathlib.Path("/sys/fs/cgroup/memory" + own["memory"]), "memory.limit_in_bytes"
        else:
            parent, file = pathlib.Path("/sys/fs/cgroup" + own.get("", "/")), "memory.max"
        self.path = parent / f"vernier-{name}-{os.getpid()}"
        self.path.mkdir()
        try:
            (self.path / file).write_text(str(limit))
        except OSError:
            self.path.rmdir()
            raise

    def enter(self):
        """For preexec_fn."""
        (self.path / "cgroup.procs").write_text(str(os.getpid()))

    def remove(self):
        for process in (self.path / "cgroup.procs").read_text().split():
            os.kill(int(process), signal.SIGKILL)
        self.path.rmdir()
