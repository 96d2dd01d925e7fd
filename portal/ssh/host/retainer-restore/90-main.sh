
case ${1:-} in
run) run "${2:-}" ;;
restore) restoring "${2:-}" ;;
sweep) sweep ;;
read) reading ;;
survey) survey ;;
*) echo "retainer-restore: run FOLDER, sweep, read, or survey" >&2 && exit 64 ;;
esac
