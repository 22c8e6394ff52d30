#!/bin/sh
# eventually PATTERN COMMAND...: runs the command until what it prints meets the pattern (20 s at most), and prints that.
pattern=$1
shift
tries=0
while :; do
  printed=$("$@" 2>&1)
  if printf '%s\n' "$printed" | grep -Eq -- "$pattern" || [ "$tries" -ge 100 ]; then
    printf '%s\n' "$printed"
    printf '%s\n' "$printed" | grep -Eq -- "$pattern"
    exit
  fi
  tries=$((tries + 1))
  sleep 0.2
done
