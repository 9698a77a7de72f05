"""The text that a wikilink shows."""

from __future__ import annotations

import re

_NAMESPACES = """
    file image category datei bild kategorie fichier catégorie archivo imagen categoría
    ficheiro imagem categoria immagine plik grafika kategoria bestand afbeelding categorie fil
    kategori файл изображение категория категорія зображення
    ファイル 画像 カテゴリ 文件 檔案 档案 图像 圖像 分类 分類
    ملف صورة تصنيف चित्र श्रेणी पटल קובץ תמונה קטגוריה پرونده رده dosya resim tiedosto luokka
    soubor kép kategória αρχείο κατηγορία hình berkas gambar 파일 그림 분류 ไฟล์ ภาพ หมวดหมู่ চিত্র
    বিষয়শ্রেণী fișier imagine слика датотека категорија datoteka fitxer imatge
"""
HIDDEN_NAMESPACES = frozenset(_NAMESPACES.split()) | {"tập tin", "thể loại"}
"""Lower-case names, English and those of the larger editions, of namespaces whose links show no
text; every edition understands the English ones."""

_FILE = re.compile(
    r".+\.(?:djvu|flac|gif|jpe?g|midi?|mp[34]|og[agv]|opus|pdf|png|stl|svg|tiff?|wav|webm|webp|xcf)",
    re.IGNORECASE,
)
_TALK = re.compile(r"talk|.+ talk|.*(?:diskussion|discussion|discusión|discussão|discussione)")
_MEDIA_NAMES = """
    media medium média medio multimédia multimedia медиа медия медіа медија
    メディア 媒体 媒體 媒體文件 미디어
    ميديا وسائط मीडिया מדיה مدیا ortam medya
"""
_MEDIA = frozenset(_MEDIA_NAMES.split())

_CODES = """
    aa ab ace ady af ak als alt am ami an ang ann anp ar arc ary arz as ast atj av avk awa ay
    az azb ba ban bar bat-smg bbc bcl bdr be be-tarask be-x-old bew bg bh bi bjn blk bm bn bo
    bpy br bs btm bug bxr ca cbk-zam cdo ce ceb ch cho chr chy ckb co cr crh cs csb cu cv cy da
    dag de dga din diq dsb dtp dty dv dz ee el eml en eo es et eu ext fa fat ff fi fiu-vro fj
    fo fon fr frp frr fur fy ga gag gan gcr gd gl glk gn gom gor got gpe gsw gu guc gur guw gv
    ha hak haw he hi hif ho hr hsb ht hu hy hyw hz ia iba id ie ig igl ii ik ilo inh io is it
    iu ja jam jbo jv ka kaa kab kbd kbp kcg kg kge ki kj kk kl km kn knc ko koi kr krc ks ksh
    ku kus kv kw ky la lad lb lbe lez lfn lg li lij lld lmo ln lo lrc lt ltg lv lzh mad mai
    map-bms mdf mg mh mhr mi min mk ml mn mni mnw mo mos mr mrj ms mt mus mwl my myv mzn na nah
    nan nap nb nds nds-nl ne new ng nia nl nn no nov nqo nr nrm nso nup nv ny oc olo om or os
    pa pag pam pap pcd pcm pdc pfl pi pih pl pms pnb pnt ps pt pwn qu rki rm rmy rn ro roa-rup
    roa-tara rsk ru rue rup rw sa sah sat sc scn sco sd se sg sgs sh shi shn shy si simple sk
    skr sl sm smn sn so sq sr srn ss st stq su sv sw syl szl szy ta tay tcy tdd te tet tg th ti
    tig tk tl tly tn to tok tpi tr trv ts tt tum tw ty tyv udm ug uk ur uz ve vec vep vi vls vo
    vro wa war wo wuu xal xh xmf yi yo yue za zea zgh zh zh-classical zh-min-nan zh-yue zu
"""
_LANGUAGES = frozenset(_CODES.split())
"""Codes of the editions: a link to one of them stands beside the text."""


def is_language_code(text: str) -> bool:
    """Whether an edition has this code."""
    return text in _LANGUAGES


def link_text(target: str, label: str, hidden: frozenset[str]) -> str:
    """Return the text that a wikilink shows.

    Args:
        target: Linked page in plain text, perhaps with a namespace or language.
        label: Plain text after the first `|`; empty if there is none.
        hidden: Lower-case names of the namespaces whose links show a picture or categorise the
            page.

    Returns:
        The label if there is one, otherwise the target as it is written; empty for pictures,
        sounds, categories and links to the same article in another language.
    """
    target = target.strip()
    prefix, colon, page = target.partition(":")
    if not colon:
        return label or target
    if not prefix:  # a leading colon makes any link an ordinary one
        return label or page.lstrip(":").strip()
    prefix = " ".join(prefix.replace("_", " ").split()).lower()
    if prefix in _MEDIA:
        return label or page
    if prefix in hidden or (_FILE.fullmatch(page) and not _TALK.fullmatch(prefix)):
        return ""
    if not label and prefix in _LANGUAGES:
        return ""
    return label or target
