"""Runs a script as processes of one run, as torchrun does: torchrun.py N SCRIPT ARGUMENTS."""

import os
import subprocess
import sys

n, *command = sys.argv[1:]
env = {**os.environ, "WORLD_SIZE": n}
ranks = [
    subprocess.Popen([sys.executable, *command], env={**env, "RANK": str(k)}) for k in range(int(n))
]
sys.exit(max(rank.wait() for rank in ranks))
