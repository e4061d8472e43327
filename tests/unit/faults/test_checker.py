"""The checker of the fault suite catches what it is there for, and cries no wolf."""

from typing import Any

import pytest

from support.faults.checker import LOSSES, Kind, check, rolled_back
from support.faults.history import Act, History, Operation, Outcome, Phase, Token, TokenName
from support.faults.simulation import Planted, Simulation

SEEDS = range(30)
CAUGHT_AS = {
    # It looks like a stale read if something else ended the token later.
    Planted.LOST_REVOCATION: {Kind.LOST_REVOCATION, Kind.STALE_READ},
    Planted.DOUBLE_SUCCESSOR: {Kind.TWO_SUCCESSORS},
    Planted.STALE_READ: {Kind.STALE_READ},
    Planted.HALF_WRITE: {Kind.HALF},
}


class Story:
    """A history told line by line; what is told takes a second, and then a second passes."""

    def __init__(self) -> None:
        self.history = History()
        self._now = 0.0

    def issue(self, *names: TokenName, client: str = "ann", **more: Any) -> None:  # noqa: ANN401
        self._tell(Act.ISSUE, client=client, gave=names, **more)

    def refresh(self, token: TokenName, *gave: TokenName, **more: Any) -> None:  # noqa: ANN401
        outcome = Outcome.DONE if gave else Outcome.REFUSED
        self._tell(Act.REFRESH, **{"token": token, "gave": gave, "outcome": outcome, **more})

    def revoke(self, token: TokenName, **more: Any) -> None:  # noqa: ANN401
        self._tell(Act.REVOKE, token=token, **more)

    def end_client(self, client: str, **more: Any) -> None:  # noqa: ANN401
        self._tell(Act.END_CLIENT, client=client, **more)

    def introspect(self, token: TokenName, *, active: bool, **more: Any) -> None:  # noqa: ANN401
        self._tell(Act.INTROSPECT, token=token, active=active, **more)

    def read(self, **active: bool) -> None:
        """Read every token, a point in a name being an underscore; who is not named is inactive."""
        for name in self.history.tokens:
            said = active.get(name.replace(".", "_"), False)
            self.introspect(name, active=said, phase=Phase.READING)

    def found(self, **options: bool) -> list[tuple[Kind, str]]:
        return [(each.kind, each.subject) for each in check(self.history, **options)]

    def _tell(
        self,
        act: Act,
        *,
        gave: tuple[TokenName, ...] = (),
        client: str = "ann",
        at: tuple[float, float] | None = None,
        outcome: Outcome = Outcome.DONE,
        opaque: bool = False,
        **rest: Any,  # noqa: ANN401
    ) -> None:
        began, ended = at or (self._now, self._now + 1)
        self._now = max(self._now, ended) + 1
        for name in gave:
            family, dot, _ = name.partition(".")
            self.history.tokens[name] = Token(
                name=name,
                client=client,
                family=family if dot else None,
                is_refresh=".r" in name,
                is_stored=opaque,
            )
        told = {"caller": "ann", "client": client, "outcome": outcome, **rest}
        self.history.operations.append(
            Operation(act=act, began=began, ended=ended, gave=gave, **told)
        )


@pytest.fixture
def story() -> Story:
    return Story()


@pytest.fixture
def family(story: Story) -> Story:
    """A family of two generations, with an access token of each."""
    story.issue("f.a1", "f.r1")
    story.refresh("f.r1", "f.a2", "f.r2")
    return story


UNKNOWN = Outcome.UNKNOWN


class TestPlanted:
    @pytest.mark.parametrize("seed", SEEDS)
    def test_a_store_that_keeps_its_word_is_found_nothing(self, seed: int) -> None:
        """Whatever happened to what nobody knows the end of."""
        assert check(Simulation(seed).play()) == []

    @pytest.mark.parametrize("planted", CAUGHT_AS)
    def test_each_planted_fault_is_caught_wherever_it_strikes(self, planted: Planted) -> None:
        """By its name, among a hundred operations that are sound."""
        struck = 0
        for seed in SEEDS:
            simulation = Simulation(seed, planted)
            history = simulation.play()
            if simulation.has_struck:
                struck += 1
                assert CAUGHT_AS[planted] & {each.kind for each in check(history)}, seed
        assert struck > len(SEEDS) / 4


class TestRevocations:
    def test_a_token_that_lives_on_after_its_revocation_was_lost(self, story: Story) -> None:
        story.issue("a")
        story.revoke("a")
        story.read(a=True)

        assert story.found() == [(Kind.LOST_REVOCATION, "a")]

    def test_a_revoked_refresh_token_takes_its_family_along(self, family: Story) -> None:
        """An older one as well, and the access tokens of every generation."""
        family.revoke("f.r1")
        family.read(f_a1=True)

        assert (Kind.LOST_REVOCATION, "f.a1") in family.found()

    def test_what_is_redeemed_after_it_was_revoked_was_lost(self, family: Story) -> None:
        family.revoke("f.r2")
        family.refresh("f.r2", "f.a3", "f.r3")
        family.read()

        assert (Kind.LOST_REVOCATION, "f.r2") in family.found()

    def test_a_client_whose_tokens_were_all_revoked_has_none(self, family: Story) -> None:
        family.end_client("ann")
        family.issue("later")
        family.read(f_a1=True, later=True)

        assert (Kind.LOST_REVOCATION, "f.a1") in family.found()
        assert "later" not in {subject for _, subject in family.found()}

    def test_a_refused_refresh_token_has_ended_its_family(self, family: Story) -> None:
        family.refresh("f.r1")
        family.read(f_a2=True, f_r2=True)

        assert {(Kind.LOST_REVOCATION, "f.a2"), (Kind.LOST_REVOCATION, "f.r2")} <= {*family.found()}


class TestReads:
    def test_one_that_began_after_the_acknowledgement_may_not_be_stale(self, story: Story) -> None:
        story.issue("a")
        story.revoke("a")
        story.introspect("a", active=True)
        story.read()

        assert story.found() == [(Kind.STALE_READ, "a")]

    def test_one_that_began_before_the_acknowledgement_may_say_either(self, story: Story) -> None:
        story.issue("a")
        story.revoke("a", at=(10, 20))
        story.introspect("a", active=True, at=(19, 30))
        story.read()

        assert story.found() == []

    def test_what_was_inactive_stays_inactive(self, story: Story) -> None:
        """Although nobody was told that the revocation took place."""
        story.issue("a")
        story.revoke("a", outcome=UNKNOWN)
        story.introspect("a", active=False)
        story.read(a=True)

        assert story.found() == [(Kind.TAKEN_BACK, "a")]

    def test_an_inactive_token_that_nothing_ended_was_lost(self, story: Story) -> None:
        story.issue("a")
        story.read()

        assert story.found() == [(Kind.LOST_TOKEN, "a")]

    def test_a_token_that_nobody_asked_about_proves_nothing(self, story: Story) -> None:
        story.issue("a")

        assert story.found() == [(Kind.UNREAD, "a")]


class TestSuccessors:
    def test_two_that_are_both_active_are_too_many(self, family: Story) -> None:
        family.read(f_a1=True, f_a2=True, f_r1=True, f_r2=True)

        assert (Kind.TWO_SUCCESSORS, "f") in family.found()

    def test_one_token_has_one_successor(self, family: Story) -> None:
        family.refresh("f.r1", "f.a9", "f.r9")
        family.read(f_a1=True, f_a2=True, f_a9=True, f_r9=True)

        assert (Kind.TWO_SUCCESSORS, "f.r1") in family.found()

    def test_two_who_got_the_same_one_both_think_it_theirs(self, family: Story) -> None:
        family.refresh("f.r1", "f.a9", "f.r2")
        family.read(f_a1=True, f_a2=True, f_a9=True, f_r2=True)

        assert family.found() == [(Kind.SPENT_TWICE, "f.r1")]

    def test_a_spent_token_does_not_come_back(self, family: Story) -> None:
        family.read(f_a1=True, f_a2=True, f_r1=True)

        assert (Kind.LOST_ROTATION, "f.r1") in family.found()

    def test_a_good_token_is_not_refused(self, family: Story) -> None:
        family.refresh("f.r2")
        family.read()

        assert family.found() == [(Kind.LOST_TOKEN, "f.r2")]

    def test_of_two_who_race_one_gets_something(self, family: Story) -> None:
        """Neither refusal explains the other."""
        family.refresh("f.r2", at=(10, 20))
        family.refresh("f.r2", at=(11, 19))
        family.read()

        assert family.found() == [(Kind.LOST_TOKEN, "f.r2")]

    def test_of_two_who_race_the_other_ends_the_family(self, family: Story) -> None:
        family.refresh("f.r2", "f.a3", "f.r3", at=(10, 20))
        family.refresh("f.r2", at=(11, 19))
        family.read()

        assert family.found() == []


class TestHalves:
    def test_a_revocation_that_nobody_knows_the_end_of_took_all_or_nothing(
        self, family: Story
    ) -> None:
        family.revoke("f.r2", outcome=UNKNOWN)
        family.read()
        assert family.found() == []

    def test_or_it_took_nothing(self, family: Story) -> None:
        family.revoke("f.r2", outcome=UNKNOWN)
        family.read(f_a1=True, f_a2=True, f_r2=True)
        assert family.found() == []

    @pytest.mark.parametrize(
        "left", [("f_a1", "f_a2"), ("f_r2",), ("f_a1",), ("f_a1", "f_r2")], ids=" ".join
    )
    def test_and_never_a_part(self, family: Story, left: tuple[str, ...]) -> None:
        family.revoke("f.r2", outcome=UNKNOWN)
        family.read(**dict.fromkeys(left, True))
        assert (Kind.HALF, "f") in family.found()

    def test_a_refresh_that_nobody_knows_the_end_of_spent_its_token_alone(
        self, family: Story
    ) -> None:
        """Or not even that, or it came second and ended the family."""
        family.refresh("f.r2", outcome=UNKNOWN)
        family.read(f_a1=True, f_a2=True)
        assert family.found() == []

    def test_a_single_refresh_does_not_end_the_family(self, family: Story) -> None:
        family.refresh("f.r2", outcome=UNKNOWN)
        family.read()
        assert (Kind.LOST_TOKEN, "f.a1") in family.found()

    def test_what_was_read_in_quiet_is_settled(self, family: Story) -> None:
        """A revocation that did not take place is no reason to refuse the token any more."""
        family.revoke("f.r2", outcome=UNKNOWN)
        family.read(f_a1=True, f_a2=True, f_r2=True)
        family.refresh("f.r2", phase=Phase.TRIAL)
        assert family.found() == [(Kind.LOST_TOKEN, "f.r2")]

    def test_a_lost_record_is_no_half_where_records_may_be_lost(self, story: Story) -> None:
        story.issue("f.a1", "f.r1", opaque=True)
        story.refresh("f.r1", "f.a2", "f.r2", opaque=True)
        story.revoke("f.r2", outcome=UNKNOWN)
        story.read(f_a1=True, f_r2=True)

        assert story.found(losses_allowed=True) == []
        assert story.found() == [(Kind.HALF, "f")]


def test_an_answer_that_no_fault_brings_about_is_wrong(story: Story) -> None:
    story.issue("a")
    story.revoke("a", outcome=Outcome.WRONG, said="500 server_error")
    story.read(a=True)

    assert story.found() == [(Kind.WRONG_ANSWER, "a")]


def test_what_a_store_may_never_do_is_no_loss() -> None:
    """However little it promises."""
    assert LOSSES.isdisjoint({Kind.HALF, Kind.TWO_SUCCESSORS, Kind.WRONG_ANSWER, Kind.UNREAD})


def test_a_family_whose_spent_token_is_active_in_the_end_was_rolled_back(family: Story) -> None:
    """Whoever has the newest token of it has to be told apart from a thief."""
    family.read(f_a1=True, f_a2=True, f_r1=True)

    assert rolled_back(family.history) == {"f"}


def test_a_family_whose_newest_token_is_active_was_not_rolled_back(family: Story) -> None:
    """And redeeming it afterwards makes no difference."""
    family.read(f_a1=True, f_a2=True, f_r2=True)
    family.refresh("f.r2", "f.a3", "f.r3", phase=Phase.TRIAL)

    assert rolled_back(family.history) == set()
