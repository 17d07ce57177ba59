"""Identifiers, distinct to the type checker so that one is never passed for another."""

from __future__ import annotations

import secrets
from typing import NewType

JobId = NewType("JobId", str)
PictureId = NewType("PictureId", str)
AdapterId = NewType("AdapterId", str)
"""Path below `models/` without its ending, '/' separated: 'starter/loras/chalk'."""
BatchId = NewType("BatchId", str)
DownloadId = NewType("DownloadId", str)
ImageId = NewType("ImageId", str)
"""sha256 hex of an uploaded image's bytes: equal images have equal ids."""
MakingId = NewType("MakingId", str)
ModelId = NewType("ModelId", str)
"""Path below `models/` without its ending, '/' separated: 'starter/text'."""


def new_job_id() -> JobId:
    """A fresh unguessable id of 16 characters."""
    return JobId(secrets.token_urlsafe(12))


def new_picture_id() -> PictureId:
    """A fresh unguessable id of 16 characters."""
    return PictureId(secrets.token_urlsafe(12))


def new_batch_id() -> BatchId:
    """A fresh unguessable id of 16 characters."""
    return BatchId(secrets.token_urlsafe(12))


def new_download_id() -> DownloadId:
    """A fresh id of 16 characters that names a folder: letters and digits only."""
    return DownloadId(secrets.token_hex(8))


def new_making_id() -> MakingId:
    """A fresh id of 16 characters that names a folder: letters and digits only."""
    return MakingId(secrets.token_hex(8))
