"""Writes the first inputs of the corpus: a good request, and each way it is spoiled. `python3 make-seeds.py DIRECTORY`."""

import struct
import sys
from pathlib import Path

MAGIC = 0x4C4C4543
LIMITS = (10**9, 10**9, 1 << 26, 1 << 20, 1 << 20, 1 << 26, 0, 1 << 20)


def request(strings, argc=1, envc=1, in_count=0, out_count=0, **spoilt):
    payload = b"".join(text.encode() + b"\0" for text in strings)
    words = dict(magic=MAGIC, kind=1, run=1, flags=0, bytes=len(payload)) | spoilt
    head = struct.pack("<5I4H2I", *words.values(), argc, envc, in_count, out_count, 64, 256)
    fixed = head + struct.pack("<8Q", *LIMITS)
    return fixed.ljust(128, b"\0") + payload


def main(directory):
    plain = ["/exe/program", "/exe/program", "A=b"]
    seeds = {
        "good": (3, request(plain)),
        "files": (6, request(plain + ["bmain.c", "xprogram", "out/a.txt"], in_count=2, out_count=1)),
        "many-files": (243, request(plain + [f"b{i}" for i in range(240)], in_count=240)),
        "empty-strings": (3, request(["", "", ""])),
        "no-descriptors": (0, request(plain)),
        "too-many-descriptors": (250, request(plain)),
        "one-descriptor-too-many": (244, request(plain)),  # found by fuzzing: the room for a message is rounded up
        "fewer-strings": (3, request(plain, argc=2)),
        "more-strings": (3, request(plain + ["one more"])),
        "all-counts": (3, request(plain, argc=65535, envc=65535, in_count=65535, out_count=65535)),
        "path-upwards": (4, request(plain + ["b../x"], in_count=1)),
        "path-deep": (4, request(plain + ["b" + "a/" * 600 + "x"], in_count=1)),
        "path-empty": (4, request(plain + ["b"], in_count=1)),
        "exe-with-slash": (4, request(plain + ["xa/b"], in_count=1)),
        "no-nul": (3, request(plain)[:-1] + b"x"),
        "huge-payload": (3, request(plain, bytes=0xFFFFFFFF)),
        "magic": (3, request(plain, magic=0)),
        "short": (3, request(plain)[:100]),
    }
    for name, (count, data) in seeds.items():
        for cut in (0, 3):
            Path(directory, f"{name}-{cut}").write_bytes(bytes([count, cut]) + data)


main(sys.argv[1])
