{#
  The words of a text in lower case, one row each, as a table function with one array column.

  A word is a longest run of characters that are not separators; an apostrophe, or a joiner that
  only shapes letters, belongs to the word between two such runs (don't, whichever apostrophe it
  is written with) and separates elsewhere. Separators are white space, control characters, and
  the punctuation and symbols (emoji among them) listed below by code point. In scripts written
  without spaces a run between two separators counts as one word.

  The outcome is the same on every server: no character class, whose members depend on a locale
  and leave out the vowel signs of Indic scripts, and no case that locales map differently (a
  dotted capital I is an i, a final sigma a sigma).
#}
{% macro words(text) -%}
    {%- set separators = [
        "\\u0001-\\u0026\\u0028-\\u002f\\u003a-\\u0040\\u005b-\\u0060\\u007b-\\u00a9",
        "\\u00ab-\\u00b1\\u00b4\\u00b6-\\u00b8\\u00bb\\u00bf\\u00d7\\u00f7",
        "\\u037e\\u0387\\u055a-\\u055f\\u0589\\u058a",
        "\\u05be\\u05c0\\u05c3\\u05c6\\u05f3\\u05f4",
        "\\u0600-\\u060f\\u061b-\\u061f\\u066a-\\u066d\\u06d4",
        "\\u0964\\u0965\\u0970\\u0e3f\\u0e4f\\u0e5a\\u0e5b\\u1361-\\u1368\\u1680",
        "\\u2000-\\u206f\\u20a0-\\u20ff\\u2190-\\u245f",
        "\\u249c-\\u24e9\\u2500-\\u2775\\u2794-\\u2bff\\u2e00-\\u2e7f",
        "\\u3000-\\u3004\\u3008-\\u3020\\u3030\\u303d\\u30a0\\u30fb",
        "\\ufe00-\\ufe1f\\ufe30-\\ufe6f\\ufeff\\uff01-\\uff06\\uff08-\\uff0f",
        "\\uff1a-\\uff20\\uff3b-\\uff40\\uff5b-\\uff65\\uffe0-\\uffff",
        "\\U0001f000-\\U0001f0ff\\U0001f110-\\U0001faff\\U000e0000-\\U000e0fff",
    ] | join -%}
    {%- set run = "[^'" ~ separators ~ "]+" -%}
    regexp_matches(
        translate(
            lower(translate({{ text }}, '’İ', '''i') collate {{ unicode_collation() }}), 'ς', 'σ'
        ),
        '{{ (run ~ "(?:['\\u200c\\u200d]" ~ run ~ ")*") | replace("'", "''") }}',
        'g'
    )
{%- endmacro %}
