"""Whose fault it is: the user's, the data's, the world's or the disk's."""

from __future__ import annotations

from lstdata.redaction import redacted


class LstDataError(Exception):
    """Anything this package reports as one clear line; `exit_code` is what the command line exits with.

    URLs in the line are without their secrets.
    """

    exit_code = 1

    def __init__(self, *lines: str) -> None:
        super().__init__(*redacted(lines))

    def __str__(self) -> str:
        return "\n".join(map(str, self.args))


class ConfigError(LstDataError):
    """The user's: a wrong option, an unknown key, a source that is none. Carries all mistakes found at once."""

    exit_code = 2

    def __init__(self, *mistakes: str) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = redacted(mistakes)


class DamagedSource(LstDataError):
    """The data's: a source, or a file of it, that is not what it should be. Names it."""


class Rejected(LstDataError):
    """The data's: a deterministic verdict on one record, which becomes a dead letter.

    `reason` is a stable code (`[a-z0-9_]+`) that reports count by; `detail` names the rule and the value.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = redacted(detail)

    def __reduce__(self) -> tuple[type[Rejected], tuple[str, str]]:
        return (Rejected, (self.reason, self.detail))


class Unavailable(LstDataError):
    """The world's: network, missing mount, memory, time-out. Retried; never a verdict on a record."""


class CorruptShard(LstDataError):
    """The disk's: a shard, sidecar or index that is not what was committed. Names the shard and the sample."""


class IncompleteBuild(LstDataError):
    """The build ended without every record written or within its reject budget."""


class MissingExtra(LstDataError):
    """A feature needs a package that is not installed; names the extra that brings it."""

    exit_code = 2

    def __init__(self, feature: str, package: str, extra: str) -> None:
        super().__init__(f"{feature} needs `{package}`: install it by `pip install 'lstdata[{extra}]'`.")
        self.args_for_copy = (feature, package, extra)

    def __reduce__(self) -> tuple[type[MissingExtra], tuple[str, str, str]]:
        return (MissingExtra, self.args_for_copy)
