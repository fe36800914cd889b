"""Entry point for `ray job submit`: the lstdata command that it is given, with workers all over the cluster.

    ray job submit --working-dir . -- python pipelines/job.py build-shards s3://bucket/corpus s3://bucket/shards

The lstdata that runs, on the driver and on every node, is the one in the working directory. The exit code is the
command's own.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from lstdata.cli import main


def on_cluster(arguments: Sequence[str]) -> list[str]:
    """`arguments`, where the verb has workers, with `--runner ray --address auto`; what is given already wins.

    Ray takes `auto` for the cluster that runs the job, or else for the one that `RAY_ADDRESS` names.
    """
    from lstdata.cli.verbs import cli

    verb = cli.commands.get(arguments[0]) if arguments else None
    if verb is None or "--runner" not in {name for parameter in verb.params for name in parameter.opts}:
        return list(arguments)
    given = {argument.partition("=")[0] for argument in arguments}
    added = [] if "--runner" in given else ["--runner", "ray"]
    added += [] if {"--runner", "--address"} & given else ["--address", "auto"]
    return [arguments[0], *added, *arguments[1:]]


if __name__ == "__main__":
    sys.argv[1:] = on_cluster(sys.argv[1:])
    main()
