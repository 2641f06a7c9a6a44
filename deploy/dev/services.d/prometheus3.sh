# shellcheck shell=bash
# The newest Prometheus 3, built from its Go module and cached by version (5 minutes the first time on two cores).
# shellcheck source=../prometheus.sh
. "$DEV_HERE/prometheus.sh"
PROMETHEUS3_VERSION=3.16.0
PROMETHEUS3_MODULE=v0.316.0

svc_variable() { echo AIOPS_TEST_PROMETHEUS3_URL; }
svc_packages() { :; }
svc_offset() { echo 1; }
p3_cache_name() { echo "prometheus3-$PROMETHEUS3_VERSION"; }

# Says why it cannot be built here. A Go of 1.21 or newer fetches the newer toolchain that the module names, if it may.
svc_unavailable() {
    local version
    [[ ! -x $DEV_CACHE/$(p3_cache_name)/prometheus ]] || return 1
    version=$(go env GOVERSION 2>/dev/null) || version=none
    if [[ $(printf '%s\n' "${version#go}" 1.21 | sort -V | head -n 1) == 1.21 && $version != none ]]; then return 1; fi
    echo "it is built with Go 1.21 or newer (found: $version); install Go and run: services build prometheus3"
}

# Service discovery for clouds is left out (half of the build); discovery by file stays. Low priority: what a person
# waits for goes first, an idle machine gives it both cores all the same.
p3_build() {
    cd "$1" || return 1
    GOBIN=$1 CGO_ENABLED=0 nice -n 10 go install -trimpath -tags remove_all_sd \
        -ldflags "-s -w -X github.com/prometheus/common/version.Version=$PROMETHEUS3_VERSION" \
        "github.com/prometheus/prometheus/cmd/prometheus@$PROMETHEUS3_MODULE"
}

svc_build() { cached_build "$(p3_cache_name)" p3_build; }
svc_command() { prometheus_command "$DEV_CACHE/$(p3_cache_name)/prometheus" "$1"; }
