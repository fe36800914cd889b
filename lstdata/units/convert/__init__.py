"""Codebooks that others have published, made into files of this package: once, and without running their code."""

from __future__ import annotations

from lstdata.units.convert.converting import Converted as Converted
from lstdata.units.convert.converting import Wanted as Wanted
from lstdata.units.convert.converting import convert_codebook as convert_codebook
