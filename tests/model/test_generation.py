from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lstdata.errors import ConfigError
from lstdata.model.generation import Limits, generate
from lstdata.model.lst import Model
from lstdata.model.patch_session import static_lengths
from lstdata.model.sampling import Sampling, choose, distribution
from lstdata.model.spans import Language, Span
from lstdata.vocab import VocabCard

CARD = VocabCard(
    text_size=10, tokenizer_sha256="", tokenizer_bos=1, tokenizer_eos=2, units=24, codebook_sha256="", hop=640
)
"""40 ids, as many as the small model has: text below 10, BOS 1, EOS 2, markers 14 and 15, units from 16 on."""

SPECIAL = (0, 1, 2)
TEXT, SPEECH = set(range(3, 10)), set(range(16, 40))


def make(model: Model, *prompts: list[int], card: VocabCard = CARD, size: int = 4, **options: object) -> list:
    return generate(model, Language(card, SPECIAL), prompts, patch_size=size, **options)  # type: ignore[arg-type]


logit_rows = st.lists(st.floats(-20, 20), min_size=2, max_size=30)


@given(logit_rows, st.floats(0.05, 1), st.floats(0.1, 3))
def test_the_fewest_likeliest_with_the_mass_are_kept(row: list[float], top_p: float, temperature: float) -> None:
    logits = torch.tensor([row])
    whole = (logits.double() / temperature).softmax(1)[0]
    [kept] = distribution(logits, Sampling(temperature=temperature, top_p=top_p))
    assert kept.sum().item() == pytest.approx(1)
    inside = kept > 0
    mass = whole[inside].sum().item()
    assert mass >= top_p - 1e-9
    assert mass - whole[inside].min().item() < top_p + 1e-9
    assert whole[inside].min() >= whole[~inside].max() if not inside.all() else True
    torch.testing.assert_close(kept[inside], whole[inside] / whole[inside].sum())


@given(logit_rows, st.integers(1, 40))
def test_so_many_of_the_likeliest_are_kept(row: list[float], top_k: int) -> None:
    [kept] = distribution(torch.tensor([row]), Sampling(top_k=top_k))
    assert int((kept > 0).sum()) <= min(top_k, len(row))
    assert int(kept.argmax()) == int(torch.tensor([row]).double().softmax(1).argmax())


@given(logit_rows, st.data())
def test_only_allowed_ids_are_chosen_and_greedily_the_likeliest(row: list[float], data: st.DataObject) -> None:
    allowed = data.draw(st.sets(st.integers(0, len(row) - 1), min_size=1))
    mask = torch.tensor([[i in allowed for i in range(len(row))]])
    logits = torch.tensor([row], dtype=torch.float64)
    for uniform in (0.0, data.draw(st.floats(0, 1, exclude_max=True)), np.nextafter(1, 0)):
        assert choose(logits, mask, Sampling(top_p=0.9), np.array([uniform]))[0] in allowed
    [likeliest] = choose(logits, mask, Sampling(temperature=0), np.array([0.5]))
    assert row[likeliest] == max(row[i] for i in allowed)


def test_ids_are_drawn_as_often_as_they_are_likely() -> None:
    logits = torch.log(torch.tensor([[0.1, 0.2, 0.3, 0.4]])).repeat(20_000, 1)
    uniform = np.random.default_rng(0).random(20_000)
    drawn = choose(logits, torch.ones_like(logits, dtype=torch.bool), Sampling(), uniform)
    np.testing.assert_allclose(np.bincount(drawn) / 20_000, [0.1, 0.2, 0.3, 0.4], atol=0.01)
    sharper = choose(logits, torch.ones_like(logits, dtype=torch.bool), Sampling(temperature=0.5), uniform)
    np.testing.assert_allclose(np.bincount(sharper) / 20_000, np.array([1, 4, 9, 16]) / 30, atol=0.01)


@pytest.mark.parametrize(
    "wrong",
    [{"temperature": -1.0}, {"temperature": float("nan")}, {"top_k": 0}, {"top_p": 0.0}, {"top_p": 1.5}],
    ids=str,
)
def test_wrong_sampling_is_refused_with_the_value(small_model: Callable[..., Model], wrong: dict[str, float]) -> None:
    [(name, value)] = wrong.items()
    with pytest.raises(ConfigError, match=f"`{name}` must be .* but is {value}") as error:
        make(small_model(), [1], sampling=Sampling(**wrong), limits=Limits(tokens=0, spans=0, seconds=0))  # type: ignore[arg-type]
    assert len(error.value.mistakes) == 4


@given(st.integers(0, 1000), st.sampled_from(["lst", "plain"]), st.sampled_from(["text", "speech", "free"]))
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_drawn_is_a_document(
    small_model: Callable[..., Model], seed: int, architecture: str, wanted: str
) -> None:
    """Hot sampling from a random model: no id of a wrong kind at a wrong place, and as many steps as positions."""
    model = small_model(architecture)
    for prompt in ([1], [1, 15, 20, 21], [1, 14, 5]):
        sampling = Sampling(temperature=5, seed=seed)
        [made] = make(model, prompt, wanted=wanted, sampling=sampling, limits=Limits(tokens=40))
        read = [*prompt]
        kind = {15: "speech", 14: "text"}.get(prompt[1] if len(prompt) > 1 else -1)
        if wanted != "free" and kind != wanted:
            read.append(14 if wanted == "text" else 15)
            kind = wanted
        begun = read.copy()
        for token in made.tokens:
            own = {None: set(), "text": TEXT, "speech": SPEECH}[kind]
            others = {None: {14, 15}, "text": {15}, "speech": {14}}[kind] if wanted == "free" else set()
            assert token in own | others
            kind = {14: "text", 15: "speech"}.get(token, kind)
            read.append(token)
        spelt = [t for span in made.spans for t in (np.array(span.ids) + 16 * (span.kind == "speech")).tolist()]
        assert spelt == [token for token in made.tokens if token not in (14, 15)]
        assert made.seconds == pytest.approx(sum(len(span.ids) for span in made.spans if span.kind == "speech") / 25)
        last_is_read = made.ended in ("eos", "spans")
        read = read if last_is_read else read[:-1]
        assert made.local_steps == len(read) - len(begun)
        assert made.global_steps == positions(read, architecture) - positions(begun, architecture)


def positions(tokens: list[int], architecture: str) -> int:
    if architecture == "plain":
        return len(tokens)
    last = static_lengths(tokens, CARD.first_unit, 4)
    return len(last) - (tokens[-1] >= CARD.first_unit and int(last[-1]) < 4)


def test_equal_seeds_draw_equal_tokens_whatever_else_is_drawn(small_model: Callable[..., Model]) -> None:
    model = small_model()
    prompts = [[1], [1, 15, 20], [1, 14, 5]]
    first = make(model, *prompts, sampling=Sampling(seed=3), limits=Limits(tokens=30))
    assert make(model, *prompts, sampling=Sampling(seed=3), limits=Limits(tokens=30)) == first
    assert make(model, *prompts[:2], sampling=Sampling(seed=3), limits=Limits(tokens=30)) == first[:2]
    assert make(model, *prompts, sampling=Sampling(seed=4), limits=Limits(tokens=30)) != first
    [twice, again] = make(model, [1], [1], limits=Limits(tokens=30))
    assert twice != again


def test_greedy_is_the_likeliest_token_of_the_full_forward_pass(small_model: Callable[..., Model]) -> None:
    from tests.model.test_session import full_logits

    model = small_model("plain")
    [made] = make(model, [1, 15], wanted="speech", sampling=Sampling(temperature=0), limits=Limits(tokens=12))
    read = [1, 15]
    for token in made.tokens:
        logits = full_logits(model, read, 1)[-1]
        assert token == max(SPEECH | {2}, key=lambda i: float(logits[i]))
        read.append(token)
    assert made.ended == "tokens"


def test_limits_end_a_sequence(small_model: Callable[..., Model]) -> None:
    model = small_model()
    sampling = Sampling(temperature=20)
    [spoken] = make(model, [1, 15], sampling=sampling, wanted="speech", limits=Limits(seconds=0.16, tokens=90))
    assert (spoken.ended, len(spoken.tokens), spoken.seconds) == ("seconds", 4, 0.16)
    [one] = make(model, [1], sampling=Sampling(temperature=20, seed=1), limits=Limits(spans=1, tokens=500))
    assert one.ended in ("spans", "eos") and len(one.spans) <= 1
    ends = {
        make(model, [1], sampling=Sampling(temperature=9, seed=n), limits=Limits(spans=2))[0].ended for n in range(12)
    }
    assert "spans" in ends


def test_pieces_stand_for_frames_and_the_unknown_one_is_never_drawn(small_model: Callable[..., Model]) -> None:
    frames = np.array([0, *[3] * 23])
    language = Language(CARD, SPECIAL, frames)
    assert not language.allowed("speech", "speech")[16]
    assert language.seconds([15, 17, 18, 5]) == pytest.approx(6 / 25)
    made = generate(
        small_model("plain"), language, [[1, 15]], patch_size=1, wanted="speech", limits=Limits(seconds=0.2)
    )
    assert made[0].seconds >= 0.2 or made[0].ended == "eos"


def test_spans_are_what_the_markers_open() -> None:
    language = Language(CARD)
    assert language.spans([20, 21, 14, 5, 6, 15, 15, 22], "speech") == [
        Span("speech", [4, 5]),
        Span("text", [5, 6]),
        Span("speech", [6]),
    ]


def test_a_model_of_text_alone_says_nothing(small_model: Callable[..., Model]) -> None:
    card = VocabCard(
        text_size=34, tokenizer_sha256="", tokenizer_bos=None, tokenizer_eos=None, units=0, codebook_sha256=""
    )
    model = small_model("plain")
    [made] = make(model, [35], card=card, sampling=Sampling(temperature=9), limits=Limits(tokens=60))
    assert made.tokens[0] == 38 and all(span.kind == "text" for span in made.spans)
    with pytest.raises(ConfigError, match="text alone"):
        make(model, [35], card=card, wanted="speech")
