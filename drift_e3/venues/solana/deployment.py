"""Which deployment of the program may be sent to: the one approved in the settings, or the first one met."""

from pathlib import Path

from drift_e3.ports import DataError

PIN_NAME = "program.pin"


class DeploymentPin:
    """Remembers the approved deployment's slot in the state directory; `approved` from the settings, where it
    is not 0, is above what is remembered."""

    def __init__(self, folder: Path, approved: int) -> None:
        self._path = folder / PIN_NAME
        self._approved = approved

    def pin(self, found: int) -> int:
        """The approved slot, given the one that is deployed now; the first one met is remembered.

        Raises `DataError` for a pin file that holds no slot.
        """
        approved = self.approved()
        if approved is None:
            self._path.write_text(f"{found}\n", encoding="ascii")
            return found
        return approved

    def approved(self) -> int | None:
        """The approved slot, None before the first one was met. Raises like `pin`."""
        if self._approved:
            return self._approved
        try:
            text = self._path.read_text(encoding="ascii")
        except FileNotFoundError:
            return None
        if not text.strip().isdecimal():
            raise DataError(f"{self._path}: holds no slot; remove it to approve the program that is there")
        return int(text)
