"""Files that come with a form: in memory, bounded, and only where a page takes any. What is too large is read past and said."""

from __future__ import annotations

from typing import Any

from django.core.files.uploadedfile import InMemoryUploadedFile, UploadedFile
from django.core.files.uploadhandler import MemoryFileUploadHandler, SkipFile
from django.http import HttpRequest

# Pages that take files; on others what is sent as one is read past and kept nowhere.
TAKEN_AT = ("/tickets/", "/knowledge/", "/walkthroughs/bring/", "/handover/take-over/")
# All files of a form together.
LARGEST_B = 10 * 1024 * 1024
_TOO_LARGE = "retainer.upload_too_large"


class BoundedUploadHandler(MemoryFileUploadHandler):
    """Keeps the files of a form in memory, as long as they are not too large together."""

    def handle_raw_input(self, input_data: Any, META: Any, content_length: int, boundary: Any, encoding: Any = None) -> None:  # noqa: N803  # Django's own
        """Nothing is decided by the length that is said: each file is counted as it comes."""
        self.activated = True
        self._taken = 0
        self._wanted = str(META.get("PATH_INFO", "")).startswith(TAKEN_AT)

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Begin a file, where this page takes any."""
        if not self._wanted:
            raise SkipFile
        super().new_file(*args, **kwargs)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        """Take a piece, until all is too much."""
        self._taken += len(raw_data)
        if self._taken > LARGEST_B:
            if self.request is not None:
                self.request.META[_TOO_LARGE] = True
            raise SkipFile
        return super().receive_data_chunk(raw_data, start)

    def file_complete(self, file_size: int) -> UploadedFile[Any] | None:
        """The file, as Django hands it to the form."""
        file = super().file_complete(file_size)
        return file if isinstance(file, InMemoryUploadedFile) else None


def too_large(request: HttpRequest) -> bool:
    """Whether files of this request were left out because they were too large."""
    return bool(request.META.get(_TOO_LARGE))
