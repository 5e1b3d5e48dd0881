#!/bin/sh
# A stdio MCP server that tells who it runs as, for tests of whom a command is started as. Nothing but POSIX sh and what
# every Linux has, so that any user of the machine can run it: `tools/call` answers, as text, with one fact a line:
# what /proc/self/status says of its ids, groups and rights, `env NAME=VALUE` for each variable, `cwd PATH`, `fd NUMBER TARGET`.

# Before anything else is opened. The folder that the list was read from is on it, and closed by now.
set -- /proc/$$/fd/*
inherited=
for one; do
    [ -L "$one" ] && inherited="$inherited $one"
done

facts() {
    grep -E '^(Uid|Gid|Groups|NoNewPrivs|CapEff|CapPrm|CapBnd):' /proc/self/status | tr '\t' ' '
    env | sed 's/^/env /'
    echo "cwd $(pwd)"
    for one in $inherited; do
        echo "fd ${one##*/} $(readlink "$one")"
    done
}

answer() {
    printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$1" "$2"
}

while IFS= read -r line; do
    id=$(printf '%s' "$line" | sed -n 's/.*"id":\([0-9][0-9]*\).*/\1/p')
    [ -n "$id" ] || continue
    case $line in
    *'"method":"initialize"'*)
        answer "$id" '{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"whoami","version":"1"}}'
        ;;
    *'"method":"tools/list"'*)
        answer "$id" '{"tools":[{"name":"whoami","inputSchema":{"type":"object"}}]}'
        ;;
    *'"method":"tools/call"'*)
        text=$(facts | sed 's/\\/\\\\/g; s/"/\\"/g' | sed ':a;N;$!ba;s/\n/\\n/g')
        answer "$id" "{\"content\":[{\"type\":\"text\",\"text\":\"$text\"}]}"
        ;;
    *) answer "$id" '{}' ;;
    esac
done
