#!/usr/bin/env bash
# Many series from end to end: an exporter, a real Prometheus that scrapes it every 15 s, the product that judges every row.
# Prints processor time (/proc), memory, ticks (read, expected, read late) and lag as JSON. Nothing is missed when `ticks_missed` is 0
# and `ticks` is `ticks_expected`, one more or less at the edges for each monitor.
#   SERIES=20000 SECONDS_OF_HISTORY=300 SECONDS_MEASURED=300 deploy/dev/bench_series.sh
# AIOPS_BIN and TESTBED_BIN: binaries to use (release builds); PROMETHEUS_BIN: the server.
set -euo pipefail
cd "$(dirname "$0")/../.."
target=${CARGO_TARGET_DIR:-target}
aiops=${AIOPS_BIN:-$target/release/aiops}
testbed=${TESTBED_BIN:-$target/release/testbed}
prometheus=${PROMETHEUS_BIN:-/usr/bin/prometheus}
series=${SERIES:-20000}
history=${SECONDS_OF_HISTORY:-300}
measured=${SECONDS_MEASURED:-300}
block=20000
for file in "$aiops" "$testbed" "$prometheus"; do
    [[ -x $file ]] || { echo "$file is not there; build with: cargo build --release -p aiops -p testbed" >&2; exit 1; }
done
work=$(mktemp -d)
pids=()
finish() {
    for pid in "${pids[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
    for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
    if [[ ${KEEP:-0} == 1 ]]; then echo "kept: $work" >&2; else rm -rf "$work"; fi
}
trap finish EXIT
say() { echo "bench_series: $*" >&2; }
free_port() { node -e 'const s=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})'; }
until_true() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        if ((SECONDS > end)); then say "waited in vain for: $*"; return 1; fi
        sleep 0.5
    done
}

exporter_port=$(free_port)
nice -n 5 "$testbed" series --count "$series" --listen "127.0.0.1:$exporter_port" >"$work/exporter.log" 2>&1 &
pids+=($!)
cat >"$work/prometheus.yml" <<YAML
global: {scrape_interval: 15s, scrape_timeout: 14s}
scrape_configs:
  - job_name: bench
    static_configs: [{targets: ["127.0.0.1:$exporter_port"]}]
YAML
prometheus_port=$(free_port)
"$prometheus" --config.file="$work/prometheus.yml" --storage.tsdb.path="$work/tsdb" \
    --web.listen-address="127.0.0.1:$prometheus_port" >"$work/prometheus.log" 2>&1 &
pids+=($!)
source_url=http://127.0.0.1:$prometheus_port
until_true 60 curl -sf "$source_url/-/ready"
say "$series series are scraped; $history s of history"
sleep "$history"

port=$(free_port)
url=http://127.0.0.1:$port
password=$(head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n')
echo "$password" | "$aiops" user add bench --role admin --data-dir "$work/data" >/dev/null
AIOPS_BACKFILL_MINS=${BACKFILL_MINS:-60} "$aiops" serve --data-dir "$work/data" --listen "127.0.0.1:$port" \
    --discover false >"$work/aiops.log" 2>&1 &
product=$!
pids+=("$product")
until_true 60 curl -sf "$url/readyz"
enter() {
    token=$(curl -sf "$url/api/v1/session" -H 'content-type: application/json' \
        -d "{\"username\":\"bench\",\"password\":\"$password\"}" | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
}
enter
post() { curl -sf "$url/api/v1/$1" -H "authorization: Bearer $token" -H 'content-type: application/json' -d "$2"; }
source=$(post sources "{\"name\":\"bench\",\"kind\":\"prometheus\",\"url\":\"$source_url\",\"timeout_secs\":60}" |
    sed 's/.*"id":"\([^"]*\)".*/\1/')
monitors=$(((series + block - 1) / block))
for ((n = 0; n < monitors; n++)); do
    post monitors "{\"name\":\"bench $n\",\"source_id\":\"$source\",\"query\":\"bench_value{block=\\\"$n\\\"}\",\"interval_secs\":15,
        \"signal\":\"other\",\"entity_labels\":[\"service\"],\"detector\":{\"kind\":\"learned\"},\"max_series\":$block}" >/dev/null
done

metric() { curl -sf "$url/metrics" | awk -v name="$1" '$1 == name { printf "%d", $2 }'; }
clock_ticks=$(getconf CLK_TCK)
cpu() { awk '{ print $14 + $15 }' "/proc/$product/stat"; }
status() { awk -v key="$1:" '$1 == key { print $2 }' "/proc/$product/status"; }
# Every monitor is past its history, and polls.
lives() {
    local states
    if ! states=$(curl -sf "$url/api/v1/monitors/statuses" -H "authorization: Bearer $token"); then enter; return 1; fi
    [[ $(grep -o '"checked_at"' <<<"$states" | wc -l) -ge $monitors && $states != *history* ]] &&
        (($(metric aiops_ingest_ticks_total) >= monitors))
}
began=$SECONDS
until_true 900 lives
say "history learned and live after $((SECONDS - began)) s, $(($(cpu) / clock_ticks)) s of processor time"
learned=$((SECONDS - began))
sleep 20
ticks=$(metric aiops_ingest_ticks_total)
missed=$(metric aiops_ingest_ticks_missed_total)
rows=$(metric aiops_analyzer_rows_total)
used=$(cpu)
from=$(date +%s%N)
worst=0
end=$((SECONDS + measured))
while ((SECONDS < end)); do
    sleep 5
    lag=$(metric aiops_analyzer_lag_milliseconds)
    ((lag > worst)) && worst=$lag
done
seconds=$((($(date +%s%N) - from) / 1000000))
used=$(($(cpu) - used))
printf '{"series":%d,"monitors":%d,"history_seconds":%d,"seconds":%d.%03d,"rows":%d,"ticks":%d,"ticks_expected":%d,"ticks_missed":%d,' \
    "$series" "$monitors" "$learned" $((seconds / 1000)) $((seconds % 1000)) \
    $(($(metric aiops_analyzer_rows_total) - rows)) $(($(metric aiops_ingest_ticks_total) - ticks)) \
    $((seconds * monitors / 15000)) \
    $(($(metric aiops_ingest_ticks_missed_total) - missed))
printf '"failed_polls":%d,"worst_lag_ms":%d,"cpu_percent_of_a_core":%d.%d,"rss_mib":%d,"peak_rss_mib":%d,"database_mib":%d,"prometheus":"%s"}\n' \
    "$(metric aiops_ingest_poll_failures_total)" "$worst" \
    $((used * 100000 / clock_ticks / seconds)) $((used * 1000000 / clock_ticks / seconds % 10)) \
    $(($(status VmRSS) / 1024)) $(($(status VmHWM) / 1024)) "$(du -sm "$work/data" | cut -f1)" \
    "$("$prometheus" --version 2>&1 | awk '/version/ { print $3; exit }')"
