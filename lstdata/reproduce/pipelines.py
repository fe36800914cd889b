"""Where the recipes of this project are: in the package where it is installed, else in a checkout."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from lstdata.errors import ConfigError

PLACE: Final = "PIPELINES"
"""What stands for their folder in commands."""

_PACKAGE: Final = Path(__file__).resolve().parents[1]


def recipes_folder() -> Path:
    """`pipelines/`; of the working directory where the package has none, even if there is none there either."""
    places = [root / "pipelines" for root in (_PACKAGE, _PACKAGE.parent)]
    return next((place for place in places if place.is_dir()), Path("pipelines"))


def find_recipe(size: str) -> str:
    """The file of a size; ConfigError where it is not there."""
    path = recipes_folder() / f"reproduce-{size}.yaml"
    if not path.is_file():
        raise ConfigError(f"`pipelines/{path.name}` came neither with the package nor is it here: give `--recipe`.")
    return str(path)
