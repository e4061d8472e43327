"""The state that is there, as one that could be desired. Pure."""

from dataclasses import replace

from domain.model.desired_state import CurrentState, DesiredClient, DesiredState
from domain.usecases.plan_state import own_scopes


def export_state(current: CurrentState) -> DesiredState:
    """Return what is there, so that wanting it changes nothing. No secret is in it."""
    catalogue = current.catalogue
    return DesiredState(
        resources=tuple(catalogue.resources[name] for name in sorted(catalogue.resources)),
        scopes=tuple(one for _, one in sorted(own_scopes(catalogue).items())),
        clients=tuple(
            DesiredClient(draft=replace(client, secrets=()))
            for _, client in sorted(current.clients.items())
        ),
        policy=replace(catalogue.policy, apply_under_way=""),
    )
