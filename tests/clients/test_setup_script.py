"""The set-up script and the root program on hosts: plain sh without a complaint from shellcheck."""

import subprocess

import pytest

from clients.services import onboarding
from tests import people


@pytest.mark.parametrize("access", ["manage", "read_only"])
def test_the_set_up_script_is_clean_sh(sample_client, access, tmp_path):
    script = tmp_path / "setup.sh"
    script.write_text(onboarding.setup_script(people.make_system(sample_client, access=access)))
    checked = subprocess.run(["shellcheck", "-s", "sh", str(script)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
    assert ("NOPASSWD" in script.read_text()) == (access == "manage")
    assert "PRIVATE KEY" not in script.read_text()
