"""The language of the reply."""

import pytest

from appliance.screen.language import detect

SHORT = {
    "en": ["Do you deliver to Leeds?", "How much is a puncture repair?", "Size L or XL for 185 cm?",
           "Thanks, that helps.", "Is VAT included?", "Any news?", "I need an invoice please"],
    "de": ["Liefern Sie nach Graz?", "Was kostet eine Inspektion?", "Danke, das hilft mir.",
           "Moin, habt ihr Schläuche 700c da?", "Öffnungszeiten?", "Viele Grüße und bis Samstag"],
    "fr": ["Livrez-vous en Belgique ?", "Merci, c'est parfait.", "La TVA est-elle comprise ?",
           "Puis-je retourner le casque ?"],
    "es": ["¿Envían a España?", "¿Talla L o XL para 185 cm?", "Gracias, me sirve.",
           "Llámenme, por favor."],
    "it": ["Quanto costa una revisione?", "Siete aperti la domenica?"],
    "nl": ["Wat kost een beurt?", "Kan ik de helm terugsturen?"],
    "pt": ["Quanto custa uma revisão?", "Vocês entregam em Portugal?"],
    "pl": ["Ile kosztuje przegląd?", "Czy mogę zwrócić kask?"],
    "zh-Hans": ["周六开门吗？", "能开发票吗", "QB-520 还有货吗", "请问 warranty 多久？",
                "滤芯什么时候换，price 多少"],
    "zh-Hant": ["週六有開門嗎？", "這款冰箱保固幾年", "冷氣安裝費用怎麼算", "謝謝您的回覆"],
    "ja": ["日曜日は営業していますか？", "送料はいくらですか？"],
    "ko": ["일요일에 영업하나요?"],
    "ru": ["Вы доставляете в Россию?"],
    "el": ["Είστε ανοιχτά την Κυριακή;"],
    "ar": ["هل أنتم مفتوحون يوم الأحد؟"],
    "he": ["אתם פתוחים ביום ראשון?"],
    "th": ["เปิดวันอาทิตย์ไหม"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("language", "text"), [(language, text) for language, texts in SHORT.items() for text in texts]
)
def test_short_sentences_are_told_apart(language: str, text: str) -> None:
    assert detect(text, "?") == language


@pytest.mark.parametrize("text", ["", "ok", "?", "12345", "QB-520", "hello", "a@b.example", "👍"])
def test_too_little_gives_the_language_of_the_office(text: str) -> None:
    assert detect(text, "fr") == "fr"


def test_chinese_without_a_telling_character_follows_a_chinese_office() -> None:
    assert detect("你好", "zh-Hant") == "zh-Hant"
    assert detect("你好", "en") == "zh-Hans"


def test_a_mixed_mail_has_the_language_of_more_words() -> None:
    assert detect("我想在 online store 买一台 washing machine，可以分期吗？", "en") == "zh-Hans"
    assert (
        detect("Could I collect it at your 西湖 branch on Saturday afternoon?", "zh-Hans") == "en"
    )


def test_addresses_and_links_do_not_count() -> None:
    text = (
        "周六开门吗？ https://www.example.com/when-do-you-open-on-saturdays anna.smith@example.com"
    )
    assert detect(text, "en") == "zh-Hans"
