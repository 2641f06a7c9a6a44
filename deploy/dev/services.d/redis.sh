# shellcheck shell=bash
# Redis, from the system's packages (Debian 12: 7.0); nothing is saved to disk.
svc_variable() { echo AIOPS_TEST_REDIS_URL; }
svc_packages() { echo 'redis-server redis-server'; }
svc_offset() { echo 4; }
svc_url() { echo "redis://127.0.0.1:$1/0"; }
svc_prepare() { mkdir -p "$SVC_DIR/data"; }
svc_command() {
    printf '%s\0' redis-server --bind 127.0.0.1 --port "$1" --dir "$SVC_DIR/data" \
        --save '' --appendonly no --daemonize no --maxmemory 256mb
}
svc_ready() { [[ $(redis-cli -h 127.0.0.1 -p "$1" ping 2>/dev/null) == PONG ]]; }
