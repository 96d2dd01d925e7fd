
# --- restores for the day they are needed: the steps of a test, then what came back goes where it is wanted

REPLACED=/var/lib/retainer/replaced
ALLOWED=/etc/retainer/restores.allowed

# Modes: dry_run says what would change; folder puts it beside what lives; in_place puts it where it was, after a copy of what is
# replaced; rehearsal puts it into the scratch area, for the time that takes. Own exit statuses: 50 nothing of it came back; 51 the
# target can't be used; 52 the copy of what is replaced could not be made, and nothing was changed; 53 putting it there failed;
# 54 this host's administrator did not allow it.
restoring() {
    DIR=$1 PART=1
    : >"$DIR/facts"
    case $(given mode) in
    dry_run | rehearsal) ;;
    folder | in_place) allowed_here || return 54 ;;
    *) return 51 ;;
    esac
    begin "$1" || return
    PART=1 work=$top/1 tool=$(part tool)
    tool_is_here
    mkdir -p "$work/restore"
    keep_dump
    target=$(given target)
    case $(given mode) in
    in_place) target=/ ;;
    rehearsal) target=$top/placed ;;
    esac
    # a dry run without a folder tells of what lives in its place
    [ "$(given mode)$target" != dry_run ] || target=/
    case $target in /*) ;; *) fact unusable "the target is no absolute path" && return 51 ;; esac
    wanted_files || return 51
    [ -s "$work/wanted" ] || return 50
    what_changes
    case $(given mode) in
    dry_run)
        if allowed_here; then fact allowed yes; else fact allowed no; fi
        return 0
        ;;
    folder) target_is_empty || return 51 ;;
    in_place) keep_replaced || return 52 ;;
    esac
    put_there || return 53
}

# A dump is not loaded into what lives: it is proven by loading it elsewhere, and lies there to be loaded.
keep_dump() {
    case $family in postgresql | mysql) ;; *) return 0 ;; esac
    mv "$work/dump" "$work/restore/$(part database | head -n 1).dump" && chmod -R go= "$work/restore/"*.dump
}

# What of it was asked for, one path below the restored tree a line; a name that holds a line break stops the restore.
wanted_files() {
    part path | sed 's!^/!!; s!/$!!' >"$work/paths"
    (cd "$work/restore" && find . \( -type f -o -type l \) -printf '%P\n') >"$work/all-files"
    [ "$(wc -l <"$work/all-files")" -eq "$(find "$work/restore" \( -type f -o -type l \) -printf x | wc -c)" ] ||
        { fact unusable "the name of a file holds a line break" && return 1; }
    awk 'NR == FNR {paths[++n] = $0; next} n == 0 {print; next}
        {for (i = 1; i <= n; i++) if ($0 == paths[i] || index($0, paths[i] "/") == 1) {print; next}}' "$work/paths" "$work/all-files" >"$work/wanted"
    [ -s "$work/paths" ] || cp "$work/all-files" "$work/wanted"
}

what_changes() {
    new=0 same=0 replaced=0
    : >"$work/replaced"
    while IFS= read -r path; do
        if [ ! -e "${target%/}/$path" ] && [ ! -L "${target%/}/$path" ]; then
            new=$((new + 1))
            [ "$new" -gt "$SHOWN" ] || fact adds "${target%/}/$path"
        elif cmp -s "$work/restore/$path" "${target%/}/$path"; then
            same=$((same + 1))
        else
            replaced=$((replaced + 1))
            printf '%s\n' "$path" >>"$work/replaced"
            [ "$replaced" -gt "$SHOWN" ] || fact replaces "${target%/}/$path"
        fi
    done <"$work/wanted"
    fact changes "$new $same $replaced $(cd "$work/restore" && tr '\n' '\0' <"$work/wanted" | xargs -0 stat -c %s | awk '{b += $1} END {printf "%d", b}')"
}

# Whoever may put files where they were is root there, so that this host's administrator says from which repositories that may be.
allowed_here() { [ -f "$ALLOWED" ] && [ "$(stat -c %u "$ALLOWED")" = 0 ] && grep -qxF -e "$(part repository)" "$ALLOWED"; }

target_is_empty() {
    if [ -L "$target" ]; then fact unusable "$target is a symbolic link" && return 1; fi
    [ ! -e "$target" ] || [ -z "$(find "$target" -mindepth 1 -print -quit)" ] || { fact unusable "$target is not empty" && return 1; }
    for source in $(part source); do
        case $target/ in "$source"/*) fact unusable "$target lies inside the source $source" && return 1 ;; esac
    done
}

keep_replaced() {
    [ -s "$work/replaced" ] || return 0
    mkdir -p "$REPLACED" && chmod 700 "$REPLACED" || return 1
    phase keep tar --create --file="$REPLACED/$id.tar" --directory=/ --verbatim-files-from --files-from="$work/replaced" || { said; return 1; }
    tar --compare --file="$REPLACED/$id.tar" --directory=/ >/dev/null 2>&1 || { fact said "the copy is not what lies there" && return 1; }
    fact kept "$REPLACED/$id.tar"
}

# Only files and links: a folder that is there keeps its owner and mode, one that is not gets those of the snapshot.
put_there() {
    mkdir -p "$target" || return 1
    while IFS= read -r path; do
        folder=${path%/*}
        if [ "$folder" = "$path" ] || [ -d "${target%/}/$folder" ]; then continue; fi
        make_folders "$folder" || return 1
    done <"$work/wanted"
    # shellcheck disable=SC2016
    phase place sh -c 'tar --create --directory="$1" --verbatim-files-from --files-from="$2" --file=- | tar --extract --file=- --directory="$3" --preserve-permissions --same-owner --numeric-owner' \
        sh "$work/restore" "$work/wanted" "$target" || { said; return 1; }
    wrong=0
    while IFS= read -r path; do cmp -s "$work/restore/$path" "${target%/}/$path" || wrong=$((wrong + 1)); done <"$work/wanted"
    fact placed "$(wc -l <"$work/wanted") $wrong"
    [ "$wrong" -eq 0 ]
}

make_folders() {
    rest=$1 whole=''
    while [ -n "$rest" ]; do
        whole=$whole/${rest%%/*}
        case $rest in */*) rest=${rest#*/} ;; *) rest='' ;; esac
        [ ! -d "${target%/}$whole" ] || continue
        mkdir "${target%/}$whole" && chown --reference="$work/restore$whole" "${target%/}$whole" &&
            chmod --reference="$work/restore$whole" "${target%/}$whole" || return 1
    done
}
