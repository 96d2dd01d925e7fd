"""The lab: real Debian hosts on this machine, with systemd, sshd and genuinely pending updates. See README.md."""
