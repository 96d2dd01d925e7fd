{% autoescape off %}#!/bin/sh
# Lets the Retainer portal maintain this host. Run it once as root; running it again changes nothing but brings it up to date.
# It makes the user {{ login }}, lets one public key sign in as it (no password, no forwarding, no terminal){% if manage %},
# and allows that user one program as root: {{ helper }}, whose text is below.{% else %}. It gives no root rights.{% endif %}
# To take all of it back: userdel -r {{ login }}; rm -f /etc/sudoers.d/retainer{% for program in programs %} {{ program.path }}{% endfor %}
set -eu
[ "$(id -u)" = 0 ] || { echo "Run this as root." >&2; exit 1; }
{% if manage %}command -v visudo >/dev/null || { echo "sudo is missing. Install it first: apt-get install sudo" >&2; exit 1; }
{% endif %}
{% if manage %}made=
{% endif %}id {{ login }} >/dev/null 2>&1 || { useradd --system --create-home --home-dir /home/{{ login }} --shell /bin/sh {{ login }}{% if manage %} && made={{ login }}{% endif %}; }
# no password at all, which is not the same as a locked account: some sshd refuse those
usermod -p '*' {{ login }}
home=$(getent passwd {{ login }} | cut -d: -f6)
group=$(id -gn {{ login }})
install -d -m 700 -o {{ login }} -g "$group" "$home/.ssh"
key='restrict {{ public_key }}'
touch "$home/.ssh/authorized_keys"
grep -qxF "$key" "$home/.ssh/authorized_keys" || printf '%s\n' "$key" >>"$home/.ssh/authorized_keys"
chmod 600 "$home/.ssh/authorized_keys"
chown {{ login }}:"$group" "$home/.ssh/authorized_keys"
{% if manage %}
fresh=$(mktemp)
printf '%s\n' '{{ login }} ALL=(root) NOPASSWD: {{ helper }}' >"$fresh"
visudo -cqf "$fresh"
install -m 440 -o root -g root "$fresh" /etc/sudoers.d/retainer
{% for program in programs %}cat >"$fresh" <<'RETAINER_PROGRAM_END'
{{ program.source }}RETAINER_PROGRAM_END
install -m 755 -o root -g root "$fresh" {{ program.path }}
{% endfor %}rm -f "$fresh"
install -d -m 700 -o root -g root /var/lib/retainer /var/lib/retainer/runs
[ -z "$made" ] || printf '%s\n' "$made" >/var/lib/retainer/made-user
{% if runbooks %}# This is a staging system: runbooks are rehearsed here, and only these (sha256 of their steps). Take a line out and that one is not.
install -d -m 755 -o root -g root /etc/retainer
cat >/etc/retainer/runbooks.allowed <<'RETAINER_RUNBOOKS_END'
{% for one in runbooks %}{{ one.sha256 }} {{ one.name }}
{% endfor %}RETAINER_RUNBOOKS_END
chmod 644 /etc/retainer/runbooks.allowed
{% endif %}{% endif %}
echo "Done. Next, in the portal: Test connection."
{% endautoescape %}
