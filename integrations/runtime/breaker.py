"""Stops asking a provider that is down, so that a batch of workspaces ends instead of dragging on."""

from collections.abc import Hashable
from datetime import datetime

from integrations.contracts.errors import ProviderUnavailableError
from integrations.runtime.timing import Timing

IN_A_ROW = 5
PROBE_AFTER_S = 60.0


class Breaker:
    """
    What one HTTP session has found out about one provider being down.

    Closed, it lets every request pass. It opens when *in_a_row* connections, one after the
    other and with no answer to anybody in between, have used up their tries: from then on
    requests are refused at once, with the reason. After *probe_after_s* one request is let
    through: an answer closes the breaker, a failure leaves it open for as long again.

    An answer is any but a server's fault: a provider that refuses or throttles us is not down.

    Args:
        name: The provider.
        timing: The clocks.
        in_a_row: Connections that gave up before it opens.
        probe_after_s: Seconds between two probes.
    """

    def __init__(
        self,
        name: str,
        *,
        timing: Timing,
        in_a_row: int = IN_A_ROW,
        probe_after_s: float = PROBE_AFTER_S,
    ) -> None:
        self._name = name
        self._timing = timing
        self._in_a_row = in_a_row
        self._probe_after_s = probe_after_s
        self._gave_up: set[Hashable] = set()
        self._since: datetime | None = None
        self._reason = ""
        self._probe_at_s = 0.0

    def refusal(self, *, probe: bool = True) -> ProviderUnavailableError | None:
        """
        Return why a request is not to be sent now, or None if it may be sent.

        The text is the same for everybody until the breaker closes.

        Args:
            probe: Whether the caller sends to the provider at once: then it may be the probe,
                and whoever asks after it is not.
        """
        if not self._reason:
            return None
        now_s = self._timing.monotonic_s()
        if now_s < self._probe_at_s:
            return ProviderUnavailableError(self._reason, retry_after_s=self._probe_at_s - now_s)
        if probe:
            self._probe_at_s = now_s + self._probe_after_s
        return None

    def check(self, *, probe: bool = True) -> None:
        """
        Let a request pass; see `refusal`.

        Raises:
            ProviderUnavailableError: If it is not to be sent; it names since when, and why.
        """
        if refusal := self.refusal(probe=probe):
            raise refusal

    def answered(self) -> None:
        """Note that the provider has answered."""
        self._gave_up.clear()
        self._since = None
        self._reason = ""

    def gave_up(self, who: Hashable, error: ProviderUnavailableError) -> None:
        """
        Note that a connection has used up its tries.

        Args:
            who: Tells connections apart; each counts once.
            error: What its last try met.
        """
        if self._reason:
            return
        self._gave_up.add(who)
        self._since = self._since or self._timing.now()
        if len(self._gave_up) >= self._in_a_row:
            self._reason = (
                f"{self._name}: the provider is down since {self._since:%Y-%m-%d %H:%M:%S %Z}; "
                f"not tried, as {self._in_a_row} in a row gave up, the last with: {error}"
            )
            self._probe_at_s = self._timing.monotonic_s() + self._probe_after_s
