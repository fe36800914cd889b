"""Names and codes of languages, as corpora give them, as tags."""

from __future__ import annotations

_NAMED = """
    af afr afrikaans
    am amh amharic
    ar ara arb arabic
    as asm assamese
    az aze azerbaijani
    be bel belarusian
    bg bul bulgarian
    bn ben bengali bangla
    bo bod tib tibetan
    br bre breton
    bs bos bosnian
    ca cat catalan
    ceb cebuano
    cs ces cze czech
    cy cym wel welsh
    da dan danish
    de deu ger german
    el ell gre greek
    en eng english
    eo epo esperanto
    es spa spanish castilian
    et est estonian
    eu eus baq basque
    fa fas per pes persian farsi
    fi fin finnish
    fr fra fre french
    ga gle irish
    gl glg galician
    gu guj gujarati
    ha hau hausa
    he heb hebrew
    hi hin hindi
    hr hrv croatian
    hu hun hungarian
    hy hye arm armenian
    id ind indonesian
    ig ibo igbo
    is isl ice icelandic
    it ita italian
    ja jpn japanese
    jv jav javanese
    ka kat geo georgian
    kk kaz kazakh
    km khm khmer
    kn kan kannada
    ko kor korean
    ku kur kurdish
    ky kir kyrgyz
    lo lao
    lt lit lithuanian
    lv lav latvian
    mk mkd mac macedonian
    ml mal malayalam
    mn mon mongolian
    mr mar marathi
    ms msa may malay
    mt mlt maltese
    my mya bur burmese
    nb nob
    ne nep nepali
    nl nld dut dutch flemish
    nn nno
    no nor norwegian
    pa pan punjabi
    pl pol polish
    ps pus pashto
    pt por portuguese
    ro ron rum romanian
    ru rus russian
    rw kin kinyarwanda
    sk slk slo slovak
    sl slv slovenian slovene
    sq sqi alb albanian
    sr srp serbian
    sv swe swedish
    sw swa swh swahili
    ta tam tamil
    te tel telugu
    th tha thai
    tl tgl tagalog
    tr tur turkish
    tt tat tatar
    ug uig uyghur uighur
    uk ukr ukrainian
    ur urd urdu
    uz uzb uzbek
    vi vie vietnamese
    wo wol wolof
    xh xho xhosa
    yo yor yoruba
    yue cantonese
    zh zho chi cmn chinese mandarin
    zu zul zulu
"""
"""A line each: the tag, its codes in ISO 639-2 and 639-3, its English names."""

_TAGS = {name: names[0] for line in _NAMED.split("\n") if (names := line.split()) for name in names}


def language_tag(language: str) -> str:
    """What a source calls a language, as a tag in lower case: `en` of `English` and `eng`, `en-us` of `EN_us`.

    Of a name of several words the last is looked up: `Singaporean English`. What is not known stays as it is.
    """
    name, dash, kind = language.strip().lower().replace("_", "-").partition("-")
    last = name.split()[-1:] or [name]
    return _TAGS.get(last[0], name) + dash + kind
