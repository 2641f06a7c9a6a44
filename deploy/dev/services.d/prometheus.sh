# shellcheck shell=bash
# Prometheus as the system packages it (Debian 12: 2.42), the old end of what people run.
# shellcheck source=../prometheus.sh
. "$DEV_HERE/prometheus.sh"
svc_variable() { echo AIOPS_TEST_PROMETHEUS_URL; }
svc_packages() { echo '/usr/bin/prometheus prometheus'; }
svc_offset() { echo 0; }
svc_command() { prometheus_command /usr/bin/prometheus "$1"; }
