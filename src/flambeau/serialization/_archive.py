"""The zip file of a checkpoint: entries are stored without compression and aligned to 64 bytes."""

from __future__ import annotations

import struct
import zlib

ALIGNMENT = 64
_LIMIT32 = 0xFFFFFFFF
_LOCAL = struct.Struct("<4sHHHHHLLLHH")
_CENTRAL = struct.Struct("<4sHHHHHHLLLHHHHHLL")
_END = struct.Struct("<4sHHHHLLH")
_END64 = struct.Struct("<4sQHHLLQQQQ")
_LOCATOR64 = struct.Struct("<4sLQL")
# 1980-01-01, so that equal contents give equal files.
_DATE = 0x21
# The extra field that pads an entry ("FB").
_PAD_ID = 0x4246


def damaged(what: str) -> RuntimeError:
    """The one error for files that are cut short or broken."""
    return RuntimeError(
        f"load: the file is damaged or no checkpoint: {what}. Save or download it again."
    )


class Writer:
    """Writes entries to an open binary file, from its present position on."""

    def __init__(self, file, root: str) -> None:
        self.file = file
        self.root = root
        self.position = 0
        self.directory: list[bytes] = []

    def _put(self, data) -> None:
        self.file.write(data)
        self.position += len(data)

    def add(self, name: str, data) -> None:
        """Add an entry; ``data`` is bytes or a flat memoryview of bytes."""
        encoded = f"{self.root}/{name}".encode()
        size, checksum = len(data), zlib.crc32(data)
        offset = self.position
        large = size >= _LIMIT32
        extra = struct.pack("<HHQQ", 1, 16, size, size) if large else b""
        begin = offset + _LOCAL.size + len(encoded) + len(extra) + 4
        padding = -begin % ALIGNMENT
        extra += struct.pack("<HH", _PAD_ID, padding) + b"Z" * padding
        short = _LIMIT32 if large else size
        version = 45 if large or offset >= _LIMIT32 else 20
        fields = (version, 0x800, 0, 0, _DATE, checksum, short, short, len(encoded))
        self._put(_LOCAL.pack(b"PK\x03\x04", *fields, len(extra)))
        self._put(encoded + extra)
        self._put(data)
        wide = [size, size] if large else []
        if offset >= _LIMIT32:
            wide.append(offset)
        extra = struct.pack(f"<HH{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
        entry = _CENTRAL.pack(
            b"PK\x01\x02",
            version,
            *fields,
            len(extra),
            0,
            0,
            0,
            0,
            min(offset, _LIMIT32),
        )
        self.directory.append(entry + encoded + extra)

    def finish(self) -> None:
        """Write the directory."""
        begin, count = self.position, len(self.directory)
        self._put(b"".join(self.directory))
        size = self.position - begin
        if begin >= _LIMIT32 or size >= _LIMIT32 or count >= 0xFFFF:
            end = self.position
            record = (_END64.size - 12, 45, 45, 0, 0, count, count, size, begin)
            self._put(_END64.pack(b"PK\x06\x06", *record))
            self._put(_LOCATOR64.pack(b"PK\x06\x07", 0, end, 1))
        short = min(count, 0xFFFF)
        ends = (min(size, _LIMIT32), min(begin, _LIMIT32), 0)
        self._put(_END.pack(b"PK\x05\x06", 0, 0, short, short, *ends))


class Reader:
    """Finds and reads the entries of a checkpoint in a seekable binary file."""

    def __init__(self, file) -> None:
        import zipfile

        self.file = file
        self.length = file.seek(0, 2)
        try:
            self.zip = zipfile.ZipFile(file)
            self.entries = {entry.filename: entry for entry in self.zip.infolist()}
        except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error) as error:
            raise damaged(f"failed finding central directory ({error})") from None
        pickles = [name for name in self.entries if name.rpartition("/")[2] == "data.pkl"]
        if not pickles:
            if any(name.endswith("constants.pkl") for name in self.entries):
                raise RuntimeError("load: this is a TorchScript archive, which cannot be loaded")
            raise damaged("it has no entry data.pkl")
        self.root = min(pickles, key=len)[: -len("data.pkl")]

    def has(self, name: str) -> bool:
        return self.root + name in self.entries

    def size(self, name: str) -> int:
        """The size of an entry in bytes, known to lie within the file if it is stored."""
        return self._entry(name).file_size

    def _entry(self, name: str):
        entry = self.entries.get(self.root + name)
        if entry is None:
            raise damaged(f"entry {name!r} is missing")
        if entry.flag_bits & 1:
            raise damaged(f"entry {name!r} is encrypted")
        return entry

    def offset(self, name: str) -> int | None:
        """Where in the file the bytes of an entry begin; None for a compressed one."""
        entry = self._entry(name)
        if entry.compress_type != 0:
            return None
        if not 0 <= entry.header_offset < self.length:
            raise damaged(f"entry {name!r} lies outside the file")
        self.file.seek(entry.header_offset)
        header = self.file.read(_LOCAL.size)
        if len(header) != _LOCAL.size or header[:4] != b"PK\x03\x04":
            raise damaged(f"entry {name!r} has no header")
        fields = _LOCAL.unpack(header)
        begin = entry.header_offset + _LOCAL.size + fields[-2] + fields[-1]
        if entry.compress_size != entry.file_size or begin + entry.file_size > self.length:
            raise damaged(f"entry {name!r} reaches past the end of the file")
        return begin

    def read_into(self, name: str, target) -> None:
        """Read an entry into a writable flat memoryview of its size, and check it."""
        entry = self._entry(name)
        begin = self.offset(name)
        if begin is None:
            target[:] = self._inflate(entry, len(target))
        else:
            self.file.seek(begin)
            _read_exactly(self.file, target, name)
        if zlib.crc32(target) != entry.CRC:
            raise damaged(f"the checksum of entry {name!r} is wrong")

    def read(self, name: str) -> bytes:
        """The bytes of an entry."""
        begin = self.offset(name)
        if begin is None:
            return bytes(self._inflate(self._entry(name), self.size(name)))
        data = bytearray(self.size(name))
        self.read_into(name, memoryview(data))
        return bytes(data)

    def _inflate(self, entry, size: int):
        try:
            with self.zip.open(entry) as stream:
                data = stream.read(size)
        except Exception as error:
            raise damaged(f"entry {entry.filename!r}: {error}") from None
        if len(data) != size:
            raise damaged(f"entry {entry.filename!r} is shorter than announced")
        return data


def _read_exactly(file, target, name: str) -> None:
    """Fill ``target`` from a file, which may give fewer bytes at a time."""
    into = getattr(file, "readinto", None)
    while len(target):
        if into is not None:
            count = into(target)
        else:
            data = file.read(len(target))
            count = len(data)
            target[:count] = data
        if not count:
            raise damaged(f"entry {name!r} is cut short")
        target = target[count:]
