"""A key file that anybody but its owner can use is refused, whichever key and whoever it is."""

from pathlib import Path

import pytest

from integrations.contracts import ConfigurationError
from integrations.runtime.settings import Settings, load_settings


def read(settings: Settings, name: str) -> object:
    return settings.service_key() if name == "service.key" else settings.encryption_keys()


@pytest.mark.parametrize("name", ["service.key", "encryption.keys"])
@pytest.mark.parametrize("mode", [0o640, 0o660, 0o620, 0o604, 0o602, 0o644, 0o777])
def test_key_file_that_others_can_use_is_refused(tmp_path: Path, name: str, mode: int) -> None:
    settings = load_settings({"ZEBBRA_HOME": str(tmp_path)})
    key = read(settings, name)
    file = tmp_path / name
    secret = file.read_text().strip()
    file.chmod(mode)

    with pytest.raises(ConfigurationError) as refusal:
        read(settings, name)
    assert f"this key file has mode {mode:04o}" in str(refusal.value)
    assert f"chmod 600 {file}" in str(refusal.value)
    assert secret not in str(refusal.value)

    for narrow in (0o600, 0o400):
        file.chmod(narrow)
        assert read(settings, name) == key
