#!/bin/sh
# Runs a script as the first process of its container: time limit, stop of the whole tree, files handed over by the log.
# arguments: mark, time limit in seconds, grace in seconds, bytes of files at most, bytes of one file at most, program...
mark=$1 limit=$2 grace=$3 room=$4 largest=$5
shift 5
base=/aiops
why='' pid=''

say() { printf '%s %s\n' "$mark" "$1"; }
# What the container leaves as its last words, read by whoever follows the run.
note() { printf '%s %s' "$mark" "$1" >/dev/termination-log; }
refuse() {
    say S
    note "start $1"
    exit 127
}

# Every process but this one; the second signal comes when the grace is over.
stop() {
    [ -z "$why" ] || return 0
    why=$1
    kill -s TERM -- -1 2>/dev/null
    (sleep "$grace"; kill -s KILL -- -1) >/dev/null 3>&- &
}

# Result and artifacts as a tar archive in lines that carry the mark.
hand_over() {
    set --
    if [ -e "$base/result.json" ] || [ -L "$base/result.json" ]; then set -- result.json; fi
    [ -z "$(ls -A "$base/artifacts" 2>/dev/null)" ] || set -- "$@" artifacts
    [ $# -gt 0 ] || return 0
    for tool in tar base64 sed wc; do
        command -v "$tool" >/dev/null 2>&1 || { say "N result and artifacts were left out: the image has no $tool"; return 0; }
    done
    bytes=$(tar -C "$base" -cf - "$@" 2>/dev/null | wc -c)
    if [ "$bytes" -gt "$room" ]; then
        say "N the artifacts were left out: they have $bytes bytes, and $room are handed over from a pod at most"
        [ "$1" = result.json ] || return 0
        set -- result.json
        bytes=$(tar -C "$base" -cf - "$@" 2>/dev/null | wc -c)
        [ "$bytes" -le "$room" ] || return 0
    fi
    wide=
    [ -z "$(printf x | base64 -w 4000 2>/dev/null)" ] || wide='-w 4000'
    say "B $bytes"
    # shellcheck disable=SC2086 # no word, or two
    tar -C "$base" -cf - "$@" 2>/dev/null | base64 $wide | sed "s/^/$mark T /"
    say E
}

mkdir -p "$base/work" "$base/artifacts" && cd "$base/work" || refuse 'the working folder cannot be made'
# Mounted secrets can be read by the group; the script gets them as files of its own.
for file in /aiops-script/secrets/*; do
    [ ! -f "$file" ] || (umask 077; cat "$file" >"/aiops-secrets/${file##*/}") || refuse 'the secrets cannot be written'
done
command -v "$1" >/dev/null 2>&1 || refuse "interpreter not found: $1; the image does not have it"
trap 'stop stopped' TERM
trap 'stop timeout' USR1
say S
# What the shell itself would tell of ended processes is no output of the script.
exec 3>&2 2>/dev/null
(ulimit -f "$((largest / 512))"; exec "$@" 2>&3 3>&-) </dev/null &
pid=$!
(sleep "$limit"; kill -s USR1 "$$") >/dev/null 3>&- &
while :; do
    wait "$pid"
    code=$?
    kill -0 "$pid" 2>/dev/null || break
done
kill -s KILL -- -1 2>/dev/null
[ "$why" != timeout ] || note timeout
# Ends a last line without line break, of either output: the node would run it together with the next one.
say Z
say Z >&3
hand_over
# What an output has after its own last word is not written yet: the node's copy may be behind the end of the container.
say Q
# Some nodes drop what is still in the pipes when a container ends.
sleep 0.5 || sleep 1
exit "$code"
