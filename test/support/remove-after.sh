#!/bin/sh
# remove-after.sh <pid> <folder>: waits until the process has ended, then stops the PostgreSQL servers that still run in the
# folder, and removes the folder.
while kill -0 "$1"; do sleep 0.5; done
find "$2" -name postmaster.pid | while read -r file; do
  read -r pid <"$file"
  command=$(tr '\0' ' ' <"/proc/$pid/cmdline" || ps -ww -o command= -p "$pid")
  case "$command" in
    *"$2"*) kill -INT "$pid" && while kill -0 "$pid"; do sleep 0.1; done ;;
  esac
done
rm -rf "$2"
