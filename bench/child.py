"""Run one command and say what it took: seconds on the wall, and the peak of its memory in MB.

A process of its own, because the kernel counts the memory of whoever forked towards the peak
of the program that is then started; this one has next to none. The answer goes to the file
that is named first.
"""

import os
import sys
import time

if __name__ == "__main__":
    answer, *command = sys.argv[1:]
    started = time.perf_counter()
    pid = os.posix_spawnp(command[0], command, os.environ)
    _, status, usage = os.wait4(pid, 0)
    seconds = time.perf_counter() - started
    with open(answer, "w") as file:  # noqa: PTH123 - pathlib would cost memory of its own
        file.write(f"{seconds} {usage.ru_maxrss / 1024}")
    sys.exit(os.waitstatus_to_exitcode(status))
