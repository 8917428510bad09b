"""Kills a recording process in every way, and looks what is left.

By default 100 kills of a session at 2 x 1 MS/s, and 10 of ``wattstage record`` itself.

Usage: python benchmarks/kill_matrix.py [--kills N] [--commands N] [--seed N] [--folder FOLDER]
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from kill_commands import commands_ended, commands_killed, lab
from kill_judge import RATE_HZ, Heard, Row, judge

_CHILD = Path(__file__).with_name("kill_recording.py")
_SFTP_SERVERS = ("/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server")


def listen(process: subprocess.Popen[str], heard: Heard) -> None:
    """Keep what the process says, until it is gone."""
    assert process.stdout is not None
    for line in process.stdout:
        if not line.endswith("\n"):
            return
        said = json.loads(line)
        if not heard.error:
            heard.given = said.get("given", heard.given)
        heard.error = said.get("error", heard.error)
        if said.get("flush") == "begun":
            heard.flushes_s.append((time.monotonic(), math.inf))
        elif "flush" in said:
            heard.flushes_s[-1] = (heard.flushes_s[-1][0], time.monotonic())
        if "mark" in said and not heard.error:  # what comes later is of no recording
            heard.marks.append(said["mark"])


def trial(  # noqa: PLR0917  # the order in which it happens
    row: Row,
    path: Path,
    what: str,
    after_s: float,
    die: Callable[[subprocess.Popen[str]], None],
    left: Path | None = None,
    in_flush: float | None = None,
) -> None:
    """Record, die, and look at what is left, perhaps elsewhere.

    ``in_flush`` is how far into a flush it shall be, as a part of how long the last one took.
    """
    heard = Heard()
    command = [sys.executable, str(_CHILD), str(path), what]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        listener = threading.Thread(target=listen, args=(process, heard))
        listener.start()
        while heard.given < after_s * RATE_HZ and not heard.error and process.poll() is None:
            time.sleep(0.001)
        if in_flush is not None:
            wait_for_flush(heard, in_flush)
        die(process)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            row.notes.add("had to be killed")
        listener.join()
    row.n += 1
    row.in_flush += heard.flushing
    row.marks += len(heard.marks)
    if heard.error:
        row.notes.add(heard.error.partition(" stopped: ")[2].partition(";")[0] or heard.error)
    judge(row, left or path, heard)


def wait_for_flush(heard: Heard, part: float) -> None:
    """Wait until the next flush is so far, if it takes as long as the last: some ms, so spin."""
    began_s, ended_s = next(each for each in heard.flushes_s[::-1] if each[1] < math.inf)
    n = len(heard.flushes_s)
    while len(heard.flushes_s) == n or not heard.flushing:
        time.sleep(0.0)
    while time.monotonic() < heard.flushes_s[-1][0] + part * (ended_s - began_s):
        time.sleep(0.0)


def done(*command: object) -> bool:
    """Run a command; return whether it succeeded."""
    asked = [str(word) for word in command]
    return subprocess.run(asked, capture_output=True, check=False).returncode == 0


def go_on(process: subprocess.Popen[str]) -> None:
    """Let the session go on, perhaps without its recording, and end it."""
    time.sleep(3.0)
    assert process.poll() is None, "the session ended, too"
    process.terminate()


def disk_full(folder: Path, rows: list[Row]) -> None:
    """Record onto a small disk until it is full."""
    disk = folder / "full"
    disk.mkdir()
    if not done("mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", disk):
        rows.append(Row("disk full", notes={"not run: may not mount"}))
        return
    try:
        rows.append(Row("disk full"))
        trial(rows[-1], disk / "r.h5", "calm", 8.0, go_on)
    finally:
        done("umount", disk)


def read_only(folder: Path, rows: list[Row]) -> None:
    """Record onto an ext4 of which the kernel finds an error, and makes it read-only then.

    A remount is refused while a file is open for writing, so the error is triggered.
    """
    image, disk = folder / "disk.img", folder / "disk"
    disk.mkdir()
    with image.open("wb") as file:
        file.truncate(256 << 20)
    if not (
        done("mkfs.ext4", "-q", image)
        and done("mount", "-o", "loop,errors=remount-ro", image, disk)
    ):
        rows.append(Row("read-only in mid-run", notes={"not run: may not mount"}))
        return
    device = next(
        line.split()[0] for line in Path("/proc/mounts").read_text().splitlines()
        if line.split()[1] == str(disk)
    )  # fmt: skip

    def die(process: subprocess.Popen[str]) -> None:
        Path("/sys/fs/ext4", Path(device).name, "trigger_fs_error").write_text("now")
        go_on(process)

    try:
        rows.append(Row("read-only in mid-run"))
        trial(rows[-1], disk / "r.h5", "calm", 2.0, die)
    finally:
        done("umount", disk)


def network_drive(folder: Path, rows: list[Row]) -> None:
    """Record onto a drive of a server that dies, and onto one that does not answer for a while."""
    server = next(filter(os.path.exists, _SFTP_SERVERS), "")
    for how in ("network drive gone in mid-run", "network drive silent for 10 s in mid-run"):
        rows.append(Row(how))
        disk, far = folder / how.split()[2] / "disk", folder / how.split()[2] / "far"
        disk.mkdir(parents=True)
        far.mkdir()
        connect = far.with_name("connect")
        connect.write_text(f"#!/bin/sh\necho $$ > {far}/pid\nexec {server}\n")
        connect.chmod(0o755)
        if not server or not done("sshfs", "-o", f"ssh_command={connect}", f"h:{far}", disk):
            rows[-1].notes.add("not run: needs sshfs and sftp-server")
            continue
        number = int((far / "pid").read_text())

        def die(process: subprocess.Popen[str], number: int = number, how: str = how) -> None:
            if "gone" in how:
                os.kill(number, signal.SIGKILL)
            else:
                os.kill(number, signal.SIGSTOP)
                time.sleep(10.0)
                os.kill(number, signal.SIGCONT)
            go_on(process)

        try:
            trial(rows[-1], disk / "r.h5", "calm", 2.0, die, left=far / "r.h5")
        finally:
            done("umount", "-l", disk)


def main() -> None:
    """Run all, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--commands", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where to record; else a temporary folder")
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    rng = random.Random(options.seed)
    folder = Path(tempfile.mkdtemp(prefix="kills-", dir=options.folder))
    rows = [Row("kill -9"), Row("kill -9 in a flush"), Row("kill -9 in a storm of marks")]
    try:
        for k in range(options.kills):
            path = folder / f"r{k}.h5"
            after_s, part = rng.uniform(0.7, 2.0), rng.uniform(0.0, 0.9)
            what = "storm" if k % 3 == 2 else "calm"
            in_flush = part if k % 3 == 1 else None
            trial(rows[k % 3], path, what, after_s, subprocess.Popen.kill, in_flush=in_flush)
            for each in folder.glob("r*"):
                each.unlink()
        for how, number in (("SIGTERM", signal.SIGTERM), ("closed terminal", signal.SIGHUP)):
            rows.append(Row(how))
            path = folder / f"{how}.h5".replace(" ", "-")
            trial(rows[-1], path, "calm", 1.5, lambda p, number=number: p.send_signal(number))
        disk_full(folder, rows)
        read_only(folder, rows)
        network_drive(folder, rows)
        with lab() as visa:
            commands_killed(visa, folder, rng, options.commands, rows)
            commands_ended(visa, folder, rows)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print("| How it ended | Trials | In a flush | Open | Lost, at most | Acknowledged marks |"
          " Missing | Repaired and verified | |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        counted = f"{row.n} | {row.in_flush} | {row.opened} | {row.lost_s:.2f} s | {row.marks}"
        notes = "; ".join(sorted(row.notes))
        print(f"| {row.how} | {counted} | {row.missing} | {row.verified} | {notes} |")


if __name__ == "__main__":
    main()
