"""Where downloads lie: in a hidden folder while they come, then whole at their place."""

from __future__ import annotations

import shutil
from pathlib import Path

from webui.contracts.download import FOLDERS, Download, Kind, Offer, RemoteFile
from webui.contracts.ids import DownloadId
from webui.services.downloads.names import ending, safe_name
from webui.services.model_place import check_free, put_in_place

STAGING = ".downloads"
"""Below the models' folder, so that the last step is a rename; hidden, so that nobody looks there."""


class Place:
    """The folder of models as downloads see it."""

    def __init__(self, models: Path) -> None:
        self._models = models

    def target(self, offer: Offer, kind: Kind, name: str, files: tuple[RemoteFile, ...]) -> str:
        """Where an offer goes, below the models' folder.

        Raises:
            BadRequest: there is something already.
        """
        last = safe_name(name) + (
            "" if offer.is_folder or len(files) > 1 else ending(files[0].path)
        )
        target = f"{FOLDERS[kind]}/{last}"
        check_free(self._models, target)
        return target

    def part(self, download: Download, file: RemoteFile) -> Path:
        """Where a file is written while it comes."""
        return self._staged(download.id) / (file.path + ".part")

    def whole(self, download: Download, file: RemoteFile) -> Path:
        """Where it lies, whole, until its neighbours are whole too."""
        return self._staged(download.id) / file.path

    def finish(self, download: Download) -> Path:
        """Put what has come to its place; all of it or nothing.

        Raises:
            BadRequest: something lies there by now.
        """
        target = self._models / download.target
        staged = self._staged(download.id)
        is_one = len(download.files) == 1 and not download.is_folder
        source = staged / download.files[0].path if is_one else staged
        put_in_place(source, target)
        self.clear(download.id)
        return target

    def clear(self, download_id: DownloadId) -> None:
        """Delete what of a download has not been put to its place."""
        shutil.rmtree(self._staged(download_id), ignore_errors=True)

    def _staged(self, download_id: DownloadId) -> Path:
        return self._models / STAGING / download_id
