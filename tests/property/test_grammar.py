"""Whatever text arrives, it is refused or it reads back as itself."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidScope
from domain.model.families import Generation, RefreshToken, derive_refresh_token
from domain.model.identifiers import FamilyId
from domain.model.keys import KeyId, SymmetricKey
from domain.model.lifetimes import format_duration, parse_duration
from domain.model.scopes import Scope
from support.domain_samples import NOW

A_HUNDRED_YEARS = timedelta(days=36_500)

texts = st.text() | st.text(alphabet=st.characters(min_codepoint=0x1F, max_codepoint=0x80))
materials = st.binary(min_size=32, max_size=32)
key_ids = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True).map(KeyId)
family_ids = st.from_regex(r"[0-9a-f]{3}[A-Za-z0-9_-]{22}", fullmatch=True).map(FamilyId)
generations = st.integers(1, 10**15 - 1).map(Generation)


@given(texts)
def test_any_text_is_a_scope_or_refused(text: str) -> None:
    """A scope loses nothing but order and repetition."""
    try:
        scope = Scope.parse(text)
    except InvalidScope:
        assert text
        return

    assert set(scope.values) == set(text.split(" ")) - {""}
    assert Scope.parse(str(scope)) == scope
    assert all(0x21 <= ord(c) <= 0x7E and c not in '"\\' for token in scope for c in token)


@given(st.integers(0, 10**9 - 1).map(lambda seconds: timedelta(seconds=seconds)))
def test_a_duration_reads_back_as_it_was(duration: timedelta) -> None:
    assert parse_duration(format_duration(duration)) == duration


@given(st.text() | st.text(alphabet="PTWDHMSdhms0123456789.-"))
def test_any_text_is_a_duration_or_refused(text: str) -> None:
    try:
        duration = parse_duration(text)
    except ValueError:
        return

    assert timedelta() <= duration <= A_HUNDRED_YEARS
    assert text.isascii()


@given(key_ids, materials, family_ids, generations)
def test_a_refresh_token_reads_back_as_it_was_derived(
    key_id: KeyId, material: bytes, family_id: FamilyId, generation: Generation
) -> None:
    key = SymmetricKey(key_id=key_id, created_at=NOW, material=material)

    token = RefreshToken.parse(derive_refresh_token(family_id, generation, key))

    assert token is not None
    assert (token.key_id, token.family_id, token.generation) == (key_id, family_id, generation)
    assert token.is_authentic([key])


@given(materials, materials, family_ids, generations)
def test_a_refresh_token_is_authentic_under_its_own_key_alone(
    ours: bytes, theirs: bytes, family_id: FamilyId, generation: Generation
) -> None:
    """A key is told by its material and not by the id that it bears."""
    key, other = (
        SymmetricKey(key_id=KeyId("k"), created_at=NOW, material=material)
        for material in (ours, theirs)
    )

    token = RefreshToken.parse(derive_refresh_token(family_id, generation, key))

    assert token is not None
    assert token.is_authentic([other]) is (ours == theirs)


@given(texts | st.text().map(lambda text: f"gdr_{text}"))
def test_any_text_is_a_refresh_token_or_none(text: str) -> None:
    """What a stranger makes up may be well-formed; it is never authentic."""
    token = RefreshToken.parse(text)

    key = SymmetricKey(key_id=KeyId("k"), created_at=NOW, material=b"m" * 32)
    assert token is None or not token.is_authentic([key])
