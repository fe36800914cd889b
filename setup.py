"""What pyproject.toml has no word for: the recipes in pipelines/ are installed inside the package."""

from pathlib import Path
from shutil import copyfile

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithRecipes(build_py):
    """An editable install finds them in the checkout."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            folder = Path(self.build_lib, "lstdata", "pipelines")
            folder.mkdir(parents=True, exist_ok=True)
            for path in Path("pipelines").glob("*.yaml"):
                copyfile(path, folder / path.name)


setup(cmdclass={"build_py": BuildWithRecipes})
