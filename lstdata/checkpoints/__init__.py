"""Pretrained models: finding one, knowing it again, and loading it without running code from its files."""

from __future__ import annotations

from lstdata.checkpoints.finding import Checkpoint as Checkpoint
from lstdata.checkpoints.finding import find_checkpoint as find_checkpoint
