#!/usr/bin/env bash
# Builds the web UI when its sources are newer than the last build.
set -euo pipefail
cd "$(dirname "$0")/../../frontend"

newest() { find src index.html package-lock.json vite.config.ts public -type f -newer dist/index.html -print -quit 2>/dev/null; }

if [[ -f dist/assets/.built && -z $(newest) ]]; then
    echo "ui: up to date"
    exit 0
fi
if [[ ! -d node_modules || package-lock.json -nt node_modules/.package-lock.json ]]; then
    echo "ui: installing packages"
    npm ci --no-audit --no-fund --loglevel=error
fi
echo "ui: building"
npm run build --silent
touch dist/assets/.built
