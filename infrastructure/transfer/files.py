"""The files of exports: plain lines, or the same compressed with zstd."""

from collections.abc import Callable, Iterator
from io import BufferedReader
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO, Final, cast

from ...domain.errors import InvalidRequest
from ..files.atomic import write_file
from ..files.paths import is_special, open_to_read

PLAIN, PACKED = ".jsonl", ".zst"
"""The file name suffixes of plain lines, and of compressed ones."""

COPY_BUFSIZE: Final = 2**20

MAX_WINDOW: Final = 2**27
"""Bytes that decompression may keep in memory: enough for every level of zstd without --long."""

_MAGIC = b"\x28\xb5\x2f\xfd"


def write_export(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file by ``write``, compressed unless its name says otherwise; atomically.

    A device or a pipe gets plain lines. Raises StorageUnavailable.
    """
    ending = path.suffix.lower()
    is_plain = ending == PLAIN or (ending != PACKED and is_special(path))
    write_file(path, write if is_plain else lambda file: _compress(file, write))


def _compress(file: BinaryIO, write: Callable[[BinaryIO], object]) -> None:
    zstandard = _zstandard(f"or let the name end in {PLAIN}, for plain lines")
    compressor = zstandard.ZstdCompressor(write_checksum=True)
    with compressor.stream_writer(file, closefd=False) as packing:
        write(cast("BinaryIO", packing))


def read_lines(file: BinaryIO, longest: int) -> Iterator[bytes]:
    """The lines of an open file from its beginning, each with its line feed; one over ``longest`` bytes without.

    The content tells whether it is compressed. Raises ValueError where it can't be decompressed.
    """
    file.seek(0)
    is_packed = file.read(len(_MAGIC)) == _MAGIC
    file.seek(0)
    if not is_packed:
        yield from iter(lambda: file.readline(longest), b"")
        return
    zstandard = _zstandard(f"or decompress the file (zstd -d) to one whose name ends in {PLAIN}")
    reader = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW).stream_reader(
        file, read_across_frames=True, closefd=False
    )
    unpacked = BufferedReader(reader)
    try:
        yield from iter(lambda: unpacked.readline(longest), b"")
    except zstandard.ZstdError as error:
        raise ValueError(f"from here on it can't be decompressed, so it was changed ({error})") from error


def _zstandard(otherwise: str) -> Any:
    try:
        import zstandard
    except ImportError:
        raise InvalidRequest(
            f"compressed exports need zstandard: pip install 'flowledger[zstd]', {otherwise}"
        ) from None
    return zstandard


def open_export(path: Path, max_bytes: int) -> BinaryIO:
    """Open a file that can be read more than once; a pipe is copied to a temporary file, up to ``max_bytes``.

    Raises InvalidRequest.
    """
    try:
        file = open_to_read(path)
        if not file.seekable():
            with file:
                return _spool(file, path, max_bytes)
    except OSError as error:
        raise InvalidRequest(f"can't read {str(path)!r}: {error.strerror or error}") from error
    return file


def _spool(pipe: BinaryIO, path: Path, max_bytes: int) -> BinaryIO:
    file = TemporaryFile()  # noqa: SIM115 - the caller's to close
    try:
        while part := pipe.read(COPY_BUFSIZE):
            file.write(part)
            if file.tell() > max_bytes:
                raise InvalidRequest(f"more than {max_bytes:,} bytes come from {str(path)!r}: max_bytes allows more")
    except BaseException:
        file.close()
        raise
    return cast("BinaryIO", file)
