
case ${1:-} in
read) document ;;
tour) tour ;;
*) echo "retainer-document: read, or tour" >&2 && exit 64 ;;
esac
