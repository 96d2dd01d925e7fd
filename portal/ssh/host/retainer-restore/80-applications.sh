
# --- composites: whether the parts that came back are of one application

application() {
    case $(given application) in
    nextcloud) nextcloud ;;
    *) ;;
    esac
}

# Asks the database part; the first one there is.
ask() {
    query=$1
    for PART in $(seq "$(given parts)"); do
        work=$top/$PART tool=$(part tool)
        tool_is_here
        case $family in postgresql | mysql) "${family}_ask" "$query" && return; return 1 ;; esac
    done
    return 1
}

# Rows of the file cache exist as files of that size, and files have their rows; the configuration has what can't be made anew.
nextcloud() {
    began=$(date +%s.%N)
    configuration=$(find "$top"/*/restore -path '*/config/config.php' -type f 2>/dev/null | head -n 1)
    [ -n "$configuration" ] || { fact application "no config.php came back" && return 0; }
    for name in instanceid secret passwordsalt; do
        grep -qE "'$name' => '[^']+'" "$configuration" || fact application "config.php has no $name"
    done
    prefix=$(sed -n "s/^ *'dbtableprefix' => '\([a-z0-9_]*\)'.*/\1/p" "$configuration" | head -n 1)
    prefix=${prefix:-oc_}
    folder=$(sed -n "s/^ *'datadirectory' => '\([^']*\)'.*/\1/p" "$configuration" | head -n 1)
    base=${configuration%%/restore/*}/restore
    [ -d "$base$folder" ] || for one in "$top"/*/restore; do [ ! -d "$one$folder" ] || base=$one; done
    if [ -z "$folder" ] || [ ! -d "$base$folder" ]; then fact application "the data folder $folder did not come back" && return 0; fi
    mine=$top/1
    ask "SELECT s.id, f.size, f.path FROM ${prefix}filecache f JOIN ${prefix}storages s ON s.numeric_id = f.storage JOIN ${prefix}mimetypes m ON m.id = f.mimetype
        WHERE m.mimetype <> 'httpd/unix-directory' AND f.path LIKE 'files/%' AND s.id LIKE 'home::%' ORDER BY f.fileid DESC LIMIT 2000" >"$mine/rows" 2>"$mine/err" ||
        { fact application "the file cache can't be read: $(tail -n 1 "$mine/err" | head -c 200)" && return 0; }
    whole=0 broken=0
    : >"$mine/known"
    while IFS=$TAB read -r storage size path; do
        file=${storage#home::}/$path
        echo "$file" >>"$mine/known"
        if [ "$(stat -c %s "$base$folder/$file" 2>/dev/null)" = "$size" ]; then
            whole=$((whole + 1))
        else
            broken=$((broken + 1))
            [ "$broken" -gt "$SHOWN" ] || fact row_without_file "$file"
        fi
    done <"$mine/rows"
    (cd "$base$folder" && find . -mindepth 3 -type f -path './*/files/*' -printf '%P\n') | sort >"$mine/there"
    sort -u "$mine/known" | comm -13 - "$mine/there" >"$mine/unknown"
    # where there are more rows than were asked for, files without one say nothing
    [ "$(wc -l <"$mine/rows")" -lt 2000 ] || : >"$mine/unknown"
    head -n "$SHOWN" "$mine/unknown" | while read -r file; do fact file_without_row "$file"; done
    fact rows_and_files "$whole $broken $(wc -l <"$mine/unknown")"
    nextcloud_code
    fact phase "application 0 $(awk -v a="$began" -v b="$(date +%s.%N)" 'BEGIN {printf "%.2f", b - a}')"
}

# What `occ integrity:check-core` compares, without PHP and a running server: the sums that the maker signed. Of three files the
# server itself writes a part. Source: nextcloud/server, lib/private/IntegrityCheck/Checker.php.
nextcloud_code() {
    root=${configuration%/config/config.php}
    [ -f "$root/core/signature.json" ] || return 0
    tr '{},' '\n' <"$root/core/signature.json" | sed -n 's!\\/!/!g; s/^ *"\([^"\\]*\)": *"\([0-9a-f]\{128\}\)".*/\2  \1/p' |
        grep -vE '  (/.*|.*\.\./.*|\.htaccess|\.user\.ini|core/js/mimetypelist\.js)$' >"$mine/signed"
    [ -s "$mine/signed" ] || { fact application "core/signature.json can't be read" && return 0; }
    (cd "$root" && sha512sum --check --quiet "$mine/signed" 2>/dev/null) | sed -n 's/: FAILED.*$//p' >"$mine/unsigned"
    patched=0 wrong=0
    while IFS= read -r file; do
        # somebody patched it where it lives, or it was damaged on the way
        if [ "$(given live)" != yes ] || cmp -s "$root/$file" "${root#*/restore}/$file"; then
            patched=$((patched + 1))
        else
            wrong=$((wrong + 1))
            [ "$wrong" -gt "$SHOWN" ] || fact code_wrong "$file"
        fi
    done <"$mine/unsigned"
    fact code "$(($(wc -l <"$mine/signed") - patched - wrong)) $patched $wrong"
}
