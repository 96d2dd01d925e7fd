#!/usr/bin/env python3
"""Checks this package: every file against SHA256SUMS, no file too many, and the signature where ssh-keygen is here.

    python3 verify.py            checks the folder that it lies in
    python3 verify.py FILE.zip   checks a zip that was not unpacked
Needs Python 3.6 or later and nothing else. Exit status 0: all is as it was signed; 1: something is not; 2: files are, the signature was
not checked.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile

SUMS, SIGNATURE, SIGNERS = "SHA256SUMS", "SHA256SUMS.sig", "allowed_signers"


class Folder:
    """Unpacked files."""

    def __init__(self, root):
        self.root = root

    def names(self):
        for folder, _, files in os.walk(self.root):
            for name in files:
                yield os.path.relpath(os.path.join(folder, name), self.root).replace(os.sep, "/")

    def open(self, name):
        return open(os.path.join(self.root, *name.split("/")), "rb")


class Zip:
    """A zip as it came."""

    def __init__(self, path):
        self.archive = zipfile.ZipFile(path)

    def names(self):
        return [name for name in self.archive.namelist() if not name.endswith("/")]

    def open(self, name):
        return self.archive.open(name)


def digest(stream):
    found = hashlib.sha256()
    with stream:
        for piece in iter(lambda: stream.read(1 << 20), b""):
            found.update(piece)
    return found.hexdigest()


def check_files(place):
    wrong = 0
    with place.open(SUMS) as stream:
        lines = stream.read().decode("utf-8").splitlines()
    wanted = dict((line[66:], line[:64]) for line in lines if line)
    there = set(place.names())
    for name in sorted(wanted):
        if name.startswith("/") or ".." in name.split("/") or "\\" in name:
            print("NOT SAFE  " + name)
            wrong += 1
        elif name not in there:
            print("MISSING   " + name)
            wrong += 1
        elif digest(place.open(name)) != wanted[name]:
            print("CHANGED   " + name)
            wrong += 1
    for name in sorted(there - set(wanted) - {SUMS, SIGNATURE}):
        print("TOO MANY  " + name)
        wrong += 1
    print("%d files, %d wrong" % (len(wanted), wrong))
    return wrong == 0


def check_signature(place):
    """True, False, or None where it could not be checked."""
    tool = shutil.which("ssh-keygen")
    if not tool:
        return None
    folder = tempfile.mkdtemp()
    try:
        for name in (SIGNERS, SIGNATURE):
            with place.open(name) as stream, open(os.path.join(folder, name), "wb") as copy:
                copy.write(stream.read())
        with place.open(SUMS) as stream:
            content = stream.read()
        command = [
            tool,
            "-Y",
            "verify",
            "-f",
            os.path.join(folder, SIGNERS),
            "-I",
            "retainer",
            "-n",
            "handover",
            "-s",
            os.path.join(folder, SIGNATURE),
        ]
        done = subprocess.run(command, input=content, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode == 0
    finally:
        shutil.rmtree(folder)


def main(words):
    place = Zip(words[0]) if words else Folder(os.path.dirname(os.path.abspath(__file__)))
    if not check_files(place):
        return 1
    signed = check_signature(place)
    if signed is None:
        print("The signature was not checked: ssh-keygen is not on this machine.")
        return 2
    print("The signature fits." if signed else "THE SIGNATURE DOES NOT FIT.")
    print("Compare the key in allowed_signers (ssh-keygen -lf) with what you were told by another way.")
    return 0 if signed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
