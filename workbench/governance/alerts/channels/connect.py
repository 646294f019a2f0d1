"""Choose a channel by its URL."""

from __future__ import annotations

from workbench.errors import UsageError
from workbench.governance.alerts.channels.address import Address, split_channels
from workbench.governance.alerts.channels.base import Channel
from workbench.settings import Settings


def connect_channels(settings: Settings) -> tuple[list[Channel], list[str]]:
    """Return the channels of the settings, and what is wrong with those that are none, one sentence each."""
    channels: dict[str, Channel] = {}
    problems = []
    for text in split_channels(settings.alert_channels):
        try:
            channel = connect_channel(text)
        except UsageError as problem:
            problems.append(str(problem))
        else:
            channels[channel.name] = channel
    return list(channels.values()), problems


def connect_channel(text: str) -> Channel:
    """Return the channel of a URL; its secrets are looked up when something is sent.

    Raises:
        UsageError: it is of no known kind, or not of its kind's form.
    """
    address = Address(text)
    match address.scheme:
        case "log":
            from workbench.governance.alerts.channels.log import LogChannel

            return LogChannel()
        case "sns":
            from workbench.governance.alerts.channels.sns import SNSChannel

            return SNSChannel(address)
        case "smtp" | "smtps":
            from workbench.governance.alerts.channels.email import EmailChannel

            return EmailChannel(address)
        case "https" | "http":
            from workbench.governance.alerts.channels.webhook import WebhookChannel

            return WebhookChannel(address)
    raise UsageError(
        f"no channel for alerts begins with {address.scheme!r}:; in WORKBENCH_ALERT_CHANNELS there is log:, sns:TOPIC_ARN, "
        "smtp://HOST/?from=ADDRESS&to=ADDRESS and https://HOST/PATH"
    )
