# shellcheck shell=bash
# PostgreSQL, from the system's packages (Debian 12: 15); fast rather than safe: fsync is off.
svc_variable() { echo AIOPS_TEST_POSTGRES_URL; }
svc_packages() { echo '/usr/lib/postgresql/*/bin/initdb postgresql-15'; }
svc_offset() { echo 3; }
svc_url() { echo "postgres://aiops:aiops@127.0.0.1:$1/aiops"; }
# INT: end sessions and close in order; QUIT: end at once, recover at the next start.
svc_stop_signals() { printf 'INT 15\nQUIT 5\nKILL 5\n'; }

pg_bin() {
    local bin
    for bin in /usr/lib/postgresql/15/bin /usr/lib/postgresql/*/bin; do
        [[ -x $bin/initdb ]] && { echo "$bin"; return; }
    done
    fail 'postgres: initdb not found below /usr/lib/postgresql'
}

# The server refuses to run as root: root runs it as the package's user, or as nobody.
pg_user() {
    ((EUID == 0)) || return 0
    id -u postgres >/dev/null 2>&1 && echo postgres || echo nobody
}

as_pg_user() {
    local user
    user=$(pg_user)
    if [[ -n $user ]]; then
        (cd / && exec setpriv "--reuid=$user" "--regid=$(id -g "$user")" --clear-groups "$@")
    else
        "$@"
    fi
}

# In the state folder, or outside of the checkout when the server's user cannot get there.
pg_home() {
    local user
    user=$(pg_user)
    if [[ -z $user ]] || [[ ! -f $SVC_DIR/outside ]] && as_pg_user test -x "$SVC_DIR"; then
        echo "$SVC_DIR"
    else
        outside_dir
    fi
}

pg_init() {
    local data=$1 user password=$1.password
    user=$(pg_user)
    rm -rf "$data"
    mkdir -p "$data"
    chmod 700 "$data"
    echo aiops >"$password"
    [[ -z $user ]] || chown "$user" "$data" "$password"
    as_pg_user "$(pg_bin)/initdb" -D "$data" -U aiops -A scram-sha-256 --pwfile="$password" \
        -E UTF8 --locale=C.UTF-8 --no-sync >"$SVC_DIR/initdb.log" 2>&1 </dev/null ||
        { tail -n 10 "$SVC_DIR/initdb.log" >&2; fail 'postgres: initdb failed'; }
    rm -f "$password"
    as_pg_user touch "$data/aiops-initialised"
}

svc_prepare() {
    # shellcheck disable=SC2034 # read by spawn
    SVC_USER=$(pg_user)
    PG_DATA=$(pg_home)/data
    [[ -f $PG_DATA/aiops-initialised ]] || pg_init "$PG_DATA"
}

svc_command() {
    printf '%s\0' "$(pg_bin)/postgres" -D "$PG_DATA" -h 127.0.0.1 -p "$1" -k '' -c fsync=off -c full_page_writes=off \
        -c synchronous_commit=off -c max_connections=200 -c shared_buffers=64MB -c timezone=UTC
}

svc_ready() { "$(pg_bin)/pg_isready" -q -h 127.0.0.1 -p "$1" -U aiops -d postgres; }

# The database that the address names.
svc_after_ready() {
    local psql=("$(pg_bin)/psql" -X -q -A -t -h 127.0.0.1 -p "$1" -U aiops -d postgres)
    export PGPASSWORD=aiops
    [[ $("${psql[@]}" -c "select 1 from pg_database where datname = 'aiops'") == 1 ]] ||
        "${psql[@]}" -c 'create database aiops'
}
