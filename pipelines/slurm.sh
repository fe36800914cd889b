#!/usr/bin/env bash
# A build on Slurm: one allocation, a Ray of its own in it, its head on the first node. From the root of a checkout,
# with SOURCE and OUT on a file system that all nodes share:
#   sbatch --nodes=8 --cpus-per-task=32 --mem-per-cpu=4G --time=24:00:00 pipelines/slurm.sh SOURCE OUT [OPTIONS…]
# Shortly before its time is up it puts itself back into the queue, and goes on where OUT is. It ends as
# `lstdata build-shards` does. A node that fails costs the shards that were being built on it, not the build.
#SBATCH --job-name=lstdata
#SBATCH --ntasks-per-node=1
#SBATCH --requeue
#SBATCH --no-kill
#SBATCH --open-mode=append
#SBATCH --signal=B:USR1@180
set -euo pipefail

bin=${LSTDATA_BIN:-.venv/bin}
cpus=${SLURM_CPUS_PER_TASK:?"sbatch --cpus-per-task=… says how many workers a node has"}
mapfile -t nodes < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
head_ip=${LSTDATA_HEAD_IP:-$("$bin/python" -c 'import ray; print(ray.util.get_node_ip_address())')}
port=$((20000 + SLURM_JOB_ID % 3000 * 4))

# The token of this job's Ray: a file that only its owner can read, in a home directory that all nodes share. Only its
# path is passed on.
private=$HOME/.lstdata/slurm-$SLURM_JOB_ID
(
    umask 077
    mkdir -p "$private"
    "$bin/python" -c 'import secrets; print(secrets.token_hex(32), end="")' >"$private/token"
)
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH=$private/token RAY_USAGE_STATS_ENABLED=0

steps=() driver='' ending=''
stop() { [[ -z $driver ]] || kill -TERM "$driver" 2>/dev/null || true; }
finish() {
    ((${#steps[@]} == 0)) || kill -TERM "${steps[@]}" 2>/dev/null || true
    steps=()
    wait
    rm -rf "$private"
}
trap finish EXIT
trap 'ending=requeue; stop' USR1
trap 'ending=end; stop' TERM INT

start() {  # NODE OPTIONS…: one node of Ray, on the resources that the job has there
    local node=$1
    shift
    srun --nodes=1 --ntasks=1 --cpus-per-task="$cpus" --nodelist="$node" --overlap --export=ALL \
        "$bin/ray" start "$@" --num-gpus="${SLURM_GPUS_ON_NODE:-0}" --temp-dir="/tmp/ray-$SLURM_JOB_ID" \
        --min-worker-port=0 --max-worker-port=0 --dashboard-agent-listen-port=0 --block </dev/null &
    steps+=($!)
}

# The driver takes one core of the first node.
start "${nodes[0]}" --head --node-ip-address="$head_ip" --port="$port" --num-cpus=$((cpus - 1)) \
    --dashboard-host=127.0.0.1 --dashboard-port=$((port + 1)) --ray-client-server-port=$((port + 2))
for ((try = 0; try < 60; try++)); do
    "$bin/ray" health-check --address "$head_ip:$port" 2>/dev/null && break
    kill -0 "${steps[0]}" 2>/dev/null || break
    sleep 2
done
"$bin/ray" health-check --address "$head_ip:$port" || { echo "error: Ray did not start on ${nodes[0]}." >&2; exit 1; }
for node in "${nodes[@]:1}"; do
    start "$node" --address="$head_ip:$port" --num-cpus="$cpus"
done

# The build counts GPUs once, when it begins: it waits for all nodes, or two minutes.
"$bin/python" - "$head_ip:$port" "${#nodes[@]}" <<'END' &
import sys, time, ray
address, wanted = sys.argv[1], int(sys.argv[2])
ray.init(address=address, logging_level="ERROR", log_to_driver=False)
deadline = time.monotonic() + 120
while (up := sum(node["Alive"] for node in ray.nodes())) < wanted and time.monotonic() < deadline:
    time.sleep(1)
if up < wanted:
    print(f"warning: {up} of {wanted} nodes are up; the build begins without the others.", file=sys.stderr)
END
driver=$!
wait "$driver" || true
driver=''

code=1
if [[ -z $ending ]]; then
    code=0
    "$bin/lstdata" build-shards "$@" --runner ray --address "$head_ip:$port" --workers $((${#nodes[@]} * cpus - 1)) &
    driver=$!
    wait "$driver" || code=$?
    while kill -0 "$driver" 2>/dev/null; do wait "$driver" || code=$?; done  # a signal ends `wait`, not the driver
fi
finish
if [[ $ending == requeue && $code -ne 0 ]]; then
    echo "The time of this job is up: it goes back into the queue, and on from here."
    scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
