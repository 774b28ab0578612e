#!/usr/bin/env python3
"""Renders the drawings of this folder into rendered/: `icons/render.py`, or `--check` to see that nothing is out of date.

Needs `rsvg-convert` (Debian: librsvg2-bin). What it makes is committed, so that a build needs nothing.
"""

import struct
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

HERE = Path(__file__).resolve().parent
RENDERED = HERE / "rendered"
STATES = ["running", "working", "attention", "cooling-down", "stopped", "exposed", "exposed-attention", "exposed-cooling-down"]
TRAY_SIZES = [16, 24, 32, 64]
TEMPLATE_SIZES = [18, 36]
APP_SIZES = [16, 24, 32, 48, 64, 128, 256, 512]
ICO_SIZES = [16, 24, 32, 48, 64, 256]
# Source: Apple's icon container, types that hold a PNG.
ICNS_TYPES = {32: b"ic11", 64: b"ic12", 128: b"ic07", 256: b"ic08", 512: b"ic09"}
# macOS colours a template by its alpha alone.
BLACK = ".body,.badge{fill:#000!important}.body[fill=none],.quiet{fill:none!important;stroke:#000!important}.badge{stroke:#000!important}"


def png(drawing: Path, size: int, stylesheet: str | None = None) -> bytes:
    command = ["rsvg-convert", "--width", str(size), "--height", str(size)]
    with tempfile.NamedTemporaryFile("w", suffix=".css") as style:
        if stylesheet:
            style.write(stylesheet)
            style.flush()
            command += ["--stylesheet", style.name]
        made = subprocess.run([*command, str(drawing)], check=True, capture_output=True).stdout
    return same_everywhere(made)


def same_everywhere(made: bytes) -> bytes:
    """The picture alone, packed anew: without what the library of the day says about itself."""
    kept, data, place = [made[:8]], b"", 8
    while place < len(made):
        length, kind = struct.unpack(">I4s", made[place : place + 8])
        body = made[place + 8 : place + 8 + length]
        place += 12 + length
        if kind == b"IHDR":
            kept.append(chunk(kind, body))
        elif kind == b"IDAT":
            data += body
    return b"".join([*kept, chunk(b"IDAT", zlib.compress(zlib.decompress(data), 9)), chunk(b"IEND", b"")])


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def ico(pictures: dict[int, bytes]) -> bytes:
    place = 6 + 16 * len(pictures)
    entries = b""
    for size, picture in pictures.items():
        entries += struct.pack("<BBBBHHII", size % 256, size % 256, 0, 0, 1, 32, len(picture), place)
        place += len(picture)
    return struct.pack("<HHH", 0, 1, len(pictures)) + entries + b"".join(pictures.values())


def icns(pictures: dict[int, bytes]) -> bytes:
    blocks = b"".join(ICNS_TYPES[size] + struct.pack(">I", 8 + len(picture)) + picture for size, picture in pictures.items())
    return b"icns" + struct.pack(">I", 8 + len(blocks)) + blocks


def all_files() -> dict[str, bytes]:
    files = {}
    for state in STATES:
        drawing = HERE / "tray" / f"{state}.svg"
        files |= {f"tray/{state}-{size}.png": png(drawing, size) for size in TRAY_SIZES}
        files |= {f"template/{state}-{size}.png": png(drawing, size, BLACK) for size in TEMPLATE_SIZES}
    app = {size: png(HERE / "app.svg", size) for size in APP_SIZES}
    files |= {f"app/{size}.png": picture for size, picture in app.items()}
    files["app/aerostat.ico"] = ico({size: app[size] for size in ICO_SIZES})
    files["app/aerostat.icns"] = icns({size: app[size] for size in ICNS_TYPES})
    return files


def main() -> None:
    files = all_files()
    if "--check" in sys.argv[1:]:
        stale = [name for name, content in files.items() if (RENDERED / name).read_bytes() != content]
        sys.exit(f"out of date: {', '.join(stale)}; run icons/render.py" if stale else 0)
    for name, content in files.items():
        (RENDERED / name).parent.mkdir(parents=True, exist_ok=True)
        (RENDERED / name).write_bytes(content)


if __name__ == "__main__":
    main()
