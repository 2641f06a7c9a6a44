# shellcheck shell=bash
# What both Prometheus services share: configuration, flags, readiness.

# Scrape targets and rules are common to both versions, so that both hold the same data.
prometheus_shared() { echo "$DEV_DIR/prometheus"; }
svc_url() { echo "http://127.0.0.1:$1"; }
svc_ready() { http_ok "http://127.0.0.1:$1/-/ready"; }
svc_after_stop() { rm -f "$(prometheus_shared)/targets/$SVC.json"; }

# Writes a file whole, so that a reader never sees half of it.
write_file() {
    cat >"$1.new"
    mv -f "$1.new" "$1"
}

svc_prepare() {
    local shared
    shared=$(prometheus_shared)
    mkdir -p "$SVC_DIR/data" "$shared/targets" "$shared/alertmanagers" "$shared/rules"
    : >"$shared/$DEV_MARK"
    write_file "$SVC_DIR/prometheus.yml" <<EOF
# Written anew at every start. Register scrape targets by writing targets/NAME.json (read again every second):
#   [{"targets": ["127.0.0.1:9100"], "labels": {"job": "shop", "service": "checkout"}}]
global:
  scrape_interval: 1s
  scrape_timeout: 1s
  evaluation_interval: 1s
rule_files: ["$shared/rules/*.yml"]
alerting:
  alertmanagers:
    - file_sd_configs: [{files: ["$shared/alertmanagers/*.json"], refresh_interval: 1s}]
scrape_configs:
  - job_name: registered
    file_sd_configs: [{files: ["$shared/targets/*.json"], refresh_interval: 1s}]
storage:
  tsdb: {out_of_order_time_window: 30d}
EOF
}

prometheus_command() {
    printf '%s\0' "$1" --config.file="$SVC_DIR/prometheus.yml" --storage.tsdb.path="$SVC_DIR/data" \
        --storage.tsdb.retention.time=60d --web.listen-address="127.0.0.1:$2" \
        --web.enable-lifecycle --web.enable-admin-api --web.enable-remote-write-receiver
}

# It scrapes itself too: there is something to query before anything else is registered.
svc_after_ready() {
    printf '[{"targets": ["127.0.0.1:%s"], "labels": {"job": "%s"}}]\n' "$1" "$SVC" |
        write_file "$(prometheus_shared)/targets/$SVC.json"
}
