# shellcheck shell=bash
# Alertmanager, from the system's packages (Debian 12: 0.25); both Prometheus services send it their alerts.
svc_variable() { echo AIOPS_TEST_ALERTMANAGER_URL; }
svc_packages() { echo 'prometheus-alertmanager prometheus-alertmanager'; }
svc_offset() { echo 5; }
svc_url() { echo "http://127.0.0.1:$1"; }
svc_ready() { http_ok "http://127.0.0.1:$1/-/ready"; }

# The configuration is written once and may then be edited; POST /-/reload makes it count.
svc_prepare() {
    mkdir -p "$SVC_DIR/data"
    [[ -f $SVC_DIR/alertmanager.yml ]] || cat >"$SVC_DIR/alertmanager.yml" <<EOF
# Alerts are kept and shown, nobody is told. To hand them on, add webhook_configs to the receiver and POST /-/reload.
route:
  receiver: none
  group_wait: 1s
  group_interval: 1s
  repeat_interval: 1h
receivers:
  - name: none
EOF
}

svc_command() {
    printf '%s\0' prometheus-alertmanager --config.file="$SVC_DIR/alertmanager.yml" --storage.path="$SVC_DIR/data" \
        --web.listen-address="127.0.0.1:$1" --cluster.listen-address=
}

am_registration() { echo "$DEV_DIR/prometheus/alertmanagers/alertmanager.json"; }

svc_after_ready() {
    local file
    file=$(am_registration)
    mkdir -p "$(dirname "$file")"
    : >"$DEV_DIR/prometheus/$DEV_MARK"
    printf '[{"targets": ["127.0.0.1:%s"]}]\n' "$1" >"$file.new"
    mv -f "$file.new" "$file"
}

svc_after_stop() { rm -f "$(am_registration)"; }
