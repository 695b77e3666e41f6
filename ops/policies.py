"""The retention policies of a practice, from the file that its settings name."""

from domain.retention.policies import Policies, RetentionPolicyInvalid, default_policies
from ops.settings import Settings


def policies_of(settings: Settings) -> Policies:
    """The practice's own, or those that come along. Raises RetentionPolicyInvalid."""
    if settings.retention_policy is None:
        return default_policies()
    try:
        return Policies.parse(settings.retention_policy.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as exc:
        raise RetentionPolicyInvalid("The retention policy can't be read.", reason=type(exc).__name__) from exc
