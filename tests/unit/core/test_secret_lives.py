from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import LastSecret
from domain.model.clients import Client
from domain.model.credentials import AuthMethod, RegisteredSecret, SecretHash, SecretId
from domain.model.secret_lives import Deletion, judge_deletion
from domain.model.usage import ClientUsage, LastUse, UseKind
from support.core import build_core
from support.domain_samples import DAY, HOUR, LEDGER, MOMENT, NOW, SECOND, client

MONTH = 30 * DAY


def secret(name: str, *, made: timedelta, ends_in: timedelta | None = None) -> RegisteredSecret:
    """Return a secret that was made that long ago."""
    return RegisteredSecret(
        secret_id=SecretId(name),
        hash=SecretHash("v1$pepper$0f0f"),
        created_at=NOW - made,
        expires_at=NOW + ends_in if ends_in is not None else None,
    )


def used(name: str, ago: timedelta, *, first: timedelta = 300 * DAY) -> LastUse:
    kind = UseKind.SECRET if name else UseKind.CLIENT
    return LastUse(
        kind=kind, name=name, first_at=NOW - max(first, ago), at=NOW - ago, source="192.0.2.1"
    )


def having(*secrets: RegisteredSecret) -> Client:
    return replace(client(), created_at=NOW - 1_000 * DAY, secrets=secrets)


def judge(name: str, secrets: tuple[RegisteredSecret, ...], *uses: LastUse) -> Deletion:
    (judged,) = (one for one in secrets if one.secret_id == name)
    return judge_deletion(judged, having(*secrets), ClientUsage(uses), now=NOW)


OLD, NEW = secret("old", made=100 * DAY), secret("new", made=50 * DAY)


class TestSafe:
    def test_what_has_expired(self) -> None:
        """It works for nobody, the only one included."""
        expired = secret("old", made=DAY, ends_in=timedelta())

        assert judge("old", (expired,), used("old", SECOND)) == Deletion(
            is_safe=True, reason="it has expired"
        )

    def test_what_its_client_has_left_for_a_newer_one(self) -> None:
        """The newer one was used since, and this one not for a day."""
        verdict = judge("old", (OLD, NEW), used("old", DAY), used("new", DAY - MOMENT))

        assert verdict == Deletion(
            is_safe=True, reason="new, which is newer, was used since it was, 1 day ago"
        )

    def test_what_was_never_used_and_is_not_the_newest(self) -> None:
        """For thirty days of which that is known."""
        uses = (used("", SECOND), used("new", SECOND))

        assert judge("old", (OLD, NEW), *uses) == Deletion(
            is_safe=True, reason="it has not been used for 100 days"
        )
        assert judge("old", (secret("old", made=MONTH), NEW), *uses).is_safe


class TestUnsafe:
    def test_the_only_one_that_works(self) -> None:
        """However long ago it was used; one that has expired beside it is no help."""
        expired = secret("gone", made=DAY, ends_in=-SECOND)

        for secrets in ((OLD,), (OLD, expired)):
            assert judge("old", secrets, used("old", 99 * DAY)) == Deletion(
                is_safe=False, reason="it is the only one that works"
            )

    def test_the_one_that_works_longest(self) -> None:
        """Deleting it would bring nearer the moment from which on nothing works."""
        ending = secret("new", made=50 * DAY, ends_in=HOUR)

        assert judge("old", (OLD, ending), used("old", 9 * DAY), used("new", HOUR)) == Deletion(
            is_safe=False, reason="no other one works as long"
        )

    def test_the_only_one_that_signs(self) -> None:
        """Others work, but not for client_secret_jwt."""
        signing = replace(OLD, sealed=b"sealed")
        both = replace(
            having(signing, NEW),
            auth_methods=frozenset({AuthMethod.CLIENT_SECRET_JWT, AuthMethod.CLIENT_SECRET_BASIC}),
        )
        usage = ClientUsage((used("old", 9 * DAY), used("new", HOUR)))

        assert not judge_deletion(signing, both, usage, now=NOW).is_safe

    @pytest.mark.parametrize(
        ("ago", "said"),
        [
            (SECOND, "less than a minute"),
            (90 * SECOND, "1 minute"),
            (HOUR - SECOND, "59 minutes"),
            (DAY - MOMENT, "23 hours"),
        ],
    )
    def test_what_was_used_within_a_day(self, ago: timedelta, said: str) -> None:
        """Though a newer one was used since."""
        verdict = judge("old", (OLD, NEW), used("old", ago), used("new", timedelta()))

        assert verdict == Deletion(is_safe=False, reason=f"it was used {said} ago")

    def test_what_no_newer_one_was_used_since(self) -> None:
        """Neither the newest itself, nor one whose successor nobody has taken up."""
        untaken = judge("old", (OLD, NEW), used("old", 3 * DAY))
        earlier = judge("old", (OLD, NEW), used("old", 3 * DAY), used("new", 4 * DAY))
        newest = judge("new", (OLD, NEW), used("old", HOUR), used("new", 3 * DAY))

        assert untaken == earlier == newest
        assert untaken == Deletion(
            is_safe=False, reason="no newer one has been used since it was, 3 days ago"
        )

    def test_what_is_newest_and_unused_yet(self) -> None:
        """It may still be on its way to the client."""
        assert judge("new", (OLD, NEW), used("old", SECOND)) == Deletion(
            is_safe=False, reason="it is the newest, and has not been used yet"
        )

    def test_what_was_never_used_of_a_client_that_never_came(self) -> None:
        """Its use may be older than our knowledge."""
        assert judge("old", (OLD, NEW)) == Deletion(
            is_safe=False, reason="nothing is known yet of what this client uses"
        )

    @pytest.mark.parametrize(
        ("made", "known"), [(100 * DAY, MONTH - MOMENT), (MONTH - MOMENT, 100 * DAY)]
    )
    def test_what_is_not_known_for_long_to_be_unused(
        self, made: timedelta, known: timedelta
    ) -> None:
        """Made lately, or noted only lately: uses before an upgrade left no trace."""
        secrets = (secret("old", made=made), secret("new", made=HOUR))

        assert judge("old", secrets, used("new", SECOND, first=known)) == Deletion(
            is_safe=False, reason="that it is not used is known for 29 days only"
        )


moments = st.integers(0, 400).map(lambda days: timedelta(days=days))


@given(
    made=st.lists(moments, min_size=1, max_size=4).map(lambda ages: sorted(ages, reverse=True)),
    ends=st.lists(st.none() | st.integers(-5, 50).map(lambda d: timedelta(days=d)), min_size=4),
    uses=st.dictionaries(st.integers(0, 3), moments),
)
async def test_what_is_safe_to_delete_can_be_deleted(
    made: list[timedelta], ends: list[timedelta | None], uses: dict[int, timedelta]
) -> None:
    """Whatever the list calls safe, `delete` does not refuse."""
    secrets = tuple(
        secret(f"{number}", made=age, ends_in=end)
        for number, (age, end) in enumerate(zip(made, ends, strict=False))
    )
    usage = ClientUsage(tuple(used(f"{number}", ago) for number, ago in uses.items()))
    registered = having(*secrets)
    core = await build_core()
    await core.stores.clients.add(registered)

    for one in secrets:
        if not judge_deletion(one, registered, usage, now=NOW).is_safe:
            continue
        try:
            await core.administer_secrets.delete(LEDGER, one.secret_id)
        except LastSecret:
            pytest.fail(f"{one} was called safe to delete")
        await core.stores.clients.remove(LEDGER)
        await core.stores.clients.add(registered)


def test_what_an_earlier_client_of_that_id_used_is_not_counted() -> None:
    """A note that was late may have survived it."""
    born: datetime = NOW - DAY
    kept = [used("old", 2 * DAY), used("new", HOUR)]

    usage = ClientUsage.of(replace(client(), created_at=born), kept)

    assert usage.last(UseKind.SECRET, "old") is None
    assert usage.last(UseKind.SECRET, "new") == kept[1]
