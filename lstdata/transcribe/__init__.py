"""Transcripts with word times for records that have none."""

from __future__ import annotations

from lstdata.transcribe.config import TranscribeConfig as TranscribeConfig
from lstdata.transcribe.folder import Asked as Asked
from lstdata.transcribe.run import Totals as Totals
from lstdata.transcribe.run import survey as survey
from lstdata.transcribe.run import transcribe as transcribe
