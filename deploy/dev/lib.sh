# shellcheck shell=bash
# Helpers for the development services: state folders, ports, processes that are known to be ours, builds, packages.

DEV_HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
DEV_ROOT=$(cd "$DEV_HERE/../.." && pwd -P)
DEV_CACHE=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/aiops-dev
# A state folder named by the caller is private: addresses in AIOPS_TEST_* are then not looked at.
# shellcheck disable=SC2034 # read by services
DEV_PRIVATE=${AIOPS_DEV_DIR:+yes}
DEV_DIR=$(realpath -m "${AIOPS_DEV_DIR:-$DEV_ROOT/.dev}")
DEV_DEADLINE=${AIOPS_DEV_DEADLINE:-90}
DEV_MARK=.aiops-dev-service

say() { printf '%s\n' "$*" >&2; }
fail() { say "error: $*"; exit 1; }

# A short name for this state folder, the same at every call, different for every folder.
dev_hash() { printf %s "$DEV_DIR" | cksum | cut -d' ' -f1; }

# Makes and prints the folder for data that another user must reach when that user cannot enter the state folder.
# Its place is noted, so that it is found again under another TMPDIR.
outside_dir() {
    local base
    base=${TMPDIR:-/tmp}/aiops-dev-$(dev_hash)
    if [[ ! -f $SVC_DIR/outside ]]; then
        mkdir -m 711 "$base" 2>/dev/null || [[ -O $base && ! -L $base ]] || fail "$SVC: $base is not ours, remove it"
        mkdir -p "$base/$SVC"
        : >"$base/$SVC/$DEV_MARK"
        printf '%s\n' "$base/$SVC" >"$SVC_DIR/outside"
    fi
    cat "$SVC_DIR/outside"
}

# Ends a process of this command and all that it started, the parent before its children.
kill_tree() {
    local child children
    children=$(cat "/proc/$1/task/$1/children" 2>/dev/null) || true
    kill "$1" 2>/dev/null || true
    for child in $children; do kill_tree "$child"; done
}

# ---- one service's folder ------------------------------------------------------------------------------------------

service_names() { local f; for f in "$DEV_HERE"/services.d/*.sh; do basename "$f" .sh; done; }

# Loads one service file; call it in a subshell, the function names are the same in all of them.
load_service() {
    SVC=$1
    SVC_FILE=$DEV_HERE/services.d/$SVC.sh
    [[ $SVC =~ ^[a-z0-9]+$ && -f $SVC_FILE ]] || fail "no service named '$SVC'; known: $(service_names | xargs)"
    SVC_DIR=$DEV_DIR/$SVC
    SVC_USER=
    svc_unavailable() { return 1; }
    svc_build() { :; }
    svc_after_ready() { :; }
    svc_after_stop() { :; }
    # Is it ours that answers? A service without a port says so by itself.
    svc_owns() { owns_port "$@"; }
    svc_stop_signals() { printf 'TERM 15\nKILL 5\n'; }
    # shellcheck source=/dev/null
    . "$SVC_FILE"
}

make_service_dir() {
    mkdir -p "$SVC_DIR"
    : >"$SVC_DIR/$DEV_MARK"
}

# Takes a lock file for the rest of the (sub)shell; spawn closes the descriptor in what it starts.
take_lock() {
    mkdir -p "$(dirname "$1")"
    exec 9>"$1"
    if ! flock -n 9; then
        [[ -z ${2:-} ]] || say "$2"
        flock 9
    fi
}

# ---- processes -----------------------------------------------------------------------------------------------------

# The start time of a process in clock ticks since boot; the name in field 2 may hold spaces and brackets.
start_time() {
    local line
    { read -r line <"/proc/$1/stat"; } 2>/dev/null || return 1
    line=${line##*) }
    cut -d' ' -f20 <<<"$line"
}

# What tells one process from every other on this machine: pid, start time, boot.
process_identity() {
    local started
    started=$(start_time "$1") || return 1
    printf '%s %s %s\n' "$1" "$started" "$(</proc/sys/kernel/random/boot_id)"
}

# Prints the pid if the process that we started is still there; a stale or foreign pid prints nothing.
our_pid() {
    local recorded pid
    { read -r recorded <"$SVC_DIR/pid"; } 2>/dev/null || return 1
    pid=${recorded%% *}
    [[ $pid =~ ^[0-9]+$ && $(process_identity "$pid") == "$recorded" ]] || return 1
    # A zombie has ended; it only waits for its parent.
    [[ $(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null | cut -c1) != Z ]] || return 1
    printf '%s\n' "$pid"
}

# Starts a command detached, with no descriptor of ours but the log, and records who it is.
spawn() {
    local log=$SVC_DIR/log as=()
    [[ ! -f $log ]] || mv -f "$log" "$log.1"
    [[ -z $SVC_USER ]] || as=(setpriv "--reuid=$SVC_USER" "--regid=$(id -g "$SVC_USER")" --clear-groups)
    (
        for fd in /proc/"$BASHPID"/fd/*; do
            fd=${fd##*/}
            ((fd <= 2 || fd == 255)) || eval "exec $fd>&-"
        done
        # A folder that every user can be in.
        cd / || exit 1
        exec setsid "${as[@]}" "$@"
    ) </dev/null >"$log" 2>&1 &
    process_identity $! >"$SVC_DIR/pid" || true
}

# Ends our process by the service's signals, each with its grace in seconds; every signal is preceded by the identity check.
stop_process() {
    local signal grace pid end
    while read -r signal grace; do
        pid=$(our_pid) || break
        kill "-$signal" "$pid" 2>/dev/null || true
        end=$((SECONDS + grace))
        while our_pid >/dev/null && ((SECONDS <= end)); do sleep 0.1; done
    done < <(svc_stop_signals)
    if pid=$(our_pid); then
        say "$SVC: process $pid did not end"
        return 1
    fi
    rm -f "$SVC_DIR/pid"
}

# ---- ports ---------------------------------------------------------------------------------------------------------

port_free() { ! (exec 8<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Is it our process that listens there? Another program's answer must not pass for ours.
owns_port() {
    local hex state local_address inode
    hex=$(printf ':%04X' "$2")
    while read -r _ local_address _ state _ _ _ _ _ inode _; do
        [[ $state == 0A && $local_address == *"$hex" ]] || continue
        [[ -z $(find "/proc/$1/fd" -lname "socket:\[$inode\]" 2>/dev/null) ]] || return 0
    done < <(cat /proc/net/tcp /proc/net/tcp6 2>/dev/null)
    return 1
}

# Ports to try: the one of last time, then from a block of 20 that the state folder's name chooses (21000-30999, below
# the range that the system hands out itself), then from the blocks after it.
port_candidates() {
    local n slot
    slot=$(($(dev_hash) % 500))
    [[ ! -s $SVC_DIR/port ]] || cat "$SVC_DIR/port"
    for n in {0..39}; do echo $((21000 + (slot + n * 7) % 500 * 20 + $(svc_offset))); done
}

# ---- waiting -------------------------------------------------------------------------------------------------------

# Waits until the service answers: 0 ready, 2 the port was taken by another, 1 it ended or the deadline passed.
wait_ready() {
    local port=$1 begin=$SECONDS told=0 waited
    until svc_ready "$port"; do
        if ! our_pid >/dev/null; then
            grep -qiE 'address (is )?already in use|BindException|could not bind' "$SVC_DIR/log" && return 2
            say "$SVC: ended while starting; the end of $SVC_DIR/log:"
            tail -n 20 "$SVC_DIR/log" >&2
            return 1
        fi
        waited=$((SECONDS - begin))
        if ((waited >= DEV_DEADLINE)); then
            say "$SVC: not ready after $waited s (limit: AIOPS_DEV_DEADLINE); the end of $SVC_DIR/log:"
            tail -n 20 "$SVC_DIR/log" >&2
            return 1
        fi
        if ((waited >= told + 5)); then
            told=$waited
            say "$SVC: waiting until it is ready, $waited s"
        fi
        sleep 0.1
    done
    # Something else may answer on a port that ours failed to get.
    svc_owns "$(our_pid)" "$port" || return 2
}

http_ok() { curl -fsS -m 5 --noproxy '*' -o /dev/null "$1" 2>/dev/null; }

# ---- packages ------------------------------------------------------------------------------------------------------

# Reads lines "COMMAND-OR-FILE PACKAGE" and prints the packages whose command or file is not there.
missing_packages() {
    local what package
    while read -r what package; do
        [[ -n $what ]] || continue
        if [[ $what == package ]]; then
            [[ $(dpkg-query -W -f='${Status}' "$package" 2>/dev/null) == 'install ok installed' ]] || echo "$package"
        elif [[ $what == */* ]]; then
            compgen -G "$what" >/dev/null || echo "$package"
        else
            command -v "$what" >/dev/null || echo "$package"
        fi
    done | sort -u
}

install_packages() {
    (($#)) || return 0
    local log apt=(env DEBIAN_FRONTEND=noninteractive apt-get)
    command -v apt-get >/dev/null || fail "missing: $*; this system has no apt-get, install them by its own means"
    if ((EUID != 0)); then
        sudo -n true 2>/dev/null || fail "missing: $*; install them as root: apt-get install --no-install-recommends $*"
        apt=(sudo -n "${apt[@]}")
    fi
    say "INSTALLING SYSTEM PACKAGES with apt-get: $*"
    say "  (where systemd runs, a package may start a service of its own; this project neither uses nor touches that one)"
    log=$(mktemp)
    # An update that fails (no network) leaves the lists of last time, which may do.
    "${apt[@]}" -o DPkg::Lock::Timeout=300 update >"$log" 2>&1 </dev/null || say "  apt-get update failed, going on"
    if ! "${apt[@]}" -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$@" \
        >>"$log" 2>&1 </dev/null; then
        tail -n 20 "$log" >&2
        fail "apt-get could not install $*; its whole output is in $log"
    fi
    rm -f "$log"
    say "  installed: $*"
}

# ---- cached builds -------------------------------------------------------------------------------------------------

# cached_build NAME-VERSION FUNCTION: runs FUNCTION TARGET once on this machine; TARGET appears whole or not at all.
cached_build() {
    local name=$1 function=$2 target=$DEV_CACHE/$1 work=$DEV_CACHE/$1.partial log=$DEV_CACHE/$1.log
    [[ -e $target ]] && return 0
    (
        take_lock "$DEV_CACHE/$name.lock" "$name: another build of it is under way, waiting for that one"
        [[ -e $target ]] && exit 0
        rm -rf "$work"
        mkdir -p "$work" || fail "$name: cannot write to $DEV_CACHE"
        say "$name: building it once into $DEV_CACHE (log: $log)"
        begin=$SECONDS
        "$function" "$work" >"$log" 2>&1 &
        builder=$!
        while sleep 0.5; kill -0 $builder 2>/dev/null; do
            (((SECONDS - begin) % 20 || (SECONDS - begin) == ${told:-0})) || { told=$((SECONDS - begin)); say "$name: building, $told s"; }
        done
        if ! wait $builder; then
            tail -n 20 "$log" >&2
            fail "$name: the build failed; its whole output is in $log"
        fi
        mv "$work" "$target" || exit 1
        say "$name: built in $((SECONDS - begin)) s"
    )
}
