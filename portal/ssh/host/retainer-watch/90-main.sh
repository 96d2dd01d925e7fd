
case ${1:-} in
look) look ;;
drill) drill "${2:-}" ;;
ask) ask "${2:-}" ;;
calm) calm ;;
*) echo "retainer-watch: look, drill KIND, ask KIND, or calm" >&2 && exit 64 ;;
esac
