"""What Python's psutil understands of the /proc in the folder given, as JSON."""

import json
import os
import sys

import psutil

psutil.PROCFS_PATH = sys.argv[1]
pid = int(sys.argv[2])

# The number of CPUs comes from the C library where that knows it: from this computer. Without, it is counted.
ask_library = os.sysconf
def sysconf(name):
    if name == "SC_NPROCESSORS_ONLN":
        raise ValueError(name)
    return ask_library(name)
os.sysconf = sysconf

process = psutil.Process(pid)
print(json.dumps({
    "memory": psutil.virtual_memory()._asdict(),
    "swap": psutil.swap_memory()._asdict(),
    "times": psutil.cpu_times()._asdict(),
    "times_by_cpu": [times._asdict() for times in psutil.cpu_times(percpu=True)],
    "stats": psutil.cpu_stats()._asdict(),
    "cpus": psutil.cpu_count(),
    "boot_time": psutil.boot_time(),
    "pids": psutil.pids(),
    "name": process.name(),
    "parent": process.ppid(),
    "status": process.status(),
    "threads": process.num_threads(),
    "created": process.create_time(),
    "resident": process.memory_info().rss,
    "size": process.memory_info().vms,
    "user_ids": list(process.uids()),
}))
