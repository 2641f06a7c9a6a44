#!/usr/bin/env bash
# Builds the Kubernetes programs from their Go module into a folder: build.sh FOLDER VERSION (7 minutes of two cores).
set -euo pipefail
target=$1 version=$2
cd "$target"
export GOFLAGS=-mod=mod CGO_ENABLED=0 GOWORK=off

# The module's own go.mod points its parts into its source tree; as a dependency they are modules of their own.
module=$(go mod download -json "k8s.io/kubernetes@$version" | sed -n 's/^\s*"GoMod": "\(.*\)",\{0,1\}$/\1/p')
{
    printf 'module kubernetesdev\n\ngo %s\n\nrequire k8s.io/kubernetes %s\n\n' "$(sed -n 's/^go //p' "$module")" "$version"
    sed -n 's|^\s*\(k8s\.io/[a-z-]*\) => \./staging/.*|\1|p' "$module" | sort -u |
        while read -r part; do printf 'replace %s => %s v0.%s\n' "$part" "$part" "${version#v1.}"; done
} >go.mod

for program in kube-apiserver kube-controller-manager kube-scheduler kubelet kubectl; do
    printf '%s\n' "$program"
    nice -n 5 go build -trimpath -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=$version" \
        -o "$target/" "k8s.io/kubernetes/cmd/$program"
done
rm -f go.mod go.sum
