
# --- what came back as files, against what lives here

# find's words that leave out what the job excludes: an absolute pattern by its path, any other by its name.
excluded() {
    part exclude | while read -r pattern; do
        case $pattern in
        /*) printf '%s\n' -not -path "$pattern" -not -path "$pattern/*" ;;
        *) printf '%s\n' -not -name "$pattern" -not -path "*/$pattern/*" ;;
        esac
    done
}

# Expects the files under $work/restore as they lay on the system, and the snapshot's time in $work/taken.
compare_with_live() {
    printf '\n==> compare with what lives here\n'
    began=$(date +%s.%N)
    taken=$(cat "$work/taken")
    part source >"$work/sources"
    (cd "$work/restore" && find . -type f -printf '%s\t%T@\t%P\t%i\n') | tr -d '\r' >"$work/files" || return 1
    # a file of several names has its bytes once
    fact restored "$(awk -F '\t' '{n++} !($4 in seen) {seen[$4] = 1; b += $1} END {printf "%d %d", b, n}' "$work/files")"
    while read -r source; do
        planted=$work/restore$source/$CANARY
        fact source "$(find "$work/restore$source" -type f 2>/dev/null | wc -l) $source"
        [ ! -f "$planted" ] || fact canary "$(sha256sum <"$planted" | cut -d ' ' -f 1) $source/$CANARY"
    done <"$work/sources"
    if [ "$(given live)" = yes ]; then
        sample
        missing
        plant
    else
        fact elsewhere yes
    fi
    fact phase "compare 0 $(awk -v a="$began" -v b="$(date +%s.%N)" 'BEGIN {printf "%.2f", b - a}')"
}

# In strata, by a seed that is kept: the largest, newest, oldest, empty ones, odd names, and some at random.
sample() {
    seed=$(given seed)
    {
        sort -t "$TAB" -k 1,1nr "$work/files" | head -n 10
        sort -t "$TAB" -k 2,2nr "$work/files" | head -n 10
        sort -t "$TAB" -k 2,2n "$work/files" | head -n 10
        awk -F '\t' '$1 == 0' "$work/files" | head -n 5
        awk -F '\t' '$3 ~ /[^A-Za-z0-9_.\/-]/' "$work/files" | head -n 10
        awk -v seed="$seed" 'BEGIN {srand(seed)} {print rand() "\t" $0}' "$work/files" | sort -n | head -n "$(given sample)" | cut -f 2-
    } | sort -u >"$work/sample"
    cut -f 3 "$work/sample" >"$work/sampled"
    : >"$work/alike" && : >"$work/modes" && : >"$work/suspects" && : >"$work/bad"
    stamps / >"$work/live-stamps"
    stamps "$work/restore" >"$work/back-stamps"
    found=$(awk -F '\t' -v alike="$work/alike" -v modes="$work/modes" '
        FILENAME == ARGV[1] {if ($2 ~ /^regular/) {stamp[$1] = $3; mode[$1] = $4}; next}
        !($1 in stamp) {gone++; next}
        mode[$1] != $4 {print "/" $1 >modes}
        stamp[$1] != $3 {changed++; next}
        {print $1 >alike}
        END {printf "%d %d", changed, gone}' "$work/live-stamps" "$work/back-stamps")
    changed=${found% *} gone=${found#* }
    sums / >"$work/live-sums"
    sums "$work/restore" >"$work/back-sums"
    found=$(awk -v suspects="$work/suspects" '
        FILENAME == ARGV[1] {sum[substr($0, 67)] = substr($0, 1, 64); next}
        {name = substr($0, 67)}
        !(name in sum) {gone++; next}
        sum[name] == substr($0, 1, 64) {same++; next}
        {print name >suspects}
        END {printf "%d %d", same, gone}' "$work/live-sums" "$work/back-sums")
    same=${found% *} gone=$((gone + ${found#* }))
    while read -r path; do
        # what was written while it was read is changed, not different
        if [ "$(stat -c '%s %Y' "/$path" 2>/dev/null)" = "$(stat -c '%s %Y' "$work/restore/$path")" ]; then
            echo "/$path" >>"$work/bad"
        else
            changed=$((changed + 1))
        fi
    done <"$work/suspects"
    fact sample "$same $changed $gone $(wc -l <"$work/bad")"
    head -n "$SHOWN" "$work/bad" | while read -r path; do fact differs "$path"; done
    [ ! -s "$work/modes" ] || fact modes "$(wc -l <"$work/modes") $(head -n 1 "$work/modes")"
    fact sample_hash "$(cd "$work/restore" && cut -f 3 "$work/sample" | tr '\n' '\0' | xargs -0 -r sha256sum | sha256sum | cut -d ' ' -f 1)"
}

# Of the sampled paths below a folder, in one go: name, kind, size and time, owner and mode; their SHA-256.
stamps() { (cd "$1" && tr '\n' '\0' <"$work/sampled" | xargs -0 -r stat -c "%n$TAB%F$TAB%s %Y$TAB%U %G %a" 2>/dev/null); }
# a name that sha256sum has to escape begins its line with a backslash, on both sides alike
sums() { (cd "$1" && tr '\n' '\0' <"$work/alike" | xargs -0 -r sha256sum 2>/dev/null | sed 's!^\\!!'); }

# What lay in a source a minute before the snapshot, is not excluded, and did not come back.
missing() {
    cut -f 3 "$work/files" | sort >"$work/names"
    excluded >"$work/excluded"
    while read -r source; do
        if [ ! -e "$source" ]; then
            fact live_gone "$source"
            continue
        fi
        set -- -type f -not -newermt "@$((taken - 60))" -not -newerct "@$((taken - 60))"
        while read -r word; do set -- "$@" "$word"; done <"$work/excluded"
        find "$source" "$@" 2>/dev/null | sed 's!^/!!' | sort | comm -23 - "$work/names"
    done <"$work/sources" >"$work/missing"
    fact missing "$(wc -l <"$work/missing")"
    head -n "$SHOWN" "$work/missing" | while read -r path; do fact absent "/$path"; done
}

# A canary in each source, new in each test: the next snapshots must bring it back. Only where the job says so.
plant() {
    [ "$(part canary)" = yes ] || return 0
    while read -r source; do
        if [ ! -d "$source" ] || [ -L "$source" ] || [ -L "$source/$CANARY" ]; then continue; fi
        if [ -e "$source/$CANARY" ] && [ ! -f "$source/$CANARY" ]; then continue; fi
        fresh=$(mktemp "$source/$CANARY.XXXXXX") || continue
        printf 'retainer canary %s %s\n' "$id" "$(head -c 32 /dev/urandom | sha256sum | cut -d ' ' -f 1)" >"$fresh"
        chmod 644 "$fresh" && mv -f "$fresh" "$source/$CANARY" &&
            fact planted "$(date +%s) $(sha256sum <"$source/$CANARY" | cut -d ' ' -f 1) $source/$CANARY"
    done <"$work/sources"
}
