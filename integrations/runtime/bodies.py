"""The body of an answer, decompressed as it arrives and never beyond a bound."""

import zlib
from typing import Protocol

from integrations.contracts.errors import PayloadError, ProviderUnavailableError

ACCEPTED = "gzip, deflate"
"""What requests say in `Accept-Encoding`: what is decompressed here."""

_GZIP = 16 + zlib.MAX_WBITS


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...

    def decompress(self, data: bytes, max_length: int = 0, /) -> bytes: ...


class Body:
    """
    Collects the pieces of one body.

    A few kilobytes can decompress to gigabytes, so each piece is decompressed only as far as
    there is room for it. Compression of something compressed is not accepted.

    Args:
        encoding: The answer's `Content-Encoding`.
        most_bytes: Longer bodies are refused, compressed and decompressed.
        where: Names the request in errors.

    Raises:
        PayloadError: If the encoding is not one that was asked for.
    """

    def __init__(self, encoding: str, *, most_bytes: int, where: str) -> None:
        self._most_bytes = most_bytes
        self._where = where
        self._received = 0
        self._content = bytearray()
        self._inflate: _Decompressor | None = None
        kind = encoding.strip().lower()
        self._deflate = kind == "deflate"
        if kind in {"gzip", "x-gzip"}:
            self._inflate = zlib.decompressobj(_GZIP)
        elif self._deflate:
            self._inflate = zlib.decompressobj()
        elif kind not in {"", "identity"}:
            raise PayloadError(
                f"{where}: expected an answer that is compressed by {ACCEPTED} or not at all, "
                "found another Content-Encoding"
            )

    def feed(self, piece: bytes) -> None:
        """
        Add a piece as it was received.

        Raises:
            PayloadError: If the body is too long.
            ProviderUnavailableError: If it cannot be decompressed.
        """
        first = self._received == 0
        self._received += len(piece)
        room = self._most_bytes - len(self._content)
        if self._inflate is None:
            self._content += piece[: room + 1]
        elif not self._inflate.eof:  # what follows the end is not part of it
            self._content += self._inflated(piece, room + 1, first=first)
        if max(len(self._content), self._received) > self._most_bytes:
            raise PayloadError(
                f"{self._where}: expected at most {self._most_bytes} bytes, found more"
            )

    def content(self) -> bytes:
        """
        Return the whole body.

        Raises:
            ProviderUnavailableError: If its compressed form is cut off.
        """
        if self._inflate is not None and self._received and not self._inflate.eof:
            raise ProviderUnavailableError(f"{self._where}: the compressed answer is cut off")
        return bytes(self._content)

    def _inflated(self, piece: bytes, most: int, *, first: bool) -> bytes:
        assert self._inflate is not None  # noqa: S101 -- the caller has looked
        try:
            return self._inflate.decompress(piece, most)
        except zlib.error:
            if not (self._deflate and first):
                raise ProviderUnavailableError(
                    f"{self._where}: the answer cannot be decompressed"
                ) from None
        # Some servers send `deflate` without the wrapper that RFC 9110 wants.
        self._deflate = False
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        return self._inflated(piece, most, first=first)
